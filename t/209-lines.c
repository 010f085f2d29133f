/*
 * Lines of an audit log: each member with a value that it cannot have, each of
 * the lines that tell of the log itself cut and changed, and every piece of
 * memory refused.  None of them passes for another line.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "policy/audit/asked.h"
#include "policy/audit/chain-link.h"
#include "policy/audit/salts-erase.h"
#include "policy/audit/tlsrpt.h"
#include "t/nth.h"
#include "t/unit.h"

#define TIME "2026-03-01T12:00:00.000000Z"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define START "{\"v\":1,\"event\":"

/* What the reader makes of a line: the word of its kind, or the fault. */
static const char *
parse(const char *line)
{
	static const char *const words[] = { [READER_RECORD] = "record",
		[READER_OUTBOUND] = "outbound", [READER_NOTE] = "note",
		[READER_TORN] = "torn", [READER_FAILED] = "failed" };
	static char why[FAULT_TEXT_MAX];
	struct reader_record r;
	enum reader_result result;
	struct fault fault;

	reader_record_init(&r);
	result = reader_parse(&r, slice_of(line), &fault);
	snprintf(why, sizeof why, "%s", result == READER_BAD ? fault.text :
	    words[result]);
	reader_record_free(&r);
	return why;
}

#define WORD "expected a word of tlspolicy-audit(5)"
#define STRING "expected a string"
#define NULLABLE "expected a string or null"
#define NUMBER "expected a whole number"
#define OBJECT "expected an object"
#define ARRAY "expected an array"
#define DATE "expected a time as in RFC 3339, in UTC"
#define AS_MANY "expected as many as recipients"

