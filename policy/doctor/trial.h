/*
 * trial.h - a session to each service, and a look for its record.
 *
 * The session is EHLO, STARTTLS, MAIL FROM:<>, RSET, QUIT: no message.  Its HELO
 * name is made for it, and by that name its record is found in the audit log,
 * which has one of each sender that the daemon was asked about.
 *
 * Limits: a session has 30 s, its record 10 s.
 * Threads: not safe.
 */
#ifndef TLSPOLICY_DOCTOR_TRIAL_H
#define TLSPOLICY_DOCTOR_TRIAL_H

#include <stdbool.h>

#include "policy/doctor/doctor.h"

enum { TRIALS_MAX = 64, TRIAL_LABEL_MAX = 160, TRIAL_HOST_MAX = 256,
	TRIAL_PORT_MAX = 32, TRIAL_COMMAND_MAX = 1400, TRIAL_DETAIL_MAX = 512 };

enum trial_result {
	TRIAL_WAITING,
	TRIAL_JUDGED,
	TRIAL_NOT_JUDGED,
	TRIAL_NOT_TRIED,
	TRIAL_NOT_SEEN
};

struct trial {
	char label[TRIAL_LABEL_MAX]; /* for people: "smtp/inet of /etc/postfix" */
	char host[TRIAL_HOST_MAX], port[TRIAL_PORT_MAX];
	char reload[TRIAL_COMMAND_MAX];	/* brings its files into force */
	char start[TRIAL_COMMAND_MAX]; /* begins anew, listeners, too */
	bool implicit;	/* TLS from the first byte on */
	bool proxy;	/* wants to hear a PROXY line first */
	bool tls;	/* its files say that it has TLS */
	bool login;	/* they say that it wants AUTH before MAIL */
	bool asks;	/* and that it asks for a certificate */
	bool explained;	/* a finding says why it cannot judge */
	bool tls_explained; /* or why TLS does not work */
	enum trial_result result;
	char detail[TRIAL_DETAIL_MAX]; /* reply or reason */
	char version[32];	/* of TLS; "": in clear */
};

struct trials {
	struct trial all[TRIALS_MAX];
	unsigned n;
};

/* "judged", "not-judged", "not-tried", "not-seen". */
const char *trial_result_name(enum trial_result);

/* One more, or NULL: there are too many, which is a finding. */
struct trial *trial_add(const struct doctor *);

/* All of them, one after another. */
void trial_run(const struct doctor *);

/* A HELO name of ours. */
bool trial_is_ours(const char *helo);

#endif
