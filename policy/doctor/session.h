/*
 * session.h - the SMTP session of a trial.
 *
 * Threads: a session belongs to one thread.
 */
#ifndef TLSPOLICY_DOCTOR_SESSION_H
#define TLSPOLICY_DOCTOR_SESSION_H

#include "policy/doctor/trial.h"

enum session_end {
	SESSION_MAIL,	     /* MAIL was answered: see `code` */
	SESSION_UNREACHABLE, /* nobody listens there */
	SESSION_BROKEN	     /* it ended before MAIL */
};

struct session {
	enum session_end end;
	int code;		       /* of the reply to MAIL */
	char reply[TRIAL_DETAIL_MAX];  /* or why it ended */
	bool offered;		       /* TLS, by STARTTLS or from the start */
	bool tls, asked;	       /* there was TLS; with a request */
	char tls_error[TRIAL_DETAIL_MAX]; /* "": it worked, or was not offered */
	char version[32];
};

void session_run(const struct trial *, const char *helo, struct session *);

#endif
