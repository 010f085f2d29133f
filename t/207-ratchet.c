/*
 * The key file of a chain whose key goes, on a system whose calls fail: for each
 * n the n-th call, and all from the n-th on.  The file always holds one whole key
 * of those that the first one leads to, never an earlier one than it is said to,
 * and the next turn that does not fail goes on from there.  The system's calls
 * are replaced by this program's own.
 */
#include "config.h"

#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "milter/auditlog/ratchet.h"
#include "policy/audit/chain-key.h"
#include "t/unit.h"

enum { EPOCHS = 8 };

/* Calls number `first` to `last` fail; `calls` counts them. */
static long first, last, calls;
static int error = EIO;
static const char *path, *next_path;
static struct chain_key keys[EPOCHS + 1]; /* by epoch */

static bool
fails(void)
{
	calls++;
	if (first == 0 || calls < first || calls > last)
		return false;
	errno = error;
	return true;
}

static void
arm(long n, bool onward)
{
	calls = 0;
	first = n;
	last = onward ? LONG_MAX : n;
}

#define CALL(type, name, parameters, ...)                                     \
	type name parameters                                                  \
	{                                                                     \
		return fails() ? -1 : (type)syscall(__VA_ARGS__);             \
	}

CALL(ssize_t, write, (int fd, const void *p, size_t n), SYS_write, fd, p, n)
CALL(int, fsync, (int fd), SYS_fsync, fd)
CALL(int, renameat, (int from, const char *old, int to, const char *new),
    SYS_renameat, from, old, to, new)

int
fstat(int fd, struct stat *st)
{
	return fails() ? -1 : (int)syscall(SYS_fstat, fd, st);
}

int
fstatat(int dir, const char *name, struct stat *st, int flags)
{
	return fails() ? -1 : (int)syscall(SYS_newfstatat, dir, name, st,
	    flags);
}

int
openat(int dir, const char *name, int flags, ...)
{
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	return fails() ? -1 : (int)syscall(SYS_openat, dir, name, flags,
	    mode);
}

static void
put_key(const struct chain_key *key)
{
	char memory[CHAIN_RATCHET_TEXT];
	struct text text;
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	text_init(&text, memory, sizeof memory);
	chain_print_ratchet(key, &text);
	fwrite(text.buf, 1, text.n, file);
	assert_int_equal(fclose(file), 0);
}

/* The epoch whose key the file holds. */
static uint64_t
epoch_there(void)
{
	struct chain_key key;
	struct fault fault;
	uint64_t epoch;

	assert_true(chain_read_key(path, &key, &fault));
	epoch = key.epoch;
	assert_in_range(epoch, 1, EPOCHS);
	assert_int_equal(key.n, keys[epoch].n);
	assert_memory_equal(key.bytes, keys[epoch].bytes, key.n);
	chain_wipe_key(&key);
	return epoch;
}

static bool
turn(struct ratchet *r, struct fault *fault)
{
	return ratchet_prepare(r, ratchet_epoch(r) + 1, fault) &&
	    ratchet_turn(r, fault);
}

/* One turn whose n-th call fails; false: it made fewer calls. */
static bool
try(long n, bool onward)
{
	struct fault fault;
	struct ratchet *r;
	uint64_t before, after;
	bool turned, hit;

	put_key(&keys[1]);
	(void)unlink(next_path);
	arm(0, false);
	r = ratchet_open(path, &fault);
	assert_non_null(r);
	assert_true(ratchet_is_at(r, path));
	before = ratchet_epoch(r);
	arm(n, onward);
	turned = turn(r, &fault) && turn(r, &fault);
	hit = calls >= n;
	arm(0, false);
	if (!turned)
		assert_string_not_equal(fault.text, "");
	after = ratchet_epoch(r);
	assert_true(turned ? after == before + 2 : after < before + 2);
	/* The key on the disk is never one that is said to be gone. */
	assert_true(epoch_there() >= after);
	assert_true(turn(r, &fault));
	assert_int_equal(ratchet_epoch(r), after + 1);
	assert_int_equal(epoch_there(), after + 1);
	ratchet_close(r);
	assert_int_equal(access(next_path, F_OK), -1);
	return hit;
}

static void
test_turns(void **state)
{
	(void)state;
	for (int onward = 0; onward < 2; onward++) {
		long n = 1;

		while (try(n, onward != 0))
			n++;
		assert_in_range(n, 10, 40);
	}
}

/* A ratchet_open() that fails leaves the key file as it was. */
static void
test_opened(void **state)
{
	struct fault fault;
	bool hit = true;

	(void)state;
	for (long n = 1; hit; n++)
		for (int onward = 0; onward < 2; onward++) {
			struct ratchet *r;

			put_key(&keys[2]);
			arm(n, onward != 0);
			r = ratchet_open(path, &fault);
			hit = calls >= n;
			arm(0, false);
			assert_int_equal(epoch_there(), 2);
			if (r == NULL)
				assert_string_not_equal(fault.text, "");
			ratchet_close(r);
			assert_int_equal(access(next_path, F_OK), -1);
		}
}

/* Another key file put in the place of the open one is not written over. */
static void
test_replaced(void **state)
{
	struct fault fault;
	struct ratchet *r;

	(void)state;
	put_key(&keys[1]);
	r = ratchet_open(path, &fault);
	assert_non_null(r);
	assert_int_equal(unlink(path), 0);
	assert_false(ratchet_prepare(r, 3, &fault));
	assert_non_null(strstr(fault.text, "removed or replaced"));
	put_key(&keys[5]);
	assert_false(ratchet_prepare(r, 3, &fault));
	assert_true(ratchet_turn(r, &fault)); /* the key changes in memory only */
	assert_int_equal(epoch_there(), 5);
	ratchet_close(r);
	assert_int_equal(epoch_there(), 5);
	assert_int_equal(access(next_path, F_OK), -1);

	/* The file of the next key, removed by somebody, is made again. */
	r = ratchet_open(path, &fault);
	assert_non_null(r);
	assert_int_equal(unlink(next_path), 0);
	assert_true(turn(r, &fault));
	assert_int_equal(epoch_there(), 6);
	ratchet_close(r);
}

/* Files that are no ratchet, or whose name leaves no room for ".next". */
static void
test_refused(void **state)
{
	char name[NAME_MAX + 2];
	struct fault fault;
	FILE *file = fopen(path, "w");

	(void)state;
	fputs("sixteen bytes and more, of no ratchet\n", file);
	assert_int_equal(fclose(file), 0);
	assert_null(ratchet_open(path, &fault));
	assert_non_null(strstr(fault.text, "no ratchet"));
	memset(name, 'k', sizeof name);
	name[NAME_MAX] = '\0';
	assert_null(ratchet_open(unit_path(name), &fault));
	assert_null(ratchet_open(unit_path("nothing/key"), &fault));
	ratchet_close(NULL);
}

int
main(void)
{
	static const unsigned char bytes[CHAIN_RATCHET_BYTES] = "not random";
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_opened),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_refused),
	};
	struct fault fault;

	path = strdup(unit_path("key"));
	next_path = strdup(unit_path("key.next"));
	if (path == NULL || next_path == NULL ||
	    !chain_start_ratchet(bytes, &keys[1], &fault))
		return 1;
	for (int i = 2; i <= EPOCHS; i++) {
		keys[i] = keys[i - 1];
		if (!chain_advance_key(&keys[i]))
			return 1;
	}
	return unit_main(tests);
}
