/*
 * Which of Postfix's levels satisfies all that was asked for, and the policy
 * in its words.
 *
 * none < may < encrypt < verify, secure, fingerprint, dane-only.  "dane" has no
 * place in that order: it is dane-only for a host with TLSA records and may for
 * one without, so "dane" and "encrypt" together are dane-only.  Of several that
 * authenticate what a rule pins is kept, a fingerprint or a name; then comes
 * dane-only, then secure, then verify.  The name of the host is what DNS says,
 * and pins nothing.
 */
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

void
postfix_policy_join(struct postfix_policy *p, enum outbound_level site)
{
	p->site = site;
	p->encrypt |= site == LEVEL_ENCRYPT;
	p->dane |= site == LEVEL_DANE;
	p->dane_only |= site == LEVEL_DANE_ONLY;
}

static bool
pins_fingerprint(const struct postfix_policy *p)
{
	return p->nfingerprints > 0 || p->site == LEVEL_FINGERPRINT;
}

static bool
authenticates(const struct postfix_policy *p)
{
	return pins_fingerprint(p) || p->dane_only || p->verify ||
	    p->site == LEVEL_SECURE || p->site == LEVEL_VERIFY;
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
settle_names(struct postfix_policy *p, struct text *lost)
{
	bool outranked = p->dane_only || p->site == LEVEL_SECURE;

	if (p->nnames > 0 && pins_fingerprint(p))
		translate_lose(lost, p->nfingerprints > 0 ? "CN beside FP" :
		    "CN beside outbound-default = fingerprint",
		    slice_of(NULL));
	else if (p->nnames > 0 && outranked && count_pins(p) == 0)
		translate_lose(lost, p->dane_only ? "CN beside DANE" :
		    "CN beside outbound-default = secure", slice_of(NULL));
	if (outranked)
		drop_host_name(p);
}

void
postfix_policy_finish(struct postfix_policy *p, bool weaken, struct text *lost)
{
	settle_names(p, lost);
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

/* True: the certificate is looked at by its name, chain or fingerprint. */
static bool
print_level(const struct postfix_policy *p, struct text *out)
{
	if (pins_fingerprint(p))
		print_fingerprints(p, out);
	else if (count_pins(p) > 0 || (p->nnames > 0 && !p->dane_only))
		print_names(p, out);
	else if (p->dane_only)
		return text_puts(out, "dane-only"), false;
	else if (p->verify)
		text_puts(out, "secure match=nexthop:dot-nexthop");
	else if (p->site == LEVEL_SECURE || p->site == LEVEL_VERIFY)
		text_puts(out, p->site == LEVEL_SECURE ? "secure" : "verify");
	else
		return text_puts(out, p->encrypt ? "encrypt" : p->dane ?
		    "dane" : "may"), false;
	return true;
}

void
postfix_policy_print(const struct postfix_policy *p, struct text *out)
{
	if (print_level(p, out) && p->servername)
		text_puts(out, " servername=hostname");
	if (p->high_ciphers)
		text_puts(out, " ciphers=high");
	if (p->protocol > 0)
		text_printf(out, " protocols=>=TLSv%.*s",
		    SLICE_ARG(slice_is(p->version, "1.0") ? slice_of("1") :
		    p->version));
	/* By key exchange and by MAC: what TLS 1.3 has is none of these. */
	if (p->pfs || p->aead || p->authenticated)
		text_printf(out, " exclude=%s%saNULL",
		    p->pfs ? "kRSA:kPSK:kRSAPSK:kSRP:" : "",
		    p->aead ? "SHA1:SHA256:SHA384:MD5:" : "");
}
