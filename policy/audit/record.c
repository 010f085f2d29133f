/*
 * A record is formatted while a client waits for its reply, so the line is
 * written straight into the caller's buffer, without a JSON library and
 * without memory of its own.
 */
#include "policy/audit/record-internal.h"

static const char *const event_names[RECORD_EVENT_COUNT] = {
	[RECORD_MESSAGE] = "message",
	[RECORD_REFUSED_MAIL] = "refused-mail",
	[RECORD_REFUSED_RCPT] = "refused-rcpt",
	[RECORD_REFUSED_HEADER] = "refused-header",
	[RECORD_ABORTED] = "aborted",
	[RECORD_OUTBOUND] = "outbound",
	[RECORD_DELIVERED] = "delivered",
	[RECORD_HANDSHAKE] = "handshake",
	[RECORD_POLICY] = "policy",
	[RECORD_SETTINGS] = "settings",
	[RECORD_PLAN] = "plan",
};

/* What became of the message as a whole: MAIL and its recipients. */
struct outcome {
	enum verdict_kind kind;
	enum waiver waiver;
	enum reason reason;
	const struct reply *reply; /* NULL: no reply is known */
};

const char *
record_event_name(enum record_event event)
{
	return event_names[event];
}

const char *
record_result(const struct tag_result *r)
{
	if (r->lookup_failed)
		return "lookup-failed";
	if (r->answer == ANSWER_CANNOT_TELL)
		return "cannot-tell";
	if (r->answer == ANSWER_YES)
		return "holds";
	return r->warn ? "would-fail" : "fails";
}

/*
 * RFC 8460 section 4.3: plaintext and auth-in-clear are starttls-not-supported,
 * wrong-certificate is certificate-host-mismatch, not-verified is
 * certificate-not-trusted if there was a certificate, else validation-failure,
 * as is too-weak.
 */
const char *
record_result_type(enum reason reason, enum verify verify)
{
	switch (reason) {
	case REASON_PLAINTEXT:
	case REASON_AUTH_IN_CLEAR:
		return "starttls-not-supported";
	case REASON_WRONG_CERTIFICATE:
		return "certificate-host-mismatch";
	case REASON_NOT_VERIFIED:
		return verify == VERIFY_FAIL ? "certificate-not-trusted" :
		    "validation-failure";
	case REASON_TOO_WEAK:
		return "validation-failure";
	default:
		return NULL;
	}
}

static void
put_rcpts(struct line *l)
{
	const struct record *r = l->record;
	bool faithful = true;

	PUT(l, ",\"rcpts\":[");
	for (size_t i = 0; i < r->nrcpts; i++) {
		if (i > 0)
			PUT(l, ",");
		faithful &= line_person(&l->out, l->hiding, PERSON_MAILBOX,
		    line_mailbox(r->rcpts[i].address));
	}
	PUT(l, "]");
	if (!faithful)
		l->raw |= UINT64_C(1) << FACT_RCPT_ADDR;
}

/* Beside each recipient what the MTA made of it, null where that is the same. */
static void
put_resolved(struct line *l)
{
	const struct record *r = l->record;
	bool any = false, faithful = true;

	for (size_t i = 0; i < r->nrcpts; i++)
		any |= r->rcpts[i].resolved.n > 0;
	if (!any)
		return;
	PUT(l, ",\"rcpts_resolved\":[");
	for (size_t i = 0; i < r->nrcpts; i++) {
		if (i > 0)
			PUT(l, ",");
		if (r->rcpts[i].resolved.n == 0)
			PUT(l, "null");
		else
			faithful &= line_person(&l->out, l->hiding,
			    PERSON_MAILBOX, r->rcpts[i].resolved);
	}
	PUT(l, "]");
	if (!faithful)
		l->raw |= UINT64_C(1) << FACT_RCPT_RESOLVED;
}

/* A policy may have come between two recipients. */
static void
put_generations(struct line *l)
{
	const struct record *r = l->record;
	bool other = false;

	for (size_t i = 0; i < r->nrcpts; i++)
		other |= r->rcpts[i].other;
	if (!other)
		return;
	PUT(l, ",\"rcpts_generation\":[");
	for (size_t i = 0; i < r->nrcpts; i++) {
		if (i > 0)
			PUT(l, ",");
		jsonput_number(&l->out, r->rcpts[i].other ?
		    r->rcpts[i].generation : r->verdict->generation);
	}
	PUT(l, "]");
}

