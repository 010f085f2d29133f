/*
 * What Postfix has told, kept for the milter's RCPT: told of this session and
 * recipient or not at all, once, and not for ever; without memory nothing is.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "milter/feed/feedtable.h"
#include "t/unit.h"

static uint64_t mark; /* the table's mark at the session's MAIL */
static int failing; /* the n-th allocation from now on; 0: none */

void *__real_malloc(size_t);
void *__wrap_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__wrap_calloc(size_t, size_t);

static bool
fails(void)
{
	if (failing == 0 || --failing > 0)
		return false;
	errno = ENOMEM;
	return true;
}

/* By the linker's --wrap (Makefile.am). */
void *
__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

#define WITH(fingerprint, key)                                                \
	"request=smtpd_access_policy\nprotocol_state=RCPT\n"                   \
	"client_address=192.0.2.1\nclient_port=2000\n"                         \
	"server_address=192.0.2.25\nserver_port=25\nsender=a@x.test\n"         \
	"recipient=b@y.test\nencryption_protocol=TLSv1.3\n"                    \
	"encryption_cipher=TLS_AES_256_GCM_SHA384\nencryption_keysize=256\n"   \
	"ccert_subject=Mail+20of+20x\nccert_issuer=\nccert_fingerprint="       \
	fingerprint "\nccert_pubkey_fingerprint=" key "\n"
#define SAID WITH("AA:BB", "CC:DD")
#define OTHER WITH("EE:FF", "00:11")
#define OTHER_KEY WITH("AA:BB", "00:11")
#define OF_NONE WITH("", "")

static bool
put(struct feedtable *t, const char *text, int64_t now_ms)
{
	char bytes[4096];
	struct feedrequest r;
	size_t used;

	snprintf(bytes, sizeof bytes, "%s\n", text);
	assert_int_equal(feedrequest_read(slice_of(bytes), &r, &used),
	    FEEDREQUEST_WHOLE);
	return feedtable_put(t, &r, now_ms);
}

#define SESSION "j=mx.test client_addr=192.0.2.1 client_port=2000 " \
	"daemon_addr=192.0.2.25 daemon_port=25 tls_version=TLSv1.3 "           \
	"cipher=TLS_AES_256_GCM_SHA384 cipher_bits=256 mail_addr=a@x.test "    \
	"rcpt_addr=b@y.test"

/* The session with some of its macros said anew. */
static enum feedtable_result
take(struct feedtable *t, const char *more, struct facts *f, int64_t now_ms)
{
	char macros[1024];

	snprintf(macros, sizeof macros, "v=Postfix %s%s" SESSION, more,
	    more[0] != '\0' ? " " : "");
	facts_free(f);
	unit_facts(f, macros);
	assert_true(facts_set(f, FACT_CN_SUBJECT, slice_of("Mail of x"),
	    false));
	return feedtable_take(t, f, mark, now_ms);
}

static void
test_told(void **state)
{
	struct feedtable *t = feedtable_new();
	struct facts f;

	(void)state;
	facts_init(&f, DIALECT_POSTFIX);
	assert_true(put(t, SAID, 0));
	unit_number("one", 1, feedtable_count(t));
	unit_number("told", FEEDTABLE_TOLD, take(t, "", &f, 0));
	unit_slice("fingerprint", "AA:BB", facts_value(&f, FACT_FINGERPRINT));
	unit_slice("of the key", "CC:DD",
	    facts_value(&f, FACT_KEY_FINGERPRINT));
	unit_number("taken out", FEEDTABLE_NOTHING, take(t, "", &f, 0));
	assert_true(put(t, SAID, 0));
	unit_number("as old as may be", FEEDTABLE_TOLD, take(t, "", &f,
	    FEEDTABLE_KEEP_MS));
	assert_true(put(t, SAID, 0));
	unit_number("too old", FEEDTABLE_NOTHING, take(t, "", &f,
	    FEEDTABLE_KEEP_MS + 1));
	unit_number("and gone", 0, feedtable_count(t));
	assert_true(put(t, SAID, 0));
	assert_true(put(t, SAID, 0));
	unit_number("again is one", 1, feedtable_count(t));
	facts_free(&f);
	feedtable_free(t);
	feedtable_free(NULL);
	unit_end();
}

