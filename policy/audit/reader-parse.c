/*
 * One pass over the line.  Members may stand in any order (jq may have been at
 * it); what is not known is skipped, so that a field can be added without a
 * new schema.
 */
#include <string.h>

#include "policy/audit/reader-internal.h"
#include "policy/audit/record-maillog.h"

enum { READER_CHUNK = 8192 };

void
reader_record_init(struct reader_record *r)
{
	memset(r, 0, sizeof *r);
	facts_init(&r->facts, DIALECT_SENDMAIL);
	arena_init(&r->memory, READER_CHUNK);
}

void
reader_record_free(struct reader_record *r)
{
	facts_free(&r->facts);
	arena_free(&r->memory);
}

static const char *
event_word(int i)
{
	return record_event_name((enum record_event)i);
}

static const char *
mode_word(int i)
{
	return i == 0 ? "enforce" : "monitor";
}

static bool
parse_would(struct parse *p)
{
	struct slice name;
	bool first = true;
	int value;

	if (!scan_object(&p->scan))
		return false;
	p->r->has_would = true;
	while (scan_member(&p->scan, &first, &name))
		if (slice_is(name, "verdict")) {
			if (!parse_word(p, parse_verdict_word,
			    VERDICT_HOLD + 1, &value))
				return false;
			p->r->would = (enum verdict_kind)value;
		} else if (!(slice_is(name, "reply") ?
		    scan_string_or_null(&p->scan, &p->r->would_reply) :
		    scan_skip(&p->scan))) {
			return false;
		}
	return p->scan.error == NULL;
}

static bool
parse_event(struct parse *p)
{
	static const char *const notes[] = { "link", "torn", "withdrawn",
		"unrecorded", "epoch" };
	const char *at = p->scan.p;
	struct slice word;
	int value;

	p->has_event = true;
	if (!scan_string(&p->scan, &word))
		return false;
	for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++)
		if (slice_is(word, notes[i])) {
			p->note = true;
			return true;
		}
	p->scan.p = at;
	if (!parse_word(p, event_word, RECORD_EVENT_COUNT, &value))
		return false;
	p->r->event = (enum record_event)value;
	p->note = p->r->event >= RECORD_DELIVERED;
	return true;
}

static bool
parse_verdict(struct parse *p)
{
	int value;

	if (!parse_word(p, parse_verdict_word, VERDICT_HOLD + 1, &value))
		return false;
	p->r->verdict = (enum verdict_kind)value;
	return p->has_verdict = true;
}

static bool
parse_waiver(struct parse *p)
{
	int value;

	if (!parse_word_or_null(p, parse_waiver_word, WAIVER_ON_ERROR + 1,
	    &value))
		return false;
	p->r->waiver = (enum waiver)value;
	return true;
}

static bool
parse_reason(struct parse *p)
{
	int value;

	if (!parse_word_or_null(p, parse_reason_word, REASON_COUNT, &value))
		return false;
	p->r->reason = (enum reason)value;
	return true;
}

static bool
parse_mode(struct parse *p)
{
	int value;

	if (!parse_word(p, mode_word, 2, &value))
		return false;
	p->r->monitor = value == 1;
	return true;
}

static bool
parse_schema(struct parse *p)
{
	const char *at = p->scan.p;

	if (!scan_number(&p->scan, &p->schema))
		return false;
	p->scan.p = at;
	if (p->schema > CHAIN_SCHEMA)
		return scan_fail(&p->scan, "schema " CHAIN_TEXT(CHAIN_SCHEMA)
		    ": a newer tlspolicy wrote this record, and a newer one "
		    "is needed to read it");
	if (p->schema < 1)
		return scan_fail(&p->scan, "schema " CHAIN_TEXT(CHAIN_SCHEMA));
	return scan_number(&p->scan, &p->schema);
}

static bool
parse_time(struct parse *p)
{
	return scan_string(&p->scan, &p->time) &&
	    (reader_time(p->time, &p->r->time_us) ||
	    scan_fail(&p->scan, "a time as in RFC 3339, in UTC"));
}

static bool
parse_generation(struct parse *p)
{
	return scan_number(&p->scan, &p->r->generation);
}

static bool
parse_seq(struct parse *p)
{
	return scan_number(&p->scan, &p->r->seq);
}

static bool
parse_of(struct parse *p)
{
	return scan_number(&p->scan, &p->r->of);
}

static bool
parse_refusals(struct parse *p)
{
	return scan_number(&p->scan, &p->r->refusals);
}

static bool
parse_session(struct parse *p)
{
	return scan_string_or_null(&p->scan, &p->r->session);
}

