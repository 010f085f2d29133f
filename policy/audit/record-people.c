/*
 * With privacy each member that may tell of a person goes through here, those
 * that repeat one from elsewhere, too: the key of a rule that met a mailbox,
 * the text of a reply that names the client.
 */
#include "policy/audit/record-internal.h"

enum { REPLY_TEXT_MAX = REPLY_LINES_MAX * (REPLY_LINE_MAX + 4) };

struct slice
line_mailbox(struct slice s)
{
	if (s.n > 2 && s.p[0] == '<' && s.p[s.n - 1] == '>' &&
	    s.p[1] != '<' && s.p[s.n - 2] != '>')
		return slice_make(s.p + 1, s.n - 2);
	return s.n == 0 ? slice_of("<>") : s;
}

static bool
is_self_issued(const struct facts *f)
{
	return (facts_filled(f, FACT_CERT_SUBJECT) && slice_equal(
	    facts_value(f, FACT_CERT_SUBJECT),
	    facts_value(f, FACT_CERT_ISSUER))) ||
	    (facts_filled(f, FACT_CN_SUBJECT) && slice_equal_nocase(
	    facts_value(f, FACT_CN_SUBJECT), facts_value(f, FACT_CN_ISSUER)));
}

void
line_people(struct line *l, const struct facts *facts,
    struct person_hiding *hiding)
{
	l->hiding = hiding;
	if (hiding == NULL)
		return;
	l->certificate = person_has_certificate(facts);
	l->self_issued = l->certificate && is_self_issued(facts);
}

void
line_privacy(struct jsonput *j, const struct person_hiding *hiding)
{
	char memory[32];
	struct text day;

	if (hiding == NULL)
		return;
	text_init(&day, memory, sizeof memory);
	day_print(hiding->day, &day);
	JSONPUT_LITERAL(j, ",\"privacy\":");
	jsonput_string(j, slice_make(day.buf, day.n));
}

bool
line_person(struct jsonput *j, struct person_hiding *hiding,
    enum person_kind kind, struct slice value)
{
	if (hiding == NULL || !person_is_in(kind, value))
		return jsonput_string(j, value);
	person_put(hiding, j, slice_make("", 0), kind, value, value);
	return true;
}

/* The MTA's own spelling is what is committed to: it tells the value, too. */
bool
line_hides(struct line *l, const struct field *f)
{
	struct slice raw = facts_raw(l->record->facts, f->fact);
	struct slice value = facts_value(l->record->facts, f->fact);
	bool issuer = f->fact == FACT_CERT_ISSUER || f->fact == FACT_CN_ISSUER;

	if (l->hiding == NULL || (f->person == PERSON_CERTIFICATE &&
	    !(issuer ? l->self_issued : l->certificate)))
		return false;
	if (f->kind == FIELD_MAILBOX) {
		raw = line_mailbox(raw);
		value = line_mailbox(value);
	}
	if (!person_is_in(f->person, value))
		return false;
	person_put(l->hiding, &l->out, slice_make("", 0), f->person, raw,
	    value);
	return true;
}

bool
line_rule(struct jsonput *j, struct person_hiding *hiding, bool certificate,
    struct slice key, struct slice requirement, uint32_t number)
{
	char memory[REQUIREMENT_TEXT_MAX + KEY_TEXT_MAX + 32];
	struct slice tag, what;
	enum person_kind kind;
	struct text text;
	bool personal;

	if (hiding == NULL)
		return false;
	kind = person_of_key(key, &tag, &what);
	personal = person_is_in(kind, what);
	if (!personal && !person_in_requirement(requirement, certificate))
		return false;
	JSONPUT_LITERAL(j, ",\"key\":");
	if (personal)
		person_put(hiding, j, tag, kind, what, what);
	else
		jsonput_string(j, key);
	JSONPUT_LITERAL(j, ",\"requirement\":");
	text_init(&text, memory, sizeof memory);
	/* Whose the rule is, too: who is erased takes it along. */
	text_printf(&text, "%lu ", (unsigned long)number);
	text_put(&text, key);
	text_char(&text, ' ');
	text_put(&text, requirement);
	person_put(hiding, j, slice_make("", 0), PERSON_RULE,
	    slice_make(text.buf, text.n), slice_make("", 0));
	return true;
}

bool
line_hides_reply(struct line *l, const struct reply *reply)
{
	char memory[REPLY_TEXT_MAX], codes[32];
	bool coded = reply->code != NULL && reply->code[0] != '\0';
	struct text text, before;

	if (l->hiding == NULL)
		return false;
	text_init(&before, codes, sizeof codes);
	if (coded)
		text_printf(&before, "%s %s ", reply->code, reply->dsn);
	text_init(&text, memory, sizeof memory);
	for (unsigned i = 0; i < reply->nlines; i++) {
		text_puts(&text, i > 0 ? " / " : "");
		text_put(&text, reply->lines[i]);
	}
	person_put(l->hiding, &l->out, slice_make(before.buf, before.n),
	    PERSON_TEXT, slice_make(text.buf, text.n), slice_make("", 0));
	return true;
}
