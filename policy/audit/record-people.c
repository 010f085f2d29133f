/*
 * With privacy, and only then, each member that may tell of a person goes
 * through here, those that repeat one from elsewhere, too: the key of a rule
 * that met a mailbox, the text of a reply that names the client.
 */
#include "policy/audit/record-internal.h"

enum { REPLY_TEXT_MAX = REPLY_LINES_MAX * (REPLY_LINE_MAX + 4) };

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
line_people(struct record *r)
{
	r->certificate = person_has_certificate(r->facts);
	r->self_issued = r->certificate && is_self_issued(r->facts);
}

void
line_privacy(struct jsonput *j, const struct person_hiding *hiding)
{
	char memory[32];
	struct text day;

	text_init(&day, memory, sizeof memory);
	day_print(hiding->day, &day);
	JSONPUT_LITERAL(j, ",\"privacy\":");
	jsonput_string(j, slice_make(day.buf, day.n));
}

bool
line_hides_mailbox(struct record *r, struct slice value)
{
	if (!person_is_in(PERSON_MAILBOX, value))
		return jsonput_string(&r->out, value);
	person_put(r->hiding, &r->out, slice_make("", 0), PERSON_MAILBOX,
	    value, value);
	return true;
}

/* Hides the MTA's own spelling: that tells the value, too. */
bool
line_hides(struct record *r, const struct field *f)
{
	struct slice raw = facts_raw(r->facts, f->fact);
	struct slice value = facts_value(r->facts, f->fact);
	bool issuer = f->fact == FACT_CERT_ISSUER || f->fact == FACT_CN_ISSUER;

	if (f->person == PERSON_CERTIFICATE &&
	    !(issuer ? r->self_issued : r->certificate))
		return false;
	if (f->kind == FIELD_MAILBOX) {
		raw = line_mailbox(raw);
		value = line_mailbox(value);
	}
	if (!person_is_in(f->person, value))
		return false;
	person_put(r->hiding, &r->out, slice_make("", 0), f->person, raw,
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
	/*
	 * The commitment is to the rule's line, key and requirement, so that
	 * erasing the person in them erases it, too.
	 */
	text_printf(&text, "%lu ", (unsigned long)number);
	text_put(&text, key);
	text_char(&text, ' ');
	text_put(&text, requirement);
	person_put(hiding, j, slice_make("", 0), PERSON_RULE,
	    slice_make(text.buf, text.n), slice_make("", 0));
	return true;
}

void
line_hides_reply(struct record *r, const struct reply *reply)
{
	char memory[REPLY_TEXT_MAX], codes[32];
	bool coded = reply->code != NULL && reply->code[0] != '\0';
	struct text text, before;

	text_init(&before, codes, sizeof codes);
	if (coded)
		text_printf(&before, "%s %s ", reply->code, reply->dsn);
	text_init(&text, memory, sizeof memory);
	for (unsigned i = 0; i < reply->nlines; i++) {
		text_puts(&text, i > 0 ? " / " : "");
		text_put(&text, reply->lines[i]);
	}
	person_put(r->hiding, &r->out, slice_make(before.buf, before.n),
	    PERSON_TEXT, slice_make(text.buf, text.n), slice_make("", 0));
}
