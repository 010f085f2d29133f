/*
 * libmilter.h - a libmilter of a test's own, whose n-th call fails, and the parts
 * of a daemon around the callbacks that it calls.
 *
 * Threads: one.
 */
#ifndef TLSPOLICY_T_LIBMILTER_H
#define TLSPOLICY_T_LIBMILTER_H

#include <stdbool.h>

#include <libmilter/mfapi.h>

#include "milter/daemon.h"

/* What is told of a session, NULL: not told; and what became of it. */
struct smfi_str {
	void *session;
	const char *client, *id, *node, *cipher;
	const char *resolved; /* {mail_addr} and {rcpt_addr}; NULL: as typed */
	char reply[16], held[600], field[16384];
	bool cleaned, added;
};

extern struct smfiDesc milter; /* what callbacks_register() told */
extern struct daemon state_of_daemon;
extern int ncalls, failing; /* the call that fails; 0: none */

/* The daemon, by these rules and settings, which get store and audit file. */
void start_daemon(const char *rules, struct settings *);
void empty_pool(void);
int stop_daemon(void **none); /* of cmocka */

#endif
