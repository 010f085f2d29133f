/*
 * A list that lets pass whom a table of clients names and refuses all others:
 * "check_client_access TABLE, reject" behind a sender binds it to its hosts.
 */
#include <string.h>

#include "policy/base/netaddr.h"
#include "policy/import/table.h"

enum {
	DEPTH_MAX = 8,
	CLIENTS_MAX = REQUIREMENT_ITEMS_MAX - 1 /* one is for BY */
};

/* As far as the list was gone through. */
struct binding {
	const struct import_access *table;
	struct import_actions *a;
	unsigned clients;
	bool rejects, other;
};

static void
put_client(struct binding *b, const char *before, struct slice name)
{
	char text[KEY_TEXT_MAX];
	struct text client;

	text_init(&client, text, sizeof text);
	text_puts(&client, before);
	text_put(&client, name);
	b->other |= client.cut || ++b->clients > CLIENTS_MAX;
	import_item(&b->a->clients, "CLIENT", slice_make(text, client.n));
}

/* As Postfix finds a client by that key. */
static void
take_key(struct binding *b, struct slice key)
{
	struct netprefix prefix;

	if (netprefix_parse(key, &prefix) == NETPREFIX_OK) {
		put_client(b, "", key);
	} else if (slice_is_nocase(key, "unknown") || key.p[0] == '/' ||
	    key.p[0] == '!' ||
	    slice_find(key, '@') < key.n) {
		b->other = true;
	} else if (b->table->exact_domains) {
		put_client(b, "", key);
	} else if (key.p[0] != '.') { /* else Postfix never looks for it */
		put_client(b, "", key);
		put_client(b, ".", key);
	}
}

static void
take_table(struct binding *b, struct slice spec)
{
	const struct import_access *t = b->table;
	struct slice type, text, line, key, value, word;
	struct import_lines lines;

	if (!t->load(t->arg, spec, &type, &text) || slice_is(type, "regexp") ||
	    slice_is(type, "pcre")) {
		b->other = true;
		return;
	}
	import_lines_init(&lines, text);
	while (!b->other && import_lines_next(NULL, &lines, &line)) {
		if (!import_split(line, false, &key, &value))
			continue;
		/* Whoever else it names is taken out of a wider key. */
		b->other |= !import_list_next(&value, &word) ||
		    !slice_is_nocase(word, "OK");
		take_key(b, key);
	}
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