static bool
parse_reply(struct parse *p)
{
	return scan_string_or_null(&p->scan, &p->r->reply);
}

static bool
parse_result_type(struct parse *p)
{
	return scan_string_or_null(&p->scan, &p->r->result_type);
}

static bool
parse_map(struct parse *p)
{
	return scan_string(&p->scan, &p->r->outbound.map);
}

static bool
parse_query(struct parse *p)
{
	return scan_string(&p->scan, &p->r->outbound.query);
}

static bool
parse_answer(struct parse *p)
{
	return scan_string(&p->scan, &p->r->outbound.answer);
}

static bool
parse_result(struct parse *p)
{
	return scan_string(&p->scan, &p->r->outbound.result);
}

static bool
parse_inexpressible(struct parse *p)
{
	return scan_string_or_null(&p->scan, &p->r->outbound.inexpressible);
}

static bool
parse_warned(struct parse *p)
{
	return scan_string_or_null(&p->scan, &p->r->outbound.warned);
}

static bool
parse_resolver(struct parse *p)
{
	return scan_string_or_null(&p->scan, &p->r->outbound.resolver);
}

static bool
parse_exempt(struct parse *p)
{
	return scan_bool(&p->scan, &p->r->exempt);
}

static bool
parse_source(struct parse *p)
{
	const char *at = p->scan.p;
	struct slice word;

	if (!scan_string(&p->scan, &word))
		return false;
	p->r->maillog = slice_is(word, "maillog");
	if (p->r->maillog)
		return true;
	p->scan.p = at;
	return scan_fail(&p->scan, "a word of tlspolicy-audit(5)");
}

/*
 * In the order in which record_format() writes them, then what only
 * record_format_outbound() does, the daemon's withdrawal and, last, what only
 * record_maillog_format() does.
 */
#define MEMBER(name, parse) \
	{ name, sizeof name - 1, ",\"" name "\":", parse }
static const struct member {
	const char *name;
	size_t n;
	const char *intro; /* n + 4 bytes */
	bool (*parse)(struct parse *);
} members[] = {
	MEMBER("v", parse_schema),
	MEMBER("event", parse_event),
	MEMBER("time", parse_time),
	MEMBER("generation", parse_generation),
	MEMBER("policy", parse_policy),
	MEMBER("settings", parse_settings),
	MEMBER("session", parse_session),
	MEMBER("client", parse_client),
	MEMBER("daemon", parse_daemon),
	MEMBER("auth", parse_auth),
	MEMBER("tls", parse_tls),
	MEMBER("rcpts", parse_rcpts),
	MEMBER("rcpts_resolved", parse_resolved),
	MEMBER("rcpts_generation", parse_rcpts_generation),
	MEMBER("header_from", parse_header_from),
	MEMBER("header_from_flaw", parse_header_flaw),
	MEMBER("header_generation", parse_header_generation),
	MEMBER("rules", parse_rules),
	MEMBER("verdict", parse_verdict),
	MEMBER("waiver", parse_waiver),
	MEMBER("would", parse_would),
	MEMBER("reply", parse_reply),
	MEMBER("reason", parse_reason),
	MEMBER("result_type", parse_result_type),
	MEMBER("mode", parse_mode),
	MEMBER("exempt", parse_exempt),
	MEMBER("plan", parse_plan),
	MEMBER("raw", parse_raw),
	MEMBER("seq", parse_seq),
	MEMBER("map", parse_map),
	MEMBER("query", parse_query),
	MEMBER("answer", parse_answer),
	MEMBER("result", parse_result),
	MEMBER("inexpressible", parse_inexpressible),
	MEMBER("warned", parse_warned),
	MEMBER("resolver", parse_resolver),
	MEMBER("of", parse_of),
	MEMBER("refusals", parse_refusals),
	MEMBER("source", parse_source),
	MEMBER("privacy", parse_privacy),
	MEMBER("server", parse_server),
	MEMBER("version", parse_version),
	MEMBER("domain", parse_domain),
	MEMBER("policy_type", parse_policy_type),
	MEMBER("outcome", parse_outcome),
	MEMBER("failures", parse_failures),
};
#undef MEMBER
enum { MEMBERS = sizeof members / sizeof members[0] };

static bool
is_member(const struct member *m, struct slice name)
{
	return m->n == name.n && memcmp(m->name, name.p, m->n) == 0;
}

/* Facts of the top stand together, between two members of the table. */
static bool
parse_top_fact(struct parse *p, struct slice name, bool *found)
{
	const struct field *f = p->top;

	if (!field_is(f, name) || f->group != FIELD_TOP)
		for (f = field_group(FIELD_TOP); f->group == FIELD_TOP; f++)
			if (field_is(f, name))
				break;
	*found = f->group == FIELD_TOP;
	if (!*found)
		return true;
	p->top = f + 1;
	return parse_fact(p, f->fact, f->kind);
}

