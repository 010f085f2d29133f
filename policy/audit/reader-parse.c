/*
 * One pass over the line.  Members may stand in any order (jq may have been at
 * it); what is not known is skipped, so that a field can be added without a
 * new schema.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/audit/field.h"
#include "policy/audit/reader.h"
#include "policy/audit/chain.h"
#include "policy/facts/macro.h"

enum { READER_CHUNK = 8192 };

/* A record that is being read. */
struct parse {
	struct scan scan;
	struct reader_record *r;
	uint64_t schema;
	bool note, has_event, has_verdict;
	struct slice time;
	/* Facts as they were told; put in once the MTA is known. */
	struct slice value[FACT_COUNT];
	enum fact_state state[FACT_COUNT];
	bool raw[FACT_COUNT], nothing[FIELD_GROUPS];
	const struct field *top; /* the row that probably comes next */
};

static const char *const results[RESULT_COUNT] = {
	[RESULT_HOLDS] = "holds",
	[RESULT_FAILS] = "fails",
	[RESULT_WOULD_FAIL] = "would-fail",
	[RESULT_CANNOT_TELL] = "cannot-tell",
	[RESULT_LOOKUP_FAILED] = "lookup-failed",
};

const char *
reader_rule_result_name(enum reader_rule_result result)
{
	return results[result];
}

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

/* A word of a list of `n` names; null is the first one. */
static bool
scan_word(struct scan *s, const char *(*name)(int), int n, int *value)
{
	const char *at = s->p;
	struct slice word;

	if (!scan_string_or_null(s, &word))
		return false;
	*value = 0;
	if (word.p == NULL)
		return true;
	for (int i = 0; i < n; i++)
		if (slice_is(word, name(i))) {
			*value = i;
			return true;
		}
	s->p = at;
	return scan_fail(s, "a word of tlspolicy-audit(5)");
}

static const char *
event_word(int i)
{
	return record_event_name((enum record_event)i);
}

static const char *
verdict_word(int i)
{
	return verdict_name((enum verdict_kind)i);
}

static const char *
waiver_word(int i)
{
	return waiver_name((enum waiver)i);
}

static const char *
reason_word(int i)
{
	return i == REASON_NONE ? "" : reason_name((enum reason)i);
}

static const char *
result_word(int i)
{
	return results[i];
}

static const char *
tag_word(int i)
{
	return tag_row((enum tag)i)->name;
}

static const char *
mode_word(int i)
{
	return i == 0 ? "enforce" : "monitor";
}

/* Text, null, or a number that stands for its text. */
static bool
parse_fact(struct parse *p, enum fact_id id, enum field_kind kind)
{
	struct slice value;
	uint64_t number;
	const char *start;

	if (kind == FIELD_NUMBER && scan_peek(&p->scan) >= '0' &&
	    scan_peek(&p->scan) <= '9') {
		start = p->scan.p;
		if (!scan_number(&p->scan, &number))
			return false;
		value = slice_make(start, (size_t)(p->scan.p - start));
	} else if (!scan_string_or_null(&p->scan, &value)) {
		return false;
	}
	if (p->raw[id])
		return true;
	p->value[id] = value;
	p->state[id] = value.p != NULL ? FACT_KNOWN : FACT_ABSENT;
	return true;
}

static bool
parse_group(struct parse *p, enum field_group group)
{
	const struct field *next = field_group(group), *f;
	struct slice name;
	bool first = true;

	if (scan_peek(&p->scan) == 'n') {
		p->nothing[group] = true;
		return scan_null(&p->scan);
	}
	if (!scan_object(&p->scan))
		return false;
	while (scan_member(&p->scan, &first, &name)) {
		/* They mostly stand in the order of the table. */
		f = next;
		if (f->group != group || !field_is(f, name))
			for (f = field_group(group); f->group == group; f++)
				if (field_is(f, name))
					break;
		if (!(f->group == group ? parse_fact(p, f->fact, f->kind) :
		    scan_skip(&p->scan)))
			return false;
		next = f->group == group ? f + 1 : next;
	}
	return p->scan.error == NULL;
}

