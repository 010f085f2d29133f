/*
 * A domain is in one class, the first whose list has it; the class has a
 * transport, and a next hop of its own, of relayhost, or none: then the domain
 * is the next hop.  What transport_maps(5) has takes the place of both.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/doctor/postfix-list.h"
#include "policy/doctor/postfix-way.h"
#include "policy/doctor/run.h"

static const char maps[] = "transport_maps";

static const struct {
	const char *list, *transport;
	bool relayed; /* relayhost counts */
} classes[] = {
	{ .list = "mydestination", .transport = "local_transport" },
	{ .list = "virtual_alias_domains" },
	{ .list = "virtual_mailbox_domains", .transport = "virtual_transport" },
	{ .list = "relay_domains", .transport = "relay_transport",
	    .relayed = true },
	{ .transport = "default_transport", .relayed = true },
};

/* The last line that postmap(1) has said, without its own name. */
static void
put_reason(struct slice said, struct text *out)
{
	struct slice line, last = slice_of("postmap failed");

	while (slice_next(&said, '\n', &line))
		if (slice_trim(line).n > 0)
			last = slice_trim(line);
	if (slice_starts_nocase(last, "postmap: "))
		last = slice_from(last, 9);
	if (slice_starts_nocase(last, "fatal: "))
		last = slice_from(last, 7);
	text_clear(out);
	text_put(out, last);
}

/* False: it could not be run, and `out` tells why. */
static bool
run_postmap(const char *const argv[], struct text *out, struct text *said,
    bool *good)
{
	struct fault f;

	text_clear(out);
	if (capture_both((char *const *)(uintptr_t)argv, out, said, good, &f))
		return true;
	text_clear(out);
	text_puts(out, f.text);
	return false;
}

/* postmap(1) ends with 1 when there is no such key, and when it cannot tell. */
enum postfix_found
postfix_query(const struct postfix *p, struct slice table, const char *key,
    struct text *out)
{
	char name[POSTFIX_WAY_BYTES], memory[POSTFIX_WAY_BYTES];
	const char *argv[] = { "postmap", "-c", p->dir, "-q", key, name, NULL };
	struct text said;
	bool good;

	snprintf(name, sizeof name, "%.*s", SLICE_ARG(table));
	text_init(&said, memory, sizeof memory);
	if (!run_postmap(argv, out, &said, &good))
		return POSTFIX_UNASKED;
	while (out->n > 0 && out->buf[out->n - 1] == '\n')
		out->buf[--out->n] = '\0';
	if (good)
		return POSTFIX_FOUND;
	if (said.n == 0 || (strstr(said.buf, "fatal:") == NULL &&
	    strstr(said.buf, "error:") == NULL))
		return POSTFIX_ABSENT;
	put_reason(slice_make(said.buf, said.n), out);
	return POSTFIX_UNASKED;
}

bool
postfix_list_table(const struct postfix *p, struct slice table,
    struct text *out)
{
	char name[POSTFIX_WAY_BYTES], memory[POSTFIX_WAY_BYTES];
	const char *argv[] = { "postmap", "-c", p->dir, "-s", name, NULL };
	struct text said;
	bool good;

	snprintf(name, sizeof name, "%.*s", SLICE_ARG(table));
	text_init(&said, memory, sizeof memory);
	if (!run_postmap(argv, out, &said, &good))
		return false;
	if (good && !out->cut)
		return true;
	put_reason(good ? slice_of("it is too long to be looked at") :
	    slice_make(said.buf, said.n), out);
	return false;
}

static void
note_unasked(struct postfix_way *way, const char *parameter,
    struct slice table, const char *why)
{
	struct text text;

	if (way->unasked[0] != '\0')
		return;
	text_init(&text, way->unasked, sizeof way->unasked);
	text_printf(&text, "%s: %.*s: %s", parameter, SLICE_ARG(table), why);
}

static bool
is_table(struct slice item)
{
	return item.p[0] != '[' && slice_find(item, ':') < item.n;
}

static bool
takes_parents(const char *name)
{
	return strcmp(name, "relay_domains") == 0;
}

