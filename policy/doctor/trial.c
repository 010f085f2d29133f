/*
 * A finding of a trial is only told where none of the files says why: that the
 * milter is missing in main.cf is the reason, and that no record came of it is
 * what it means.
 */
#include "config.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "policy/doctor/record.h"
#include "policy/doctor/session.h"
#include "policy/doctor/trial.h"

enum { RECORD_MS = 10000, STEP_MS = 50, HELO_BYTES = 64 };

static const char helo_prefix[] = "tlspolicy-doctor-";

bool
trial_is_ours(const char *helo)
{
	return strncmp(helo, helo_prefix, sizeof helo_prefix - 1) == 0;
}

const char *
trial_result_name(enum trial_result result)
{
	static const char *const names[] = {
		[TRIAL_WAITING] = "not-tried",
		[TRIAL_JUDGED] = "judged",
		[TRIAL_NOT_JUDGED] = "not-judged",
		[TRIAL_NOT_TRIED] = "not-tried",
		[TRIAL_NOT_SEEN] = "not-seen",
	};

	return names[result];
}

struct trial *
trial_add(const struct doctor *d)
{
	struct trials *trials = d->trials;
	struct trial *t;

	if (trials->n == TRIALS_MAX) {
		doctor_add(d, DOCTOR_NOT_TRIED,
		    "a service more than the %d that are tried", TRIALS_MAX);
		return NULL;
	}
	t = &trials->all[trials->n++];
	memset(t, 0, sizeof *t);
	return t;
}

/* A random HELO name: nobody else knows it, so a record with it is ours. */
static bool
make_helo(char *helo)
{
	uint64_t number;

	if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
		return false;
	snprintf(helo, HELO_BYTES, "%s%016llx.invalid", helo_prefix,
	    (unsigned long long)number);
	return true;
}

static bool
wait_for_record(const struct record_mark *mark, const char *helo,
    long milliseconds, struct record_seen *seen)
{
	const struct timespec step = { 0, STEP_MS * 1000000L };

	for (long waited = 0;; waited += STEP_MS) {
		if (record_find(mark, helo, seen))
			return true;
		if (waited >= milliseconds)
			return false;
		nanosleep(&step, NULL);
	}
}

static bool
was_found(const struct doctor *d, const enum doctor_kind *kinds, size_t n)
{
	for (size_t i = 0; i < d->findings->n; i++)
		for (size_t k = 0; k < n; k++)
			if (d->findings->all[i].kind ==
			    &doctor_rows[kinds[k]].kind)
				return true;
	return false;
}

/* A finding that explains by itself why no service's mail is judged. */
static bool
daemon_is_ill(const struct doctor *d)
{
	static const enum doctor_kind kinds[] = { DOCTOR_DAEMON_DOWN,
		DOCTOR_DAEMON_SILENT, DOCTOR_SOCKET_CLOSED_TO_MTA,
		DOCTOR_SOCKET_GROUP_REFUSED, DOCTOR_AUDIT_NOT_WRITABLE,
		DOCTOR_DISK_FULL, DOCTOR_DISK_READ_ONLY };

	return was_found(d, kinds, sizeof kinds / sizeof kinds[0]);
}

/*
 * The daemon judged without a policy, though this command can open the store:
 * one finding for all services.
 */
static void
say_no_policy(const struct doctor *d, const struct trial *t)
{
	static const enum doctor_kind kinds[] = { DOCTOR_STORE_MISSING,
		DOCTOR_STORE_UNUSABLE, DOCTOR_STORE_CLOSED_TO_DAEMON,
		DOCTOR_STORE_NOT_ASKED };

	if (!was_found(d, kinds, sizeof kinds / sizeof kinds[0]))
		finding_mend(doctor_add(d, DOCTOR_STORE_NOT_ASKED, "%s: the "
		    "record of a session has no generation of a policy",
		    t->label), "run", "journalctl -u tlspolicy-milter -n 20");
}

static void
say_tls(const struct doctor *d, const struct trial *t,
    const struct session *s)
{
	if (!t->tls || t->tls_explained || s->end == SESSION_UNREACHABLE)
		return;
	/* Postfix answers STARTTLS with 454, too, while it has no milter. */
	if (s->tls_error[0] != '\0' && !t->explained)
		finding_mend(doctor_add(d, DOCTOR_TLS_DEAD, "%s: %s", t->label,
		    s->tls_error), "run", "%s", t->reload);
	else if (!s->offered && s->end == SESSION_MAIL)
		finding_mend(doctor_add(d, DOCTOR_NOT_IN_FORCE,
		    "%s does not offer STARTTLS, and should by its files",
		    t->label), "run", "%s", t->reload);
	else if (t->asks && s->tls && !s->asked)
		finding_mend(doctor_add(d, DOCTOR_NOT_IN_FORCE,
		    "%s asks for no certificate, and should by its files",
		    t->label), "run", "%s", t->reload);
}

