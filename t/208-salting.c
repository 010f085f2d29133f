/*
 * People hidden by a daemon whose system fails: nobody is in a record as he is,
 * no record is used whose salts are not in the file, and what failed is well
 * again afterwards.
 */
#include "config.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "milter/auditlog/salting.h"
#include "milter/log.h"
#include "policy/audit/salts.h"
#include "t/nth.h"
#include "t/unit.h"

#define DAY_US INT64_C(86400000000)
enum { TODAY = 20000, KEPT = 3 };

static struct settings settings;
static struct salting salting;
static char folder[256], salts_folder[300];
static int64_t now_ms;

/* Hides the value: its commitment into `hex`; false: it cannot be hidden. */
static bool
hide(const char *value, int32_t day, bool accepts, char hex[PERSON_HEX + 1])
{
	struct person_hiding *h = NULL;
	bool good = true;

	if (salting_is_on(&salting) &&
	    !salting_begin(&salting, day * DAY_US, accepts, &h))
		return false;
	if (h != NULL) {
		good = h->commit(h->arg, PERSON_ADDRESS, slice_of(value), hex);
		h->failed = !good;
	}
	return (h == NULL || salting_end(&salting, h)) && good;
}

static enum salts_answer
find(const char *hex, int32_t day, const char *value)
{
	struct fault fault;
	struct salts *s = salts_open(&fault);
	enum salts_answer answer;
	struct arena memory;
	struct slice got;

	assert_non_null(s);
	arena_init(&memory, 4096);
	assert_true(salts_add(s, salts_folder, &fault));
	answer = salts_find(s, day, slice_of(hex), &memory, &got);
	if (answer == SALTS_FOUND)
		unit_slice("found", value, got);
	salts_close(s);
	arena_free(&memory);
	return answer;
}

static bool
watch(int32_t day)
{
	struct salting_stats stats;

	salting_watch(&salting, day * DAY_US, now_ms += 2000);
	salting_read(&salting, &stats);
	return !stats.failing;
}

static void
erase_all(void)
{
	char name[400];
	struct text text;

	for (int32_t day = TODAY - 10; day <= TODAY + 10; day++) {
		text_init(&text, name, sizeof name);
		text_printf(&text, "%s/", salts_folder);
		day_print(day, &text);
		(void)unlink(name);
	}
}

static void
begin(void)
{
	struct fault fault;

	erase_all();
	salting_init(&salting);
	assert_true(salting_follow(&salting, &settings, TODAY * DAY_US,
	    &fault));
}

/*
 * Hides four people while calls `n` to `last` fail and checks the file; false:
 * there was no n-th call.
 */
static bool
try(const char *call, long n, long last, int error)
{
	static const char *const people[] = { "a@example.com",
		"b@example.com", "a@example.com", "c@example.org" };
	char hex[4][PERSON_HEX + 1];
	bool hidden[4], synced = false, hit;

	begin();
	nth_arm(call, n, last, error);
	for (int i = 0; i < 4; i++) {
		hidden[i] = hide(people[i], TODAY + (i == 3), true, hex[i]);
		if (i == 1)
			synced = salting_sync(&salting);
	}
	(void)watch(TODAY + 1);
	hit = nth_disarm() >= n;
	for (int i = 0; i < 4; i++)
		if (hidden[i])
			unit_number(people[i], SALTS_FOUND, find(hex[i],
			    TODAY + (i == 3), people[i]));
	if (hidden[0] && hidden[2] && synced)
		unit_same("the same", hex[0], hex[2]);
	unit_number("well again", true, watch(TODAY + 1) ||
	    watch(TODAY + 1));
	unit_number("hidden again", true, hide("d", TODAY + 1, true, hex[0]));
	unit_number("told again", SALTS_FOUND, find(hex[0], TODAY + 1, "d"));
	unit_number("synced again", true, salting_sync(&salting));
	salting_close(&salting);
	return hit;
}

static void
test_calls(void **state)
{
	static const int errors[] = { EIO, ENOMEM, EINTR, ENOENT };

	(void)state;
	for (size_t e = 0; e < UNIT_COUNT(errors); e++)
		for (int onward = 0; onward < 2; onward++) {
			long n = 1;

			/*
			 * EINTR from every call on never ends: it is not tried.
			 */
			if (onward && errors[e] == EINTR)
				continue;
			while (try(NULL, n, onward ? LONG_MAX : n, errors[e]))
				n++;
			assert_in_range(n, 20, 1000);
		}
	unit_end();
}

