/*
 * A writer in a process of its own puts policies in by turns; threads read.
 * Every transaction must see one policy whole, or know that it did not.  And
 * what dead readers leave.
 */
#include <sys/wait.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <lmdb.h>

#include "policy/store/store-internal.h"
#include "policy/store/rebuild.h"
#include "policy/store/watch.h"
#include "t/unit.h"

enum { READERS = 6, RULES = 200, SECONDS = 2 };

/* All rules of policy `n` ask for the same number of bits. */
static void
make_rules(unsigned n, char *text)
{
	*text = '\0';
	for (unsigned i = 0; i < RULES + n % 7 * 30; i++)
		text += sprintf(text, "TLS_Clt:h%u.example ENCR:%u\n", i, n);
}

static void
put_policy(const char *path, unsigned n)
{
	static char text[RULES * 3 * 40];
	struct rulefile file;
	struct fault fault;

	make_rules(n, text);
	rulefile_init(&file, NULL, NULL);
	if (!rulefile_read_text(&file, slice_of(text), "rules", &fault) ||
	    !rulefile_finish(&file) || !rebuild_store(path, &file,
	    &(struct authorship){ .now = n }, REBUILD_SCRATCH, NULL, NULL, &fault))
		_exit(1);
	rulefile_free(&file);
}

/* A process that writes policies until its parent is gone or kills it. */
static pid_t
start_writer(const char *path)
{
	pid_t parent = getpid(), pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	for (unsigned n = 2; getppid() == parent; n++)
		put_policy(path, n % 60000);
	_exit(0);
}

struct view {
	struct store *store;
	time_t end;
	unsigned long read, mixed, failed, generations, overtaken;
	uint64_t last;
};

struct seen {
	char requirement[32];
	unsigned rules;
	bool mixed, pause;
};

static bool
see_rule(void *arg, const struct stored_rule *rule)
{
	const struct timespec pause = { 0, 2000000 };
	struct seen *seen = arg;

	if (seen->pause && seen->rules == RULES / 2)
		nanosleep(&pause, NULL);
	if (seen->rules++ == 0)
		snprintf(seen->requirement, sizeof seen->requirement, "%.*s",
		    SLICE_ARG(rule->requirement));
	if (!slice_is(rule->requirement, seen->requirement))
		seen->mixed = true;
	return true;
}

static void
look(struct view *view)
{
	struct seen seen = { .rules = 0 };
	struct store_reader reader;
	struct fault fault;
	bool good, overtaken;
	char want[32];

	/*
	 * Every second look pauses long enough for the writer to commit
	 * meanwhile.
	 */
	seen.pause = view->read++ % 2 != 0;
	if (!store_begin(view->store, &reader, &fault)) {
		view->failed++;
		return;
	}
	good = store_each(&reader, see_rule, &seen);
	overtaken = store_is_overtaken(&reader);
	snprintf(want, sizeof want, "ENCR:%lld",
	    (long long)reader.info.built_at);
	if (overtaken)
		view->overtaken++;
	else if (!good)
		view->failed++;
	else if (seen.mixed || seen.rules != reader.info.rules ||
	    strcmp(want, seen.requirement) != 0 ||
	    reader.info.generation < view->last)
		view->mixed++;
	if (!overtaken && reader.info.generation != view->last) {
		view->generations++;
		view->last = reader.info.generation;
	}
	store_end(&reader);
}

static void *
keep_looking(void *arg)
{
	struct view *view = arg;

	while (time(NULL) < view->end)
		look(view);
	return NULL;
}

static void
whole_generations(struct store *(*open)(const char *, struct fault *),
    bool may_be_overtaken)
{
	struct view views[READERS];
	pthread_t threads[READERS];
	unsigned long changes = 0, overtaken = 0;
	struct fault fault;
	struct store *store = NULL;
	const char *path = unit_path("turns");
	pid_t writer;

	unlink(path);
	put_policy(path, 1);
	writer = start_writer(path);
	/*
	 * On a busy machine the writer may commit twice while the store is
	 * opened.
	 */
	for (int i = 0; store == NULL && i < (may_be_overtaken ? 100 : 1); i++)
		store = open(path, &fault);
	assert_non_null(store);
	for (int i = 0; i < READERS; i++) {
		views[i] = (struct view){ .store = store,
			.end = time(NULL) + SECONDS };
		pthread_create(&threads[i], NULL, keep_looking, &views[i]);
	}
	for (int i = 0; i < READERS; i++) {
		pthread_join(threads[i], NULL);
		unit_number("mixed", 0, (long)views[i].mixed);
		unit_number("failed", 0, (long)views[i].failed);
		overtaken += views[i].overtaken;
		changes += views[i].generations;
	}
	kill(writer, SIGKILL);
	waitpid(writer, NULL, 0);
	assert_true(changes > 10);
	assert_true(overtaken == 0 || may_be_overtaken);
	look(&views[0]); /* the store as the killed writer left it */
	unit_number("mixed", 0, (long)views[0].mixed);
	store_close(store);
	/* Opened anew it is sound. */
	assert_non_null(store = store_open(path, &fault));
	store_close(store);
	unit_end();
}

