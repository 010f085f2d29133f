/*
 * The shape: find the rule of a tag, test it, keep the result; of the tags that
 * fail the strictest gives the verdict, so that a rule more never makes it
 * milder.  All are judged, and trace and audit log show them.
 *
 * A verdict that rests on something that could not be found out goes through
 * one place, decide(), which asks on-error.
 */
#include <string.h>

#include "policy/eval/eval.h"
#include "policy/eval/judging.h"
#include "policy/facts/fromfield.h"
#include "policy/facts/spelling.h"
#include "policy/store/history.h"

/* Copies the result into the verdict, which outlives the reader. */
static void
keep_result(const struct question *q, const struct judgement *c,
    struct verdict *v)
{
	struct tag_result *kept = &v->results[v->nresults++];
	char buf[REQUIREMENT_TEXT_MAX + 1];
	struct text whole;

	*kept = c->result;
	kept->reason = kept->answer == ANSWER_YES ? REASON_NONE :
	    c->test.reason;
	if (!kept->matched)
		return;
	kept->warn = c->requirement.class == CLASS_WARN;
	kept->key = verdict_keep(v, c->rule.key);
	kept->requirement = c->rule.requirement;
	if (c->requirement.profile.n > 0) {
		/* Put in: the record stands for itself. */
		text_init(&whole, buf, sizeof buf);
		requirement_print(&c->requirement, &whole);
		kept->requirement = slice_make(buf, whole.n);
	}
	kept->requirement = verdict_keep(v, kept->requirement);
	kept->by = verdict_keep(v, c->requirement.by);
	kept->file = verdict_keep(v, store_source(q->reader,
	    c->rule.source));
	kept->line = c->rule.line;
}

static enum waiver
waiver_of(const struct question *q, const struct judgement *c)
{
	if (c->result.matched && c->requirement.class == CLASS_WARN &&
	    !judging_handshake_failed(q->facts))
		return WAIVER_WARN;
	return c->test.reason == REASON_POLICY_ERROR &&
	    q->options->on_error_accept ? WAIVER_ON_ERROR : WAIVER_NONE;
}

static unsigned
severity(const struct question *q, const struct judgement *c)
{
	if (c->result.answer == ANSWER_YES)
		return 0;
	return verdict_severity(verdict_kind_of(c, q), waiver_of(q, c));
}

/*
 * Turns a tag whose rule did not hold into verdict and reply, unless one as
 * strict was there before.  A rule that only warns, and with on-error = accept
 * one that could not be judged, tells what it would have been and no more.
 */
static void
decide(const struct question *q, const struct judgement *c,
    struct verdict *v)
{
	if (severity(q, c) <= verdict_severity(v->kind, v->waiver))
		return;
	verdict_reply(c, q, v);
	v->waiver = waiver_of(q, c);
	v->deciding = (int)v->nresults - 1;
	if (v->waiver == WAIVER_NONE)
		v->kind = v->reply.kind;
}

static void
test_found(const struct question *q, struct judgement *c, struct verdict *v)
{
	c->result.answer = c->result.matched ? judging_rule(q, c) :
	    judging_handshake(q, c);
	v->unfed |= c->unfed;
	if (c->result.tag == TAG_AUTH && c->test.reason == REASON_PLAINTEXT)
		c->test.reason = REASON_AUTH_IN_CLEAR;
}

/*
 * Keeps what the tag came to, once, and lets it decide; but not a result that
 * rests on facts still to come.
 */
static void
conclude(const struct question *q, const struct judgement *c,
    struct verdict *v)
{
	if (c->unfed && q->fed_later) {
		trace_line(q->trace, "  judged at RCPT, when the facts feed "
		    "has told of the session");
		return;
	}
	if (c->result.matched || c->result.answer != ANSWER_YES)
		keep_result(q, c, v);
	if (c->result.answer != ANSWER_YES)
		decide(q, c, v);
}