/* A request is of another session when any fact that both know differs. */
static void
test_of_another(void **state)
{
	static const char *const macros[] = { "client_addr=192.0.2.2",
		"client_addr=IPv6:2001:db8::1", "client_port=2001",
		"client_port=3024", "client_port=0", "client_port=x",
		"daemon_addr=192.0.2.26", "daemon_port=587",
		"tls_version=TLSv1.2", "cipher=AES128-SHA", "cipher_bits=128",
		"mail_addr=c@x.test", "mail_addr=a@x.tes",
		"mail_addr=a@x.test.", "mail_addr=<a@x.testt>",
		"rcpt_addr=c@y.test" };
	static const char *const same[] = { "mail_addr=<a@x.test>",
		"mail_addr=<\"a\"@x.test>", "mail_addr=\\a@x.test",
		"daemon_port=", "daemon_addr=" };
	struct feedtable *t = feedtable_new();
	struct facts f;

	(void)state;
	facts_init(&f, DIALECT_POSTFIX);
	for (size_t i = 0; i < UNIT_COUNT(macros); i++) {
		assert_true(put(t, SAID, 0));
		unit_number(macros[i], FEEDTABLE_NOTHING,
		    take(t, macros[i], &f, 0));
		unit_number(macros[i], true,
		    !facts_known(&f, FACT_FINGERPRINT));
		unit_number(macros[i], 1, feedtable_count(t));
	}
	for (size_t i = 0; i < UNIT_COUNT(same); i++) {
		assert_true(put(t, SAID, 0));
		unit_number(same[i], FEEDTABLE_TOLD, take(t, same[i], &f, 0));
	}
	facts_free(&f);
	feedtable_free(t);
	unit_end();
}

/* The next client from the same port, of whom Postfix told nothing. */
static void
test_port_again(void **state)
{
	struct feedtable *t = feedtable_new();
	struct facts f;

	(void)state;
	facts_init(&f, DIALECT_POSTFIX);
	assert_true(put(t, SAID, 0));
	mark = feedtable_mark(t);
	unit_number("told before MAIL", FEEDTABLE_NOTHING, take(t, "", &f, 0));
	unit_number("is gone", 0, feedtable_count(t));
	unit_number("and leaves nothing", true,
	    !facts_known(&f, FACT_FINGERPRINT));
	assert_true(put(t, SAID, 0));
	unit_number("told after it", FEEDTABLE_TOLD, take(t, "", &f, 0));
	assert_true(put(t, SAID, 0));
	mark = feedtable_mark(t);
	assert_true(put(t, OTHER, 0));
	unit_number("both stay", 2, feedtable_count(t));
	unit_number("its own counts", FEEDTABLE_TOLD, take(t, "", &f, 0));
	unit_slice("fingerprint", "EE:FF", facts_value(&f, FACT_FINGERPRINT));
	unit_number("none is left", 0, feedtable_count(t));
	mark = 0;
	facts_free(&f);
	feedtable_free(t);
	unit_end();
}

/* Two requests that fit one session and differ: neither is believed. */
static void
test_two_things(void **state)
{
	static const char *const second[] = { OTHER, OF_NONE, OTHER_KEY };
	struct feedtable *t = feedtable_new();
	struct facts f;

	(void)state;
	facts_init(&f, DIALECT_POSTFIX);
	for (size_t i = 0; i < 2 * UNIT_COUNT(second); i++) {
		const char *other = second[i / 2];

		assert_true(put(t, i % 2 == 0 ? SAID : other, 0));
		assert_true(put(t, i % 2 == 0 ? other : SAID, 0));
		unit_number("two", 2, feedtable_count(t));
		assert_true(put(t, i % 2 == 0 ? SAID : other, 0));
		unit_number("no third", 2, feedtable_count(t));
		unit_number("neither", FEEDTABLE_NOTHING, take(t, "", &f, 0));
		unit_number("no fingerprint", true,
		    !facts_known(&f, FACT_FINGERPRINT));
		unit_number("both gone", 0, feedtable_count(t));
	}
	facts_free(&f);
	feedtable_free(t);
	unit_end();
}

/*
 * Requests of another stage than RCPT, or without what tells sessions apart,
 * are not kept.
 */
