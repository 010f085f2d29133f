/* A table's Postfix in the place of the machine's (setups.h). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy/doctor/access.h"
#include "policy/doctor/certs.h"
#include "policy/doctor/doctor.h"
#include "policy/doctor/run.h"
#include "policy/doctor/trial.h"
#include "t/setups.h"
#include "t/unit.h"

static const char parameters[] =
    "queue_directory = /queue\n" "compatibility_level = 3.6\n"
    "myhostname = mx.test\n" "smtpd_milters = " OURS "\n"
    "non_smtpd_milters = " OURS "\n" "milter_default_action = tempfail\n"
    "milter_protocol = 6\n" "smtpd_tls_security_level = may\n"
    "smtpd_tls_ask_ccert = yes\n" "smtpd_tls_received_header = yes\n"
    "tls_append_default_CA = yes\n" "smtpd_tls_cert_file = none\n"
    "inet_interfaces = all\n" "mynetworks = 127.0.0.0/8\n"
    "smtpd_service_name = smtpd\n" "smtp_tls_security_level = may\n"
    "smtp_tls_secure_cert_match = nexthop, dot-nexthop\n"
    "default_transport = smtp\n" "relay_transport = relay\n"
    "local_transport = local:$myhostname\n" "virtual_transport = virtual\n";
static const char services[] =
    "smtp inet n - n - - smtpd\n" "pickup unix n - n 60 1 pickup\n"
    "cleanup unix n - n - 0 cleanup\n" "smtp unix - - n - - smtp\n"
    "relay unix - - n - - smtp -o x=y\n";

static const struct doctored *with;
static const struct set_up *now;

/* By the linker's --wrap (Makefile.am). */
bool __wrap_capture(char *const argv[], struct text *, struct fault *);
bool __wrap_capture_both(char *const argv[], struct text *, struct text *,
    bool *, struct fault *);
bool __wrap_doctor_answers(const char *);
void __wrap_doctor_socket_for(const struct doctor *, const char *);
bool __wrap_access_find(const char *, struct access *);
bool __wrap_certs_look(const struct certs *);
bool __wrap_certs_are_cas(const char *, struct text *);

bool
__wrap_capture(char *const argv[], struct text *out, struct fault *f)
{
	(void)f;
	assert_string_equal(argv[0], "postconf");
	if (strcmp(argv[1], "-x") == 0)
		text_printf(out, "%s%s", now->main, parameters);
	else if (strcmp(argv[1], "-xP") == 0)
		text_puts(out, now->own);
	else if (strcmp(argv[1], "-M") == 0)
		text_puts(out, now->services[0] != '\0' ? now->services :
		    services);
	else
		assert_string_equal(argv[1], "-c");
	return true;
}

bool
__wrap_capture_both(char *const argv[], struct text *out, struct text *err,
    bool *good, struct fault *f)
{
	struct slice rest = slice_of(with->tables), line, table, key;

	assert_string_equal(argv[0], "postmap");
	*good = false;
	while (slice_next(&rest, '\n', &line)) {
		if (!slice_next(&line, ' ', &table) ||
		    !slice_next(&line, ' ', &key) ||
		    !slice_is(table, argv[5]) || !slice_is(key, argv[4]))
			continue;
		if (slice_is(line, "!unrun"))
			return fault_set(f, FAULT_UNAVAILABLE, "not run");
		*good = line.p[0] != '!';
		text_put(*good ? out : err, slice_from(line, !*good));
		text_puts(*good ? out : err, "\n");
	}
	return true;
}

bool
__wrap_doctor_answers(const char *address)
{
	(void)address;
	errno = ECONNREFUSED;
	return !with->down;
}

void
__wrap_doctor_socket_for(const struct doctor *d, const char *user)
{
	if (strcmp(user, "postfix") != 0)
		doctor_add(d, DOCTOR_SOCKET_CLOSED_TO_MTA, "%s", user);
}

/* A certificate is good unless its file's name says something else. */
bool
__wrap_certs_look(const struct certs *c)
{
	if (strstr(c->key, "bad") == NULL)
		return true;
	c->mend(c->arg, doctor_add(c->d, DOCTOR_CERTIFICATE_UNUSABLE,
	    "%s %s %s", c->certificate, c->key, c->restart != NULL ?
	    c->restart : "at once"));
	return false;
}

