/*
 * A text of many lines is cut into pieces, which threads make rules of; the
 * caller puts them together in their order.  What comes out is as if one had
 * read line after line: a thread stops at the first bad line of its piece, and
 * from there on the caller goes on, who reports.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/rules/rulefile-internal.h"

enum {
	PIECE_BYTES = 1 << 20,
	PIECE_CHUNK = 1 << 18,
	THREADS_MAX = 8
};

struct piece {
	struct slice text; /* what is not parsed yet */
	struct rulefile rules;
	uint32_t lines;	   /* that were read */
	struct fault fault;
	bool good, done;
};

struct pieces {
	struct piece *pieces;
	size_t n;
	unsigned source;
	atomic_size_t next; /* that no thread has taken */
	atomic_bool stop;
	pthread_mutex_t lock;
	pthread_cond_t one_done;
	pthread_t threads[THREADS_MAX];
	unsigned nthreads;
};

/* Goes on parsing from line number *lines + 1. */
static bool
parse_on(struct rulefile *file, struct slice text, unsigned source,
    uint32_t *lines, struct fault *fault)
{
	while (!rulefile_parse(file, &text, source, lines, fault)) {
		if (fault->kind != FAULT_DATA)
			return false;
		rulefile_bad_line(file, source, *lines, fault);
	}
	return true;
}

static void *
work(void *arg)
{
	struct pieces *all = arg;
	size_t i;

	while (!all->stop && (i = all->next++) < all->n) {
		struct piece *p = &all->pieces[i];

		p->good = rulefile_parse(&p->rules, &p->text, all->source,
		    &p->lines, &p->fault);
		pthread_mutex_lock(&all->lock);
		p->done = true;
		pthread_cond_signal(&all->one_done);
		pthread_mutex_unlock(&all->lock);
	}
	return NULL;
}

static void
cut(struct pieces *all, const struct rulefile *file, struct slice text)
{
	for (; text.n > 0; all->n++) {
		struct piece *p = &all->pieces[all->n];
		size_t n = text.n < PIECE_BYTES ? text.n : PIECE_BYTES;

		n += slice_find(slice_from(text, n), '\n');
		n += n < text.n;
		p->text = slice_make(text.p, n);
		rulefile_init(&p->rules, NULL, NULL);
		arena_init(&p->rules.memory, PIECE_CHUNK);
		p->rules.as_sendmail = file->as_sendmail;
		text = slice_from(text, n);
	}
}

static void
start(struct pieces *all)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	while (all->nthreads < THREADS_MAX && all->nthreads < all->n &&
	    (long)all->nthreads < processors && pthread_create(
	    &all->threads[all->nthreads], NULL, work, all) == 0)
		all->nthreads++;
}

static void
wait_for(struct pieces *all, const struct piece *p)
{
	pthread_mutex_lock(&all->lock);
	while (!p->done)
		pthread_cond_wait(&all->one_done, &all->lock);
	pthread_mutex_unlock(&all->lock);
}

/*
 * Appends the rules of a piece to those of the file, as if they were read
 * there.
 */
static bool
append(struct rulefile *file, struct rulefile *from, uint32_t lines,
    struct fault *fault)
{
	if (!rulefile_reserve(file, from->n, fault))
		return false;
	for (size_t i = 0; i < from->nas; i++)
		if (!rulefile_add_as(file, file->n + from->as[i].rule,
		    from->as[i].column, fault))
			return false;
	for (size_t i = 0; i < from->n; i++) {
		struct rule *rule = &file->rules[file->n + i];

		*rule = from->rules[i];
		rule->line += lines;
	}
	file->n += from->n;
	file->untagged += from->untagged;
	file->bad_profile |= from->bad_profile;
	arena_take(&file->memory, &from->memory);
	return true;
}

static bool
take(struct pieces *all, struct rulefile *file, struct piece *p,
    uint32_t *lines, struct fault *fault)
{
	wait_for(all, p);
	if (!append(file, &p->rules, *lines, fault))
		return false;
	rulefile_free(&p->rules);
	rulefile_init(&p->rules, NULL, NULL);
	*lines += p->lines;
	if (p->good)
		return true;
	*fault = p->fault;
	if (fault->kind != FAULT_DATA)
		return false;
	rulefile_bad_line(file, all->source, *lines, fault);
	return parse_on(file, p->text, all->source, lines, fault);
}

static void
finish(struct pieces *all)
{
	all->stop = true;
	for (unsigned i = 0; i < all->nthreads; i++)
		pthread_join(all->threads[i], NULL);
	for (size_t i = 0; i < all->n; i++)
		rulefile_free(&all->pieces[i].rules);
	free(all->pieces);
	pthread_mutex_destroy(&all->lock);
	pthread_cond_destroy(&all->one_done);
}

static bool
parse_pieces(struct rulefile *file, struct slice text, unsigned source,
    struct fault *fault)
{
	struct pieces all = { .source = source,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.one_done = PTHREAD_COND_INITIALIZER };
	uint32_t lines = 0;
	bool good = true;

	all.pieces = calloc(text.n / PIECE_BYTES + 1, sizeof *all.pieces);
	if (all.pieces == NULL)
		return fault_no_memory(fault);
	cut(&all, file, text);
	start(&all);
	if (all.nthreads == 0)
		good = parse_on(file, text, source, &lines, fault);
	else
		for (size_t i = 0; good && i < all.n; i++)
			good = take(&all, file, &all.pieces[i], &lines, fault);
	finish(&all);
	return good;
}

bool
rulefile_parse_all(struct rulefile *file, struct slice text, unsigned source,
    struct fault *fault)
{
	uint32_t lines = 0;

	return text.n > PIECE_BYTES ?
	    parse_pieces(file, text, source, fault) :
	    parse_on(file, text, source, &lines, fault);
}
