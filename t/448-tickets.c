/*
 * Records handed over by who must not wait: what the ticket says is what is in
 * the file.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "milter/auditlog/writer-ticket.h"
#include "policy/policy.h"
#include "t/unit.h"

struct waiter {
	struct writer_ticket ticket; /* first member: wake() casts it back */
	atomic_uint woken;
};

static struct fault fault;

static void
wake(struct writer_ticket *ticket)
{
	atomic_fetch_add(&((struct waiter *)ticket)->woken, 1);
}

static void
report(void *arg, enum writer_event event, const struct fault *why)
{
	(void)arg;
	(void)event;
	(void)why;
}

static struct writer *
open_log(const char *path, enum audit_sync sync, enum audit_full full,
    unsigned wait_ms)
{
	const struct writer_options options = { .path = path, .sync = sync,
		.full = full, .wait_ms = wait_ms, .clock = clock_date_us,
		.report = report, .queue_bytes = 4096, .reserve = 1 };
	struct writer *w;

	unlink(path);
	w = writer_open(&options, &fault);
	assert_non_null(w);
	return w;
}

static void
make_waiter(struct waiter *waiter)
{
	memset(waiter, 0, sizeof *waiter);
	waiter->ticket.settled = wake;
}

/* Waits as the daemon does: until woken, or until time is up. */
static struct writer_outcome
await(struct writer *w, struct waiter *waiter)
{
	const struct timespec tick = { 0, 1000000 };
	struct writer_outcome outcome;

	while (atomic_load(&waiter->woken) == 0 &&
	    clock_ms() < waiter->ticket.until_ms)
		nanosleep(&tick, NULL);
	while (!writer_collect(w, &waiter->ticket, &outcome))
		nanosleep(&tick, NULL);
	atomic_store(&waiter->woken, 0);
	assert_null(waiter->ticket.entries);
	return outcome;
}

static struct slice
record(char *memory, size_t size, unsigned n)
{
	struct text t;

	text_init(&t, memory, size);
	text_printf(&t, "{\"v\":1,\"event\":\"message\",\"n\":%u}", n);
	return slice_make(memory, t.n);
}

static unsigned
lines_with(const char *path, const char *what)
{
	char line[1024];
	FILE *f = fopen(path, "r");
	unsigned n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL)
		n += strstr(line, what) != NULL;
	fclose(f);
	return n;
}

static void
let_write(bool may)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = may ? limit.rlim_max : 1;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
test_taken(void **state)
{
	static const enum audit_sync syncs[] = { AUDIT_SYNC_NONE,
		AUDIT_SYNC_BATCH, AUDIT_SYNC_EACH };
	const char *path = unit_path("taken");
	char memory[64];

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(syncs); i++) {
		struct writer *w = open_log(path, syncs[i],
		    AUDIT_FULL_TEMPFAIL, 5000);
		bool each = syncs[i] == AUDIT_SYNC_EACH;
		struct writer_outcome outcome;
		struct waiter waiter;

		make_waiter(&waiter);
		for (unsigned n = 0; n < 200; n++) {
			assert_int_equal(writer_hand(w, record(memory,
			    sizeof memory, n), WRITER_PATIENT,
			    &waiter.ticket), WRITER_HANDED_OPEN);
			outcome = await(w, &waiter);
			assert_int_equal(outcome.recorded, 1);
			assert_false(outcome.refused);
			/* The record is in the file by now. */
			assert_int_equal(lines_with(path, "\"n\":"), n + 1);
		}
		assert_int_equal(writer_hand(w, record(memory,
		    sizeof memory, 200), WRITER_REFUSAL, &waiter.ticket), each ?
		    WRITER_HANDED_OPEN : WRITER_HANDED_TAKEN);
		if (each)
			assert_int_equal(await(w, &waiter).recorded, 1);
		writer_close(w);
		assert_int_equal(lines_with(path, "\"n\":"), 201);
	}
}

