/*
 * A ring of pieces: filled at its end by the caller's thread, computed by who is
 * first to take them, gone through from its beginning.
 */
#include "config.h" /* for memrchr(3) */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/processors.h"
#include "policy/commands/verify-workers.h"

enum {
	THREADS_MAX = 8,
	PIECES = 16,
	PIECE_BYTES = 256 * 1024,
	AHEAD_BYTES = 4 * 1024 * 1024 /* but one piece, whatever its size */
};

enum state { FILLED, TAKEN, DONE };

struct slot {
	enum state state;
	struct verify_piece piece;
};

struct worker {
	struct verify_workers *workers;
	struct keyring *keys;
	pthread_t thread;
};

struct verify_workers {
	pthread_mutex_t lock;
	pthread_cond_t filled, done;
	/*
	 * Under the lock, but a slot from TAKEN to DONE belongs to whoever took
	 * it.
	 */
	struct slot slots[PIECES];
	size_t first, n;   /* pieces in the ring */
	size_t taken;	   /* of these, pieces begun by some thread */
	bool end;

	/* The caller's. */
	struct verify_lines lines;
	struct keyring *keys;
	struct source *source;	   /* NULL: no file is open */
	struct slice block;	   /* read, and in no piece yet */
	struct verify_guess guess;
	enum source_result result; /* of the last read */
	struct fault fault;
	struct verify_piece *piece; /* whose lines are handed out; or NULL */
	size_t line, bytes;	   /* of the piece; in the ring */
	size_t nworkers;
	struct worker worker[THREADS_MAX];
};