/*
 * Whom the header says that it is from, where that was asked; no names.  The
 * flaw is why that is not all, or nothing.
 */
static void
put_header(struct line *l)
{
	const struct record *r = l->record;
	struct slice rest = facts_value(r->facts, FACT_HEADER_FROM), mailbox;
	struct slice flaw = facts_value(r->facts, FACT_HEADER_FLAW);
	bool first = true;

	if (!facts_known(r->facts, FACT_HEADER_FROM))
		return;
	PUT(l, ",\"header_from\":[");
	while (slice_next(&rest, '\n', &mailbox)) {
		if (!first)
			PUT(l, ",");
		first = false;
		line_person(&l->out, l->hiding, PERSON_MAILBOX, mailbox);
	}
	PUT(l, "]");
	if (flaw.n > 0) {
		PUT(l, ",\"header_from_flaw\":");
		line_slice(l, flaw);
	}
	if (r->header != NULL &&
	    r->header->generation != r->verdict->generation) {
		PUT(l, ",\"header_generation\":");
		jsonput_number(&l->out, r->header->generation);
	}
}

static void
put_rule(struct line *l, const struct tag_result *r, bool *first,
    const struct record_rcpt *rcpt, enum waiver waiver)
{
	bool hidden;

	if (!r->matched && !r->lookup_failed)
		return;
	if (!*first)
		PUT(l, ",");
	*first = false;
	PUT(l, "{\"tag\":\"");
	line_words(l, tag_row(r->tag)->name);
	PUT(l, "\"");
	if (rcpt != NULL) {
		PUT(l, ",\"rcpt\":");
		line_person(&l->out, l->hiding, PERSON_MAILBOX,
		    line_mailbox(rcpt->address));
	}
	hidden = line_rule(&l->out, l->hiding, l->certificate, r->key,
	    r->requirement, r->line);
	if (!hidden) {
		PUT(l, ",\"key\":");
		line_slice(l, r->key);
		PUT(l, ",\"requirement\":");
		line_slice(l, r->requirement);
	}
	PUT(l, ",\"result\":");
	line_word(l, record_result(r));
	if (waiver != WAIVER_NONE) {
		PUT(l, ",\"waiver\":");
		line_word(l, waiver_name(waiver));
	}
	PUT(l, ",\"file\":");
	line_slice(l, r->file);
	PUT(l, ",\"line\":");
	jsonput_number(&l->out, hidden ? 0 : r->line);
	PUT(l, "}");
}

static void
put_rules(struct line *l)
{
	const struct record *r = l->record;
	const struct record_rcpt *refused =
	    r->event == RECORD_REFUSED_RCPT && r->nrcpts > 0 ? r->rcpts : NULL;
	bool first = true;

	PUT(l, ",\"rules\":[");
	for (unsigned i = 0; i < r->verdict->nresults; i++) {
		const struct tag_result *result = &r->verdict->results[i];

		put_rule(l, result, &first,
		    result->tag == TAG_TO ? refused : NULL, WAIVER_NONE);
	}
	for (size_t i = 0; i < r->nrcpts; i++)
		if (r->rcpts[i].result != NULL)
			put_rule(l, r->rcpts[i].result, &first, &r->rcpts[i],
			    r->rcpts[i].waiver);
	for (unsigned i = 0; r->header != NULL && i < r->header->nresults; i++)
		put_rule(l, &r->header->results[i], &first, NULL,
		    WAIVER_NONE);
	PUT(l, "]");
}

static struct outcome
outcome_of_verdict(const struct verdict *v)
{
	bool any = v->kind != VERDICT_ACCEPT || v->waiver != WAIVER_NONE;

	return (struct outcome){ v->kind, v->waiver,
		any ? v->reply.reason : REASON_NONE, any ? &v->reply : NULL };
}

static unsigned
severity(const struct verdict *v)
{
	return verdict_severity(v->kind, v->waiver);
}

