/*
 * Keys that no session can be looked up by, and keys that take in the
 * customers of a whole registry.  What is a public suffix, libpsl says.
 */
#include <libpsl.h>
#include <string.h>

#include "policy/base/domain.h"
#include "policy/rules/item.h"
#include "policy/rules/lint.h"

struct lint_suffixes *
lint_suffixes_open(void)
{
	return (struct lint_suffixes *)psl_latest(NULL);
}

void
lint_suffixes_close(struct lint_suffixes *suffixes)
{
	psl_free((psl_ctx_t *)suffixes);
}

static bool
only_digits_and_dots(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '.' && (s.p[i] < '0' || s.p[i] > '9'))
			return false;
	return s.n > 0;
}

/* Characters of a host name, DNS's and those that are seen in practice. */
static bool
is_host_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		int c = text_lower((unsigned char)s.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c < 0x80 && strchr("-_.", c) == NULL)
			return false;
	}
	return !only_digits_and_dots(s);
}

static bool
never_name(const struct lint *l, struct lint_finding *f)
{
	if (l->kind != KEY_NAME || is_host_name(l->what))
		return false;
	text_printf(&f->reason, "\"%.*s\" is neither a host "
	    "name nor an address", SLICE_ARG(l->what));
	text_puts(&f->way_out, slice_find(l->what, '@') < l->what.n ?
	    "addresses of mail belong to TLS_From: and TLS_To:" :
	    "write a network as 192.0.2 or 192.0.2.0/24, a host as its name");
	return true;
}

static bool
never_subject(const struct lint *l, struct lint_finding *f)
{
	if ((l->tag != TAG_TO && l->tag != TAG_RCPT) ||
	    !slice_is(l->what, "<>"))
		return false;
	text_puts(&f->reason, "<> is a sender, never a "
	    "recipient");
	text_puts(&f->way_out, "use TLS_From:<>");
	return true;
}

static bool
never_certificate(const struct lint *l, struct lint_finding *f)
{
	for (unsigned i = 0; i < l->requirement->nitems; i++) {
		const struct item *item = &l->requirement->items[i];
		struct slice cut = item_sendmail_value(item->value);

		if (!item_is_name(item->row))
			continue;
		if (slice_starts_nocase(item->value, "BadCertificate")) {
			text_puts(&f->reason, "this is sendmail's "
			    "word for a name that it could not read");
			text_puts(&f->way_out, "name the certificate by FP:");
			return true;
		}
		if (cut.n < item->value.n) {
			text_printf(&f->reason, "the name has \"++\" in it; "
			    "sendmail would compare only \"%.*s\"",
			    SLICE_ARG(cut));
			text_puts(&f->way_out, "write +2B+2B for ++, or "
			    "correct the item behind it");
			return true;
		}
	}
	return false;
}

bool
lint_never_matches(const struct lint *l, struct lint_finding *f)
{
	return never_name(l, f) || never_subject(l, f) ||
	    never_certificate(l, f);
}

bool
lint_public_suffix(const struct lint *l, struct lint_finding *f)
{
	struct slice name = l->what;
	char buf[DOMAIN_TEXT_MAX];
	struct text text;

	if (l->kind != KEY_NAME || l->options->suffixes == NULL ||
	    !is_host_name(name))
		return false;
	if (name.n > 1 && name.p[0] == '.')
		name = slice_from(name, 1);
	text_init(&text, buf, sizeof buf);
	domain_canonical(name, &text);
	/* A name that no rule of the list knows is no registry's. */
	if (!psl_is_public_suffix2((const psl_ctx_t *)l->options->suffixes,
	    buf, PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE))
		return false;
	text_printf(&f->reason, "%s is a public suffix: the rule is for "
	    "every domain that is registered below it", buf);
	text_puts(&f->way_out, "name the domains that are meant");
	return true;
}
