#include <libpsl.h>
#include <string.h>

#include "policy/base/netaddr.h"
#include "policy/facts/organisation.h"

struct slice
organisation_of_address(struct slice address)
{
	for (size_t i = address.n; i > 0; i--)
		if (address.p[i - 1] == '@')
			return slice_from(address, i);
	return slice_make("", 0);
}

bool
organisation_covers(struct slice domain, struct slice name)
{
	char a_text[DOMAIN_TEXT_MAX], b_text[DOMAIN_TEXT_MAX];
	struct text a, b;

	text_init(&a, a_text, sizeof a_text);
	text_init(&b, b_text, sizeof b_text);
	domain_canonical(domain, &a);
	domain_canonical(name, &b);
	if (a.n == 0 || b.n < a.n ||
	    memcmp(b.buf + b.n - a.n, a.buf, a.n) != 0)
		return false;
	return b.n == a.n || b.buf[b.n - a.n - 1] == '.';
}

void
organisation_organisational(struct slice name, struct text *out)
{
	char text[DOMAIN_TEXT_MAX];
	const char *organisation;
	struct netaddr addr;
	struct text canonical;

	text_init(&canonical, text, sizeof text);
	domain_canonical(name, &canonical);
	organisation = netaddr_parse(name, &addr) || (name.n > 0 &&
	    name.p[0] == '[') ? NULL :
	    psl_registrable_domain(psl_builtin(), canonical.buf);
	text_puts(out, organisation != NULL ? organisation : canonical.buf);
}

bool
organisation_registered(struct slice name, struct text *out)
{
	const int registries = PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE;
	char text[DOMAIN_TEXT_MAX];
	const char *last, *label;
	struct netaddr addr;
	struct text canonical;

	text_clear(out);
	text_init(&canonical, text, sizeof text);
	if (netaddr_parse(name, &addr) || (name.n > 0 && name.p[0] == '['))
		return false;
	domain_canonical(name, &canonical);
	last = text + strspn(text, ".");
	if (last[strspn(last, "abcdefghijklmnopqrstuvwxyz0123456789-_.")] !=
	    '\0')
		return false;
	for (label = strchr(last, '.'); label != NULL;
	    label = strchr(last, '.')) {
		if (psl_is_public_suffix2(psl_builtin(), label + 1,
		    registries)) {
			if (!psl_is_public_suffix2(psl_builtin(), last,
			    registries))
				text_puts(out, last);
			return out->n > 0;
		}
		last = label + 1;
	}
	return false;
}