/* A member of a record of a message. */
static const struct {
	const char *member, *want;
} members[] = {
	{ "\"session\":null", "record" },
	{ "\"time\":1", STRING }, { "\"time\":\"\"", DATE },
	{ "\"time\":\"2026-03-01t12:00:00z\"", DATE },
	{ "\"time\":\"2026-03-01x12:00:00Z\"", DATE },
	{ "\"event\":1", STRING }, { "\"event\":\"messag\"", WORD },
	{ "\"source\":1", STRING }, { "\"source\":\"maillogs\"", WORD },
	{ "\"source\":\"maillog\"", "record" },
	{ "\"verdict\":\"accepts\"", WORD }, { "\"verdict\":null", STRING },
	{ "\"waiver\":1", NULLABLE }, { "\"waiver\":\"warned\"", WORD },
	{ "\"mode\":\"enforced\"", WORD }, { "\"mode\":null", STRING },
	{ "\"exempt\":1", "expected true or false" },
	{ "\"exempt\":\"true\"", "expected true or false" },
	{ "\"exempt\":tru", "expected true or false" },
	{ "\"exempt\":true", "record" }, { "\"exempt\":false", "record" },
	{ "\"session\":1", NULLABLE }, { "\"session\":nul", NULLABLE },
	{ "\"reply\":{}", NULLABLE },
	{ "\"new\":nul", "expected a value" },
	{ "\"new\":truth", "expected a value" },
	{ "\"new\":false", "record" }, { "\"new\":null", "record" },
	{ "\"generation\":01", NUMBER }, { "\"generation\":0", "record" },
	{ "\"generation\":1234567890123456789", NUMBER },
	{ "\"generation\":\"1\"", NUMBER },
	{ "\"would\":1", OBJECT }, { "\"would\":{\"verdict\":\"x\"}", WORD },
	{ "\"would\":{\"reply\":1}", NULLABLE },
	{ "\"would\":{\"verdict\":\"hold\",\"x\":1}", "record" },
	/* Clients, TLS. */
	{ "\"client\":1", OBJECT },
	{ "\"tls\":{\"bits\":\"x\"}", "record" },
	{ "\"tls\":{\"bits\":01}", NUMBER },
	{ "\"tls\":{\"bits\":null}", "record" },
	{ "\"tls\":{\"bits\":true}", NULLABLE },
	/* Raw bytes. */
	{ "\"raw\":1", OBJECT },
	{ "\"raw\":{\"i\":true}", "expected a string, null or false" },
	{ "\"raw\":{\"i\":1}", "expected true or false" },
	{ "\"raw\":{\"i\":false}", "record" },
	{ "\"raw\":{\"i\":null}", "record" },
	{ "\"raw\":{\"i\":nul}", "expected null" },
	{ "\"raw\":{\"i\":\"616\"}", "expected pairs of hex digits" },
	{ "\"raw\":{\"i\":\"6g\"}", "expected pairs of hex digits" },
	{ "\"raw\":{\"i\":\"6162\"},\"queue_id\":\"x\"", "record" },
	{ "\"rcpts\":[\"a\"],\"raw\":{\"rcpt_addr\":[\"61\"]}", "record" },
	{ "\"raw\":{\"rcpt_addr\":1}", ARRAY },
	{ "\"raw\":{\"rcpt_addr\":[\"61\"]}", AS_MANY },
	{ "\"rcpts\":[\"a\"],\"raw\":{\"rcpt_addr\":[\"6\"]}",
	  "expected pairs of hex digits" },
	/* Recipients. */
	{ "\"rcpts\":{}", ARRAY }, { "\"rcpts\":[1]", STRING },
	{ "\"rcpts_resolved\":1", ARRAY }, { "\"rcpts_resolved\":[\"a\"]", AS_MANY },
	{ "\"rcpts\":[\"a\"],\"rcpts_resolved\":[1]", NULLABLE },
	{ "\"rcpts\":[\"a\"],\"rcpts_resolved\":[null]", "record" },
	{ "\"rcpts_generation\":1", ARRAY },
	{ "\"rcpts\":[\"a\"],\"rcpts_generation\":[1]", "record" },
	{ "\"rcpts\":[\"a\"],\"rcpts_generation\":[]", AS_MANY },
	{ "\"rcpts\":[\"a\"],\"rcpts_generation\":[1,2]", AS_MANY },
	{ "\"rcpts\":[\"a\"],\"rcpts_generation\":[null]", NUMBER },
	{ "\"rcpts\":[\"a\"],\"rcpts_generation\":[1", "expected a comma or "
	  "the end of the array" },
	/* The header. */
	{ "\"header_from\":1", ARRAY }, { "\"header_from\":[1]", STRING },
	{ "\"header_from\":[\"\"]", "expected a mailbox" },
	{ "\"header_from\":[\"a\\nb@c\"]", "expected a mailbox" },
	{ "\"header_from\":[\"a@b\"]", "record" },
	{ "\"header_from_flaw\":\"x\"", WORD },
	{ "\"header_from_flaw\":1", STRING },
	{ "\"header_generation\":\"\"", NUMBER },
	/* Rules. */
	{ "\"rules\":1", ARRAY }, { "\"rules\":[1]", OBJECT },
	{ "\"rules\":[{\"tag\":\"TLS_X\"}]", WORD },
	{ "\"rules\":[{\"tag\":\"CATag\"}]", WORD },
	{ "\"rules\":[{\"key\":1}]", NULLABLE },
	{ "\"rules\":[{\"result\":\"held\"}]", WORD },
	{ "\"rules\":[{\"waiver\":\"x\"}]", WORD },
	{ "\"rules\":[{\"waiver\":\"warn\",\"line\":1}]", "record" },
	{ "\"rules\":[{\"line\":\"1\"}]", NUMBER },
	{ "\"rules\":[{\"new\":[]}]", "record" },
	/* Policy, settings, plan. */
	{ "\"policy\":null", "record" }, { "\"policy\":nil", "expected null" },
	{ "\"policy\":1", STRING }, { "\"policy\":{", "expected a comma or the end of the object" },
	{ "\"policy\":{\"made\":1}", STRING },
	{ "\"policy\":{\"made\":\"now\"}", DATE },
	{ "\"policy\":{\"made\":\"" TIME "\",\"how\":\"build\"}", "record" },
	{ "\"policy\":{\"how\":null}", STRING },
	{ "\"policy\":{\"back_to\":\"1\"}", NUMBER },
	{ "\"policy\":{\"back_to\":7,\"new\":1}", "record" },
	{ "\"policy\":{\"plan\":1}", STRING },
	{ "\"policy\":{\"uid\":null}", NUMBER },
	{ "\"policy\":{\"login\":1}", NULLABLE },
	{ "\"policy\":{\"rules\":[]}", NUMBER },
	{ "\"policy\":{\"rules_sha256\":null}", STRING },
	{ "\"policy\":{\"settings_sha256\":null}", STRING },
	{ "\"policy\":{\"settings_sha256\":\"" HEX "\"}", "record" },
	{ "\"settings\":1", STRING },
	{ "\"settings\":{\"sha256\":1}", STRING },
	{ "\"settings\":{\"values\":1}", OBJECT },
	{ "\"settings\":{\"values\":{\"a\":1}}", STRING },
	{ "\"settings\":{\"values\":{\"a\":\"b\"", "expected a comma or the end of the object" },
	{ "\"settings\":{\"values\":{\"a\":\"b\"},\"new\":1}", "record" },
	{ "\"plan\":1", OBJECT },
	{ "\"plan\":{}", "expected a \"result\" of the plan" },
	{ "\"plan\":{\"result\":\"x\"}", WORD },
	{ "\"plan\":{\"id\":\"0123\"}", "expected 16 hexadecimal digits" },
	{ "\"plan\":{\"id\":null,\"result\":\"same\"}", "record" },
	{ "\"plan\":{\"id\":1}", NULLABLE },
	{ "\"plan\":{\"id\":\"0123456789abcdef\",\"result\":\"same\"",
	  "expected a comma or the end of the object" },
	/* Strings. */
	{ "\"session\":\"\\ud83d\\u0041\"", "expected the second half of a "
	  "character" },
	{ "\"session\":\"\\ud83d\\uffff\"", "expected the second half of a "
	  "character" },
};

