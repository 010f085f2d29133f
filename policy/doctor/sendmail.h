/*
 * sendmail.h - what is taken from a sendmail's .cf or .mc file.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_DOCTOR_SENDMAIL_H
#define TLSPOLICY_DOCTOR_SENDMAIL_H

#include <stdbool.h>

#include "policy/base/text.h"
#include "policy/doctor/doctor.h"
#include "policy/doctor/socket.h"

enum { SENDMAIL_VALUE_BYTES = 1024, SENDMAIL_DAEMONS_MAX = 32 };

/* The map's name, by which sendmail asks the daemon. */
#define SENDMAIL_MAP "tlspolicy_access"
#define SENDMAIL_RESTART "systemctl restart sendmail"

enum sendmail_option {
	SENDMAIL_FILTERS,
	SENDMAIL_CA_FILE,
	SENDMAIL_CA_PATH,
	SENDMAIL_CERT,
	SENDMAIL_KEY,
	SENDMAIL_CLIENT_CERT,
	SENDMAIL_CLIENT_KEY,
	SENDMAIL_TLS_SERVER,
	SENDMAIL_USER,
	SENDMAIL_BLAME,
	SENDMAIL_OPTIONS
};

struct sendmail {
	const struct doctor *d;
	const char *path, *place; /* of the file, and of lines to add */
	bool mc;
	struct socket_address socket; /* ours */
	char spec[SENDMAIL_VALUE_BYTES]; /* the same, in sendmail's spelling */
	char name[SENDMAIL_VALUE_BYTES]; /* of the filter on it, or "" */
	char equates[SENDMAIL_VALUE_BYTES]; /* "S=..., F=T, T=..." */
	bool input;		     /* by INPUT_MAIL_FILTER */
	char host[256];		     /* its own name; "": not said */
	char option[SENDMAIL_OPTIONS][SENDMAIL_VALUE_BYTES];
	char daemon[SENDMAIL_DAEMONS_MAX][SENDMAIL_VALUE_BYTES];
	unsigned ndaemons;	     /* DaemonPortOptions */
	char map[SENDMAIL_VALUE_BYTES]; /* "socket -d5 unix:/...", or "" */
	bool map_first;		     /* the access map is a sequence from it on */
	bool asks_alive, asks_server, asks_rcpt; /* rulesets do, by it */
};

/* Of mail that leaves: the map and the rulesets that ask it. */
void sendmail_map(struct sendmail *);
/* What makes a .cf file of the .mc, and has it read. */
void sendmail_then_restart(const struct sendmail *, struct finding *);

bool sendmail_read(struct sendmail *, struct fault *) MUST_CHECK;

/*
 * The value of an equate, "T" of "S=..., F=T"; of DaemonPortOptions, too, where
 * sendmail looks at the first letter of a name alone.  *there: it is said.
 */
struct slice sendmail_equate(const char *equates, char letter, bool *there);

#endif
