/*
 * A process gets the lowest free descriptor: the number of a new one tells, at
 * no cost, how near the limit is.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "milter/accept.h"
#include "milter/handover.h"
#include "milter/log.h"
#include "milter/worker.h"
#include "policy/policy.h"

enum { SPARE = 16, SILENCE_MS = 60000 };

static struct metrics *metrics;
static struct accept_trouble trouble = { .where = "" };
static bool crowded; /* the latest descriptor was near the limit */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* accept_next()'s */

void
accept_init(struct metrics *m)
{
	metrics = m;
}

void
accept_failed(struct accept_trouble *t, int error)
{
	int64_t now = clock_ms();

	if (metrics != NULL)
		metrics_count(metrics, COUNTER_NOT_ACCEPTED);
	if (t->said_ms != 0 && now - t->said_ms < SILENCE_MS)
		return;
	errno = error;
	log_warn("%scannot accept connections; they wait", t->where);
	t->said_ms = now;
	t->said = true;
}

void
accept_succeeded(struct accept_trouble *t)
{
	if (!t->said)
		return;
	t->said = false;
	log_info("%sconnections are accepted again", t->where);
}

/*
 * Spared: the highest descriptors, a quarter of them where there are few in
 * all.
 */
bool
accept_is_spared(int fd)
{
	struct rlimit limit;
	rlim_t spare = SPARE;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return false;
	if (limit.rlim_cur / 4 < spare)
		spare = limit.rlim_cur / 4;
	return (rlim_t)fd + spare >= limit.rlim_cur;
}

static bool
is_crowded(int listening)
{
	int lowest = fcntl(listening, F_DUPFD_CLOEXEC, 0);

	if (lowest == -1)
		return true;
	close(lowest);
	return accept_is_spared(lowest);
}

/* An error that a pause mends.  Others are given for a bug of ours alone. */
static bool
is_passing(int error)
{
	switch (error) {
	case EINTR:
	case EAGAIN:
	case ECONNABORTED:
	case EBADF:
	case EFAULT:
	case EINVAL:
	case ENOTSOCK:
	case EOPNOTSUPP:
		return true;
	default:
		return false;
	}
}

/* -1 with an error of accept4(2), or EMFILE while descriptors are spared. */
static int
take(int listening, struct sockaddr *address, socklen_t *length, int flags)
{
	int fd;

	if (crowded && is_crowded(listening)) {
		errno = EMFILE;
		return -1;
	}
	fd = accept4(listening, address, length, SOCK_CLOEXEC | flags);
	if (fd == -1)
		return -1;
	crowded = accept_is_spared(fd);
	accept_succeeded(&trouble);
	return fd;
}

int
accept(int listening, struct sockaddr *address, socklen_t *length)
{
	const struct timespec pause = { 0, ACCEPT_PAUSE_MS * 1000000 };
	int fd = crowded && is_crowded(listening) ? -1 :
	    worker_connection(listening, address, length);

	if (fd != -1)
		return fd;
	fd = take(listening, address, length, 0);
	if (fd != -1) {
		handover_begin(fd);
		return fd;
	}
	if (is_passing(errno))
		return -1;
	accept_failed(&trouble, errno);
	nanosleep(&pause, NULL);
	errno = EMFILE;
	return -1;
}

int
accept_next(int listening)
{
	int fd;

	pthread_mutex_lock(&lock);
	fd = take(listening, NULL, NULL, SOCK_NONBLOCK);
	if (fd == -1 && is_passing(errno)) {
		errno = EAGAIN;
	} else if (fd == -1) {
		accept_failed(&trouble, errno);
		errno = EMFILE;
	}
	pthread_mutex_unlock(&lock);
	return fd;
}
