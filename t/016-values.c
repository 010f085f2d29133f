/* Values of settings, type by type: as they are printed, or what is wrong. */
#include <stdio.h>
#include <string.h>

#include "policy/conf/setting.h"
#include "t/unit.h"

struct row {
	const struct setting_type *type;
	const char *value;
	const char *want; /* printed, or "! " and the fault; NULL: expected() */
};

static const char *const words[] = { "reject", "accept", NULL };

#define SOCKET &setting_type_socket
#define MAP &setting_type_map_listener
#define RESOLVER &setting_type_resolver
#define LISTENER &setting_type_listener
#define PATH &setting_type_path
#define ACCOUNT &setting_type_account
#define URL &setting_type_url
#define MODE &setting_type_mode
#define WORD &setting_type_word
#define PREFIXES &setting_type_prefixes
#define DOMAINS &setting_type_domains
#define NAMES &setting_type_names

static const struct row rows[] = {
	{ PATH, "/a", "/a" }, { PATH, "/a b", NULL }, { PATH, "/a/", NULL },
	{ PATH, "a", NULL }, { PATH, "/", NULL }, { PATH, "", NULL },
	{ PATH, "/a\177", NULL },
	{ SOCKET, "unix:/a", "unix:/a" }, { SOCKET, "unix:a", NULL },
	{ SOCKET, "inet:25@host-1_a.example", "inet:25@host-1_a.example" },
	{ SOCKET, "INET6:25@::1", "INET6:25@::1" },
	{ SOCKET, "inet:25@[::1]", NULL }, { SOCKET, "inet:25@::1", NULL },
	{ SOCKET, "inet6:25@192.0.2.1", NULL },
	{ SOCKET, "inet:25@192.0.2.1", "inet:25@192.0.2.1" },
	{ SOCKET, "inet:25@.a", NULL }, { SOCKET, "inet:25@-a", NULL },
	{ SOCKET, "inet:25@a{b", NULL }, { SOCKET, "inet:25@a:b", NULL },
	{ SOCKET, "inet:25@a/b", NULL }, { SOCKET, "inet:25@", NULL },
	{ SOCKET, "inet:0@a", NULL }, { SOCKET, "inet:65536@a", NULL },
	{ SOCKET, "inet:@a", NULL }, { SOCKET, "inet:25", NULL },
	{ SOCKET, "off", NULL }, { SOCKET, "", NULL },
	{ LISTENER, "OFF", "off" }, { LISTENER, "unix:/a", NULL },
	{ LISTENER, "inet6:9@a", "inet6:9@a" },
	{ MAP, "Off", "off" }, { MAP, "unix:/a", "unix:/a" },
	{ MAP, "unix:/a b", NULL },
	{ RESOLVER, "off", "off" }, { RESOLVER, "unix:/a", NULL },
	{ RESOLVER, "unix:/a postfix", "unix:/a postfix" },
	{ RESOLVER, "unix:/a a b", NULL }, { RESOLVER, "unix:/a ", NULL },
	{ RESOLVER, "inet:1@a m", "inet:1@a m" },
	{ ACCOUNT, "_www-data.1", "_www-data.1" },
	{ ACCOUNT, "1000", "1000" }, { ACCOUNT, "host$", "host$" },
	{ ACCOUNT, "-a", NULL }, { ACCOUNT, ".a", NULL },
	{ ACCOUNT, "a b", NULL }, { ACCOUNT, "a{", NULL },
	{ ACCOUNT, "a:b", NULL }, { ACCOUNT, "\xc3\xa4", NULL },
	{ URL, "", "" }, { URL, "https://a/b", "https://a/b" },
	{ URL, "HTTP://a", "HTTP://a" }, { URL, "mailto:a@b", "mailto:a@b" },
	{ URL, "ftp://a", NULL }, { URL, "http://a b", NULL },
	{ URL, "http://a\177", NULL }, { URL, "http://\xc3\xa4", NULL },
	{ MODE, "0640", "0640" }, { MODE, "777", "0777" },
	{ MODE, "1777", NULL }, { MODE, "0680", NULL }, { MODE, "77", NULL },
	{ MODE, "00777", NULL }, { MODE, "-77", NULL },
	{ WORD, "ACCEPT", "accept" },
	{ WORD, "rejct", "! \"rejct\" is not reject or accept, did you mean "
	    "reject?" },
	{ PREFIXES, "192.0.2.1, 2001:db8::/32\t,10.0.0.0/8",
	    "192.0.2.1, 2001:db8::/32, 10.0.0.0/8" },
	{ PREFIXES, "", "" },
	{ PREFIXES, "10.0.0.0/33", "! \"10.0.0.0/33\" has no prefix length "
	    "that fits its address" },
	{ PREFIXES, "10.0.0.1/8", "! \"10.0.0.1/8\" has bits set to the right "
	    "of its prefix" },
	{ PREFIXES, "a.example",
	    "! \"a.example\" is no network address or prefix" },
	{ PREFIXES, "::1,::2,::3,::4", "! more than 3 prefixes" },
	{ DOMAINS, "a.example, b.example,", "a.example, b.example," },
	{ DOMAINS, "", "" }, { DOMAINS, "a/b", "! \"a/b\" is not a list of "
	    "domains" },
	{ DOMAINS, "a,192.0.2.1", "! \"192.0.2.1\" is not a list of domains" },
	{ DOMAINS, "::1", NULL }, { DOMAINS, ".a", NULL },
	{ NAMES, "weak-key, No-CN", "weak-key, No-CN" }, { NAMES, "", "" },
	{ NAMES, "a,weak_key", "! \"weak_key\" is not a list of names of "
	    "findings" },
	{ NAMES, "a{", NULL }
};

