/*
 * audit-notes.h - the options --checkpoints and --verifier: files of checkpoints,
 * and of the verifier keys of those, of as many nodes as there are.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_AUDIT_NOTES_H
#define TLSPOLICY_AUDIT_NOTES_H

#include "policy/commands/audit.h"

enum { OPTION_CHECKPOINTS = OPTION_REPORT + 20, OPTION_VERIFIER };

/* Both lists end in NULL. */
enum { AUDIT_NOTES_MAX = 4096 };
struct audit_notes {
	const char *path[AUDIT_NOTES_MAX + 1], *verifier[AUDIT_NOTES_MAX + 1];
};

#define AUDIT_OPTION_CHECKPOINTS(TEXT) \
	{ OPTION_CHECKPOINTS, "checkpoints", "FILE", TEXT "; may be repeated" }
#define AUDIT_OPTION_VERIFIER \
	{ OPTION_VERIFIER, "verifier", "FILE", "the verifier keys of those; may " \
	    "be repeated" }
/* `c` is one of the two.  False, having said why: too many. */
bool audit_notes_option(const struct context *, struct audit_notes *, int c,
    const char *path) NONNULL;

#endif
