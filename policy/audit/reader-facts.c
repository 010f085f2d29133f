/*
 * Values are gathered first and put in at the end, since how a value is spelt
 * depends on the MTA, which may be told anywhere in the line.
 */
#include "policy/audit/reader-internal.h"
#include "policy/facts/macro.h"

/* Text, null, or a number that stands for its text. */
bool
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

/* The row of the next member; `*end` when there is none, or none such. */
static const struct field *
next_field(struct parse *p, enum field_group group, const struct field *guess,
    bool *first, bool *end)
{
	const struct field *f = guess;
	struct slice name;

	/* Members mostly come in the table's order: try the next row first. */
	*end = false;
	if (f->group == group &&
	    scan_literal(&p->scan, f->intro + *first, f->intro_n - *first)) {
		*first = false;
		return f;
	}
	*end = !scan_member(&p->scan, first, &name);
	for (f = field_group(group); f->group == group && !*end; f++)
		if (field_is(f, name))
			return f;
	return NULL;
}

static bool
parse_group(struct parse *p, enum field_group group)
{
	const struct field *guess = field_group(group), *f;
	bool first = true, end;

	if (scan_peek(&p->scan) == 'n') {
		p->nothing[group] = true;
		return scan_null(&p->scan);
	}
	if (!scan_object(&p->scan))
		return false;
	for (;;) {
		f = next_field(p, group, guess, &first, &end);
		if (end)
			return p->scan.error == NULL;
		if (!(f != NULL ? parse_fact(p, f->fact, f->kind) :
		    scan_skip(&p->scan)))
			return false;
		guess = f != NULL ? f + 1 : guess;
	}
}

bool
parse_client(struct parse *p)
{
	return parse_group(p, FIELD_CLIENT);
}

bool
parse_daemon(struct parse *p)
{
	return parse_group(p, FIELD_DAEMON);
}

bool
parse_auth(struct parse *p)
{
	return parse_group(p, FIELD_AUTH);
}

bool
parse_tls(struct parse *p)
{
	return parse_group(p, FIELD_TLS);
}

static bool
parse_hex(struct parse *p, struct slice *bytes)
{
	struct slice hex;
	char *out;
	size_t at;

	if (!scan_string(&p->scan, &hex))
		return false;
	*bytes = hex;
	/* The commitment is replaced later, by reader-people.c. */
	if (person_find(hex, &at) && at == 0)
		return true;
	out = arena_alloc(&p->r->memory, hex.n / 2 + 1);
	if (out == NULL)
		return scan_fail(&p->scan, scan_no_memory);
	if (hex.n % 2 != 0)
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
parse_raw_rcpts(struct parse *p, struct slice *list)
{
	struct reader_record *r = p->r;
	size_t i = 0;
	bool first = true;

	if (!scan_array(&p->scan))
		return false;
	for (; scan_element(&p->scan, &first); i++)
		if (list == NULL || i >= r->nrcpts || !parse_hex(p, &list[i]))
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

bool
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
			good = parse_raw_rcpts(p, p->r->rcpts);
		else if (id == FACT_RCPT_RESOLVED)
			good = parse_raw_rcpts(p, p->r->resolved);
		else
			good = parse_raw_fact(p, id);
		if (!good)
			return false;
	}
	return p->scan.error == NULL;
}

/* Puts in the value of a field, and the MTA's own spelling made from that. */
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

static bool
put_nothing(struct facts *facts, enum fact_id id)
{
	enum fact_state state = field_state_when_nothing(facts->dialect, id);

	if (state == FACT_KNOWN)
		return facts_set(facts, id, slice_of("NONE"), false);
	facts_set_state(facts, id, state);
	return true;
}

/* `nothing`: its group, if it has one, is null. */
static bool
put_field(struct parse *p, enum fact_id id, bool nothing)
{
	struct facts *facts = &p->r->facts;

	if (p->state[id] == FACT_KNOWN)
		return put_fact(p, id);
	if (nothing && !p->raw[id])
		return put_nothing(facts, id);
	facts_set_state(facts, id, p->state[id]);
	return true;
}

/* Puts in the mailboxes, a line each, as fromfield.h has them. */
static bool
put_header(struct parse *p)
{
	struct reader_record *r = p->r;
	struct text list;
	size_t room = 1;
	char *memory;

	for (size_t i = 0; i < r->nheader_from; i++)
		room += r->header_from[i].n + 1;
	memory = arena_alloc(&r->memory, room);
	if (memory == NULL)
		return false;
	text_init(&list, memory, room);
	for (size_t i = 0; i < r->nheader_from; i++) {
		text_put(&list, r->header_from[i]);
		text_char(&list, '\n');
	}
	return facts_set(&r->facts, FACT_HEADER_FROM,
	    slice_make(list.buf, list.n), false) &&
	    facts_set(&r->facts, FACT_HEADER_FLAW, p->header_flaw, false);
}

bool
parse_put_facts(struct parse *p)
{
	struct facts *facts = &p->r->facts;

	facts_reset(facts, macro_dialect(p->value[FACT_MTA]));
	for (const struct field *f = field_table(); f->name != NULL; f++)
		if (!put_field(p, f->fact, p->nothing[f->group]))
			return false;
	return put_field(p, FACT_SERVER_NAME, true) &&
	    put_field(p, FACT_SERVER_ADDR, true) &&
	    (!p->header_told || put_header(p));
}
