/*
 * Another file: who asks waits for a bounded time, and the writer does it when
 * the disk lets it.
 */
#include <openssl/crypto.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "milter/auditlog/writer-internal.h"

enum {
	RESERVE = 64 * 1024 * 1024,
	ROTATING_MS = 2000 /* between logrotate's rename and its signal */
};

void
writer_reopening_free(struct reopening *r)
{
	if (r == NULL)
		return;
	OPENSSL_cleanse(r->key, sizeof r->key);
	free(r->path);
	free(r->ratchet);
	free(r);
}

struct reopening *
writer_reopening_new(const struct writer_options *options, struct fault *fault)
{
	struct reopening *r = calloc(1, sizeof *r);

	if (r == NULL || (r->path = strdup(options->path)) == NULL ||
	    (options->ratchet != NULL &&
	    (r->ratchet = strdup(options->ratchet)) == NULL)) {
		writer_reopening_free(r);
		fault_errno(fault, FAULT_UNAVAILABLE, ENOMEM, "audit log");
		return NULL;
	}
	r->options = *options;
	r->options.path = r->path;
	r->options.ratchet = r->ratchet;
	r->options.state_folder = NULL;
	r->options.checkpoint_key = r->options.checkpoint_file = NULL;
	if (options->key.n > 0)
		memcpy(r->key, options->key.p, options->key.n);
	r->options.key = slice_make(r->key, options->key.n);
	return r;
}

/* A reopening that still waits for the disk is replaced by this one. */
bool
writer_reopen(struct writer *w, const struct writer_options *options,
    struct fault *fault)
{
	struct reopening *r = writer_reopening_new(options, fault);
	struct timespec deadline = clock_at_ms(clock_ms() + w->wait_ms);
	int error = 0;
	bool good;

	if (r == NULL)
		return false;
	pthread_mutex_lock(&w->lock);
	writer_reopening_free(w->reopening);
	w->reopening = r;
	pthread_cond_signal(&w->work);
	while (!r->done && error == 0)
		error = pthread_cond_timedwait(&w->progress, &w->lock,
		    &deadline);
	r->left = !r->done;
	good = r->good;
	if (r->done)
		*fault = r->fault;
	else
		fault_set(fault, FAULT_IO, "audit log: the disk does not "
		    "answer: %s is opened as soon as it does", r->path);
	if (r->done)
		writer_reopening_free(r);
	pthread_mutex_unlock(&w->lock);
	return good;
}

/* The ratchet that is open, unless its file is another one now. */
static bool
find_ratchet(const struct writer *w, const char *path, struct ratchet **found,
    struct fault *fault)
{
	struct ratchet *now = w->file.ratchet;
	struct chain_key key;
	bool same;

	*found = NULL;
	if (path == NULL)
		return true;
	same = now != NULL && ratchet_is_at(now, path) &&
	    (!chain_read_key(path, &key, fault) ||
	    strcmp(key.id, ratchet_id(now)) == 0);
	chain_wipe_key(&key);
	*found = same ? now : ratchet_open(path, fault);
	return *found != NULL;
}

/* An epoch that has ended begins no file. */
static bool
finish_epoch(struct writer *w, struct fault *fault)
{
	if (!w->file.ended)
		return true;
	return w->file.at < w->file.n ? fault_set(fault, FAULT_IO, "the old "
	    "file still waits for the last line of its epoch") :
	    writer_epoch_begin(w, fault);
}

static bool
open_with(struct writer *w, const struct writer_options *o,
    const struct chain_head *head, struct fault *fault)
{
	struct ratchet *before = w->file.ratchet, *ratchet;

	if (!find_ratchet(w, o->ratchet, &ratchet, fault))
		return false;
	w->file.ratchet = ratchet;
	if (logfile_open(&w->file, o->path, o->key, head, o->clock(), fault)) {
		if (before != ratchet)
			ratchet_close(before);
		if (before != ratchet)
			writer_epoch_opened(w);
		return true;
	}
	w->file.ratchet = before;
	if (before != ratchet)
		ratchet_close(ratchet);
	return false;
}

