/* The writer of the audit log: promises kept under load and under faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "milter/auditlog/writer.h"
#include "policy/audit/verify.h"

struct fixture {
	char folder[64], path[128], second[128];
	struct writer_options options;
	atomic_int failing, recovered, opened, lost, astray;
};

static int64_t
clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
report(void *arg, enum writer_event event, const struct fault *fault)
{
	struct fixture *f = arg;

	(void)fault;
	if (event == WRITER_FAILING)
		atomic_fetch_add(&f->failing, 1);
	if (event == WRITER_RECOVERED)
		atomic_fetch_add(&f->recovered, 1);
	if (event == WRITER_OPENED)
		atomic_fetch_add(&f->opened, 1);
	if (event == WRITER_LOST)
		atomic_fetch_add(&f->lost, 1);
	if (event == WRITER_ASTRAY)
		atomic_fetch_add(&f->astray, 1);
}

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	strcpy(f->folder, "/tmp/t202-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof f->path, "%s/log", f->folder);
	snprintf(f->second, sizeof f->second, "%s/log.1", f->folder);
	f->options = (struct writer_options){ .path = f->path,
		.sync = AUDIT_SYNC_NONE, .full = AUDIT_FULL_TEMPFAIL,
		.clock = clock_us, .report = report, .arg = f };
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	unlink(f->second);
	rmdir(f->folder);
	free(f);
	return 0;
}

static struct writer *
open_writer(struct fixture *f)
{
	struct fault fault;
	struct writer *w = writer_open(&f->options, &fault);

	if (w == NULL)
		print_error("%s\n", fault.text);
	assert_non_null(w);
	return w;
}

static bool
submit(struct writer *w, int n)
{
	char line[64];

	snprintf(line, sizeof line, "{\"v\":1,\"n\":%d}", n);
	return writer_submit(w, slice_of(line), WRITER_PATIENT);
}

/* The files verify; returns how many records of submit() they hold. */
static unsigned
records_in(const char *path, const char *first)
{
	struct fault fault;
	struct chain *chain = chain_new(slice_of(""), &fault);
	struct verification v;
	struct source *source;
	struct slice line;
	unsigned n = 0;
	bool ended, good;

	verify_init(&v, chain);
	good = (first == NULL || verify_file(&v, first, &fault)) &&
	    verify_file(&v, path, &fault) && verify_finish(&v);
	if (!good)
		print_error("%s:%u: %s %s %s\n", v.file, (unsigned)v.line,
		    verify_break_name(v.kind), v.what, fault.text);
	assert_true(good);
	chain_free(chain);
	source = source_open(path, &fault);
	while (source_next(source, &line, &ended, &fault) == SOURCE_LINE)
		n += line.n > 12 && memcmp(line.p, "{\"v\":1,\"n\":", 11) == 0;
	source_close(source);
	return n;
}

enum { THREADS = 8, EACH = 400 };

struct load {
	pthread_t thread;
	struct writer *writer;
	int number, taken;
};

static void *
run_load(void *arg)
{
	struct load *load = arg;

	for (int i = 0; i < EACH; i++)
		load->taken += submit(load->writer, load->number * EACH + i);
	return NULL;
}

static int
run_loads(struct writer *w, struct fixture *f, int reopen)
{
	struct load loads[THREADS];
	struct fault fault;
	int taken = 0;

	for (int i = 0; i < THREADS; i++) {
		loads[i] = (struct load){ .writer = w, .number = i };
		pthread_create(&loads[i].thread, NULL, run_load, &loads[i]);
	}
	for (int i = 0; i < reopen; i++) {
		if (i == 0)
			assert_int_equal(rename(f->path, f->second), 0);
		assert_true(writer_reopen(w, &f->options, &fault));
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(loads[i].thread, NULL);
		taken += loads[i].taken;
	}
	return taken;
}

