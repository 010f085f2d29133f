/*
 * Outbound rules that the MTA cannot be told, or will never ask for.  What has
 * words, translate.h knows: the daemon answers by the same functions.
 */
#include "policy/outbound/translate.h"
#include "policy/lint/lint.h"

/* Postfix asks by the nexthop: a domain, [host] or [address]. */
static bool
never_asked(const struct lint *l, struct lint_finding *f)
{
	if (l->options->mta != DIALECT_POSTFIX || l->tag != TAG_RCPT ||
	    l->kind != KEY_MAILBOX)
		return false;
	text_puts(&f->reason, "Postfix never asks by recipient, only by the "
	    "recipient's domain");
	text_puts(&f->way_out, "name the domain, or send such mail by a "
	    "transport of its own");
	return true;
}

static void
express(const struct lint *l, struct text *lost)
{
	const struct translate_options options = {
		.default_perm = l->options->default_perm
	};
	char buf[4096];
	struct postfix_policy policy;
	struct text out;

	if (l->options->mta == DIALECT_POSTFIX) {
		postfix_policy_init(&policy);
		postfix_policy_add(&policy, l->requirement, lost);
		postfix_policy_finish(&policy, false, lost);
		return;
	}
	text_init(&out, buf, sizeof buf);
	translate_sendmail(l->requirement, &options, &out, lost);
}

bool
lint_inexpressible(const struct lint *l, struct lint_finding *f)
{
	char buf[256];
	struct text lost;

	if (!l->options->with_mta || l->requirement->class == CLASS_WARN ||
	    (l->tag != TAG_SRV && l->tag != TAG_RCPT))
		return false;
	if (never_asked(l, f))
		return true;
	text_init(&lost, buf, sizeof buf);
	express(l, &lost);
	if (lost.n == 0)
		return false;
	text_printf(&f->reason, "%s has no words for %s: by inexpressible = "
	    "refuse nothing leaves, by weaken it is not demanded",
	    l->options->mta == DIALECT_POSTFIX ? "Postfix" : "sendmail", buf);
	text_puts(&f->way_out, l->options->mta == DIALECT_POSTFIX ?
	    "demand it by VERIFY, DANE, CN, FP, VER, PFS, AEAD or ENCR:128" :
	    "demand it by VERIFY, ENCR, CN, CS, CI or CITag");
	return true;
}

/* The only rules by which mail leaves with less than the MTA's own level. */
bool
lint_exception(const struct lint *l, struct lint_finding *f)
{
	const struct requirement *r = l->requirement;

	if ((l->tag != TAG_SRV && l->tag != TAG_RCPT) ||
	    r->class == CLASS_WARN || !translate_is_exception(r) ||
	    (r->by.n > 0 && r->until != DAY_ALWAYS_UNTIL))
		return false;
	text_printf(&f->reason, "mail may leave in clear, whatever the MTA "
	    "asks for by itself, and the rule does not say %s%s%s",
	    r->by.n == 0 ? "who wants that" : "",
	    r->by.n == 0 && r->until == DAY_ALWAYS_UNTIL ? " and " : "",
	    r->until == DAY_ALWAYS_UNTIL ? "until when" : "");
	text_puts(&f->way_out, "write ENCR:0+BY:name++UNTIL:2030-12-31, or "
	    "remove the rule");
	return true;
}
