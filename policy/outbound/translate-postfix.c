/*
 * Nearest words, each at least as strict as the rule:
 *
 *   VERIFY	 secure, with any of the names that Postfix knows of the server:
 *		 it has no level for a trusted chain alone
 *   CN, CN:name secure with that name alone
 *   ENCR:n	 encrypt; up to 128 bits ciphers=high, above that Postfix has no
 *		 word, as it does not choose among the suites of TLS 1.3
 *   VER		 protocols=>=
 *   PFS, AEAD	 exclude= of all suites before TLS 1.3 that are not
 *   FP		 fingerprint, by the digest that Postfix is set to
 *
 * The levels secure and fingerprint cannot be had together, nor two names.
 */
#include <stdio.h>

#include "policy/facts/suite.h"
#include "policy/outbound/translate.h"
#include "policy/rules/predicate.h"

enum { HIGH_BITS = 128 };

void
postfix_policy_init(struct postfix_policy *p)
{
	*p = (struct postfix_policy){ .encrypt = false };
}

void
translate_lose(struct text *lost, const char *what, struct slice value)
{
	text_puts(lost, lost->n > 0 ? ", " : "");
	text_puts(lost, what);
	if (value.n > 0) {
		text_char(lost, ':');
		text_put_printable(lost, value);
	}
}

/* A name that can stand in match= and means nothing else there. */
static bool
is_host_name(const char *name)
{
	static const char *const words[] = { "hostname", "nexthop",
		"dot-nexthop" };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (slice_is_nocase(slice_of(name), words[i]))
			return false;
	for (const char *p = name; *p != '\0'; p++) {
		int c = text_lower(*p);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '-' && c != '_' && c != '.')
			return false;
	}
	return name[0] != '\0' && name[0] != '.';
}

static bool
add_name(struct postfix_policy *p, struct slice value)
{
	char buf[TRANSLATE_NAME_MAX];
	struct text name;

	text_init(&name, buf, sizeof buf);
	text_put_xdecoded(&name, value);
	if (name.cut || name.n != strlen(buf) || !is_host_name(buf) ||
	    p->any_host || (p->name[0] != '\0' && !slice_is_nocase(
	    slice_of(buf), p->name)))
		return false;
	memcpy(p->name, buf, sizeof buf);
	return true;
}

static bool
add_cn(struct postfix_policy *p, struct slice value)
{
	if (value.n > 0)
		return add_name(p, value);
	if (p->name[0] != '\0')
		return false;
	p->any_host = true;
	return true;
}

static void
add_version(struct postfix_policy *p, struct slice value)
{
	int protocol = suite_protocol(value);

	if (protocol > p->protocol) {
		p->protocol = protocol;
		p->version = value;
	}
}

static bool
asks_for(const struct requirement *r, struct slice fingerprint)
{
	for (unsigned i = 0; i < r->nitems; i++)
		if (r->items[i].row->id == ITEM_FP &&
		    predicate_same_fingerprint(r->items[i].value,
		    fingerprint))
			return true;
	return false;
}

/* One rule's fingerprints are alternatives; those of two rules both count. */
static void
add_fingerprints(struct postfix_policy *p, const struct requirement *r,
    struct text *lost)
{
	bool first = p->nfingerprints == 0;
	unsigned kept = 0;

	for (unsigned i = 0; first && i < r->nitems; i++)
		if (r->items[i].row->id == ITEM_FP)
			p->fingerprints[p->nfingerprints++] =
			    r->items[i].value;
	for (unsigned i = 0; i < p->nfingerprints; i++)
		if (asks_for(r, p->fingerprints[i]))
			p->fingerprints[kept++] = p->fingerprints[i];
	if (kept > 0)
		p->nfingerprints = kept;
	else
		translate_lose(lost, "FP of both rules", slice_of(NULL));
}

/* False: Postfix has no words for it.  FP is add_fingerprints()'s. */
static bool
add_item(struct postfix_policy *p, const struct item *item)
{
	switch (item->row->id) {
	case ITEM_CN:
		return add_cn(p, item->value);
	case ITEM_VER:
		add_version(p, item->value);
		return true;
	case ITEM_AUTHENTICATED:
		return p->authenticated = true;
	case ITEM_PFS:
		return p->pfs = true;
	case ITEM_AEAD:
		return p->aead = true;
	case ITEM_FP:
	case ITEM_FROM:
	case ITEM_UNTIL:
	case ITEM_BY:
	case ITEM_MSG:
		return true;
	case ITEM_CS:
	case ITEM_CI:
	case ITEM_CITAG:
	case ITEM_ICN:
	case ITEM_CIPHER:
	case ITEM_COUNT:
		break;
	}
	return false;
}

/* True when one of them is FP, which add_fingerprints() is for. */
static bool
add_items(struct postfix_policy *p, const struct requirement *r,
    struct text *lost)
{
	bool fingerprints = false;

	for (unsigned i = 0; i < r->nitems; i++) {
		const struct item *item = &r->items[i];

		if (item->row->test == NULL)
			continue;
		p->encrypt = true;
		p->verify |= item->row->believes_names;
		fingerprints |= item->row->id == ITEM_FP;
		if (!add_item(p, item))
			translate_lose(lost, item->row->name, item->value);
	}
	return fingerprints;
}

static void
add_bits(struct postfix_policy *p, const struct requirement *r,
    struct text *lost)
{
	char bits[16];

	if (r->bits == 0)
		return;
	p->encrypt = p->high_ciphers = true;
	if (r->bits <= HIGH_BITS)
		return;
	snprintf(bits, sizeof bits, "%u", r->bits);
	translate_lose(lost, r->need == NEED_VERIFY ? "VERIFY" : "ENCR", slice_of(bits));
}

void
postfix_policy_add(struct postfix_policy *p, const struct requirement *r,
    struct text *lost)
{
	if (r->need == NEED_OK || r->class == CLASS_WARN)
		return;
	if (r->class == CLASS_PERM || r->class == CLASS_HOLD)
		translate_lose(lost, rule_class_name(r->class), slice_of(NULL));
	p->verify |= r->need == NEED_VERIFY;
	add_bits(p, r, lost);
	if (add_items(p, r, lost))
		add_fingerprints(p, r, lost);
	if (p->verify && p->nfingerprints > 0 && !p->torn) {
		translate_lose(lost, "VERIFY or names beside FP", slice_of(NULL));
		p->torn = true;
	}
}

bool
postfix_policy_is_empty(const struct postfix_policy *p)
{
	return !p->encrypt && !p->verify && p->nfingerprints == 0;
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
print_level(const struct postfix_policy *p, struct text *out)
{
	if (p->nfingerprints > 0) {
		text_puts(out, "fingerprint");
		for (unsigned i = 0; i < p->nfingerprints; i++) {
			text_puts(out, " match=");
			print_fingerprint(p->fingerprints[i], out);
		}
	} else if (p->verify) {
		text_printf(out, "secure match=%s", p->name[0] != '\0' ?
		    p->name : p->any_host ? "hostname" :
		    "hostname:nexthop:dot-nexthop");
	} else {
		text_puts(out, p->encrypt ? "encrypt" : "may");
	}
}

void
postfix_policy_print(const struct postfix_policy *p, struct text *out)
{
	print_level(p, out);
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