static void
under_load(struct fixture *f, enum audit_sync sync)
{
	struct writer_stats stats;
	struct writer *w;

	f->options.sync = sync;
	w = open_writer(f);
	assert_int_equal(run_loads(w, f, 0), THREADS * EACH);
	writer_stats(w, &stats);
	assert_int_equal(stats.taken, THREADS * EACH);
	assert_int_equal(stats.written, THREADS * EACH);
	assert_int_equal(records_in(f->path, NULL), THREADS * EACH);
	writer_close(w);
	assert_int_equal(records_in(f->path, NULL), THREADS * EACH);
	assert_int_equal(f->failing, 0);
}

static void
test_load_none(void **state)
{
	under_load(*state, AUDIT_SYNC_NONE);
}

static void
test_load_batch(void **state)
{
	under_load(*state, AUDIT_SYNC_BATCH);
}

static void
test_load_each(void **state)
{
	under_load(*state, AUDIT_SYNC_EACH);
}

static void
test_goes_on_with_a_file(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++) {
		struct writer *w = open_writer(f);

		assert_true(submit(w, i));
		writer_close(w);
	}
	assert_int_equal(records_in(f->path, NULL), 3);
}

static void
test_rotation_under_load(void **state)
{
	struct fixture *f = *state;
	struct writer *w;
	unsigned n;

	f->options.sync = AUDIT_SYNC_EACH;
	w = open_writer(f);
	assert_int_equal(run_loads(w, f, 10), THREADS * EACH);
	writer_close(w);
	assert_int_equal(f->opened, 2);
	n = records_in(f->path, f->second);
	assert_int_equal(n + records_in(f->second, NULL), THREADS * EACH);
}

static void
test_rotated_while_stopped(void **state)
{
	struct fixture *f = *state;
	struct writer *w = open_writer(f);

	assert_true(submit(w, 0));
	writer_close(w);
	assert_int_equal(rename(f->path, f->second), 0);
	w = open_writer(f);
	assert_true(submit(w, 1));
	writer_close(w);
	assert_int_equal(records_in(f->path, f->second), 1);
}

static void
test_copytruncate(void **state)
{
	struct fixture *f = *state;
	struct writer *w;
	char command[320];

	f->options.sync = AUDIT_SYNC_EACH;
	w = open_writer(f);
	assert_true(submit(w, 0));
	snprintf(command, sizeof command, "cp %s %s", f->path, f->second);
	assert_int_equal(system(command), 0);
	assert_int_equal(truncate(f->path, 0), 0);
	assert_true(submit(w, 1));
	writer_close(w);
	assert_int_equal(records_in(f->path, f->second), 1);
}

static void
test_torn_line_is_marked(void **state)
{
	struct fixture *f = *state;
	struct writer *w = open_writer(f);
	struct stat st;

	assert_true(submit(w, 0));
	assert_true(submit(w, 1));
	writer_close(w);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(truncate(f->path, st.st_size - 20), 0);
	w = open_writer(f);
	assert_true(submit(w, 2));
	writer_close(w);
	assert_int_equal(records_in(f->path, NULL), 3); /* with the torn one */
}

static void
test_two_writers(void **state)
{
	struct fixture *f = *state;
	struct writer *w = open_writer(f);
	struct fault fault;

	assert_null(writer_open(&f->options, &fault));
	assert_int_equal(fault.kind, FAULT_UNAVAILABLE);
	assert_non_null(strstr(fault.text, "another process writes to"));
	writer_close(w);
}

static void
test_not_a_log(void **state)
{
	struct fixture *f = *state;
	struct fault fault;
	FILE *file = fopen(f->path, "w");

	fprintf(file, "root:x:0:0\n");
	fclose(file);
	assert_null(writer_open(&f->options, &fault));
	assert_string_equal(fault.where, "setting audit-file");
	f->options.path = "/dev/null";
	assert_null(writer_open(&f->options, &fault));
	assert_string_equal(fault.text,
	    "/dev/null is not a regular file, nor a pipe");
}

/* A disk that is full at `bytes`, down to the middle of a line. */
static void
limit_file_size(rlim_t bytes)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
wait_until(struct writer *w, bool failing)
{
	struct writer_stats stats;

	for (int i = 0; i < 500; i++) {
		writer_stats(w, &stats);
		if (stats.failing == failing)
			return;
		nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
	}
	fail_msg("failing is not %d after 5 s", failing);
}

