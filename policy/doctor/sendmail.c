/*
 * Lines are for the .mc file, which people edit; the .cf file is what a daemon
 * reads, so only of that one it is known what to try.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/doctor/certs.h"
#include "policy/doctor/sendmail.h"
#include "policy/doctor/trial.h"

enum { DELAY_MAX_S = 60 };

static const char restart[] = SENDMAIL_RESTART;

static bool
listed(struct slice list, const char *name)
{
	struct slice one;

	while (slice_next_of(&list, ",;", &one))
		if (slice_is(slice_trim(one), name))
			return true;
	return false;
}

static void
mend_filter(const struct sendmail *s, struct finding *f)
{
	finding_mend(f, s->place,
	    "INPUT_MAIL_FILTER(`%s', `S=%s, F=T, T=C:10s;S:10s;R:10s;E:30s')"
	    "dnl", s->name[0] != '\0' ? s->name : "tlspolicy", s->spec);
	sendmail_then_restart(s, f);
}

static void
mend_define(const struct sendmail *s, struct finding *f, const char *lines)
{
	finding_mend(f, s->place, "%s", lines);
	sendmail_then_restart(s, f);
}

/* Seconds of "C:5m" in "C:5m;S:10s"; 0: it is not there. */
static unsigned long
seconds_of(struct slice timeouts, char letter)
{
	static const char units[] = "smhd";
	static const unsigned long factor[] = { 1, 60, 3600, 86400 };
	struct slice one;

	while (slice_next(&timeouts, ';', &one)) {
		const char *unit;
		unsigned long number;

		one = slice_trim(one);
		unit = one.n < 4 ? NULL : strchr(units, one.p[one.n - 1]);
		if (unit != NULL && one.p[0] == letter && one.p[1] == ':' &&
		    text_number(slice_make(one.p + 2, one.n - 3), 1000000,
		    &number))
			return number * factor[unit - units];
	}
	return 0;
}

/* sendmail's defaults: C:5m;S:10s;R:10s;E:5m. */
static void
check_timeouts(const struct sendmail *s)
{
	struct slice timeouts = sendmail_equate(s->equates, 'T', NULL);
	unsigned long connect = seconds_of(timeouts, 'C');
	unsigned long end = seconds_of(timeouts, 'E');

	if (connect != 0 && connect <= DELAY_MAX_S && end != 0 &&
	    end <= DELAY_MAX_S)
		return;
	mend_filter(s, doctor_add(s->d, DOCTOR_SENDMAIL_TIMEOUTS,
	    "%s: filter %s has T=%.*s; it waits %lu s for a connection, %lu s "
	    "at the end of a message", s->path, s->name, SLICE_ARG(timeouts),
	    connect != 0 ? connect : 300, end != 0 ? end : 300));
}

/* True: nothing keeps sendmail from asking us. */
static bool
check_filter(const struct sendmail *s)
{
	struct slice flag = sendmail_equate(s->equates, 'F', NULL);
	const char *filters = s->option[SENDMAIL_FILTERS];
	struct finding *f;
	bool used;

	if (s->name[0] == '\0') {
		mend_filter(s, doctor_add(s->d, DOCTOR_SENDMAIL_NO_FILTER,
		    "%s has no mail filter on %s", s->path, s->spec));
		return false;
	}
	used = listed(slice_of(filters), s->name) ||
	    (filters[0] == '\0' && s->input);
	if (!used) {
		f = doctor_add(s->d, DOCTOR_SENDMAIL_FILTER_UNUSED,
		    "%s: InputMailFilters is \"%s\"", s->path, filters);
		finding_mend(f, s->place,
		    "define(`confINPUT_MAIL_FILTERS', `%s%s%s')dnl", filters,
		    filters[0] != '\0' ? ", " : "", s->name);
		sendmail_then_restart(s, f);
	}
	if (!slice_is(flag, "T") && !slice_is(flag, "4"))
		mend_filter(s, doctor_add(s->d, DOCTOR_SENDMAIL_FLAG,
		    "%s: filter %s has F=%.*s", s->path, s->name,
		    SLICE_ARG(flag)));
	check_timeouts(s);
	return used;
}

