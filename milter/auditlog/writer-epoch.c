/*
 * An epoch ends a minute after it began, if it has lines, at SIGHUP, so that a
 * rotated file ends with it, and with the daemon.  That costs a line, three syncs
 * and a rename; while the key file cannot be
 * replaced the epoch goes on, so that no mail waits for that.
 */
#include <string.h>

#include "milter/auditlog/writer-internal.h"

enum { EPOCH_MS = 60 * 1000, AGAIN_MS = 1000 };

/* The lock is not held. */
static void
note(struct writer *w, bool stuck, const struct fault *why)
{
	bool changed;

	pthread_mutex_lock(&w->lock);
	changed = w->stats.stuck != stuck;
	w->stats.stuck = stuck;
	w->stats.epoch = w->file.ratchet == NULL ? 0 :
	    chain_epoch(w->file.chain);
	pthread_mutex_unlock(&w->lock);
	if (changed && w->options.report != NULL)
		w->options.report(w->options.arg, stuck ? WRITER_STUCK :
		    WRITER_TURNS, why);
}

void
writer_epoch_opened(struct writer *w)
{
	w->epoch_seq = 0;
	w->epoch_try_ms = 0;
	w->epoch_due_ms = clock_ms() + w->options.epoch_ms;
	if (w->options.epoch_ms == 0)
		w->epoch_due_ms += EPOCH_MS;
	w->stats.epoch = w->file.ratchet == NULL ? 0 :
	    chain_epoch(w->file.chain);
}

bool
writer_epoch_is_due(const struct writer *w)
{
	const struct logfile *f = &w->file;
	int64_t now = clock_ms();

	if (f->ratchet == NULL || f->ended || w->homeless ||
	    f->head.seq <= w->epoch_seq)
		return false;
	/* Nothing is under way that has to be finished first. */
	if (f->at < f->n || f->forgotten || w->sealed != NULL ||
	    w->unsynced != NULL)
		return false;
	/* The end does not wait for the time of the next try. */
	if (w->stopping)
		return w->first == NULL;
	return now >= w->epoch_due_ms && now >= w->epoch_try_ms;
}

bool
writer_epoch_end(struct writer *w)
{
	uint64_t epoch = ratchet_epoch(w->file.ratchet);
	char line[CHAIN_LINE_MAX];
	struct fault fault;
	struct text text;

	w->epoch_try_ms = clock_ms() + AGAIN_MS;
	if (!ratchet_prepare(w->file.ratchet, epoch + 1, &fault)) {
		note(w, true, &fault);
		return false;
	}
	text_init(&text, line, sizeof line);
	chain_format_epoch(epoch, w->options.clock(), &text);
	if (!logfile_seal(&w->file, slice_make(line, text.n)))
		return false;
	w->file.ended = true;
	return true;
}

bool
writer_epoch_begin(struct writer *w, struct fault *fault)
{
	if (!logfile_begin_epoch(&w->file, fault)) {
		note(w, true, fault);
		return false;
	}
	writer_epoch_opened(w);
	w->epoch_seq = w->file.head.seq;
	note(w, false, NULL);
	return true;
}