/*
 * The stricter of the verdicts at MAIL and at the end of the header stands for
 * the message; where neither has anything to tell, the first recipient that has
 * something does.
 */
static struct outcome
outcome_of(const struct record *r)
{
	const struct verdict *v = r->header != NULL &&
	    severity(r->header) > severity(r->verdict) ? r->header :
	    r->verdict;
	struct outcome o = outcome_of_verdict(v);

	if (o.reply != NULL)
		return o;
	for (size_t i = 0; i < r->nrcpts; i++) {
		const struct record_rcpt *rcpt = &r->rcpts[i];

		if (rcpt->kind == VERDICT_ACCEPT &&
		    rcpt->waiver == WAIVER_NONE)
			continue;
		o.kind = rcpt->kind;
		o.waiver = rcpt->waiver;
		if (rcpt->result != NULL)
			o.reason = rcpt->result->reason;
		if (o.kind != VERDICT_ACCEPT)
			break;
	}
	return o;
}

static void
put_reply(struct line *l, const struct reply *reply)
{
	PUT(l, ",\"reply\":");
	if (reply == NULL || reply->nlines == 0) {
		PUT(l, "null");
		return;
	}
	if (line_hides_reply(l, reply))
		return;
	PUT(l, "\"");
	if (reply->code != NULL && reply->code[0] != '\0') {
		line_words(l, reply->code);
		PUT(l, " ");
		line_words(l, reply->dsn);
		PUT(l, " ");
	}
	for (unsigned i = 0; i < reply->nlines; i++) {
		if (i > 0)
			PUT(l, " / ");
		jsonput_chars(&l->out, reply->lines[i]);
	}
	PUT(l, "\"");
}

/* What a waiver spared the client. */
static void
put_would(struct line *l, const struct outcome *o)
{
	if (o->waiver == WAIVER_NONE || o->reply == NULL)
		return;
	PUT(l, ",\"would\":{\"verdict\":\"");
	line_words(l, verdict_name(o->reply->kind));
	PUT(l, "\"");
	put_reply(l, o->reply);
	PUT(l, "}");
}

static void
put_verdict(struct line *l)
{
	struct outcome o = outcome_of(l->record);
	enum verify verify = facts_verify(l->record->facts);

	PUT(l, ",\"verdict\":");
	line_word(l, verdict_name(o.kind));
	PUT(l, ",\"waiver\":");
	line_word(l, waiver_name(o.waiver));
	put_would(l, &o);
	put_reply(l, o.kind == VERDICT_ACCEPT ? NULL : o.reply);
	PUT(l, ",\"reason\":");
	line_word(l, o.reason == REASON_NONE ?
	    NULL : reason_name(o.reason));
	PUT(l, ",\"result_type\":");
	line_word(l, record_result_type(o.reason, verify));
}

bool
record_format(const struct record *r, struct text *out)
{
	struct line line = { .record = r }, *l = &line;

	jsonput_start(&l->out, out);
	line_people(l, r->facts, r->hiding);
	PUT(l, CHAIN_START);
	line_word(l, event_names[r->event]);
	PUT(l, ",\"time\":");
	jsonput_time(&l->out, r->time_us);
	line_top_facts(l);
	PUT(l, ",\"generation\":");
	jsonput_number(&l->out, r->verdict->generation);
	PUT(l, ",\"policy\":");
	line_word(l, r->verdict->policy);
	if (r->settings.n > 0) {
		PUT(l, ",\"settings\":");
		line_slice(l, r->settings);
	}
	line_privacy(&l->out, l->hiding);
	PUT(l, ",\"session\":");
	line_slice(l, r->session);
	line_facts(l);
	put_rcpts(l);
	put_resolved(l);
	put_generations(l);
	put_header(l);
	put_rules(l);
	put_verdict(l);
	PUT(l, ",\"mode\":");
	line_word(l, r->monitor ? "monitor" : "enforce");
	if (r->exempt)
		PUT(l, ",\"exempt\":true");
	if (r->plan != NULL)
		line_plan(l);
	line_raw(l);
	PUT(l, "}");
	return jsonput_finish(&l->out) &&
	    (r->hiding == NULL || !r->hiding->failed);
}
