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
#include "policy/eval/reply.h"
#include "policy/facts/fromfield.h"
#include "policy/facts/spelling.h"
#include "policy/store/history.h"

/* As written, but with its profile put in: the record stands for itself. */
static struct slice
keep_requirement(struct verdict *v, const struct matched_rule *found)
{
	char buf[REQUIREMENT_TEXT_MAX + 1];
	struct text text;

	if (found->requirement.profile.n == 0)
		return verdict_keep(v, found->rule.requirement);
	text_init(&text, buf, sizeof buf);
	requirement_print(&found->requirement, &text);
	return verdict_keep(v, slice_make(buf, text.n));
}

/* Copies the result into the verdict, which outlives the reader. */
static void
keep_result(const struct judging *j, const struct judgement *c)
{
	struct verdict *v = j->verdict;
	struct tag_result *kept = &v->results[v->nresults++];

	*kept = c->result;
	kept->reason = kept->answer == ANSWER_YES ? REASON_NONE :
	    c->observation.reason;
	if (!kept->matched)
		return;
	kept->warn = c->found.requirement.class == CLASS_WARN;
	kept->key = verdict_keep(v, c->found.rule.key);
	kept->requirement = keep_requirement(v, &c->found);
	kept->by = verdict_keep(v, c->found.requirement.by);
	kept->file = verdict_keep(v, store_source(j->reader,
	    c->found.rule.source));
	kept->line = c->found.rule.line;
}

static enum waiver
waiver_of(const struct judging *j, const struct judgement *c)
{
	if (c->result.matched && c->found.requirement.class == CLASS_WARN &&
	    !judging_handshake_failed(j->q->facts))
		return WAIVER_WARN;
	return c->observation.reason == REASON_POLICY_ERROR &&
	    j->q->options->on_error_accept ? WAIVER_ON_ERROR : WAIVER_NONE;
}

static unsigned
severity(const struct judging *j, const struct judgement *c)
{
	if (c->result.answer == ANSWER_YES)
		return 0;
	return verdict_severity(reply_kind(c, j->q->options), waiver_of(j, c));
}

/*
 * Turns a tag whose rule did not hold into verdict and reply, unless one as
 * strict was there before.  A rule that only warns, and with on-error = accept
 * one that could not be judged, tells what it would have been and no more.
 */
static void
decide(const struct judging *j, const struct judgement *c)
{
	struct verdict *v = j->verdict;

	if (severity(j, c) <= verdict_severity(v->kind, v->waiver))
		return;
	reply_compose(c, j->q, v);
	v->waiver = waiver_of(j, c);
	v->deciding = (int)v->nresults - 1;
	if (v->waiver == WAIVER_NONE)
		v->kind = v->reply.kind;
}

static void
test_found(const struct judging *j, struct judgement *c)
{
	c->result.answer = c->result.matched ? judging_rule(j, c) :
	    judging_handshake(j, c);
	j->verdict->unfed |= c->unfed;
	if (c->result.tag == TAG_AUTH && c->observation.reason == REASON_PLAINTEXT)
		c->observation.reason = REASON_AUTH_IN_CLEAR;
}

/*
 * Keeps what the tag came to, once, and lets it decide; not what rests on facts
 * that are still to come.
 */
static void
conclude(const struct judging *j, const struct judgement *c)
{
	if (c->unfed && j->q->fed_later) {
		trace_line(j->q->trace, "  judged at RCPT, when the facts feed "
		    "has told of the session");
		return;
	}
	if (c->result.matched || c->result.answer != ANSWER_YES)
		keep_result(j, c);
	if (c->result.answer != ANSWER_YES)
		decide(j, c);
}