static void
test_members(void **state)
{
	char line[1024];

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(members); i++) {
		snprintf(line, sizeof line, START "\"message\",\"time\":\""
		    TIME "\",\"verdict\":\"accept\",%s}", members[i].member);
		unit_same(members[i].member, members[i].want, parse(line));
	}
	unit_end();
}

#define SERVED ",\"server\":{\"name\":\"mx.a.test\"}"
#define HANDSHAKE START "\"handshake\",\"time\":\"" TIME "\",\"domain\":\"a\"," \
	"\"outcome\":\"failure\""

/* Of mail that left, and of TLS with a server. */
static const struct {
	const char *line, *want;
} left[] = {
	{ START "\"delivered\",\"time\":\"" TIME "\"" SERVED "}", "note" },
	{ START "\"delivered\",\"time\":\"" TIME "\"}",
	  "expected a \"server\" and a \"time\"" },
	{ START "\"delivered\"" SERVED "}",
	  "expected a \"server\" and a \"time\"" },
	{ START "\"delivered\",\"server\":1}", OBJECT },
	{ START "\"delivered\",\"server\":{\"addr\":1}}", NULLABLE },
	{ START "\"delivered\",\"server\":{\"matched\":1}}",
	  "expected true or false" },
	{ START "\"outbound\",\"query\":\"a\"}",
	  "expected a \"query\" and a \"time\"" },
	{ START "\"outbound\",\"time\":\"" TIME "\"}",
	  "expected a \"query\" and a \"time\"" },
	{ START "\"outbound\",\"time\":\"" TIME "\",\"query\":\"a\"}",
	  "outbound" },
	{ HANDSHAKE "}", "note" },
	{ HANDSHAKE ",\"failures\":1}", ARRAY },
	{ HANDSHAKE ",\"failures\":[1]}", OBJECT },
	{ HANDSHAKE ",\"failures\":[{\"result_type\":null}]}", STRING },
	{ HANDSHAKE ",\"failures\":[{\"reason\":1}]}", NULLABLE },
	{ HANDSHAKE ",\"failures\":[{\"server\":1}]}", OBJECT },
	{ HANDSHAKE ",\"failures\":[{\"server\":{\"name\":1}}]}", NULLABLE },
	{ HANDSHAKE ",\"failures\":[{\"server\":{\"addr\":1}}]}", NULLABLE },
	{ HANDSHAKE ",\"failures\":[{\"result_type\":\"a\",\"new\":1,"
	  "\"server\":{\"new\":{}}},{\"result_type\":\"b\"}]}", "note" },
	{ START "\"handshake\",\"time\":\"" TIME "\",\"outcome\":\"failure\"}",
	  "expected a \"domain\", an \"outcome\" and a \"time\"" },
	{ START "\"handshake\",\"time\":\"" TIME "\",\"domain\":\"a\"}",
	  "expected a \"domain\", an \"outcome\" and a \"time\"" },
	{ START "\"handshake\",\"domain\":\"a\",\"outcome\":\"failure\"}",
	  "expected a \"domain\", an \"outcome\" and a \"time\"" },
	{ START "\"handshake\",\"outcome\":\"x\"}", WORD },
	{ START "\"handshake\",\"outcome\":1}", STRING },
	{ START "\"handshake\",\"domain\":1}", STRING },
	{ START "\"handshake\",\"policy_type\":1}", NULLABLE },
};

