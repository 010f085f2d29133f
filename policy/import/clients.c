/*
 * Whom a table of clients lets pass.  A list that refuses all others,
 * "check_client_access TABLE, reject" behind a sender, binds it to its hosts.
 */
#include <string.h>

#include "policy/base/netaddr.h"
#include "policy/import/postfix-internal.h"

enum { DEPTH_MAX = 8 };

/* The list up to the word that is looked at. */
struct binding {
	const struct import_access *table;
	struct import_actions *a;
	unsigned clients;
	bool rejects, other;
};

bool
import_clients_next(struct slice *items, struct slice *item)
{
	size_t n = slice_find(*items, '+');

	*item = slice_make(items->p, n);
	while (n < items->n && items->p[n] == '+')
		n++;
	*items = slice_from(*items, n);
	return item->n > 0;
}

bool
import_clients_add(struct import_clients *c, struct slice item)
{
	struct slice rest = slice_make(c->items->buf, c->items->n), there;

	while (import_clients_next(&rest, &there))
		if (slice_equal(there, item))
			return true;
	text_printf(c->items, "%s%.*s", c->items->n > 0 ? "++" : "",
	    SLICE_ARG(item));
	return !c->items->cut && ++c->n <= IMPORT_CLIENTS_MAX;
}

bool
import_clients_put(struct import_clients *c, const char *before,
    struct slice name)
{
	char text[KEY_TEXT_MAX], item_text[2 * KEY_TEXT_MAX];
	struct text client, item;

	text_init(&client, text, sizeof text);
	text_puts(&client, before);
	text_put(&client, name);
	text_init(&item, item_text, sizeof item_text);
	import_item(&item, c->item, slice_make(text, client.n));
	return !client.cut && !item.cut &&
	    import_clients_add(c, slice_make(item_text, item.n));
}

/* As Postfix finds a client by that key. */
static bool
put_key(struct import_clients *c, struct slice key, bool cidr,
    bool exact_domains)
{
	struct netprefix prefix;

	if (import_unasked_postfix(TAG_CLT, key, cidr) != NULL)
		return true; /* a key that lets nobody pass names no client */
	if (netprefix_parse(key, &prefix) == NETPREFIX_OK)
		return import_clients_put(c, "", key);
	if (slice_is_nocase(key, "unknown") || key.p[0] == '/' ||
	    key.p[0] == '!' || slice_find(key, '@') < key.n)
		return false;
	if (exact_domains)
		return import_clients_put(c, "", key);
	return key.p[0] == '.' || /* which Postfix never looks for */
	    (import_clients_put(c, "", key) &&
	    import_clients_put(c, ".", key));
}

bool
import_clients_of(struct import_clients *c, struct slice type,
    struct slice text, bool exact_domains)
{
	struct slice line, key, value, word;
	struct import_lines lines;

	if (slice_is(type, "regexp") || slice_is(type, "pcre"))
		return false;
	import_lines_init(&lines, text);
	while (import_lines_next(NULL, &lines, &line)) {
		if (!import_split(line, false, &key, &value))
			continue;
		/*
		 * A line with another action takes its clients out of a wider
		 * key's OK, which items cannot say.
		 */
		if (!import_list_next(&value, &word) ||
		    !slice_is_nocase(word, "OK") ||
		    !put_key(c, key, slice_is(type, "cidr"), exact_domains))
			return false;
	}
	return true;
}

static void
take_table(struct binding *b, struct slice spec)
{
	const struct import_access *t = b->table;
	struct import_clients c = { .items = &b->a->clients,
	    .item = "CLIENT", .n = b->clients };
	struct slice type, text;

	b->other |= !t->load(t->arg, spec, &type, &text) ||
	    !import_clients_of(&c, type, text, t->exact_domains);
	b->clients = c.n;
}

static void
go_through(struct binding *b, struct slice list, int depth)
{
	const struct import_access *t = b->table;
	struct slice word, spec, members;

	while (!b->rejects && import_list_next(&list, &word)) {
		members = t->class_of(t->arg, word);
		if (members.n > 0 && depth < DEPTH_MAX) {
			go_through(b, members, depth + 1);
		} else if (slice_is_nocase(word, "check_client_access") &&
		    import_list_next(&list, &spec)) {
			b->a->bound = true;
			take_table(b, spec);
		} else if (slice_is_nocase(word, "reject_plaintext_session") &&
		    !b->a->bound) {
			b->a->bound_by_tls = true;
		} else if (slice_is_nocase(word, "reject") && b->a->bound) {
			b->rejects = true;
		} else {
			b->other = true;
		}
	}
}

bool
import_clients(const struct import_access *t, struct slice list,
    struct import_actions *a)
{
	struct binding b = { .table = t, .a = a };

	a->bound = a->bound_by_tls = a->bound_otherwise = false;
	text_init(&a->clients, a->clients_text, sizeof a->clients_text);
	if (t->load == NULL || (t->tag != TAG_FROM && t->tag != TAG_TO))
		return false;
	go_through(&b, list, 0);
	a->bound_otherwise = a->bound && b.rejects;
	a->bound = a->bound_otherwise && !b.other && b.clients > 0 &&
	    !a->clients.cut;
	return a->bound;
}