static void
test_whole_generations(void **state)
{
	(void)state;
	whole_generations(store_open, false);
}

static struct store *
open_unlocked(const char *path, struct fault *fault)
{
	return store_open_unlocked(path, NULL, fault);
}

/* LMDB uses the pages of a snapshot again from the second later commit on. */
static void
test_overtaken(void **state)
{
	const char *path = unit_path("overtaken");
	struct store_reader reader;
	struct fault fault;
	struct store *store;

	(void)state;
	put_policy(path, 1);
	assert_non_null(store = open_unlocked(path, &fault));
	for (unsigned n = 2; n < 20; n += 2) {
		struct seen seen = { .rules = 0 };

		assert_true(store_begin(store, &reader, &fault));
		put_policy(path, n);
		assert_false(store_is_overtaken(&reader));
		assert_true(store_each(&reader, see_rule, &seen));
		assert_false(seen.mixed);
		put_policy(path, n + 1);
		assert_true(store_is_overtaken(&reader));
		(void)store_each(&reader, see_rule, &seen);
		store_end(&reader);
		assert_false(store_is_suspect(store));
	}
	store_close(store);
}

/*
 * A reader without locks may be overtaken by a writer: what it read counts only
 * when it was not.
 */
static void
test_without_locks(void **state)
{
	(void)state;
	whole_generations(open_unlocked, true);
}

/* A killed writer never harms the store: killed at any moment. */
static void
test_killed_writers(void **state)
{
	const char *path = unit_path("killed");
	uint64_t seed = 3;

	(void)state;
	put_policy(path, 1);
	for (int i = 0; i < 60; i++) {
		struct timespec pause = { 0,
			(long)(unit_random(&seed) % 8000) * 1000 };
		struct store_reader reader;
		struct seen seen = { .rules = 0 };
		struct store *store;
		struct fault fault;
		pid_t writer = start_writer(path);

		nanosleep(&pause, NULL);
		kill(writer, SIGKILL);
		waitpid(writer, NULL, 0);
		store = store_open(path, &fault);
		if (store == NULL)
			fail_msg("%s", fault.text);
		assert_true(store_begin(store, &reader, &fault));
		assert_true(store_each(&reader, see_rule, &seen));
		assert_false(seen.mixed);
		assert_int_equal(seen.rules, reader.info.rules);
		store_end(&reader);
		store_close(store);
	}
}

static void
hold_slots(const char *path, unsigned n)
{
	struct store_reader *readers = calloc(n, sizeof *readers);
	struct fault fault;
	struct store *store = store_open(path, &fault);

	for (unsigned i = 0; store != NULL && i < n; i++)
		if (!store_begin(store, &readers[i], &fault))
			_exit(1);
	_exit(store == NULL ? 1 : 0); /* ends without giving its reader slots back */
}

/* "PID THREAD TXN", one reader a line, below a heading. */
static int
count_line(const char *line, void *arg)
{
	line += strspn(line, " ");
	*(unsigned *)arg += *line >= '0' && *line <= '9';
	return 0;
}

static unsigned
slots_used(struct store *store)
{
	unsigned used = 0;

	mdb_reader_list(store->env, count_line, &used);
	return used;
}

/* The slots of dead processes are had again, also when all are taken. */
static void
test_dead_readers(void **state)
{
	const char *path = unit_build("dead", "TLS_Clt: OK\n", 1);
	struct store_reader reader;
	struct fault fault;
	struct store *store = store_open(path, &fault);

	(void)state;
	for (int round = 0; round < 3; round++) {
		int status;
		pid_t pid = fork();

		if (pid == 0)
			hold_slots(path, round == 2 ? 1024 : 10);
		waitpid(pid, &status, 0);
		unit_number("child", 0, status);
		unit_number("held", round == 2 ? 1024 : 10,
		    slots_used(store));
		if (round < 2) {
			unit_number("cleared", 10,
			    store_clear_dead_readers(store));
			unit_number("left", 0, slots_used(store));
		}
	}
	assert_true(store_begin(store, &reader, &fault));
	store_end(&reader);
	store_close(store);
	unit_end();
}

static void
test_current(void **state)
{
	const char *path = unit_build("current", "TLS_Clt: OK\n", 1);
	const char *other = unit_build("other", "TLS_Clt: OK\n", 1);
	struct fault fault;
	struct store *store = store_open(path, &fault);

	(void)state;
	assert_true(store_is_current(store));
	assert_string_equal(store_path(store), path);
	assert_int_equal(rename(other, path), 0);
	assert_false(store_is_current(store));
	assert_int_equal(unlink(path), 0);
	assert_false(store_is_current(store));
	store_close(store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_generations),
		cmocka_unit_test(test_overtaken),
		cmocka_unit_test(test_without_locks),
		cmocka_unit_test(test_killed_writers),
		cmocka_unit_test(test_dead_readers),
		cmocka_unit_test(test_current),
	};

	return unit_main(tests);
}
