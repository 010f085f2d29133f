/*
 * Pieces travel in a ring of blocks: free ones to the main thread, filled ones
 * to the workers.  A block is some hundred records, so that taking one costs
 * next to nothing beside judging it.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/audit/blocks.h"
#include "policy/replay/workers.h"

enum { THREADS_MAX = 16, BLOCKS_EACH = 2 };

struct block {
	struct block *next;
	struct blocks_piece piece;
};

struct ring {
	pthread_mutex_t lock;
	pthread_cond_t filled, freed;
	struct block *first, **last; /* filled */
	struct block *free;
	bool end, failed;
};

struct replay_worker {
	struct replay_workers *all;
	struct ring *ring;
	pthread_t thread;
	struct store_reader reader;
	struct reader_record record;
	struct replay_report report;
	struct replay replay;
	uint64_t outside, torn, bad, withdrawn, maillog, untold, delivered;
	uint64_t hidden[SALTS_ANSWERS];
	struct fault fault;
};

/* The next piece to judge; NULL: there are no more, or a thread failed. */
static struct block *
take_filled(struct ring *r)
{
	struct block *b;

	pthread_mutex_lock(&r->lock);
	while (r->first == NULL && !r->end && !r->failed)
		pthread_cond_wait(&r->filled, &r->lock);
	b = r->failed ? NULL : r->first;
	if (b != NULL && (r->first = b->next) == NULL)
		r->last = &r->first;
	pthread_mutex_unlock(&r->lock);
	return b;
}

static void
give_filled(struct ring *r, struct block *b)
{
	pthread_mutex_lock(&r->lock);
	b->next = NULL;
	*r->last = b;
	r->last = &b->next;
	pthread_cond_signal(&r->filled);
	pthread_mutex_unlock(&r->lock);
}

/* An empty piece to read into; NULL: a thread failed. */
static struct block *
take_free(struct ring *r)
{
	struct block *b;

	pthread_mutex_lock(&r->lock);
	while (r->free == NULL && !r->failed)
		pthread_cond_wait(&r->freed, &r->lock);
	b = r->failed ? NULL : r->free;
	if (b != NULL)
		r->free = b->next;
	pthread_mutex_unlock(&r->lock);
	return b;
}

static void
give_free(struct ring *r, struct block *b, struct replay_workers *workers,
    size_t records, bool good)
{
	pthread_mutex_lock(&r->lock);
	b->next = r->free;
	r->free = b;
	r->failed |= !good;
	workers->records += records;
	pthread_cond_signal(&r->freed);
	if (!good)
		pthread_cond_broadcast(&r->filled);
	pthread_mutex_unlock(&r->lock);
}

static bool
judge_line(struct replay_worker *w, const struct blocks_piece *piece,
    struct slice line, uint64_t number, size_t *records)
{
	enum reader_result result;
	struct fault fault;

	result = blocks_parse(piece, &w->record, line, &fault);
	if ((result == READER_RECORD || (result == READER_NOTE &&
	    w->record.event == RECORD_DELIVERED)) &&
	    !reader_within(&w->record, w->all->since, w->all->until)) {
		w->outside++;
		return true;
	}
	if (w->record.withdrawn) {
		w->withdrawn++;
		return true;
	}
	switch (result) {
	case READER_RECORD:
		++*records;
		w->maillog += w->record.maillog;
		w->untold += w->record.maillog &&
		    !facts_tls_told(&w->record.facts);
		for (int i = 0; i < SALTS_ANSWERS; i++)
			w->hidden[i] += (w->record.hidden >> i & 1) != 0;
		if (w->record.blind) {
			w->report.unjudged++;
			return true;
		}
		if (!replay_judge(&w->replay, &w->record))
			return fault_no_memory(&w->fault);
		return replay_report_add(&w->report, &w->record, &w->replay,
		    &w->fault);
	case READER_NOTE:
		w->delivered += w->record.event == RECORD_DELIVERED;
		return true;
	case READER_TORN:
		w->torn++;
		return true;
	case READER_BAD:
		w->bad++;
		fault_at(&fault, piece->file, number, fault.column);
		fault_report(&fault, stderr);
		return true;
	case READER_FAILED:
		w->fault = fault;
		return false;
	default:
		return true;
	}
}

static bool
judge_piece(struct replay_worker *w, const struct blocks_piece *piece,
    size_t *records)
{
	struct slice rest = slice_make(piece->text, piece->n), line;
	uint64_t number = piece->line;

	for (; slice_next(&rest, '\n', &line); number++)
		if (slice_trim(line).n > 0 &&
		    !judge_line(w, piece, line, number, records))
			return false;
	return true;
}

static void *
work(void *arg)
{
	struct replay_worker *w = arg;
	struct block *b;

	while ((b = take_filled(w->ring)) != NULL) {
		size_t records = 0;
		bool good = judge_piece(w, &b->piece, &records);

		give_free(w->ring, b, w->all, records, good);
	}
	return NULL;
}

static void
say_unread(struct replay_workers *workers, const struct fault *fault)
{
	fault_report(fault, stderr);
	if (workers->unread++ == 0)
		workers->unread_kind = fault->kind;
}

/* Of one run of files.  False: out of memory, or a thread failed. */
static bool
read_run(struct replay_workers *workers, struct ring *ring,
    struct blocks *blocks, struct fault *fault)
{
	enum source_result result = SOURCE_LINE;
	struct block *b;