static void
test_refused(void **state)
{
	static const struct {
		const char *name, *text;
		unsigned kept; /* how many of one earlier request are left */
	} rows[] = {
		{ "no address", "request=smtpd_access_policy\n"
		    "protocol_state=RCPT\nclient_port=2000\n", 1 },
		{ "no port", "request=smtpd_access_policy\n"
		    "protocol_state=RCPT\nclient_address=192.0.2.1\n", 1 },
		{ "port 0", "request=smtpd_access_policy\nprotocol_state=RCPT\n"
		    "client_address=192.0.2.1\nclient_port=0\n", 1 },
		{ "another stage", "request=smtpd_access_policy\n"
		    "protocol_state=DATA\nclient_address=192.0.2.1\n"
		    "client_port=2000\n", 0 },
		{ "of another port in its list", "request=smtpd_access_policy\n"
		    "protocol_state=DATA\nclient_address=192.0.2.1\n"
		    "client_port=3024\n", 1 },
		{ "of another client", "request=smtpd_access_policy\n"
		    "protocol_state=DATA\nclient_address=2001:db8::1\n"
		    "client_port=2000\n", 1 },
		{ "of another service", "request=smtpd_access_policy\n"
		    "protocol_state=DATA\nclient_address=192.0.2.1\n"
		    "client_port=2000\nserver_address=192.0.2.25\n"
		    "server_port=587\n", 1 },
		{ "of another address of ours", "request=smtpd_access_policy\n"
		    "protocol_state=DATA\nclient_address=192.0.2.1\n"
		    "client_port=2000\nserver_address=192.0.2.26\n"
		    "server_port=25\n", 1 },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct feedtable *t = feedtable_new();

		assert_true(put(t, SAID, 0));
		unit_number(rows[i].name, false, put(t, rows[i].text, 0));
		unit_number(rows[i].name, rows[i].kept, feedtable_count(t));
		feedtable_free(t);
	}
	unit_end();
}

static void
test_no_memory(void **state)
{
	struct feedtable *t;
	struct facts f;

	(void)state;
	facts_init(&f, DIALECT_POSTFIX);
	failing = 1;
	assert_null(feedtable_new());
	t = feedtable_new();
	assert_true(put(t, SAID, 0));
	failing = 1;
	unit_number("not kept", false, put(t, SAID, 0));
	unit_number("nor what was there", 0, feedtable_count(t));
	failing = 0;
	for (int64_t i = 0; i <= FEEDTABLE_MAX; i++)
		(void)put(t, i % 2 == 0 ? SAID : "request=smtpd_access_policy\n"
		    "protocol_state=RCPT\nclient_address=192.0.2.3\n"
		    "client_port=1\n", i);
	unit_number("each connection once", 2, feedtable_count(t));
	facts_free(&f);
	feedtable_free(t);
	unit_end();
}

/*
 * The table's bytes are bounded: of long requests fewer are kept, the oldest
 * go.
 */
static void
test_bytes(void **state)
{
	static char text[FEEDREQUEST_MAX];
	struct feedtable *t = feedtable_new();
	unsigned fit = FEEDTABLE_BYTES_MAX / 20000;

	(void)state;
	for (unsigned i = 0; i < 2 * fit; i++) {
		struct feedrequest r;
		size_t used;
		int n = snprintf(text, sizeof text, "request="
		    "smtpd_access_policy\nprotocol_state=RCPT\n"
		    "client_address=10.0.%u.%u\nclient_port=%u\nsender=%019900d"
		    "\n\n", i >> 8, i & 255, 1 + i, 0);

		assert_int_equal(feedrequest_read(slice_make(text, (size_t)n),
		    &r, &used), FEEDREQUEST_WHOLE);
		assert_true(feedtable_put(t, &r, 0));
		if (i == fit / 2)
			unit_number("half", i + 1, feedtable_count(t));
	}
	assert_in_range(feedtable_count(t), fit * 9 / 10, fit);
	assert_true(put(t, SAID, FEEDTABLE_KEEP_MS + 1));
	unit_number("all that is old is gone", 1, feedtable_count(t));
	feedtable_free(t);
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_of_another),
		cmocka_unit_test(test_port_again),
		cmocka_unit_test(test_two_things),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_bytes),
	};

	return unit_main(tests);
}
