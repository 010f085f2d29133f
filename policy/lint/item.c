/*
 * Requirements that hardly anything meets, and items that are not what they
 * seem.  What certainly nothing meets stops the build (never.h); it is told of
 * here when compat = sendmail has let it pass.
 */
#include <string.h>

#include "policy/facts/suite.h"
#include "policy/lint/lint.h"
#include "policy/rules/never.h"
#include "policy/rules/predicate.h"

enum { STRONGEST_BITS = 256 }; /* of the suites that there are */

/* CITag:MyCA, and no row MyCA:... in the rules. */
static bool
unknown_issuers(const struct lint *l, const struct item *item,
    struct lint_finding *f)
{
	const struct rule *first;
	struct slice head;
	struct key key;

	if (item->row->id != ITEM_CITAG ||
	    !key_of_issuer(item->value, slice_make("", 0), &key))
		return false;
	head = slice_make((const char *)key.bytes, key.n);
	first = lint_not_before(l, &key);
	if (first != NULL && rule_key_bytes(first).n >= head.n &&
	    memcmp(rule_key_bytes(first).p, head.p, head.n) == 0)
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

	if (item_is_fingerprint(a->row))
		return predicate_same_fingerprint(a->value, b->value);
	text_init(&plain, buf, sizeof buf);
	text_put_xdecoded(&plain, b->value);
	return text_xequal_nocase(a->value, slice_make(buf, plain.n));
}

bool
lint_never_holds(const struct lint *l, struct lint_finding *f)
{
	const struct requirement *r = l->requirement;
	struct never never;

	if (r->has_bits && r->bits > STRONGEST_BITS) {
		text_printf(&f->reason, "no cipher suite has %u bits",
		    r->bits);
		text_printf(&f->way_out, "ask for at most %d; the size of an "
		    "RSA key is another matter", STRONGEST_BITS);
		return true;
	}
	for (unsigned i = 0; i < r->nitems; i++)
		if (unknown_issuers(l, &r->items[i], f))
			return true;
	return lint_take_never(never_requirement(&never, l->tag, r, false),
	    &never, f);
}

/* Why the second of two items of one kind is idle; NULL: it is not. */
static const char *
second_item(const struct item *a, const struct item *b)
{
	if (a->row != b->row)
		return NULL;
	if (a->row->id == ITEM_BY)
		return "only the last one is kept";
	if (a->row->id == ITEM_VER)
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

/*
 * An item within the text of MSG.  Within other values it stops the build
 * (never.c).
 */
bool
lint_swallowed(const struct lint *l, struct lint_finding *f)
{
	struct slice item;

	for (unsigned i = 0; i < l->requirement->nitems; i++) {
		if (!l->requirement->items[i].row->last ||
		    !never_item_inside(l->requirement->items[i].value, &item))
			continue;
		text_printf(&f->reason, "%.*s is part of the text of MSG, not "
		    "an item", SLICE_ARG(item));
		text_puts(&f->way_out, "MSG takes the rest of the line: write "
		    "it last");
		return true;
	}
	return false;
}

static bool
has_tls13(const uint16_t *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i] >> 8 == 0x13) /* TLS 1.3: RFC 8446, appendix B.4 */
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

	switch (suite_list_words(list, &nearest)) {
	case SUITE_WORDS_FAILED:
		f->not_looked = true;
		return false;
	case SUITE_WORDS_UNKNOWN:
		text_printf(&f->reason, "OpenSSL knows no \"%.*s\" and takes "
		    "the list without it", SLICE_ARG(nearest.wanted));
		text_puts(&f->way_out, "correct the word or remove it");
		nearest_print(&nearest, &f->way_out);
		return true;
	case SUITE_WORDS_KNOWN:
		break;
	}
	if (!suite_list(list, ids, &n, &fault)) {
		f->not_looked = fault.kind == FAULT_SOFTWARE;
		return false;
	}
	if (has_tls13(ids, n))
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
		if (l->requirement->items[i].row->id == ITEM_CIPHER &&
		    cipher_list(l->requirement->items[i].value, f))
			return true;
	return false;
}

/*
 * CN:mail.*.com: a certificate may have such a name, but * matches nothing
 * here.
 */
bool
lint_star(const struct lint *l, struct lint_finding *f)
{
	for (unsigned i = 0; i < l->requirement->nitems; i++) {
		const struct item *item = &l->requirement->items[i];
		struct slice rest = item->value;

		if (item->row->id == ITEM_CN &&
		    slice_starts_nocase(rest, "*.") && rest.n > 2)
			rest = slice_from(rest, 2);
		if (!item_is_name(item->row) ||
		    slice_find(rest, '*') == rest.n)
			continue;
		text_printf(&f->reason, "the * in %s:%.*s stands for itself",
		    item->row->name, SLICE_ARG(item->value));
		text_puts(&f->way_out, "only CN:*.example.com is a pattern; "
		    "CN alone is the name of the host");
		return true;
	}
	return false;
}
