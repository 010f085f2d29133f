/*
 * What records say of a plan: written and read back, and summed.  The evidence
 * must not take anything for agreement that is none.
 */
#include <stdio.h>
#include <string.h>

#include "policy/base/jsonput.h"
#include "policy/evidence/evidence.h"
#include "t/unit.h"

enum { DAY = 86400, STARTED = 1800000000 };
static const uint64_t id = 0x0123456789abcdef;
#define PLAN "\"plan\":{\"id\":\"0123456789abcdef\","

static void
put_time(int64_t seconds, struct text *out)
{
	struct jsonput j;

	jsonput_start(&j, out);
	jsonput_time(&j, seconds * 1000000);
	assert_true(jsonput_finish(&j));
}

/* A line as the daemon writes it, of a sender's domain. */
static void
put_line(struct text *out, const char *event, const char *node,
    int64_t seconds, const char *from, const char *verdict, const char *plan)
{
	text_printf(out, "{\"v\":1,\"event\":\"%s\",\"time\":", event);
	put_time(seconds, out);
	text_printf(out, ",\"mta\":\"8.17.1\",\"node\":\"%s\",\"generation\":1,"
	    "\"session\":\"a.1\",\"client\":{\"name\":\"mx.client.test\","
	    "\"addr\":\"192.0.2.1\"},\"from\":\"a@%s\",\"rcpts\":[\"b@c.test\","
	    "\"d@c.test\"],\"rules\":[],%s%s%s}", node, from, verdict,
	    plan[0] == '\0' ? "" : ",", plan);
}

static const char accepted[] = "\"verdict\":\"accept\",\"waiver\":null";
static const char rejected[] = "\"verdict\":\"reject\",\"waiver\":null,"
    "\"reason\":\"plaintext\"";
static const char spared[] = "\"verdict\":\"accept\",\"waiver\":\"monitor\","
    "\"would\":{\"verdict\":\"reject\",\"reply\":\"550 5.7.10 no\"}";
static const char same[] = PLAN "\"result\":\"same\"}";
static const char refuses[] = PLAN "\"result\":\"differs\",\"verdict\":"
    "\"reject\",\"waiver\":null,\"reason\":\"plaintext\",\"key\":"
    "\"TLS_From:a\\u0041\",\"requirement\":\"PERM+ENCR:1\","
    "\"refused_rcpts\":0}";
static const char partly[] = PLAN "\"result\":\"differs\",\"verdict\":"
    "\"tempfail\",\"waiver\":null,\"reason\":\"plaintext\",\"key\":null,"
    "\"requirement\":null,\"refused_rcpts\":1}";
static const char holds[] = PLAN "\"result\":\"differs\",\"verdict\":\"hold\","
    "\"waiver\":null,\"reason\":\"plaintext\",\"key\":null,\"requirement\":"
    "null,\"refused_rcpts\":0}";
static const char lets[] = PLAN "\"result\":\"differs\",\"verdict\":\"accept\","
    "\"waiver\":null,\"reason\":null,\"key\":null,\"requirement\":null,"
    "\"refused_rcpts\":0}";
static const char warns[] = PLAN "\"result\":\"differs\",\"verdict\":\"accept\","
    "\"waiver\":\"warn\",\"would\":\"reject\",\"reason\":\"plaintext\",\"key\":"
    "null,\"requirement\":null,\"refused_rcpts\":0}";
static const char would[] = PLAN "\"result\":\"differs\",\"verdict\":\"accept\","
    "\"waiver\":\"monitor\",\"would\":\"reject\",\"reason\":\"plaintext\","
    "\"key\":null,\"requirement\":null,\"refused_rcpts\":0}";
static const char answered[] = PLAN "\"result\":\"differs\",\"answered\":true,"
    "\"verdict\":\"accept\",\"waiver\":null,\"reason\":null,\"key\":null,"
    "\"requirement\":null,\"refused_rcpts\":0}";
static const char unjudged[] = "\"plan\":{\"id\":null,\"result\":"
    "\"not-judged\"}";
static const char other[] = "\"plan\":{\"id\":\"00000000000000ff\","
    "\"result\":\"same\"}";

static void
start(struct evidence *e, uint32_t days, uint32_t budget)
{
	const struct plan plan = { .id = id, .started = STARTED, .days = days,
		.budget = budget };

	assert_true(evidence_init(e, &plan));
}