/* The tag's answer is "cannot tell": an unknown fact is not an absent one. */
static void
judge_unknowable(const struct question *q, enum tag tag, const char *wanted,
    const char *found, struct verdict *v)
{
	struct judgement c = {
		.result = { .tag = tag, .answer = ANSWER_CANNOT_TELL }
	};

	predicate_begin(&c.test);
	text_puts(&c.test.wanted, wanted);
	text_puts(&c.test.found, found);
	c.test.reason = REASON_POLICY_ERROR;
	judging_trace(q, tag_row(tag)->name, &c, c.result.answer);
	conclude(q, &c, v);
}

static void
trace_failure(const struct question *q)
{
	char line[FAULT_WHERE_MAX + FAULT_TEXT_MAX + 48];

	if (q->trace == NULL)
		return;
	fault_print(q->reader != NULL ? &q->reader->fault : q->why, line,
	    sizeof line);
	trace_line(q->trace, "  policy error: %s; on-error = %s", line,
	    q->options->on_error_accept ? "accept" : "tempfail");
}

static bool
logged_in(const struct facts *facts)
{
	return facts_filled(facts, FACT_AUTH_AUTHEN) ||
	    facts_filled(facts, FACT_AUTH_TYPE) ||
	    facts_filled(facts, FACT_AUTH_SSF);
}

/* The session did not tell what to look for, and there are rules about it. */
static void
observe_missing(const struct question *q, struct judgement *c)
{
	c->result.missing = fact_name(c->missing);
	predicate_begin(&c->test);
	text_puts(&c->test.wanted, "what the MTA tells of the session");
	if (facts_filled(q->facts, c->missing)) {
		text_printf(&c->test.found, "{%s} ", c->result.missing);
		text_put_printable(&c->test.found,
		    facts_value(q->facts, c->missing));
	} else
		text_printf(&c->test.found, "no macro {%s}",
		    c->result.missing);
	judging_trace(q, tag_row(c->result.tag)->name, c, c->result.answer);
}

/* What the rules of a tag say, for one spelling of its address. */
static void
judge_subject(const struct question *q, enum tag tag,
    const struct mailbox *mailbox, struct judgement *c, struct verdict *v)
{
	c->result = (struct tag_result){ .tag = tag, .answer = ANSWER_YES };
	c->item = NULL;
	c->bits_failed = c->unfed = false;
	c->test.reason = REASON_NONE;
	switch (q->reader == NULL ? LOOKUP_FAILED :
	    match_rule(q, tag, mailbox, c)) {
	case LOOKUP_FOUND:
		c->result.matched = true;
		test_found(q, c, v);
		break;
	case LOOKUP_ABSENT:
		/* For its two hosts sendmail looks at it without a rule. */
		if (tag == TAG_CLT || tag == TAG_SRV)
			test_found(q, c, v);
		break;
	case LOOKUP_FAILED:
		c->result.answer = ANSWER_CANNOT_TELL;
		if (q->reader != NULL && c->missing != FACT_COUNT)
			observe_missing(q, c);
		else
			trace_failure(q);
		c->result.lookup_failed = c->result.missing == NULL;
		c->test.reason = REASON_POLICY_ERROR;
		break;
	}
}

static void
trace_spelling(const struct question *q, const struct mailbox *m)
{
	char buf[MAILBOX_LOCAL_MAX + DOMAIN_TEXT_MAX];
	struct text text;

	if (q->trace == NULL)
		return;
	text_init(&text, buf, sizeof buf);
	text_put_printable(&text, m->local);
	text_char(&text, '@');
	text_put_printable(&text, m->domain);
	trace_line(q->trace, "  spelling %s", m->null_sender ? "<>" : buf);
}

/* `a` is stricter than `b`, or as strict and by a rule, which `b` is not. */
static bool
outweighs(const struct question *q, const struct judgement *a,
    const struct judgement *b)
{
	unsigned x = severity(q, a), y = severity(q, b);

	return x > y || (x == y && a->result.matched && !b->result.matched);
}

/* The strictest judgement so far, and room for the next; of equals the first. */
struct strictest {
	struct judgement two[2];
	int worst;
	bool any;
};

