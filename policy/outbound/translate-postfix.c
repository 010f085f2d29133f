/*
 * Nearest words, each at least as strict as the rule:
 *
 *   VERIFY	 secure, with the names that it has of its own: Postfix knows
 *		 no level for a trusted chain alone
 *   CN, CN:name secure with those names alone, any of which will do
 *   DANE	 dane-only, DANE:may dane
 *   ENCR:1	 encrypt, with the ciphers that Postfix is set to; ENCR:n up to
 *		 128 bits ciphers=high, above that Postfix has no word, as it
 *		 does not choose among the suites of TLS 1.3
 *   VER		 protocols=>=
 *   PFS, AEAD	 exclude= of all suites before TLS 1.3 that are not
 *   FP		 fingerprint, by the digest that Postfix is set to
 *
 * Of secure, fingerprint and dane-only only one can be had.
 */
#include <stdio.h>

#include "policy/facts/suite.h"
#include "policy/outbound/translate.h"
#include "policy/rules/predicate.h"

enum { HIGH_BITS = 128, NAME_MAX_BYTES = 256 };

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

/* A name, or ".name", that means nothing else in match=. */
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
	return name[0] != '\0' && strcmp(name, ".") != 0;
}

static bool
decode_name(struct slice value, struct text *name)
{
	text_put_xdecoded(name, value);
	return !name->cut && name->n == strlen(name->buf) &&
	    is_host_name(name->buf);
}

static bool
can_be_told(const struct item *item)
{
	char buf[NAME_MAX_BYTES];
	struct text name;

	text_init(&name, buf, sizeof buf);
	return item->value.n == 0 || decode_name(item->value, &name);
}

static bool
same_name(struct slice a, struct slice b)
{
	char buf[NAME_MAX_BYTES];
	struct text name;

	text_init(&name, buf, sizeof buf);
	text_put_xdecoded(&name, a);
	return text_xequal_nocase(b, slice_make(buf, name.n));
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

typedef bool same_value(struct slice, struct slice);

static bool
asks_for(const struct requirement *r, const struct item_row *row,
    same_value *same, struct slice value)
{
	for (unsigned i = 0; i < r->nitems; i++)
		if (r->items[i].row == row && same(r->items[i].value, value))
			return true;
	return false;
}

/*
 * The items of one kind in a rule are alternatives; those of two rules both
 * count, and what both accept is left.
 */
static void
add_alternatives(const struct requirement *r, const struct item_row *row,
    same_value *same, struct slice *values, unsigned *n, struct text *lost)
{
	bool first = *n == 0;
	unsigned kept = 0;
	char what[32];

	for (unsigned i = 0; first && i < r->nitems; i++)
		if (r->items[i].row == row && (row->id != ITEM_CN ||
		    can_be_told(&r->items[i])))
			values[(*n)++] = r->items[i].value;
	for (unsigned i = 0; i < *n; i++)
		if (asks_for(r, row, same, values[i]))
			values[kept++] = values[i];
	if (kept > 0) {
		*n = kept;
	} else if (*n > 0) {
		snprintf(what, sizeof what, "%s of both rules", row->name);
		translate_lose(lost, what, slice_of(NULL));
	}
}

/* False: Postfix has no words for it.  CN and FP are add_names()'s. */
static bool
add_item(struct postfix_policy *p, const struct item *item)
{
	switch (item->row->id) {
	case ITEM_CN:
		return can_be_told(item);
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

static void
add_items(struct postfix_policy *p, const struct requirement *r,
    struct text *lost)
{
	for (unsigned i = 0; i < r->nitems; i++) {
		const struct item *item = &r->items[i];

		if (item->row->test == NULL)
			continue;
		p->encrypt = true;
		p->verify |= item->row->believes_names;
		if (!add_item(p, item))
			translate_lose(lost, item->row->name, item->value);
	}
}

static const struct item_row *
row_of(const struct requirement *r, enum item_id id)
{
	for (unsigned i = 0; i < r->nitems; i++)
		if (r->items[i].row->id == id)
			return r->items[i].row;
	return NULL;
}

static void
add_names(struct postfix_policy *p, const struct requirement *r,
    struct text *lost)
{
	const struct item_row *cn = row_of(r, ITEM_CN);
	const struct item_row *fp = row_of(r, ITEM_FP);

	if (cn != NULL)
		add_alternatives(r, cn, same_name, p->names, &p->nnames, lost);
	if (fp != NULL)
		add_alternatives(r, fp, predicate_same_fingerprint,
		    p->fingerprints, &p->nfingerprints, lost);
}

static void
add_bits(struct postfix_policy *p, const struct requirement *r,
    struct text *lost)
{
	char bits[16];

	if (r->bits == 0)
		return;
	p->encrypt = true;
	p->high_ciphers |= r->bits > 1;
	if (r->bits <= HIGH_BITS)
		return;
	snprintf(bits, sizeof bits, "%u", r->bits);
	translate_lose(lost, requirement_need_name(r), slice_of(bits));
}

/*
 * What a rule pins outweighs DANE, and DANE any name that will do; "dane" asks
 * for less than TLS where there are no TLSA records.
 */
static void
add_torn(struct postfix_policy *p, struct text *lost)
{
	const char *what = NULL;

	if (p->verify && p->nfingerprints > 0)
		what = "VERIFY or names beside FP";
	else if (p->dane_only && p->nfingerprints + p->nnames > 0)
		what = "DANE beside names or FP";
	else if (p->dane && !p->dane_only && (p->encrypt || p->verify))
		what = "DANE:may beside another need";
	if (what != NULL && !p->torn)
		translate_lose(lost, what, slice_of(NULL));
	p->torn |= what != NULL;
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
	p->dane_only |= r->need == NEED_DANE;
	p->dane |= r->need == NEED_DANE_MAY;
	add_bits(p, r, lost);
	add_items(p, r, lost);
	add_names(p, r, lost);
	add_torn(p, lost);
}

bool
postfix_policy_is_empty(const struct postfix_policy *p)
{
	return !p->encrypt && !p->verify && !p->dane && !p->dane_only &&
	    p->nfingerprints == 0;
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
print_names(const struct postfix_policy *p, struct text *out)
{
	for (unsigned i = 0; i < p->nnames; i++) {
		text_puts(out, i == 0 ? " match=" : ":");
		if (p->names[i].n == 0)
			text_puts(out, "hostname");
		else
			text_put_xdecoded(out, p->names[i]);
	}
	if (p->nnames == 0)
		text_puts(out, " match=nexthop:dot-nexthop");
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
	} else if (p->dane_only && p->nnames == 0) {
		text_puts(out, "dane-only");
	} else if (p->verify) {
		text_puts(out, "secure");
		print_names(p, out);
	} else {
		text_puts(out, p->encrypt ? "encrypt" : p->dane ? "dane" :
		    "may");
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