/* The new file goes on where the old one ends, torn or not. */
static bool
change_file(struct writer *w, const struct writer_options *o,
    struct fault *fault)
{
	struct entry *torn = w->sealed;
	struct logfile old;
	struct fault opened;

	if (!finish_epoch(w, fault))
		return false;
	old = w->file;
	if (torn == NULL && old.at < old.n)
		return fault_set(fault, FAULT_IO,
		    "the old file still waits for its first line");
	if (torn != NULL && !logfile_tear(&old, torn->start, &torn->before))
		return fault_set(fault, FAULT_SOFTWARE, "OpenSSL failed");
	if (!open_with(w, o, &old.head, fault))
		return false;
	signing_cut(&w->signing); /* no tree spans two files */
	pthread_mutex_lock(&w->lock);
	w->sealed = NULL;
	w->sealed_last = &w->sealed;
	w->safe = w->put;
	w->unsynced_ms = 0;
	w->forgot = false;
	writer_give_back(w, torn);
	w->sync = w->file.stream ? AUDIT_SYNC_NONE : o->sync;
	w->stream = w->file.stream;
	pthread_mutex_unlock(&w->lock);
	w->file.keep = w->sync != AUDIT_SYNC_NONE;
	w->homeless = false;
	logfile_close(&old);
	writer_log_opened(w, o->path, &opened);
	writer_report(w, WRITER_OPENED, &opened);
	return true;
}

/*
 * The last sync of the old file.  Nobody can tell any more that what it was
 * for is on the disk when it fails: whoever waits is told so.
 */
static void
sync_last(struct writer *w)
{
	struct fault fault;

	if (writer_sync(w, &fault))
		return;
	writer_report(w, WRITER_FAILING, &fault);
	pthread_mutex_lock(&w->lock);
	w->reported = true;
	for (struct entry *e = w->unsynced; e != NULL; e = e->next)
		e->refused = true;
	pthread_mutex_unlock(&w->lock);
}

/* Without memory what is known stays: the path cannot change, nor the key. */
static void
remember(struct writer *w, const struct writer_options *options)
{
	struct fault fault;
	struct reopening *now = writer_reopening_new(options, &fault);

	if (now == NULL)
		return;
	writer_reopening_free(w->now);
	w->now = now;
}

/* The lock is held. */
static void
end_reopening(struct writer *w, struct reopening *r)
{
	if (r->good) {
		w->sync = w->file.stream ? AUDIT_SYNC_NONE : r->options.sync;
		w->full = r->options.full;
		w->file.keep = w->sync != AUDIT_SYNC_NONE;
		w->stats.astray = w->told_astray = false;
		w->renamed_ms = 0;
		remember(w, &r->options);
	} else {
		/* SIGHUP has come: no waiting for whoever rotates. */
		w->renamed_ms = clock_ms() - ROTATING_MS;
	}
	r->done = true;
	if (r->left && !r->good)
		writer_report(w, WRITER_NOT_OPENED, &r->fault);
	if (r->left)
		writer_reopening_free(r);
	pthread_cond_broadcast(&w->progress);
}

/*
 * Writes the queue to the file that is open.  False: it has no name, so what is
 * written would be lost.
 */
static bool
write_rest(struct writer *w)
{
	if (logfile_is_nameless(&w->file))
		return false;
	writer_round(w);
	return true;
}

void
writer_reopen_now(struct writer *w, struct reopening *r)
{
	w->epoch_due_ms = 0;
	(void)write_rest(w);
	pthread_mutex_lock(&w->lock);
	w->busy_ms = clock_ms();
	pthread_mutex_unlock(&w->lock);
	r->good = logfile_place(&w->file, r->options.path) == LOGFILE_THERE;
	if (!r->good) {
		sync_last(w);
		r->good = change_file(w, &r->options, &r->fault);
	}
	pthread_mutex_lock(&w->lock);
	w->busy_ms = 0;
	end_reopening(w, r);
	pthread_mutex_unlock(&w->lock);
}

