/*
 * Which of Postfix's levels satisfies all that was asked for, and the policy
 * in its words.
 *
 * none < may < encrypt < verify, secure, fingerprint, dane-only.  "dane" has no
 * place in that order: it is dane-only for a host with TLSA records and may for
 * one without, so "dane" and "encrypt" together are dane-only.  Of several that
 * authenticate what a rule pins is kept, a fingerprint or a name; then comes
 * dane-only, then secure as a resolver of MTA-STS gives it, then secure with the
 * names of the domain, then verify.  The name of the host is what DNS says, and
 * pins nothing.
 */
#include "policy/facts/suite.h"
#include "policy/outbound/translate.h"

static bool
is_pin(struct slice name)
{
	return name.n > 0;
}

static unsigned
count_pins(const struct postfix_policy *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->nnames; i++)
		n += is_pin(p->names[i]);
	return n;
}

/* Levels that say nothing of names. */
static void
join_level(struct postfix_policy *p, enum outbound_level level)
{
	p->encrypt |= level == LEVEL_ENCRYPT;
	p->dane |= level == LEVEL_DANE;
	p->dane_only |= level == LEVEL_DANE_ONLY;
}

void
translate_postfix_join(struct postfix_policy *p, enum outbound_level site,
    const struct resolved *resolved)
{
	p->site = site;
	join_level(p, site);
	if (resolved == NULL || resolved->kind != RESOLVED_POLICY)
		return;
	p->resolved = resolved;
	join_level(p, resolved->level);
}

static bool
is_resolved(const struct postfix_policy *p, enum outbound_level level)
{
	return p->resolved != NULL && p->resolved->level == level;
}

/* What VERIFY is told with, as far as main.cf has it. */
static const char *const own_names[] = {
	[MATCH_BOTH] = "nexthop:dot-nexthop", [MATCH_NEXTHOP] = "nexthop",
	[MATCH_DOT_NEXTHOP] = "dot-nexthop",
	[MATCH_NEITHER] = "nexthop:dot-nexthop" /* refused, or weakened */
};

static bool
pins_fingerprint(const struct postfix_policy *p)
{
	return p->nfingerprints > 0 || p->site == LEVEL_FINGERPRINT;
}

static bool
authenticates(const struct postfix_policy *p)
{
	return pins_fingerprint(p) || p->dane_only || p->verify ||
	    p->site == LEVEL_SECURE || p->site == LEVEL_VERIFY ||
	    is_resolved(p, LEVEL_FINGERPRINT) ||
	    is_resolved(p, LEVEL_SECURE) || is_resolved(p, LEVEL_VERIFY);
}

bool
translate_postfix_suffices(const struct postfix_policy *p)
{
	return pins_fingerprint(p) || p->dane_only || count_pins(p) > 0;
}

/* With others that do not rest on DNS, the host's own name is none. */
static void
drop_host_name(struct postfix_policy *p)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < p->nnames; i++)
		if (is_pin(p->names[i]))
			p->names[kept++] = p->names[i];
	p->nnames = kept;
}

static void
choose_names(struct postfix_policy *p, struct text *lost)
{
	bool resolved = is_resolved(p, LEVEL_SECURE) ||
	    is_resolved(p, LEVEL_FINGERPRINT);
	bool outranked = p->dane_only || p->site == LEVEL_SECURE || resolved;

	if (p->nnames > 0 && pins_fingerprint(p))
		translate_lose(lost, p->nfingerprints > 0 ? "CN beside FP" :
		    "CN beside outbound-default = fingerprint",
		    slice_of(NULL));
	else if (p->nnames > 0 && outranked && count_pins(p) == 0)
		translate_lose(lost, p->dane_only ? "CN beside DANE" :
		    resolved ? "CN beside the names of the resolver" :
		    "CN beside outbound-default = secure", slice_of(NULL));
	if (outranked)
		drop_host_name(p);
	if (p->verify && p->site_match == MATCH_NEITHER && p->nnames == 0 &&
	    !pins_fingerprint(p) && !p->dane_only && !resolved)
		translate_lose(lost, "VERIFY beside outbound-match = none",
		    slice_of(NULL));
}

