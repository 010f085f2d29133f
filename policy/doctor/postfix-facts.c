/*
 * check_policy_service of the daemon's facts feed, while the setting facts-socket
 * is on: which list of restrictions it stands in does not matter, as all of them
 * are looked through for each recipient.
 */
#include <stdio.h>
#include <string.h>

#include "policy/doctor/postfix-list.h"

static const char wanted_in[] = "smtpd_recipient_restrictions";

enum asks { ASKS_NOT, ASKS_UNSEEN, ASKS_WITHOUT_ACTION, ASKS };

/* Below the queue directory when it is a relative path, or in a chroot. */
static bool
leads_to(const struct postfix *p, bool chrooted, struct slice address,
    const struct socket_address *us)
{
	struct slice queue = postfix_parameter(p, "queue_directory");
	struct socket_address at;
	char path[SOCKET_PATH_MAX];

	if (!socket_parse_postfix(address, &at))
		return false;
	if (at.path[0] != '\0' && (chrooted || at.path[0] != '/')) {
		if ((size_t)snprintf(path, sizeof path, "%.*s/%s",
		    SLICE_ARG(queue), at.path) >= sizeof path)
			return false;
		memcpy(at.path, path, sizeof path);
	}
	return socket_same(&at, us);
}

/* What becomes of mail while nobody answers: DUNNO is "as without the feed". */
static bool
is_harmless(const struct postfix *p, const struct postfix_service *s,
    struct slice options)
{
	static const char name[] = "smtpd_policy_service_default_action";
	struct slice word = postfix_action(options);

	if (word.n == 0)
		word = postfix_value(p, s, name, NULL);
	return slice_is_nocase(word, "DUNNO");
}

static enum asks
asks_in(const struct postfix *p, const struct postfix_service *s,
    struct slice list, const struct socket_address *us)
{
	enum asks most = ASKS_NOT, now;
	struct postfix_item item;
	bool next = false;

	while (postfix_next_item(&list, &item)) {
		if (!next)
			now = ASKS_NOT;
		else if (leads_to(p, s->chrooted, item.address, us))
			now = is_harmless(p, s, item.options) ? ASKS :
			    ASKS_WITHOUT_ACTION;
		else
			now = s->chrooted && leads_to(p, false, item.address,
			    us) ? ASKS_UNSEEN : ASKS_NOT;
		most = now > most ? now : most;
		next = slice_is_nocase(item.whole, "check_policy_service");
	}
	return most;
}

/* Where it is asked best: in the lists, and in classes, which stand for lists. */
static enum asks
asks(const struct postfix *p, const struct postfix_service *s,
    const struct socket_address *us, char *where, size_t size)
{
	static const char lists[] = "smtpd_client_restrictions "
	    "smtpd_helo_restrictions smtpd_sender_restrictions "
	    "smtpd_relay_restrictions smtpd_recipient_restrictions";
	struct slice names[] = { slice_of(lists),
		postfix_value(p, s, "smtpd_restriction_classes", NULL) }, one;
	enum asks most = ASKS_NOT, now;
	char name[256];

	for (int i = 0; i < 2; i++)
		while (slice_next_of(&names[i], ", \t", &one)) {
			snprintf(name, sizeof name, "%.*s", SLICE_ARG(one));
			now = one.n == 0 ? ASKS_NOT : asks_in(p, s,
			    postfix_value(p, s, name, NULL), us);
			if (now > most) {
				most = now;
				snprintf(where, size, "%s", name);
			}
		}
	return most;
}

static void
put_harmless(const struct postfix_item *item, struct text *out)
{
	struct slice rest = item->options, option;

	text_printf(out, "{ %.*s", SLICE_ARG(item->address));
	while (slice_next_of(&rest, ",", &option)) {
		option = slice_trim(option);
		if (option.n > 0 &&
		    !slice_starts_nocase(option, "default_action"))
			text_printf(out, ", %.*s", SLICE_ARG(option));
	}
	text_puts(out, ", default_action=DUNNO }");
}

/* The list where it stands; other services of it keep their action. */
static void
say_action(struct postfix *p, struct postfix_service *s,
    const struct socket_address *us, const char *where)
{
	struct slice list = postfix_value(p, s, where, NULL);
	char memory[POSTFIX_LIST_BYTES], what[FINDING_WHAT_MAX];
	struct postfix_item item;
	struct text wanted;
	bool next = false;

	text_init(&wanted, memory, sizeof memory);
	while (postfix_next_item(&list, &item)) {
		text_puts(&wanted, wanted.n > 0 ? " " : "");
		if (next && leads_to(p, s->chrooted, item.address, us))
			put_harmless(&item, &wanted);
		else
			text_put(&wanted, item.whole);
		next = slice_is_nocase(item.whole, "check_policy_service");
	}
	snprintf(what, sizeof what, "%s has no default_action=DUNNO for %.500s",
	    where, us->path);
	postfix_find_as(p, s, DOCTOR_POSTFIX_FACTS_ACTION, where, memory, what);
}

static void
say_nobody(struct postfix *p, struct postfix_service *s,
    const struct socket_address *us, bool unseen)
{
	struct slice queue = postfix_parameter(p, "queue_directory");
	struct slice list = postfix_value(p, s, wanted_in, NULL);
	char memory[POSTFIX_LIST_BYTES], what[FINDING_WHAT_MAX];
	const char *path = us->path;
	struct text wanted;

	if (strlen(path) > queue.n && memcmp(path, queue.p, queue.n) == 0 &&
	    path[queue.n] == '/')
		path += queue.n + 1;
	text_init(&wanted, memory, sizeof memory);
	text_printf(&wanted, "check_policy_service { unix:%s, timeout=5s, "
	    "default_action=DUNNO }%s%.*s", path, list.n > 0 ? ", " : "",
	    SLICE_ARG(list));
	if (unseen)
		snprintf(what, sizeof what, "service %.*s/%.*s runs chrooted "
		    "and cannot see %.500s", SLICE_ARG(s->name),
		    SLICE_ARG(s->type), us->path);
	else
		snprintf(what, sizeof what, "no check_policy_service asks %.500s",
		    us->path);
	postfix_find_as(p, s, DOCTOR_POSTFIX_NO_FACTS, wanted_in, memory, what);
}

void
postfix_facts(struct postfix *p, struct postfix_service *s)
{
	struct socket_address us;
	char where[256];

	if (!socket_parse(slice_of(p->d->facts), &us))
		return;
	switch (asks(p, s, &us, where, sizeof where)) {
	case ASKS:
		return;
	case ASKS_WITHOUT_ACTION:
		say_action(p, s, &us, where);
		return;
	case ASKS_UNSEEN:
		say_nobody(p, s, &us, true);
		return;
	case ASKS_NOT:
		say_nobody(p, s, &us, false);
	}
}
