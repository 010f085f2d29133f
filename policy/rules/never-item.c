/*
 * Requirements that no session meets, and items that are not what they seem:
 * the grammar lets a value have a + in it.
 */
#include <string.h>

#include "policy/facts/suite.h"
#include "policy/rules/item.h"
#include "policy/rules/never.h"

enum { NEAR_MIN = 3 }; /* shorter words are near to everything */

/* A word that is nearly an item's name; the name, or NULL. */
static const char *
nearly_item(struct slice word)
{
	struct nearest nearest;

	nearest_init(&nearest, word);
	for (const struct item_row *row = item_table(); row->name != NULL;
	    row++)
		if (strlen(row->name) >= NEAR_MIN)
			nearest_offer(&nearest, slice_of(row->name));
	return word.n < NEAR_MIN || nearest.word.n == 0 ? NULL :
	    nearest.word.p;
}

/* Up to the next +, or the whole. */
static struct slice
first_word(struct slice s)
{
	return slice_make(s.p, slice_find(s, '+'));
}

/* What stands behind the first ++ of a name; empty: there is none. */
static struct slice
behind_cut(const struct item *item)
{
	struct slice cut = item_sendmail_value(item->value);

	if (!item_is_name(item->row) || cut.n == item->value.n)
		return slice_make("", 0);
	return slice_from(item->value, cut.n + 2);
}

bool
never_misspelt_item(struct never *n)
{
	for (unsigned i = 0; i < n->requirement->nitems; i++) {
		struct slice s = behind_cut(&n->requirement->items[i]);
		const char *name = s.n == 0 ? NULL :
		    nearly_item(first_word(s));

		if (name == NULL)
			continue;
		n->found = first_word(s);
		text_printf(&n->meant, "did you mean %s?", name);
		return true;
	}
	return false;
}

bool
never_cut_name(struct never *n)
{
	for (unsigned i = 0; i < n->requirement->nitems; i++) {
		struct slice s = behind_cut(&n->requirement->items[i]);

		if (s.n == 0)
			continue;
		n->found = s;
		text_puts(&n->meant, "write +2B+2B for a ++ that is part of "
		    "the name, or correct the item");
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
	if (end < s.n && s.p[end] == ':') {
		/* No name of a certificate has UNTILL: in it, either. */
		if (row == NULL && nearly_item(slice_make(s.p, end)) == NULL)
			return 0;
		s.n = slice_find(s, '+');
		return (row != NULL && row->value == VALUE_NONE) ||
		    end + 1 == s.n ? 0 : s.n;
	}
	return row == NULL || row->value == VALUE_REQUIRED ? 0 : end;
}

bool
never_item_inside(struct slice value, struct slice *item)
{
	size_t plus, n;

	while ((plus = slice_find(value, '+')) < value.n) {
		value = slice_from(value, plus + 1);
		if ((n = item_at(value)) == 0)
			continue;
		*item = slice_make(value.p, n);
		return true;
	}
	return false;
}

bool
never_swallowed(struct never *n)
{
	for (unsigned i = 0; i < n->requirement->nitems; i++) {
		const struct item *item = &n->requirement->items[i];

		if (item->row->last ||
		    !never_item_inside(item->value, &n->found))
			continue;
		text_printf(&n->meant, "write ++%.*s, or +2B for a + that is "
		    "part of the value", SLICE_ARG(n->found));
		return true;
	}
	return false;
}

/* The item as it stands in the rule. */
static struct slice
whole(const struct item *item)
{
	size_t name = strlen(item->row->name) + 1;

	return item->value.n == 0 ? slice_of(item->row->name) :
	    slice_make(item->value.p - name, item->value.n + name);
}

bool
never_stand_in(struct never *n)
{
	for (unsigned i = 0; i < n->requirement->nitems; i++) {
		const struct item *item = &n->requirement->items[i];

		if (!item_is_name(item->row) ||
		    !slice_starts_nocase(item->value, "BadCertificate"))
			continue;
		n->found = item->value;
		text_puts(&n->meant, "name the certificate by FP:");
		return true;
	}
	return false;
}

bool
never_nul(struct never *n)
{
	for (unsigned i = 0; i < n->requirement->nitems; i++) {
		const struct item *item = &n->requirement->items[i];
		char buf[REQUIREMENT_TEXT_MAX + 1];
		struct text plain;

		if (!item_is_name(item->row) ||
		    slice_find(item->value, '+') == item->value.n)
			continue;
		text_init(&plain, buf, sizeof buf);
		text_put_xdecoded(&plain, item->value);
		if (memchr(buf, '\0', plain.n) == NULL)
			continue;
		n->found = item->value;
		text_puts(&n->meant, "write the name without +00");
		return true;
	}
	return false;
}

bool
never_no_dn(struct never *n)
{
	for (unsigned i = 0; i < n->requirement->nitems; i++) {
		const struct item *item = &n->requirement->items[i];

		if ((item->row->id != ITEM_CS &&
		    item->row->id != ITEM_CI) ||
		    item->value.p[0] == '/')
			continue;
		n->found = item->value;
		text_puts(&n->meant, "write it as in /C=DE/O=Example/"
		    "CN=Root+20CA; tlspolicy cert FILE prints it so");
		return true;
	}
	return false;
}

static bool
is_one_of(unsigned id, const uint16_t *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i] == id)
			return true;
	return false;
}

