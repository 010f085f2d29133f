/*
 * Requirements that nothing can meet, and items that are not what they seem:
 * the grammar lets a value have a + in it, and MSG take the rest of the line.
 */
#include <string.h>

#include "policy/facts/suite.h"
#include "policy/rules/item.h"
#include "policy/lint/lint.h"

enum { STRONGEST_BITS = 256 }; /* of the suites that there are */

static bool
is_name_list(const struct item *item)
{
	return item->row->test == predicate_cs ||
	    item->row->test == predicate_ci;
}

/* Names that no certificate has, as MTAs tell them. */
static bool
never_certificate(const struct item *item, struct lint_finding *f)
{
	struct slice cut = item_sendmail_value(item->value);

	if (slice_starts_nocase(item->value, "BadCertificate")) {
		text_puts(&f->reason, "this is sendmail's word for a name that "
		    "it could not read");
		text_puts(&f->way_out, "name the certificate by FP:");
		return true;
	}
	if (cut.n < item->value.n) {
		text_printf(&f->reason, "the name has \"++\" in it; sendmail "
		    "would compare only \"%.*s\"", SLICE_ARG(cut));
		text_puts(&f->way_out, "write +2B+2B for ++, or correct the "
		    "item behind it");
		return true;
	}
	if (!is_name_list(item) || item->value.p[0] == '/')
		return false;
	text_printf(&f->reason, "%s:%.*s: a name as MTAs tell it begins with "
	    "a slash", item->row->name, SLICE_ARG(item->value));
	text_puts(&f->way_out, "write it as in /C=DE/O=Example/CN=Root+20CA; "
	    "tlspolicy cert FILE prints it so");
	return true;
}

/* CITag:MyCA, and no row MyCA:... in the rules. */
static bool
unknown_issuers(const struct lint *l, const struct item *item,
    struct lint_finding *f)
{
	const struct rule *first;
	struct slice head;
	struct key key;

	if (item->row->test != predicate_citag ||
	    !key_of_issuer(item->value, slice_make("", 0), &key))
		return false;
	head = slice_make((const char *)key.bytes, key.n);
	first = lint_not_before(l, &key);
	if (first != NULL && first->key_bytes.n >= head.n &&
	    memcmp(first->key_bytes.p, head.p, head.n) == 0)
		return false;
	text_printf(&f->reason, "no line %.*s:... names an issuer, so no "
	    "certificate will do", SLICE_ARG(item->value));
	text_printf(&f->way_out, "add %.*s:/C=DE/O=Example/CN=Root+20CA OK",
	    SLICE_ARG(item->value));
	return true;
}

static bool
same_value(const struct item *a, const struct item *b)
{
	char buf[REQUIREMENT_TEXT_MAX + 1];
	struct text plain;

	if (a->row->test == predicate_fp)
		return predicate_same_fingerprint(a->value, b->value);
	text_init(&plain, buf, sizeof buf);
	text_put_xdecoded(&plain, b->value);
	return text_xequal_nocase(a->value, slice_make(buf, plain.n));
}

bool
lint_never_holds(const struct lint *l, struct lint_finding *f)
{
	const struct requirement *r = l->requirement;

	if (r->has_bits && r->bits > STRONGEST_BITS) {
		text_printf(&f->reason, "no cipher suite has %u bits",
		    r->bits);
		text_printf(&f->way_out, "ask for at most %d; the size of an "
		    "RSA key is another matter", STRONGEST_BITS);
		return true;
	}
	for (unsigned i = 0; i < r->nitems; i++)
		if ((item_is_name(r->items[i].row) &&
		    never_certificate(&r->items[i], f)) ||
		    unknown_issuers(l, &r->items[i], f))
			return true;
	return false;
}

/* What the second of two items of one row is good for. */
static const char *
second_item(const struct item *a, const struct item *b)
{
	if (a->row != b->row)
		return NULL;
	if (strcmp(a->row->name, "BY") == 0)
		return "only the last one is kept";
	if (a->row->test == predicate_ver)
		return "the higher version alone counts";
	return same_value(a, b) ? "one is enough" : NULL;
}

bool
lint_twice(const struct lint *l, struct lint_finding *f)
{
	const struct requirement *r = l->requirement;
	const char *what;

	for (unsigned i = 1; i < r->nitems; i++)
		for (unsigned k = 0; k < i; k++) {
			what = second_item(&r->items[k], &r->items[i]);
			if (what == NULL)
				continue;
			text_printf(&f->reason, "%s stands twice; %s",
			    r->items[i].row->name, what);
			text_puts(&f->way_out, "remove what does not count");
			return true;
		}
	return false;
}

/* The length of an item that `s` begins with; 0: it begins with none. */
static size_t
item_at(struct slice s)
{
	const struct item_row *row;
	size_t end = 0;

	while (end < s.n && s.p[end] != ':' && s.p[end] != '+')
		end++;
	row = item_find(slice_make(s.p, end));
	if (row == NULL)
		return 0;
	if (end < s.n && s.p[end] == ':') {
		s.n = slice_find(s, '+');
		return row->value == VALUE_NONE || end + 1 == s.n ? 0 : s.n;
	}
	return row->value == VALUE_REQUIRED ? 0 : end;
}

bool
lint_swallowed(const struct lint *l, struct lint_finding *f)
{
	for (unsigned i = 0; i < l->requirement->nitems; i++) {
		const struct item *item = &l->requirement->items[i];
		struct slice rest = item->value;
		size_t plus, n = 0;

		while (n == 0 && (plus = slice_find(rest, '+')) < rest.n) {
			rest = slice_from(rest, plus + 1);
			n = item_at(rest);
		}
		if (n == 0)
			continue;
		text_printf(&f->reason, "%.*s is part of the %s of %s, not an "
		    "item", (int)n, rest.p, item->row->last ? "text" : "value",
		    item->row->name);
		text_puts(&f->way_out, item->row->last ?
		    "MSG takes the rest of the line: write it last" :
		    "items are parted by ++");
		return true;
	}
	return false;
}

static bool
has_tls13(const uint16_t *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i] >> 8 == 0x13) /* RFC 8446, appendix B.4 */
			return true;
	return false;
}

static bool
cipher_list(struct slice list, struct lint_finding *f)
{
	uint16_t ids[SUITE_LIST_MAX];
	struct nearest nearest;
	struct fault fault;
	size_t n;

	if (suite_list_unknown(list, &nearest)) {
		text_printf(&f->reason, "OpenSSL knows no \"%.*s\" and takes "
		    "the list without it", SLICE_ARG(nearest.wanted));
		text_puts(&f->way_out, "correct the word or remove it");
		nearest_print(&nearest, &f->way_out);
		return true;
	}
	if (!suite_list(list, ids, &n, &fault) || has_tls13(ids, n))
		return false;
	text_puts(&f->reason, "the list has no suite of TLS 1.3, so all "
	    "sessions of that version fail");
	text_puts(&f->way_out, "name them, as :TLS_AES_256_GCM_SHA384"
	    ":TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256");
	return true;
}

bool
lint_ciphers(const struct lint *l, struct lint_finding *f)
{
	for (unsigned i = 0; i < l->requirement->nitems; i++)
		if (l->requirement->items[i].row->test == predicate_cipher &&
		    cipher_list(l->requirement->items[i].value, f))
			return true;
	return false;
}
