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

/*
 * A mailbox; with `hiding` its domain and a commitment.  False: not to the
 * byte.
 */
static bool
put_mailbox(struct record *r, struct slice value)
{
	return r->hiding == NULL ? jsonput_string(&r->out, value) :
	    line_hides_mailbox(r, value);
}

static void
put_rcpts(struct record *r)
{
	bool faithful = true;

	PUT(r, ",\"rcpts\":[");
	for (size_t i = 0; i < r->nrcpts; i++) {
		if (i > 0)
			PUT(r, ",");
		faithful &= put_mailbox(r, line_mailbox(r->rcpts[i].address));
	}
	PUT(r, "]");
	if (!faithful)
		r->raw |= UINT64_C(1) << FACT_RCPT_ADDR;
}

/*
 * "rcpts_resolved": beside each recipient what the MTA made of it, null where
 * that is the same.
 */
static void
put_resolved(struct record *r)
{
	bool any = false, faithful = true;

	for (size_t i = 0; i < r->nrcpts; i++)
		any |= r->rcpts[i].resolved.n > 0;
	if (!any)
		return;
	PUT(r, ",\"rcpts_resolved\":[");
	for (size_t i = 0; i < r->nrcpts; i++) {
		if (i > 0)
			PUT(r, ",");
		if (r->rcpts[i].resolved.n == 0)
			PUT(r, "null");
		else
			faithful &= put_mailbox(r, r->rcpts[i].resolved);
	}
	PUT(r, "]");
	if (!faithful)
		r->raw |= UINT64_C(1) << FACT_RCPT_RESOLVED;
}

/* "rcpts_generation": a policy may have come between two recipients. */
static void
put_generations(struct record *r)
{
	bool other = false;

	for (size_t i = 0; i < r->nrcpts; i++)
		other |= r->rcpts[i].other;
	if (!other)
		return;
	PUT(r, ",\"rcpts_generation\":[");
	for (size_t i = 0; i < r->nrcpts; i++) {
		if (i > 0)
			PUT(r, ",");
		jsonput_number(&r->out, r->rcpts[i].other ?
		    r->rcpts[i].generation : r->verdict->generation);
	}
	PUT(r, "]");
}

/*
 * "header_from": whom the header says that it is from, where that was asked,
 * without names; and the flaw, if there is one.
 */
static void
put_header(struct record *r)
{
	struct slice rest = facts_value(r->facts, FACT_HEADER_FROM), mailbox;
	struct slice flaw = facts_value(r->facts, FACT_HEADER_FLAW);
	bool first = true;

	if (!facts_known(r->facts, FACT_HEADER_FROM))
		return;
	PUT(r, ",\"header_from\":[");
	while (slice_next(&rest, '\n', &mailbox)) {
		if (!first)
			PUT(r, ",");
		first = false;
		put_mailbox(r, mailbox);
	}
	PUT(r, "]");
	if (flaw.n > 0) {
		PUT(r, ",\"header_from_flaw\":");
		line_slice(r, flaw);
	}
	if (r->header != NULL &&
	    r->header->generation != r->verdict->generation) {
		PUT(r, ",\"header_generation\":");
		jsonput_number(&r->out, r->header->generation);
	}
}

static void
put_rule(struct record *r, const struct tag_result *result, bool *first,
    const struct slice *rcpt, enum waiver waiver)
{
	bool hidden = false;

	if (!result->matched && !result->lookup_failed)
		return;
	if (!*first)
		PUT(r, ",");
	*first = false;
	PUT(r, "{\"tag\":\"");
	line_words(r, tag_row(result->tag)->name);
	PUT(r, "\"");
	if (rcpt != NULL) {
		PUT(r, ",\"rcpt\":");
		put_mailbox(r, line_mailbox(*rcpt));
	}
	if (r->hiding != NULL)
		hidden = line_rule(&r->out, r->hiding, r->certificate,
		    result->key, result->requirement, result->line);
	if (!hidden) {
		PUT(r, ",\"key\":");
		line_slice(r, result->key);
		PUT(r, ",\"requirement\":");
		line_slice(r, result->requirement);
	}
	PUT(r, ",\"result\":");
	line_word(r, record_result(result));
	if (waiver != WAIVER_NONE) {
		PUT(r, ",\"waiver\":");
		line_word(r, waiver_name(waiver));
	}
	PUT(r, ",\"file\":");
	line_slice(r, result->file);
	PUT(r, ",\"line\":");
	jsonput_number(&r->out, hidden ? 0 : result->line);
	PUT(r, "}");
}

static void
put_rules(struct record *r)
{
	const struct slice *refused = r->event == RECORD_REFUSED_RCPT &&
	    r->nrcpts > 0 ? &r->rcpts->address : NULL;
	bool first = true;

	PUT(r, ",\"rules\":[");
	for (unsigned i = 0; i < r->verdict->nresults; i++) {
		const struct tag_result *result = &r->verdict->results[i];

		put_rule(r, result, &first,
		    result->tag == TAG_TO ? refused : NULL, WAIVER_NONE);
	}
	for (size_t i = 0; i < r->nrcpts; i++)
		if (r->rcpts[i].result != NULL)
			put_rule(r, r->rcpts[i].result, &first,
			    &r->rcpts[i].address, r->rcpts[i].waiver);
	for (unsigned i = 0; r->header != NULL && i < r->header->nresults; i++)
		put_rule(r, &r->header->results[i], &first, NULL,
		    WAIVER_NONE);
	PUT(r, "]");
}

