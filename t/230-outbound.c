/* Which question of an MTA each rule answers, and with what. */

#include "policy/audit/record.h"
#include "policy/base/domain.h"
#include "policy/outbound/outbound.h"
#include "t/idn2-wrap.h"
#include "t/unit.h"

enum { NOW = 20000 * 86400 }; /* 2024-10-04 */

static const char rules[] =
    "TLS_Rcpt:dest.test VERIFY:128\n"
    "TLS_Srv:dest.test ENCR:0+PFS\n"
    "TLS_Srv:.deep.dest.test ENCR:1\n"
    "TLS_Rcpt:\xc3\xbc.test VERIFY\n"
    "TLS_Rcpt:past.test VERIFY+UNTIL:2024-10-03\n"
    "TLS_Rcpt:past.test ENCR:1\n"
    "TLS_Rcpt:old.past.test VERIFY+UNTIL:2024-10-03\n"
    "TLS_Rcpt:joe@dest.test ENCR:1\n"
    "TLS_Rcpt:joe+*@ ENCR:2\n"
    "TLS_Srv:[192.0.2.0/26] ENCR:3\n"
    "TLS_Srv:192.0.2.0/25 ENCR:4\n"
    "TLS_Srv:192.0.0.0/15 ENCR:5\n"
    "TLS_Srv:2001:db8::/47 ENCR:6\n"
    "TLS_Srv:perm.test PERM+VERIFY\n"
    "TLS_Srv:ca.test VERIFY+CITag:MyCA\n"
    "MyCA:/C=DE/CN=My+20CA OK\n"
    "Try_TLS:never.test NO\n"
    "Try_TLS:mx.never.test OK\n"
    "Try_TLS:both.test NO\n"
    "TLS_Srv:both.test ENCR:1\n";

/* The answer as the MTA gets it, "-" for "not found". */
static void
ask(enum outbound_map map, const char *key,
    const struct outbound_options *options, const char *path,
    struct outbound_answer *answer, struct text *out)
{
	struct outbound_question q = { .map = map, .key = slice_of(key),
		.options = options, .now = NOW };
	struct fault fault;
	struct store_reader reader;
	struct store *store;

	fault_clear(&fault);
	store = store_open(path, &fault);
	if (store == NULL) {
		outbound_ask(&q, NULL, &fault, answer);
	} else {
		assert_true(store_begin(store, &reader, &fault));
		outbound_ask(&q, &reader, NULL, answer);
		store_end(&reader);
		store_close(store);
	}
	text_clear(out);
	if (answer->result == OUTBOUND_NONE || answer->waived)
		text_puts(out, "-");
	else
		text_printf(out, "%s%s", answer->defer ? "TEMP " : "",
		    answer->value.buf);
}

#define SECURE "secure match=nexthop:dot-nexthop"
#define PFS " exclude=kRSA:kPSK:kRSAPSK:kSRP:aNULL"