/* The lines that name what tlspolicy-ca makes, and the command. */
static void
use_ours_as(const struct sendmail *s, const char *side, struct finding *f)
{
	char host[256], pem[CERTS_PATH_MAX], key[CERTS_PATH_MAX];

	snprintf(host, sizeof host, "%s", s->host);
	if (host[0] == '\0' && gethostname(host, sizeof host - 1) == -1)
		snprintf(host, sizeof host, "localhost");
	certs_ours(s->d, host, "pem", pem);
	certs_ours(s->d, host, "key", key);
	finding_mend(f, s->place, "define(`conf%s_CERT', `%s')dnl\n"
	    "define(`conf%s_KEY', `%s')dnl", side, pem, side, key);
	certs_then_make(s->d, host, f);
	sendmail_then_restart(s, f);
}

static void
use_ours(void *arg, struct finding *f)
{
	use_ours_as(arg, "SERVER", f);
}

static void
use_ours_for_servers(void *arg, struct finding *f)
{
	use_ours_as(arg, "CLIENT", f);
}

static void
check_ca(struct sendmail *s, bool *broken)
{
	char what[FINDING_WHAT_MAX], ours[CERTS_PATH_MAX], lines[2100];
	const char *file = s->option[SENDMAIL_CA_FILE];
	struct text why, ignored;
	char memory[FINDING_WHAT_MAX];

	if (file[0] == '\0') {
		mend_define(s, doctor_add(s->d, DOCTOR_SENDMAIL_NO_CA,
		    "%s has no CACertFile", s->path), "define(`confCACERT', "
		    "`/etc/ssl/certs/ca-certificates.crt')dnl\n"
		    "define(`confCACERT_PATH', `/etc/ssl/certs')dnl");
		return;
	}
	text_init(&why, what, sizeof what);
	text_init(&ignored, memory, sizeof memory);
	if (certs_are_cas(file, &why))
		return;
	*broken = true;
	certs_ours(s->d, NULL, NULL, ours);
	snprintf(lines, sizeof lines, "define(`confCACERT', `%s')dnl",
	    certs_are_cas(ours, &ignored) ? ours :
	    "/etc/ssl/certs/ca-certificates.crt");
	mend_define(s, doctor_add(s->d, DOCTOR_CA_UNUSABLE,
	    "CACertFile: %s", what), lines);
}

/* The certificate shown to clients, or to servers; to servers none need be. */
static struct certs
certs_of(struct sendmail *s, bool for_servers)
{
	const char *certificate = s->option[for_servers ?
	    SENDMAIL_CLIENT_CERT : SENDMAIL_CERT];
	const char *key = s->option[for_servers ? SENDMAIL_CLIENT_KEY :
	    SENDMAIL_KEY];

	return (struct certs){ .d = s->d,
		.owner = for_servers ? "ClientCertFile" : "ServerCertFile",
		.certificate = certificate,
		.key = key[0] != '\0' ? key : certificate,
		.use = for_servers ? INSPECT_CLIENT : INSPECT_SERVER,
		.mend = for_servers ? use_ours_for_servers : use_ours,
		.arg = s, .restart = strstr(s->option[SENDMAIL_BLAME],
		    "GroupReadableKeyFile") != NULL ? NULL : restart };
}

/* *broken: there is no TLS, or it cannot work. */
static void
check_tls(struct sendmail *s, bool *broken)
{
	const char *server = s->option[SENDMAIL_TLS_SERVER];
	const struct certs c = certs_of(s, false), shown = certs_of(s, true);

	if (shown.certificate[0] != '\0')
		(void)certs_look(&shown);
	if (c.certificate[0] == '\0') {
		use_ours(s, doctor_add(s->d, DOCTOR_SENDMAIL_NO_TLS,
		    "%s has no ServerCertFile", s->path));
		*broken = true;
		return;
	}
	check_ca(s, broken);
	if (strchr(server, 'V') != NULL)
		mend_define(s, doctor_add(s->d, DOCTOR_SENDMAIL_NO_CCERT,
		    "%s: TLSSrvOptions is \"%s\"", s->path, server),
		    "define(`confTLS_SRV_OPTIONS', `')dnl");
	if (!certs_look(&c))
		*broken = true;
}

