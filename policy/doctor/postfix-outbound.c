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
#include "policy/doctor/postfix-map.h"
#include "policy/import/import.h"
#include "policy/outbound/resolved.h"

static const char maps[] = "smtp_tls_policy_maps", ours_is[] = "tlspolicy";

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
		enum postfix_map map = postfix_map_which(p, s, us, item.whole);

		if (map == POSTFIX_MAP_OURS && !asked) {
			asked = true;
			first = !any;
		} else if (map == POSTFIX_MAP_UNSEEN)
			unseen = true;
		else if (map == POSTFIX_MAP_OTHER)
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

/* Of two that authenticate none is more; none and may are told alike. */
static unsigned
rank(enum outbound_level level)
{
	static const unsigned ranks[] = {
		[LEVEL_NONE] = 0, [LEVEL_MAY] = 0, [LEVEL_DANE] = 1,
		[LEVEL_ENCRYPT] = 2, [LEVEL_VERIFY] = 3, [LEVEL_SECURE] = 4,
		[LEVEL_FINGERPRINT] = 4, [LEVEL_DANE_ONLY] = 4
	};

	return ranks[level];
}

/*
 * There is one setting for all services: it says what the strictest of them
 * does, or one of those.
 */
static void
check_level(const struct postfix *p, const struct socket_address *us)
{
	enum outbound_level set = LEVEL_NONE, most = LEVEL_NONE, level;
	const struct postfix_service *strictest = NULL;
	bool same = false;
	struct finding *f;
	const char *by;

	(void)resolved_level(slice_of(p->d->outbound_default), &set);
	for (unsigned i = 0; i < p->n; i++) {
		const struct postfix_service *s = &p->services[i];

		if (s->command != POSTFIX_SMTP || !postfix_map_asks_us(p, s, us) ||
		    !resolved_level(postfix_level(p, s, &by), &level))
			continue;
		if (strictest == NULL || rank(level) > rank(most)) {
			strictest = s;
			most = level;
			same = false;
		}
		if (rank(level) == rank(most))
			same = same || level == set || rank(level) == 0;
	}
	if (strictest == NULL || (same && rank(set) == rank(most)))
		return;
	(void)postfix_level(p, strictest, &by);
	f = doctor_add(p->d, DOCTOR_POSTFIX_LEVEL,
	    "service %.*s/%.*s of %s delivers at the level %s (%s), and "
	    "outbound-default is %s", SLICE_ARG(strictest->name),
	    SLICE_ARG(strictest->type), p->dir, resolved_level_name(most), by,
	    p->d->outbound_default);
	finding_mend(f, p->d->conf, "outbound-default = %s",
	    resolved_level_name(most));
	finding_then(f, "systemctl restart tlspolicy-milter");
}

static bool
has_word(struct slice list, struct slice wanted)
{
	struct slice word;

	while (slice_next_of(&list, ":, \t", &word))
		if (word.n > 0 && slice_equal_nocase(word, wanted))
			return true;
	return false;
}

/* Words of the list that are not in `all` yet; true: there were some. */
static bool
add_words(struct text *all, struct slice list)
{
	struct slice word;
	bool more = false;

	while (slice_next_of(&list, ":, \t", &word))
		if (word.n > 0 && !has_word(slice_make(all->buf, all->n),
		    word)) {
			text_puts(all, all->n > 0 ? ", " : "");
			text_put(all, word);
			more = true;
		}
	return more;
}

/* What an answer would take the place of, by the services that ask. */
static void
check_limits(const struct postfix *p, const struct socket_address *us)
{
	static const char *const lists[] = { "smtp_tls_exclude_ciphers",
		"smtp_tls_mandatory_exclude_ciphers" };
	static const char protocols[] = "smtp_tls_mandatory_protocols";
	int least = p->d->outbound_version;
	char memory[FINDING_LINES_MAX];
	bool more = false;
	struct text all;
	struct finding *f;

	text_init(&all, memory, sizeof memory);
	add_words(&all, slice_of(p->d->outbound_exclude));
	for (unsigned i = 0; i < p->n; i++) {
		const struct postfix_service *s = &p->services[i];
		int own;

		if (s->command != POSTFIX_SMTP ||
		    !postfix_map_asks_us(p, s, us))
			continue;
		own = import_least_protocol(postfix_value(p, s, protocols,
		    NULL));
		least = own > least ? own : least;
		for (size_t k = 0; k < sizeof lists / sizeof lists[0]; k++)
			more |= add_words(&all, postfix_value(p, s, lists[k],
			    NULL));
	}
	if (!more && least == p->d->outbound_version)
		return;
	f = doctor_add(p->d, DOCTOR_POSTFIX_LIMITS, "%s of %s is from TLS 1.%d "
	    "on, and outbound-version 1.%d; excluded are \"%s\", and by "
	    "outbound-exclude \"%s\"", protocols, p->dir, least,
	    p->d->outbound_version, memory, p->d->outbound_exclude);
	finding_mend(f, p->d->conf, "outbound-version = 1.%d\n"
	    "outbound-exclude = %s", least, memory);
	finding_then(f, "systemctl restart tlspolicy-milter");
}