static void
test_left(void **state)
{
	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(left); i++)
		unit_same(left[i].line, left[i].want, parse(left[i].line));
	unit_end();
}

/* Without memory a record is neither bad nor read in part. */
static void
test_memory(void **state)
{
	static const char *const lines[] = {
		START "\"message\",\"time\":\"" TIME "\",\"privacy\":"
		"\"2026-03-01\",\"from\":\"a\\u0020b@c\",\"client\":{\"name\":"
		"\"\\u0061\"},\"rcpts\":[\"a\",\"b\"],\"rcpts_resolved\":[\"c\",null"
		"],\"rcpts_generation\":[1,2],\"header_from\":[\"a@b\"],"
		"\"rules\":[{\"tag\":\"TLS_Clt\",\"key\":\"\\u0062\"}],"
		"\"verdict\":\"accept\",\"raw\":{\"i\":\"6162\",\"rcpt_addr\":"
		"[\"61\",\"62\"]}}",
		START "\"settings\",\"time\":\"" TIME "\",\"settings\":{"
		"\"sha256\":\"a\",\"values\":{\"mode\":\"mon\\u0069tor\"}}}",
		HANDSHAKE ",\"failures\":[{\"reason\":\"\\u0061\"}]}",
	};
	static const char *const good[] = { "record", "note", "note" };

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(lines); i++) {
		long n = 1;

		unit_same(lines[i], good[i], parse(lines[i]));
		for (;; n++) {
			const char *got;

			nth_arm("memory", n, LONG_MAX, ENOMEM);
			got = parse(lines[i]);
			if (nth_disarm() < n)
				break;
			unit_same(lines[i], "failed", got);
		}
		assert_in_range(n, 2, 100);
	}
	unit_end();
}

/*
 * A copy of just the line's size, so that a sanitizer sees what is read beyond
 * it.
 */