	while (result != SOURCE_END && (b = take_free(ring)) != NULL) {
		result = blocks_next(blocks, &b->piece, fault);
		if (result != SOURCE_LINE)
			b->piece.n = 0;
		give_filled(ring, b);
		if (result == SOURCE_FAILED &&
		    fault->kind == FAULT_UNAVAILABLE)
			return false;
		if (result == SOURCE_FAILED)
			say_unread(workers, fault);
	}
	return true;
}

static bool
read_files(struct replay_workers *workers, struct ring *ring,
    const struct logset *set, struct fault *fault)
{
	bool good = true;

	for (size_t i = 0; i < set->nfailures; i++)
		say_unread(workers, &set->failures[i]);
	for (size_t i = 0; good && i < set->nruns; i++) {
		struct blocks *blocks = blocks_open(set->files +
		    set->runs[i].first, set->runs[i].n, false, fault);

		good = blocks != NULL && read_run(workers, ring, blocks, fault);
		blocks_close(blocks);
	}
	return good;
}

static bool
start_worker(struct replay_worker *w, struct fault *fault)
{
	int error;

	if (!store_begin(w->all->store, &w->reader, fault))
		return false;
	if (w->reader.info.generation !=
	    w->all->worker[0].reader.info.generation) {
		store_end(&w->reader);
		return fault_set(fault, FAULT_UNAVAILABLE,
		    "the store has just changed; try again");
	}
	reader_record_init(&w->record);
	w->record.salts = w->all->salts;
	replay_report_init(&w->report);
	fault_clear(&w->fault);
	w->replay.options = w->all->options;
	w->replay.own_mode = w->all->own_mode;
	w->replay.own_exempt = w->all->own_exempt;
	w->replay.reader = &w->reader;
	error = pthread_create(&w->thread, NULL, work, w);
	if (error == 0)
		return true;
	store_end(&w->reader);
	return fault_errno(fault, FAULT_UNAVAILABLE, error, "a thread");
}

/* Waits for the workers and gathers what they have. */
static bool
join(struct replay_workers *workers, struct ring *ring, size_t started,
    bool good, struct fault *fault)
{
	pthread_mutex_lock(&ring->lock);
	ring->end = true;
	pthread_cond_broadcast(&ring->filled);
	pthread_mutex_unlock(&ring->lock);
	for (size_t i = 0; i < started; i++) {
		struct replay_worker *w = &workers->worker[i];

		pthread_join(w->thread, NULL);
		store_end(&w->reader);
		reader_record_free(&w->record);
		workers->outside += w->outside;
		workers->torn += w->torn;
		workers->bad += w->bad;
		workers->withdrawn += w->withdrawn;
		workers->maillog += w->maillog;
		workers->untold += w->untold;
		workers->delivered += w->delivered;
		for (int k = 0; k < SALTS_ANSWERS; k++)
			workers->hidden[k] += w->hidden[k];
		if (good && w->fault.kind != FAULT_NONE) {
			*fault = w->fault;
			good = false;
		}
		good = good && replay_report_merge(&workers->report, &w->report,
		    fault);
	}
	return good;
}

static bool
run(struct replay_workers *workers, struct ring *ring,
    char *const *paths, size_t n, struct fault *fault)
{
	struct logset set;
	bool good = logset_open(&set, paths, n, fault);
	size_t started = 0;

	while (good && started < workers->threads) {
		struct replay_worker *w = &workers->worker[started];

		w->all = workers;
		w->ring = ring;
		good = start_worker(w, fault);
		started += good;
	}
	good = good && read_files(workers, ring, &set, fault);
	good = join(workers, ring, started, good, fault);
	logset_close(&set);
	return good;
}

bool
replay_workers_run(struct replay_workers *workers, char *const *paths, size_t n,
    struct fault *fault)
{
	struct ring ring = { .lock = PTHREAD_MUTEX_INITIALIZER,
		.filled = PTHREAD_COND_INITIALIZER,
		.freed = PTHREAD_COND_INITIALIZER };
	struct block blocks[THREADS_MAX * BLOCKS_EACH];
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	bool good;

	ring.last = &ring.first;
	if (workers->threads == 0)
		workers->threads = processors < 1 ? 1 : (size_t)processors;
	if (workers->threads > THREADS_MAX)
		workers->threads = THREADS_MAX;
	replay_report_init(&workers->report);
	workers->worker = calloc(workers->threads, sizeof *workers->worker);
	if (workers->worker == NULL)
		return fault_no_memory(fault);
	memset(blocks, 0, sizeof blocks);
	for (size_t i = 0; i < workers->threads * BLOCKS_EACH; i++) {
		blocks[i].next = ring.free;
		ring.free = &blocks[i];
	}
	good = run(workers, &ring, paths, n, fault);
	for (size_t i = 0; i < workers->threads * BLOCKS_EACH; i++)
		blocks_piece_free(&blocks[i].piece);
	return good;
}

void
replay_workers_free(struct replay_workers *workers)
{
	replay_report_free(&workers->report);
	for (size_t i = 0; workers->worker != NULL && i < workers->threads; i++)
		replay_report_free(&workers->worker[i].report);
	free(workers->worker);
}
