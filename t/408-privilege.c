/*
 * Becoming a user, with each call on the way failing: the daemon must not go
 * on as root.  The system's calls are replaced by this program's own.
 */
#include "config.h"

#include <sys/prctl.h>

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

#include "milter/drain.h"
#include "milter/endpoint.h"
#include "milter/privilege.h"
#include "t/unit.h"

static uid_t effective;
static const char *failing; /* the call that fails */
static char calls[128];
static bool way_back; /* root's rights can be had again */

static int
result_of(const char *name)
{
	strcat(calls, name);
	strcat(calls, " ");
	if (failing == NULL || strcmp(failing, name) != 0)
		return 0;
	errno = EPERM;
	return -1;
}

uid_t
geteuid(void)
{
	return effective;
}

int
prctl(int option, ...)
{
	return option == PR_SET_NO_NEW_PRIVS ? result_of("prctl") : 0;
}

int
initgroups(const char *user, gid_t group)
{
	(void)group;
	return result_of(strcmp(user, "nobody") == 0 ? "groups" : "other");
}

int
setresgid(gid_t real, gid_t now, gid_t saved)
{
	return result_of(real == now && now == saved ? "gid" : "mixed");
}

int
setresuid(uid_t real, uid_t now, uid_t saved)
{
	return result_of(real == now && now == saved ? "uid" : "mixed");
}

int
setuid(uid_t user)
{
	(void)user;
	return way_back ? 0 : -1;
}

static bool
find(const char *user, uid_t as, struct privilege *p, struct fault *f)
{
	static struct settings s;

	settings_init(&s);
	snprintf(s.user, sizeof s.user, "%s", user);
	effective = as;
	fault_clear(f);
	return privilege_find(&s, p, f);
}

static void
test_find(void **state)
{
	struct privilege p;
	struct fault f;

	(void)state;
	assert_true(find("", 0, &p, &f));
	assert_false(p.drop);
	assert_true(find("nobody", 0, &p, &f));
	assert_true(p.drop);
	assert_int_equal(p.uid, 65534);
	assert_true(find("65534", 0, &p, &f));
	assert_true(p.drop);
	assert_string_equal(p.user, "nobody");
	/* A process of that user has no privileges to give up. */
	assert_true(find("nobody", 65534, &p, &f));
	assert_false(p.drop);
}

static void
test_find_refused(void **state)
{
	static const struct {
		const char *user;
		uid_t as;
		const char *text;
	} rows[] = {
		{ "no-such-user", 0, "there is no user \"no-such-user\"" },
		{ "4294967295", 0, "there is no user \"4294967295\"" },
		{ "2147483646", 0, "there is no user \"2147483646\"" },
		{ "nobody", 1, "only root can start the daemon as \"nobody\"" },
		{ "root", 1, "only root can start the daemon as \"root\"" },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct privilege p;
		struct fault f;

		unit_number(rows[i].user, false,
		    find(rows[i].user, rows[i].as, &p, &f));
		unit_same(rows[i].user, rows[i].text, f.text);
		unit_same(rows[i].user, "setting user", f.where);
		unit_number(rows[i].user, FAULT_SETTINGS, f.kind);
	}
	unit_end();
}

static bool
drop(const char *fails, bool back, struct fault *f)
{
	struct privilege p;

	assert_true(find("nobody", 0, &p, f));
	failing = fails;
	way_back = back;
	calls[0] = '\0';
	return privilege_drop(&p, f);
}

static void
test_drop(void **state)
{
	struct fault f;

	(void)state;
	assert_true(drop(NULL, false, &f));
	/* The user last: only root may change the groups. */
	assert_string_equal(calls, "prctl groups gid uid ");
}

/* Behind a call that failed no further one is made. */
static void
test_drop_fails(void **state)
{
	static const struct {
		const char *call, *calls, *text;
	} rows[] = {
		{ "prctl", "prctl ", "cannot give up gaining privileges: "
		    "Operation not permitted" },
		{ "groups", "prctl groups ", "cannot become user \"nobody\": "
		    "Operation not permitted" },
		{ "gid", "prctl groups gid ", "cannot become user \"nobody\": "
		    "Operation not permitted" },
		{ "uid", "prctl groups gid uid ", "cannot become user "
		    "\"nobody\": Operation not permitted" },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct fault f;

		unit_number(rows[i].call, false, drop(rows[i].call, false, &f));
		unit_same(rows[i].call, rows[i].calls, calls);
		unit_same(rows[i].call, rows[i].text, f.text);
		unit_number(rows[i].call, FAULT_UNAVAILABLE, f.kind);
	}
	unit_end();
}

static void
test_way_back(void **state)
{
	struct fault f;

	(void)state;
	assert_false(drop(NULL, true, &f));
	assert_int_equal(f.kind, FAULT_SOFTWARE);
	assert_string_equal(f.text,
	    "could become root again after becoming \"nobody\"");
}

static void
test_endpoint(void **state)
{
	static const struct {
		const char *value, *address, *text;
	} rows[] = {
		{ "inet:25@127.0.0.1", "127.0.0.1", "" },
		{ "INET6:65535@::1", "::1", "" },
		{ "inet:25", NULL, "expected inet:PORT@HOST, found "
		    "\"inet:25\"" },
		{ "tcp:25@::1", NULL, "expected inet:PORT@HOST, found "
		    "\"tcp:25@::1\"" },
		{ "inet@1:25", NULL, "expected inet:PORT@HOST, found "
		    "\"inet@1:25\"" },
		{ "inet:0@::1", NULL, "expected a port of 1 to 65535, found "
		    "\"inet:0@::1\"" },
		{ "inet:65536@::1", NULL, "expected a port of 1 to 65535, "
		    "found \"inet:65536@::1\"" },
		{ "inet:@::1", NULL, "expected a port of 1 to 65535, found "
		    "\"inet:@::1\"" },
		/* An address of the other family is no host of this one. */
		{ "inet:25@::1", NULL, "host \"::1\": " },
		{ "inet6:25@127.0.0.1", NULL, "host \"127.0.0.1\": " },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct endpoint e;
		struct fault f;
		bool good;

		fault_clear(&f);
		good = endpoint_parse(rows[i].value, "metrics", &e, &f);
		unit_number(rows[i].value, rows[i].address != NULL, good);
		if (good) {
			unit_same(rows[i].value, rows[i].address, e.address);
			continue;
		}
		f.text[strlen(rows[i].text)] = '\0';
		unit_same(rows[i].value, rows[i].text, f.text);
		unit_same(rows[i].value, "setting metrics", f.where);
	}
	unit_end();
}

static void
test_drain(void **state)
{
	struct drain drain;

	(void)state;
	drain_init(&drain);
	assert_true(drain_enter(&drain));
	/*
	 * drain_close() waits for the thread inside, and lets no other enter.
	 */
	assert_false(drain_close(&drain, 3));
	assert_false(drain_enter(&drain));
	assert_false(drain_close(&drain, 0));
	drain_leave(&drain);
	assert_true(drain_close(&drain, 0));
	assert_false(drain_enter(&drain));
	assert_int_equal(drain.inside, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_find_refused),
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_drop_fails),
		cmocka_unit_test(test_way_back),
		cmocka_unit_test(test_endpoint),
		cmocka_unit_test(test_drain),
	};

	return unit_main(tests);
}
