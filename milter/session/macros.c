/*
 * Only macros that a row of the dialect's table names are believed.
 */
#include "milter/session/libmilter.h"
#include "milter/session/macros.h"

static struct slice
macro_value(SMFICTX *ctx, const char *name)
{
	return slice_of(smfi_getsymval(ctx, libmilter_text(name)));
}

static bool
set(struct facts *facts, enum fact_id id, struct slice value)
{
	return value.p == NULL || facts_set(facts, id, value, false);
}

static bool
macros_macros(SMFICTX *ctx, struct facts *facts)
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

bool
macros_mail(SMFICTX *ctx, struct session *s, const char *sender)
{
	struct facts *facts = &s->message->facts;

	facts_reset(facts, macro_dialect(macro_value(ctx, "v")));
	return macros_macros(ctx, facts) &&
	    set(facts, FACT_MAIL_ADDR, slice_of(sender)) &&
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
	return macros_queue_id(ctx, s) &&
	    set(&s->message->facts, FACT_RCPT_ADDR, slice_of(recipient));
}