/*
 * More people than the table had room for: each keeps one commitment all day,
 * over a restart, too.
 */
static void
test_many(void **state)
{
	enum { MANY = 5000 };
	static char hex[MANY][PERSON_HEX + 1];
	struct salting_stats stats;
	char value[32], again[PERSON_HEX + 1];
	struct fault fault;

	(void)state;
	begin();
	for (int i = 0; i < MANY; i++) {
		snprintf(value, sizeof value, "%d@example.com", i);
		assert_true(hide(value, TODAY, true, hex[i]));
	}
	salting_read(&salting, &stats);
	assert_int_equal(stats.values, MANY);
	assert_true(salting_sync(&salting));
	salting_close(&salting);
	salting_init(&salting);
	assert_true(salting_follow(&salting, &settings, TODAY * DAY_US,
	    &fault));
	for (int i = 0; i < MANY; i += 7) {
		snprintf(value, sizeof value, "%d@example.com", i);
		assert_true(hide(value, TODAY, true, again));
		unit_same(value, hex[i], again);
	}
	salting_close(&salting);
	unit_end();
}

/*
 * Without memory for the table a person gets a new salt in the file each time.
 */
static void
test_not_known(void **state)
{
	char hex[2][PERSON_HEX + 1];

	(void)state;
	begin();
	nth_arm("calloc", 1, LONG_MAX, ENOMEM);
	assert_true(hide("a", TODAY, true, hex[0]));
	assert_true(hide("a", TODAY, true, hex[1]));
	(void)nth_disarm();
	assert_int_equal(find(hex[0], TODAY, "a"), SALTS_FOUND);
	assert_int_equal(find(hex[1], TODAY, "a"), SALTS_FOUND);
	salting_close(&salting);
}

/* Where nobody is hidden there is nothing to fail. */
static void
test_off(void **state)
{
	struct settings off = settings;
	char hex[PERSON_HEX + 1] = "none";
	struct fault fault;

	(void)state;
	begin();
	off.privacy = 0;
	assert_true(salting_follow(&salting, &off, TODAY * DAY_US, &fault));
	nth_arm(NULL, 1, LONG_MAX, EIO);
	assert_true(hide("a", TODAY, true, hex));
	assert_true(salting_sync(&salting));
	assert_int_equal(nth_disarm(), 0);
	assert_string_equal(hex, "none");
	salting_close(&salting);
}

/* The day's file is removed, is another user's, or cannot be looked at. */
static void
test_astray(void **state)
{
	char name[400], aside[420], hex[2][PERSON_HEX + 1];
	struct text text;

	(void)state;
	begin();
	text_init(&text, name, sizeof name);
	text_printf(&text, "%s/", salts_folder);
	day_print(TODAY, &text);
	snprintf(aside, sizeof aside, "%s.aside", name);
	assert_true(hide("a", TODAY, true, hex[0]));
	/* A file that lstat(2) cannot look at does not count as removed. */
	nth_arm("lstat", 1, 1, EACCES);
	assert_true(watch(TODAY));
	(void)nth_disarm();
	assert_true(hide("a", TODAY, true, hex[1]));
	assert_string_equal(hex[0], hex[1]);
	assert_int_equal(unlink(name), 0);
	assert_true(watch(TODAY));
	assert_true(hide("a", TODAY, true, hex[1]));
	assert_string_not_equal(hex[0], hex[1]);
	assert_int_equal(find(hex[1], TODAY, "a"), SALTS_FOUND);
	assert_int_equal(rename(name, aside), 0);
	assert_int_equal(close(open(name, O_CREAT | O_WRONLY, 0600)), 0);
	assert_true(watch(TODAY));
	assert_true(hide("b", TODAY, true, hex[1]));
	assert_int_equal(find(hex[1], TODAY, "b"), SALTS_FOUND);
	assert_int_equal(unlink(aside), 0);
	salting_close(&salting);
}

static int
set_up(void **state)
{
	(void)state;
	log_init("208-salting", false);
	log_set_level(-1);
	snprintf(folder, sizeof folder, "%s", unit_path("state"));
	snprintf(salts_folder, sizeof salts_folder, "%s/" SALTS_FOLDER,
	    folder);
	if (mkdir(folder, 0700) == -1)
		return -1;
	settings_init(&settings);
	settings.privacy = KEPT;
	snprintf(settings.state_folder, sizeof settings.state_folder, "%s",
	    folder);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	erase_all();
	return rmdir(salts_folder) | rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_not_known),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_astray),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return unit_leave(cmocka_run_group_tests(tests, set_up, tear_down));
}
