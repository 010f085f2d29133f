/*
 * Who is let pass before TLS is asked for is an exception from that demand
 * alone: a line in front of its rule that counts WHEN the client is one of them.
 */
#include <string.h>

#include "policy/import/postfix-internal.h"

void
import_spare(struct import_spared *s, const char *who)
{
	s->who = who;
	s->untold = true;
}

bool
import_is_loopback(struct slice network)
{
	return slice_starts_nocase(network, "127.") ||
	    slice_starts_nocase(network, "[::1]") ||
	    slice_starts_nocase(network, "::1") ||
	    slice_starts_nocase(network, "[::ffff:127.");
}

static struct text
items_of(struct import_spared *s)
{
	return (struct text){ .buf = s->when, .size = sizeof s->when,
	    .n = s->used };
}

static void
take(struct import_spared *s, const char *who,
    const struct import_clients *c, bool good)
{
	s->untold |= !good;
	s->n = c->n;
	s->used = c->items->n;
	if (s->who == NULL && (c->n > 0 || !good))
		s->who = who;
}

/* "[2001:db8::]/32" as "2001:db8::/32"; a name, a file or !net is none. */
static bool
put_network(struct import_clients *c, struct slice network)
{
	char text[KEY_TEXT_MAX];
	struct netprefix prefix;
	struct text plain;

	text_init(&plain, text, sizeof text);
	for (size_t i = 0; i < network.n; i++)
		if (network.p[i] != '[' && network.p[i] != ']')
			text_char(&plain, network.p[i]);
	return !plain.cut && netprefix_parse(slice_make(text, plain.n),
	    &prefix) == NETPREFIX_OK &&
	    import_unasked_postfix(TAG_CLT, slice_make(text, plain.n),
	    true) == NULL &&
	    import_clients_put(c, "", slice_make(text, plain.n));
}

static void
spare_networks(struct import_spared *s, const char *who, struct slice networks)
{
	struct text items = items_of(s);
	struct import_clients c = { .items = &items, .item = "WHEN",
	    .n = s->n };
	bool good = slice_trim(networks).n > 0;
	struct slice word;

	while (good && import_list_next(&networks, &word))
		good = import_is_loopback(word) || put_network(&c, word);
	take(s, who, &c, good);
}

void
import_spare_word(struct import_spared *s, const char *who,
    struct slice networks)
{
	if (strcmp(who, "mynetworks") == 0)
		spare_networks(s, who, networks);
	else
		import_spare(s, who);
}

void
import_spare_table(struct import_spared *s, const char *who,
    struct slice type, struct slice text, bool exact_domains)
{
	struct text items = items_of(s);
	struct import_clients c = { .items = &items, .item = "WHEN",
	    .n = s->n };

	take(s, who, &c, import_clients_of(&c, type, text, exact_domains));
}

void
import_spare_all(struct import_spared *s, const struct import_spared *more)
{
	struct text items = items_of(s);
	struct import_clients c = { .items = &items, .n = s->n };
	struct slice rest = slice_make(more->when, more->used), item;
	bool good = !more->untold;

	if (more->who == NULL)
		return;
	while (good && import_clients_next(&rest, &item))
		good = import_clients_add(&c, item);
	take(s, more->who, &c, good);
}

struct slice
import_spared_when(const struct import_spared *s)
{
	return slice_make(s->when, s->untold ? 0 : s->used);
}