static const struct {
	enum outbound_map map;
	const char *key, *want;
} rows[] = {
	/* Each question by its own level; both classes in the answer. */
	{ OUTBOUND_POSTFIX, "dest.test", SECURE " ciphers=high" PFS },
	{ OUTBOUND_POSTFIX, "DEST.Test", SECURE " ciphers=high" PFS },
	{ OUTBOUND_POSTFIX, "a.dest.test", "-" },
	{ OUTBOUND_POSTFIX, ".dest.test", SECURE " ciphers=high" PFS },
	{ OUTBOUND_POSTFIX, ".test", "-" },
	{ OUTBOUND_POSTFIX, "deep.dest.test", "-" },
	{ OUTBOUND_POSTFIX, "x.deep.dest.test", "-" },
	{ OUTBOUND_POSTFIX, ".deep.dest.test", SECURE " ciphers=high" },
	/*
	 * The port, brackets or an address: Postfix asks nothing else, so all
	 * levels answer.
	 */
	{ OUTBOUND_POSTFIX, "a.dest.test:25", SECURE " ciphers=high" PFS },
	{ OUTBOUND_POSTFIX, "[a.dest.test]", "encrypt" PFS },
	{ OUTBOUND_POSTFIX, "[a.dest.test]:smtp", "encrypt" PFS },
	{ OUTBOUND_POSTFIX, "[192.0.2.1]", "encrypt ciphers=high" },
	{ OUTBOUND_POSTFIX, "[192.1.2.1]:25", "encrypt ciphers=high" },
	{ OUTBOUND_POSTFIX, "[ipv6:2001:db8:1::1]:25",
	    "encrypt ciphers=high" },
	{ OUTBOUND_POSTFIX, "[198.51.100.1]", "-" },
	{ OUTBOUND_POSTFIX, "[dest.test", "-" },
	{ OUTBOUND_POSTFIX, "[dest.test]x", "-" },
	{ OUTBOUND_POSTFIX, "[]", "-" },
	{ OUTBOUND_POSTFIX, "", "-" },
	{ OUTBOUND_POSTFIX, ".", "-" },
	{ OUTBOUND_POSTFIX, "..test", "-" },
	{ OUTBOUND_POSTFIX, "dest.test:", "-" },
	{ OUTBOUND_POSTFIX, "xn--tda.test", SECURE },
	{ OUTBOUND_POSTFIX, "\xc3\xbc.test", SECURE },
	/*
	 * Outside its dates a line is passed over: the key's next line, then
	 * the next level.
	 */
	{ OUTBOUND_POSTFIX, "past.test", "encrypt" },
	{ OUTBOUND_POSTFIX, "old.past.test", "-" },
	{ OUTBOUND_POSTFIX, ".past.test", "encrypt" },
	{ OUTBOUND_POSTFIX, "never.test", "none" },
	{ OUTBOUND_POSTFIX, "mx.never.test", "may" },
	{ OUTBOUND_POSTFIX, "both.test", "TEMP Try_TLS forbids the TLS that "
	    "another rule demands" },
	{ OUTBOUND_POSTFIX, "perm.test", SECURE },
	{ OUTBOUND_POSTFIX, "ca.test",
	    "TEMP TLS policy cannot be expressed: CITag:MyCA" },

	{ OUTBOUND_SENDMAIL, "tls_srv:dest.test",
	    SENDMAIL_NEVER_MET },
	{ OUTBOUND_SENDMAIL, "tls_srv:a.dest.test", "-" },
	{ OUTBOUND_SENDMAIL, "tls_srv:x.deep.dest.test", "TEMP+ENCR:1" },
	{ OUTBOUND_SENDMAIL, "tls_srv:y.x.deep.dest.test", "-" },
	{ OUTBOUND_SENDMAIL, "tls_srv:deep.dest.test", "-" },
	{ OUTBOUND_SENDMAIL, "tls_srv:.deep.dest.test", "TEMP+ENCR:1" },
	/* A network answers the shortest run of octets that lies in it. */
	{ OUTBOUND_SENDMAIL, "tls_srv:192.0.2.1", "TEMP+ENCR:4" },
	{ OUTBOUND_SENDMAIL, "tls_srv:192.0.2.129", "-" },
	{ OUTBOUND_SENDMAIL, "tls_srv:192.0.2", "-" },
	{ OUTBOUND_SENDMAIL, "tls_srv:192.0", "TEMP+ENCR:5" },
	{ OUTBOUND_SENDMAIL, "tls_srv:192", "-" },
	{ OUTBOUND_SENDMAIL, "tls_srv:[192.0.2.1]", "TEMP+ENCR:3" },
	{ OUTBOUND_SENDMAIL, "tls_srv:[192.0.2.65]", "-" },
	{ OUTBOUND_SENDMAIL, "tls_srv:ipv6:2001:db8:1:0:0:0:0:1", "-" },
	{ OUTBOUND_SENDMAIL, "tls_srv:ipv6:2001:db8:1", "TEMP+ENCR:6" },
	{ OUTBOUND_SENDMAIL, "tls_srv:ipv6:2001:db8", "-" },
	{ OUTBOUND_SENDMAIL, "tls_srv:ipv6", "-" },
	{ OUTBOUND_SENDMAIL, "tls_srv:192.0.2.0/25", "-" },
	{ OUTBOUND_SENDMAIL, "tls_srv:", "-" },
	{ OUTBOUND_SENDMAIL, "tls_srv:perm.test", "PERM+VERIFY" },
	{ OUTBOUND_SENDMAIL, "tls_srv:ca.test", "TEMP+VERIFY+CITag:MyCA" },
	{ OUTBOUND_SENDMAIL, "tls_rcpt:joe@dest.test", "TEMP+ENCR:1" },
	{ OUTBOUND_SENDMAIL, "tls_rcpt:joe+*@", "TEMP+ENCR:2" },
	{ OUTBOUND_SENDMAIL, "tls_rcpt:ann@dest.test", "-" },
	{ OUTBOUND_SENDMAIL, "tls_rcpt:dest.test", "TEMP+VERIFY:128" },
	{ OUTBOUND_SENDMAIL, "tls_rcpt:xn--tda.test", "TEMP+VERIFY" },
	{ OUTBOUND_SENDMAIL, "try_tls:never.test", "NO" },
	{ OUTBOUND_SENDMAIL, "try_tls:mx.never.test", "OK" },
	{ OUTBOUND_SENDMAIL, "myca:/c=de/cn=my+20ca", "OK" },
	{ OUTBOUND_SENDMAIL, "myca:/c=de/cn=other", "-" },
	{ OUTBOUND_SENDMAIL, "connect:192.0.2.1", "-" },
	{ OUTBOUND_SENDMAIL, "tls_clt:dest.test", "-" },
	{ OUTBOUND_SENDMAIL, "dest.test", "-" },

	/* All of sendmail's questions about one server or recipient at once. */
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_srv/dest.test/198.51.100.1",
	    SENDMAIL_NEVER_MET },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_srv/a.b.dest.test/192.0.2.1",
	    SENDMAIL_NEVER_MET },
	{ OUTBOUND_SENDMAIL, "TLSPolicy:TLS_Srv/X.Deep.Dest.Test/192.0.2.1",
	    "TEMP+ENCR:1" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_srv/z.y.x.deep.dest.test/",
	    "TEMP+ENCR:1" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_srv/mx.perm.test/192.0.2.1",
	    "PERM+VERIFY" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_srv/other.test/192.0.2.1",
	    "TEMP+ENCR:4" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_srv/other.test/192.0.2.129",
	    "TEMP+ENCR:5" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_srv/[192.0.2.1]/192.0.2.1",
	    "TEMP+ENCR:3" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_srv/[192.0.2.65]/192.0.2.65",
	    "TEMP+ENCR:4" },
	{ OUTBOUND_SENDMAIL,
	    "tlspolicy:tls_srv/other.test/ipv6:2001:db8:1:0:0:0:0:1",
	    "TEMP+ENCR:6" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_srv/other.test/198.51.100.1", "-" },
	/* The address is behind the last slash, whatever a name holds. */
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_srv/a/198.51.100.1/192.0.2.1",
	    "TEMP+ENCR:4" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_srv/dest.test", SENDMAIL_NEVER_MET },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_srv/", "-" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_srv//", "-" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_srv/.../...", "-" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_rcpt/joe@dest.test",
	    "TEMP+ENCR:1" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_rcpt/joe+x+y@dest.test",
	    "TEMP+ENCR:1" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_rcpt/joe+x@other.test",
	    "TEMP+ENCR:2" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_rcpt/joe+x", "TEMP+ENCR:2" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_rcpt/joe", "-" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_rcpt/ann@dest.test",
	    "TEMP+VERIFY:128" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_rcpt/ann@a.b.dest.test",
	    "TEMP+VERIFY:128" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_rcpt/\"a@x.test\"@dest.test",
	    "TEMP+VERIFY:128" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_rcpt/+@dest.test",
	    "TEMP+VERIFY:128" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_rcpt/@dest.test",
	    "TEMP+VERIFY:128" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_rcpt/ann@old.past.test",
	    "TEMP+ENCR:1" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_rcpt/ann@", "-" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_rcpt/", "-" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:tls_clt/dest.test/", "-" },
	{ OUTBOUND_SENDMAIL, "tlspolicy:try_tls/never.test/", "-" },
};

