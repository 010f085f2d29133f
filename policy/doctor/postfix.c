/*
 * postconf(1) is asked instead of reading main.cf: it knows defaults, joins
 * continued lines and expands $names.  Overrides in master.cf come from -P,
 * the services from -M.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/base/text.h"
#include "policy/doctor/run.h"
#include "policy/doctor/doctor.h"

enum { OUTPUT_BYTES = 128 * 1024, SPEC_BYTES = 600, PLACE_BYTES = 512 };

struct postfix {
	const struct doctor *d;
	const char *dir;
	char main_cf[PLACE_BYTES];
	char spec[SPEC_BYTES]; /* our socket, in Postfix's spelling */
	char memory[3][OUTPUT_BYTES];
	struct text parameters, overrides, services;
};

/* "NAME = VALUE" of a list of such lines; an unset one is empty. */
static struct slice
value_of(const struct text *list, const char *name)
{
	struct slice rest = slice_make(list->buf, list->n), line;

	while (slice_next(&rest, '\n', &line)) {
		size_t n = slice_find(line, '=');

		if (n < line.n && slice_is(slice_trim(slice_make(line.p, n)),
		    name))
			return slice_trim(slice_from(line, n + 1));
	}
	return slice_make("", 0);
}

static struct slice
parameter(const struct postfix *p, const char *name)
{
	return value_of(&p->parameters, name);
}

static bool
is_yes(const struct postfix *p, const char *name)
{
	return slice_is_nocase(parameter(p, name), "yes");
}

/* unix:/PATH stays, inet:PORT@HOST becomes inet:HOST:PORT. */
static void
spell(const char *socket, char *out)
{
	struct slice all = slice_of(socket), rest;
	size_t colon = slice_find(all, ':'), at;

	rest = slice_from(all, colon < all.n ? colon + 1 : all.n);
	at = slice_find(rest, '@');
	if (strncmp(socket, "unix:", 5) == 0 || at == rest.n)
		snprintf(out, SPEC_BYTES, "%s", socket);
	else if (strchr(socket, '[') == NULL && strncmp(socket, "inet6", 5) == 0)
		snprintf(out, SPEC_BYTES, "inet:[%s]:%.*s", rest.p + at + 1,
		    (int)at, rest.p);
	else
		snprintf(out, SPEC_BYTES, "inet:%s:%.*s", rest.p + at + 1,
		    (int)at, rest.p);
}

/* Items are parted by blanks, commas and the braces around their options. */
static bool
names_us(const struct postfix *p, struct slice list)
{
	struct slice item;

	while (slice_next_of(&list, " \t,{}", &item))
		if (slice_is_nocase(item, p->spec))
			return true;
	return false;
}

/*
 * Postfix opens a path without a slash in front from its queue directory,
 * chrooted or not: what lies there is best written so.
 */
static void
spell_below_queue(struct postfix *p)
{
	struct slice queue = parameter(p, "queue_directory");
	const char *path = doctor_socket_path(p->d);

	if (path != NULL && queue.n > 0 && strlen(path) > queue.n &&
	    memcmp(path, queue.p, queue.n) == 0 && path[queue.n] == '/')
		snprintf(p->spec, sizeof p->spec, "unix:%s",
		    path + queue.n + 1);
}

/* The path below the queue directory that a chrooted smtpd(8) would open. */
static bool
names_us_chrooted(const struct postfix *p, struct slice list)
{
	struct slice queue = parameter(p, "queue_directory");
	const char *path = doctor_socket_path(p->d);
	struct postfix inside = *p;

	if (path == NULL || queue.n == 0 || strlen(path) <= queue.n ||
	    memcmp(path, queue.p, queue.n) != 0 || path[queue.n] != '/')
		return false;
	snprintf(inside.spec, sizeof inside.spec, "unix:%s", path + queue.n);
	if (names_us(&inside, list))
		return true;
	snprintf(inside.spec, sizeof inside.spec, "unix:%s",
	    path + queue.n + 1);
	if (names_us(&inside, list))
		return true;
	/* Whole: check_chroot() has said who cannot open that. */
	snprintf(inside.spec, sizeof inside.spec, "unix:%s", path);
	return names_us(&inside, list);
}

static void
check_milters(const struct postfix *p)
{
	struct slice smtpd = parameter(p, "smtpd_milters");
	struct slice local = parameter(p, "non_smtpd_milters");

	if (!names_us(p, smtpd) && !names_us_chrooted(p, smtpd))
		finding_mend(doctor_add(p->d, DOCTOR_POSTFIX_NO_MILTER,
		    "smtpd_milters is \"%.*s\"", SLICE_ARG(smtpd)), p->main_cf,
		    "smtpd_milters = %.*s%s%s", SLICE_ARG(smtpd),
		    smtpd.n > 0 ? ", " : "", p->spec);
	if (!names_us(p, local) && !names_us_chrooted(p, local))
		finding_mend(doctor_add(p->d, DOCTOR_POSTFIX_LOCAL_WITHOUT,
		    "non_smtpd_milters is \"%.*s\"", SLICE_ARG(local)),
		    p->main_cf, "non_smtpd_milters = %.*s%s%s",
		    SLICE_ARG(local), local.n > 0 ? ", " : "", p->spec);
}