static const char *
of_log(const char *line)
{
	static char what[200];
	size_t n = strlen(line);
	char *exact = n == 0 ? NULL : malloc(n);
	struct chain_line parts;
	struct chain_link link;
	struct slice s = slice_make(exact, n), previous;
	uint64_t torn, number;
	struct text t;

	if (n > 0)
		memcpy(exact, line, n);
	text_init(&t, what, sizeof what);
	if (chain_split(s, &parts))
		text_printf(&t, "sealed %llu ", (unsigned long long)parts.seq);
	if (chain_parse_link(s, &link))
		text_printf(&t, "link torn=%llu why=%.*s key=%s epoch=%llu ",
		    (unsigned long long)link.torn, SLICE_ARG(link.why),
		    link.key, (unsigned long long)link.epoch);
	if (chain_is_link(s, &previous, &torn) != chain_parse_link(s, &link))
		text_puts(&t, "one says link ");
	if (chain_is_stream(s))
		text_puts(&t, "stream ");
	if (chain_is_mark(s, &number))
		text_printf(&t, "mark %llu ", (unsigned long long)number);
	if (chain_is_gap(s, &number))
		text_printf(&t, "gap %llu ", (unsigned long long)number);
	if (chain_ends_epoch(s, &number))
		text_printf(&t, "ends %llu ", (unsigned long long)number);
	if (chain_time(s).n > 0)
		text_puts(&t, "timed ");
	if (chain_node(s).n > 0)
		text_printf(&t, "node %.*s ", SLICE_ARG(chain_node(s)));
	free(exact);
	return what;
}

#define LINK START "\"link\",\"time\":\"" TIME "\",\"previous\":\"" ZEROS "\""
#define SEAL ",\"chain\":\"" HEX "\"}"