/*
 * The name is gone, or another's.  A file that has a name somewhere is written
 * on while there can be no new one; what no name leads to is no record.
 */
static void
make_anew(struct writer *w)
{
	bool removed = !write_rest(w);
	struct fault fault, why;

	sync_last(w);
	fault_set(&why, FAULT_IO, "%s: the file was %s", w->now->path,
	    removed ? "removed" : "renamed without a signal");
	w->file.why = removed ? "removed" : "renamed";
	if (change_file(w, &w->now->options, &fault)) {
		writer_report(w, WRITER_ASTRAY, &why);
		w->told_astray = false;
		pthread_mutex_lock(&w->lock);
		w->stats.replaced++;
		pthread_mutex_unlock(&w->lock);
		return;
	}
	w->file.why = NULL;
	w->homeless = removed;
	if (!w->told_astray) {
		writer_report(w, WRITER_ASTRAY, &why);
		writer_report(w, WRITER_NOT_OPENED, &fault);
	}
	w->told_astray = true;
}

/*
 * Refusals take room that mail waits for: a client can write many bytes for few
 * of its own.  Is it scarce?
 */
static bool
is_scarce(const struct writer *w)
{
	struct statvfs fs;
	uint64_t reserve = w->options.reserve, eighth;

	if (w->file.stream || fstatvfs(w->file.fd, &fs) == -1)
		return false;
	eighth = (uint64_t)fs.f_blocks * fs.f_frsize / 8;
	if (reserve == 0)
		reserve = eighth < RESERVE ? eighth : RESERVE;
	return (uint64_t)fs.f_bavail * fs.f_frsize < reserve;
}

static void
look_for_room(struct writer *w)
{
	bool scarce = is_scarce(w), changed;
	struct fault fault;

	pthread_mutex_lock(&w->lock);
	changed = w->stats.scarce != scarce;
	w->stats.scarce = scarce;
	pthread_mutex_unlock(&w->lock);
	fault_set(&fault, FAULT_IO, "its disk is nearly full");
	if (changed)
		writer_report(w, scarce ? WRITER_SCARCE : WRITER_ROOMY, &fault);
}

/*
 * The name cannot be looked at (its folder was closed to us, say): that does
 * not say that the file is away.
 */
static void
report_unseen(struct writer *w)
{
	struct fault why;

	fault_errno(&why, FAULT_IO, errno, "%s: the file cannot be looked at",
	    w->now->path);
	if (!w->told_astray)
		writer_report(w, WRITER_ASTRAY, &why);
	w->told_astray = true;
}

/*
 * Who rotates renames and then signals: no day should begin with an alarm.  The
 * file has a name meanwhile, and lines in it are found.
 */
static bool
may_be_rotating(struct writer *w, enum logfile_place place)
{
	if (place != LOGFILE_AWAY || logfile_is_nameless(&w->file)) {
		w->renamed_ms = 0;
		return false;
	}
	if (w->renamed_ms == 0)
		w->renamed_ms = clock_ms();
	return clock_ms() - w->renamed_ms < ROTATING_MS;
}

void
writer_watch(struct writer *w)
{
	enum logfile_place place;

	pthread_mutex_lock(&w->lock);
	w->busy_ms = w->watched_ms = clock_ms();
	pthread_mutex_unlock(&w->lock);
	place = logfile_place(&w->file, w->now->path);
	if (may_be_rotating(w, place))
		place = LOGFILE_THERE;
	if (place == LOGFILE_UNSEEN)
		report_unseen(w);
	pthread_mutex_lock(&w->lock);
	w->stats.astray = w->stats.astray || place != LOGFILE_THERE;
	pthread_mutex_unlock(&w->lock);
	if (place == LOGFILE_AWAY)
		make_anew(w);
	else if (place == LOGFILE_THERE)
		w->homeless = w->told_astray = false;
	look_for_room(w);
	pthread_mutex_lock(&w->lock);
	w->busy_ms = 0;
	pthread_mutex_unlock(&w->lock);
}
