/*
 * history.h - what the policy was, and who changed it: the store's generations.
 *
 * A generation is a commit that stays: who made it, when and why, digests of
 * the rules and settings as they have been since, and what it changed.  The
 * store holds the rules of the newest one; those of an older one are found by
 * undoing what was changed since.
 *
 * Nothing is believed unseen: the sum of the newest generation's head stands in
 * the store's info, each head has that of the one before.  So they are read
 * from the newest one back.
 *
 * Limits: with an older file a rule has the file and line that it was last
 * stored with.  Ownership: slices live as long as the reader's transaction.
 * Threads: as the reader's.
 */
#ifndef TLSPOLICY_HISTORY_H
#define TLSPOLICY_HISTORY_H

#include "policy/base/digest.h"
#include "policy/store/store.h"

enum { HISTORY_MESSAGE_MAX = 1000, HISTORY_SETTINGS_MAX = 16 * 1024 };
struct plan;

enum generation_how {
	GENERATION_BUILD,
	GENERATION_SET,
	GENERATION_DEL,
	GENERATION_ROLLBACK,
	GENERATION_APPLY,
	GENERATION_SYNC,
	GENERATION_HOW_COUNT
};

/* "build", "set", ...; "" for what a newer program wrote. */
const char *history_how_name(unsigned how);

/*
 * Who changes the policy, for the writers of rebuild.h.  Without settings (n is
 * 0) the generation says nothing of them.
 */
struct authorship {
	int64_t now; /* seconds since 1970 */
	enum generation_how how;
	uint64_t back_to; /* ROLLBACK: whose rules they are; APPLY: plan */
	uint32_t uid;
	struct slice login, host, message;
	struct slice settings; /* that bear on a verdict, as settings.h prints */
	int64_t keep_s;	 /* older generations go; 0: they all stay */
	uint64_t number; /* of a scratch store's generation; 0: the next */
	const struct plan *plan; /* of the plan's own store; else NULL */
	/* Only in place of the rules with this digest; NULL: of any. */
	const unsigned char *over;
};

struct generation {
	uint64_t number;
	int64_t time;
	unsigned how; /* enum generation_how, or what a newer program wrote */
	uint64_t back_to; /* see struct authorship */
	uint32_t uid;
	struct slice login, host, message;
	uint64_t rules; /* that it has */
	/* Keys that came, went and changed; 0 of the first one of a store. */
	uint64_t added, removed, changed;
	bool first; /* what was before is not known, or nothing */
	bool other_settings;
	struct slice settings, old_settings;
	unsigned char rules_digest[DIGEST_BYTES];
	unsigned char settings_digest[DIGEST_BYTES];
	uint64_t parts_sum; /* private, as are the others */
	uint32_t parts;
	struct slice sources;
};

/* The generations that are kept, newest first. */
struct history {
	struct store_reader *reader;
	uint64_t number, sum;	/* of the next one */
	struct slice settings;
};

/* False, or failed: the reader's fault says why; absent: there is no older one. */
bool history_start(struct history *, struct store_reader *) MUST_CHECK NONNULL;
enum lookup_result history_next(struct history *, struct generation *)
    MUST_CHECK NONNULL;
/* The one with this number: absent when it is not kept, or is none yet. */
enum lookup_result history_find(struct store_reader *, uint64_t number,
    struct generation *) MUST_CHECK NONNULL;

/*
 * DIGEST_SHORT digits of the newest one's rules_digest, which are looked for once
 * in a transaction's snapshot; "": the store does not tell.  Good until it ends.
 */
const char *history_find_policy(struct store_reader *) MUST_CHECK NONNULL;
static inline const char *
history_policy(struct store_reader *r)
{
	return r->policy != NULL ? r->policy : history_find_policy(r);
}

/* A key's rules before and since, one after another as store_next() has them. */
struct history_change {
	struct slice key_bytes;
	struct slice old, new; /* none: n is 0 */
};

/* False from `each` stops.  False: damaged. */
bool history_changes(struct store_reader *, const struct generation *,
    bool (*each)(void *, const struct history_change *), void *arg) MUST_CHECK;

/*
 * The rules of this generation, sorted, as a rulefile that was finished; to be
 * freed in any case.  False with a fault: not kept (FAULT_NOINPUT), or damaged.
 */
bool history_rules(struct store_reader *, uint64_t number, struct rulefile *,
    struct generation *, struct fault *) MUST_CHECK NONNULL;

#endif