static void
test_questions(void **state)
{
	static const struct outbound_options options;
	const char *path = unit_build("questions", rules, NOW);

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct outbound_answer answer;
		char buf[4200];
		struct text out;

		text_init(&out, buf, sizeof buf);
		ask(rows[i].map, rows[i].key, &options, path, &answer, &out);
		unit_same(rows[i].key, rows[i].want, buf);
	}
	unit_end();
}

/*
 * A rule of a bare tag answers the last of Postfix's questions about a name,
 * and one that is the only one.
 */
static void
test_bare(void **state)
{
	static const struct {
		const char *key, *want;
	} bare[] = {
		{ "a.test", "-" }, { ".test", SECURE }, { "test", SECURE },
		{ "a.test:25", SECURE }, { "[a.test]", SECURE },
		{ "[192.0.2.1]", SECURE }
	};
	static const struct outbound_options options;
	const char *path = unit_build("bare", "TLS_Rcpt: VERIFY\n", NOW);

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(bare); i++) {
		struct outbound_answer answer;
		char buf[4200];
		struct text out;

		text_init(&out, buf, sizeof buf);
		ask(OUTBOUND_POSTFIX, bare[i].key, &options, path, &answer,
		    &out);
		unit_same(bare[i].key, bare[i].want, buf);
	}
	unit_end();
}

