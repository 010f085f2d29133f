/*
 * "socketmap:unix:/path:name" in smtp_tls_policy_maps: is that the daemon's, and
 * does who opens it see it?  A chrooted smtp(8) opens it from within, by "proxy:"
 * proxymap(8) does, which opens what is in proxy_read_maps and nothing else.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "policy/doctor/postfix-list.h"
#include "policy/doctor/postfix-map.h"
#include "policy/doctor/run.h"

static const char maps[] = "smtp_tls_policy_maps", ours_is[] = "tlspolicy",
    proxy_list[] = "proxy_read_maps";

/* "socketmap:unix:/path:name", "socketmap:inet:host:port:name" */
struct socketmap {
	bool by_proxy;
	struct socket_address at; /* as it is written */
	struct slice name;
};

static bool
take(struct slice item, struct socketmap *map)
{
	size_t colon;

	map->by_proxy = slice_starts_nocase(item, "proxy:");
	item = slice_from(item, map->by_proxy ? 6 : 0);
	if (!slice_starts_nocase(item, "socketmap:"))
		return false;
	item = slice_from(item, 10);
	for (colon = item.n; colon > 0 && item.p[colon - 1] != ':'; colon--)
		continue;
	map->name = slice_from(item, colon);
	return colon > 0 &&
	    socket_parse_postfix(slice_make(item.p, colon - 1), &map->at);
}

/* Where it is, seen from outside. */
static bool
locate(const struct postfix *p, const struct socketmap *map, bool chrooted,
    struct socket_address *at)
{
	struct slice queue = postfix_parameter(p, "queue_directory");
	bool absolute = map->at.path[0] == '/';

	*at = map->at;
	return at->path[0] == '\0' || (absolute && !chrooted) ||
	    (size_t)snprintf(at->path, sizeof at->path, "%.*s%s%s",
	    SLICE_ARG(queue), absolute ? "" : "/", map->at.path) <
	    sizeof at->path;
}

bool
postfix_map_take(const struct postfix *p, const struct postfix_service *s,
    struct slice item, struct socket_address *at)
{
	struct socketmap map;

	return take(item, &map) && slice_is(map.name, ours_is) &&
	    locate(p, &map, s->chrooted && !map.by_proxy, at);
}

enum postfix_map
postfix_map_which(const struct postfix *p, const struct postfix_service *s,
    const struct socket_address *us, struct slice item)
{
	struct socket_address at;
	struct socketmap map;
	bool chrooted;

	if (!take(item, &map))
		return POSTFIX_MAP_OTHER;
	chrooted = s->chrooted && !map.by_proxy;
	if (!locate(p, &map, chrooted, &at) || !socket_same(&at, us))
		return chrooted && locate(p, &map, false, &at) &&
		    socket_same(&at, us) ? POSTFIX_MAP_UNSEEN :
		    POSTFIX_MAP_OTHER;
	return slice_is(map.name, ours_is) ? POSTFIX_MAP_OURS :
	    POSTFIX_MAP_MISNAMED;
}

bool
postfix_map_asks_us(const struct postfix *p, const struct postfix_service *s,
    const struct socket_address *us)
{
	struct slice list = postfix_value(p, s, maps, NULL);
	struct postfix_item item;

	while (postfix_next_item(&list, &item))
		if (postfix_map_which(p, s, us, item.whole) == POSTFIX_MAP_OURS)
			return true;
	return false;
}

/* Has the list it, as a word of its own? */
static bool
has_item(struct slice list, struct slice wanted)
{
	struct postfix_item item;

	while (postfix_next_item(&list, &item))
		if (slice_equal(item.whole, wanted))
			return true;
	return false;
}

const char *
postfix_map_hidden(const struct postfix *p, const struct postfix_service *s,
    const struct socket_address *us, struct slice item)
{
	enum postfix_map which = postfix_map_which(p, s, us, item);

	if (which == POSTFIX_MAP_UNSEEN)
		return "smtp(8) is chrooted and does not see the socket";
	return which == POSTFIX_MAP_OURS &&
	    slice_starts_nocase(item, "proxy:") &&
	    !has_item(postfix_parameter(p, proxy_list), item) ?
	    "proxy_read_maps does not have it" : NULL;
}

/* The list as main.cf has it, with its $names, and the table. */
static void
make_readable(struct postfix *p, struct slice item)
{
	const char *argv[] = { "postconf", "-c", p->dir, "-h", proxy_list,
		NULL };
	bool by_name = has_item(postfix_parameter(p, maps), item);
	char memory[FINDING_LINES_MAX];
	struct finding *f;
	struct fault ignored;
	struct slice now;
	struct text out;

	text_init(&out, memory, sizeof memory);
	now = postfix_parameter(p, proxy_list);
	if (capture((char *const *)(uintptr_t)argv, &out, &ignored)) {
		/* The default has lines. */
		for (size_t i = 0; i < out.n; i++)
			memory[i] = memory[i] == '\n' ? ' ' : memory[i];
		now = slice_trim(slice_make(memory, out.n));
	}
	f = doctor_add(p->d, DOCTOR_POSTFIX_PROXY_MAPS,
	    "%s of %s does not have %.*s", proxy_list, p->dir, SLICE_ARG(item));
	finding_mend(f, p->main_cf, "%s = %.*s%s%s%.*s", proxy_list, SLICE_ARG(now),
	    now.n > 0 ? " " : "", by_name ? "$" : "",
	    SLICE_ARG(by_name ? slice_of(maps) : item));
	finding_then(f, "%s", p->reload);
}

void
postfix_map_check_proxy(struct postfix *p, const struct socket_address *us)
{
	struct postfix_item item;

	for (unsigned i = 0; i < p->n; i++) {
		const struct postfix_service *s = &p->services[i];
		struct slice all = postfix_value(p, s, maps, NULL);

		while (s->command == POSTFIX_SMTP &&
		    postfix_next_item(&all, &item))
			if (postfix_map_which(p, s, us, item.whole) ==
			    POSTFIX_MAP_OURS &&
			    postfix_map_hidden(p, s, us, item.whole) != NULL) {
				make_readable(p, item.whole);
				return;
			}
	}
}
