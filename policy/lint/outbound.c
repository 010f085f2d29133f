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
	if (l->tag != TAG_RCPT || l->kind != KEY_MAILBOX)
		return false;
	text_puts(&f->reason, "Postfix never asks by recipient, only by the "
	    "recipient's domain");
	text_puts(&f->way_out, "name the domain, or send such mail by a "
	    "transport of its own");
	return true;
}

static void
translate_for_postfix(const struct lint *l, struct text *lost)
{
	struct postfix_policy policy;

	translate_postfix_init(&policy);
	translate_postfix_add(&policy, l->requirement, lost);
	translate_postfix_finish(&policy, false, lost);
}

static void
translate_for_sendmail(const struct lint *l, struct text *lost)
{
	const struct translate_options options = {
		.default_perm = l->options->default_perm
	};
	char buf[4096];
	struct text out;

	text_init(&out, buf, sizeof buf);
	translate_sendmail(l->requirement, &options, &out, lost);
}

/* An MTA without a row enforces nothing of ours, and is not spoken of. */
static const struct {
	bool (*never_asked)(const struct lint *, struct lint_finding *);
	void (*translate)(const struct lint *, struct text *lost);
	const char *way_out;
} enforcing[DIALECT_COUNT] = {
	[DIALECT_SENDMAIL] = {
		.translate = translate_for_sendmail,
		.way_out = "demand it by VERIFY, ENCR, CN, CS, CI or CITag"
	},
	[DIALECT_POSTFIX] = {
		.never_asked = never_asked,
		.translate = translate_for_postfix,
		.way_out = "demand it by VERIFY, DANE, CN, FP, VER, PFS, AEAD "
		    "or ENCR:128"
	},
};

bool
lint_inexpressible(const struct lint *l, struct lint_finding *f)
{
	enum dialect_id mta = l->options->mta;
	char buf[256];
	struct text lost;

	if (!l->options->with_mta || enforcing[mta].translate == NULL ||
	    l->requirement->class == CLASS_WARN ||
	    (l->tag != TAG_SRV && l->tag != TAG_RCPT))
		return false;
	if (enforcing[mta].never_asked != NULL &&
	    enforcing[mta].never_asked(l, f))
		return true;
	text_init(&lost, buf, sizeof buf);
	enforcing[mta].translate(l, &lost);
	if (lost.n == 0)
		return false;
	text_printf(&f->reason, "%s has no words for %s: by inexpressible = "
	    "refuse nothing leaves, by weaken it is not demanded",
	    dialect_row(mta)->title, buf);
	text_puts(&f->way_out, enforcing[mta].way_out);
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
