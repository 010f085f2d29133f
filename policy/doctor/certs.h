/*
 * certs.h - the certificate files of an MTA, by the checks of `tlspolicy cert`.
 *
 * Threads: not safe, as of its parts.
 */
#ifndef TLSPOLICY_DOCTOR_CERTS_H
#define TLSPOLICY_DOCTOR_CERTS_H

#include <stdbool.h>

#include "policy/base/text.h"
#include "policy/cert/inspect.h"
#include "policy/doctor/doctor.h"

enum { CERTS_PATH_MAX = 1024 };

struct certs {
	const struct doctor *d;
	const char *owner;	   /* for people: "main.cf" */
	const char *certificate, *key; /* files; the same for both in one */
	enum inspect_use use;	   /* shown to clients, or to servers */
	/* Adds the lines that name other files, and what makes those. */
	void (*mend)(void *arg, struct finding *);
	void *arg;
	const char *restart;	   /* the MTA refuses a key that others, or its
				    * group, can read until then; NULL: it does
				    * not mind */
};

/* True: nothing keeps the MTA from showing the certificate. */
bool certs_look(const struct certs *);

/* A file or hashed directory of CAs; `text` says what is wrong with it. */
bool certs_are_cas(const char *path, struct text *why);

/*
 * What tlspolicy-ca(8) makes for `host`, beside the settings file: the paths,
 * and the command that makes them, as what is to be run after the lines.
 */
void certs_ours(const struct doctor *, const char *host, const char *end,
    char path[CERTS_PATH_MAX]);
void certs_then_make(const struct doctor *, const char *host,
    struct finding *);

#endif
