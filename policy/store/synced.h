/*
 * synced.h - what a store knows of the directory that its rules come from.
 *
 * For each entry (RFC 4533 knows it by its UUID) the rule that stands in it, and
 * the one of it that is in force: an entry that was changed to no rule at all
 * keeps the last good one.  And the cookie, from which the directory tells what
 * has changed since.  All of it is written in one commit with the rules.
 *
 * It is checked as a whole before anything of it is believed.
 *
 * Ownership: slices live as long as the reader's transaction.  Threads: as the
 * reader's.
 */
#ifndef TLSPOLICY_STORE_SYNCED_H
#define TLSPOLICY_STORE_SYNCED_H

#include "policy/store/store.h"

enum { SYNCED_UUID = 16, SYNCED_TEXT_MAX = 60000 };

struct synced_entry {
	unsigned char uuid[SYNCED_UUID];
	struct slice name; /* distinguished name, for people */
	struct slice line; /* "KEY<tab>REQUIREMENT"; n 0: there is none */
	struct slice good; /* the same, in force; n 0: never was */
};

struct synced {
	struct slice cookie;
	const struct synced_entry *entries; /* sorted by UUID */
	size_t n;
};

/*
 * Absent: the rules do not come from a directory.  Failed: damaged, see the
 * reader's fault.  False from `each` stops.
 */
enum lookup_result synced_read(struct store_reader *, struct slice *cookie,
    bool (*each)(void *, const struct synced_entry *), void *arg) MUST_CHECK;

/* How a value is laid out, for the two that write and read it. */
struct synced_head {
	uint64_t entries, sum; /* how many; their format_sum(), the cookie's too */
};

struct synced_lengths {
	uint16_t name, line, good;
};

#endif
