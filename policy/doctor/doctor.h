/*
 * doctor.h - looks at a running daemon and at the MTAs that should ask it.
 *
 * Nothing is changed.  The daemon is sent the opening of a milter session; each
 * service of an MTA is sent a session up to MAIL, and no message (trial.h).
 * Each function adds what it finds; a fault is for what kept it from looking.
 *
 * Threads: not safe (access.h); the daemon's functions wait at most 5 s.
 */
#ifndef TLSPOLICY_DOCTOR_DOCTOR_H
#define TLSPOLICY_DOCTOR_DOCTOR_H

#include "policy/doctor/kind.h"

struct trials;
struct rulefile;

/* What systemd knows of ours; nothing where it does not run. */
struct doctor_unit {
	char socket[256];   /* "unix:PATH", while the socket unit is active */
	char facts[256];    /* the same of tlspolicy-facts.socket */
	bool socket_there;  /* the socket unit is installed */
	bool service_there; /* the service is */
	char user[64];	    /* that the service runs as; "": root */
	char groups[256];   /* and more groups of it */
};

/* What the settings say; strings are the caller's. */
struct doctor {
	const char *conf;	/* the settings file, for lines to add to it */
	const char *socket;	/* unix:/PATH, inet:PORT@HOST, inet6: */
	const char *set_socket;	/* by the settings: no socket unit counts here */
	const char *set_group;	/* socket-group */
	const char *socketmap, *facts_socket; /* "off", or where it listens */
	const char *outbound_default, *outbound_exclude;
	const char *tlsrpt_socket; /* "off", unix:PATH */
	int outbound_version, outbound_match;
	const char *user;	/* of the daemon */
	const char *store, *audit_file; /* the latter "": there is none */
	const char *audit_key; /* "": there is none */
	const char *watched;	/* watch-certificates; NULL: no metrics */
	struct text *shown;	/* the MTAs' certificates, each before a blank */
	const char *rules_file;
	const struct rulefile *rules; /* that it holds; NULL: it is no good */
	const struct doctor_unit *unit;
	struct findings *findings;
	/*
	 * Findings that count only while there are rules of that kind for mail
	 * that leaves.
	 */
	struct findings *if_rules, *if_verify, *if_dane;
	struct findings *if_prints; /* the same, for rules on fingerprints */
	struct trials *trials;	/* what is to be tried */
};

/* One more finding: findings_add(), by the word for its kind. */
#define doctor_add(d, word, ...) \
	findings_add((d)->findings, &doctor_rows[word].kind, __VA_ARGS__)

void doctor_unit_ask(struct doctor_unit *);
/* The service may not give its socket to that group; the commands that let it. */
bool doctor_unit_lacks_group(const struct doctor_unit *, const char *group);
void doctor_unit_add_group(const char *group, char *lines, size_t size);

/* Does somebody listen, and answer as a milter? */
void doctor_daemon(const struct doctor *);

/* Somebody accepts connections there.  False: errno says why not. */
bool doctor_answers(const char *address);

/* Can this user of an MTA, in this group, connect? */
void doctor_socket_for(const struct doctor *, const char *user);

/* The path of a unix socket, else NULL. */
const char *doctor_socket_path(const struct doctor *);

/* As whom the daemon runs. */
const char *doctor_user(const struct doctor *);

/* May the daemon's user read the store and write lock file and audit log? */
void doctor_files(const struct doctor *);

/*
 * A Postfix by its folder with main.cf, and the instances that are started with
 * it (postmulti(1)), a sendmail by its .cf or .mc file; what
 * is to be tried of them is put into the trials.  False: postconf(1) does not
 * run, the file cannot be read.
 */
bool doctor_postfix(const struct doctor *, const char *dir, struct fault *)
    MUST_CHECK;
bool doctor_sendmail(const struct doctor *, const char *path, struct fault *)
    MUST_CHECK;

/* Once the MTAs were looked at: does the daemon tell when `shown` end? */
void doctor_watched(const struct doctor *);
/* Where the daemon could listen for MTAs, beside the milter's socket. */
struct socket_address;
void doctor_propose_map(const struct doctor *, struct socket_address *);
/*
 * The setting socketmap is off; `who` asks all the same ("": nobody), and it is to
 * be turned on there, for a group ("": for the daemon's own).
 */
void doctor_socketmap_off(const struct doctor *, const struct socket_address *,
    const char *who, const char *group);

/* The last `most` records of the audit log, without those of trials. */
void doctor_audit(const struct doctor *, unsigned long most);

#endif