bool
__wrap_certs_are_cas(const char *path, struct text *why)
{
	if (strstr(path, "bad") == NULL)
		return true;
	text_printf(why, "%s is bad", path);
	return false;
}

bool
__wrap_access_find(const char *user, struct access *a)
{
	(void)a;
	assert_string_equal(user, "postfix");
	return false;
}

static void
put_trial(const struct trial *t, struct text *out)
{
	text_printf(out, "try %s %s%s%s%s%s%s%s\n", t->host, t->port,
	    t->implicit ? " implicit" : "", t->proxy ? " proxy" : "",
	    t->tls ? " tls" : "", t->asks ? " asks" : "",
	    t->explained ? " explained" : "",
	    t->tls_explained ? " tls-explained" : "");
}

static void
put_findings(const char *before, const struct findings *list, struct text *out)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct finding *f = &list->all[i];

		text_printf(out, "%s%s: %s\n", before, f->kind->name, f->what);
		if (with->lines)
			text_printf(out, "%s:\n%s\n%s%s", f->place, f->lines,
			    f->then, f->then[0] != '\0' ? "\n" : "");
	}
}

static const char *
or(const char *given, const char *otherwise)
{
	return given != NULL ? given : otherwise;
}

static void
put_all(const struct doctor *d, struct text *out)
{
	put_findings("", d->findings, out);
	if (with->if_rules)
		put_findings("if-rules ", d->if_rules, out);
	for (unsigned i = 0; with->trials && i < d->trials->n; i++)
		put_trial(&d->trials->all[i], out);
	assert_false(out->cut);
}

static const char *
found(const char *file)
{
	static char memory[65536];
	static struct trials all;
	struct doctor_unit unit = { .socket_there = with->unit };
	struct findings list, if_rules, if_verify, if_dane, if_prints;
	struct rulefile rules;
	struct doctor d = { .conf = "conf", .socket = or(with->socket, OURS),
		.set_socket = or(with->set_socket, OURS), .set_group = "",
		.socketmap = or(with->socketmap, "off"), .facts_socket = "off",
		.outbound_default = or(with->level, "may"),
		.outbound_exclude = or(with->exclude, ""),
		.outbound_version = 2, .user = or(with->user, ""),
		.store = "store", .audit_file = "", .rules_file = "rules",
		.rules = with->rules == NULL ? NULL : &rules, .unit = &unit,
		.findings = &list, .if_rules = &if_rules,
		.if_verify = &if_verify, .if_dane = &if_dane, .if_prints = &if_prints,
		.trials = &all };
	struct text out;
	struct fault f;

	memset(&all, 0, sizeof all);
	findings_init(&list);
	findings_init(&if_rules);
	findings_init(&if_verify);
	findings_init(&if_dane);
	findings_init(&if_prints);
	unit_read_rules(&rules, or(with->rules, "TLS_Clt: WARN+VERIFY\n"));
	text_init(&out, memory, sizeof memory);
	assert_true(file == NULL ? doctor_postfix(&d, "/dir", &f) :
	    doctor_sendmail(&d, file, &f));
	put_all(&d, &out);
	findings_free(&list);
	findings_free(&if_rules);
	findings_free(&if_verify);
	findings_free(&if_dane);
	findings_free(&if_prints);
	rulefile_free(&rules);
	return memory;
}

void
setups_look_postfix(const struct doctored *p, const struct set_up *rows, size_t n)
{
	with = p;
	for (size_t i = 0; i < n; i++) {
		now = &rows[i];
		unit_same(now->name, now->want, found(NULL));
	}
	unit_end();
}

static void
write_file(const char *name, const char *content)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	assert_true(fputs(content, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* The file has a short name, as findings print it. */
void
setups_look_sendmail(const struct doctored *p, const struct set_up *rows,
    size_t n)
{
	char name[32];

	assert_int_equal(chdir(unit_path(".")), 0);
	with = p;
	for (size_t i = 0; i < n; i++) {
		now = &rows[i];
		snprintf(name, sizeof name, "m%s", now->own);
		write_file(name, now->main);
		unit_same(now->name, now->want, found(name));
	}
	unit_end();
}
