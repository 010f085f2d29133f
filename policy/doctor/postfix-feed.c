/*
 * Fingerprints come to the daemon by Postfix's policy service alone: it has to
 * be asked of every recipient, so before anything in the list that lets pass.
 * A table there may let pass, too, but that is not looked into.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/doctor/access.h"
#include "policy/doctor/postfix-list.h"

static const char list_name[] = "smtpd_recipient_restrictions",
    word_before[] = "check_policy_service";

/* As tlspolicy-milter(8) has it. */
static const char unit_lines[] = "install -m 644 " TLSPOLICY_EXAMPLES
    "/tlspolicy-facts.socket /etc/systemd/system/\n"
    "systemctl daemon-reload\n"
    "systemctl stop tlspolicy-milter.socket tlspolicy-milter\n"
    "systemctl enable tlspolicy-facts.socket\n"
    "systemctl start tlspolicy-facts.socket tlspolicy-milter.socket "
    "tlspolicy-milter";

enum feed { FEED_NONE, FEED_BEHIND, FEED_UNSEEN, FEED_FIRST };

/*
 * Where our policy service stands in a list: check_policy_service, the service,
 * the rest.
 */
struct place {
	enum feed feed;
	struct slice before, service, after;
};

static enum feed
which(const struct postfix *p, const struct postfix_service *s,
    const struct socket_address *us, struct slice address)
{
	struct socket_address at, outside;

	if (!socket_parse_postfix(address, &at))
		return FEED_NONE;
	outside = at;
	postfix_resolve(p, s->chrooted, &at);
	if (socket_same(&at, us))
		return FEED_FIRST;
	postfix_resolve(p, false, &outside);
	return socket_same(&outside, us) ? FEED_UNSEEN : FEED_NONE;
}

static bool
is_permit(struct slice word)
{
	return slice_is_nocase(word, "permit") ||
	    slice_starts_nocase(word, "permit_");
}

/* The first of our policy services that is asked, else one that is not. */
static void
find_place(const struct postfix *p, const struct postfix_service *s,
    const struct socket_address *us, struct slice list, struct place *place)
{
	struct slice rest = list, word = slice_make(list.p, 0);
	struct postfix_item item;
	bool asks = false, behind = false;

	memset(place, 0, sizeof *place);
	place->before = list;
	while (postfix_next_item(&rest, &item)) {
		enum feed feed = asks ? which(p, s, us, item.address) :
		    FEED_NONE;

		if (feed == FEED_FIRST && behind)
			feed = FEED_BEHIND;
		if (feed != FEED_NONE) {
			place->feed = feed;
			place->before = slice_make(list.p,
			    (size_t)(word.p - list.p));
			place->service = item.whole;
			place->after = rest;
			return;
		}
		word = item.whole;
		behind = behind || (!asks && is_permit(word));
		asks = slice_is_nocase(word, word_before);
	}
}

static struct slice
without_ends(struct slice s)
{
	while (s.n > 0 && strchr(", \t", s.p[0]) != NULL)
		s = slice_from(s, 1);
	while (s.n > 0 && strchr(", \t", s.p[s.n - 1]) != NULL)
		s.n--;
	return s;
}

/* The list with ours in front, and all else as it was. */
static void
put_first(const struct postfix *p, const struct place *place,
    const struct socket_address *us, struct text *out)
{
	struct slice rest[] = { without_ends(place->before),
		without_ends(place->after) };

	text_printf(out, "%s ", word_before);
	if (place->feed == FEED_BEHIND)
		text_put(out, place->service);
	else {
		text_puts(out, "{ ");
		postfix_put_address(p, us, out);
		text_puts(out, ", timeout=5s, default_action=DUNNO }");
	}
	for (int i = 0; i < 2; i++)
		if (rest[i].n > 0)
			text_printf(out, ", %.*s", SLICE_ARG(rest[i]));
}

