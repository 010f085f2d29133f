/*
 * Only macros that a row of the dialect's table names are believed.
 *
 * When those of a command do not arrive libmilter answers with the ones of the
 * last command of that kind: of a message before AUTH, of another recipient.  It
 * holds their memory until the next have come, so the same address means that
 * none have; only HELO (and for those of RCPT, MAIL) makes it give them up.
 */
#include "milter/session/macros.h"

static struct slice
macro_value(SMFICTX *ctx, const char *name)
{
	return slice_of(engine_getsymval(ctx, name));
}

static bool
set(struct facts *facts, enum fact_id id, struct slice value)
{
	return value.p == NULL || facts_set(facts, id, value, false);
}

static bool
set_all(SMFICTX *ctx, struct facts *facts)
{
	const struct macro *m = macro_table(facts->dialect);

	for (; m->name != NULL; m++) {
		struct slice value;

		if (m->stage != MACRO_AT_MAIL || facts_known(facts, m->fact))
			continue;
		value = macro_value(ctx, m->name);
		if (value.p != NULL &&
		    !facts_set(facts, m->fact, value, m->xtext))
			return false;
	}
	return true;
}

static struct slice
without_brackets(struct slice s)
{
	return s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>' ?
	    slice_make(s.p + 1, s.n - 2) : s;
}

/*
 * What the MTA made of the address, if that is something else.  Both always tell
 * it: absent means that the macros did not arrive.
 */
static bool
set_resolved(struct facts *facts, struct slice value, enum fact_id typed,
    enum fact_id resolved)
{
	facts_set_state(facts, resolved, value.p == NULL ? FACT_ABSENT :
	    FACT_NOT_TOLD);
	value = without_brackets(value);
	return value.n == 0 || slice_equal_nocase(value,
	    without_brackets(facts_value(facts, typed))) ||
	    facts_set(facts, resolved, value, false);
}

/* True: the macro is that of an earlier command. */
static bool
is_left_over(struct slice value, const char **before)
{
	bool same = value.p != NULL && value.p == *before;

	*before = value.p;
	return same;
}

bool
macros_mail(SMFICTX *ctx, struct session *s, const char *sender)
{
	struct facts *facts = &s->message->facts;
	struct slice resolved = macro_value(ctx, "{mail_addr}");
	bool left_over = is_left_over(resolved, &s->mail_macros);

	if (left_over)
		resolved = slice_make(NULL, 0);
	s->rcpt_macros = NULL;
	facts_reset(facts, macro_dialect(macro_value(ctx, "v")));
	if (!left_over && !set_all(ctx, facts))
		return false;
	/* An MTA that calls itself nothing does not say which one it is. */
	if (facts_value(facts, FACT_MTA).n == 0)
		facts_set_state(facts, FACT_MTA, FACT_ABSENT);
	return set(facts, FACT_MAIL_ADDR, slice_of(sender)) &&
	    set_resolved(facts, resolved, FACT_MAIL_ADDR,
	    FACT_MAIL_RESOLVED) &&
	    set(facts, FACT_HELO, slice_of(s->helo)) && macro_finish(facts);
}

bool
macros_queue_id(SMFICTX *ctx, struct session *s)
{
	struct facts *facts = &s->message->facts;
	struct slice id = macro_value(ctx, "i");

	return slice_equal(id, facts_raw(facts, FACT_QUEUE_ID)) ||
	    set(facts, FACT_QUEUE_ID, id);
}

bool
macros_rcpt(SMFICTX *ctx, struct session *s, const char *recipient)
{
	struct facts *facts = &s->message->facts;
	struct slice resolved = macro_value(ctx, "{rcpt_addr}");

	if (is_left_over(resolved, &s->rcpt_macros))
		resolved = slice_make(NULL, 0);
	/* Were there none, the one before must not be judged in its stead. */
	facts_set_state(facts, FACT_RCPT_ADDR, FACT_ABSENT);
	return macros_queue_id(ctx, s) &&
	    set(facts, FACT_RCPT_ADDR, slice_of(recipient)) &&
	    set_resolved(facts, resolved, FACT_RCPT_ADDR, FACT_RCPT_RESOLVED);
}
