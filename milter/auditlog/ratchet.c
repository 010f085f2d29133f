/*
 * All by descriptor in one folder: no name in it is followed anywhere else.  A
 * key file that was replaced by somebody else's hand is not written over.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "milter/auditlog/ratchet.h"

struct ratchet {
	int dir;
	/* Held, so that no file that replaces it can have its inode. */
	int fd, next_fd;
	char path[PATH_MAX];
	char name[NAME_MAX + 1], next_name[NAME_MAX + 8];
	dev_t dev;	/* of the file that was read, or put there */
	ino_t ino;
	struct chain_key now, next; /* next.epoch 0: not prepared */
	dev_t next_dev;
	ino_t next_ino;
	bool placed;	/* renamed; the folder is not on the disk yet */
};

static bool
failed(const struct ratchet *r, struct fault *fault, int error,
    const char *what)
{
	fault_errno(fault, FAULT_IO, error, "%s: %s", r->path, what);
	fault_at_setting(fault, "audit-key-file");
	return false;
}

static bool
unfit(const struct ratchet *r, struct fault *fault, const char *what)
{
	fault_set(fault, FAULT_SETTINGS, "%s: %s", r->path, what);
	fault_at_setting(fault, "audit-key-file");
	return false;
}

/* Root keeps no key in a folder where another user could replace it. */
static bool
is_ours(const char *path, struct fault *fault)
{
	uid_t owner = 0;

	if (geteuid() != 0)
		return true;
	if (folder_owner(path, &owner, fault) && owner == 0)
		return true;
	if (owner != 0)
		fault_set(fault, FAULT_SETTINGS, "%s: root keeps no ratchet "
		    "there: its folder, or a link on the way, is user %lu's",
		    path, (unsigned long)owner);
	fault_at_setting(fault, "audit-key-file");
	return false;
}

static bool
open_folder(struct ratchet *r, const char *path, struct fault *fault)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	char folder[PATH_MAX];

	snprintf(r->path, sizeof r->path, "%s", path);
	snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 1 :
	    (int)(slash - path) + 1, slash == NULL ? "." : path);
	if (strlen(name) + sizeof ".next" > sizeof r->name)
		return failed(r, fault, ENAMETOOLONG, "cannot be kept");
	snprintf(r->name, sizeof r->name, "%s", name);
	snprintf(r->next_name, sizeof r->next_name, "%s.next", name);
	if (!is_ours(path, fault))
		return false;
	r->dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return r->dir != -1 || failed(r, fault, errno,
	    "cannot open its folder");
}

