/*
 * What stands in a line of a reply or of a trace goes through
 * text_put_printable(): a certificate's subject is written by a stranger, and
 * traces go to people's terminals and logs.
 *
 * Enhanced codes: RFC 3463, RFC 7372 and IANA's registry (X.7.10 "Encryption
 * Needed").  Code and enhanced code are always of one class: an MTA takes
 * 550 with 4.x.x for a malformed reply.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/eval/judging.h"

static const char *const names[] = {
	[VERDICT_ACCEPT] = "accept",
	[VERDICT_TEMPFAIL] = "tempfail",
	[VERDICT_REJECT] = "reject",
	[VERDICT_HOLD] = "hold",
};

static const char *const waivers[] = {
	[WAIVER_NONE] = "",
	[WAIVER_WARN] = "warn",
	[WAIVER_MONITOR] = "monitor",
	[WAIVER_EXEMPT] = "exempt",
	[WAIVER_ON_ERROR] = "on-error",
};

const char *
verdict_name(enum verdict_kind kind)
{
	return names[kind];
}

const char *
waiver_name(enum waiver waiver)
{
	return waivers[waiver];
}

bool
verdict_refuses(enum verdict_kind kind)
{
	return kind == VERDICT_TEMPFAIL || kind == VERDICT_REJECT;
}

unsigned
verdict_severity(enum verdict_kind kind, enum waiver waiver)
{
	static const unsigned severities[] = {
		[VERDICT_ACCEPT] = 0,
		[VERDICT_HOLD] = 2,
		[VERDICT_TEMPFAIL] = 3,
		[VERDICT_REJECT] = 4,
	};

	return waiver != WAIVER_NONE ? 1 : severities[kind];
}

/* A row a reason: temporary and permanent codes, and the words before them. */
static const struct {
	const char *temp[2], *perm[2], *headline;
} reasons[REASON_COUNT] = {
	[REASON_PLAINTEXT] = { { "451", "4.7.10" }, { "550", "5.7.10" },
	    "encryption required" },
	[REASON_TOO_WEAK] = { { "451", "4.7.10" }, { "554", "5.7.10" },
	    "encryption too weak" },
	[REASON_NOT_VERIFIED] = { { "451", "4.7.1" }, { "554", "5.7.1" },
	    "certificate not verified" },
	[REASON_WRONG_CERTIFICATE] = { { "451", "4.7.1" }, { "554", "5.7.1" },
	    "wrong certificate" },
	[REASON_AUTH_IN_CLEAR] = { { "451", "4.7.11" }, { "550", "5.7.11" },
	    "encryption required for authentication" },
	[REASON_WRONG_CLIENT] = { { "451", "4.7.1" }, { "550", "5.7.1" },
	    "wrong client" },
	[REASON_POLICY_ERROR] = { { "451", "4.3.0" }, { NULL, NULL },
	    "cannot tell whether TLS policy is met" },
	[REASON_NO_TLS] = { { NULL, NULL }, { "550", "5.7.1" }, NULL },
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

void
trace_line(const struct trace *t, const char *fmt, ...)
{
	char raw[2048], line[2 * sizeof raw];
	struct text text;
	va_list ap;

	if (t == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(raw, sizeof raw, fmt, ap);
	va_end(ap);
	text_init(&text, line, sizeof line);
	text.utf8 = true;
	text_put_printable(&text, slice_of(raw));
	t->line(t->arg, line);
}

void
verdict_init(struct verdict *v)
{
	v->kind = VERDICT_ACCEPT;
	v->waiver = WAIVER_NONE;
	v->generation = 0;
	v->policy[0] = '\0';
	v->nresults = 0;
	v->unfed = false;
	v->deciding = -1;
	v->reply.kind = VERDICT_ACCEPT;
	v->reply.reason = REASON_NONE;
	v->reply.code = v->reply.dsn = "";
	v->reply.nlines = 0;
	text_init(&v->memory, v->memory_text, sizeof v->memory_text);
}

struct slice
verdict_keep(struct verdict *v, struct slice s)
{
	size_t at = v->memory.n;

	text_put(&v->memory, s);
	return slice_make(v->memory.buf + at, v->memory.n - at);
}

enum { LINE_BYTES = REPLY_LINE_MAX + 1 };

static enum rule_class
class_of(const struct judgement *c)
{
	return c->result.matched ? c->requirement.class : CLASS_NONE;
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
verdict_kind_of(const struct judgement *c, const struct question *q)
{
	enum rule_class class = class_of(c);

	if (c->test.reason == REASON_POLICY_ERROR)
		return VERDICT_TEMPFAIL;
	if (c->test.reason == REASON_NO_TLS)
		return VERDICT_REJECT;
	if (class == CLASS_NONE || class == CLASS_WARN)
		class = q->options->default_class;
	if (class == CLASS_HOLD)
		return VERDICT_HOLD;
	return class == CLASS_PERM ? VERDICT_REJECT : VERDICT_TEMPFAIL;
}

/* Code and enhanced code, in sendmail's words or ours. */
static const char *const *
codes_of(const struct judgement *c, const struct question *q,
    enum verdict_kind kind)
{
	static const char *const named[][2] = {
		[CLASS_TEMP] = { "403", "4.7.0" },
		[CLASS_PERM] = { "503", "5.7.0" },
	};
	static const char *const temp[] = { "454", "4.7.0" };
	static const char *const perm[] = { "554", "5.7.0" };
	enum reason reason = c->test.reason;
	enum rule_class class = class_of(c);

	if (!q->options->compat_sendmail || reason == REASON_POLICY_ERROR ||
	    reason == REASON_NO_TLS)
		return kind == VERDICT_REJECT ? reasons[reason].perm :
		    reasons[reason].temp;
	if (class == CLASS_TEMP || class == CLASS_PERM)
		return named[class];
	return kind == VERDICT_REJECT ? perm : temp;
}

static void
put_rule(const struct judgement *c, struct text *out)
{
	char buf[REQUIREMENT_TEXT_MAX + 64];
	const struct requirement *rule = &c->requirement;
	struct requirement tests = *rule;
	struct text text;

	tests.nitems = 0;
	for (unsigned i = 0; i < rule->nitems; i++)
		if (rule->items[i].row->test != NULL)
			tests.items[tests.nitems++] = rule->items[i];
	text_init(&text, buf, sizeof buf);
	requirement_print(&tests, &text);
	text_puts(out, "rule ");
	text_put_printable(out, c->rule.key);
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
		    reasons[c->test.reason].headline,
		    c->test.wanted.buf, c->test.found.buf);
	add_line(v, slice_make(buf, line.n));
	if (!c->result.matched)
		return;
	text_clear(&line);
	put_rule(c, &line);
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
		    facts_bits(q->facts), c->requirement.bits);
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
		text_put_printable(&line, c->requirement.msg);
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
	if (c->test.reason == REASON_POLICY_ERROR ||
	    c->result.tag == TAG_HEADER)
		return false;
	if (c->item != NULL)
		return c->item->row->from_sendmail;
	return c->bits_failed || sendmail_verify_text(facts) != NULL;
}

void
verdict_reply(const struct judgement *c, const struct question *q,
    struct verdict *v)
{
	enum verdict_kind kind = verdict_kind_of(c, q);
	const char *const *codes = codes_of(c, q, kind);

	v->reply.kind = kind;
	v->reply.reason = c->test.reason;
	v->reply.code = kind == VERDICT_HOLD ? "" : codes[0];
	v->reply.dsn = kind == VERDICT_HOLD ? "" : codes[1];
	v->reply.nlines = 0;
	if (c->test.reason == REASON_NO_TLS)
		no_tls_line(q, v);
	else if (q->options->compat_sendmail && sendmail_knows(c, q->facts))
		sendmail_line(c, q, v);
	else
		own_lines(c, q, v);
	extra_lines(c, q, v);
}

void
verdict_print_would(const struct verdict *v, struct text *out)
{
	const struct reply *reply = &v->reply;

	text_puts(out, names[reply->kind]);
	if (reply->code[0] != '\0')
		text_printf(out, " %s %s", reply->code, reply->dsn);
	for (unsigned i = 0; i < reply->nlines; i++) {
		text_puts(out, i == 0 ? " " : " / ");
		text_put(out, reply->lines[i]);
	}
}

void
verdict_print(const struct verdict *v, struct text *out)
{
	if (v->kind == VERDICT_ACCEPT)
		text_puts(out, names[VERDICT_ACCEPT]);
	else
		verdict_print_would(v, out);
}
