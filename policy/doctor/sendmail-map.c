/*
 * The lines of scripts/sendmail-outbound.mc, in a .cf or .mc file: a map at the
 * socket of the setting socketmap, as the first one of the access map, and two
 * rulesets that ask it for all at once (policy/outbound/sendmail.c).
 */
#include <string.h>

#include "policy/doctor/sendmail.h"

/* t/550-doctor.t compares these with scripts/sendmail-outbound.mc. */
static const char rulesets[] =
    "LOCAL_TLS_SERVER\n"
    "R$*\t\t$: $(macro {TLS_Name} $@ $&{server_name} $) $1\n"
    "R$*\t\t$: $1 $| $(tlspolicy_access tlspolicy:tls_srv/"
    "$&{server_name}/$&{server_addr} $: DOWN $)\n"
    "R$* $| NONE\t$@ $1\n"
    "R$* $| OK\t$@ $1\n"
    "R$* $| TEMP + $*\t$@ $>\"TLS_connection\" $1 $| <TEMP + $2>\n"
    "R$* $| PERM + $*\t$@ $>\"TLS_connection\" $1 $| <PERM + $2>\n"
    "R$*\t\t$#error $@ 4.7.0 $: \"403 TLS policy cannot be consulted\"\n"
    "LOCAL_TLS_RCPT\n"
    "R$*\t\t$: $(macro {TLS_Name} $@ $&{server_name} $) $1\n"
    "R$*\t\t$: <?> $>CanonAddr $1\n"
    "R<?> $+ < @ $+ . >\t<?> $1 < @ $2 >\n"
    "R<?> $+ < @ $+ >\t<?> $1 @ $2\n"
    "R<?> $*\t\t$: $(tlspolicy_access tlspolicy:tls_rcpt/$1 $: DOWN $)\n"
    "RNONE\t\t$@ OK\n"
    "ROK\t\t$@ OK\n"
    "RTEMP + $*\t$@ $>\"TLS_connection\" $&{verify} $| <TEMP + $1>\n"
    "RPERM + $*\t$@ $>\"TLS_connection\" $&{verify} $| <PERM + $1>\n"
    "R$*\t\t$#error $@ 4.7.0 $: \"403 TLS policy cannot be consulted\"";

/* "socket -d5 -T<TMPF> unix:/path" */
static bool
parse_map(const struct sendmail *s, struct socket_address *at)
{
	struct slice rest = slice_of(s->map), word, last = slice_of("");
	bool is_class = slice_starts_nocase(rest, "socket ");

	while (slice_next_of(&rest, " \t", &word))
		if (word.n > 0)
			last = word;
	return is_class && socket_parse(last, at);
}

static void
mend_map(const struct sendmail *s, const struct socket_address *us,
    struct finding *f)
{
	char address[SENDMAIL_VALUE_BYTES], place[FINDING_PLACE_MAX];
	struct text text;

	text_init(&text, address, sizeof address);
	if (us->path[0] != '\0')
		text_printf(&text, "unix:%s", us->path);
	else
		socket_print_sendmail(us, &text);
	text_init(&text, place, sizeof place);
	text_printf(&text, "%s, before MAILER", s->place);
	finding_mend(f, place, "LOCAL_CONFIG\n"
	    "K" SENDMAIL_MAP " socket -d5 %s\n"
	    "Kaccess_file hash -T<TMPF> /etc/mail/access\n"
	    "FEATURE(`access_db', `sequence " SENDMAIL_MAP
	    " access_file')dnl", address);
	sendmail_then_restart(s, f);
}

static void
check_map(const struct sendmail *s, const struct socket_address *us)
{
	struct socket_address at;

	if (s->map[0] == '\0')
		mend_map(s, us, doctor_add(s->d, DOCTOR_SENDMAIL_NO_MAP,
		    "%s has no map " SENDMAIL_MAP, s->path));
	else if (!parse_map(s, &at) || !socket_same(&at, us))
		mend_map(s, us, doctor_add(s->d, DOCTOR_SENDMAIL_NO_MAP,
		    "%s: map " SENDMAIL_MAP " is \"%s\"", s->path, s->map));
	else if (!s->map_first)
		mend_map(s, us, doctor_add(s->d, DOCTOR_SENDMAIL_NO_MAP,
		    "%s: the map access is no sequence that begins with "
		    SENDMAIL_MAP, s->path));
}

static void
check_question(const struct sendmail *s)
{
	char place[FINDING_PLACE_MAX];
	struct finding *f;
	struct text text;

	if (s->asks_server && s->asks_rcpt)
		return;
	f = doctor_add(s->d, DOCTOR_SENDMAIL_NO_QUESTION, "%s: no ruleset asks "
	    "for the whole policy of a %s%s", s->path, s->asks_server ?
	    "recipient" : s->asks_rcpt ? "server" : "server or recipient",
	    s->asks_alive ? ", but whether the daemon is there" : "");
	text_init(&text, place, sizeof place);
	text_printf(&text, "%s, behind MAILER", s->place);
	finding_mend(f, place, "%s", rulesets);
	sendmail_then_restart(s, f);
}

/* Nobody listens: that is one finding where rules are, or sendmail asks. */
static bool
turn_on(struct sendmail *s, struct socket_address *us)
{
	if (parse_map(s, us)) {
		doctor_socketmap_off(s->d, us, SENDMAIL_MAP, "");
		return true;
	}
	doctor_propose_map(s->d, us);
	return false;
}

void
sendmail_map(struct sendmail *s)
{
	const struct doctor *d = s->d;
	struct doctor other = *d;
	struct socket_address us;

	if (!socket_parse(slice_of(d->socketmap), &us) && !turn_on(s, &us)) {
		other.findings = d->if_rules;
		s->d = &other;
		if (other.findings->n == 0)
			doctor_socketmap_off(s->d, &us, "", "");
	}
	check_map(s, &us);
	check_question(s);
	s->d = d;
}