static bool
parse_member(struct parse *p, struct slice name, size_t *next)
{
	bool found;

	if (*next < MEMBERS && is_member(&members[*next], name))
		return members[(*next)++].parse(p);
	if (!parse_top_fact(p, name, &found) || found)
		return p->scan.error == NULL;
	for (size_t i = 0; i < MEMBERS; i++)
		if (is_member(&members[i], name)) {
			*next = i + 1;
			return members[i].parse(p);
		}
	return scan_skip(&p->scan);
}

static void
reset(struct reader_record *r)
{
	struct arena memory = r->memory;
	struct facts facts = r->facts;
	struct salts *salts = r->salts;

	arena_reset(&memory);
	memset(r, 0, sizeof *r);
	r->memory = memory;
	r->facts = facts;
	r->salts = salts;
}

/*
 * Guesses that the members come in the order of record_format(), which saves
 * reading their names.
 */
static bool
parse_expected(struct parse *p, size_t *next, bool *good)
{
	const struct member *m = &members[*next];
	const struct field *f = p->top;

	if (*next < MEMBERS && scan_literal(&p->scan, m->intro, m->n + 4)) {
		++*next;
		*good = m->parse(p);
		return true;
	}
	if (f->group != FIELD_TOP ||
	    !scan_literal(&p->scan, f->intro, f->intro_n))
		return false;
	p->top = f + 1;
	*good = parse_fact(p, f->fact, f->kind);
	return true;
}

static bool
is_outbound(const struct parse *p)
{
	return p->r->event == RECORD_OUTBOUND;
}

/* What a whole record of its event has; NULL: nothing is missing. */
static const char *
missing(const struct parse *p)
{
	bool timed = p->time.p != NULL;

	if (p->note && p->r->event == RECORD_HANDSHAKE)
		return timed && p->has_outcome && p->r->handshake.domain.n > 0 ?
		    NULL : "a \"domain\", an \"outcome\" and a \"time\"";
	if (p->note)
		return timed && p->value[FACT_SERVER_NAME].p != NULL ? NULL :
		    "a \"server\" and a \"time\"";
	if (is_outbound(p))
		return timed && p->r->outbound.query.p != NULL ? NULL :
		    "a \"query\" and a \"time\"";
	return timed && p->has_verdict ? NULL : "a \"verdict\" and a \"time\"";
}

static bool
parse_line(struct parse *p)
{
	struct slice name = { NULL, 0 };
	const char *missed;
	bool first = true, good = true;
	size_t next = 0;

	if (!scan_object(&p->scan))
		return false;
	while (good && ((!first && parse_expected(p, &next, &good)) ||
	    scan_member(&p->scan, &first, &name)))
		if (name.p != NULL) {
			good = parse_member(p, name, &next);
			name.p = NULL;
		}
	if (!good)
		return false;
	if (p->scan.error != NULL || !scan_end(&p->scan))
		return false;
	if (p->schema == 0)
		return scan_fail(&p->scan, "a schema, \"v\"");
	if (!p->has_event)
		return scan_fail(&p->scan, "an \"event\"");
	if (p->note && p->r->event != RECORD_DELIVERED &&
	    p->r->event != RECORD_HANDSHAKE) {
		p->r->policy.node = p->value[FACT_NODE];
		return true;
	}
	missed = missing(p);
	if (missed != NULL)
		return scan_fail(&p->scan, missed);
	if (!parse_open_people(p))
		return false;
	return parse_put_facts(p) || scan_fail(&p->scan, scan_no_memory);
}

enum reader_result
reader_parse(struct reader_record *r, struct slice line, struct fault *fault)
{
	struct parse p;
	struct chain_line sealed;

	reset(r);
	memset(&p, 0, sizeof p);
	p.r = r;
	p.top = field_group(FIELD_TOP);
	r->line = line;
	scan_init(&p.scan, line, &r->memory);
	if (parse_line(&p))
		return p.note ? READER_NOTE : is_outbound(&p) ?
		    READER_OUTBOUND : READER_RECORD;
	if (p.scan.error == scan_no_memory) {
		fault_no_memory(fault);
		return READER_FAILED;
	}
	if (!chain_split(line, &sealed) && line.n > 0 && line.p[0] == '{' &&
	    line.p[line.n - 1] != '}')
		return READER_TORN;
	fault_set(fault, FAULT_DATA, "expected %s", p.scan.error);
	fault->column = (unsigned long)(p.scan.p - line.p) + 1;
	return READER_BAD;
}