static void
weigh_spellings(const struct question *q, enum tag tag,
    const struct spellings *spellings, struct strictest *s, struct verdict *v)
{
	for (unsigned i = 0; i < spellings->n; i++) {
		int next = s->any ? !s->worst : s->worst;

		if (spellings->n > 1)
			trace_spelling(q, &spellings->form[i]);
		judge_subject(q, tag, &spellings->form[i], &s->two[next], v);
		if (s->any && outweighs(q, &s->two[next], &s->two[s->worst]))
			s->worst = next;
		s->any = true;
	}
}

/*
 * A sender at the MTA's own name is another one than at its domain: a reply goes
 * elsewhere.  A recipient is not, the mailbox is the same.
 */
static void
find_spellings(const struct question *q, enum tag tag, struct spellings *found)
{
	char buf[2 * DOMAIN_TEXT_MAX];
	struct text local;
	bool from = tag == TAG_FROM;

	text_init(&local, buf, sizeof buf);
	spelling_local_domains(q->facts, q->options->local_domains, &local);
	spellings_find(facts_value(q->facts, from ? FACT_MAIL_ADDR :
	    FACT_RCPT_ADDR), facts_value(q->facts, from ? FACT_MAIL_RESOLVED :
	    FACT_RCPT_RESOLVED), slice_make(buf, local.n), from ?
	    slice_make("", 0) : facts_value(q->facts, FACT_NODE), found);
}

/* The macro without which the mailbox is not known; NULL: all are there. */
static const char *
untold_of_mailbox(const struct facts *facts, enum tag tag)
{
	bool from = tag == TAG_FROM;

	if (!facts_known(facts, FACT_NODE))
		return "no macro j, its own name";
	if (facts_absent(facts, from ? FACT_MAIL_RESOLVED :
	    FACT_RCPT_RESOLVED))
		return from ? "no macro {mail_addr}" : "no macro {rcpt_addr}";
	return NULL;
}

static void
judge_mailbox(const struct question *q, enum tag tag, struct verdict *v)
{
	struct strictest s = { .worst = 0, .any = false };
	struct spellings spellings;
	const char *untold;

	if (tag == TAG_RCPT) { /* outbound: as the MTA asks */
		spellings.n = 1;
		spellings.beyond = false;
		mailbox_parse(facts_value(q->facts, FACT_RCPT_ADDR),
		    &spellings.form[0]);
	} else
		find_spellings(q, tag, &spellings);
	weigh_spellings(q, tag, &spellings, &s, v);
	conclude(q, &s.two[s.worst], v);
	if (q->reader == NULL || !store_has_tag(q->reader, tag) ||
	    tag == TAG_RCPT)
		return;
	if (spellings.beyond)
		judge_unknowable(q, tag, "an address that can be read",
		    "one with too many spellings", v);
	else if ((untold = untold_of_mailbox(q->facts, tag)) != NULL)
		judge_unknowable(q, tag, "what the MTA tells of the session",
		    untold, v);
}

/* Why it is not known whom the message is from; NULL: it is. */
static const char *
untold_of_header(const struct facts *facts)
{
	enum fromfield_flaw flaw;

	if (!facts_known(facts, FACT_HEADER_FROM))
		return "none that was told";
	if (!facts_known(facts, FACT_NODE))
		return "no macro j, the MTA's own name";
	if (!facts_filled(facts, FACT_HEADER_FLAW))
		return NULL;
	return fromfield_by_word(facts_value(facts, FACT_HEADER_FLAW),
	    &flaw) ? fromfield_text(flaw) : "one that could not be read";
}

static void
trace_author(const struct question *q, struct slice mailbox)
{
	char buf[SPELLING_ADDRESS_MAX];
	struct text text;

	if (q->trace == NULL)
		return;
	text_init(&text, buf, sizeof buf);
	text_put_printable(&text, mailbox);
	trace_line(q->trace, "  from %s", buf);
}

