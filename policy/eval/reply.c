/*
 * One table of codes, one of headlines, one of sendmail's texts.  Whatever is
 * put into a line goes through text_put_printable(): a certificate's subject
 * is written by a stranger.
 */
#include <string.h>

#include "policy/eval/judging.h"
#include "policy/eval/reply.h"

struct codes {
	const char *code, *dsn;
};

static const struct codes temp_codes[REASON_COUNT] = {
	[REASON_PLAINTEXT] = { "451", "4.7.10" },
	[REASON_TOO_WEAK] = { "451", "4.7.10" },
	[REASON_NOT_VERIFIED] = { "451", "4.7.1" },
	[REASON_WRONG_CERTIFICATE] = { "451", "4.7.1" },
	[REASON_AUTH_IN_CLEAR] = { "451", "4.7.11" },
	[REASON_WRONG_CLIENT] = { "451", "4.7.1" },
	[REASON_POLICY_ERROR] = { "451", "4.3.0" },
};

static const struct codes perm_codes[REASON_COUNT] = {
	[REASON_PLAINTEXT] = { "550", "5.7.10" },
	[REASON_TOO_WEAK] = { "554", "5.7.10" },
	[REASON_NOT_VERIFIED] = { "554", "5.7.1" },
	[REASON_WRONG_CERTIFICATE] = { "554", "5.7.1" },
	[REASON_AUTH_IN_CLEAR] = { "550", "5.7.11" },
	[REASON_WRONG_CLIENT] = { "550", "5.7.1" },
	[REASON_NO_TLS] = { "550", "5.7.1" },
};

static const char *const headlines[REASON_COUNT] = {
	[REASON_PLAINTEXT] = "encryption required",
	[REASON_TOO_WEAK] = "encryption too weak",
	[REASON_NOT_VERIFIED] = "certificate not verified",
	[REASON_WRONG_CERTIFICATE] = "wrong certificate",
	[REASON_AUTH_IN_CLEAR] = "encryption required for authentication",
	[REASON_WRONG_CLIENT] = "wrong client",
	[REASON_POLICY_ERROR] = "cannot tell whether TLS policy is met",
};

/* cf/m4/proto.m4, ruleset TLS_connection and those that it calls. */
static const char *const sendmail_verify_texts[VERIFY_COUNT] = {
	[VERIFY_EMPTY] = "authentication required",
	[VERIFY_NO] = "not authenticated",
	[VERIFY_NO_OR_FAIL] = "not authenticated",
	[VERIFY_NOT] = "no authentication requested",
	[VERIFY_FAIL] = "authentication failed",
	[VERIFY_NONE] = "other side does not support STARTTLS",
	[VERIFY_CLEAR] = "STARTTLS disabled locally",
	[VERIFY_TEMP] = "authentication failed",
	[VERIFY_PROTOCOL] = "STARTTLS failed.",
	[VERIFY_CONFIG] = "STARTTLS temporarily not possible.",
	[VERIFY_SOFTWARE] = "TLS handshake failed.",
	[VERIFY_DANE_FAIL] = "DANE check failed.",
	[VERIFY_OTHER] = "authentication failed",
};

enum { LINE_BYTES = REPLY_LINE_MAX + 1 };

static enum rule_class
class_of(const struct judgement *c)
{
	return c->result.matched ? c->found.requirement.class : CLASS_NONE;
}

static void
start_line(const struct question *q, char buf[LINE_BYTES], struct text *line)
{
	text_init(line, buf, LINE_BYTES);
	line->utf8 = q->utf8;
}

static void
add_line(struct verdict *v, struct slice line)
{
	struct reply *reply = &v->reply;

	if (line.n > 0 && reply->nlines < REPLY_LINES_MAX)
		reply->lines[reply->nlines++] = verdict_keep(v, line);
}

enum verdict_kind
reply_kind(const struct judgement *c, const struct eval_options *o)
{
	enum rule_class class = class_of(c);

	if (c->observation.reason == REASON_POLICY_ERROR)
		return VERDICT_TEMPFAIL;
	if (c->observation.reason == REASON_NO_TLS)
		return VERDICT_REJECT;
	if (class == CLASS_NONE || class == CLASS_WARN)
		class = o->default_class;
	if (class == CLASS_HOLD)
		return VERDICT_HOLD;
	return class == CLASS_PERM ? VERDICT_REJECT : VERDICT_TEMPFAIL;
}

static struct codes
sendmail_codes(const struct judgement *c, enum verdict_kind kind)
{
	if (c->observation.reason == REASON_POLICY_ERROR)
		return temp_codes[REASON_POLICY_ERROR];
	if (c->observation.reason == REASON_NO_TLS)
		return perm_codes[REASON_NO_TLS];
	if (class_of(c) == CLASS_TEMP)
		return (struct codes){ "403", "4.7.0" };
	if (class_of(c) == CLASS_PERM)
		return (struct codes){ "503", "5.7.0" };
	return kind == VERDICT_REJECT ? (struct codes){ "554", "5.7.0" } :
	    (struct codes){ "454", "4.7.0" };
}

static void
put_rule(const struct matched_rule *found, struct text *out)
{
	char buf[REQUIREMENT_TEXT_MAX + 64];
	const struct requirement *rule = &found->requirement;
	struct requirement tests = *rule;
	struct text text;

	tests.nitems = 0;
	for (unsigned i = 0; i < rule->nitems; i++)
		if (rule->items[i].row->test != NULL)
			tests.items[tests.nitems++] = rule->items[i];
	text_init(&text, buf, sizeof buf);
	requirement_print(&tests, &text);
	text_puts(out, "rule ");
	text_put_printable(out, found->rule.key);
	text_char(out, ' ');
	text_put_printable(out, slice_make(buf, text.n));
}

