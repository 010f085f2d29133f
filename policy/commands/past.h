/*
 * past.h - the policy of a record's day: the rules of the generation that judged
 * it, as far as the store keeps it, and the settings, as far as anybody told.
 *
 * A store that was removed and built again counts from 1 once more, and each
 * node counts for itself.  So what is kept under a number is believed only if it
 * has the digest that the record names.  Of a recipient that another generation
 * judged, and in logs of older versions, no record does: then the line about that
 * generation counts or, where there is none, that it is older than the record.
 *
 * Threads: as commands.
 */
#ifndef TLSPOLICY_COMMANDS_PAST_H
#define TLSPOLICY_COMMANDS_PAST_H

#include "policy/audit/reader.h"
#include "policy/commands/command.h"
#include "policy/store/history.h"

enum { PAST_STORES = 8, PAST_HEADS = 16 };

enum past_result {
	PAST_FOUND,
	PAST_NO_POLICY, /* it was judged without: the store could not be asked */
	PAST_NOT_KEPT,
	PAST_ANOTHER,	/* this store's generation of that number is another */
	PAST_FAILED	/* the store cannot be read, or is damaged */
};

struct past_store {
	struct store *store; /* NULL: none */
	struct store_reader reader;
	uint64_t number, used;
};

/* Generations that were looked up: many records ask for the same one. */
struct past_head {
	uint64_t number; /* 0: none */
	int64_t time;
	char digest[DIGEST_HEX + 1];
};

/* All zeros at first, but for the context. */
struct past {
	const struct context *context;
	struct store *store; /* of today */
	struct store_reader reader;
	bool is_open;
	struct past_store then[PAST_STORES];
	uint64_t used, mark; /* stores used after `mark` stay open */
	struct past_head heads[PAST_HEADS];
	unsigned next_head;
	struct past_policy *policies; /* what the log says: digests */
	size_t npolicies;
	struct past_settings *settings;
	size_t nsettings;
};

/* Takes each note of the log, in order.  False: out of memory. */
bool past_note(struct past *, const struct reader_record *) MUST_CHECK NONNULL;

/* Until here the results for the last record stay valid. */
void past_next_record(struct past *) NONNULL;
/*
 * The rules of a generation that judged this record, or one of its recipients;
 * at most PAST_STORES of them for a record.  `why` tells why there are none.
 */
enum past_result past_rules(struct past *, const struct reader_record *,
    uint64_t number, struct store_reader **, struct fault *why) MUST_CHECK
    NONNULL;

/* The settings that the record names; NULL: nobody told. */
const struct settings *past_settings(struct past *,
    const struct reader_record *) NONNULL;

void past_free(struct past *) NONNULL;

#endif
