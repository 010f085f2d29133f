/*
 * compile.h - a policy made of a directory's entries.
 *
 * The rules stand in the order of the entries' names, which is their order
 * within a key.  An entry that is no rule, or that cannot stand beside the
 * others, gives way: the last good rule that it held is taken in its place, or
 * that of an entry for its key that is gone since; else a new one waits.  When
 * there is no such way, as when a profile is gone that others name, all is
 * refused and what is in force stays.
 *
 * Threads: one.
 */
#ifndef TLSPOLICY_SYNC_COMPILE_H
#define TLSPOLICY_SYNC_COMPILE_H

#include "policy/rules/rulefile.h"
#include "policy/sync/entries.h"

/* The name that rules of a directory have in place of a file's. */
#define SYNC_SOURCE "directory"

struct sync_compiled {
	struct rulefile rules;	  /* finished */
	struct synced_entry *entries; /* for rebuild_synced(), by UUID */
	size_t n;
	size_t held_back; /* entries that are not in force as they are */
};

/*
 * For each entry that gives way `told` is called; `stays`: a last good rule has
 * its place.  False with a fault: there is no policy in it.  In both cases to be
 * freed; entries must not change before.
 */
bool sync_compile(struct sync_entries *, bool as_sendmail,
    void (*told)(void *, const struct sync_entry *, const char *why,
    bool stays), void *arg, struct sync_compiled *, struct fault *) MUST_CHECK;
/* They are in force now. */
void sync_compiled_commit(struct sync_entries *, struct sync_compiled *)
    NONNULL;
void sync_compiled_free(struct sync_compiled *) NONNULL;

#endif
