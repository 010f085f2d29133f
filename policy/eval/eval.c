/*
 * The shape: find the rule of a class, test it, note the result; of the classes
 * that fail the strictest gives the verdict, so that a rule more never makes it
 * milder.  All are judged, and trace and audit log show them.
 *
 * A verdict that rests on something that could not be found out goes through
 * one place, settle(), which asks on-error.
 */
#include <string.h>

#include "policy/eval/eval.h"
#include "policy/eval/judging.h"
#include "policy/eval/reply.h"
#include "policy/facts/spelling.h"

static struct class_result *
note_result(const struct judging *j, const struct class_judgement *c)
{
	struct verdict *v = j->verdict;
	struct class_result *result = &v->results[v->nresults++];

	memset(result, 0, sizeof *result);
	result->tag = c->tag;
	result->matched = c->has_rule;
	result->lookup_failed = c->lookup_failed;
	result->missing = c->missing;
	result->answer = c->answer;
	result->reason = c->answer == ANSWER_YES ? REASON_NONE :
	    c->observation.reason;
	if (!c->has_rule)
		return result;
	result->warn = c->found.requirement.class == CLASS_WARN;
	result->key = verdict_keep(v, c->found.rule.key);
	result->requirement = verdict_keep(v, c->found.rule.requirement);
	result->by = verdict_keep(v, c->found.requirement.by);
	result->file = verdict_keep(v, store_source(j->reader,
	    c->found.rule.source));
	result->line = c->found.rule.line;
	return result;
}

static enum waiver
waiver_of(const struct judging *j, const struct class_judgement *c,
    enum reason reason)
{
	if (c->has_rule && c->found.requirement.class == CLASS_WARN &&
	    !judging_handshake_failed(j->q->facts))
		return WAIVER_WARN;
	return reason == REASON_POLICY_ERROR && j->q->options->on_error_accept ?
	    WAIVER_ON_ERROR : WAIVER_NONE;
}

static void
refusal_of(const struct judging *j, const struct class_judgement *c,
    struct refusal *r)
{
	*r = (struct refusal){
		.tag = c->tag,
		.class = CLASS_NONE,
		.observation = c->lookup_failed ? NULL : &c->observation,
		.utf8 = j->q->utf8,
		.facts = j->q->facts,
		.reason = c->answer == ANSWER_CANNOT_TELL ?
		    REASON_POLICY_ERROR : c->observation.reason,
		.bits_failed = c->bits_failed
	};
	if (c->has_rule) {
		r->class = c->found.requirement.class;
		r->rule = &c->found.requirement;
		r->key = c->found.rule.key;
		r->msg = c->found.requirement.msg;
	}
	if (c->item != NULL) {
		r->item = c->item->row;
		r->item_value = c->item->value;
	}
}

static unsigned
severity(const struct judging *j, const struct class_judgement *c)
{
	struct refusal r;

	if (c->answer == ANSWER_YES)
		return 0;
	refusal_of(j, c, &r);
	return verdict_severity(reply_kind(&r, j->q->options),
	    waiver_of(j, c, r.reason));
}

/*
 * Turns a class that did not hold into verdict and reply, unless one as strict
 * was there before.  A class that only warns, and with on-error = accept one
 * that could not be judged, tells what it would have been and no more.
 */
static void
settle(const struct judging *j, const struct class_judgement *c)
{
	struct verdict *v = j->verdict;
	struct refusal r;
	enum waiver waiver;

	if (severity(j, c) <= verdict_severity(v->kind, v->waiver))
		return;
	refusal_of(j, c, &r);
	waiver = waiver_of(j, c, r.reason);
	reply_compose(&r, j->q->options, v);
	v->waiver = waiver;
	v->deciding = (int)v->nresults - 1;
	if (waiver == WAIVER_NONE)
		v->kind = v->reply.kind;
}