/* ".example" for what is below it; where parents count "example" as well. */
static bool
matches(struct slice item, struct slice domain, bool parents)
{
	if (slice_equal_nocase(item, domain))
		return true;
	if (domain.n <= item.n || item.n == 0)
		return false;
	if (!slice_equal_nocase(slice_from(domain, domain.n - item.n), item))
		return false;
	return item.p[0] == '.' ||
	    (parents && domain.p[domain.n - item.n - 1] == '.');
}

static bool
has_table(const struct postfix *p, struct postfix_way *way, const char *name,
    struct slice table, const char *domain)
{
	char memory[POSTFIX_WAY_BYTES];
	struct text value;

	text_init(&value, memory, sizeof memory);
	for (const char *key = domain; key != NULL; ) {
		enum postfix_found found = postfix_query(p, table, key, &value);

		if (found == POSTFIX_UNASKED)
			note_unasked(way, name, table, memory);
		if (found != POSTFIX_ABSENT)
			return found == POSTFIX_FOUND;
		key = takes_parents(name) ? strchr(key + 1, '.') : NULL;
		key = key != NULL ? key + 1 : NULL;
	}
	return false;
}

static bool
has_item(const struct postfix *p, struct postfix_way *way, const char *name,
    struct slice item, const char *domain)
{
	return is_table(item) ? has_table(p, way, name, item, domain) :
	    matches(item, slice_of(domain), takes_parents(name));
}

/* The list is a file of the same items, one a line. */
static bool
has_file(const struct postfix *p, struct postfix_way *way, const char *name,
    struct slice path, const char *domain)
{
	char memory[POSTFIX_WAY_BYTES], *line = NULL;
	bool found = false;
	size_t room = 0;
	FILE *file;
	ssize_t n;

	snprintf(memory, sizeof memory, "%.*s", SLICE_ARG(path));
	file = fopen(memory, "re");
	if (file == NULL) {
		note_unasked(way, name, path, strerror(errno));
		return false;
	}
	while (!found && (n = getline(&line, &room, file)) > 0) {
		struct slice rest = slice_make(line, (size_t)n), item;

		while (!found && rest.p[0] != '#' &&
		    slice_next_of(&rest, ", \t\r\n", &item))
			found = item.n > 0 && has_item(p, way, name, item,
			    domain);
	}
	free(line);
	fclose(file);
	return found;
}

/* The first item that matches decides; "!" turns it. */
static bool
lists(const struct postfix *p, struct postfix_way *way, const char *name,
    const char *domain)
{
	struct slice list = postfix_parameter(p, name);
	struct postfix_item item;

	while (postfix_next_item(&list, &item)) {
		struct slice what = item.whole;
		bool turned = what.p[0] == '!';

		what = slice_trim(slice_from(what, turned ? 1 : 0));
		if (what.n > 0 && (what.p[0] == '/' ?
		    has_file(p, way, name, what, domain) :
		    has_item(p, way, name, what, domain)))
			return !turned;
	}
	return false;
}

static void
keep(char *to, struct slice value)
{
	snprintf(to, POSTFIX_WAY_BYTES, "%.*s", SLICE_ARG(slice_trim(value)));
}

/* "smtp:[relay.example]:25" parted; the hop stays where there is none. */
static void
take_transport(struct postfix_way *way, struct slice value, const char *by)
{
	size_t colon = slice_find(value, ':');

	keep(way->transport, slice_make(value.p, colon));
	way->transport_by = by;
	if (colon + 1 >= value.n)
		return;
	keep(way->nexthop, slice_from(value, colon + 1));
	way->nexthop_by = by;
}

/* Patterns are held against whole addresses alone. */
static bool
is_pattern(struct slice table)
{
	static const char *const types[] = { "regexp:", "pcre:" };

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		for (size_t at = 0; at < table.n; at++)
			if ((at == 0 || table.p[at - 1] == ':') &&
			    slice_starts_nocase(slice_from(table, at),
			    types[i]))
				return true;
	return false;
}

