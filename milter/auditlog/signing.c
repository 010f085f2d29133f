#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "milter/auditlog/signing.h"
#include "policy/policy.h"

bool
signing_open(struct signing *s, const char *key, const char *file,
    unsigned interval_s, struct fault *fault)
{
	memset(s, 0, sizeof *s);
	pthread_mutex_init(&s->lock, NULL);
	merkle_init(&s->tree);
	if (key == NULL)
		return true;
	snprintf(s->file, sizeof s->file, "%s", file);
	s->interval_ms = (int64_t)interval_s * 1000;
	s->due_ms = clock_ms() + s->interval_ms;
	s->hasher = chain_new(slice_make("", 0), fault);
	if (s->hasher == NULL)
		return false;
	s->signer = note_signer_open(key, fault);
	if (s->signer == NULL && fault->where[0] == '\0')
		fault_at_setting(fault, "checkpoint-key-file");
	return s->signer != NULL;
}

void
signing_close(struct signing *s)
{
	note_signer_free(s->signer);
	chain_free(s->hasher);
	s->signer = NULL;
	s->hasher = NULL;
	pthread_mutex_destroy(&s->lock);
}

/* The lock is held. */
static void
cut(struct signing *s)
{
	struct checkpoint c;

	if (s->tree.n == 0)
		return;
	memset(&c, 0, sizeof c);
	snprintf(c.origin, sizeof c.origin, "%s",
	    note_signer_verifier(s->signer)->name);
	c.head = s->head;
	c.first = s->first;
	if (s->nwaiting == SIGNING_WAITING)
		memmove(s->waiting, s->waiting + 1,
		    --s->nwaiting * sizeof s->waiting[0]);
	if (merkle_root(&s->tree, s->hasher, c.root))
		s->waiting[s->nwaiting++] = c;
	merkle_init(&s->tree);
}

void
signing_cut(struct signing *s)
{
	if (s->signer == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	cut(s);
	pthread_mutex_unlock(&s->lock);
}

/* A tree has no gaps: where lines were lost it ends. */
void
signing_add(struct signing *s, struct slice line,
    const struct chain_line *parts)
{
	char leaf[CHAIN_HEX + 1];

	pthread_mutex_lock(&s->lock);
	if (s->tree.n > 0 && parts->seq != s->head.seq + 1)
		cut(s);
	if (s->tree.n == 0)
		s->first = parts->seq;
	if (!merkle_leaf(s->hasher, line, leaf) ||
	    !merkle_add(&s->tree, s->hasher, leaf))
		merkle_init(&s->tree); /* OpenSSL failed */
	memcpy(s->head.hex, parts->hex.p, CHAIN_HEX);
	s->head.hex[CHAIN_HEX] = '\0';
	s->head.seq = parts->seq;
	pthread_mutex_unlock(&s->lock);
}

void
signing_add_file(struct signing *s, const char *path, uint64_t seq)
{
	struct source *source;
	struct chain_line parts;
	struct fault fault;
	struct slice line;
	bool ended;

	if (s->signer == NULL || (source = source_open(path, &fault)) == NULL)
		return;
	while (source_next(source, &line, &ended, &fault) == SOURCE_LINE)
		if (ended && chain_split(line, &parts) && parts.seq > seq)
			signing_add(s, line, &parts);
	source_close(source);
}

static void
set_time(struct checkpoint *c, int64_t now_us)
{
	char memory[CHAIN_TIME + 3]; /* a string in quotes */
	struct jsonput j;
	struct text text;

	text_init(&text, memory, sizeof memory);
	jsonput_start(&j, &text);
	jsonput_time(&j, now_us);
	jsonput_finish(&j);
	memcpy(c->time, memory + 1, CHAIN_TIME);
}

bool
signing_next(struct signing *s, uint64_t seq, int64_t now_us,
    struct checkpoint *c)
{
	char memory[CHECKPOINT_MAX];
	struct text text;
	bool there;

	pthread_mutex_lock(&s->lock);
	there = s->nwaiting > 0 && s->waiting[0].head.seq <= seq;
	if (there)
		*c = s->waiting[0];
	pthread_mutex_unlock(&s->lock);
	if (!there)
		return false;
	set_time(c, now_us);
	text_init(&text, memory, sizeof memory);
	checkpoint_format(c, &text);
	return note_sign(s->signer, slice_make(memory, text.n), c->signature);
}

void
signing_drop(struct signing *s)
{
	pthread_mutex_lock(&s->lock);
	memmove(s->waiting, s->waiting + 1,
	    --s->nwaiting * sizeof s->waiting[0]);
	pthread_mutex_unlock(&s->lock);
}

/* Appends a whole note or nothing: half of one would spoil the next. */
static bool
append(int fd, struct slice note, bool sync)
{
	struct stat st;
	ssize_t n;
	int error;

	if (fstat(fd, &st) == -1)
		return false;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return false;
	}
	n = write(fd, note.p, note.n);
	if (n == (ssize_t)note.n && (!sync || fdatasync(fd) == 0))
		return true;
	error = n >= 0 && n < (ssize_t)note.n ? ENOSPC : errno;
	if (n > 0 && n < (ssize_t)note.n && ftruncate(fd, st.st_size) == -1)
		error = errno;
	errno = error;
	return false;
}

static bool
is_ours(const char *path, struct fault *fault)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX + 2];
	uid_t owner = 0;

	if (geteuid() != 0)
		return true;
	snprintf(folder, sizeof folder, "%.*s/.", slash == NULL ? 1 :
	    (int)(slash - path), slash == NULL ? "." : path);
	return folder_owner(folder, &owner, fault) && (owner == 0 ||
	    fault_set(fault, FAULT_IO, "%s: root does not write there: its "
	    "folder, or a link on the way, is user %lu's", path,
	    (unsigned long)owner));
}

bool
signing_hand_on(const struct signing *s, const struct checkpoint *c, bool sync,
    struct fault *fault)
{
	char memory[CHECKPOINT_MAX];
	struct text text;
	bool good;
	int fd;

	if (s->file[0] == '\0')
		return true;
	if (!is_ours(s->file, fault))
		return false;
	fd = open(s->file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW |
	    O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
	if (fd == -1)
		return fault_errno(fault, FAULT_IO, errno, "cannot open %s",
		    s->file);
	text_init(&text, memory, sizeof memory);
	checkpoint_note(c, &text);
	good = append(fd, slice_make(memory, text.n), sync) || fault_errno(
	    fault, FAULT_IO, errno, "cannot append to %s", s->file);
	close(fd);
	return good;
}
