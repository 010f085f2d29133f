/*
 * A milter's socket as the daemon, Postfix and sendmail write it: what each
 * takes, what none does, and who reaches whom.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy/doctor/socket.h"
#include "t/unit.h"

static const char *
as_postfix(const struct socket_address *a)
{
	static char buf[2048];
	struct text out;

	text_init(&out, buf, sizeof buf);
	socket_print_postfix(a, &out);
	return buf;
}

static const char *
as_sendmail(const struct socket_address *a)
{
	static char buf[2048];
	struct text out;

	text_init(&out, buf, sizeof buf);
	socket_print_sendmail(a, &out);
	return buf;
}

/*
 * A socket in tlspolicy.conf, as Postfix and as sendmail write it; NULL:
 * refused.
 */
static void
test_parse(void **state)
{
	static char path[1100] = "unix:/", host[300] = "inet:25@";
	static const char *const rows[][3] = {
		{ "unix:/run/x", "unix:/run/x", "local:/run/x" },
		{ " LOCAL:/run/x ", "unix:/run/x", "local:/run/x" },
		{ "inet:25@127.0.0.1", "inet:127.0.0.1:25",
		    "inet:25@127.0.0.1" },
		{ "inet:25@[127.0.0.1]", "inet:127.0.0.1:25",
		    "inet:25@127.0.0.1" },
		{ "inet6:25@::1", "inet:[::1]:25", "inet6:25@::1" },
		{ "inet6:25@[::1]", "inet:[::1]:25", "inet6:25@::1" },
		{ "inet:25", "inet:0.0.0.0:25", "inet:25@0.0.0.0" },
		{ "inet6:25", "inet:[::]:25", "inet6:25@::" },
		{ "inet:25@[", "inet:[:25", "inet:25@[" },
		{ "inet:25@[]", "inet:[]:25", "inet:25@[]" },
		{ "inet:25@[a", "inet:[a:25", "inet:25@[a" },
		{ "inet:25@", NULL, NULL }, { "inet:@x", NULL, NULL },
		{ "inet:", NULL, NULL }, { "inet", NULL, NULL },
		{ "", NULL, NULL }, { "unix:", NULL, NULL },
		{ "/run/x", NULL, NULL }, { "25@x", NULL, NULL },
		{ path, NULL, NULL }, { host, NULL, NULL },
		{ "inet:123456789012345678901234567890123@x", NULL, NULL },
	};

	(void)state;
	memset(path + 6, 'x', sizeof path - 7);
	memset(host + 8, 'x', sizeof host - 9);
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct socket_address a;
		bool good = socket_parse(slice_of(rows[i][0]), &a);

		unit_number(rows[i][0], rows[i][1] != NULL, good);
		if (good && rows[i][1] != NULL) {
			unit_same(rows[i][0], rows[i][1], as_postfix(&a));
			unit_same(rows[i][0], rows[i][2], as_sendmail(&a));
		}
	}
	unit_end();
}

static void
test_parse_postfix(void **state)
{
	static const char *const rows[][2] = {
		{ "unix:x/y", "local:x/y" }, { " UNIX:/x ", "local:/x" },
		{ "inet:127.0.0.1:25", "inet:25@127.0.0.1" },
		{ "inet:[127.0.0.1]:25", "inet:25@127.0.0.1" },
		{ "inet:[::1]:25", "inet6:25@::1" },
		{ "inet:localhost:smtp", "inet:smtp@localhost" },
		{ "local:/x", NULL }, { "inet:25", NULL },
		{ "inet::25", NULL }, { "inet:x:", NULL }, { "inet:", NULL },
		{ "inet:25@x", NULL }, { "x", NULL }, { "unix:", NULL },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct socket_address a;
		bool good = socket_parse_postfix(slice_of(rows[i][0]), &a);

		unit_number(rows[i][0], rows[i][1] != NULL, good);
		if (good && rows[i][1] != NULL)
			unit_same(rows[i][0], rows[i][1], as_sendmail(&a));
	}
	unit_end();
}

static void
test_same(void **state)
{
	static const struct {
		const char *to, *at;
		bool same;
	} rows[] = {
		{ "inet:25@127.0.0.1", "inet:25@127.0.0.1", true },
		{ "inet:25@127.0.0.1", "inet:25@127.0.0.2", false },
		{ "inet:25@127.0.0.1", "inet:26@127.0.0.1", false },
		{ "inet:25@127.0.0.1", "inet:25", true },
		{ "inet:25@127.0.0.1", "inet6:25", false },
		{ "inet:25@0x7f000001", "inet:25@127.0.0.1", true },
		{ "inet6:25@::1", "inet6:25@0:0::1", true },
		{ "inet6:25@::1", "inet6:25@::2", false },
		{ "inet6:25@::1", "inet6:25", true },
		{ "inet6:25", "inet6:25@::1", false },
		{ "inet:smtp@127.0.0.1", "inet:25@127.0.0.1", true },
		{ "inet:25@127.0.0.1", "inet:no-such-port@127.0.0.1", false },
		{ "inet:no-such-port@127.0.0.1", "inet:25@127.0.0.1", false },
		{ "inet:25@HOST.invalid", "inet:25@host.INVALID", true },
		{ "inet:25@127.0.0.1", "unix:/x", false },
		{ "unix:/x", "inet:25@127.0.0.1", false },
		{ "unix:/x", "unix:/x", true },
		{ "unix:/x-none", "unix:/y-none", false },
	};
	char file[512], link[512], to[600], at[600];
	struct socket_address a, b;

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		assert_true(socket_parse(slice_of(rows[i].to), &a));
		assert_true(socket_parse(slice_of(rows[i].at), &b));
		if (socket_same(&a, &b) != rows[i].same)
			unit_same(rows[i].to, rows[i].at,
			    rows[i].same ? "reaches" : "does not");
	}
	snprintf(file, sizeof file, "%s", unit_path("socket"));
	snprintf(link, sizeof link, "%s", unit_path("link"));
	close(open(file, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(symlink(file, link), 0);
	snprintf(to, sizeof to, "unix:%s", link);
	snprintf(at, sizeof at, "unix:%s", file);
	assert_true(socket_parse(slice_of(to), &a));
	assert_true(socket_parse(slice_of(at), &b));
	unit_number("a link", true, socket_same(&a, &b));
	assert_true(socket_parse(slice_of("unix:/"), &b));
	unit_number("another file", false, socket_same(&a, &b));
	assert_true(socket_parse(slice_of("unix:/none"), &b));
	unit_number("no file", false, socket_same(&a, &b));
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_postfix),
		cmocka_unit_test(test_same),
	};

	return unit_main(tests);
}