/* The value of the first table of `parameter` that has the key. */
static enum postfix_found
ask_maps(const struct postfix *p, struct postfix_way *way,
    const char *parameter, const char *key, bool whole, struct text *value)
{
	struct slice list = postfix_parameter(p, parameter);
	struct postfix_item item;

	while (postfix_next_item(&list, &item)) {
		enum postfix_found found;

		if (!whole && is_pattern(item.whole))
			continue;
		found = postfix_query(p, item.whole, key, value);
		if (found == POSTFIX_UNASKED)
			note_unasked(way, parameter, item.whole, value->buf);
		if (found != POSTFIX_ABSENT)
			return found;
	}
	return POSTFIX_ABSENT;
}

/* "joe+box@a.test" without "+box"; false: there is none. */
static bool
drop_extension(const struct postfix *p, const char *address, struct text *out)
{
	struct slice delimiters = postfix_parameter(p, "recipient_delimiter");
	const char *at = strrchr(address, '@');

	for (const char *c = address + 1; at != NULL && c < at; c++)
		if (memchr(delimiters.p, *c, delimiters.n) != NULL) {
			text_put(out, slice_make(address,
			    (size_t)(c - address)));
			text_puts(out, at);
			return true;
		}
	return false;
}

/* As tables by an address are asked: it, without its extension, its domain. */
static enum postfix_found
ask_by_address(const struct postfix *p, struct postfix_way *way,
    const char *parameter, const char *address, struct text *value)
{
	const char *at = strrchr(address, '@');
	char memory[POSTFIX_WAY_BYTES];
	enum postfix_found found;
	struct text bare;

	text_init(&bare, memory, sizeof memory);
	found = ask_maps(p, way, parameter, address, true, value);
	if (found == POSTFIX_ABSENT && drop_extension(p, address, &bare))
		found = ask_maps(p, way, parameter, memory, false, value);
	if (found == POSTFIX_ABSENT && at != NULL &&
	    lists(p, way, "mydestination", at + 1)) {
		text_clear(&bare);
		text_put(&bare, slice_make(address, (size_t)(at - address)));
		found = ask_maps(p, way, parameter, memory, false, value);
	}
	if (found == POSTFIX_ABSENT && at != NULL)
		found = ask_maps(p, way, parameter, at, false, value);
	return found;
}

static void
note_depends(struct postfix_way *way, const char *parameter)
{
	way->depends[way->ndepends++] = parameter;
}

/* False: no sender was said, or no table has an answer for this one. */
static bool
ask_by_sender(const struct postfix *p, const struct postfix_mail *mail,
    struct postfix_way *way, const char *parameter, const char *null_key,
    struct text *value)
{
	char key[POSTFIX_WAY_BYTES];

	if (postfix_parameter(p, parameter).n == 0)
		return false;
	if (mail->sender == NULL) {
		note_depends(way, parameter);
		return false;
	}
	snprintf(key, sizeof key, "%s", mail->sender);
	if (key[0] == '\0')
		snprintf(key, sizeof key, "%.*s",
		    SLICE_ARG(postfix_parameter(p, null_key)));
	text_clear(value);
	return ask_by_address(p, way, parameter, key, value) ==
	    POSTFIX_FOUND && value->n > 0 &&
	    strcasecmp(value->buf, "DUNNO") != 0;
}

static void
set_hop(struct postfix_way *way, struct slice hop, const char *by)
{
	keep(way->nexthop, hop);
	way->nexthop_by = by;
}

static void
classify(const struct postfix *p, const struct postfix_mail *mail,
    struct postfix_way *way)
{
	static const char hops[] = "sender_dependent_relayhost_maps",
	    transports[] = "sender_dependent_default_transport_maps";
	struct slice relayhost = postfix_parameter(p, "relayhost");
	char memory[POSTFIX_WAY_BYTES];
	struct text value;
	size_t i = 0;

