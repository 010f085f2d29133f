/*
 * scratch.h - rules compiled into a store that is gone when it is opened.
 *
 * For judging by a rule file without touching the real store.  Its files are
 * removed before scratch_open() returns; the open store keeps them alive.
 * Meanwhile signals that end the process wait, so that nothing is left behind.
 *
 * Threads: one; changes the signal mask while it works.
 */
#ifndef TLSPOLICY_SCRATCH_H
#define TLSPOLICY_SCRATCH_H

#include "policy/commands/ruleset.h"
#include "policy/store/rebuild.h"
#include "policy/store/store.h"

/* The directory is made under TMPDIR or /tmp.  NULL with a fault. */
struct store *scratch_open(const struct rulefile *, struct fault *) MUST_CHECK;
/* The same of rule files, as ruleset_read() has them. */
struct store *scratch_open_files(const struct context *, char *const *paths,
    struct fault *) MUST_CHECK;
/* A scratch store that says that it is this generation, made then. */
struct store *scratch_open_generation(const struct rulefile *,
    uint64_t number, int64_t made, struct fault *) MUST_CHECK;

/*
 * A scratch store of these rules, edited: `set` (NULL: none), then deleted
 * keys.
 */
struct scratch_edit {
	const struct rulefile *set;
	const struct key *gone;
	size_t ngone;
};
struct store *scratch_open_edited(const struct rulefile *,
    const struct scratch_edit *, struct fault *) MUST_CHECK;

#endif
