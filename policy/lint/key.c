/*
 * Keys that no session can be looked up by, and keys that take in the
 * customers of a whole registry.  What is a public suffix, libpsl says.
 *
 * A key that is no name gets a way out by what it looks like: people write
 * "*.example.com", "host:25" and "<joe@example.com>", as other programs want.
 */
#include <libpsl.h>
#include <string.h>

#include "policy/base/domain.h"
#include "policy/lint/lint.h"

enum { LABEL_MAX = 63 }; /* RFC 1035, section 2.3.4 */

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
only(struct slice s, const char *characters)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || strchr(characters, s.p[i]) == NULL)
			return false;
	return s.n > 0;
}

/* 192.0.2.256, 192.0.2.*, 192.0.2.1-9: meant as an address, and none. */
static bool
like_address(struct slice s)
{
	return s.n > 0 && s.p[0] >= '0' && s.p[0] <= '9' &&
	    only(s, "0123456789.*-xX");
}

/* Characters of a host name, DNS's and those that are seen in practice. */
static bool
is_label(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		int c = text_lower((unsigned char)s.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c < 0x80 && strchr("-_", c) == NULL)
			return false;
	}
	return s.n > 0 && s.n <= LABEL_MAX;
}

/* With a dot at its end or not. */
static bool
is_host_name(struct slice s)
{
	if (like_address(s))
		return false;
	for (;;) {
		size_t dot = slice_find(s, '.');

		if (!is_label(slice_make(s.p, dot)))
			return false;
		if (dot + 1 >= s.n)
			return true;
		s = slice_from(s, dot + 1);
	}
}

static bool
is_key_name(struct slice s)
{
	return is_host_name(s.n > 1 && s.p[0] == '.' ? slice_from(s, 1) : s);
}

static const char *
tag_name(const struct lint *l)
{
	return tag_row(l->tag)->name;
}

static bool
is_about_mail(const struct lint *l)
{
	return tag_row(l->tag)->subject == SUBJECT_MAILBOX;
}

/* Each tells the way out of one spelling; false: it is another one. */
static bool
star(const struct lint *l, struct slice s, struct text *way_out)
{
	if (s.n < 3 || s.p[0] != '*' || s.p[1] != '.' ||
	    !is_host_name(slice_from(s, 2)))
		return false;
	s = slice_from(s, 1);
	text_printf(way_out, "%s:%.*s is for the names below %.*s, %s:%.*s "
	    "also for itself", tag_name(l), SLICE_ARG(s),
	    SLICE_ARG(slice_from(s, 1)), tag_name(l),
	    SLICE_ARG(slice_from(s, 1)));
	return true;
}

static bool
in_angles(const struct lint *l, struct slice s, struct text *way_out)
{
	if (s.n < 3 || s.p[0] != '<' || s.p[s.n - 1] != '>')
		return false;
	text_printf(way_out, "write it without < and >: %s:%.*s", tag_name(l),
	    SLICE_ARG(slice_make(s.p + 1, s.n - 2)));
	return true;
}

static bool
mailbox_of_host(const struct lint *l, struct slice s, struct text *way_out)
{
	if (is_about_mail(l) || slice_find(s, '@') == s.n)
		return false;
	text_puts(way_out, "addresses of mail belong to TLS_From: and TLS_To:");
	return true;
}

/* host:25, 192.0.2.1:25, [host]:25 */
static bool
with_port(const struct lint *l, struct slice s, struct text *way_out)
{
	size_t colon = slice_find(s, ':');
	struct netprefix prefix;
	struct slice host = slice_make(s.p, colon);

	if (colon + 1 >= s.n || !only(slice_from(s, colon + 1), "0123456789"))
		return false;
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = slice_make(host.p + 1, host.n - 2);
	if (!is_host_name(host) &&
	    netprefix_parse(host, &prefix) != NETPREFIX_OK)
		return false;
	text_printf(way_out, "write %s:%.*s, which is for all ports; a "
	    "listener's port goes behind TLS_Daemon:", tag_name(l),
	    SLICE_ARG(host));
	return true;
}

static bool
bracketed(const struct lint *l, struct slice s, struct text *way_out)
{
	if (s.p[0] != '[')
		return false;
	(void)l;
	text_puts(way_out, "brackets are for addresses, as in [192.0.2.1] or "
	    "[IPv6:2001:db8::1]; a name stands without them");
	return true;
}

static bool
nearly_address(const struct lint *l, struct slice s, struct text *way_out)
{
	if (!like_address(s) && slice_find(s, ':') == s.n)
		return false;
	text_puts(way_out, is_about_mail(l) ?
	    "write an address literal as [192.0.2.1] or [IPv6:2001:db8::1]" :
	    "write an address as 192.0.2.1 or 2001:db8::1, a network as "
	    "192.0.2, 192.0.2.0/24 or 2001:db8::/32");
	return true;
}

