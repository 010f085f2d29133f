/*
 * A line whose key, WHEN and CLIENT name clients that nobody can be at once.
 * Only what is certain is told: a host may have any address.
 */
#include "policy/lint/lint.h"
#include "policy/rules/client.h"

/* A host name as a key is for all below it, too; behind an item it is not. */
static bool
key_excludes(const struct lint *l, struct slice value)
{
	char buf[KEY_TEXT_MAX + 1];
	struct text below;

	if (!client_excludes(l->what, value))
		return false;
	if (l->kind != KEY_NAME || l->what.p[0] == '.')
		return true;
	text_init(&below, buf, sizeof buf);
	text_char(&below, '.');
	text_put(&below, l->what);
	return client_excludes(slice_make(buf, below.n), value);
}

/* No client of an item `id` is one of the key; false without such items. */
static const struct item *
excluded_by_key(const struct lint *l, enum item_id id)
{
	const struct requirement *r = l->requirement;
	const struct item *first = NULL;

	for (unsigned i = 0; i < r->nitems; i++) {
		if (r->items[i].row->id != id)
			continue;
		if (!key_excludes(l, r->items[i].value))
			return NULL;
		if (first == NULL)
			first = &r->items[i];
	}
	return first;
}

/* The first CLIENT, when no WHEN and no CLIENT can be the same client. */
static const struct item *
excluded_by_when(const struct requirement *r)
{
	const struct item *first = NULL;

	for (unsigned i = 0; i < r->nitems; i++) {
		if (r->items[i].row->id != ITEM_CLIENT)
			continue;
		for (unsigned k = 0; k < r->nitems; k++)
			if (r->items[k].row->id == ITEM_WHEN &&
			    !client_excludes(r->items[i].value,
			    r->items[k].value))
				return NULL;
		if (first == NULL)
			first = &r->items[i];
	}
	return first;
}

static bool
fill_finding(const char *what, const struct item *item, const char *other,
    struct lint_finding *f)
{
	text_printf(&f->reason, "%s: no client of %s:%.*s is one of %s", what,
	    item->row->name, SLICE_ARG(item->value), other);
	text_puts(&f->way_out, "name clients that can be both, or remove the "
	    "line");
	return true;
}

bool
lint_no_client(const struct lint *l, struct lint_finding *f)
{
	const struct item *item;

	if (l->tag == TAG_CLT && l->kind != KEY_BARE) {
		if ((item = excluded_by_key(l, ITEM_WHEN)) != NULL)
			return fill_finding("never counts", item, "its key", f);
		if ((item = excluded_by_key(l, ITEM_CLIENT)) != NULL)
			return fill_finding("nobody can meet it", item,
			    "its key", f);
	}
	item = l->requirement->nwhen == 0 ? NULL :
	    excluded_by_when(l->requirement);
	return item != NULL && fill_finding("nobody can meet it", item,
	    "its WHEN", f);
}
