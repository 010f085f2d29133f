/*
 * Keys that no session can be looked up by (they stop the build, but for what
 * compat = sendmail lets pass), and keys that take in the customers of a whole
 * registry.  What is a public suffix, libpsl says.
 */
#include <libpsl.h>
#include <string.h>

#include "policy/base/domain.h"
#include "policy/lint/lint.h"
#include "policy/rules/never.h"

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

bool
lint_never_matches(const struct lint *l, struct lint_finding *f)
{
	struct never never;

	/* An untagged line is a rule of TLS_Clt and of TLS_Srv: told once. */
	if ((l->rule->flags & RULE_UNTAGGED) != 0 && l->tag == TAG_SRV)
		return false;
	return lint_take_never(never_key(&never, l->tag, l->what, false),
	    &never, f);
}

bool
lint_public_suffix(const struct lint *l, struct lint_finding *f)
{
	struct slice name = l->what;
	char buf[DOMAIN_TEXT_MAX];
	struct text text;

	if (l->kind != KEY_NAME || l->options->suffixes == NULL)
		return false;
	if (name.p[0] == '.')
		name = slice_from(name, 1);
	text_init(&text, buf, sizeof buf);
	if (domain_canonical(name, &text) == DOMAIN_NO_MEMORY) {
		f->not_looked = true;
		return false;
	}
	/* A name that no rule of the list knows is no registry's. */
	if (!psl_is_public_suffix2((const psl_ctx_t *)l->options->suffixes,
	    buf, PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE))
		return false;
	text_printf(&f->reason, "%s is a public suffix: the rule is for "
	    "every domain that is registered below it", buf);
	text_puts(&f->way_out, "name the domains that are meant");
	return true;
}

/* john+20doe@: +20 and letters look like sendmail's spelling of a blank. */
bool
lint_escape(const struct lint *l, struct lint_finding *f)
{
	struct slice s = l->what;
	size_t plus = slice_find(s, '+');

	if ((l->kind != KEY_MAILBOX && l->kind != KEY_WORD) ||
	    plus + 3 >= s.n || slice_find(s, '"') < s.n ||
	    s.p[plus + 1] != '2' || s.p[plus + 2] != '0' ||
	    text_lower(s.p[plus + 3]) < 'a' || text_lower(s.p[plus + 3]) > 'z')
		return false;
	text_printf(&f->reason, "+20 is no blank outside of double quotes: "
	    "%.*s is what is compared", SLICE_ARG(s));
	text_printf(&f->way_out, "for a blank write it as \"%.*s\"",
	    (int)slice_find(s, '@'), s.p);
	return true;
}