/*
 * The names of VERIFY that main.cf has for such a certificate, bit by bit: at
 * the level verify its own list counts as well, unless the name of the host is
 * in it, which is weaker than any.
 */
static unsigned
match_of(const struct postfix *p, const struct postfix_service *s)
{
	static const char *const words[] = { "nexthop", "dot-nexthop" };
	struct slice secure = postfix_value(p, s, "smtp_tls_secure_cert_match",
	    NULL), verify = postfix_value(p, s, "smtp_tls_verify_cert_match",
	    NULL);
	enum outbound_level level = LEVEL_NONE;
	unsigned bits = 0;
	const char *by;
	bool both;

	both = resolved_level(postfix_level(p, s, &by), &level) &&
	    level == LEVEL_VERIFY && !has_word(verify, slice_of("hostname"));
	for (unsigned i = 0; i < 2; i++)
		if (has_word(secure, slice_of(words[i])) &&
		    (!both || has_word(verify, slice_of(words[i]))))
			bits |= 1U << i;
	return bits;
}

/* An answer by VERIFY names nexthop and dot-nexthop, where it may. */
static void
check_match(const struct postfix *p, const struct socket_address *us)
{
	static const struct {
		unsigned bits;
		const char *word;
	} matches[] = {
		[MATCH_BOTH] = { 3, "nexthop:dot-nexthop" },
		[MATCH_NEXTHOP] = { 1, "nexthop" },
		[MATCH_DOT_NEXTHOP] = { 2, "dot-nexthop" },
		[MATCH_NEITHER] = { 0, "none" }
	};
	unsigned set = matches[p->d->outbound_match].bits, left = set, i = 0;
	const struct postfix_service *least = NULL;
	struct finding *f;

	for (unsigned k = 0; k < p->n; k++) {
		const struct postfix_service *s = &p->services[k];

		if (s->command != POSTFIX_SMTP ||
		    !postfix_map_asks_us(p, s, us) ||
		    (left & ~match_of(p, s)) == 0)
			continue;
		left &= match_of(p, s);
		least = s;
	}
	if (least == NULL)
		return;
	while (matches[i].bits != left)
		i++;
	f = doctor_add(p->d, DOCTOR_POSTFIX_MATCH, "service %.*s/%.*s of %s "
	    "takes certificates by \"%.*s\", and outbound-match is %s",
	    SLICE_ARG(least->name), SLICE_ARG(least->type), p->dir,
	    SLICE_ARG(postfix_value(p, least, "smtp_tls_secure_cert_match",
	    NULL)), matches[p->d->outbound_match].word);
	finding_mend(f, p->d->conf, "outbound-match = %s", matches[i].word);
	finding_then(f, "systemctl restart tlspolicy-milter");
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

/* Postfix 3.10: a sender can do without what a rule demands (RFC 8689). */
static void
check_tls_required(struct postfix *p)
{
	static const char enable[] = "tls_required_enable";
	struct finding *f;

	if (!slice_is_nocase(postfix_parameter(p, enable), "yes"))
		return;
	f = doctor_add(p->d, DOCTOR_POSTFIX_TLS_REQUIRED, "%s of %s is \"yes\"",
	    enable, p->dir);
	finding_mend(f, p->main_cf, "%s = no", enable);
	finding_then(f, "%s", p->reload);
}

/*
 * The smtp services whose map is our socketmap; all of them while we have
 * none.
 */
static void
check_cas(struct postfix *p, const struct socket_address *us)
{
	for (unsigned i = 0; i < p->n; i++) {
		struct postfix_service *s = &p->services[i];

		if (s->command == POSTFIX_SMTP &&
		    (us == NULL || postfix_map_asks_us(p, s, us)) &&
		    postfix_value(p, s, "smtp_tls_CAfile", NULL).n == 0 &&
		    postfix_value(p, s, "smtp_tls_CApath", NULL).n == 0 &&
		    !postfix_is_yes(p, s, "tls_append_default_CA"))
			postfix_find(p, s, DOCTOR_POSTFIX_NO_SERVER_CA,
			    "smtp_tls_CAfile",
			    "/etc/ssl/certs/ca-certificates.crt");
	}
}

static void
check_dnssec(struct postfix *p, const struct socket_address *us)
{
	for (unsigned i = 0; i < p->n; i++) {
		struct postfix_service *s = &p->services[i];

		if (s->command == POSTFIX_SMTP &&
		    (us == NULL || postfix_map_asks_us(p, s, us)) &&
		    !slice_is_nocase(postfix_value(p, s,
		    "smtp_dns_support_level", NULL), "dnssec"))
			postfix_find(p, s, DOCTOR_POSTFIX_NO_DNSSEC,
			    "smtp_dns_support_level", "dnssec");
	}
}

/* Beside the milter's socket, where the daemon may make one. */
void
doctor_propose_map(const struct doctor *d, struct socket_address *us)
{
	struct socket_address milter;
	const char *slash;

	(void)socket_parse(slice_of("unix:/run/tlspolicy/map.sock"), us);
	if (!socket_parse(slice_of(d->set_socket), &milter))
		return;
	slash = strrchr(milter.path, '/');
	if (slash != NULL && slash - milter.path < SOCKET_PATH_MAX - 16)
		snprintf(us->path, sizeof us->path, "%.*s/map.sock",
		    (int)(slash - milter.path), milter.path);
}

/* The setting socketmap is off: it is to listen where the MTA asks. */
void
doctor_socketmap_off(const struct doctor *d, const struct socket_address *us,
    const char *who, const char *group)
{
	struct finding *f = doctor_add(d, DOCTOR_SOCKETMAP_OFF,
	    "the setting socketmap is %s%s%s", d->socketmap,
	    who[0] != '\0' ? ", and asked is " : "", who);
	char memory[POSTFIX_SPEC_BYTES];
	struct text address;

	text_init(&address, memory, sizeof memory);
	if (us->path[0] != '\0')
		text_printf(&address, "unix:%s", us->path);
	else
		socket_print_sendmail(us, &address);
	finding_mend(f, d->conf, "socketmap = %s%s%s%s", memory,
	    group[0] != '\0' ? "\nsocketmap-group = " : "", group,
	    group[0] != '\0' ? "\nsocketmap-mode = 0660" : "");
	finding_then(f, "systemctl restart tlspolicy-milter");
}

/* Some smtp(8) asks a table of our name, and thus defers its mail. */
static bool
is_asked_in_vain(const struct postfix *p, struct socket_address *us)
{
	char who[POSTFIX_SPEC_BYTES];
	struct postfix_item item;

	for (unsigned i = 0; i < p->n; i++) {
		const struct postfix_service *s = &p->services[i];
		struct slice list = postfix_value(p, s, maps, NULL);

		while (s->command == POSTFIX_SMTP &&
		    postfix_next_item(&list, &item)) {
			if (!postfix_map_take(p, s, item.whole, us))
				continue;
			snprintf(who, sizeof who, "%.*s",
			    SLICE_ARG(item.whole));
			doctor_socketmap_off(p->d, us, who,
			    us->path[0] != '\0' ? "postfix" : "");
			return true;
		}
	}
	return false;
}

static void
turn_on(struct postfix *p, const struct socket_address *none)
{
	const struct doctor *d = p->d;
	struct socket_address us;

	(void)none;
	doctor_propose_map(d, &us);
	if (d->findings->n == 0)
		doctor_socketmap_off(d, &us, "", "postfix");
	for (unsigned i = 0; i < p->n; i++)
		if (p->services[i].command == POSTFIX_SMTP)
			check_list(p, &p->services[i], &us);
}

/*
 * Runs a check whose findings count only where there are rules for mail that
 * leaves.
 */
static void
check_into(struct postfix *p, struct findings *list,
    void (*check)(struct postfix *, const struct socket_address *us),
    const struct socket_address *us)
{
	const struct doctor *d = p->d;
	struct doctor other = *d;

	other.findings = list;
	p->d = &other;
	check(p, us);
	p->d = d;
}

void
postfix_outbound(struct postfix *p)
{
	struct socket_address us;

	bool on = socket_parse(slice_of(p->d->socketmap), &us);

	if (!on && !is_asked_in_vain(p, &us)) {
		check_into(p, p->d->if_rules, turn_on, NULL);
		check_into(p, p->d->if_verify, check_cas, NULL);
		check_into(p, p->d->if_dane, check_dnssec, NULL);
		return;
	}
	check_into(p, p->d->if_verify, check_cas, &us);
	check_into(p, p->d->if_dane, check_dnssec, &us);
	for (unsigned i = 0; i < p->n; i++)
		if (p->services[i].command == POSTFIX_SMTP)
			check_list(p, &p->services[i], &us);
	check_level(p, &us);
	check_limits(p, &us);
	check_match(p, &us);
	postfix_map_check_proxy(p, &us);
	check_tls_required(p);
	postfix_relay(p);
	if (on)
		check_access(p, &us);
}