static void *
larger(struct parse *p, const void *old, size_t n, size_t size)
{
	void *list;

	/* Lists grow by doubling: n is a power of two, or 0. */
	if (n != 0 && (n < 4 || (n & (n - 1)) != 0))
		return (void *)(uintptr_t)old;
	list = arena_alloc(&p->r->memory, (n == 0 ? 4 : 2 * n) * size);
	if (list != NULL && n > 0)
		memcpy(list, old, n * size);
	return list;
}

static bool
parse_rcpts(struct parse *p)
{
	struct reader_record *r = p->r;
	struct slice address;
	bool first = true;

	if (!scan_array(&p->scan))
		return false;
	while (scan_element(&p->scan, &first)) {
		struct slice *list = larger(p, r->rcpts, r->nrcpts,
		    sizeof *list);

		if (list == NULL || r->nrcpts == READER_RCPTS_MAX)
			return scan_fail(&p->scan, "fewer recipients");
		if (!scan_string(&p->scan, &address))
			return false;
		r->rcpts = list;
		r->rcpts[r->nrcpts++] = address;
	}
	return p->scan.error == NULL;
}

static bool
parse_rule_member(struct parse *p, struct slice name, struct reader_rule *rule)
{
	struct scan *s = &p->scan;
	uint64_t line;
	int value;

	if (slice_is(name, "tag")) {
		if (!scan_word(s, tag_word, TAG_CA, &value))
			return false;
		rule->tag = (enum tag)value;
		return true;
	}
	if (slice_is(name, "key"))
		return scan_string_or_null(s, &rule->key);
	if (slice_is(name, "requirement"))
		return scan_string_or_null(s, &rule->requirement);
	if (slice_is(name, "file"))
		return scan_string_or_null(s, &rule->file);
	if (slice_is(name, "rcpt"))
		return scan_string_or_null(s, &rule->rcpt);
	if (slice_is(name, "result")) {
		if (!scan_word(s, result_word, RESULT_COUNT, &value))
			return false;
		rule->result = (enum reader_rule_result)value;
		return true;
	}
	if (slice_is(name, "waiver")) {
		if (!scan_word(s, waiver_word, WAIVER_ON_ERROR + 1, &value))
			return false;
		rule->waiver = (enum waiver)value;
		return true;
	}
	if (!slice_is(name, "line"))
		return scan_skip(s);
	if (!scan_number(s, &line))
		return false;
	rule->line = (uint32_t)line;
	return true;
}

static bool
parse_rule(struct parse *p, struct reader_rule *rule)
{
	struct slice name;
	bool first = true;

	memset(rule, 0, sizeof *rule);
	if (!scan_object(&p->scan))
		return false;
	while (scan_member(&p->scan, &first, &name))
		if (!parse_rule_member(p, name, rule))
			return false;
	return p->scan.error == NULL;
}