static void
test_settings(void **state)
{
	static const struct outbound_options weaken = { .weaken = true },
	    monitor = { .monitor = true };
	const char *path = unit_build("settings", rules, NOW);
	struct outbound_answer answer;
	char buf[4200];
	struct text out;

	(void)state;
	text_init(&out, buf, sizeof buf);
	ask(OUTBOUND_POSTFIX, "ca.test", &weaken, path, &answer, &out);
	unit_same("weakened", SECURE, buf);
	unit_number("and said so", OUTBOUND_WEAKENED, answer.result);
	unit_same("of what", "CITag:MyCA", answer.lost.buf);
	ask(OUTBOUND_SENDMAIL, "tls_srv:dest.test", &weaken, path, &answer,
	    &out);
	unit_same("sendmail", "TEMP+ENCR:1", buf);
	ask(OUTBOUND_POSTFIX, "both.test", &weaken, path, &answer, &out);
	unit_same("a contradiction stays", "TEMP Try_TLS forbids the TLS that "
	    "another rule demands", buf);
	ask(OUTBOUND_POSTFIX, "dest.test", &monitor, path, &answer, &out);
	unit_same("monitor tells nothing", "-", buf);
	unit_number("but has the answer", OUTBOUND_TOLD, answer.result);
	unit_end();
}

/* Without a store nothing leaves, and nothing else is answered. */
static void
test_failure(void **state)
{
	static const struct {
		enum outbound_map map;
		const char *key, *want;
	} failing[] = {
		{ OUTBOUND_POSTFIX, "dest.test",
		    "TEMP TLS policy cannot be consulted at present" },
		{ OUTBOUND_SENDMAIL, "tls_srv:dest.test", SENDMAIL_NEVER_MET },
		{ OUTBOUND_SENDMAIL, "tls_rcpt:", SENDMAIL_NEVER_MET },
		{ OUTBOUND_SENDMAIL, "tlspolicy:tls_srv/x.test/192.0.2.1",
		    SENDMAIL_NEVER_MET },
		{ OUTBOUND_SENDMAIL, "tlspolicy:tls_rcpt/a@x.test",
		    SENDMAIL_NEVER_MET },
		{ OUTBOUND_SENDMAIL, "try_tls:dest.test", "-" },
		{ OUTBOUND_SENDMAIL, "myca:/cn=x", "-" },
		{ OUTBOUND_SENDMAIL, "connect:192.0.2.1", "-" },
	};
	static const struct outbound_options options;

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(failing); i++) {
		struct outbound_answer answer;
		char buf[4200];
		struct text out;

		text_init(&out, buf, sizeof buf);
		ask(failing[i].map, failing[i].key, &options,
		    unit_path("missing"), &answer, &out);
		unit_same(failing[i].key, failing[i].want, buf);
	}
	unit_end();
}