static bool
is_below_queue(const struct postfix *p, const struct socket_address *us)
{
	struct slice queue = postfix_parameter(p, "queue_directory");

	return queue.n > 0 && strlen(us->path) > queue.n &&
	    memcmp(us->path, queue.p, queue.n) == 0 &&
	    us->path[queue.n] == '/';
}

static void
put_below_queue(const struct postfix *p, struct socket_address *us)
{
	snprintf(us->path, sizeof us->path, "%.*s/tlspolicy/facts.sock",
	    SLICE_ARG(postfix_parameter(p, "queue_directory")));
}

/* The feed is off: says how to turn it on, besides the list. */
static void
say_off(const struct postfix *p, const struct socket_address *us)
{
	const struct doctor *d = p->d;
	struct finding *f = doctor_add(d, DOCTOR_FEED_OFF,
	    "the setting facts-socket is off%s%s", d->unit->facts[0] != '\0' ?
	    ", and tlspolicy-facts.socket listens on " : "", d->unit->facts);
	char memory[FINDING_WHAT_MAX];

	if (d->unit->facts[0] != '\0') {
		/*
		 * The daemon has its socket from systemd; lint goes by the
		 * setting.
		 */
		finding_mend(f, d->conf, "facts-socket = %s", d->unit->facts);
		return;
	}
	if (d->unit->socket[0] != '\0') {
		/*
		 * A socket unit makes the milter's folder, and one has to make
		 * this socket.
		 */
		finding_mend(f, d->conf, "facts-socket = unix:%s", us->path);
		finding_then(f, "%s", unit_lines);
		return;
	}
	finding_mend(f, d->conf, "facts-socket = unix:%s\n"
	    "facts-socket-group = postfix\nfacts-socket-mode = 0660",
	    us->path);
	if (doctor_unit_lacks_group(d->unit, "postfix")) {
		doctor_unit_add_group("postfix", memory, sizeof memory);
		finding_then(f, "%s", memory);
	}
	finding_then(f, "systemctl restart tlspolicy-milter");
}

static void
check_access(const struct postfix *p, const struct socket_address *us)
{
	char memory[FINDING_WHAT_MAX], address[SOCKET_PATH_MAX + 8];
	const struct doctor *d = p->d;
	struct access postfix;
	struct finding *f;
	struct text why;

	snprintf(address, sizeof address, "unix:%s", us->path);
	if (!doctor_answers(address)) {
		finding_mend(doctor_add(d, DOCTOR_FEED_DOWN,
		    "nobody listens on %s: %s", address, strerror(errno)),
		    "run", "systemctl restart %s", d->unit->facts[0] != '\0' ?
		    "tlspolicy-facts.socket" : "tlspolicy-milter");
		return;
	}
	text_init(&why, memory, sizeof memory);
	if (!access_find("postfix", &postfix) || access_may(&postfix, us->path,
	    ACCESS_READ | ACCESS_WRITE, &why))
		return;
	f = doctor_add(d, DOCTOR_FEED_CLOSED_TO_MTA,
	    "postfix may not connect to %s: %s", us->path, why.buf);
	if (strncmp(why.buf, us->path, strlen(us->path)) != 0) {
		finding_mend(f, "run", "chmod o+x %.*s",
		    (int)strcspn(why.buf, " "), why.buf);
		return;
	}
	finding_mend(f, d->conf, "facts-socket-group = postfix\n"
	    "facts-socket-mode = 0660");
	finding_then(f, "systemctl restart tlspolicy-milter");
}

/*
 * A chrooted smtpd(8) does not see the socket: the setting moves it below the
 * queue directory, and the list names it there.
 */