static bool
parse_rules(struct parse *p)
{
	struct reader_record *r = p->r;
	bool first = true;

	if (!scan_array(&p->scan))
		return false;
	while (scan_element(&p->scan, &first)) {
		struct reader_rule *list = larger(p, r->rules, r->nrules,
		    sizeof *list);

		if (list == NULL || r->nrules == READER_RULES_MAX)
			return scan_fail(&p->scan, "fewer rules");
		r->rules = list;
		if (!parse_rule(p, &r->rules[r->nrules]))
			return false;
		r->nrules++;
	}
	return p->scan.error == NULL;
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
			if (!scan_word(&p->scan, verdict_word,
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
parse_hex(struct parse *p, struct slice *bytes)
{
	struct slice hex;
	char *out;

	if (!scan_string(&p->scan, &hex))
		return false;
	out = arena_alloc(&p->r->memory, hex.n / 2 + 1);
	if (out == NULL || hex.n % 2 != 0)
		return scan_fail(&p->scan, "pairs of hex digits");
	for (size_t i = 0; i < hex.n; i += 2) {
		int hi = text_hex_digit(hex.p[i]);
		int lo = text_hex_digit(hex.p[i + 1]);

		if (hi < 0 || lo < 0)
			return scan_fail(&p->scan, "pairs of hex digits");
		out[i / 2] = (char)(hi << 4 | lo);
	}
	*bytes = slice_make(out, hex.n / 2);
	return true;
}

static bool
parse_raw_rcpts(struct parse *p)
{
	struct reader_record *r = p->r;
	size_t i = 0;
	bool first = true;

	if (!scan_array(&p->scan))
		return false;
	for (; scan_element(&p->scan, &first); i++)
		if (i >= r->nrcpts || !parse_hex(p, &r->rcpts[i]))
			return scan_fail(&p->scan, "as many as recipients");
	return p->scan.error == NULL;
}

static bool
parse_raw_fact(struct parse *p, enum fact_id id)
{
	bool told;

	p->raw[id] = true;
	p->value[id] = slice_make(NULL, 0);
	switch (scan_peek(&p->scan)) {
	case '"':
		p->state[id] = FACT_KNOWN;
		return parse_hex(p, &p->value[id]);
	case 'n':
		p->state[id] = FACT_ABSENT;
		return scan_null(&p->scan);
	default:
		p->state[id] = FACT_NOT_TOLD;
		return scan_bool(&p->scan, &told) && (!told ||
		    scan_fail(&p->scan, "a string, null or false"));
	}
}

static bool
parse_raw(struct parse *p)
{
	struct slice name;
	enum fact_id id;
	bool first = true, good;

	if (!scan_object(&p->scan))
		return false;
	while (scan_member(&p->scan, &first, &name)) {
		if (!fact_by_name(name, &id))
			good = scan_fail(&p->scan, "the name of a macro");
		else if (id == FACT_RCPT_ADDR)
			good = parse_raw_rcpts(p);
		else
			good = parse_raw_fact(p, id);
		if (!good)
			return false;
	}
	return p->scan.error == NULL;
}

static bool
parse_event(struct parse *p)
{
	static const char *const notes[] = { "link", "torn", "withdrawn" };
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
	if (!scan_word(&p->scan, event_word, RECORD_EVENT_COUNT, &value))
		return false;
	p->r->event = (enum record_event)value;
	return true;
}

static bool
parse_verdict(struct parse *p)
{
	int value;

	if (!scan_word(&p->scan, verdict_word, VERDICT_HOLD + 1, &value))
		return false;
	p->r->verdict = (enum verdict_kind)value;
	return p->has_verdict = true;
}

static bool
parse_waiver(struct parse *p)
{
	int value;

	if (!scan_word(&p->scan, waiver_word, WAIVER_ON_ERROR + 1, &value))
		return false;
	p->r->waiver = (enum waiver)value;
	return true;
}

static bool
parse_reason(struct parse *p)
{
	int value;

	if (!scan_word(&p->scan, reason_word, REASON_COUNT, &value))
		return false;
	p->r->reason = (enum reason)value;
	return true;
}

static bool
parse_mode(struct parse *p)
{
	int value;

	if (!scan_word(&p->scan, mode_word, 2, &value))
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
	if (p->schema > RECORD_SCHEMA)
		return scan_fail(&p->scan, "schema 1: a newer tlspolicy wrote "
		    "this record, and a newer one is needed to read it");
	if (p->schema < 1)
		return scan_fail(&p->scan, "schema 1");
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
parse_client(struct parse *p)
{
	return parse_group(p, FIELD_CLIENT);
}

static bool
parse_daemon(struct parse *p)
{
	return parse_group(p, FIELD_DAEMON);
}

static bool
parse_auth(struct parse *p)
{
	return parse_group(p, FIELD_AUTH);
}

static bool
parse_tls(struct parse *p)
{
	return parse_group(p, FIELD_TLS);
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
parse_exempt(struct parse *p)
{
	return scan_bool(&p->scan, &p->r->exempt);
}

/* In the order in which record_format() writes them. */
#define MEMBER(name, parse) { name, sizeof name - 1, parse }
static const struct member {
	const char *name;
	size_t n;
	bool (*parse)(struct parse *);
} members[] = {
	MEMBER("v", parse_schema),
	MEMBER("event", parse_event),
	MEMBER("time", parse_time),
	MEMBER("generation", parse_generation),
	MEMBER("session", parse_session),
	MEMBER("client", parse_client),
	MEMBER("daemon", parse_daemon),
	MEMBER("auth", parse_auth),
	MEMBER("tls", parse_tls),
	MEMBER("rcpts", parse_rcpts),
	MEMBER("rules", parse_rules),
	MEMBER("verdict", parse_verdict),
	MEMBER("waiver", parse_waiver),
	MEMBER("would", parse_would),
	MEMBER("reply", parse_reply),
	MEMBER("reason", parse_reason),
	MEMBER("result_type", parse_result_type),
	MEMBER("mode", parse_mode),
	MEMBER("exempt", parse_exempt),
	MEMBER("raw", parse_raw),
	MEMBER("seq", parse_seq),
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

	arena_reset(&memory);
	memset(r, 0, sizeof *r);
	r->memory = memory;
	r->facts = facts;
}

/* The value as the field has it, and the MTA's own spelling from that. */
static bool
put_fact(struct parse *p, enum fact_id id)
{
	struct facts *facts = &p->r->facts;
	struct slice value = p->value[id];
	char *memory;

	if (!field_is_encoded(facts->dialect, id) || p->raw[id])
		return facts_set(facts, id, value,
		    field_is_encoded(facts->dialect, id));
	if (!facts_set(facts, id, value, false) ||
	    (memory = arena_alloc(&facts->memory, 3 * value.n + 1)) == NULL)
		return false;
	facts->fact[id].raw = slice_make(memory, field_encode(value, memory));
	memory[facts->fact[id].raw.n] = '\0';
	return true;
}

static void
put_nothing(struct facts *facts, enum fact_id id)
{
	enum fact_state state = field_state_when_nothing(facts->dialect, id);

	if (state == FACT_KNOWN)
		facts_set(facts, id, slice_of("NONE"), false);
	else
		facts_set_state(facts, id, state);
}

/* `nothing`: its group, if it has one, is null. */
static bool
put_field(struct parse *p, enum fact_id id, bool nothing)
{
	struct facts *facts = &p->r->facts;

	if (p->state[id] == FACT_KNOWN)
		return put_fact(p, id);
	if (nothing && !p->raw[id])
		put_nothing(facts, id);
	else
		facts_set_state(facts, id, p->state[id]);
	return true;
}

static bool
put_facts(struct parse *p)
{
	struct facts *facts = &p->r->facts;

	facts_reset(facts, macro_dialect(p->value[FACT_MTA]));
	for (const struct field *f = field_table(); f->name != NULL; f++)
		if (!put_field(p, f->fact, p->nothing[f->group]))
			return false;
	return put_field(p, FACT_SERVER_NAME, true) &&
	    put_field(p, FACT_SERVER_ADDR, true);
}

static bool
parse_line(struct parse *p)
{
	struct slice name;
	bool first = true;
	size_t next = 0;

	if (!scan_object(&p->scan))
		return false;
	while (scan_member(&p->scan, &first, &name))
		if (!parse_member(p, name, &next))
			return false;
	if (p->scan.error != NULL || !scan_end(&p->scan))
		return false;
	if (p->schema == 0)
		return scan_fail(&p->scan, "a schema, \"v\"");
	if (!p->has_event)
		return scan_fail(&p->scan, "an \"event\"");
	if (p->note)
		return true;
	if (!p->has_verdict || p->time.p == NULL)
		return scan_fail(&p->scan, "a \"verdict\" and a \"time\"");
	return put_facts(p) || scan_fail(&p->scan, "more memory");
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
		return p.note ? READER_NOTE : READER_RECORD;
	if (!chain_split(line, &sealed) && line.n > 0 && line.p[0] == '{' &&
	    line.p[line.n - 1] != '}')
		return READER_TORN;
	fault_set(fault, FAULT_DATA, "expected %s", p.scan.error);
	fault->column = (unsigned long)(p.scan.p - line.p) + 1;
	return READER_BAD;
}