/* The tag's answer is "cannot tell": an unknown fact is not an absent one. */
static void
judge_unknowable(const struct judging *j, enum tag tag, const char *wanted,
    const char *found)
{
	struct judgement c = {
		.result = { .tag = tag, .answer = ANSWER_CANNOT_TELL }
	};

	observation_init(&c.observation);
	text_puts(&c.observation.wanted, wanted);
	text_puts(&c.observation.found, found);
	c.observation.reason = REASON_POLICY_ERROR;
	judging_trace(j, tag_row(tag)->name, &c.observation,
	    c.result.answer);
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
observe_missing(const struct judging *j, struct judgement *c)
{
	c->result.missing = fact_name(c->found.missing);
	observation_init(&c->observation);
	text_puts(&c->observation.wanted, "what the MTA tells of the session");
	if (facts_filled(j->q->facts, c->found.missing)) {
		text_printf(&c->observation.found, "{%s} ", c->result.missing);
		text_put_printable(&c->observation.found,
		    facts_value(j->q->facts, c->found.missing));
	} else
		text_printf(&c->observation.found, "no macro {%s}",
		    c->result.missing);
	judging_trace(j, tag_row(c->result.tag)->name, &c->observation,
	    c->result.answer);
}

/* What the rules of a tag say, for one spelling of its address. */
static void
judge_subject(const struct judging *j, enum tag tag,
    const struct mailbox *mailbox, struct judgement *c)
{
	c->result = (struct tag_result){ .tag = tag, .answer = ANSWER_YES };
	c->item = NULL;
	c->bits_failed = c->unfed = false;
	c->observation.reason = REASON_NONE;
	switch (j->reader == NULL ? LOOKUP_FAILED : match_rule(j->reader,
	    tag, j->q, mailbox, &c->found)) {
	case LOOKUP_FOUND:
		c->result.matched = true;
		test_found(j, c);
		break;
	case LOOKUP_ABSENT:
		if (always_judged(tag))
			test_found(j, c);
		break;
	case LOOKUP_FAILED:
		c->result.answer = ANSWER_CANNOT_TELL;
		if (j->reader != NULL && c->found.missing != FACT_COUNT)
			observe_missing(j, c);
		else
			trace_failure(j);
		c->result.lookup_failed = c->result.missing == NULL;
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

/* `a` is stricter than `b`, or as strict and by a rule, which `b` is not. */
static bool
outweighs(const struct judging *j, const struct judgement *a,
    const struct judgement *b)
{
	unsigned x = severity(j, a), y = severity(j, b);

	return x > y || (x == y && a->result.matched && !b->result.matched);
}

/* The strictest judgement so far, and room for the next; of equals the first. */
struct strictest {
	struct judgement two[2];
	int worst;
	bool any;
};

static void
weigh_spellings(const struct judging *j, enum tag tag,
    const struct spellings *spellings, struct strictest *s)
{
	for (unsigned i = 0; i < spellings->n; i++) {
		int next = s->any ? !s->worst : s->worst;

		if (spellings->n > 1)
			trace_spelling(j, &spellings->form[i]);
		judge_subject(j, tag, &spellings->form[i], &s->two[next]);
		if (s->any && outweighs(j, &s->two[next], &s->two[s->worst]))
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
judge_mailbox(const struct judging *j, enum tag tag)
{
	struct strictest s = { .worst = 0, .any = false };
	struct spellings spellings;
	const char *untold;

	if (tag == TAG_RCPT) { /* outbound: as the MTA asks */
		spellings.n = 1;
		spellings.beyond = false;
		mailbox_parse(facts_value(j->q->facts, FACT_RCPT_ADDR),
		    &spellings.form[0]);
	} else
		find_spellings(j->q, tag, &spellings);
	weigh_spellings(j, tag, &spellings, &s);
	conclude(j, &s.two[s.worst]);
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

/* What keeps it from being known whom the message is from; NULL: nothing. */
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
trace_author(const struct judging *j, struct slice mailbox)
{
	char buf[SPELLING_ADDRESS_MAX];
	struct text text;

	if (j->q->trace == NULL)
		return;
	text_init(&text, buf, sizeof buf);
	text_put_printable(&text, mailbox);
	trace_line(j->q->trace, "  from %s", buf);
}

/* All mailboxes of the field are one question: the strictest is the answer. */
static void
judge_header(const struct judging *j)
{
	struct slice rest = facts_value(j->q->facts, FACT_HEADER_FROM), line;
	const struct slice none = slice_make("", 0);
	struct strictest s = { .worst = 0, .any = false };
	struct spellings spellings;
	char buf[2 * DOMAIN_TEXT_MAX];
	struct text local;
	const char *untold = untold_of_header(j->q->facts);

	text_init(&local, buf, sizeof buf);
	spelling_local_domains(j->q->facts, j->q->options->local_domains,
	    &local);
	while (slice_next(&rest, '\n', &line)) {
		trace_author(j, line);
		spellings_find(line, none, slice_make(buf, local.n), none,
		    &spellings);
		weigh_spellings(j, TAG_HEADER, &spellings, &s);
		if (spellings.beyond && untold == NULL)
			untold = "a mailbox with too many spellings";
	}
	if (s.any)
		conclude(j, &s.two[s.worst]);
	if (untold != NULL && (j->reader == NULL ||
	    store_has_tag(j->reader, TAG_HEADER)))
		judge_unknowable(j, TAG_HEADER, "a From field in the header "
		    "that can be read", untold);
}

enum { UNTOLD_BYTES = 160 };

/* Without knowing which MTA it is nobody knows what its macros mean. */
static void
judge_untold(const struct judging *j, enum tag tag)
{
	struct slice v = facts_value(j->q->facts, FACT_MTA);
	char memory[UNTOLD_BYTES];
	struct text found;

	text_init(&found, memory, sizeof memory);
	if (v.n == 0)
		text_puts(&found, "no macro v");
	else {
		text_puts(&found, "an MTA that is neither sendmail nor "
		    "Postfix by its macro v, ");
		text_put_printable(&found, slice_make(v.p,
		    v.n < UNTOLD_BYTES / 2 ? v.n : UNTOLD_BYTES / 2));
	}
	judge_unknowable(j, tag, "what the MTA tells of the session",
	    found.buf);
}

static void
judge_tag(const struct judging *j, enum tag tag)
{
	struct judgement c;

	if (j->q->untold) {
		judge_untold(j, tag);
		return;
	}
	if (tag == TAG_AUTH && !logged_in(j->q->facts))
		return;
	trace_line(j->q->trace, "%s: %s", tag_row(tag)->name,
	    tag_row(tag)->what);
	if (tag_row(tag)->subject == SUBJECT_MAILBOX) {
		if (j->reader != NULL && j->q->trace == NULL &&
		    !store_has_tag(j->reader, tag))
			return;
		if (tag == TAG_HEADER)
			judge_header(j);
		else
			judge_mailbox(j, tag);
		return;
	}
	judge_subject(j, tag, NULL, &c);
	conclude(j, &c);
}

static void
judge_scope(const struct judging *j)
{
	switch (j->q->scope) {
	case EVAL_MAIL:
		for (int tag = 0; tag < TAG_COUNT; tag++)
			if (tag_row((enum tag)tag)->stage == STAGE_MAIL)
				judge_tag(j, (enum tag)tag);
		break;
	case EVAL_RCPT:
		judge_tag(j, TAG_TO);
		break;
	case EVAL_HEADER:
		if (j->q->options->judge_header)
			judge_tag(j, TAG_HEADER);
		else
			trace_line(j->q->trace, "TLS_Header: not judged, "
			    "header-from = no");
		break;
	case EVAL_TAG:
		judge_tag(j, j->q->tag);
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
	if (reader != NULL) {
		verdict->generation = reader->info.generation;
		memcpy(verdict->policy, history_policy(reader),
		    sizeof verdict->policy);
	}
	judge_scope(&j);
	apply_waivers(&j);
}