/*
 * Every limit from before the first line to behind the fifth: a record that
 * was taken is in the log, one that was not is not or was withdrawn.
 */
static void
test_full_disk_each(void **state)
{
	struct fixture *f = *state;

	f->options.sync = AUDIT_SYNC_EACH;
	for (rlim_t limit = 1; limit < 800; limit += 37) {
		struct writer_stats stats;
		struct writer *w;
		unsigned taken = 0;

		unlink(f->path);
		limit_file_size(limit);
		w = open_writer(f);
		for (int i = 0; i < 8; i++)
			taken += submit(w, i);
		assert_true(taken < 8);
		limit_file_size(RLIM_INFINITY);
		for (int i = 0; i < 500 && !submit(w, 8); i++)
			nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
		writer_stats(w, &stats);
		assert_int_equal(stats.taken, taken + 1);
		writer_close(w);
		assert_int_equal(records_in(f->path, NULL), taken + 1 +
		    stats.withdrawn);
		assert_true(stats.withdrawn <= 1);
	}
	assert_true(f->failing > 0);
	assert_int_equal(f->failing, f->recovered);
	assert_int_equal(f->lost, 0);
}

/*
 * With audit-sync none a record that was taken is in the file while the disk is
 * still full.
 */
static void
test_full_disk_none(void **state)
{
	struct fixture *f = *state;
	struct writer_stats stats;
	struct writer *w;
	unsigned taken = 0;

	limit_file_size(700);
	w = open_writer(f);
	for (int i = 0; i < 2000; i++)
		taken += submit(w, i);
	wait_until(w, true);
	assert_false(submit(w, 0));
	limit_file_size(RLIM_INFINITY);
	wait_until(w, false);
	writer_stats(w, &stats);
	writer_close(w);
	assert_int_equal(records_in(f->path, NULL), taken + stats.withdrawn);
	assert_int_equal(f->recovered, 1);
}

static void *
make_room_later(void *arg)
{
	(void)arg;
	nanosleep(&(struct timespec){ 0, 300000000 }, NULL);
	limit_file_size(RLIM_INFINITY);
	return NULL;
}

static void
test_block_waits_for_room(void **state)
{
	struct fixture *f = *state;
	struct writer *w;
	pthread_t thread;

	f->options.sync = AUDIT_SYNC_EACH;
	f->options.full = AUDIT_FULL_BLOCK;
	limit_file_size(200);
	w = open_writer(f);
	pthread_create(&thread, NULL, make_room_later, NULL);
	for (int i = 0; i < 5; i++)
		assert_true(submit(w, i));
	pthread_join(thread, NULL);
	writer_close(w);
	assert_int_equal(records_in(f->path, NULL), 5);
}

static void
test_block_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct writer *w;
	int64_t start = clock_us();

	f->options.sync = AUDIT_SYNC_EACH;
	f->options.full = AUDIT_FULL_BLOCK;
	f->options.wait_ms = 200;
	limit_file_size(1);
	w = open_writer(f);
	assert_false(submit(w, 0));
	assert_in_range(clock_us() - start, 190000, 2000000);
	limit_file_size(RLIM_INFINITY);
	for (int i = 0; i < 50 && !submit(w, 1); i++)
		;
	writer_close(w);
	/*
	 * The second record is there, and the first one if a part of it was
	 * written.
	 */
	assert_in_range(records_in(f->path, NULL), 1, 2);
}

static void
test_full_disk_is_left_by_rotation(void **state)
{
	struct fixture *f = *state;
	struct writer *w;
	struct fault fault;
	unsigned taken = 0;

	limit_file_size(500);
	w = open_writer(f);
	for (int i = 0; i < 200; i++)
		taken += submit(w, i);
	wait_until(w, true);
	assert_int_equal(rename(f->path, f->second), 0);
	assert_true(writer_reopen(w, &f->options, &fault));
	limit_file_size(RLIM_INFINITY);
	wait_until(w, false);
	writer_close(w);
	/* The record that was torn stands whole in the second file, too. */
	assert_in_range(records_in(f->path, f->second) +
	    3, taken, taken + 3);
}