/* ">=TLSv1.2"; 0: a value of protocols= that is not of this form. */
static int
protocol_of(struct slice value)
{
	if (!slice_starts_nocase(value, ">=TLSv"))
		return 0;
	value = slice_from(value, 6);
	return suite_protocol(slice_is(value, "1") ? slice_of("1.0") : value);
}

/*
 * Do protocols= and ciphers= of the resolver count?  Not where it would do
 * without TLS: there they limit TLS used by chance, and may be lower than
 * Postfix's own for TLS that a rule demands.
 */
static bool
limits_count(const struct postfix_policy *p)
{
	return p->resolved->level > LEVEL_MAY || !(p->encrypt || p->dane ||
	    authenticates(p));
}

/* Where protocols= is said at all, it is no older one than main.cf's. */
static void
raise_protocol(struct postfix_policy *p)
{
	static const char *const versions[] = { NULL, "1.1", "1.2", "1.3" };
	struct slice value;
	int least;

	if (p->site_version == 0 || (p->protocol == 0 &&
	    (p->resolved == NULL || !limits_count(p) ||
	    !resolved_value(p->resolved, "protocols", &value))))
		return;
	least = suite_protocol(slice_of(versions[p->site_version]));
	if (least > p->protocol) {
		p->protocol = least;
		p->version = slice_of(versions[p->site_version]);
	}
}

/*
 * The rules' oldest version beside protocols= of the resolver: the later one
 * stays.
 */
static void
choose_protocol(struct postfix_policy *p, struct text *lost)
{
	struct slice value;
	int protocol;

	if (p->resolved == NULL || p->protocol == 0 || !limits_count(p) ||
	    !resolved_value(p->resolved, "protocols", &value))
		return;
	protocol = protocol_of(value);
	if (protocol <= 0)
		translate_lose(lost, "VER beside protocols of the resolver",
		    slice_of(NULL));
	else if (protocol > p->protocol)
		p->protocol = 0;
}

void
translate_postfix_finish(struct postfix_policy *p, bool weaken, struct text *lost)
{
	choose_names(p, lost);
	raise_protocol(p);
	choose_protocol(p, lost);
	if (!p->dane || !p->encrypt || authenticates(p))
		return;
	if (weaken)
		translate_lose(lost, "DANE:may beside another need",
		    slice_of(NULL));
	else
		p->dane_only = true;
}

static void
print_fingerprint(struct slice value, struct text *out)
{
	size_t digits = 0;

	for (size_t i = 0; i < value.n; i++) {
		int c = text_lower(value.p[i]);

		if (c == ':')
			continue;
		if (digits > 0 && digits % 2 == 0)
			text_char(out, ':');
		text_char(out, (char)(c >= 'a' ? c - 'a' + 'A' : c));
		digits++;
	}
}

static void
print_fingerprints(const struct postfix_policy *p, struct text *out)
{
	text_puts(out, "fingerprint");
	for (unsigned i = 0; i < p->nfingerprints; i++) {
		text_puts(out, " match=");
		print_fingerprint(p->fingerprints[i], out);
	}
}

static void
print_names(const struct postfix_policy *p, struct text *out)
{
	text_puts(out, "secure match=");
	for (unsigned i = 0; i < p->nnames; i++) {
		text_puts(out, i == 0 ? "" : ":");
		if (is_pin(p->names[i]))
			text_put_xdecoded(out, p->names[i]);
		else
			text_puts(out, "hostname");
	}
}

/* The level with the resolver's match=; always true. */
static bool
print_resolved(const struct postfix_policy *p, const char *level,
    struct text *out)
{
	text_puts(out, level);
	for (unsigned i = 0; i < p->resolved->n; i++)
		if (slice_is_nocase(p->resolved->attributes[i].name, "match")) {
			text_char(out, ' ');
			text_put(out, p->resolved->attributes[i].raw);
		}
	return true;
}

enum looked_at { NO_NAME, FINGERPRINT, CHAIN };

/*
 * Returns which part of the certificate Postfix will look at; *theirs: the
 * resolver's level was taken.
 */
