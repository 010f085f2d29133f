/*
 * told.h - what MTAs were told before they delivered, so that what came of it
 * can be held against it.
 *
 * Answers of all files first, in any order, then told_sort(), then questions.
 *
 * Threads: one.  Ownership: copies what it keeps.
 */
#ifndef TLSPOLICY_REPORT_TOLD_H
#define TLSPOLICY_REPORT_TOLD_H

#include "policy/audit/reader.h"

enum told_demand {
	TOLD_NOTHING,	/* no answer is known, or one that TLS is not needed */
	TOLD_TLS,
	TOLD_VERIFIED,	/* and a certificate that verifies */
	TOLD_MATCHED	/* ... and is the one asked for: a name, a print */
};

struct told {
	struct told_answer *answers; /* by name and time, when sorted */
	size_t n, allocated;
	struct arena memory;
};

void told_init(struct told *);
void told_free(struct told *);

/* Of READER_OUTBOUND.  False: out of memory. */
bool told_add(struct told *, const struct reader_record *);
void told_sort(struct told *);

/* The last answer before `time_us` for mail to this domain. */
enum told_demand told_demand(const struct told *, struct slice domain,
    int64_t time_us);
/* Its words, empty: there is none, or it was not told. */
struct slice told_words(const struct told *, struct slice domain,
    int64_t time_us);

#endif