static const struct {
	const char *line, *want;
} log_lines[] = {
	{ "", "" }, { "{", "" },
	{ "{\"a\":1,\"seq\":7" SEAL, "sealed 7 " },
	{ "{\"a\":1,\"seq\":" SEAL, "" },
	{ "{\"a\":1,\"req\":7" SEAL, "" },
	{ "{1" SEAL, "" }, { "{123456" SEAL, "" },
	{ "{,\"seq\":123456789012345678" SEAL, "sealed 123456789012345678 " },
	{ "{,\"seq\":1234567890123456789" SEAL, "" },
	{ "x,\"seq\":7" SEAL, "" },
	{ "{,\"seq\":7,\"chain\":\"" HEX "\"]", "" },
	{ "{,\"seq\":7,\"chain\":\"X" HEX "\"}", "" },
	{ LINK ",\"torn\":0}", "timed " },
	{ LINK ",\"torn\":0,\"seq\":1}", "link torn=0 why= key= epoch=0 "
	  "timed " },
	{ LINK ",\"torn\":12,\"why\":\"key\",\"seq\":1}", "link torn=12 "
	  "why=key key= epoch=0 timed " },
	{ LINK ",\"torn\":0,\"why\":\"stream\",\"seq\":1}", "link torn=0 "
	  "why=stream key= epoch=0 stream timed " },
	{ LINK ",\"torn\":1,\"why\":\"stream\",\"seq\":1}", "link torn=1 "
	  "why=stream key= epoch=0 timed " },
	{ START "\"link\",\"time\":\"" TIME "\",\"previous\":\"" HEX "\","
	  "\"torn\":0,\"why\":\"stream\",\"seq\":1}", "link torn=0 "
	  "why=stream key= epoch=0 timed " },
	{ LINK ",\"torn\":0,\"why\":\"key", "timed " },
	{ LINK ",\"torn\":0,\"key\":\"0123456789abcdef\",\"epoch\":7,\"seq\":1}",
	  "link torn=0 why= key=0123456789abcdef epoch=7 timed " },
	{ LINK ",\"torn\":0,\"key\":\"0123456789abcdeX\"}", "timed " },
	{ LINK ",\"torn\":0,\"key\":\"0123456789abcdef", "timed " },
	{ LINK ",\"torn\":0,\"key\":\"0123\"}", "timed " },
	{ LINK ",\"torn\":0,\"key\":\"0123456789abcdef\",\"epoch\":0,\"seq\":1}",
	  "timed " },
	{ LINK ",\"torn\":0,\"key\":\"0123456789abcdef\",\"epoch\":x,\"seq\":1}",
	  "timed " },
	{ LINK ",\"torn\":0,\"key\":\"0123456789abcdef\",\"epoch\":10000001,"
	  "\"seq\":1}", "timed " },
	{ LINK ",\"torn\":x,\"seq\":1}", "timed " },
	{ LINK ",\"seq\":1}", "timed " },
	{ START "\"link\",\"time\":\"" TIME "\",\"previous\":\"00\"}",
	  "timed " },
	{ START "\"link\",\"time\":\"2026\"}", "" },
	{ START "\"link\",\"tame\":\"" TIME "\"}", "" },
	{ START "\"link", "" },
	{ START "\"torn\",\"time\":\"" TIME "\",\"torn\":9,\"seq\":1}",
	  "mark 9 timed " },
	{ START "\"torn\",\"tame\":\"" TIME "\",\"torn\":9,\"seq\":1}", "" },
	{ START "\"torn\",\"time\":\"" TIME "\",\"born\":9,\"seq\":1}",
	  "timed " },
	{ START "\"unrecorded\",\"time\":\"" TIME "\",\"refusals\":9,\"since\"",
	  "gap 9 timed " },
	{ START "\"unrecorded\",\"tame\":\"" TIME "\",\"refusals\":9,", "" },
	{ START "\"unrecorded\",\"time\":\"" TIME "\",\"refusal\":9,",
	  "timed " },
	{ START "\"unrecorded\",\"time\":\"" TIME "\",\"refusals\":x,",
	  "timed " },
	{ START "\"epoch\",\"time\":\"" TIME "\",\"ends\":3,\"seq\":1}",
	  "ends 3 timed " },
	{ START "\"epoch\",\"tame\":\"" TIME "\",\"ends\":3,\"seq\":1}", "" },
	{ START "\"epoch\",\"time\":\"" TIME "\",\"ends\":0,\"seq\":1}",
	  "timed " },
	{ START "\"epoch\",\"time\":\"" TIME "\",\"end\":3,\"seq\":1}",
	  "timed " },
	{ START "\"epoch\",\"time\":\"" TIME "\",\"begins\":3,\"seq\":1}",
	  "timed " },
	{ START "\"message\",\"time\":\"" TIME "\"", "timed " },
	{ START "\"message\",\"time\":\"" TIME, "" },
	{ START "\"message\",\"time\":\"" TIME "0\"", "" },
	{ START "\"message\",\"time\":\"2026-03-01 12:00:00.000000Z\"", "" },
	{ START "\"message\",\"time\":\"2026-03-01T12:00:00.000000", "" },
	{ START "\"message\",\"time\":\"" TIME "\",\"node\":\"mx.a\"",
	  "timed node mx.a " },
	{ START "\"message\",\"time\":\"" TIME "\",\"node\":\"m x\"",
	  "timed " },
	{ START "\"message\",\"time\":\"" TIME "\",\"node\":null", "timed " },
};

static void
test_log_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(log_lines); i++)
		unit_same(log_lines[i].line, log_lines[i].want,
		    of_log(log_lines[i].line));
	unit_end();
}

