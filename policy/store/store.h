/*
 * store.h - the compiled policy: an LMDB file, many readers, one writer.
 *
 * A commit by a writer (rebuild.h) is a new generation; a reader sees the one
 * that was current when its transaction began, whole.  Nothing is cached:
 * the next transaction after a commit judges by the new rules.
 *
 * Found, absent and failed are three things: a look-up that failed is never
 * "no rule".
 *
 * A file is trusted only after it was checked: magic, format, page structure,
 * contents (check.h), so that a damaged or hostile file is refused instead of
 * believed.  What changes in it afterwards, while it is open, is found when it
 * is used (filter.h): the look-up fails, it does not find another rule or none.
 *
 * Threads: one struct store for a process, opened after any fork and shared by
 * all threads; a transaction belongs to the function that began it.  Files:
 * PATH and PATH-lock; a reader needs to write the latter, but for those of
 * watch.h.  Who is kept waiting by another process says so, and gives up.  Not
 * for network file systems.
 */
#ifndef TLSPOLICY_STORE_H
#define TLSPOLICY_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/fault.h"
#include "policy/rules/key.h"
#include "policy/rules/rulefile.h"

struct store;
struct store_txn;

enum lookup_result { LOOKUP_FOUND, LOOKUP_ABSENT, LOOKUP_FAILED };

/* What the store says of itself. */
struct store_info {
	uint64_t generation; /* grows by one with each commit */
	int64_t built_at;    /* seconds since 1970, UTC */
	uint64_t oldest;     /* generation that is kept; 0: none is */
	uint64_t head;	     /* sum of the newest one's head: tells stores apart */
	uint64_t rules;
	uint32_t sources;
	/* How many rules there are of each sort: what is 0 needs no search. */
	uint32_t count[TAG_COUNT][KEY_KIND_COUNT];
};

/* One rule in the store; slices live as long as the transaction. */
struct stored_rule {
	struct slice key;	  /* as written in the rules */
	struct slice requirement; /* as written */
	uint32_t line;
	uint16_t source;
	uint16_t flags;
};

/* A read transaction: begin, look up, end, all in one callback. */
struct store_reader {
	struct store *store;
	struct store_txn *txn; /* private to policy/store, as is the filter */
	const struct filter *filter;
	struct store_info info;
	const char *policy; /* NULL: ask history_policy() */
	struct fault fault; /* why a look-up failed */
};

/* NULL with a fault when there is no usable store at `path`. */
struct store *store_open(const char *path, struct fault *) MUST_CHECK;
/*
 * store_open() without a look at the whole, however large: for those who look
 * up keys.  What each finds, and that it finds none, is vouched for; whether
 * all the rest is what was written is not asked, and store_each() fails.
 */
struct store *store_open_for_keys(const char *path, struct fault *) MUST_CHECK;
void store_close(struct store *);
const char *store_path(const struct store *) NONNULL;

/* On failure the reader needs no end.  A reader is not to be copied. */
bool store_begin(struct store *, struct store_reader *, struct fault *)
    MUST_CHECK NONNULL;
void store_end(struct store_reader *) NONNULL;

/* Is there any rule of this tag?  Without one a search finds nothing. */
bool store_has_tag(const struct store_reader *, enum tag) NONNULL;
uint64_t store_count(const struct store_reader *, enum tag) NONNULL;
bool store_has_kind(const struct store_reader *, enum tag, enum key_kind)
    NONNULL;

/* The rules of exactly this key, for store_next(). */
enum lookup_result store_get(struct store_reader *, const struct key *,
    struct slice *rules) MUST_CHECK NONNULL;
/*
 * The key's next rule, in file order; false at the end.  Damage sets
 * reader->fault.
 */
bool store_next(struct store_reader *, struct slice *rules,
    struct stored_rule *) NONNULL;

/* The suites of a CIPHER: list, as ids in ascending order. */
enum lookup_result store_suites(struct store_reader *, struct slice list,
    const uint16_t **ids, size_t *n) MUST_CHECK;

/* The file name of a source; "" when there is none such. */
struct slice store_source(struct store_reader *, unsigned source) NONNULL;

/*
 * The settings that bear on a verdict, as whoever made this generation read
 * them: "name = value" lines.  Absent: not told.
 */
enum lookup_result store_settings(struct store_reader *, struct slice *)
    MUST_CHECK NONNULL;

/* Every rule, in key order; false from `each` stops.  False: failed. */
bool store_each(struct store_reader *,
    bool (*each)(void *, const struct stored_rule *), void *arg);

#endif
