/*
 * smtp_tls_policy_maps, while the setting socketmap is on: Postfix takes the
 * answer of the first table that has one, so ours comes first.  A chrooted
 * smtp(8) opens the socket from within; by "proxy:" proxymap(8) does it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy/doctor/access.h"
#include "policy/doctor/postfix-list.h"

static const char maps[] = "smtp_tls_policy_maps", ours_is[] = "tlspolicy";

enum map { MAP_OTHER, MAP_OURS, MAP_MISNAMED, MAP_UNSEEN };

static bool
leads_to_us(const struct postfix *p, const struct socket_address *us,
    const struct socket_address *as_written, bool chrooted)
{
	struct slice queue = postfix_parameter(p, "queue_directory");
	struct socket_address a = *as_written;
	bool absolute = a.path[0] == '/';

	if (a.path[0] != '\0' && (!absolute || chrooted) &&
	    (size_t)snprintf(a.path, sizeof a.path, "%.*s%s%s",
	    SLICE_ARG(queue), absolute ? "" : "/", as_written->path) >=
	    sizeof a.path)
		return false;
	return socket_same(&a, us);
}

/* "socketmap:unix:/path:name", "socketmap:inet:host:port:name" */
static enum map
which(const struct postfix *p, const struct postfix_service *s,
    const struct socket_address *us, struct slice item)
{
	bool chrooted = s->chrooted;
	struct socket_address a;
	size_t colon;

	if (slice_starts_nocase(item, "proxy:")) {
		item = slice_from(item, 6);
		chrooted = false;
	}
	if (!slice_starts_nocase(item, "socketmap:"))
		return MAP_OTHER;
	item = slice_from(item, 10);
	colon = item.n;
	while (colon > 0 && item.p[colon - 1] != ':')
		colon--;
	if (colon == 0 || !socket_parse_postfix(slice_make(item.p, colon - 1),
	    &a))
		return MAP_OTHER;
	if (!leads_to_us(p, us, &a, chrooted))
		return chrooted && leads_to_us(p, us, &a, false) ?
		    MAP_UNSEEN : MAP_OTHER;
	return slice_is(slice_from(item, colon), ours_is) ? MAP_OURS :
	    MAP_MISNAMED;
}

/* As smtp(8) sees it, in its chroot if it has one. */
bool
postfix_is_our_map(const struct postfix *p, const struct socket_address *us,
    struct slice item)
{
	static const struct postfix_service none;
	const struct postfix_service *s = &none;

	for (unsigned i = 0; i < p->n; i++)
		if (p->services[i].command == POSTFIX_SMTP &&
		    slice_is(p->services[i].name, "smtp"))
			s = &p->services[i];
	return which(p, s, us, item) == MAP_OURS;
}

static void
check_list(struct postfix *p, struct postfix_service *s,
    const struct socket_address *us)
{
	struct slice list = postfix_value(p, s, maps, NULL);
	char memory[POSTFIX_LIST_BYTES];
	bool asked = false, first = true, unseen = false;
	struct postfix_item item;
	char what[2048];
	struct text wanted;

	text_init(&wanted, memory, sizeof memory);
	text_printf(&wanted, "%ssocketmap:",
	    s->chrooted && us->path[0] != '\0' ? "proxy:" : "");
	socket_print_postfix(us, &wanted);
	text_printf(&wanted, ":%s", ours_is);
	for (bool any = false; postfix_next_item(&list, &item); any = true) {
		enum map map = which(p, s, us, item.whole);

		if (map == MAP_OURS && !asked) {
			asked = true;
			first = !any;
		} else if (map == MAP_UNSEEN)
			unseen = true;
		else if (map == MAP_OTHER)
			text_printf(&wanted, ", %.*s", SLICE_ARG(item.whole));
	}
	snprintf(what, sizeof what, "service %.*s/%.*s runs chrooted in %.*s "
	    "and does not see %s", SLICE_ARG(s->name), SLICE_ARG(s->type),
	    SLICE_ARG(postfix_parameter(p, "queue_directory")), us->path);
	if (!asked && unseen)
		postfix_find_as(p, s, DOCTOR_POSTFIX_NO_MAP, maps, memory, what);
	else if (!asked)
		postfix_find(p, s, DOCTOR_POSTFIX_NO_MAP, maps, memory);
	else if (!first)
		postfix_find(p, s, DOCTOR_POSTFIX_MAP_BEHIND, maps, memory);
}

/* Postfix opens the socket as its own user. */
static void
check_access(const struct postfix *p, const struct socket_address *us)
{
	char memory[FINDING_WHAT_MAX];
	const struct doctor *d = p->d;
	struct access postfix;
	struct finding *f;
	struct text why;

	if (!doctor_answers(d->socketmap)) {
		finding_mend(doctor_add(d, DOCTOR_MAP_DOWN,
		    "nobody listens on %s: %s", d->socketmap,
		    strerror(errno)), "run",
		    "systemctl restart tlspolicy-milter");
		return;
	}
	text_init(&why, memory, sizeof memory);
	if (us->path[0] == '\0' || !access_find("postfix", &postfix) ||
	    access_may(&postfix, us->path, ACCESS_READ | ACCESS_WRITE, &why))
		return;
	f = doctor_add(d, DOCTOR_MAP_CLOSED_TO_MTA,
	    "postfix may not connect to %s: %s", us->path, why.buf);
	if (strncmp(why.buf, us->path, strlen(us->path)) != 0) {
		finding_mend(f, "run", "chmod o+x %.*s",
		    (int)strcspn(why.buf, " "), why.buf);
		return;
	}
	finding_mend(f, d->conf, "socketmap-group = postfix\n"
	    "socketmap-mode = 0660");
	if (doctor_unit_lacks_group(d->unit, "postfix")) {
		doctor_unit_add_group("postfix", memory, sizeof memory);
		finding_then(f, "%s", memory);
	}
	finding_then(f, "systemctl restart tlspolicy-milter");
}

void
postfix_outbound(struct postfix *p)
{
	struct socket_address us;

	if (!socket_parse(slice_of(p->d->socketmap), &us))
		return;
	for (unsigned i = 0; i < p->n; i++)
		if (p->services[i].command == POSTFIX_SMTP)
			check_list(p, &p->services[i], &us);
	check_access(p, &us);
}
