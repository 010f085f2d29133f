/*
 * Where the chain goes on when the file is opened: behind its last line, that of
 * the file before, or that which is known; and what the link then says.
 */
#include <errno.h>
#include <string.h>

#include "milter/auditlog/logfile-epoch.h"
#include "milter/auditlog/logfile-internal.h"

/* The chain goes on behind the line that is known. */
static void
go_on_behind_known(struct logfile *f, enum logfile_loss loss, uint64_t ends)
{
	static const char *const why[] = { [LOGFILE_CUT] = "cut",
		[LOGFILE_LOST] = "lost", [LOGFILE_CHANGED] = "changed" };

	f->loss = loss;
	f->ends = ends;
	f->why = why[loss];
	memcpy(f->head.hex, f->known->hex, sizeof f->head.hex);
	f->head.seq = f->known->seq;
}

/*
 * The file ends in an older epoch than the key's: the line that ends it is cut
 * off.
 */
static void
lose_epoch(struct logfile *f)
{
	f->loss = LOGFILE_CUT;
	f->ends = f->head.seq;
	f->why = "cut";
}

/* Begins behind the rotated file, if there is one. */
static void
begin_behind(struct logfile *f, const char *path)
{
	struct tail tail;
	bool found = tail_of_rotated(path, f->chain, &tail);

	chain_head_init(&f->head);
	if (found)
		f->head = tail.head;
	if (f->known != NULL && f->head.seq < f->known->seq)
		go_on_behind_known(f, found ? LOGFILE_CUT : LOGFILE_LOST,
		    f->head.seq);
	else if (found && f->behind)
		lose_epoch(f);
}

static bool
begin(struct logfile *f, const char *path, const struct tail *tail,
    const struct chain_head *before, int64_t now_us, struct fault *fault)
{
	if (before != NULL)
		f->head = *before;
	else
		begin_behind(f, path);
	f->head.torn += tail->head.torn;
	if ((tail->ended || logfile_seal_newline(f)) &&
	    logfile_seal_line(f, now_us, chain_format_link))
		return true;
	return fault_errno(fault, FAULT_UNAVAILABLE, ENOMEM, "audit log");
}

/*
 * Is the known line in the file, or, when a daemon was killed soon after it had
 * begun this one, in one before?  f->loss tells.
 */
static bool
look_for_known(struct logfile *f, const char *path, const struct tail *tail,
    struct fault *fault)
{
	if (f->known == NULL)
		return true;
	if (f->head.seq < f->known->seq) {
		go_on_behind_known(f, LOGFILE_CUT, f->head.seq);
		return true;
	}
	switch (tail_search(f->fd, f->known, fault)) {
	case TAIL_UNREADABLE:
		return false;
	case TAIL_NOT_THERE:
		if (tail->first > f->known->seq &&
		    tail_search_rotated(path, f->known))
			return true;
		go_on_behind_known(f, LOGFILE_CHANGED, f->head.seq);
		return true;
	default:
		return true;
	}
}

/* Its lines were sealed with another key, or its key has no id yet. */
static bool
begin_with_key(struct logfile *f, const char *path, struct tail *tail,
    const struct chain_head *before, int64_t now_us, struct fault *fault)
{
	struct tail empty = { .ended = true };

	tail_link_to(tail, f->chain);
	f->head = tail->head;
	f->why = "key";
	f->renamed = true;
	if (before != NULL)
		f->head = *before;
	else if (!look_for_known(f, path, tail, fault))
		return false;
	f->size = 0;
	before = &f->head;
	return logfile_set_aside(f, path, now_us, fault) &&
	    folder_sync(path, fault) &&
	    begin(f, path, &empty, before, now_us, fault);
}

static bool
resume(struct logfile *f, const char *path, const struct chain_head *before,
    int64_t now_us, struct fault *fault)
{
	struct tail tail;

	if (!tail_read(f->fd, f->chain, &tail, fault))
		return false;
	f->size = tail.size;
	if (!tail.found)
		return begin(f, path, &tail, before, now_us, fault);
	f->head = tail.head;
	if (!tail_has_key_of(&tail, f->chain))
		return begin_with_key(f, path, &tail, before, now_us, fault);
	f->head = f->written = tail.head;
	memcpy(f->written.hex, tail.sealed, sizeof tail.sealed);
	f->written.torn = 0;
	if (!look_for_known(f, path, &tail, fault))
		return false;
	if (f->behind && f->loss == LOGFILE_NOTHING)
		lose_epoch(f);
	if (!tail.ended && !logfile_seal_newline(f))
		return fault_errno(fault, FAULT_UNAVAILABLE, ENOMEM,
		    "audit log");
	if (f->loss != LOGFILE_NOTHING ?
	    logfile_seal_line(f, now_us, chain_format_link) :
	    f->head.torn == 0 ||
	    logfile_seal_line(f, now_us, chain_format_mark))
		return true;
	return fault_errno(fault, FAULT_UNAVAILABLE, ENOMEM, "audit log");
}

/* A stream (stdout, a pipe) cannot be read back: its chain begins anew. */
static bool
begin_stream(struct logfile *f, const struct chain_head *before,
    int64_t now_us, struct fault *fault)
{
	if (before != NULL)
		f->head = *before;
	else
		chain_head_init(&f->head);
	f->why = "stream";
	if (logfile_seal_line(f, now_us, chain_format_link))
		return true;
	return fault_errno(fault, FAULT_UNAVAILABLE, ENOMEM, "audit log");
}

static bool
make_chain(struct logfile *f, const char *path, struct slice key,
    struct fault *fault)
{
	if (f->ratchet != NULL)
		return logfile_catch_up(f, path, &f->behind, fault);
	return (f->chain = chain_new(key, fault)) != NULL;
}

bool
logfile_open(struct logfile *f, const char *path, struct slice key,
    const struct chain_head *before, int64_t now_us, struct fault *fault)
{
	struct logfile fresh = { .fd = -1, .why = f->why, .known = f->known,
		.signing = f->signing, .ratchet = f->ratchet };

	if (logfile_take(&fresh, path, fault) &&
	    make_chain(&fresh, path, key, fault) && (fresh.stream ?
	    begin_stream(&fresh, before, now_us, fault) :
	    folder_sync(path, fault) &&
	    resume(&fresh, path, before, now_us, fault))) {
		fresh.why = NULL;
		fresh.known = NULL;
		*f = fresh;
		return true;
	}
	if (fault->where[0] == '\0')
		fault_at_setting(fault, "audit-file");
	logfile_close(&fresh);
	return false;
}
