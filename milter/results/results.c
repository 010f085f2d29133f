/*
 * One thread, one descriptor to read and one that ends it.  All memory is there
 * from the start but that of strings with escapes.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "milter/log.h"
#include "milter/results/results.h"
#include "milter/signals.h"
#include "policy/policy.h"

enum { STOP_S = 3, CHUNK = 4096, SECOND_MS = 1000, SILENCE_MS = 60000 };

/*
 * Trouble is logged when it begins, once in a minute at most, and when it ends.
 */
struct trouble {
	bool told;
	int64_t told_ms; /* 0: never */
};

struct results {
	struct daemon *daemon;
	int fd, end_fd, out_fd; /* the last -1: nobody is told */
	struct sockaddr_un to;
	struct arena memory;
	struct tlsrpt told;
	int64_t second_ms;	/* when the one that is counted began */
	unsigned of_second;
	bool stops;		/* the drain is closed */
	struct trouble unread, unforwarded, unrecorded;
	pthread_t thread;
	char datagram[TLSRPT_DATAGRAM_MAX];
	char line[RECORD_LINE_MAX];
};

static void
note_trouble(struct trouble *t, bool now, const char *began, const char *ended)
{
	if (!now && t->told)
		log_info("TLSRPT: %s", ended);
	if (now && !t->told) {
		int64_t ms = clock_ms();

		if (t->told_ms != 0 && ms - t->told_ms < SILENCE_MS)
			return;
		t->told_ms = ms;
		log_warnx("TLSRPT: %s", began);
	}
	t->told = now;
}

static void
forward(struct results *r, size_t n)
{
	char began[256];
	ssize_t sent;

	if (r->out_fd == -1)
		return;
	sent = sendto(r->out_fd, r->datagram, n, MSG_DONTWAIT | MSG_NOSIGNAL,
	    (const struct sockaddr *)&r->to, sizeof r->to);
	snprintf(began, sizeof began, "%s: what comes is not passed on: %s",
	    r->to.sun_path, sent == -1 ? strerror(errno) : "");
	note_trouble(&r->unforwarded, sent == -1, began,
	    "what comes is passed on again");
}

static void
record(struct results *r, const struct tlsrpt_policy *policy)
{
	struct daemon *d = r->daemon;
	struct record_handshake record = { .time_us = clock_date_us(),
		.domain = r->told.domain, .policy = policy };
	struct text line;
	bool taken;

	text_init(&line, r->line, sizeof r->line);
	taken = record_handshake_format(&record, &line) &&
	    auditlog_submit(d->audit, slice_make(line.buf, line.n),
	    WRITER_IMPATIENT);
	metrics_count(&d->metrics, taken ? COUNTER_RECORDS :
	    COUNTER_UNRECORDED);
	metrics_count(&d->metrics, COUNTER_HANDSHAKES);
	if (policy->failed)
		metrics_count(&d->metrics, COUNTER_HANDSHAKES_FAILED);
	note_trouble(&r->unrecorded, !taken, "what comes cannot be recorded",
	    "what comes is recorded again");
}

/* Takes a datagram.  Its text is a stranger's, and is not logged. */
static void
take(struct results *r, size_t n)
{
	const char *expected;
	char began[128];
	bool good;
	size_t at;

	if (n > sizeof r->datagram) {
		expected = "at most 65536 bytes";
		at = sizeof r->datagram;
		good = false;
	} else {
		forward(r, n);
		arena_reset(&r->memory);
		good = tlsrpt_parse(slice_make(r->datagram, n), &r->memory,
		    &r->told, &expected, &at);
	}
	if (!good)
		metrics_count(&r->daemon->metrics, COUNTER_HANDSHAKES_UNREAD);
	snprintf(began, sizeof began, "a datagram cannot be read: byte %zu: "
	    "expected %s", at + 1, good ? "" : expected);
	note_trouble(&r->unread, !good, began, "datagrams can be read again");
	for (unsigned i = 0; good && i < r->told.npolicies; i++)
		record(r, &r->told.policies[i]);
}

/* Milliseconds until the next second's datagrams may be read; 0: now. */
static int
rest_ms(struct results *r)
{
	int64_t now = clock_ms();

	if (now - r->second_ms >= SECOND_MS) {
		r->second_ms = now;
		r->of_second = 0;
	}
	return r->of_second < RESULTS_PER_S ? 0 :
	    (int)(r->second_ms + SECOND_MS - now);
}

static bool
read_one(struct results *r)
{
	ssize_t n = recv(r->fd, r->datagram, sizeof r->datagram,
	    MSG_DONTWAIT | MSG_TRUNC);

	if (n == -1)
		return false;
	r->of_second++;
	r->stops = !drain_enter(&r->daemon->drain);
	if (r->stops)
		return false;
	take(r, (size_t)n);
	drain_leave(&r->daemon->drain);
	return true;
}

static void *
loop(void *arg)
{
	struct results *r = arg;
	struct pollfd fds[2] = { { .fd = r->end_fd, .events = POLLIN },
		{ .fd = r->fd, .events = POLLIN } };
	int rest = 0;

	signals_block();
	/* While it rests the socket is left out: it would be ready at once. */
	while (poll(fds, rest > 0 ? 1 : 2, rest > 0 ? rest : -1) != -1 ||
	    errno == EINTR) {
		if ((fds[0].revents & POLLIN) != 0)
			return NULL;
		while ((rest = rest_ms(r)) == 0 && read_one(r))
			continue;
		if (r->stops)
			return NULL;
	}
	log_warn("TLSRPT: nothing is read any more");
	return NULL;
}

static void
release(struct results *r)
{
	arena_free(&r->memory);
	close(r->fd);
	if (r->end_fd != -1)
		close(r->end_fd);
	if (r->out_fd != -1)
		close(r->out_fd);
	free(r);
}

static bool
open_forward(struct results *r, const char *setting)
{
	struct text path;

	if (!slice_starts_nocase(slice_of(setting), "unix:"))
		return true;
	r->to.sun_family = AF_UNIX;
	text_init(&path, r->to.sun_path, sizeof r->to.sun_path);
	text_puts(&path, setting + 5);
	r->out_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return r->out_fd != -1;
}

struct results *
results_start(struct daemon *d, int fd, const char *forward_to,
    struct fault *f)
{
	struct results *r = calloc(1, sizeof *r);
	int error;

	if (r == NULL) {
		fault_no_memory(f);
		return NULL;
	}
	r->daemon = d;
	r->fd = fd;
	r->out_fd = -1;
	arena_init(&r->memory, CHUNK);
	r->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	error = r->end_fd == -1 || !open_forward(r, forward_to) ? errno :
	    pthread_create(&r->thread, NULL, loop, r);
	if (error == 0)
		return r;
	fault_errno(f, FAULT_UNAVAILABLE, error,
	    "cannot be told of TLS with servers");
	release(r);
	return NULL;
}

/* Left as it is when the disk keeps its thread: until the process ends. */
void
results_stop(struct results *r)
{
	const uint64_t one = 1;
	struct timespec until;

	if (r == NULL)
		return;
	until = clock_date_in(STOP_S);
	if (write(r->end_fd, &one, sizeof one) == sizeof one &&
	    pthread_timedjoin_np(r->thread, NULL, &until) == 0)
		release(r);
}