/* An override that lets mynetworks in and nobody else. */
static bool
only_mynetworks(const struct postfix *p, struct slice service,
    const char *parameter_name)
{
	char name[PLACE_BYTES];
	struct slice list, word[3] = { { NULL, 0 } };
	size_t n = 0;

	snprintf(name, sizeof name, "%.*s/%s", SLICE_ARG(service),
	    parameter_name);
	list = value_of(&p->overrides, name);
	while (n < 3 && slice_next_of(&list, ", \t", &word[n]))
		n += word[n].n > 0;
	return n == 2 && slice_is_nocase(word[0], "permit_mynetworks") &&
	    slice_is_nocase(word[1], "reject");
}

/*
 * A filter hands mail back to such a service: the front door has judged it, it
 * has no TLS, and its client is the filter.
 */
static bool
is_reinjection(const struct postfix *p, struct slice service,
    struct slice milters)
{
	return milters.n == 0 &&
	    (only_mynetworks(p, service, "smtpd_client_restrictions") ||
	    only_mynetworks(p, service, "smtpd_recipient_restrictions"));
}

/* "smtps/inet/smtpd_milters = ..." */
static void
check_overrides(const struct postfix *p)
{
	struct slice rest = slice_make(p->overrides.buf, p->overrides.n), line;

	while (slice_next(&rest, '\n', &line)) {
		size_t equal = slice_find(line, '=');
		struct slice name = slice_trim(slice_make(line.p, equal));
		struct slice value, service;
		static const char parameter_name[] = "/smtpd_milters";
		size_t n = sizeof parameter_name - 1;

		if (equal == line.n || name.n <= n ||
		    memcmp(name.p + name.n - n, parameter_name, n) != 0)
			continue;
		value = slice_trim(slice_from(line, equal + 1));
		if (slice_is(value, "$smtpd_milters") || names_us(p, value) ||
		    names_us_chrooted(p, value))
			continue;
		service = slice_make(name.p, name.n - n);
		if (is_reinjection(p, service, value))
			continue;
		finding_mend(doctor_add(p->d, DOCTOR_POSTFIX_SERVICE_WITHOUT,
		    "service %.*s has smtpd_milters \"%.*s\" of its own",
		    SLICE_ARG(service), SLICE_ARG(value)), "run",
		    "postconf -c %s -P '%.*s/smtpd_milters=%.*s%s%s'", p->dir,
		    SLICE_ARG(service), SLICE_ARG(value),
		    value.n > 0 ? "," : "", p->spec);
	}
}

/* Service, type, private, unprivileged, chroot, wakeup, maxproc, command. */
static bool
split_service(struct slice line, struct slice field[8])
{
	for (int i = 0; i < 8; i++) {
		size_t n = 0;

		line = slice_trim(line);
		while (n < line.n && !text_is_blank(line.p[n]))
			n++;
		field[i] = slice_make(line.p, n);
		line = slice_from(line, n);
		if (n == 0)
			return false;
	}
	return true;
}

static void
check_chroot(const struct postfix *p)
{
	struct slice rest = slice_make(p->services.buf, p->services.n), line;
	struct slice queue = parameter(p, "queue_directory"), field[8];
	struct slice milters = parameter(p, "smtpd_milters");

	if (doctor_socket_path(p->d) == NULL || !names_us(p, milters))
		return;
	while (slice_next(&rest, '\n', &line)) {
		struct finding *f;

		if (!split_service(line, field) ||
		    (!slice_is(field[7], "smtpd") &&
		    !slice_is(field[7], "cleanup")) || !slice_is(field[4], "y"))
			continue;
		f = doctor_add(p->d, DOCTOR_POSTFIX_CHROOT,
		    "service %.*s/%.*s runs chrooted in %.*s and cannot see %s",
		    SLICE_ARG(field[0]), SLICE_ARG(field[1]), SLICE_ARG(queue),
		    doctor_socket_path(p->d));
		finding_mend(f, "run", "postconf -c %s -F '%.*s/%.*s/chroot=n'",
		    p->dir, SLICE_ARG(field[0]), SLICE_ARG(field[1]));
	}
}

/* The name of a line's parameter, and what its value should be. */
static void
mend(const struct postfix *p, enum doctor_kind kind, const char *name,
    const char *value)
{
	struct slice is = parameter(p, name);

	finding_mend(doctor_add(p->d, kind, "%s is \"%.*s\"", name,
	    SLICE_ARG(is)), p->main_cf, "%s = %s", name, value);
}