static bool
look(struct ratchet *r, dev_t *dev, ino_t *ino)
{
	struct stat st;

	if (fstatat(r->dir, r->name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return false;
	*dev = st.st_dev;
	*ino = st.st_ino;
	return true;
}

static bool
hold(struct ratchet *r)
{
	r->fd = openat(r->dir, r->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return r->fd != -1 && look(r, &r->dev, &r->ino);
}

static void
let_go(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

/*
 * Prepares the next key at the start, so that a key file which cannot be
 * replaced is told now.
 */
static bool
can_turn(struct ratchet *r, struct fault *fault)
{
	return r->now.epoch == CHAIN_EPOCH_MAX ||
	    ratchet_prepare(r, r->now.epoch + 1, fault);
}

struct ratchet *
ratchet_open(const char *path, struct fault *fault)
{
	struct ratchet *r = calloc(1, sizeof *r);

	if (r == NULL) {
		fault_no_memory(fault);
		return NULL;
	}
	r->dir = r->fd = r->next_fd = -1;
	if (open_folder(r, path, fault) &&
	    (hold(r) || failed(r, fault, errno, "cannot look at it")) &&
	    chain_read_key(path, &r->now, fault) &&
	    (r->now.epoch > 0 || unfit(r, fault, "it is no ratchet any "
	    "more")) && can_turn(r, fault))
		return r;
	ratchet_close(r);
	return NULL;
}

void
ratchet_close(struct ratchet *r)
{
	if (r == NULL)
		return;
	if (r->dir != -1 && r->next.epoch > 0 && !r->placed)
		(void)unlinkat(r->dir, r->next_name, 0);
	let_go(&r->dir);
	let_go(&r->fd);
	let_go(&r->next_fd);
	chain_wipe_key(&r->now);
	chain_wipe_key(&r->next);
	free(r);
}

uint64_t
ratchet_epoch(const struct ratchet *r)
{
	return r->now.epoch;
}

const char *
ratchet_id(const struct ratchet *r)
{
	return r->now.id;
}

bool
ratchet_is_at(const struct ratchet *r, const char *path)
{
	return strcmp(r->path, path) == 0;
}

struct chain *
ratchet_chain(const struct ratchet *r, struct fault *fault)
{
	return chain_of_key(&r->now, fault);
}

/* A new file of this user's: no name that is there is opened. */
static bool
write_next(struct ratchet *r, const struct chain_key *key)
{
	char memory[CHAIN_RATCHET_TEXT];
	struct stat st;
	struct text text;
	int error, fd;

	let_go(&r->next_fd);
	(void)unlinkat(r->dir, r->next_name, 0); /* a crash has left it */
	r->next_fd = fd = openat(r->dir, r->next_name, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return false;
	text_init(&text, memory, sizeof memory);
	chain_print_ratchet(key, &text);
	error = write_whole(fd, slice_make(memory, text.n)) &&
	    fsync(fd) == 0 && fstat(fd, &st) == 0 ? 0 : errno;
	explicit_bzero(memory, sizeof memory);
	if (error == 0) {
		r->next_dev = st.st_dev;
		r->next_ino = st.st_ino;
	} else {
		let_go(&r->next_fd);
		(void)unlinkat(r->dir, r->next_name, 0);
	}
	errno = error;
	return error == 0;
}

/*
 * The key file was replaced or removed since: by its owner, and it is left
 * alone.
 */
static bool
is_replaced(struct ratchet *r)
{
	dev_t dev;
	ino_t ino;

	if (!look(r, &dev, &ino))
		return errno == ENOENT;
	return dev != r->dev || ino != r->ino;
}

bool
ratchet_prepare(struct ratchet *r, uint64_t epoch, struct fault *fault)
{
	struct chain_key key;
	bool good = true;

	if (is_replaced(r))
		return unfit(r, fault, "it was removed or replaced, and is not "
		    "written over: the next file, or a start, takes what is "
		    "there");
	if (r->next.epoch == epoch)
		return true;
	key = r->now;
	while (good && key.epoch < epoch)
		good = chain_advance_key(&key) || unfit(r, fault,
		    "its last epoch has come: begin with a new key");
	if (good && (good = write_next(r, &key) || failed(r, fault, errno,
	    "the key of the next epoch cannot be written beside it")))
		r->next = key;
	chain_wipe_key(&key);
	return good;
}

static void
advance(struct ratchet *r)
{
	chain_wipe_key(&r->now);
	r->now = r->next;
	r->placed = false;
	chain_wipe_key(&r->next);
}

static bool
place(struct ratchet *r)
{
	if (renameat(r->dir, r->next_name, r->dir, r->name) == 0)
		return true;
	/* Somebody has removed the prepared file: it is written again. */
	return errno == ENOENT && write_next(r, &r->next) &&
	    renameat(r->dir, r->next_name, r->dir, r->name) == 0;
}

/*
 * A key file that was renamed in may not be on the disk yet: until then the key
 * is in memory alone.
 */
bool
ratchet_turn(struct ratchet *r, struct fault *fault)
{
	if (!r->placed && is_replaced(r)) {
		(void)unlinkat(r->dir, r->next_name, 0);
		let_go(&r->next_fd);
		advance(r);
		return true;
	}
	if (!r->placed && !place(r))
		return failed(r, fault, errno, "the key of the next epoch "
		    "cannot take its place");
	r->placed = true;
	r->dev = r->next_dev;
	r->ino = r->next_ino;
	if (r->next_fd != -1) {
		let_go(&r->fd);
		r->fd = r->next_fd;
		r->next_fd = -1;
	}
	if (fsync(r->dir) == -1 && errno != EINVAL)
		return failed(r, fault, errno, "its folder cannot be brought "
		    "to the disk");
	advance(r);
	return true;
}