static void
test_found(const struct judging *j, struct class_judgement *c)
{
	c->answer = c->has_rule ? judging_rule(j, c) : judging_handshake(j, c);
	if (c->tag == TAG_AUTH && c->observation.reason == REASON_PLAINTEXT)
		c->observation.reason = REASON_AUTH_IN_CLEAR;
}

/* Notes what the class came to, once, and lets it decide. */
static void
conclude(const struct judging *j, const struct class_judgement *c)
{
	if (c->has_rule || c->answer != ANSWER_YES)
		note_result(j, c);
	if (c->answer != ANSWER_YES)
		settle(j, c);
}

/* What cannot be known is not absent. */
static void
judge_unknowable(const struct judging *j, enum tag tag, const char *wanted,
    const char *found)
{
	struct class_judgement c = { .tag = tag,
		.answer = ANSWER_CANNOT_TELL };

	observation_init(&c.observation);
	text_puts(&c.observation.wanted, wanted);
	text_puts(&c.observation.found, found);
	c.observation.reason = REASON_POLICY_ERROR;
	judging_trace(j, tag_row(tag)->name, &c.observation, c.answer);
	conclude(j, &c);
}

static void
trace_failure(const struct judging *j)
{
	char line[FAULT_WHERE_MAX + FAULT_TEXT_MAX + 48];

	if (j->q->trace == NULL)
		return;
	fault_print(j->reader != NULL ? &j->reader->fault : j->why, line,
	    sizeof line);
	trace_line(j->q->trace, "  policy error: %s; on-error = %s", line,
	    j->q->options->on_error_accept ? "accept" : "tempfail");
}