static void
add(struct evidence *e, const char *event, const char *node, int64_t seconds,
    const char *from, const char *verdict, const char *plan)
{
	struct reader_record record;
	char buf[4096];
	struct text line;
	struct fault fault;

	text_init(&line, buf, sizeof buf);
	put_line(&line, event, node, seconds, from, verdict, plan);
	reader_record_init(&record);
	if (reader_parse(&record, slice_make(buf, line.n), &fault) !=
	    READER_RECORD)
		fail_msg("%s\n%s:%lu", buf, fault.text, fault.column);
	assert_true(evidence_add(e, &record));
	reader_record_free(&record);
}

static void
message(struct evidence *e, int64_t after, const char *from, const char *plan)
{
	add(e, "message", "mx1", STARTED + after, from, accepted, plan);
}

static const char *
in_the_way(const struct evidence *e, int64_t after, bool stale, uint64_t bad)
{
	static char buf[200];
	const struct evidence_state state = { .now = STARTED + after,
		.stale = stale, .bad = bad };
	struct text out;

	text_init(&out, buf, sizeof buf);
	for (int i = 0; i < EVIDENCE_OBSTACLES; i++)
		if (evidence_is_met(e, &state, (enum evidence_obstacle)i))
			text_printf(&out, " %s", evidence_obstacle_name(
			    (enum evidence_obstacle)i));
	text_printf(&out, " %d", evidence_status(e, &state));
	return buf + 1;
}

static void
test_counted(void **none)
{
	static const struct {
		const char *name, *event, *verdict, *plan;
		unsigned broken, held, partly, freed, real;
	} rows[] = {
		{ "same", "message", accepted, same, 0, 0, 0, 0, 0 },
		{ "refuses", "message", accepted, refuses, 1, 0, 0, 0, 0 },
		{ "a recipient", "message", accepted, partly, 1, 0, 1, 0, 0 },
		{ "holds", "message", accepted, holds, 1, 1, 0, 0, 0 },
		{ "warns", "message", accepted, warns, 0, 0, 0, 0, 0 },
		{ "spared", "message", accepted, would, 1, 0, 0, 0, 0 },
		{ "lets through", "refused-mail", rejected, lets, 0, 0, 0, 1,
		    0 },
		{ "holds instead", "refused-mail", rejected, holds, 0, 0, 0, 1,
		    0 },
		{ "spared now", "message", spared, lets, 0, 0, 0, 1, 0 },
		{ "canary", "refused-mail", rejected, answered, 1, 0, 0, 0, 1 },
		{ "recipient", "refused-rcpt", rejected, same, 0, 0, 0, 0, 0 },
	};

	(void)none;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct evidence e;

		start(&e, 1, 0);
		add(&e, rows[i].event, "mx1", STARTED + 100, "a.test",
		    rows[i].verdict, rows[i].plan);
		unit_number(rows[i].name, 1, (long long)e.judged);
		unit_number(rows[i].name, rows[i].broken, (long long)e.broken);
		unit_number(rows[i].name, rows[i].held, (long long)e.held);
		unit_number(rows[i].name, rows[i].partly, (long long)e.partly);
		unit_number(rows[i].name, rows[i].freed, (long long)e.freed);
		unit_number(rows[i].name, rows[i].real, (long long)e.real);
		evidence_free(&e);
	}
	unit_end();
}

static void
test_in_the_way(void **none)
{
	struct evidence e;

	(void)none;
	start(&e, 2, 1);
	unit_same("nothing", "early nothing 75", in_the_way(&e, 10, false, 0));
	unit_same("late", "nothing 75", in_the_way(&e, 2 * DAY, false, 0));
	message(&e, 100, "a.test", same);
	unit_same("a second before", "early 75",
	    in_the_way(&e, 2 * DAY - 1, false, 0));
	unit_same("then", "0", in_the_way(&e, 2 * DAY, false, 0));
	unit_same("stale", "stale 65", in_the_way(&e, 2 * DAY, true, 0));
	unit_same("a bad line", "unread 65", in_the_way(&e, 2 * DAY, false, 1));
	message(&e, 101, "a.test", refuses);
	unit_same("within", "0", in_the_way(&e, 2 * DAY, false, 0));
	message(&e, 102, "a.test", refuses);
	unit_same("beyond", "budget 1", in_the_way(&e, 2 * DAY, false, 0));
	unit_same("both", "budget early 1", in_the_way(&e, DAY, false, 0));
	evidence_free(&e);
	unit_end();
}

