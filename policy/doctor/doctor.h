/*
 * doctor.h - looks at a running daemon and at the MTAs that should ask it.
 *
 * Nothing is changed, and nothing is sent but the opening of a milter session
 * that ends before it has begun.  Each function adds what it finds; a fault is
 * for what kept it from looking.
 *
 * Threads: not safe (account.h); the daemon's functions wait at most 5 s.
 */
#ifndef TLSPOLICY_DOCTOR_DOCTOR_H
#define TLSPOLICY_DOCTOR_DOCTOR_H

#include "policy/base/fault.h"
#include "policy/doctor/symptom.h"

/* What the settings say; strings are the caller's. */
struct doctor {
	const char *conf;	/* the settings file, for lines to add to it */
	const char *socket;	/* unix:/PATH, inet:PORT@HOST, inet6: */
	const char *user;	/* of the daemon */
	const char *store, *audit_file;
	struct symptoms *symptoms;
};

/* Does somebody listen, and answer as a milter? */
void doctor_daemon(const struct doctor *);

/* Can this user of an MTA, in this group, connect? */
void doctor_socket_for(const struct doctor *, const char *user);

/* The path of a unix socket, else NULL. */
const char *doctor_socket_path(const struct doctor *);

/* May the daemon's user read the store and write lock file and audit log? */
void doctor_files(const struct doctor *);

/* A Postfix by its folder with main.cf.  False: postconf(1) does not run. */
bool doctor_postfix(const struct doctor *, const char *dir, struct fault *);

/* A sendmail by its .cf or .mc file.  False: it cannot be read. */
bool doctor_sendmail(const struct doctor *, const char *path, struct fault *);

/* The last `most` records of the audit log. */
void doctor_audit(const struct doctor *, unsigned long most);

#endif