static void
test_record(void **state)
{
	static const struct outbound_options options;
	struct outbound_question q = { .map = OUTBOUND_POSTFIX,
		.key = slice_of("perm.test\n\"x"), .options = &options };
	const char *path = unit_build("record", "TLS_Srv:perm.test "
	    "PERM+ENCR:256\nTLS_Rcpt:perm.test WARN+VERIFY\n", NOW);
	struct outbound_answer answer;
	struct record_outbound record = { .time_us = INT64_C(1772366400123456),
		.question = &q, .answer = &answer };
	char buf[4200];
	struct text out;

	(void)state;
	text_init(&out, buf, sizeof buf);
	ask(q.map, "perm.test", &options, path, &answer, &out);
	text_clear(&out);
	assert_true(record_format_outbound(&record, &out));
	answer.rules[0].file = answer.rules[1].file = slice_of("rules");
	text_clear(&out);
	assert_true(record_format_outbound(&record, &out));
	unit_same("record", "{\"v\":1,\"event\":\"outbound\",\"time\":"
	    "\"2026-03-01T12:00:00.123456Z\",\"generation\":1,\"policy\":null,\"map\":"
	    "\"tlspolicy\",\"query\":\"perm.test\\u000a\\\"x\",\"answer\":"
	    "\"TEMP TLS policy cannot be expressed: ENCR:256\",\"result\":"
	    "\"refused\",\"inexpressible\":\"ENCR:256\",\"warned\":"
	    "\"TEMP TLS policy cannot be expressed: ENCR:256\",\"resolver\":"
	    "null,\"rules\":"
	    "[{\"tag\":\"TLS_Srv\",\"key\":\"TLS_Srv:perm.test\","
	    "\"requirement\":\"PERM+ENCR:256\",\"file\":\"rules\","
	    "\"line\":1},{\"tag\":\"TLS_Rcpt\",\"key\":"
	    "\"TLS_Rcpt:perm.test\",\"requirement\":\"WARN+VERIFY\","
	    "\"file\":\"rules\",\"line\":2}],\"mode\":\"enforce\"}", buf);
	out.size = 60;
	text_clear(&out);
	assert_false(record_format_outbound(&record, &out));
	unit_end();
}

/* A name that could not be made A-labels has had no rule looked for. */
static void
test_no_memory(void **state)
{
	static const struct outbound_options options;
	static const struct {
		enum outbound_map map;
		const char *key;
	} keys[] = {
		{ OUTBOUND_POSTFIX, "\xc3\x9c.test" },
		/* Fullwidth letters that libidn2 alone takes for d. */
		{ OUTBOUND_POSTFIX, "\357\275\204est.test" },
		{ OUTBOUND_POSTFIX, "[\357\275\204eep.dest.test]:25" },
		{ OUTBOUND_SENDMAIL, "tls_rcpt:\357\275\204est.test" },
		{ OUTBOUND_SENDMAIL, "tlspolicy:tls_rcpt/a@\357\275\204est.test" },
		{ OUTBOUND_SENDMAIL,
		    "tlspolicy:tls_srv/\357\275\204est.test/192.0.2.1" },
	};
	const char *path = unit_build("none", rules, 1);

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(keys); i++)
		for (int n = 0; n < 9; n++) {
			char want[4200], buf[4200];
			struct outbound_answer answer;
			struct text out;

			no_memory = n;
			text_init(&out, buf, sizeof buf);
			ask(keys[i].map, keys[i].key, &options, path, &answer,
			    &out);
			if (n == 0)
				memcpy(want, buf, sizeof buf);
			else if (answer.result != OUTBOUND_FAILED)
				unit_same(keys[i].key, want, buf);
			unit_number(keys[i].key, false, strcmp(buf, "-") == 0);
		}
	no_memory = 0;
	for (int n = 0; n < 2; n++) {
		char buf[DOMAIN_TEXT_MAX];
		struct text out;

		no_memory = n;
		text_init(&out, buf, sizeof buf);
		outbound_resolver_key(slice_of("\xc3\x9c.test"), &out);
		unit_same("a resolver's key", n == 0 ? "xn--tda.test" : "",
		    buf);
	}
	no_memory = 0;
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_bare),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_no_memory),
	};

	return unit_main(tests);
}
