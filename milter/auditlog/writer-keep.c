/*
 * Where the log ends is noted by a thread of its own: whatever becomes of that
 * folder and its disk, no mail waits for it.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "milter/auditlog/writer-internal.h"

enum { KEEP_MS = 1000 };

/* Before the log is opened: reads what was noted of its end. */
void
writer_keep_open(struct writer *w, const struct writer_options *o)
{
	struct fault fault;

	w->state.dir = -1;
	if (o->state_folder == NULL)
		return;
	if (!logstate_open(&w->state, o->state_folder, o->path, &fault)) {
		writer_report(w, WRITER_UNKEPT, &fault);
		return;
	}
	switch (logstate_read(&w->state, &fault)) {
	case LOGSTATE_FOUND:
		w->file.known = w->state.head.seq > 0 ? &w->state.head : NULL;
		break;
	case LOGSTATE_FAILED:
		w->told_unknown = true;
		writer_report(w, WRITER_UNKNOWN, &fault);
		break;
	case LOGSTATE_ABSENT:
		break;
	}
}

static void
report_loss(struct writer *w)
{
	unsigned long long known = w->state.head.seq, ends = w->file.ends;
	struct fault fault;

	switch (w->file.loss) {
	case LOGFILE_CUT:
		if (known <= ends) {
			fault_set(&fault, FAULT_IO, "%s: the last lines of an "
			    "epoch before that of the key are missing at the "
			    "end", w->state.file);
			break;
		}
		fault_set(&fault, FAULT_IO, "%s: lines %llu to %llu are "
		    "missing at the end", w->state.file, ends + 1, known);
		break;
	case LOGFILE_LOST:
		fault_set(&fault, FAULT_IO, "%s: the log is gone, up to line "
		    "%llu", w->state.file, known);
		break;
	default:
		fault_set(&fault, FAULT_IO, "%s: line %llu is not what it was",
		    w->state.file, known);
		break;
	}
	w->stats.astray = true;
	w->stats.lost = known > ends ? known - ends : 1;
	writer_report(w, WRITER_MISSES, &fault);
}

void
writer_keep_opened(struct writer *w)
{
	struct fault fault;

	if (w->file.loss != LOGFILE_NOTHING)
		report_loss(w);
	/* A log that was there before anything was noted of it. */
	w->written = w->synced = w->file.written;
	/* Lines that an earlier daemon wrote and did not sign. */
	if (w->file.written.seq > w->state.signed_seq)
		signing_add_file(&w->signing, w->now->path,
		    w->state.signed_seq);
	if (w->state.dir == -1 || w->told_unknown || w->state.head.seq > 0 ||
	    w->file.written.seq == 0)
		return;
	fault_set(&fault, FAULT_IO, "%s: nothing is noted of it in %s",
	    w->state.file, w->state.folder);
	writer_report(w, WRITER_UNKNOWN, &fault);
}

/* The lock is not held. */
static void
keep(struct writer *w, const struct chain_head *head, bool sync, bool *failing)
{
	struct chain_head before = w->state.head;
	struct fault fault;
	bool good;

	w->state.head = *head;
	good = logstate_write(&w->state, sync, &fault);
	if (!good)
		w->state.head = before;
	if (good == *failing)
		writer_report(w, good ? WRITER_KEPT : WRITER_UNKEPT, &fault);
	*failing = !good;
	pthread_mutex_lock(&w->lock);
	w->stats.kept = good;
	pthread_mutex_unlock(&w->lock);
}

static void
note_signed(struct writer *w, uint64_t made, bool failing)
{
	pthread_mutex_lock(&w->lock);
	w->stats.checkpoints += made;
	w->stats.behind = failing;
	pthread_mutex_unlock(&w->lock);
}

/*
 * Signs and hands on the checkpoints up to line `seq`.  The lock is not held.
 */
static void
sign(struct writer *w, uint64_t seq, bool sync)
{
	char memory[CHECKPOINT_MAX];
	struct checkpoint c;
	struct fault fault;
	struct text text;

	while (signing_next(&w->signing, seq, w->options.clock(), &c)) {
		if (!signing_hand_on(&w->signing, &c, sync, &fault)) {
			if (!w->stats.behind)
				writer_report(w, WRITER_NOT_SIGNED, &fault);
			note_signed(w, 0, true);
			return;
		}
		text_init(&text, memory, sizeof memory);
		checkpoint_log_line(&c, &text);
		fault_set(&fault, FAULT_NONE, "%s", memory);
		writer_report(w, WRITER_CHECKPOINT, &fault);
		w->state.signed_seq = c.head.seq;
		signing_drop(&w->signing);
		note_signed(w, 1, false);
	}
}

/* A tree is ended when it is time, or when all is. */
static void
end_tree(struct writer *w, bool last)
{
	struct signing *s = &w->signing;
	int64_t now = clock_ms();

	if (s->signer == NULL || (!last && now < s->due_ms))
		return;
	s->due_ms = now + s->interval_ms;
	signing_cut(s);
}

static bool
is_same(const struct chain_head *a, const struct chain_head *b)
{
	return a->seq == b->seq && strcmp(a->hex, b->hex) == 0;
}

static bool
is_to_be_kept(const struct writer *w, const struct chain_head *head)
{
	return w->state.dir != -1 && head->seq > 0 && !w->stream;
}

/* A second later, or at the end at once; the lock is held. */
static bool
wait_for_next(struct writer *w)
{
	struct timespec until = clock_at_ms(clock_ms() + KEEP_MS);

	while (!w->keep_no_more && pthread_cond_timedwait(&w->keep_work,
	    &w->lock, &until) == 0)
		;
	return !w->keep_no_more;
}

void *
writer_keep_thread(void *arg)
{
	struct writer *w = arg;
	bool failing = false, more = true;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	pthread_mutex_lock(&w->lock);
	while (more) {
		struct chain_head head;
		uint64_t signed_before = w->state.signed_seq;
		bool sync;

		more = wait_for_next(w);
		sync = w->sync != AUDIT_SYNC_NONE;
		head = sync ? w->synced : w->written;
		pthread_mutex_unlock(&w->lock);
		end_tree(w, !more);
		if (w->signing.signer != NULL)
			sign(w, head.seq, sync);
		if (is_to_be_kept(w, &head) && (failing ||
		    signed_before != w->state.signed_seq ||
		    !is_same(&head, &w->state.head)))
			keep(w, &head, sync, &failing);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}