/* Lines that are missing since the plan was made; beyond the gaps kept, too. */
static void
test_gap(void **none)
{
	static const int64_t before = (STARTED - 5) * INT64_C(1000000),
	    after = (STARTED + 5) * INT64_C(1000000);
	static const struct {
		const char *name;
		struct numbers numbers;
		unsigned from, to;
	} rows[] = {
		{ "no line", { .first = 0 }, 0, 0 },
		{ "whole", { .first = 1, .first_us = after }, 0, 0 },
		{ "rotated away before", { .first = 9, .first_us = before },
		    0, 0 },
		{ "rotated away since", { .first = 9, .first_us = after }, 1,
		    8 },
		{ "no time", { .first = 9 }, 1, 8 },
		{ "old", { .first = 1, .ngaps = 1, .gaps = { { 3, 4, before,
		    before } }, .latest = { 3, 4, before, before } }, 0, 0 },
		{ "around it", { .first = 1, .ngaps = 1, .gaps = { { 3, 4,
		    before, after } } }, 3, 4 },
		{ "an end without a time", { .first = 1, .ngaps = 1, .gaps = {
		    { 3, 4, before, 0 } } }, 3, 4 },
		{ "not kept", { .first = 1, .gaps_left_out = 1, .latest = { 7,
		    8, after, after } }, 7, 8 },
	};
	const struct plan plan = { .started = STARTED };

	(void)none;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		char name[] = "mx1";
		struct fleet_node node = { .name = name,
			.numbers = rows[i].numbers };
		struct evidence_gap gap;

		unit_number(rows[i].name, rows[i].from > 0,
		    evidence_find_gap(&plan, &node, &gap));
		unit_number(rows[i].name, rows[i].from, (long long)gap.from);
		unit_number(rows[i].name, rows[i].to, (long long)gap.to);
		unit_same(rows[i].name, "mx1", gap.log);
	}
	unit_end();
}

/*
 * A record that does not say that the plan judged it is no evidence for the
 * plan.
 */
static void
test_missed(void **none)
{
	struct evidence e;

	(void)none;
	start(&e, 1, 0);
	message(&e, -5, "a.test", "");
	message(&e, 3, "a.test", "");	/* the daemon has not seen the plan yet */
	message(&e, 4, "a.test", same);
	message(&e, 5, "a.test", "");	/* the session was asked before the plan came */
	unit_same("at once", "0", in_the_way(&e, DAY, false, 0));
	message(&e, 7, "a.test", "");
	unit_same("missed", "missed 65", in_the_way(&e, DAY, false, 0));
	evidence_free(&e);
	start(&e, 1, 0);
	message(&e, 4, "a.test", same);
	message(&e, 100, "a.test", other);
	unit_same("another plan's", "missed 65",
	    in_the_way(&e, DAY, false, 0));
	evidence_free(&e);
	start(&e, 1, 0);
	message(&e, 4, "a.test", same);
	message(&e, 100, "a.test", unjudged);
	unit_same("not judged", "not-judged 65",
	    in_the_way(&e, DAY, false, 0));
	unit_number("nor counted", 1, (long long)e.judged);
	evidence_free(&e);
	start(&e, 1, 0);
	message(&e, -3000, "a.test", unjudged);
	message(&e, 30, "a.test", same);
	unit_same("not judged by the plan before this one", "0",
	    in_the_way(&e, DAY, false, 0));
	evidence_free(&e);
	start(&e, 1, 0);
	add(&e, "aborted", "mx1", STARTED + 50, "a.test", accepted, refuses);
	unit_same("never ended", "nothing 75", in_the_way(&e, DAY, false, 0));
	evidence_free(&e);
	unit_end();
}

