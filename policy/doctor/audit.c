/*
 * The records show what MTAs really tell, which no settings file can.  Of a
 * long log only the end is read.  A conclusion wants a number of sessions
 * behind it: a quiet server has nothing to be told.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "policy/audit/source.h"
#include "policy/base/text.h"
#include "policy/doctor/doctor.h"
#include "policy/doctor/trial.h"

enum {
	ENOUGH = 20,	    /* sessions, for a conclusion */
	NAMES_ENOUGH = 5,   /* different HELO names from one address */
	ADDRESSES_MAX = 4096,
	NAMES_MAX = 8,
	RECORD_BYTES = 2048 /* of a usual record */
};

/* What one client address was seen to do. */
struct client {
	char *address;
	unsigned long sessions, encrypted;
	char *helo[NAMES_MAX];
	unsigned nhelo;
};

struct seen {
	const struct doctor *d;
	unsigned long records, trials, encrypted, verified, unverified_refusals;
	unsigned long no_address, no_verify, not_asked;
	char mta[64];
	struct client *clients;
	size_t nclients;
};

static const char *
string_of(json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static struct client *
client_of(struct seen *s, const char *address)
{
	struct client *c;

	for (size_t i = 0; i < s->nclients; i++)
		if (strcmp(s->clients[i].address, address) == 0)
			return &s->clients[i];
	if (s->nclients == ADDRESSES_MAX)
		return NULL;
	c = &s->clients[s->nclients];
	c->address = strdup(address);
	if (c->address == NULL)
		return NULL;
	s->nclients++;
	return c;
}

static void
remember_helo(struct client *c, const char *helo)
{
	for (unsigned i = 0; i < c->nhelo; i++)
		if (strcmp(c->helo[i], helo) == 0)
			return;
	if (c->nhelo < NAMES_MAX && (c->helo[c->nhelo] = strdup(helo)) != NULL)
		c->nhelo++;
}

static void
look_at_tls(struct seen *s, json_t *record, json_t *tls)
{
	const char *verify = string_of(tls, "verify");
	const char *reason = string_of(record, "reason");

	if (reason != NULL && strcmp(reason, "not-verified") == 0)
		s->unverified_refusals++;
	if (!json_is_object(tls))
		return;
	s->encrypted++;
	if (verify == NULL)
		s->no_verify++;
	else if (strcmp(verify, "OK") == 0 || strcmp(verify, "TRUSTED") == 0)
		s->verified++;
	else if (strcmp(verify, "NOT") == 0)
		s->not_asked++;
}

static void
look_at_client(struct seen *s, json_t *record, json_t *tls)
{
	const char *address =
	    string_of(json_object_get(record, "client"), "addr");
	const char *helo = string_of(record, "helo");
	struct client *c;

	if (address == NULL) {
		s->no_address++;
		return;
	}
	c = client_of(s, address);
	if (c == NULL)
		return;
	c->sessions++;
	if (json_is_object(tls))
		c->encrypted++;
	if (helo != NULL)
		remember_helo(c, helo);
}

/* A line that is no record (torn, link) is not looked at. */
static void
look_at(struct seen *s, const char *line)
{
	json_t *record = json_loads(line, 0, NULL), *tls;
	const char *mta = string_of(record, "mta");
	const char *helo = string_of(record, "helo");

	if (helo != NULL && trial_is_ours(helo)) {
		s->trials++;
	} else if (json_is_string(json_object_get(record, "verdict"))) {
		tls = json_object_get(record, "tls");
		s->records++;
		if (mta != NULL)
			snprintf(s->mta, sizeof s->mta, "%s", mta);
		look_at_tls(s, record, tls);
		look_at_client(s, record, tls);
	}
	json_decref(record);
}

static void
conclude_clients(const struct seen *s)
{
	for (size_t i = 0; i < s->nclients; i++) {
		const struct client *c = &s->clients[i];

		if (c->sessions < ENOUGH || c->encrypted > 0 ||
		    c->nhelo < NAMES_ENOUGH)
			continue;
		finding_mend(doctor_add(s->d, DOCTOR_TLS_PROXY,
		    "all %lu sessions from %s were in clear, and began with "
		    "%u or more different HELO names", c->sessions, c->address,
		    c->nhelo), "the proxy", "pass TCP through, so that "
		    "STARTTLS is between the client and the MTA; its address "
		    "then comes by the PROXY protocol:\n"
		    "smtpd_upstream_proxy_protocol = haproxy");
	}
}

/*
 * What the daemon asks for comes whatever Milter.macros or milter_*_macros of
 * an MTA say; Postfix's records have a derived {verify}.
 */
static void
conclude_macros(const struct seen *s)
{
	static const char others[] = "sendmail 8.14 or Postfix 2.6, or later: "
	    "of others it is not known what they tell";

	if (s->no_address == s->records)
		finding_mend(doctor_add(s->d, DOCTOR_MACROS_MISSING,
		    "none of %lu records has the "
		    "client's address ({client_addr})", s->records),
		    "the MTA", "%s", others);
	if (s->no_verify > 0)
		finding_mend(doctor_add(s->d, DOCTOR_MACROS_MISSING,
		    "%lu of %lu sessions with TLS came "
		    "without {verify}", s->no_verify, s->encrypted),
		    "the MTA", "%s", others);
}

static void
conclude_certificates(const struct seen *s)
{
	bool postfix = strncmp(s->mta, "Postfix", 7) == 0;
	struct finding *f;

	if (s->verified > 0 || s->encrypted < ENOUGH ||
	    (s->unverified_refusals == 0 && s->not_asked == 0))
		return;
	f = doctor_add(s->d, DOCTOR_NO_CERTIFICATE_SEEN,
	    "of %lu sessions with TLS none had a verified certificate, "
	    "%lu times a rule asked for one", s->encrypted,
	    s->unverified_refusals);
	if (postfix)
		finding_mend(f, "main.cf", "smtpd_tls_ask_ccert = yes");
	else
		finding_mend(f, "sendmail.mc",
		    "define(`confTLS_SRV_OPTIONS', `')dnl\ndefine(`confCACERT',"
		    " `/etc/ssl/certs/ca-certificates.crt')dnl");
}

static void
conclude(const struct seen *s)
{
	bool postfix = strncmp(s->mta, "Postfix", 7) == 0;

	if (s->records == 0 && s->trials > 0)
		return;
	if (s->records == 0) {
		finding_mend(doctor_add(s->d, DOCTOR_NO_RECORDS,
		    "%s has no record of a message", s->d->audit_file),
		    "run", "%s", "tlspolicy doctor --postfix /etc/postfix\n"
		    "tlspolicy doctor --sendmail /etc/mail/sendmail.cf");
		return;
	}
	conclude_macros(s);
	if (s->encrypted == 0 && s->records >= ENOUGH)
		finding_mend(doctor_add(s->d, DOCTOR_NO_TLS_SEEN,
		    "none of the last %lu messages came over TLS", s->records),
		    postfix ? "main.cf" : "sendmail.mc", "%s", postfix ?
		    "smtpd_tls_security_level = may" :
		    "define(`confSERVER_CERT', `/etc/mail/tls/cert.pem')dnl");
	conclude_clients(s);
	conclude_certificates(s);
}

static void
forget(struct seen *s)
{
	for (size_t i = 0; i < s->nclients; i++) {
		free(s->clients[i].address);
		for (unsigned j = 0; j < s->clients[i].nhelo; j++)
			free(s->clients[i].helo[j]);
	}
	free(s->clients);
}

/* Go back by what so many records take, and on to the next whole line. */
static void
seek_to_end(FILE *file, unsigned long most)
{
	char *line = NULL;
	size_t room = 0;
	long back = (long)(most * RECORD_BYTES), size;

	if (fseek(file, 0, SEEK_END) == -1 || (size = ftell(file)) == -1)
		return;
	if (size <= back) {
		rewind(file);
		return;
	}
	if (fseek(file, size - back, SEEK_SET) == 0)
		(void)!getline(&line, &room, file);
	free(line);
}

static FILE *
open_log(const char *path, struct fault *fault)
{
	int fd = source_open_fd(path, fault);
	FILE *file = fd == -1 ? NULL : fdopen(fd, "r");

	if (fd != -1 && file == NULL) {
		fault_errno(fault, FAULT_UNAVAILABLE, errno, "%s", path);
		close(fd);
	}
	return file;
}

void
doctor_audit(const struct doctor *d, unsigned long most)
{
	struct seen s = { .d = d };
	struct fault fault;
	FILE *file = open_log(d->audit_file, &fault);
	char *line = NULL;
	size_t room = 0;

	if (file == NULL) {
		if (access(d->audit_file, F_OK) == 0 || errno != ENOENT)
			finding_mend(doctor_add(d, DOCTOR_AUDIT_UNREADABLE,
			    "%s", fault.text), "run", "sudo tlspolicy doctor");
		else
			conclude(&s);
		return;
	}
	s.clients = calloc(ADDRESSES_MAX, sizeof *s.clients);
	if (s.clients != NULL) {
		seek_to_end(file, most);
		while (getline(&line, &room, file) > 0)
			look_at(&s, line);
		if (ferror(file))
			finding_mend(doctor_add(d, DOCTOR_AUDIT_UNREADABLE,
			    "%s: %s", d->audit_file, strerror(errno)), "run",
			    "sudo tlspolicy doctor");
		else
			conclude(&s);
	} else
		d->findings->failed = true;
	forget(&s);
	free(line);
	fclose(file);
}