#define POLICY "\"policy-type\":9,\"f\":0"
static const struct {
	const char *datagram, *want;
} results[] = {
	{ "{\"d\":\"a\",\"policies\":[{" POLICY "}]}", "" },
	{ "{\"dpv\":\"1\",\"d\":\"a\",\"policies\":[{" POLICY "}]}", "" },
	{ "{\"dpv\":\"2\",\"d\":\"a\",\"policies\":[{" POLICY "}]}",
	  "version 1 of the protocol" },
	{ "{\"dpv\":1}", "a string" }, { "[]", "an object" },
	{ "{\"d\":1}", "a string" },
	{ "{\"d\":\"a\"}", "\"d\" and \"policies\"" },
	{ "{\"d\":\"a\",\"policies\":[]}", "\"d\" and \"policies\"" },
	{ "{\"policies\":[{" POLICY "}]}", "\"d\" and \"policies\"" },
	{ "{\"policies\":1}", "an array" },
	{ "{\"policies\":[1]}", "an object" },
	{ "{\"policies\":[{\"f\":0}]}", "\"policy-type\" and \"f\" of a "
	  "policy" },
	{ "{\"policies\":[{\"policy-type\":9}]}", "\"policy-type\" and \"f\" "
	  "of a policy" },
	{ "{\"policies\":[{\"policy-type\":3}]}", "a type of policy" },
	{ "{\"policies\":[{\"policy-type\":\"9\"}]}", "a whole number" },
	{ "{\"policies\":[{\"f\":2}]}", "0 or 1" },
	{ "{\"policies\":[{\"f\":null}]}", "a whole number" },
	{ "{\"policies\":[{\"policy-domain\":1}]}", "a string" },
	{ "{\"policies\":[{\"failure-details\":1}]}", "an array" },
	{ "{\"policies\":[{\"failure-details\":[1]}]}", "an object" },
	{ "{\"policies\":[{\"failure-details\":[{}]}]}",
	  "the code of a failure, \"c\"" },
	{ "{\"policies\":[{\"failure-details\":[{\"c\":1}]}]}",
	  "a code of a failure" },
	{ "{\"policies\":[{\"failure-details\":[{\"c\":\"201\"}]}]}",
	  "a whole number" },
	{ "{\"policies\":[{\"failure-details\":[{\"s\":1}]}]}", "a string" },
	{ "{\"policies\":[{\"failure-details\":[{\"n\":1}]}]}", "a string" },
	{ "{\"policies\":[{\"failure-details\":[{\"h\":1}]}]}", "a string" },
	{ "{\"policies\":[{\"failure-details\":[{\"r\":1}]}]}", "a string" },
	{ "{\"policies\":[{\"failure-details\":[{\"a\":1}]}]}", "a string" },
	{ "{\"policies\":[{\"failure-details\":[{\"f\":1}]}]}", "a string" },
	{ "{\"policies\":[{\"failure-details\":[{\"c\":201}", "a comma or "
	  "the end of the array" },
	{ "{\"d\":\"a\",\"policies\":[{" POLICY ",\"failure-details\":[{\"c\":"
	  "201,\"h\":\"a\\rb\",\"x\":{}}]}],\"x\":1}", "" },
	{ "{\"d\":\"a\",\"policies\":[{" POLICY "},{" POLICY "},{" POLICY "},{"
	  POLICY "}]}", "" },
	{ "{\"d\":\"a\",\"policies\":[{" POLICY "},{" POLICY "},{" POLICY "},{"
	  POLICY "},{" POLICY "}]}", "at most 4 policies" },
	{ "{\"d\":\"a\",\"policies\":[{" POLICY "}", "a comma or the end of the array" },
	{ "{\"d\":\"a\",\"policies\":[{" POLICY "}]} x", "the end of the "
	  "line" },
};

static void
test_results(void **state)
{
	struct arena memory;
	struct tlsrpt t;
	const char *expected;
	size_t at;

	(void)state;
	arena_init(&memory, 4096);
	for (size_t i = 0; i < UNIT_COUNT(results); i++) {
		bool good = tlsrpt_parse(slice_of(results[i].datagram),
		    &memory, &t, &expected, &at);

		unit_same(results[i].datagram, results[i].want, good ? "" :
		    expected);
	}
	arena_free(&memory);
	unit_end();
}

