/*
 * A list of milters is mended where it stands: other milters, options and order
 * stay.  An item that was ours under another name is not left beside the new
 * one, since a milter that nobody listens for defers all mail.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "policy/doctor/postfix-list.h"

static size_t
item_length(struct slice list)
{
	unsigned depth = 0;
	size_t n;

	for (n = 0; n < list.n; n++) {
		char c = list.p[n];

		if (depth == 0 && (c == ',' || text_is_blank(c)))
			break;
		depth += c == '{';
		if (c == '}' && depth > 0 && --depth == 0)
			return n + 1;
	}
	return n;
}

bool
postfix_next_item(struct slice *list, struct postfix_item *item)
{
	struct slice inside;
	size_t n;

	while (list->n > 0 && (list->p[0] == ',' || text_is_blank(list->p[0])))
		*list = slice_from(*list, 1);
	if (list->n == 0)
		return false;
	n = item_length(*list);
	item->whole = slice_make(list->p, n);
	*list = slice_from(*list, n);
	item->address = item->whole;
	item->options = slice_make("", 0);
	if (item->whole.p[0] != '{')
		return true;
	inside = slice_trim(slice_make(item->whole.p + 1,
	    n - 1 - (item->whole.p[n - 1] == '}')));
	for (n = 0; n < inside.n && inside.p[n] != ',' &&
	    !text_is_blank(inside.p[n]); n++)
		continue;
	item->address = slice_make(inside.p, n);
	item->options = slice_from(inside, n);
	return true;
}

void
postfix_resolve(const struct postfix *p, bool chrooted, struct socket_address *a)
{
	struct slice queue = postfix_parameter(p, "queue_directory");
	char path[SOCKET_PATH_MAX];

	if (a->path[0] == '\0' || (a->path[0] == '/' && !chrooted))
		return;
	if ((size_t)snprintf(path, sizeof path, "%.*s%s%s", SLICE_ARG(queue),
	    a->path[0] == '/' ? "" : "/", a->path) < sizeof path)
		memcpy(a->path, path, sizeof path);
}

static bool
leads_to_us(const struct postfix *p, bool chrooted,
    const struct socket_address *as_written)
{
	struct socket_address a = *as_written;

	postfix_resolve(p, chrooted, &a);
	return socket_same(&a, &p->socket);
}

/* The daemon's address before a socket unit, or this doctor's lines, moved it. */
static bool
was_ours(const struct postfix *p, const struct socket_address *a)
{
	static const char *const usual = "unix:/run/tlspolicy/milter.sock";
	struct socket_address before;

	return (socket_parse(slice_of(p->d->set_socket), &before) &&
	    socket_same(a, &before)) || (a->path[0] != '\0' &&
	    strcmp(a->path, usual + 5) == 0);
}

static enum postfix_who
who_is(const struct postfix *p, const struct postfix_service *s,
    struct slice address)
{
	struct socket_address a;

	if (!socket_parse_postfix(address, &a))
		return POSTFIX_STRANGER;
	if (leads_to_us(p, s->chrooted, &a))
		return POSTFIX_US;
	if (leads_to_us(p, !s->chrooted, &a))
		return s->chrooted ? POSTFIX_US_UNSEEN : POSTFIX_US_MISSPELT;
	return was_ours(p, &a) ? POSTFIX_US_MISSPELT : POSTFIX_STRANGER;
}

/* The word behind default_action=, or nothing. */
struct slice
postfix_action(struct slice options)
{
	static const char name[] = "default_action";
	const char *at = options.n == 0 ? NULL : (const char *)memmem(options.p, options.n,
	    name, sizeof name - 1);
	struct slice word;
	size_t n;

	if (at == NULL)
		return slice_make("", 0);
	word = slice_from(options, (size_t)(at - options.p) + sizeof name - 1);
	while (word.n > 0 && (word.p[0] == '=' || text_is_blank(word.p[0])))
		word = slice_from(word, 1);
	for (n = 0; n < word.n && !text_is_blank(word.p[n]) &&
	    strchr(",}", word.p[n]) == NULL; n++)
		continue;
	return slice_make(word.p, n);
}

bool
postfix_is_good_action(struct slice word)
{
	return slice_is_nocase(word, "tempfail") ||
	    slice_is_nocase(word, "shutdown");
}

/* An item of ours, as it should be. */
static void
put_ours(const struct postfix *p, const struct postfix_item *item, bool action,
    struct text *out)
{
	struct slice options = item->options;
	struct slice word = postfix_action(options);
	size_t before = word.n == 0 ? options.n :
	    (size_t)(word.p - options.p);

	if (item->whole.p[0] != '{' && !action) {
		text_puts(out, p->spec);
		return;
	}
	text_printf(out, "{ %s", p->spec);
	text_put(out, slice_make(options.p, before));
	if (word.n > 0 && !postfix_is_good_action(word)) {
		text_puts(out, "tempfail");
		before += word.n;
	} else if (word.n == 0 && action)
		text_puts(out, ", default_action=tempfail");
	text_put(out, slice_from(options, before));
	text_puts(out, " }");
}

/* The list with us in it, rightly; `action`: with that of our own. */
void
postfix_put_list(const struct postfix *p, const struct postfix_service *s,
    struct slice list, bool action, struct text *out)
{
	struct postfix_item item;
	bool named = false;

	while (postfix_next_item(&list, &item)) {
		bool us = who_is(p, s, item.address) != POSTFIX_STRANGER;

		if (us && named)
			continue;
		text_puts(out, out->n > 0 ? ", " : "");
		if (us)
			put_ours(p, &item, action, out);
		else
			text_put(out, item.whole);
		named = named || us;
	}
	if (!named)
		text_printf(out, "%s%s", out->n > 0 ? ", " : "", p->spec);
}

/* Our item in the list, if there is one; *others: how many there are besides. */
enum postfix_who
postfix_find_us(const struct postfix *p, const struct postfix_service *s,
    struct slice list, struct postfix_item *ours, unsigned *others)
{
	enum postfix_who found = POSTFIX_STRANGER;
	struct postfix_item item;

	*others = 0;
	while (postfix_next_item(&list, &item)) {
		enum postfix_who who = who_is(p, s, item.address);

		*others += who == POSTFIX_STRANGER;
		if (who == POSTFIX_STRANGER || found == POSTFIX_US)
			continue;
		found = who;
		*ours = item;
	}
	return found;
}