static void
parse(const struct row *r, unsigned long max, struct text *out)
{
	static union {
		int number;
		char string[SETTINGS_STRING_MAX];
		struct settings_prefixes prefixes;
	} field;
	const struct setting row = { .name = "x", .type = r->type,
		.words = words, .max = max };
	struct fault f;

	fault_clear(&f);
	memset(&field, 0, sizeof field);
	if (r->type->parse(&row, slice_of(r->value), &field, &f)) {
		r->type->print(&row, &field, out);
		return;
	}
	unit_number(r->value, FAULT_SETTINGS, f.kind);
	text_printf(out, "! %s", f.text);
}

static void
test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		const struct row *r = &rows[i];
		char want[512], got[512];
		struct text out;

		text_init(&out, got, sizeof got);
		parse(r, r->type == MODE ? 0777 : r->type == PREFIXES ? 3 :
		    SETTINGS_STRING_MAX - 1, &out);
		snprintf(want, sizeof want, "! \"%s\" is not %s", r->value,
		    r->type->expects);
		unit_same(r->value, r->want != NULL ? r->want : want, got);
	}
	unit_end();
}

/*
 * The longest value of each type is taken, one byte more is refused; unix
 * sockets have a shorter limit of their own.
 */
static void
test_long(void **state)
{
	static const struct setting_type *const types[] = { PATH, SOCKET, MAP,
		RESOLVER, ACCOUNT, URL, DOMAINS, NAMES };
	static const char *const values[] = { "/abcdefg", "inet:1@a",
		"unix:/a", "unix:/a m", "abcdefgh", "http://a", "abcdefgh",
		"abcdefgh" };
	char path[128] = "unix:/";
	struct row r = { SOCKET, path, NULL };
	struct text out;
	char want[128], got[256];

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(types); i++) {
		r = (struct row){ types[i], values[i], NULL };
		text_init(&out, got, sizeof got);
		parse(&r, strlen(values[i]), &out);
		unit_same(values[i], values[i], got);
		text_init(&out, got, sizeof got);
		parse(&r, strlen(values[i]) - 1, &out);
		snprintf(want, sizeof want, "! %zu bytes are too long, %zu "
		    "are the most", strlen(values[i]), strlen(values[i]) - 1);
		unit_same(values[i], want, got);
	}
	r = (struct row){ SOCKET, path, NULL };
	memset(path + 6, 'a', 106);
	text_init(&out, got, sizeof got);
	parse(&r, SETTINGS_STRING_MAX - 1, &out);
	unit_same("107", path, got);
	path[112] = 'a';
	text_init(&out, got, sizeof got);
	parse(&r, SETTINGS_STRING_MAX - 1, &out);
	unit_same("108", "! the path of a unix socket has at most 107 bytes",
	    got);
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values), cmocka_unit_test(test_long)
	};

	return unit_main(tests);
}