static void
own_lines(const struct judgement *c, const struct question *q,
    struct verdict *v)
{
	char buf[LINE_BYTES];
	struct text line;

	start_line(q, buf, &line);
	if (c->result.lookup_failed)
		text_puts(&line, "TLS policy cannot be consulted at present");
	else
		text_printf(&line, "%s: wanted %s, found %s",
		    headlines[c->observation.reason],
		    c->observation.wanted.buf, c->observation.found.buf);
	add_line(v, slice_make(buf, line.n));
	if (!c->result.matched)
		return;
	text_clear(&line);
	put_rule(&c->found, &line);
	add_line(v, slice_make(buf, line.n));
}

/* The name that a CN, CS, CI or CITag item wanted, in the rule's spelling. */
static struct slice
wanted_name(const struct judgement *c, const struct facts *facts)
{
	if (c->item->value.n > 0)
		return item_sendmail_value(c->item->value);
	return facts_raw(facts, tag_row(c->result.tag)->stage ==
	    STAGE_OUTBOUND ? FACT_SERVER_NAME : FACT_CLIENT_NAME);
}

static void
sendmail_item_text(const struct judgement *c, const struct facts *facts,
    struct text *line)
{
	const struct item_row *item = c->item->row;
	const char *name = item->id == ITEM_CN ? "CN" :
	    item->id == ITEM_CS ? "Cert Subject" : "Cert Issuer";

	text_printf(line, "%s ", name);
	text_put_printable(line, facts_raw(facts, item->fact));
	if (item->id == ITEM_CITAG) {
		text_puts(line, " not acceptable");
		return;
	}
	text_puts(line, " does not match ");
	text_put_printable(line, wanted_name(c, facts));
}

/* NULL: sendmail lets OK and TRUSTED pass, whose text is not needed there. */
static const char *
sendmail_verify_text(const struct facts *facts)
{
	return sendmail_verify_texts[facts_known(facts, FACT_VERIFY) ?
	    facts_verify(facts) : VERIFY_EMPTY];
}

static void
sendmail_line(const struct judgement *c, const struct question *q,
    struct verdict *v)
{
	char buf[LINE_BYTES];
	struct text line;

	start_line(q, buf, &line);
	if (c->item != NULL)
		sendmail_item_text(c, q->facts, &line);
	else if (c->bits_failed)
		text_printf(&line, "encryption too weak %u less than %u",
		    facts_bits(q->facts), c->found.requirement.bits);
	else
		text_puts(&line, sendmail_verify_text(q->facts));
	add_line(v, slice_make(buf, line.n));
}

static void
no_tls_line(const struct question *q, struct verdict *v)
{
	char buf[LINE_BYTES];
	struct text line;

	start_line(q, buf, &line);
	text_puts(&line, "do not try TLS with ");
	text_put_printable(&line, facts_raw(q->facts, FACT_SERVER_NAME));
	text_puts(&line, " [");
	text_put_printable(&line, facts_raw(q->facts, FACT_SERVER_ADDR));
	text_puts(&line, "]");
	add_line(v, slice_make(buf, line.n));
}

static void
extra_lines(const struct judgement *c, const struct question *q,
    struct verdict *v)
{
	char buf[LINE_BYTES];
	const char *url = q->options->help_url;
	struct text line;

	start_line(q, buf, &line);
	if (c->result.matched)
		text_put_printable(&line, c->found.requirement.msg);
	add_line(v, slice_make(buf, line.n));
	text_clear(&line);
	if (url != NULL && url[0] != '\0') {
		text_puts(&line, "see ");
		text_put_printable(&line, slice_of(url));
	}
	add_line(v, slice_make(buf, line.n));
}

/*
 * sendmail has a text for everything in its own grammar, where DANE is not: to
 * that OK is not enough.  Whom a reply to the end of a message is about it has
 * never had to say.
 */
static bool
sendmail_knows(const struct judgement *c, const struct facts *facts)
{
	if (c->observation.reason == REASON_POLICY_ERROR ||
	    c->result.tag == TAG_HEADER)
		return false;
	if (c->item != NULL)
		return c->item->row->from_sendmail;
	return c->bits_failed || sendmail_verify_text(facts) != NULL;
}

void
reply_compose(const struct judgement *c, const struct question *q,
    struct verdict *v)
{
	enum reason reason = c->observation.reason;
	enum verdict_kind kind = reply_kind(c, q->options);
	struct codes codes = q->options->compat_sendmail ?
	    sendmail_codes(c, kind) : kind == VERDICT_REJECT ?
	    perm_codes[reason] : temp_codes[reason];

	v->reply.kind = kind;
	v->reply.reason = reason;
	v->reply.code = kind == VERDICT_HOLD ? "" : codes.code;
	v->reply.dsn = kind == VERDICT_HOLD ? "" : codes.dsn;
	v->reply.nlines = 0;
	if (reason == REASON_NO_TLS)
		no_tls_line(q, v);
	else if (q->options->compat_sendmail && sendmail_knows(c, q->facts))
		sendmail_line(c, q, v);
	else
		own_lines(c, q, v);
	extra_lines(c, q, v);
}