static void
say_unseen(const struct postfix *p, struct postfix_service *s,
    const struct socket_address *us, struct place *place)
{
	char what[FINDING_WHAT_MAX], memory[POSTFIX_LIST_BYTES];
	struct socket_address below = *us;
	const struct doctor *d = p->d;
	char line[FINDING_LINES_MAX];
	struct text wanted;
	struct finding *f;

	put_below_queue(p, &below);
	place->feed = FEED_UNSEEN;
	text_init(&wanted, memory, sizeof memory);
	put_first(p, place, &below, &wanted);
	snprintf(what, sizeof what, "service %.*s/%.*s runs chrooted in %.*s "
	    "and does not see %.500s", SLICE_ARG(s->name), SLICE_ARG(s->type),
	    SLICE_ARG(postfix_parameter(p, "queue_directory")), us->path);
	f = postfix_find_as(p, s, DOCTOR_POSTFIX_NO_FEED, list_name, memory,
	    what);
	if (f == NULL)
		return;
	/*
	 * The command that sets the list comes after those that move the
	 * socket.
	 */
	if (strcmp(f->place, "run") == 0)
		snprintf(line, sizeof line, "%s", f->lines);
	else
		snprintf(line, sizeof line, "postconf -c %s -e '%.1000s'",
		    p->dir, f->lines);
	f->then[0] = '\0';
	finding_mend(f, d->conf, "facts-socket = unix:%s\n"
	    "facts-socket-group = postfix\nfacts-socket-mode = 0660",
	    below.path);
	finding_then(f, "install -d -m 755%s%s %.*s", d->user[0] != '\0' ?
	    " -o " : "", d->user, (int)(strrchr(below.path, '/') -
	    below.path), below.path);
	finding_then(f, "systemctl restart tlspolicy-milter");
	finding_then(f, "%s", line);
	finding_then(f, "%s", p->reload);
}

static void
check_list(const struct postfix *p, struct postfix_service *s,
    const struct socket_address *us)
{
	struct slice list = postfix_value(p, s, list_name, NULL);
	char memory[POSTFIX_LIST_BYTES];
	struct text wanted;
	struct place place;

	find_place(p, s, us, list, &place);
	if (place.feed == FEED_FIRST)
		return;
	if (s->chrooted && !is_below_queue(p, us)) {
		say_unseen(p, s, us, &place);
		return;
	}
	text_init(&wanted, memory, sizeof memory);
	put_first(p, &place, us, &wanted);
	postfix_find(p, s, place.feed == FEED_BEHIND ?
	    DOCTOR_POSTFIX_FEED_BEHIND : DOCTOR_POSTFIX_NO_FEED, list_name,
	    memory);
}

/* Beside the milter's socket, which every smtpd(8) has to see, too. */
static void
propose(const struct postfix *p, struct socket_address *us)
{
	const char *slash = strrchr(p->socket.path, '/');

	memset(us, 0, sizeof *us);
	if (slash == NULL || slash - p->socket.path >= SOCKET_PATH_MAX - 16)
		put_below_queue(p, us);
	else
		snprintf(us->path, sizeof us->path, "%.*s/facts.sock",
		    (int)(slash - p->socket.path), p->socket.path);
	for (unsigned i = 0; i < p->n; i++)
		if (p->services[i].command == POSTFIX_SMTPD &&
		    p->services[i].chrooted && !is_below_queue(p, us))
			put_below_queue(p, us);
}

void
postfix_feed(struct postfix *p)
{
	const struct doctor *d = p->d;
	struct doctor other = *d;
	struct socket_address us;
	bool on;

	/* Only with rules that rest on fingerprints is any of it missing. */
	other.findings = d->if_prints;
	p->d = &other;
	on = socket_parse(slice_of(d->unit->facts[0] != '\0' ?
	    d->unit->facts : d->facts_socket), &us);
	if (!on)
		propose(p, &us);
	if (strcmp(d->facts_socket, "off") == 0 && d->if_prints->n == 0)
		say_off(p, &us);
	for (unsigned i = 0; i < p->n; i++)
		if (p->services[i].command == POSTFIX_SMTPD &&
		    !postfix_is_way_back(p, &p->services[i]))
			check_list(p, &p->services[i], &us);
	if (on)
		check_access(p, &us);
	p->d = d;
}