/* A daemon's own list of filters takes the place of InputMailFilters. */
static bool
check_daemon(const struct sendmail *s, const char *daemon)
{
	char others[SENDMAIL_VALUE_BYTES] = "";
	struct slice rest = slice_of(daemon), one, list;
	struct finding *f;
	bool own;

	list = sendmail_equate(daemon, 'I', &own);
	if (!own || s->name[0] == '\0' || listed(list, s->name))
		return true;
	while (slice_next(&rest, ',', &one)) {
		size_t n = strlen(others);

		one = slice_trim(one);
		if (one.n > 0 && text_lower(one.p[0]) != 'i')
			snprintf(others + n, sizeof others - n, "%.*s, ",
			    SLICE_ARG(one));
	}
	f = doctor_add(s->d, DOCTOR_SENDMAIL_DAEMON_WITHOUT,
	    "%s: DaemonPortOptions %s", s->path, daemon);
	finding_mend(f, s->place,
	    "DAEMON_OPTIONS(`%sInputMailFilters=%.*s%s%s')dnl", others,
	    SLICE_ARG(list), list.n > 0 ? ";" : "", s->name);
	sendmail_then_restart(s, f);
	return false;
}

static void
try_daemon(const struct sendmail *s, const char *daemon, bool asked,
    bool broken)
{
	struct slice name = sendmail_equate(daemon, 'N', NULL);
	struct slice family = sendmail_equate(daemon, 'F', NULL);
	struct slice address = sendmail_equate(daemon, 'A', NULL);
	struct slice port = sendmail_equate(daemon, 'P', NULL);
	struct slice modifiers = sendmail_equate(daemon, 'M', NULL);
	bool own = check_daemon(s, daemon);
	struct trial *t;

	if (family.n > 0 && !slice_starts_nocase(family, "inet"))
		return;
	t = trial_add(s->d);
	if (t == NULL)
		return;
	snprintf(t->label, sizeof t->label, "daemon %.*s of %s",
	    SLICE_ARG(name), s->path);
	snprintf(t->host, sizeof t->host, "%.*s", SLICE_ARG(address));
	if (address.n == 0 || slice_is(address, "0.0.0.0"))
		snprintf(t->host, sizeof t->host, "%s",
		    slice_is_nocase(family, "inet6") ? "::1" : "127.0.0.1");
	snprintf(t->port, sizeof t->port, "%.*s",
	    SLICE_ARG(port.n > 0 ? port : slice_of("smtp")));
	snprintf(t->reload, sizeof t->reload, "%s", restart);
	snprintf(t->start, sizeof t->start, "%s", restart);
	t->implicit = slice_find(modifiers, 's') < modifiers.n;
	t->tls = slice_find(modifiers, 'S') == modifiers.n;
	t->login = slice_find(modifiers, 'a') < modifiers.n;
	t->explained = !asked || !own;
	t->tls_explained = broken;
}

static void
try_daemons(const struct sendmail *s, bool asked, bool broken)
{
	if (s->mc) {
		finding_mend(doctor_add(s->d, DOCTOR_NOT_TRIED,
		    "%s is made into a .cf file, and no daemon reads it",
		    s->path), "run",
		    "tlspolicy doctor --sendmail /etc/mail/sendmail.cf");
		for (unsigned i = 0; i < s->ndaemons; i++)
			check_daemon(s, s->daemon[i]);
		return;
	}
	for (unsigned i = 0; i < s->ndaemons; i++)
		try_daemon(s, s->daemon[i], asked, broken);
	if (s->ndaemons == 0)
		try_daemon(s, "Name=MTA", asked, broken);
}

bool
doctor_sendmail(const struct doctor *d, const char *path, struct fault *f)
{
	struct sendmail *s = calloc(1, sizeof *s);
	size_t n = strlen(path);
	bool good, asked, broken = false;
	struct text spec;

	if (s == NULL)
		return fault_no_memory(f);
	s->d = d;
	s->path = path;
	s->mc = n > 3 && strcmp(path + n - 3, ".mc") == 0;
	s->place = s->mc ? path : "sendmail.mc";
	(void)socket_parse(slice_of(d->socket), &s->socket);
	text_init(&spec, s->spec, sizeof s->spec);
	socket_print_sendmail(&s->socket, &spec);
	good = sendmail_read(s, f);
	if (good) {
		asked = check_filter(s);
		check_tls(s, &broken);
		/* Without RunAsUser sendmail connects as root. */
		if (s->option[SENDMAIL_USER][0] != '\0')
			doctor_socket_for(d, s->option[SENDMAIL_USER]);
		sendmail_map(s);
		try_daemons(s, asked, broken);
	}
	free(s);
	return good;
}