static void
not_tried(const struct doctor *d, struct trial *t, const struct session *s)
{
	struct finding *f;

	t->result = TRIAL_NOT_TRIED;
	f = doctor_add(d, DOCTOR_NOT_TRIED, "%s at %s port %s: %s", t->label,
	    t->host, t->port, s->reply);
	if (s->end == SESSION_UNREACHABLE)
		finding_mend(f, "run", "%s", t->start);
}

/*
 * MAIL was answered.  530 does not count: that server wants AUTH or a
 * certificate first, and the trial has neither.
 */
static bool
was_had(const struct session *s)
{
	return s->end == SESSION_MAIL && s->code != 530;
}

static void
conclude(const struct doctor *d, struct trial *t, const struct session *s,
    bool judged, const struct record_seen *seen)
{
	if (judged) {
		t->result = TRIAL_JUDGED;
		if (!seen->policy)
			say_no_policy(d, t);
		if (s->tls && !seen->tls)
			doctor_add(d, DOCTOR_MACROS_MISSING, "%s: a session by "
			    "%s was told to the daemon as one in clear",
			    t->label, s->version);
		return;
	}
	if (!was_had(s)) {
		/*
		 * The files say that this service wants AUTH: listed, but no
		 * finding.
		 */
		if (t->login && s->code == 530)
			t->result = TRIAL_NOT_TRIED;
		else if (!t->tls_explained || s->tls_error[0] == '\0')
			not_tried(d, t, s);
		else
			t->result = TRIAL_NOT_TRIED;
		return;
	}
	t->result = TRIAL_NOT_JUDGED;
	if (!t->explained)
		finding_mend(doctor_add(d, DOCTOR_NOT_JUDGED,
		    "%s answered MAIL with \"%s\", and %s has no record of it",
		    t->label, s->reply, d->audit_file), "run", "%s",
		    t->reload);
}

static void
not_seen(const struct doctor *d, struct trial *t, const char *why)
{
	struct finding *f = doctor_add(d, DOCTOR_NOT_SEEN,
	    "%s answered, but %s", t->label, why);

	t->result = TRIAL_NOT_SEEN;
	if (d->audit_file[0] != '\0') {
		finding_mend(f, "run", "sudo tlspolicy doctor");
		return;
	}
	finding_mend(f, d->conf, "audit-file = /var/log/tlspolicy/audit.jsonl");
	finding_then(f, "systemctl restart tlspolicy-milter");
}

static void
try_one(const struct doctor *d, struct trial *t, bool ill)
{
	struct session session;
	struct record_mark mark;
	char helo[HELO_BYTES];
	struct record_seen seen = { .tls = false };
	bool readable, judged = false;
	struct fault f;

	readable = d->audit_file[0] != '\0' &&
	    record_mark(d->audit_file, &mark, &f);
	if (!make_helo(helo)) {
		t->result = TRIAL_NOT_TRIED;
		doctor_add(d, DOCTOR_NOT_TRIED, "%s: no random number",
		    t->label);
		return;
	}
	session_run(t, helo, &session);
	snprintf(t->detail, sizeof t->detail, "%s", session.reply);
	snprintf(t->version, sizeof t->version, "%s",
	    session.tls ? session.version : "");
	if (readable && session.end == SESSION_MAIL)
		judged = wait_for_record(&mark, helo, ill || t->explained ? 0 :
		    RECORD_MS, &seen);
	t->explained = t->explained || ill;
	say_tls(d, t, &session);
	if (!readable && was_had(&session))
		not_seen(d, t, d->audit_file[0] == '\0' ?
		    "the setting audit-file names no log" : f.text);
	else
		conclude(d, t, &session, judged, &seen);
}

void
trial_run(const struct doctor *d)
{
	bool ill = daemon_is_ill(d);
	/* OpenSSL writes to whoever is gone. */
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);

	for (unsigned i = 0; i < d->trials->n; i++)
		try_one(d, &d->trials->all[i], ill);
	if (before != SIG_ERR)
		signal(SIGPIPE, before);
}