static bool
in_list(struct never *never, struct slice list, unsigned id)
{
	uint16_t ids[SUITE_LIST_MAX];
	struct fault fault;
	size_t n;

	/* A list that OpenSSL cannot read leaves it uncertain: may be in it. */
	if (!suite_list(list, ids, &n, &fault)) {
		never->no_memory |= fault.kind == FAULT_SOFTWARE;
		return true;
	}
	return is_one_of(id, ids, n);
}

/* The item asks something of the cipher suite. */
static bool
is_about_suites(const struct item *item)
{
	switch (item->row->id) {
	case ITEM_VER:
	case ITEM_AUTHENTICATED:
	case ITEM_PFS:
	case ITEM_AEAD:
	case ITEM_CIPHER:
		return true;
	case ITEM_CN:
	case ITEM_CS:
	case ITEM_CI:
	case ITEM_CITAG:
	case ITEM_ICN:
	case ITEM_FP:
	case ITEM_PKFP:
	case ITEM_CLIENT:
	case ITEM_WHEN:
	case ITEM_FROM:
	case ITEM_UNTIL:
	case ITEM_BY:
	case ITEM_MSG:
	case ITEM_COUNT:
		break;
	}
	return false;
}

static bool
suite_meets(struct never *n, const struct suite *suite,
    const struct item *item)
{
	if (!is_about_suites(item))
		return true;
	if (item->row->id == ITEM_AUTHENTICATED)
		return suite->authenticated;
	if (item->row->id == ITEM_PFS)
		return suite->authenticated && suite->pfs;
	if (item->row->id == ITEM_AEAD)
		return suite->authenticated && suite->aead;
	if (item->row->id == ITEM_VER)
		return suite->tls13 || suite_protocol(item->value) <
		    suite_protocol(slice_of("1.3"));
	return in_list(n, item->value, suite->id);
}

/* The suite meets all items of the requirement but `list`, which is one. */
static bool
suite_meets_others(struct never *n, const struct suite *suite,
    const struct item *list)
{
	const struct requirement *r = n->requirement;

	for (unsigned i = 0; i < r->nitems; i++)
		if (&r->items[i] != list &&
		    !suite_meets(n, suite, &r->items[i]))
			return false;
	return true;
}

/* Without CIPHER there is always one; OpenSSL takes its time for a list. */
bool
never_no_suite(struct never *n)
{
	const struct requirement *r = n->requirement;
	const struct item *list = NULL;
	uint16_t ids[SUITE_LIST_MAX];
	unsigned about_suites = 0;
	struct fault fault;
	size_t nids;

	for (unsigned i = 0; i < r->nitems; i++) {
		if (r->items[i].row->id == ITEM_CIPHER)
			list = &r->items[i];
		about_suites += is_about_suites(&r->items[i]);
	}
	if (list == NULL || about_suites < 2)
		return false;
	if (!suite_list(list->value, ids, &nids, &fault))
		return n->no_memory = fault.kind == FAULT_SOFTWARE;
	for (size_t i = 0; i < suite_count(); i++)
		if (is_one_of(suite_at(i)->id, ids, nids) &&
		    suite_meets_others(n, suite_at(i), list))
			return n->no_memory;
	n->found = whole(list);
	text_puts(&n->meant, "name suites that the other items allow, or "
	    "leave it out");
	return true;
}