static bool
other_name(const struct lint *l, struct slice s, struct text *way_out)
{
	(void)l;
	(void)s;
	text_printf(way_out, "a name has letters, digits, - and _, and 1 to "
	    "%d of them between dots", LABEL_MAX);
	return true;
}

static bool (*const spellings[])(const struct lint *, struct slice,
    struct text *) = {
	star, in_angles, mailbox_of_host, with_port, bracketed, nearly_address,
	other_name
};

static bool
never_name(const struct lint *l, struct lint_finding *f)
{
	size_t i = 0;

	if (l->kind != KEY_NAME || is_key_name(l->what))
		return false;
	text_printf(&f->reason, "\"%.*s\" is neither a %s nor an address",
	    SLICE_ARG(l->what), is_about_mail(l) ? "domain" : "host name");
	while (!spellings[i](l, l->what, &f->way_out))
		i++;
	return true;
}

/* What stands behind the @ is compared as a whole. */
static bool
never_mail_domain(const struct lint *l, struct slice domain,
    struct lint_finding *f)
{
	struct netaddr addr;

	if (domain.n == 0 || is_host_name(domain) ||
	    (domain.n > 2 && domain.p[0] == '[' &&
	    netaddr_parse(slice_make(domain.p + 1, domain.n - 2), &addr)))
		return false;
	text_printf(&f->reason, "\"%.*s\" is not the domain of an address",
	    SLICE_ARG(domain));
	while (domain.n > 0 && (domain.p[0] == '*' || domain.p[0] == '.'))
		domain = slice_from(domain, 1);
	if (domain.n > 0 && is_host_name(domain))
		text_printf(&f->way_out, "%s:.%.*s is for every address below "
		    "%.*s, user@ for a user of whatever domain", tag_name(l),
		    SLICE_ARG(domain), SLICE_ARG(domain));
	else
		text_puts(&f->way_out, "write user@example.com, or "
		    "user@[192.0.2.1] for an address literal");
	return true;
}

/* In user+*@ the star stands for something, elsewhere it is a letter. */
static bool
has_star(struct slice local)
{
	size_t star = slice_find(local, '*');

	return star < local.n && (star == 0 || star + 1 < local.n ||
	    local.p[star - 1] != '+');
}

static bool
never_mailbox(const struct lint *l, struct lint_finding *f)
{
	struct slice s = l->what, local, domain;
	size_t at = s.n;

	if (l->kind != KEY_MAILBOX || slice_is(s, "<>"))
		return false;
	if (in_angles(l, s, &f->way_out)) {
		text_puts(&f->reason, "no address has < and > in it");
		return true;
	}
	while (at > 0 && s.p[at - 1] != '@')
		at--;
	domain = slice_from(s, at);
	local = slice_make(s.p, at == 0 ? 0 : at - 1);
	if (local.n > 0 && !has_star(local))
		return never_mail_domain(l, domain, f);
	text_puts(&f->reason, local.n == 0 ?
	    "no address has nothing before its @" :
	    "a * stands for itself here; only in user+*@ it is a pattern");
	text_printf(&f->way_out, "%s:%.*s is for all addresses %s", tag_name(l),
	    SLICE_ARG(domain), domain.n > 0 ? "of the domain" : "there are");
	return true;
}

static bool
never_subject(const struct lint *l, struct lint_finding *f)
{
	if ((l->tag != TAG_TO && l->tag != TAG_RCPT) ||
	    !slice_is(l->what, "<>"))
		return false;
	text_puts(&f->reason, "<> is a sender, never a recipient");
	text_puts(&f->way_out, "use TLS_From:<>");
	return true;
}

/* X509_NAME_oneline(3), by which both sides are written. */
static bool
never_issuer(const struct lint *l, struct lint_finding *f)
{
	if (l->kind != KEY_ISSUER || (l->what.n > 0 && l->what.p[0] == '/'))
		return false;
	text_printf(&f->reason, "\"%.*s\" is no issuer's name as MTAs tell "
	    "it: that begins with a slash", SLICE_ARG(l->what));
	text_puts(&f->way_out, "write it as in /C=DE/O=Example/CN=Root+20CA; "
	    "tlspolicy cert FILE prints it so");
	return true;
}

bool
lint_never_matches(const struct lint *l, struct lint_finding *f)
{
	/* An untagged line was told of when it stood for TLS_Clt. */
	if ((l->rule->flags & RULE_UNTAGGED) != 0 && l->tag == TAG_SRV)
		return false;
	return never_name(l, f) || never_mailbox(l, f) ||
	    never_subject(l, f) || never_issuer(l, f);
}

bool
lint_public_suffix(const struct lint *l, struct lint_finding *f)
{
	struct slice name = l->what;
	char buf[DOMAIN_TEXT_MAX];
	struct text text;

	if (l->kind != KEY_NAME || l->options->suffixes == NULL ||
	    !is_key_name(l->what))
		return false;
	if (name.p[0] == '.')
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