/* A name of the EHLO reply, and of no more than is kept. */
static void
test_helo(void **state)
{
	char datagram[1200], name[600];
	struct arena memory;
	struct tlsrpt t;
	const char *expected;
	size_t at;

	(void)state;
	memset(name, 'h', sizeof name);
	name[sizeof name - 1] = '\0';
	arena_init(&memory, 4096);
	for (int i = 0; i < 3; i++) {
		snprintf(datagram, sizeof datagram, "{\"d\":\"a\",\"policies\":"
		    "[{" POLICY ",\"failure-details\":[{\"c\":201,\"h\":\"%s"
		    "\"}]}]}", i == 0 ? "mx\\nx" : i == 1 ? "mx\\rx" : name);
		assert_true(tlsrpt_parse(slice_of(datagram), &memory, &t,
		    &expected, &at));
		unit_number("helo", i < 2 ? 2 : TLSRPT_STRING_MAX,
		    (long long)t.policies[0].failures[0].helo.n);
	}
	snprintf(datagram, sizeof datagram, "{\"d\":\"%s\"}", name);
	assert_false(tlsrpt_parse(slice_of(datagram), &memory, &t, &expected,
	    &at));
	unit_same("a long name", "a string of at most 384 bytes", expected);
	arena_free(&memory);
	unit_end();
}

/* Whom a recorded question was about. */
static void
test_asked(void **state)
{
	static const struct {
		const char *map, *query, *name;
		bool host, below;
	} rows[] = {
		{ "tlspolicy", "a.test", "a.test", false, false },
		{ "tlspolicy", ".a.test", "a.test", false, true },
		{ "tlspolicy", "[mx.a.test]:587", "mx.a.test", true, false },
		{ "tlspolicy", "a.test:25", "a.test", false, false },
		{ "tlspolicy", "u@a.test", "a.test", false, false },
		{ "tlspolicy", "", "", false, false },
		{ "access", "tls_srv:mx.a.test", "mx.a.test", true, false },
		{ "access", "tls_rcpt:u@a.test", "a.test", false, false },
		{ "access", "TLS_Rcpt:a.test", "a.test", false, false },
		{ "access", "tlspolicy:tls_srv/mx.a.test/192.0.2.1",
		  "mx.a.test", true, false },
		{ "access", "tlspolicy:tls_rcpt/u@a.test", "a.test", false,
		  false },
		{ "access", "tlspolicy:tls_rcpt/a.test", "a.test", false,
		  false },
		{ "access", "tls_srv", "tls_srv", true, false },
		{ "none", "a.test", "a.test", false, false },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		const struct reader_outbound o = { .map = slice_of(
		    rows[i].map), .query = slice_of(rows[i].query) };
		struct asked a = asked_about(&o);

		unit_slice(rows[i].query, rows[i].name, a.name);
		unit_number(rows[i].query, rows[i].host, a.host);
		unit_number(rows[i].query, rows[i].below, a.below);
	}
	unit_end();
}

/* A name to be erased is found in a text as whole words only. */
static void
test_names(void **state)
{
	static const struct {
		const char *text, *value;
		bool there;
	} rows[] = {
		{ "x for a@b.test", "a@b.test", true },
		{ "x for A@B.Test.", "a@b.test", true },
		{ "ba@b.test", "a@b.test", false },
		{ "Za@b.test", "a@b.test", false },
		{ "0a@b.test", "a@b.test", false },
		{ "{a@b.test", "a@b.test", true },
		{ "/a@b.test", "a@b.test", true },
		{ ":a@b.test", "a@b.test", true },
		{ "\xc3\xa9" "a@b.test", "a@b.test", false },
		{ "a@b.test9", "a@b.test", false },
		{ "a@b.tests, a@b.test", "a@b.test", true },
		{ "a@b.tes", "a@b.test", false }, { "", "a", false },
		{ "anything", "", false },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		unit_number(rows[i].text, rows[i].there, salts_erase_names(
		    slice_of(rows[i].text), slice_of(rows[i].value)));
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_log_lines),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_helo),
		cmocka_unit_test(test_asked),
		cmocka_unit_test(test_names),
	};

	return unit_main(tests);
}