	text_init(&value, memory, sizeof memory);
	while (classes[i].list != NULL &&
	    !lists(p, way, classes[i].list, mail->domain))
		i++;
	set_hop(way, slice_of(mail->domain), "the domain");
	if (classes[i].transport == NULL) {
		keep(way->transport, slice_of("error"));
		way->transport_by = classes[i].list;
		return;
	}
	if (classes[i].relayed && ask_by_sender(p, mail, way, hops,
	    "empty_address_relayhost_maps_lookup_key", &value))
		set_hop(way, slice_make(memory, value.n), hops);
	else if (classes[i].relayed && relayhost.n > 0)
		set_hop(way, relayhost, "relayhost");
	if (classes[i].list == NULL && ask_by_sender(p, mail, way, transports,
	    "empty_address_default_transport_maps_lookup_key", &value))
		take_transport(way, slice_make(memory, value.n), transports);
	else
		take_transport(way, postfix_parameter(p, classes[i].transport),
		    classes[i].transport);
}

/* A transport found for the recipient counts for all senders. */
static void
forget_sender(struct postfix_way *way)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < way->ndepends; i++)
		if (way->depends[i] == maps)
			way->depends[kept++] = maps;
	way->ndepends = kept;
}

/* transport(5): an empty transport leaves it, and then an empty hop the hop. */
static void
take_entry(struct postfix_way *way, const char *domain, struct slice value)
{
	size_t colon = slice_find(value, ':');
	struct slice hop = slice_from(value, colon < value.n ? colon + 1 :
	    colon);

	if (colon > 0) {
		forget_sender(way);
		set_hop(way, slice_of(domain), "the domain");
		take_transport(way, value, maps);
	} else if (hop.n > 0) {
		set_hop(way, hop, maps);
	}
}

static bool
parents_have_no_dot(const struct postfix *p)
{
	struct slice list = postfix_parameter(p,
	    "parent_domain_matches_subdomains"), item;

	while (slice_next_of(&list, ", \t", &item))
		if (slice_is(item, "transport_maps"))
			return true;
	return false;
}

/* Of a domain alone it is not known whether a table has a single address. */
static enum postfix_found
look_up_address(const struct postfix *p, const struct postfix_mail *mail,
    struct postfix_way *way, struct text *value)
{
	struct slice list = postfix_parameter(p, maps);
	char address[POSTFIX_WAY_BYTES], memory[POSTFIX_WAY_BYTES];
	enum postfix_found found;
	struct postfix_item item;
	struct text bare;

	if (mail->user[0] == '\0') {
		while (postfix_next_item(&list, &item))
			if (is_pattern(item.whole)) {
				note_depends(way, maps);
				break;
			}
		return POSTFIX_ABSENT;
	}
	text_init(&bare, memory, sizeof memory);
	snprintf(address, sizeof address, "%s@%s", mail->user, mail->domain);
	found = ask_maps(p, way, maps, address, true, value);
	if (found == POSTFIX_ABSENT && drop_extension(p, address, &bare))
		found = ask_maps(p, way, maps, memory, false, value);
	return found;
}

static void
look_up(const struct postfix *p, const struct postfix_mail *mail,
    struct postfix_way *way)
{
	char memory[POSTFIX_WAY_BYTES];
	bool bare = parents_have_no_dot(p);
	const char *key = mail->domain;
	enum postfix_found found;
	struct text value;

	text_init(&value, memory, sizeof memory);
	found = look_up_address(p, mail, way, &value);
	while (key != NULL && found == POSTFIX_ABSENT) {
		found = ask_maps(p, way, maps, key == mail->domain || !bare ?
		    key : key + 1, false, &value);
		key = strchr(key + 1, '.');
	}
	if (found == POSTFIX_ABSENT)
		found = ask_maps(p, way, maps, "*", false, &value);
	if (found == POSTFIX_FOUND)
		take_entry(way, mail->domain, slice_trim(slice_make(value.buf,
		    value.n)));
}

void
postfix_way(const struct postfix *p, const struct postfix_mail *mail,
    struct postfix_way *way)
{
	memset(way, 0, sizeof *way);
	classify(p, mail, way);
	look_up(p, mail, way);
	for (unsigned i = 0; i < p->n; i++)
		if (p->services[i].command == POSTFIX_SMTP &&
		    slice_is(p->services[i].type, "unix") &&
		    slice_is(p->services[i].name, way->transport))
			way->service = &p->services[i];
}
