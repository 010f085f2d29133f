/*
 * A counter under a mutex is the whole queue: a thread takes the next number,
 * works without the lock, and marks the job done.  No thread runs more than
 * PROBE_AHEAD jobs ahead of what was handed out, so that a slow first target
 * does not pile up the results of all others in memory.
 */
#include <pthread.h>
#include <stdlib.h>

#include "policy/probe/queue.h"
#include "policy/probe/mx.h"

enum { PROBE_AHEAD = 4096 };

struct queue {
	const struct probe *probe;
	struct probe_job *jobs;
	size_t n, next, handed_out;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
};

static bool
probe_one(const struct probe *probe, struct probe_job *job, const char *host,
    const char *address)
{
	struct probe_result *results = reallocarray(job->results, job->n + 1,
	    sizeof *results);

	if (results == NULL)
		return fault_no_memory(&job->fault);
	job->results = results;
	probe_host(probe, host, address, job->target.port,
	    &results[job->n++]);
	return true;
}

static bool
probe_each_address(const struct probe *probe, struct probe_job *job,
    const char *host)
{
	char addresses[PROBE_ADDRESSES_MAX][64];
	unsigned n = probe->settings.each_address ?
	    probe_addresses(host, addresses) : 0;

	if (n == 0)
		return probe_one(probe, job, host, NULL);
	for (unsigned i = 0; i < n; i++)
		if (!probe_one(probe, job, host, addresses[i]))
			return false;
	return true;
}

static void
run_mx(const struct probe *probe, struct probe_job *job)
{
	struct mx *mx = malloc(sizeof *mx);

	if (mx == NULL) {
		fault_no_memory(&job->fault);
		return;
	}
	if (mx_lookup(job->target.host, (int)(probe->settings.timeout / 1000),
	    mx, &job->fault))
		for (size_t i = 0; i < mx->n; i++)
			if (!probe_each_address(probe, job, mx->host[i]))
				break;
	free(mx);
}

static void
run_job(const struct probe *probe, struct probe_job *job)
{
	fault_clear(&job->fault);
	if (!target_parse(slice_of(job->text), &job->target, &job->fault))
		return;
	if (job->target.by_mx)
		run_mx(probe, job);
	else
		probe_each_address(probe, job, job->target.host);
}

static void *
work(void *arg)
{
	struct queue *q = arg;

	pthread_mutex_lock(&q->mutex);
	while (q->next < q->n) {
		size_t mine;

		if (q->next >= q->handed_out + PROBE_AHEAD) {
			pthread_cond_wait(&q->changed, &q->mutex);
			continue;
		}
		mine = q->next++;
		pthread_mutex_unlock(&q->mutex);
		run_job(q->probe, &q->jobs[mine]);
		pthread_mutex_lock(&q->mutex);
		q->jobs[mine].done = true;
		pthread_cond_broadcast(&q->changed);
	}
	pthread_mutex_unlock(&q->mutex);
	return NULL;
}

static void
release(struct probe_job *job)
{
	for (size_t i = 0; i < job->n; i++)
		probe_result_free(&job->results[i]);
	free(job->results);
	job->results = NULL;
	job->n = 0;
}

static void
hand_out(struct queue *q, void (*each)(void *, const struct probe_job *),
    void *arg)
{
	for (size_t i = 0; i < q->n; i++) {
		pthread_mutex_lock(&q->mutex);
		while (!q->jobs[i].done)
			pthread_cond_wait(&q->changed, &q->mutex);
		q->handed_out = i;
		pthread_cond_broadcast(&q->changed);
		pthread_mutex_unlock(&q->mutex);
		each(arg, &q->jobs[i]);
		release(&q->jobs[i]);
	}
}

bool
probe_queue_run(const struct probe *probe, struct probe_job *jobs, size_t n,
    unsigned threads, void (*each)(void *, const struct probe_job *),
    void *arg, struct fault *f)
{
	struct queue q = { .probe = probe, .jobs = jobs, .n = n,
		.mutex = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER };
	pthread_t id[PROBE_JOBS_MAX];
	unsigned started = 0;
	int error = 0;

	while (started < threads && started < n && error == 0) {
		error = pthread_create(&id[started], NULL, work, &q);
		started += error == 0;
	}
	/* Fewer threads than asked for do the same work. */
	if (started == 0 && n > 0)
		return fault_errno(f, FAULT_UNAVAILABLE, error,
		    "cannot start a thread");
	hand_out(&q, each, arg);
	for (unsigned i = 0; i < started; i++)
		pthread_join(id[i], NULL);
	return true;
}
