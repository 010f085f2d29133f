/*
 * entries.h - what a directory has told so far, entry by entry.
 *
 * RFC 4533: an entry is known by its UUID, a delete says nothing else.  During a
 * refresh entries are mentioned; those that were not are gone when it ends, if
 * it was one of all entries.
 *
 * Ownership: all is copied in; strings live until the entry is put again,
 * dropped, or all are freed.  Threads: one.
 */
#ifndef TLSPOLICY_SYNC_ENTRIES_H
#define TLSPOLICY_SYNC_ENTRIES_H

#include <sys/queue.h>

#include "policy/base/text.h"
#include "policy/store/synced.h"

struct sync_entry {
	unsigned char uuid[SYNCED_UUID];
	char *name; /* distinguished name */
	char *line; /* "KEY<tab>REQUIREMENT" as it stands there; "": no rule */
	char *good; /* the same, in force, maybe that very string; "": none */
	const char *by; /* who changed it since the last commit, or "" */
	const char *why; /* line is no rule; NULL: it is one, as far as known */
	unsigned mentioned; /* in this refresh */
	bool changed;	    /* since the last commit */
	bool held;	    /* what is in force of it is another line */
	bool stored;	    /* the store has all of it but `by` */
	bool touched;	    /* changed, held or not stored: in `touched` */
	TAILQ_ENTRY(sync_entry) touch;
	unsigned reached;   /* reach.c's */
};
TAILQ_HEAD(sync_touched, sync_entry);

/* An entry that is gone: what was in force of it. */
struct sync_dropped {
	struct sync_dropped *next;
	unsigned char uuid[SYNCED_UUID];
	char *good;
	bool committed; /* it was in force before the last commit, too */
};

struct sync_entries {
	void *tree; /* by UUID */
	size_t n;
	struct sync_entry *spare; /* for one that is not in the tree, or NULL */
	void *people;		  /* names that `by` of some entry is */
	const char *last_person;  /* one of them, or NULL */
	unsigned refresh; /* its number */
	size_t known;	  /* most entries before a refresh since the commit */
	bool shrunk; /* the last sweep has left half of `known` or less */
	unsigned reach;	  /* reach.c's */
	bool changed;	  /* an entry was changed or dropped */
	bool seen;	  /* something was told; the caller's to take back */
	/* What the next commit has to look at, the latest comer last. */
	struct sync_touched touched;
	struct sync_dropped *dropped; /* since the store was written */
	struct text gone; /* names since the last commit */
	char gone_text[600];
	bool no_memory;	  /* something was not taken: nothing is to be made of it */
};

void sync_entries_init(struct sync_entries *) NONNULL;
void sync_entries_free(struct sync_entries *) NONNULL;

/* Adds an entry as the store has it. */
void sync_entries_load(struct sync_entries *, const struct synced_entry *)
    NONNULL;
/*
 * An entry as the directory has it.  `line` NULL: it is no rule, for the reason
 * `why`, a constant; else `why` is NULL.
 */
void sync_entries_put(struct sync_entries *,
    const unsigned char uuid[SYNCED_UUID], const char *name, const char *line,
    const char *why, const char *by);
/* An entry was deleted; an unknown one is passed over. */
void sync_entries_drop(struct sync_entries *,
    const unsigned char uuid[SYNCED_UUID]) NONNULL;

void sync_entries_begin(struct sync_entries *) NONNULL;
/* An entry is there, unchanged. */
void sync_entries_mention(struct sync_entries *,
    const unsigned char uuid[SYNCED_UUID]) NONNULL;
/* A refresh of all entries has ended: what was not mentioned is gone. */
void sync_entries_sweep(struct sync_entries *) NONNULL;

/* All, in the order of their UUIDs; the array is the caller's.  NULL: no memory. */
struct sync_entry **sync_entries_list(struct sync_entries *) MUST_CHECK NONNULL;
/* The touched ones, *n of them, likewise. */
struct sync_entry **sync_entries_touched(struct sync_entries *, size_t *n)
    MUST_CHECK NONNULL;
/* The commit was made, with `good` in force of this entry. */
void sync_entries_accept(struct sync_entries *, struct sync_entry *,
    struct slice good) NONNULL;
/*
 * After sync_entries_accept() for each: from here on changes count anew.
 * `wrote`: the store has all entries, and none of those that were dropped.
 */
void sync_entries_committed(struct sync_entries *, bool wrote) NONNULL;
/* Has the store all of this?  Then it can have the cookie, too. */
bool sync_entries_are_stored(const struct sync_entries *) MUST_CHECK NONNULL;
struct sync_entry *sync_entries_find(const struct sync_entries *,
    const unsigned char uuid[SYNCED_UUID]) NONNULL;

#endif