static void
test_queue_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct writer *w;
	unsigned refused = 0;
	struct writer_stats stats;

	f->options.queue_bytes = 1000;
	w = open_writer(f);
	for (int i = 0; i < 20000; i++)
		refused += !submit(w, i);
	writer_close(w);
	assert_int_equal(records_in(f->path, NULL), 20000 - refused);
	f->options.full = AUDIT_FULL_BLOCK;
	w = open_writer(f);
	for (int i = 0; i < 2000; i++)
		assert_true(submit(w, i));
	writer_stats(w, &stats);
	assert_int_equal(stats.refused, 0);
	writer_close(w);
}

/*
 * The disk is full and the writer is closed: each record that it took is in the
 * log.
 */
static void
test_close_loses_nothing(void **state)
{
	struct fixture *f = *state;

	for (int sync = AUDIT_SYNC_NONE; sync <= AUDIT_SYNC_EACH; sync++) {
		struct writer *w;
		unsigned taken = 0;

		unlink(f->path);
		f->options.sync = (enum audit_sync)sync;
		limit_file_size(1000);
		w = open_writer(f);
		for (int i = 0; i < 10; i++)
			taken += submit(w, i);
		wait_until(w, true);
		writer_close(w);
		limit_file_size(RLIM_INFINITY);
		writer_close(open_writer(f)); /* marks the torn line */
		assert_in_range(taken, 1, 9);
		assert_in_range(records_in(f->path, NULL), taken, taken + 1);
		assert_int_equal(f->lost, 0);
	}
}

/* Waits for the writer's look at the name. */
static void
wait_for_replaced(struct writer *w, unsigned n)
{
	struct writer_stats stats;

	for (int i = 0; i < 6000; i++) {
		writer_stats(w, &stats);
		if (stats.replaced == n && stats.astray)
			return;
		nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
	}
	fail_msg("%u files were begun, not %u", (unsigned)stats.replaced, n);
}

static void
assert_why(const char *path, const char *why)
{
	char line[512] = "", want[64];
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_non_null(fgets(line, sizeof line, file));
	fclose(file);
	snprintf(want, sizeof want, "\"why\":\"%s\"", why);
	assert_non_null(strstr(line, "\"event\":\"link\""));
	assert_non_null(strstr(line, want));
}

static void
test_renamed_without_a_signal(void **state)
{
	struct fixture *f = *state;
	struct writer *w = open_writer(f);
	struct writer_stats stats;
	struct fault fault;

	assert_true(submit(w, 0));
	assert_int_equal(rename(f->path, f->second), 0);
	assert_true(submit(w, 1));
	wait_for_replaced(w, 1);
	assert_true(submit(w, 2));
	assert_why(f->path, "renamed");
	assert_true(writer_reopen(w, &f->options, &fault));
	writer_stats(w, &stats);
	assert_false(stats.astray);
	writer_close(w);
	assert_int_equal(records_in(f->second, NULL), 2);
	assert_int_equal(records_in(f->path, f->second), 1);
}

/*
 * Renamed as by logrotate, whose HUP comes after two looks of the writer at the
 * name.
 */
static void
test_renamed_and_then_a_signal(void **state)
{
	struct fixture *f = *state;
	struct writer *w = open_writer(f);
	struct writer_stats stats;
	struct fault fault;

	assert_true(submit(w, 0));
	for (int day = 1; day <= 2; day++) {
		assert_int_equal(rename(f->path, f->second), 0);
		nanosleep(&(struct timespec){ 2, 200000000 }, NULL);
		assert_true(submit(w, day));
		assert_true(writer_reopen(w, &f->options, &fault));
		assert_true(submit(w, 10 + day));
		writer_stats(w, &stats);
		assert_false(stats.astray);
		assert_int_equal(stats.replaced, 0);
	}
	assert_int_equal(f->astray, 0);
	writer_close(w);
	assert_int_equal(records_in(f->path, f->second), 1);
}

