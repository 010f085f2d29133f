/*
 * logstate.h - what is known of the audit log besides the log: where it ends.
 *
 * A small file in a folder of its own, so that a log whose newest lines were
 * cut off, or that is gone, is not taken for one that ends there.  Who can
 * write to both can forge both: for that there are checkpoints.
 *
 *	tlspolicy audit state 1
 *	file PATH
 *	head C SEQ
 *	signed SEQ
 *
 * Threads: one at a time.
 */
#ifndef TLSPOLICY_MILTER_AUDITLOG_LOGSTATE_H
#define TLSPOLICY_MILTER_AUDITLOG_LOGSTATE_H

#include <limits.h>

#include "policy/policy.h"

struct logstate {
	int dir;		/* -1: nothing is kept */
	char folder[PATH_MAX];
	/* "state." and the log's name, which none looks like that it rotates to */
	char name[NAME_MAX + 1];
	char file[PATH_MAX];	 /* the log */
	struct chain_head head;	 /* its last sealed line; seq 0: not known */
	uint64_t signed_seq;	 /* of the last checkpoint; 0: none */
};

enum logstate_result {
	LOGSTATE_FOUND,
	LOGSTATE_ABSENT, /* there is none */
	LOGSTATE_FAILED	 /* not to be read or believed; a fault says why */
};

/*
 * Opens the folder.  False with a fault; root only goes where nobody else can
 * say what folder that is.
 */
bool logstate_open(struct logstate *, const char *folder, const char *file,
    struct fault *) MUST_CHECK NONNULL;
void logstate_close(struct logstate *) NONNULL;

enum logstate_result logstate_read(struct logstate *, struct fault *)
    MUST_CHECK NONNULL;

/*
 * Writes it beside, brings that to the disk when `sync`, and puts it in place.
 * False with a fault: the old one is there as before.
 */
bool logstate_write(const struct logstate *, bool sync, struct fault *)
    MUST_CHECK NONNULL;

#endif
