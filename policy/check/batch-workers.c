/*
 * A round is shared out by handfuls of lines, so that a thread that is held up
 * holds up no more than that.  Each writes into memory of its own; where the
 * answers to a handful stand is noted, and they are put out in order when the
 * round is over.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "policy/check/batch-workers.h"

enum {
	THREADS_MAX = 16,
	HANDFUL = 16,
	HANDFULS = BATCH_ROUND_MAX / HANDFUL
};

struct handful {
	const struct batch_judge *by;
	size_t at, n; /* in its memory */
};

struct member {
	struct batch_workers *workers;
	struct batch_judge judge;
	pthread_t thread;
};

struct batch_workers {
	pthread_mutex_t lock;
	pthread_cond_t begun, done;
	/* Under the lock. */
	const struct batch_lines *lines; /* NULL: no round */
	size_t next, left;		 /* handfuls to be taken, to be done */
	bool end, no_memory;

	struct handful handfuls[HANDFULS];
	size_t members;	/* that there are to be, the caller's thread the first */
	size_t started; /* with a thread and a judge */
	struct member *member;
};

static size_t
handfuls_of(const struct batch_lines *lines)
{
	return (lines->n + HANDFUL - 1) / HANDFUL;
}

struct batch_workers *
batch_workers_new(const struct check *like)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct batch_workers *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->members = processors < 1 ? 1 : processors > THREADS_MAX ?
	    THREADS_MAX : (size_t)processors;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->begun, NULL);
	pthread_cond_init(&c->done, NULL);
	c->member = calloc(c->members, sizeof *c->member);
	if (c->member == NULL) {
		c->members = 0;
		batch_workers_free(c);
		return NULL;
	}
	c->started = 1;
	if (!batch_judge_init(&c->member[0].judge, like)) {
		batch_workers_free(c);
		return NULL;
	}
	return c;
}

void
batch_workers_free(struct batch_workers *c)
{
	if (c == NULL)
		return;
	pthread_mutex_lock(&c->lock);
	c->end = true;
	pthread_cond_broadcast(&c->begun);
	pthread_mutex_unlock(&c->lock);
	for (size_t i = 0; i < c->started; i++) {
		if (i > 0)
			pthread_join(c->member[i].thread, NULL);
		batch_judge_free(&c->member[i].judge);
	}
	pthread_cond_destroy(&c->done);
	pthread_cond_destroy(&c->begun);
	pthread_mutex_destroy(&c->lock);
	free(c->member);
	free(c);
}

static bool
judge_handful(struct batch_judge *judge, const struct batch_lines *lines,
    size_t which, struct handful *h)
{
	size_t end = (which + 1) * HANDFUL;
	bool good = true;

	h->by = judge;
	h->at = judge->n;
	for (size_t i = which * HANDFUL; good && i < end && i < lines->n; i++)
		good = batch_judge_line(judge, lines->line[i],
		    lines->too_long[i], lines->first + i);
	h->n = judge->n - h->at;
	return good;
}

/* Judges handfuls of lines until the round has none left.  The lock is held. */
static void
take_handfuls(struct batch_workers *c, struct batch_judge *judge)
{
	while (c->lines != NULL && c->next < handfuls_of(c->lines)) {
		const struct batch_lines *lines = c->lines;
		size_t which = c->next++;
		bool good;

		pthread_mutex_unlock(&c->lock);
		good = judge_handful(judge, lines, which, &c->handfuls[which]);
		pthread_mutex_lock(&c->lock);
		c->no_memory |= !good;
		if (--c->left == 0)
			pthread_cond_signal(&c->done);
	}
}

static void *
work(void *arg)
{
	struct member *m = arg;
	struct batch_workers *c = m->workers;

	pthread_mutex_lock(&c->lock);
	while (!c->end) {
		take_handfuls(c, &m->judge);
		if (!c->end)
			pthread_cond_wait(&c->begun, &c->lock);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* A thread that cannot be started leaves its share to the others. */
static void
start(struct batch_workers *c)
{
	for (; c->started < c->members; c->started++) {
		struct member *m = &c->member[c->started];

		m->workers = c;
		if (!batch_judge_init(&m->judge, &c->member[0].judge.check) ||
		    pthread_create(&m->thread, NULL, work, m) != 0) {
			batch_judge_free(&m->judge);
			c->members = c->started;
			return;
		}
	}
}

static bool
put_out(const struct batch_workers *c, size_t n, FILE *out)
{
	for (size_t i = 0; i < n; i++) {
		const struct handful *h = &c->handfuls[i];

		if (fwrite(h->by->out + h->at, 1, h->n, out) != h->n)
			return false;
	}
	return true;
}

enum batch_result
batch_workers_round(struct batch_workers *c, const struct batch_lines *lines,
    FILE *out)
{
	size_t n = handfuls_of(lines);

	if (n > 1 && c->started < c->members)
		start(c);
	for (size_t i = 0; i < c->started; i++)
		c->member[i].judge.n = 0;
	pthread_mutex_lock(&c->lock);
	c->lines = lines;
	c->next = 0;
	c->left = n;
	if (n > 1)
		pthread_cond_broadcast(&c->begun);
	take_handfuls(c, &c->member[0].judge);
	while (c->left > 0)
		pthread_cond_wait(&c->done, &c->lock);
	c->lines = NULL;
	pthread_mutex_unlock(&c->lock);
	if (!put_out(c, n, out))
		return BATCH_NOT_WRITTEN;
	return c->no_memory ? BATCH_NO_MEMORY : BATCH_JUDGED;
}

uint64_t
batch_workers_bad(const struct batch_workers *c, bool *no_memory)
{
	uint64_t bad = 0;

	*no_memory = false;
	for (size_t i = 0; i < c->started; i++) {
		bad += c->member[i].judge.bad;
		*no_memory |= c->member[i].judge.no_memory;
	}
	return bad;
}