/*
 * A log that is renamed and then removed counts as removed: the writer begins a
 * new file.
 */
static void
test_renamed_and_then_removed(void **state)
{
	struct fixture *f = *state;
	struct writer *w = open_writer(f);

	assert_true(submit(w, 0));
	assert_int_equal(rename(f->path, f->second), 0);
	nanosleep(&(struct timespec){ 1, 200000000 }, NULL);
	assert_int_equal(unlink(f->second), 0);
	wait_for_replaced(w, 1);
	assert_why(f->path, "removed");
	assert_int_equal(f->astray, 1);
	writer_close(w);
}

static void
test_removed(void **state)
{
	struct fixture *f = *state;
	struct writer *w = open_writer(f);

	assert_true(submit(w, 0));
	assert_int_equal(unlink(f->path), 0);
	wait_for_replaced(w, 1);
	assert_true(submit(w, 1));
	assert_why(f->path, "removed");
	writer_close(w);
	assert_int_equal(records_in(f->path, NULL), 1);
}

/*
 * The log's folder is removed: the writer takes nothing until it can make a
 * file again.
 */
static void
test_removed_with_its_folder(void **state)
{
	struct fixture *f = *state;
	struct writer *w = open_writer(f);

	assert_true(submit(w, 0));
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(rmdir(f->folder), 0);
	wait_until(w, true);
	assert_false(submit(w, 1));
	assert_int_equal(mkdir(f->folder, 0700), 0);
	wait_for_replaced(w, 1);
	wait_until(w, false);
	assert_true(submit(w, 2));
	writer_close(w);
	assert_int_equal(records_in(f->path, NULL), 1);
}

/*
 * A folder at the log's name: the writer goes on in the old file, which has
 * another name.
 */
static void
test_replaced_by_a_folder(void **state)
{
	struct fixture *f = *state;
	struct writer *w = open_writer(f);

	assert_true(submit(w, 0));
	assert_int_equal(rename(f->path, f->second), 0);
	assert_int_equal(mkdir(f->path, 0700), 0);
	wait_for_replaced(w, 0);
	assert_true(submit(w, 1));
	assert_int_equal(records_in(f->second, NULL), 2);
	assert_int_equal(rmdir(f->path), 0);
	wait_for_replaced(w, 1);
	assert_true(submit(w, 2));
	writer_close(w);
	assert_int_equal(records_in(f->path, f->second), 1);
}

/* Room on the disk and in the queue is kept for mail that is accepted. */
static void
test_refusals_leave_room(void **state)
{
	struct fixture *f = *state;
	struct writer_stats stats;
	struct slice line = slice_of("{\"v\":1,\"n\":7}");
	struct writer *w = open_writer(f);

	assert_true(writer_submit(w, line, WRITER_REFUSAL));
	writer_close(w);
	f->options.reserve = UINT64_MAX;
	f->options.full = AUDIT_FULL_BLOCK;
	w = open_writer(f);
	do
		writer_stats(w, &stats);
	while (!stats.scarce);
	for (int i = 0; i < 100; i++) {
		assert_false(writer_submit(w, line, WRITER_REFUSAL));
		assert_true(submit(w, i));
	}
	writer_close(w);
	assert_int_equal(records_in(f->path, NULL), 101);
}

/* The first key of a ratchet, in the file and in another one. */
static void
make_ratchet(struct fixture *f, char now[128], char start[128])
{
	static const unsigned char bytes[CHAIN_RATCHET_BYTES] = "not random";
	char memory[CHAIN_RATCHET_TEXT];
	struct chain_key key;
	struct fault fault;
	struct text text;

	snprintf(now, 128, "%s/key", f->folder);
	snprintf(start, 128, "%s/start", f->folder);
	assert_true(chain_start_ratchet(bytes, &key, &fault));
	for (int i = 0; i < 2; i++) {
		int fd = open(i == 0 ? now : start, O_WRONLY | O_CREAT, 0600);

		text_init(&text, memory, sizeof memory);
		chain_print_ratchet(&key, &text);
		assert_int_equal(write(fd, text.buf, text.n), text.n);
		close(fd);
	}
	f->options.ratchet = now;
}