/* All mailboxes of the field are one question: the strictest is the answer. */
static void
judge_header(const struct question *q, struct verdict *v)
{
	struct slice rest = facts_value(q->facts, FACT_HEADER_FROM), line;
	const struct slice none = slice_make("", 0);
	struct strictest s = { .worst = 0, .any = false };
	struct spellings spellings;
	char buf[2 * DOMAIN_TEXT_MAX];
	struct text local;
	const char *untold = untold_of_header(q->facts);

	text_init(&local, buf, sizeof buf);
	spelling_local_domains(q->facts, q->options->local_domains,
	    &local);
	while (slice_next(&rest, '\n', &line)) {
		trace_author(q, line);
		spellings_find(line, none, slice_make(buf, local.n), none,
		    &spellings);
		weigh_spellings(q, TAG_HEADER, &spellings, &s, v);
		if (spellings.beyond && untold == NULL)
			untold = "a mailbox with too many spellings";
	}
	if (s.any)
		conclude(q, &s.two[s.worst], v);
	if (untold != NULL && (q->reader == NULL ||
	    store_has_tag(q->reader, TAG_HEADER)))
		judge_unknowable(q, TAG_HEADER, "a From field in the header "
		    "that can be read", untold, v);
}

enum { UNTOLD_BYTES = 160 };

/*
 * Macros that did not arrive: without knowing the MTA nobody knows what others
 * mean.
 */
static void
judge_untold(const struct question *q, enum tag tag, struct verdict *v)
{
	struct slice mta = facts_value(q->facts, FACT_MTA);
	char memory[UNTOLD_BYTES];
	struct text found;

	text_init(&found, memory, sizeof memory);
	if (mta.n == 0)
		text_puts(&found, "no macro v");
	else {
		text_puts(&found, "an MTA that is neither sendmail nor "
		    "Postfix by its macro v, ");
		text_put_printable(&found, slice_make(mta.p,
		    mta.n < UNTOLD_BYTES / 2 ? mta.n : UNTOLD_BYTES / 2));
	}
	judge_unknowable(q, tag, "what the MTA tells of the session",
	    found.buf, v);
}

static void
judge_tag(const struct question *q, enum tag tag, struct verdict *v)
{
	struct judgement c;

	if (q->untold) {
		judge_untold(q, tag, v);
		return;
	}
	if (tag == TAG_AUTH && !logged_in(q->facts))
		return;
	trace_line(q->trace, "%s: %s", tag_row(tag)->name,
	    tag_row(tag)->what);
	if (tag_row(tag)->subject == SUBJECT_MAILBOX) {
		if (q->reader != NULL && q->trace == NULL &&
		    !store_has_tag(q->reader, tag))
			return;
		if (tag == TAG_HEADER)
			judge_header(q, v);
		else
			judge_mailbox(q, tag, v);
		return;
	}
	judge_subject(q, tag, NULL, &c, v);
	conclude(q, &c, v);
}

/* Nothing is refused to the exempt, nor in monitor mode; all is recorded. */
static void
apply_waivers(const struct question *q, struct verdict *v)
{
	if (v->kind == VERDICT_ACCEPT)
		return;
	if (q->exempt)
		v->waiver = WAIVER_EXEMPT;
	else if (q->options->monitor)
		v->waiver = WAIVER_MONITOR;
	else
		return;
	v->kind = VERDICT_ACCEPT;
	trace_line(q->trace, "accepted all the same: %s",
	    v->waiver == WAIVER_EXEMPT ? "the client is exempt" :
	    "mode = monitor");
}

void
eval_session(const struct question *q, struct verdict *v)
{
	verdict_init(v);
	if (q->reader != NULL) {
		v->generation = q->reader->info.generation;
		memcpy(v->policy, history_policy(q->reader), sizeof v->policy);
	}
	switch (q->scope) {
	case EVAL_MAIL:
		for (int tag = 0; tag < TAG_COUNT; tag++)
			if (tag_row((enum tag)tag)->stage == STAGE_MAIL)
				judge_tag(q, (enum tag)tag, v);
		break;
	case EVAL_RCPT:
		judge_tag(q, TAG_TO, v);
		break;
	case EVAL_HEADER:
		if (q->options->judge_header)
			judge_tag(q, TAG_HEADER, v);
		else
			trace_line(q->trace, "TLS_Header: not judged, "
			    "header-from = no");
		break;
	case EVAL_TAG:
		judge_tag(q, q->tag, v);
		break;
	}
	apply_waivers(q, v);
}
