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
 * Of secure, fingerprint and dane-only only one can be had: level.c.
 */
#include <stdio.h>

#include "policy/facts/suite.h"
#include "policy/outbound/translate.h"
#include "policy/rules/predicate.h"

enum { HIGH_BITS = 128, NAME_MAX_BYTES = 256 };

void
translate_postfix_init(struct postfix_policy *p)
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

bool
translate_is_exception(const struct requirement *r)
{
	if (r->need == NEED_OK)
		return true;
	if (r->need != NEED_ENCR || r->bits > 0)
		return false;
	for (unsigned i = 0; i < r->nitems; i++)
		if (r->items[i].row->test != NULL)
			return false;
	return true;
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

/* A dot that is written +2E stands for itself, in match= for a pattern. */
static bool
decode_name(struct slice value, struct text *name)
{
	text_put_xdecoded(name, value);
	return !name->cut && name->n == strlen(name->buf) &&
	    (name->buf[0] != '.' || value.p[0] == '.') &&
	    is_host_name(name->buf);
}

bool
translate_postfix_has_name(struct slice name)
{
	char buf[NAME_MAX_BYTES];
	struct text copy;

	text_init(&copy, buf, sizeof buf);
	text_put(&copy, name);
	return !copy.cut && copy.n == strlen(buf) && is_host_name(buf);
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
	case ITEM_PKFP:
	case ITEM_CLIENT: /* never behind a tag of mail that leaves */
	case ITEM_WHEN:
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
	const struct item_row *key = row_of(r, ITEM_PKFP);

	if (cn != NULL)
		add_alternatives(r, cn, same_name, p->names, &p->nnames, lost);
	if (fp != NULL)
		add_alternatives(r, fp, predicate_same_fingerprint,
		    p->fingerprints, &p->nfingerprints, lost);
	/* Of certificates and keys together either will do for Postfix. */
	if (fp != NULL && key != NULL)
		translate_lose(lost, key->name, slice_of(NULL));
	else if (key != NULL)
		add_alternatives(r, key, predicate_same_fingerprint,
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

void
translate_postfix_add(struct postfix_policy *p, const struct requirement *r,
    struct text *lost)
{
	if (r->need == NEED_OK)
		return;
	p->verify |= r->need == NEED_VERIFY;
	p->dane_only |= r->need == NEED_DANE;
	p->dane |= r->need == NEED_DANE_MAY;
	add_bits(p, r, lost);
	add_items(p, r, lost);
	add_names(p, r, lost);
}

bool
translate_postfix_is_empty(const struct postfix_policy *p)
{
	return !p->encrypt && !p->verify && !p->dane && !p->dane_only &&
	    p->nfingerprints == 0;
}