static unsigned
severity(const struct verdict *v)
{
	return verdict_severity(v->kind, v->waiver);
}

/* Takes the outcome of the first recipient that has something to tell. */
static void
take_rcpts(struct record *r)
{
	for (size_t i = 0; i < r->nrcpts; i++) {
		const struct record_rcpt *rcpt = &r->rcpts[i];

		if (rcpt->kind == VERDICT_ACCEPT &&
		    rcpt->waiver == WAIVER_NONE)
			continue;
		r->kind = rcpt->kind;
		r->waiver = rcpt->waiver;
		if (rcpt->result != NULL)
			r->reason = rcpt->result->reason;
		if (r->kind != VERDICT_ACCEPT)
			return;
	}
}

/*
 * The stricter of the verdicts at MAIL and at the end of the header stands for
 * the message; where neither has anything to tell, its recipients do.
 */
static void
take_outcome(struct record *r)
{
	const struct verdict *v = r->header != NULL &&
	    severity(r->header) > severity(r->verdict) ? r->header :
	    r->verdict;

	r->kind = v->kind;
	r->waiver = v->waiver;
	r->reason = REASON_NONE;
	r->reply = NULL;
	if (v->kind == VERDICT_ACCEPT && v->waiver == WAIVER_NONE) {
		take_rcpts(r);
	} else {
		r->reason = v->reply.reason;
		r->reply = &v->reply;
	}
}

static void
put_reply(struct record *r, const struct reply *reply)
{
	PUT(r, ",\"reply\":");
	if (reply == NULL || reply->nlines == 0) {
		PUT(r, "null");
		return;
	}
	if (r->hiding != NULL) {
		line_hides_reply(r, reply);
		return;
	}
	PUT(r, "\"");
	if (reply->code != NULL && reply->code[0] != '\0') {
		line_words(r, reply->code);
		PUT(r, " ");
		line_words(r, reply->dsn);
		PUT(r, " ");
	}
	for (unsigned i = 0; i < reply->nlines; i++) {
		if (i > 0)
			PUT(r, " / ");
		jsonput_chars(&r->out, reply->lines[i]);
	}
	PUT(r, "\"");
}

/* "would": what a waiver spared the client. */
static void
put_would(struct record *r)
{
	if (r->waiver == WAIVER_NONE || r->reply == NULL)
		return;
	PUT(r, ",\"would\":{\"verdict\":\"");
	line_words(r, verdict_name(r->reply->kind));
	PUT(r, "\"");
	put_reply(r, r->reply);
	PUT(r, "}");
}

static void
put_verdict(struct record *r)
{
	enum verify verify = facts_verify(r->facts);

	take_outcome(r);
	PUT(r, ",\"verdict\":");
	line_word(r, verdict_name(r->kind));
	PUT(r, ",\"waiver\":");
	line_word(r, waiver_name(r->waiver));
	put_would(r);
	put_reply(r, r->kind == VERDICT_ACCEPT ? NULL : r->reply);
	PUT(r, ",\"reason\":");
	line_word(r, r->reason == REASON_NONE ?
	    NULL : reason_name(r->reason));
	PUT(r, ",\"result_type\":");
	line_word(r, record_result_type(r->reason, verify));
}

bool
record_format(struct record *r, struct text *out)
{
	r->raw = 0;
	jsonput_start(&r->out, out);
	if (r->hiding != NULL)
		line_people(r);
	PUT(r, CHAIN_START);
	line_word(r, event_names[r->event]);
	PUT(r, ",\"time\":");
	jsonput_time(&r->out, r->time_us);
	field_put_top(r);
	PUT(r, ",\"generation\":");
	jsonput_number(&r->out, r->verdict->generation);
	PUT(r, ",\"policy\":");
	line_word(r, r->verdict->policy);
	if (r->settings.n > 0) {
		PUT(r, ",\"settings\":");
		line_slice(r, r->settings);
	}
	if (r->hiding != NULL)
		line_privacy(&r->out, r->hiding);
	PUT(r, ",\"session\":");
	line_slice(r, r->session);
	field_put_groups(r);
	put_rcpts(r);
	put_resolved(r);
	put_generations(r);
	put_header(r);
	put_rules(r);
	put_verdict(r);
	PUT(r, ",\"mode\":");
	line_word(r, r->monitor ? "monitor" : "enforce");
	if (r->exempt)
		PUT(r, ",\"exempt\":true");
	if (r->plan != NULL)
		line_plan(r);
	field_put_raw(r);
	PUT(r, "}");
	return jsonput_finish(&r->out) &&
	    (r->hiding == NULL || !r->hiding->failed);
}
