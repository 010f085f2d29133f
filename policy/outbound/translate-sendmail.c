/*
 * sendmail takes a requirement that it does not understand for none, and skips
 * what follows an item that it does not know.  So nothing gets there but its
 * own grammar (cf/m4/proto.m4, TLS_connection and TLS_req).
 *
 * sendmail believes names in certificates that did not verify when the rule
 * begins with ENCR; a name is therefore only asked for beside VERIFY.
 */
#include "policy/outbound/translate.h"
#include "policy/rules/item.h"

/* sendmail parses a map's value in a buffer of MAXNAME (1024) bytes. */
enum { VALUE_MAX = 900 };

/* sendmail would compare "*." and "." to the letter, and would cut at "++". */
static bool
knows(const struct item *item)
{
	struct slice cut = item_sendmail_value(item->value);

	if (!item->row->from_sendmail)
		return false;
	return cut.n == item->value.n &&
	    !slice_starts_nocase(cut, "*.") && !slice_starts_nocase(cut, ".");
}

static void
print_value(struct slice value, struct text *out)
{
	char buf[REQUIREMENT_TEXT_MAX + 1];
	struct text plain;

	text_init(&plain, buf, sizeof buf);
	text_put_xdecoded(&plain, value);
	text_put_xencoded(out, slice_make(buf, plain.n));
}

/* One of several alternatives: for us any will do, sendmail would want all. */
static bool
is_one_of(const struct requirement *r, unsigned n)
{
	for (unsigned i = 0; i < r->nitems; i++)
		if (i != n && r->items[i].row == r->items[n].row &&
		    item_is_alternative(r->items[n].row, false))
			return true;
	return false;
}

static void
print_items(const struct requirement *r, bool all_hold, struct text *out,
    struct text *lost)
{
	bool any = false;

	for (unsigned i = 0; i < r->nitems; i++) {
		const struct item *item = &r->items[i];

		if (item->row->test == NULL)
			continue;
		if (!knows(item) || (!all_hold && is_one_of(r, i))) {
			translate_lose(lost, item->row->name, item->value);
			continue;
		}
		text_puts(out, any ? "++" : "+");
		text_puts(out, item->row->name);
		if (item->value.n > 0) {
			text_char(out, ':');
			print_value(item->value, out);
		}
		any = true;
	}
}

/* A rule with items that sendmail cannot be told asks for TLS, at least. */
static unsigned
bits_of(const struct requirement *r)
{
	for (unsigned i = 0; r->bits == 0 && i < r->nitems; i++)
		if (r->items[i].row->test != NULL)
			return 1;
	return r->bits;
}

/* HOLD becomes TEMP, too: mail that is not to leave yet stays in the queue. */
static const char *
class_of(const struct requirement *r, const struct translate_options *o)
{
	return r->class == CLASS_PERM ||
	    (r->class == CLASS_NONE && o->default_perm) ? "PERM" : "TEMP";
}

static bool
needs_verify(const struct requirement *r, const struct translate_options *o)
{
	if (r->need == NEED_VERIFY || r->need == NEED_DANE)
		return true;
	for (unsigned i = 0; i < r->nitems; i++)
		if (r->items[i].row->believes_names && !o->believe_unverified)
			return true;
	return false;
}

void
translate_sendmail(const struct requirement *r,
    const struct translate_options *o, struct text *out, struct text *lost)
{
	if (r->need == NEED_OK) {
		text_puts(out, "OK");
		return;
	}
	text_printf(out, "%s+%s", class_of(r, o), needs_verify(r, o) ?
	    "VERIFY" : "ENCR");
	if (r->has_bits || r->need == NEED_DANE_MAY)
		text_printf(out, ":%u", bits_of(r));
	if (r->need == NEED_DANE || r->need == NEED_DANE_MAY)
		translate_lose(lost, requirement_need_name(r), slice_of(NULL));
	print_items(r, o->believe_unverified, out, lost);
	if (out->cut || out->n > VALUE_MAX) {
		text_clear(out);
		text_puts(out, SENDMAIL_NEVER_MET);
		translate_lose(lost, "more than sendmail reads", slice_of(NULL));
	}
}
