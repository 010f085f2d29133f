/*
 * The MTA's programs that doctor asks, each call failing: what they print is
 * taken whole, or not at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/doctor/run.h"
#include "t/failing.h"
#include "t/unit.h"


/* __read_chk is a hardened read. */
WRAP(int, -1, pipe2, (int fds[2], int flags), (fds, flags))
WRAP(pid_t, -1, fork, (void), ())
WRAP(pid_t, -1, waitpid, (pid_t child, int *status, int flags),
    (child, status, flags))
WRAP(int, -1, setenv, (const char *name, const char *value, int over),
    (name, value, over))
WRAP(int, -1, dup2, (int from, int to), (from, to))
WRAP(ssize_t, -1, read, (int fd, void *p, size_t n), (fd, p, n))

ssize_t __wrap___read_chk(int, void *, size_t, size_t);
ssize_t
__wrap___read_chk(int fd, void *p, size_t n, size_t room)
{
	assert_true(n <= room);
	return __wrap_read(fd, p, n);
}

/* What `script` of a shell prints; or "! " and the fault. */
static const char *
printed(const char *script, size_t room)
{
	static char buf[8192], why[8192];
	char shell[] = "sh", option[] = "-c";
	char *argv[] = { shell, option, (char *)(uintptr_t)script, NULL };
	struct text out;
	struct fault f;

	fault_clear(&f);
	text_init(&out, buf, room);
	if (capture(argv, &out, &f))
		return buf;
	snprintf(why, sizeof why, "! %d %s", (int)f.kind, f.text);
	return why;
}

static const char *
reason(enum fault_kind kind, const char *text)
{
	static char buf[128];

	snprintf(buf, sizeof buf, "! %d %s", (int)kind, text);
	return buf;
}

static void
test_calls(void **state)
{
	static const char script[] = "echo one; sleep 0.1; echo two";
	static const struct {
		const char *call;
		int after, error;
		const char *text; /* NULL: the call's failure is no fault */
	} rows[] = {
		{ "pipe2", 0, EMFILE, "pipe: Too many open files" },
		{ "fork", 0, EAGAIN,
		    "fork: Resource temporarily unavailable" },
		{ "waitpid", 0, EINTR, NULL },
		{ "waitpid", 0, ECHILD, "waitpid: No child processes" },
		{ "read", 0, EINTR, NULL },
		{ "read", 1, EINTR, NULL },
		{ "read", 0, EIO,
		    "cannot read what sh prints: Input/output error" },
		{ "read", 1, EIO,
		    "cannot read what sh prints: Input/output error" }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		failing = rows[i].call;
		after = rows[i].after;
		error = rows[i].error;
		unit_same(rows[i].call, rows[i].text == NULL ? "one\ntwo\n" :
		    reason(FAULT_UNAVAILABLE, rows[i].text),
		    printed(script, 100));
		unit_same(rows[i].call, "failed",
		    failing == NULL ? "failed" : failing);
		while (waitpid(-1, NULL, 0) > 0)
			;
	}
	unit_end();
}

/* Calls of the child: its exit status tells that one failed. */
static void
test_child(void **state)
{
	static const char *const calls[] = { "setenv", "dup2" };

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(calls); i++)
		for (after = 0; after < (int)i + 1;) {
			int now = after;

			failing = calls[i];
			error = ENOMEM;
			unit_same(calls[i], reason(FAULT_UNAVAILABLE,
			    "sh cannot be run"), printed("echo", 100));
			after = now + 1;
		}
	failing = NULL;
	unit_end();
}

static void
test_ends(void **state)
{
	static const char *const failed[] = { "echo a; exit 1", "kill -9 $$" };

	(void)state;
	unsetenv("PATH");
	unit_same("sbin", "/usr/bin:/bin:/usr/sbin:/sbin\n",
	    printed("echo $PATH", 100));
	unit_same("input", "", printed("cat", 100));
	unit_same("room", "abc", printed("printf abc", 4));
	unit_same("too long", reason(FAULT_DATA, "sh prints too much"),
	    printed("printf abc", 3));
	for (size_t i = 0; i < UNIT_COUNT(failed); i++)
		unit_same(failed[i], reason(FAULT_UNAVAILABLE, "sh failed"),
		    printed(failed[i], 100));
	unit_same("none", reason(FAULT_UNAVAILABLE, "sh cannot be run"),
	    printed("exit 127", 100));
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls), cmocka_unit_test(test_child),
		cmocka_unit_test(test_ends)
	};

	return unit_main(tests);
}