/* The first is settled before the second is handed over: none is taken back. */
static void
test_woken_early(void **state)
{
	const char *path = unit_path("early");
	struct writer *w = open_log(path, AUDIT_SYNC_EACH,
	    AUDIT_FULL_TEMPFAIL, 5000);
	const struct timespec tick = { 0, 1000000 };
	struct waiter waiter;
	char memory[64];

	(void)state;
	make_waiter(&waiter);
	for (unsigned n = 0; n < 100; n += 2) {
		struct writer_outcome outcome;

		assert_int_equal(writer_hand(w, record(memory, sizeof memory,
		    n), WRITER_PATIENT, &waiter.ticket),
		    WRITER_HANDED_OPEN);
		while (atomic_load(&waiter.woken) == 0)
			nanosleep(&tick, NULL);
		assert_int_equal(writer_hand(w, record(memory, sizeof memory,
		    n + 1), WRITER_PATIENT, &waiter.ticket),
		    WRITER_HANDED_OPEN);
		/* The waiter was woken by the first record. */
		outcome = await(w, &waiter);
		assert_int_equal(outcome.recorded, 2);
		assert_int_equal(outcome.unrecorded, 0);
	}
	writer_close(w);
	assert_int_equal(lines_with(path, "\"n\":"), 100);
	assert_int_equal(lines_with(path, "withdrawn"), 0);
}

/* With a full disk a ticket is refused at once, or when time is up. */
static void
test_refused(void **state)
{
	const char *path = unit_path("refused");
	char memory[64];

	(void)state;
	for (int block = 0; block < 2; block++) {
		struct writer *w = open_log(path, AUDIT_SYNC_NONE, block ?
		    AUDIT_FULL_BLOCK : AUDIT_FULL_TEMPFAIL, 300);
		struct writer_outcome outcome = { 0 };
		struct waiter waiter;
		enum writer_handed handed;
		int64_t before;

		make_waiter(&waiter);
		let_write(false);
		before = clock_ms();
		handed = writer_hand(w, record(memory, sizeof memory, 1),
		    WRITER_PATIENT, &waiter.ticket);
		if (handed == WRITER_HANDED_OPEN)
			outcome = await(w, &waiter);
		assert_true(handed == WRITER_HANDED_REFUSED || outcome.refused);
		assert_true(!block || clock_ms() - before >= 290);
		assert_int_equal(outcome.recorded, 0);
		let_write(true);
		writer_close(w);
		/* What came into the file later does not count. */
		assert_int_equal(lines_with(path, "\"n\":"),
		    lines_with(path, "withdrawn"));
	}
}

/*
 * With audit-full = block tickets wait outside the queue, in order, until there
 * is room.
 */
static void
test_block(void **state)
{
	enum { MANY = 300 };
	static struct waiter waiters[MANY];
	const char *path = unit_path("block");
	struct writer *w = open_log(path, AUDIT_SYNC_NONE, AUDIT_FULL_BLOCK,
	    20000);
	char memory[64], line[1024], want[32];
	unsigned n = 0;
	FILE *f;

	(void)state;
	let_write(false);
	for (unsigned i = 0; i < MANY; i++) {
		make_waiter(&waiters[i]);
		if (i == MANY / 2)
			assert_true(writer_hand_ahead(w, slice_of(
			    "{\"v\":1,\"event\":\"policy\"}"), WRITER_PATIENT));
		assert_int_equal(writer_hand(w, record(memory, sizeof memory,
		    i), WRITER_PATIENT, &waiters[i].ticket),
		    WRITER_HANDED_OPEN);
	}
	let_write(true);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(await(w, &waiters[i]).recorded, 1);
	writer_close(w);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL) {
		if (strstr(line, "\"policy\"") != NULL)
			assert_int_equal(n, MANY / 2);
		snprintf(want, sizeof want, "\"n\":%u", n);
		n += strstr(line, want) != NULL;
	}
	fclose(f);
	assert_int_equal(n, MANY);
}

/* When the writer closes each waiter is told. */
static void
test_closed(void **state)
{
	const char *path = unit_path("closed");
	struct writer *w = open_log(path, AUDIT_SYNC_EACH,
	    AUDIT_FULL_TEMPFAIL, 5000);
	struct waiter waiter;
	char memory[64];

	(void)state;
	make_waiter(&waiter);
	assert_int_equal(writer_hand(w, record(memory, sizeof memory, 1),
	    WRITER_PATIENT, &waiter.ticket), WRITER_HANDED_OPEN);
	assert_int_equal(await(w, &waiter).recorded, 1);
	writer_close(w);
	assert_int_equal(lines_with(path, "\"n\":1"), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_woken_early),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_block),
		cmocka_unit_test(test_closed),
	};

	return unit_main(tests);
}