/* sendmail looks at the handshake without a rule for its two hosts only. */
static bool
always_judged(enum tag tag)
{
	return tag == TAG_CLT || tag == TAG_SRV;
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
observe_missing(const struct judging *j, struct class_judgement *c)
{
	c->missing = fact_name(c->found.missing);
	observation_init(&c->observation);
	text_puts(&c->observation.wanted, "what the MTA tells of the session");
	text_printf(&c->observation.found, "no macro {%s}", c->missing);
	judging_trace(j, tag_row(c->tag)->name, &c->observation, c->answer);
}

/* What the rules say of the class, for one spelling of its address. */
static void
judge_subject(const struct judging *j, const struct mailbox *mailbox,
    struct class_judgement *c)
{
	c->has_rule = c->lookup_failed = c->bits_failed = false;
	c->item = NULL;
	c->missing = NULL;
	c->answer = ANSWER_YES;
	c->observation.reason = REASON_NONE;
	switch (j->reader == NULL ? LOOKUP_FAILED : match_rule(j->reader,
	    c->tag, j->q, mailbox, &c->found)) {
	case LOOKUP_FOUND:
		c->has_rule = true;
		test_found(j, c);
		break;
	case LOOKUP_ABSENT:
		if (always_judged(c->tag))
			test_found(j, c);
		break;
	case LOOKUP_FAILED:
		c->answer = ANSWER_CANNOT_TELL;
		if (j->reader != NULL && c->found.missing != FACT_COUNT)
			observe_missing(j, c);
		else
			trace_failure(j);
		c->lookup_failed = c->missing == NULL;
		c->observation.reason = REASON_POLICY_ERROR;
		break;
	}
}

static void
trace_spelling(const struct judging *j, const struct mailbox *m)
{
	char buf[MAILBOX_LOCAL_MAX + DOMAIN_TEXT_MAX];
	struct text text;

	if (j->q->trace == NULL)
		return;
	text_init(&text, buf, sizeof buf);
	text_put_printable(&text, m->local);
	text_char(&text, '@');
	text_put_printable(&text, m->domain);
	trace_line(j->q->trace, "  spelling %s", m->null_sender ? "<>" : buf);
}

/* Stricter, or as strict and by a rule where there was none. */
static bool
outweighs(const struct judging *j, const struct class_judgement *a,
    const struct class_judgement *b)
{
	unsigned x = severity(j, a), y = severity(j, b);

	return x > y || (x == y && a->has_rule && !b->has_rule);
}

/* The strictest of what the spellings come to; among equals the first. */
static void
judge_spellings(const struct judging *j, enum tag tag,
    const struct spellings *spellings)
{
	struct class_judgement two[2];
	struct class_judgement *worst = &two[0], *next = &two[1], *spare;

	two[0].tag = two[1].tag = tag;
	for (unsigned i = 0; i < spellings->n; i++) {
		if (spellings->n > 1)
			trace_spelling(j, &spellings->form[i]);
		judge_subject(j, &spellings->form[i], i == 0 ? worst : next);
		if (i > 0 && outweighs(j, next, worst)) {
			spare = worst;
			worst = next;
			next = spare;
		}
	}
	conclude(j, worst);
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

/* NULL, or what has to be told before a mailbox is known. */
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
judge_mailbox(const struct judging *j, enum tag tag)
{
	struct spellings spellings;
	const char *untold;

	if (j->reader != NULL && j->q->trace == NULL &&
	    !store_has_tag(j->reader, tag))
		return;
	if (tag == TAG_RCPT) { /* outbound: as the MTA asks */
		spellings.n = 1;
		spellings.beyond = false;
		mailbox_parse(facts_value(j->q->facts, FACT_RCPT_ADDR),
		    &spellings.form[0]);
	} else
		find_spellings(j->q, tag, &spellings);
	judge_spellings(j, tag, &spellings);
	if (j->reader == NULL || !store_has_tag(j->reader, tag) ||
	    tag == TAG_RCPT)
		return;
	if (spellings.beyond)
		judge_unknowable(j, tag, "an address that can be read",
		    "one with too many spellings");
	else if ((untold = untold_of_mailbox(j->q->facts, tag)) != NULL)
		judge_unknowable(j, tag, "what the MTA tells of the session",
		    untold);
}

static void
judge_class(const struct judging *j, enum tag tag)
{
	struct class_judgement c;

	c.tag = tag;
	if (j->q->untold) {
		judge_unknowable(j, tag, "what the MTA tells of the session",
		    "no macro v");
		return;
	}
	if (tag == TAG_AUTH && !logged_in(j->q->facts))
		return;
	trace_line(j->q->trace, "%s: %s", tag_row(tag)->name,
	    tag_row(tag)->what);
	if (tag_row(tag)->subject == SUBJECT_MAILBOX) {
		judge_mailbox(j, tag);
		return;
	}
	judge_subject(j, NULL, &c);
	conclude(j, &c);
}

static void
judge_scope(const struct judging *j)
{
	switch (j->q->scope) {
	case EVAL_MAIL:
		for (int tag = 0; tag < TAG_COUNT; tag++)
			if (tag_row((enum tag)tag)->stage == STAGE_MAIL)
				judge_class(j, (enum tag)tag);
		break;
	case EVAL_RCPT:
		judge_class(j, TAG_TO);
		break;
	case EVAL_TAG:
		judge_class(j, j->q->tag);
		break;
	}
}

/* Nothing is refused to the exempt, nor in monitor mode; all is recorded. */
static void
apply_waivers(const struct judging *j)
{
	struct verdict *v = j->verdict;

	if (v->kind == VERDICT_ACCEPT)
		return;
	if (j->q->exempt)
		v->waiver = WAIVER_EXEMPT;
	else if (j->q->options->monitor)
		v->waiver = WAIVER_MONITOR;
	else
		return;
	v->kind = VERDICT_ACCEPT;
	trace_line(j->q->trace, "accepted all the same: %s",
	    v->waiver == WAIVER_EXEMPT ? "the client is exempt" :
	    "mode = monitor");
}

void
eval_session(const struct question *q, struct store_reader *reader,
    const struct fault *why, struct verdict *verdict)
{
	struct judging j = { q, reader, why, verdict };

	verdict_init(verdict);
	if (reader != NULL)
		verdict->generation = reader->info.generation;
	judge_scope(&j);
	apply_waivers(&j);
}