static void
test_nodes(void **none)
{
	struct evidence e;

	(void)none;
	start(&e, 2, 0);
	message(&e, 10, "a.test", same);
	add(&e, "message", "mx2", STARTED + 30, "a.test", accepted, "");
	unit_same("in its first minute", "0", in_the_way(&e, 2 * DAY, false, 0));
	add(&e, "message", "mx2", STARTED + 3000, "a.test", accepted, "");
	unit_same("never", "node 65", in_the_way(&e, 2 * DAY, false, 0));
	add(&e, "message", "mx2", STARTED + 3500, "a.test", accepted, same);
	unit_same("within the hour", "0", in_the_way(&e, 2 * DAY, false, 0));
	evidence_free(&e);
	start(&e, 2, 0);
	message(&e, 10, "a.test", same);
	add(&e, "message", "mx2", STARTED + 3000, "a.test", accepted, "");
	add(&e, "message", "mx2", STARTED + 7300, "a.test", accepted, same);
	unit_same("too late", "node 65", in_the_way(&e, 2 * DAY, false, 0));
	unit_same("but then for long enough", "0",
	    in_the_way(&e, 2 * DAY + 7300, false, 0));
	/* A node without mail has missed no mail. */
	add(&e, "message", "mx3", STARTED + DAY, "a.test", accepted, same);
	unit_same("no mail before", "0",
	    in_the_way(&e, 2 * DAY + 7300, false, 0));
	evidence_free(&e);
	unit_end();
}

static void
test_partners(void **none)
{
	struct evidence_partner *list[8];
	struct evidence e;

	(void)none;
	start(&e, 1, 9);
	message(&e, -2 * DAY, "mail.gone.test", "");
	message(&e, -DAY, "gone.test", "");
	message(&e, -DAY, "a.test", "");
	add(&e, "refused-mail", "mx1", STARTED - DAY, "never.test", rejected,
	    "");
	message(&e, 100, "sub.a.test", refuses);
	message(&e, 90, "a.test", partly);
	message(&e, 80, "a.test", same);
	message(&e, 70, "b.test", refuses);
	message(&e, 60, "c.test", same);
	assert_int_equal(evidence_broken(&e, NULL), 2);
	assert_int_equal(evidence_broken(&e, list), 2);
	unit_slice("most", "a.test", list[0]->name);
	unit_number("broken", 2, (long long)list[0]->broken);
	unit_number("judged", 3, (long long)list[0]->judged);
	unit_slice("rule of the last", "TLS_From:aA", list[0]->key);
	unit_slice("then", "b.test", list[1]->name);
	assert_int_equal(evidence_unseen(&e, list), 1);
	unit_slice("not since", "gone.test", list[0]->name);
	unit_number("before", 2, (long long)list[0]->before);
	evidence_free(&e);
	unit_end();
}

/* Forged senders, each of a domain of its own, cannot fill the memory. */
static void
test_too_many(void **none)
{
	struct evidence e;

	(void)none;
	start(&e, 1, 0);
	for (int i = 0; i < EVIDENCE_PARTNERS_MAX + 3; i++) {
		char from[40];

		snprintf(from, sizeof from, "d%d.test", i);
		message(&e, 100, from, refuses);
	}
	assert_int_equal(e.npartners, EVIDENCE_PARTNERS_MAX);
	assert_int_equal(e.broken, EVIDENCE_PARTNERS_MAX + 3);
	assert_int_equal(e.rest.broken, 3);
	evidence_free(&e);
}

static void
test_bad_lines(void **none)
{
	static const char *const bad[] = {
		"\"plan\":{}", "\"plan\":null", "\"plan\":[]", "\"plan\":1",
		"\"plan\":{\"id\":\"0123456789abcdef\"}",
		"\"plan\":{\"id\":\"0123\",\"result\":\"same\"}",
		"\"plan\":{\"id\":\"0123456789abcdeg\",\"result\":\"same\"}",
		"\"plan\":{\"id\":5,\"result\":\"same\"}",
		"\"plan\":{\"id\":null,\"result\":\"agrees\"}",
		"\"plan\":{\"id\":null,\"result\":\"\"}",
		PLAN "\"result\":\"differs\",\"verdict\":\"maybe\"}",
		PLAN "\"result\":\"differs\",\"waiver\":\"x\"}",
		PLAN "\"result\":\"differs\",\"refused_rcpts\":-1}",
		PLAN "\"result\":\"same\"",
	};

	(void)none;
	for (size_t i = 0; i < UNIT_COUNT(bad); i++) {
		struct reader_record record;
		char buf[4096];
		struct text line;
		struct fault fault;

		text_init(&line, buf, sizeof buf);
		put_line(&line, "message", "mx1", STARTED, "a.test", accepted,
		    bad[i]);
		reader_record_init(&record);
		unit_number(bad[i], READER_BAD, reader_parse(&record,
		    slice_make(buf, line.n), &fault));
		reader_record_free(&record);
	}
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counted),
		cmocka_unit_test(test_in_the_way),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_missed),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_partners),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_bad_lines),
	};

	return unit_main(tests);
}