static enum looked_at
print_level(const struct postfix_policy *p, bool *theirs, struct text *out)
{
	enum looked_at what = CHAIN;

	*theirs = false;

	if (pins_fingerprint(p))
		print_fingerprints(p, out), what = FINGERPRINT;
	else if (count_pins(p) > 0)
		print_names(p, out);
	else if (p->dane_only)
		text_puts(out, "dane-only"), what = NO_NAME;
	else if (is_resolved(p, LEVEL_FINGERPRINT))
		*theirs = print_resolved(p, "fingerprint", out),
		    what = FINGERPRINT;
	else if (is_resolved(p, LEVEL_SECURE))
		*theirs = print_resolved(p, "secure", out);
	else if (p->nnames > 0)
		print_names(p, out);
	else if (p->verify)
		text_printf(out, "secure match=%s", own_names[p->site_match]);
	else if (p->site == LEVEL_SECURE)
		text_puts(out, "secure");
	else if (is_resolved(p, LEVEL_VERIFY))
		*theirs = print_resolved(p, "verify", out);
	else if (p->site == LEVEL_VERIFY)
		text_puts(out, "verify");
	else
		text_puts(out, p->encrypt ? "encrypt" : p->dane ? "dane" :
		    "may"), what = NO_NAME;
	return what;
}

/*
 * Of the resolver's attributes those that the policy does not say itself.
 * Postfix 3.11, and 3.10 in its later releases, takes mx_host_pattern for what
 * match= is to be: with names of ours it would forget these
 * (smtp_tls_enforce_sts_mx_patterns).
 */
static bool
is_passed_on(const struct postfix_policy *p, enum looked_at what, bool theirs,
    struct slice name)
{
	if (slice_is_nocase(name, "mx_host_pattern"))
		return theirs || what == NO_NAME;
	if (slice_is_nocase(name, "match") || slice_is_nocase(name, "exclude"))
		return false;
	if (slice_is_nocase(name, "ciphers"))
		return !p->high_ciphers && limits_count(p);
	if (slice_is_nocase(name, "protocols"))
		return p->protocol == 0 && limits_count(p);
	return what == CHAIN || !slice_is_nocase(name, "tafile");
}

static void
print_passed_on(const struct postfix_policy *p, enum looked_at what,
    bool theirs, struct text *out)
{
	for (unsigned i = 0; i < p->resolved->n; i++) {
		const struct resolved_attribute *a =
		    &p->resolved->attributes[i];

		if (!is_passed_on(p, what, theirs, a->name))
			continue;
		text_char(out, ' ');
		text_put(out, a->raw);
	}
}

/* By key exchange and by MAC: what TLS 1.3 has is none of these. */
static void
print_exclude(const struct postfix_policy *p, struct text *out)
{
	struct slice theirs = { NULL, 0 }, site, word;
	bool ours = p->pfs || p->aead || p->authenticated;

	if (p->resolved != NULL && limits_count(p))
		resolved_value(p->resolved, "exclude", &theirs);
	if (!ours && theirs.n == 0)
		return;
	text_puts(out, " exclude=");
	if (ours)
		text_printf(out, "%s%saNULL",
		    p->pfs ? "kRSA:kPSK:kRSAPSK:kSRP:" : "",
		    p->aead ? "SHA1:SHA256:SHA384:MD5:" : "");
	if (ours && theirs.n > 0)
		text_char(out, ':');
	text_put(out, theirs);
	site = slice_of(p->site_exclude);
	while (slice_next_of(&site, ":, \t", &word))
		if (word.n > 0)
			text_printf(out, ":%.*s", SLICE_ARG(word));
}

void
translate_postfix_print(const struct postfix_policy *p, struct text *out)
{
	bool theirs;
	enum looked_at what = print_level(p, &theirs, out);
	struct slice sni;

	if (p->servername && what != NO_NAME && (p->resolved == NULL ||
	    !resolved_value(p->resolved, "servername", &sni)))
		text_puts(out, " servername=hostname");
	if (p->high_ciphers)
		text_puts(out, " ciphers=high");
	if (p->protocol > 0)
		text_printf(out, " protocols=>=TLSv%.*s",
		    SLICE_ARG(slice_is(p->version, "1.0") ? slice_of("1") :
		    p->version));
	print_exclude(p, out);
	if (p->resolved != NULL)
		print_passed_on(p, what, theirs, out);
}