/* Verifies the log by the start key; returns how many epochs have lines. */
static uint64_t
epochs_of(struct fixture *f, const char *start, uint64_t lines)
{
	struct verification v;
	struct fault fault;

	verify_init(&v, NULL);
	v.keys = keyring_new(&fault);
	assert_true(keyring_add(v.keys, start, &fault));
	if (!verify_file(&v, f->path, &fault) || !verify_finish(&v))
		print_error("%u: %s %s\n", (unsigned)v.line,
		    verify_break_name(v.kind), v.what);
	assert_int_equal(v.kind, BREAK_NONE);
	/* A link, the lines, and an end of each epoch. */
	assert_int_equal(v.lines, 1 + lines + v.last_epoch);
	keyring_free(v.keys);
	return v.last_epoch;
}

static uint64_t
epoch_in(const char *path)
{
	struct chain_key key;
	struct fault fault;

	assert_true(chain_read_key(path, &key, &fault));
	return key.epoch;
}

/* Epochs as short as can be, while others write. */
static void
test_epochs_under_load(void **state)
{
	struct fixture *f = *state;
	char now[128], start[128];

	for (int sync = AUDIT_SYNC_NONE; sync <= AUDIT_SYNC_EACH; sync++) {
		uint64_t epochs;
		struct writer *w;

		make_ratchet(f, now, start);
		f->options.sync = (enum audit_sync)sync;
		f->options.epoch_ms = 1;
		w = open_writer(f);
		assert_int_equal(run_loads(w, f, 0), THREADS * EACH);
		writer_close(w);
		epochs = epochs_of(f, start, THREADS * EACH);
		assert_true(epochs > 2);
		assert_int_equal(epoch_in(now), epochs + 1);
		assert_int_equal(unlink(f->path) + unlink(now) +
		    unlink(start), 0);
	}
}

/* Time alone ends an epoch; but one without lines goes on. */
static void
test_epoch_ends_by_itself(void **state)
{
	struct fixture *f = *state;
	struct timespec tick = { 0, 10 * 1000000 };
	char now[128], start[128];
	struct writer_stats stats;
	struct writer *w;

	make_ratchet(f, now, start);
	f->options.epoch_ms = 50;
	w = open_writer(f);
	assert_true(submit(w, 1));
	for (int i = 0; i < 6000 && epoch_in(now) < 2; i++)
		nanosleep(&tick, NULL);
	for (int i = 0; i < 250; i++)
		nanosleep(&tick, NULL);
	writer_stats(w, &stats);
	assert_int_equal(stats.epoch, epoch_in(now));
	assert_false(stats.stuck);
	/* The first epoch may have had the link alone. */
	assert_true(stats.epoch == 2 || stats.epoch == 3);
	writer_close(w);
	assert_int_equal(epoch_in(now), stats.epoch);
	assert_int_equal(epochs_of(f, start, 1), stats.epoch - 1);
	assert_int_equal(unlink(now) + unlink(start), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_load_none),
		TEST(test_load_batch),
		TEST(test_load_each),
		TEST(test_goes_on_with_a_file),
		TEST(test_rotation_under_load),
		TEST(test_rotated_while_stopped),
		TEST(test_copytruncate),
		TEST(test_torn_line_is_marked),
		TEST(test_two_writers),
		TEST(test_not_a_log),
		TEST(test_full_disk_each),
		TEST(test_full_disk_none),
		TEST(test_block_waits_for_room),
		TEST(test_block_is_bounded),
		TEST(test_full_disk_is_left_by_rotation),
		TEST(test_queue_is_bounded),
		TEST(test_close_loses_nothing),
		TEST(test_refusals_leave_room),
		TEST(test_renamed_without_a_signal),
		TEST(test_renamed_and_then_a_signal),
		TEST(test_renamed_and_then_removed),
		TEST(test_removed),
		TEST(test_removed_with_its_folder),
		TEST(test_replaced_by_a_folder),
		TEST(test_epochs_under_load),
		TEST(test_epoch_ends_by_itself),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