static struct slot *
slot_at(struct verify_workers *c, size_t i)
{
	return &c->slots[(c->first + i) % PIECES];
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct verify_workers *c = w->workers;

	pthread_mutex_lock(&c->lock);
	for (;;) {
		struct slot *slot;

		while (!c->end && c->taken >= c->n)
			pthread_cond_wait(&c->filled, &c->lock);
		if (c->end)
			break;
		slot = slot_at(c, c->taken++);
		slot->state = TAKEN;
		pthread_mutex_unlock(&c->lock);
		verify_piece_compute(&slot->piece, w->keys);
		pthread_mutex_lock(&c->lock);
		slot->state = DONE;
		pthread_cond_signal(&c->done);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* Drops the first piece: its lines were handed out, or are not wanted. */
static void
drop_first(struct verify_workers *c)
{
	pthread_mutex_lock(&c->lock);
	while (slot_at(c, 0)->state == TAKEN)
		pthread_cond_wait(&c->done, &c->lock);
	c->bytes -= slot_at(c, 0)->piece.n;
	c->taken -= c->taken > 0;
	c->first = (c->first + 1) % PIECES;
	c->n--;
	pthread_mutex_unlock(&c->lock);
	c->piece = NULL;
}

/* Up to the last newline within a piece's size; a longer line is whole. */
static struct slice
take_piece(struct slice *block)
{
	size_t n = block->n;
	const char *newline;

	if (n > PIECE_BYTES) {
		newline = memrchr(block->p, '\n', PIECE_BYTES);
		if (newline == NULL)
			newline = memchr(block->p, '\n', n);
		n = newline == NULL ? n : (size_t)(newline - block->p) + 1;
	}
	*block = slice_from(*block, n);
	return slice_make(block->p - n, n);
}

static bool
fill_one(struct verify_workers *c)
{
	struct slot *slot = slot_at(c, c->n);
	struct slice text = take_piece(&c->block);

	if (!verify_piece_fill(&slot->piece, &c->guess, c->keys, text,
	    &c->fault)) {
		c->result = SOURCE_FAILED;
		return false;
	}
	pthread_mutex_lock(&c->lock);
	slot->state = FILLED;
	c->n++;
	pthread_cond_signal(&c->filled);
	pthread_mutex_unlock(&c->lock);
	c->bytes += text.n;
	return true;
}

/* Reads pieces ahead of the threads, up to PIECES and AHEAD_BYTES. */
static void
fill(struct verify_workers *c)
{
	while (c->n < PIECES && (c->n == 0 || c->bytes < AHEAD_BYTES)) {
		if (c->block.n == 0 && c->result == SOURCE_LINE)
			c->result = source_block(c->source, &c->block,
			    &c->fault);
		if (c->result != SOURCE_LINE && c->block.n == 0)
			return;
		if (!fill_one(c))
			return;
	}
}

/* The piece whose turn it is.  NULL: there are no more. */
static struct verify_piece *
next_piece(struct verify_workers *c)
{
	struct slot *slot = slot_at(c, 0);

	fill(c);
	if (c->n == 0)
		return NULL;
	pthread_mutex_lock(&c->lock);
	if (slot->state == FILLED)
		c->taken++;
	while (slot->state == TAKEN)
		pthread_cond_wait(&c->done, &c->lock);
	slot->state = DONE;
	pthread_mutex_unlock(&c->lock);
	c->line = 0;
	return &slot->piece;
}

static enum source_result
next_line(void *arg, struct verify_line *line, struct fault *fault)
{
	struct verify_workers *c = arg;

	while (c->piece == NULL || c->line == c->piece->nlines) {
		if (c->piece != NULL)
			drop_first(c);
		if ((c->piece = next_piece(c)) != NULL)
			continue;
		if (c->result == SOURCE_FAILED)
			*fault = c->fault;
		return c->result;
	}
	*line = c->piece->lines[c->line++];
	return SOURCE_LINE;
}

static void *
open_file(void *arg, const char *path, struct fault *fault)
{
	struct verify_workers *c = arg;

	if ((c->source = source_open(path, fault)) == NULL)
		return NULL;
	memset(&c->guess, 0, sizeof c->guess);
	c->block = slice_make("", 0);
	c->result = SOURCE_LINE;
	c->piece = NULL;
	return c;
}

static void
close_file(void *arg)
{
	struct verify_workers *c = arg;

	while (c->n > 0)
		drop_first(c);
	source_close(c->source);
	c->source = NULL;
}

/* Without this thread there is one less. */
static bool
start_worker(struct verify_workers *c, struct fault *fault)
{
	struct worker *w = &c->worker[c->nworkers];

	w->workers = c;
	if ((w->keys = keyring_copy(c->keys, fault)) == NULL)
		return false;
	if (pthread_create(&w->thread, NULL, work, w) != 0) {
		keyring_free(w->keys);
		return true;
	}
	c->nworkers++;
	return true;
}

struct verify_workers *
verify_workers_new(struct keyring *keys, struct fault *fault)
{
	size_t processors = processors_usable();
	struct verify_workers *c = calloc(1, sizeof *c);

	if (c == NULL) {
		fault_no_memory(fault);
		return NULL;
	}
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->filled, NULL);
	pthread_cond_init(&c->done, NULL);
	c->keys = keys;
	c->lines = (struct verify_lines){ .open = open_file, .next = next_line,
		.close = close_file, .arg = c };
	for (size_t i = 1; i < processors && i <= THREADS_MAX; i++)
		if (!start_worker(c, fault)) {
			verify_workers_free(c);
			return NULL;
		}
	return c;
}

void
verify_workers_free(struct verify_workers *c)
{
	if (c == NULL)
		return;
	pthread_mutex_lock(&c->lock);
	c->end = true;
	pthread_cond_broadcast(&c->filled);
	pthread_mutex_unlock(&c->lock);
	for (size_t i = 0; i < c->nworkers; i++) {
		pthread_join(c->worker[i].thread, NULL);
		keyring_free(c->worker[i].keys);
	}
	for (size_t i = 0; i < PIECES; i++)
		verify_piece_free(&c->slots[i].piece);
	pthread_cond_destroy(&c->filled);
	pthread_cond_destroy(&c->done);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

const struct verify_lines *
verify_workers_lines(struct verify_workers *c)
{
	return &c->lines;
}