static bool
contains(struct slice s, const char *word)
{
	return s.n > 0 && memmem(s.p, s.n, word, strlen(word)) != NULL;
}

static void
check_protocol(const struct postfix *p)
{
	struct slice action = parameter(p, "milter_default_action");
	struct slice milters = parameter(p, "smtpd_milters");
	unsigned long protocol;

	if (!slice_is_nocase(action, "tempfail") &&
	    !slice_is_nocase(action, "shutdown"))
		mend(p, DOCTOR_POSTFIX_DEFAULT_ACTION,
		    "milter_default_action", "tempfail");
	else if (contains(milters, "default_action=accept") ||
	    contains(milters, "default_action = accept"))
		finding_mend(doctor_add(p->d, DOCTOR_POSTFIX_DEFAULT_ACTION,
		    "smtpd_milters has default_action=accept of its own"),
		    p->main_cf, "smtpd_milters = { %s, default_action=tempfail }",
		    p->spec);
	if (!text_number(parameter(p, "milter_protocol"), 100, &protocol) ||
	    protocol < 6)
		mend(p, DOCTOR_POSTFIX_PROTOCOL, "milter_protocol", "6");
}

static void
check_tls(const struct postfix *p)
{
	struct slice level = parameter(p, "smtpd_tls_security_level");
	bool offers = level.n > 0 ? !slice_is_nocase(level, "none") :
	    is_yes(p, "smtpd_use_tls") || is_yes(p, "smtpd_enforce_tls");

	if (!offers) {
		mend(p, DOCTOR_POSTFIX_NO_TLS, "smtpd_tls_security_level",
		    "may");
		return;
	}
	if (!is_yes(p, "smtpd_tls_ask_ccert") &&
	    !is_yes(p, "smtpd_tls_req_ccert"))
		mend(p, DOCTOR_POSTFIX_NO_CCERT, "smtpd_tls_ask_ccert",
		    "yes");
	if (parameter(p, "smtpd_tls_CAfile").n == 0 &&
	    parameter(p, "smtpd_tls_CApath").n == 0 &&
	    !is_yes(p, "tls_append_default_CA"))
		mend(p, DOCTOR_POSTFIX_NO_CA, "smtpd_tls_CAfile",
		    "/etc/ssl/certs/ca-certificates.crt");
	if (!is_yes(p, "smtpd_tls_received_header"))
		mend(p, DOCTOR_POSTFIX_RECEIVED, "smtpd_tls_received_header",
		    "yes");
}

/* milter_macro_defaults makes up facts of which Postfix knows none. */
static void
check_macros(const struct postfix *p)
{
	static const char *const facts[] = { "{verify}", "{cn_subject}",
		"{cn_issuer}", "{cert_subject}", "{cert_issuer}", "{cipher}",
		"{cipher_bits}", "{tls_version}", "{cert_md5}", "{cert_fp}" };
	struct slice made = parameter(p, "milter_macro_defaults");

	for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
		size_t n = strlen(facts[i]);

		/* Both "{verify}=OK" and "verify=OK" are taken. */
		if (!contains(made, facts[i]) &&
		    (made.n < n || strncmp(made.p, facts[i] + 1, n - 2) != 0))
			continue;
		mend(p, DOCTOR_POSTFIX_FAKE_MACROS, "milter_macro_defaults",
		    "");
		return;
	}
}

static bool
ask(struct postfix *p, const char *option, struct text *out, struct fault *f)
{
	const char *argv[] = { "postconf", option, "-c", p->dir, NULL };

	return capture((char *const *)(uintptr_t)argv, out, f);
}

bool
doctor_postfix(const struct doctor *d, const char *dir, struct fault *f)
{
	struct postfix *p = calloc(1, sizeof *p);
	bool good;

	if (p == NULL)
		return fault_no_memory(f);
	p->d = d;
	p->dir = dir;
	snprintf(p->main_cf, sizeof p->main_cf, "%s/main.cf", dir);
	spell(d->socket, p->spec);
	text_init(&p->parameters, p->memory[0], OUTPUT_BYTES);
	text_init(&p->overrides, p->memory[1], OUTPUT_BYTES);
	text_init(&p->services, p->memory[2], OUTPUT_BYTES);
	good = ask(p, "-x", &p->parameters, f) &&
	    ask(p, "-P", &p->overrides, f) && ask(p, "-M", &p->services, f);
	if (good) {
		check_chroot(p);
		spell_below_queue(p);
		check_milters(p);
		check_overrides(p);
		check_protocol(p);
		check_tls(p);
		check_macros(p);
		doctor_socket_for(d, "postfix");
	}
	free(p);
	return good;
}
