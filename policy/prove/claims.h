/*
 * claims.h - claims as text: files, and folders of *.claims.
 *
 * A claim a line; empty lines and those that begin with # say nothing.  Every bad
 * line is reported, not only the first.
 *
 * Threads: no state but the struct's.  Ownership: the struct holds the text.
 */
#ifndef TLSPOLICY_PROVE_CLAIMS_H
#define TLSPOLICY_PROVE_CLAIMS_H

#include "policy/base/arena.h"
#include "policy/prove/claim.h"

enum { CLAIMS_LINE_MAX = 2048, CLAIMS_MAX = 100000 };

struct claims_place {
	struct slice file; /* NUL-terminated; empty: the command line */
	unsigned long line, column;
};

struct claims {
	struct claim *claims;
	struct claims_place *places; /* of each */
	size_t n, allocated;
	unsigned long bad_lines;
	int32_t today;
	bool as_sendmail; /* see never.h */
	struct arena memory;
	void (*report)(void *, const struct fault *); /* of each bad line */
	/*
	 * Of a file without a byte, a folder without a file, a file in one whose
	 * name does not say that it has claims; NULL: nobody.
	 */
	void (*warn)(void *, const struct fault *);
	void *arg;
};

void claims_init(struct claims *, int32_t today, bool as_sendmail,
    void (*report)(void *, const struct fault *), void *arg);
void claims_free(struct claims *);

/*
 * A file ("-": standard input), or the files *.claims of a folder in the order of
 * their names.  False with a fault when one cannot be read; bad lines are counted.
 */
bool claims_read(struct claims *, const char *path, struct fault *) MUST_CHECK
    NONNULL;
/* One claim that stands in no file. */
bool claims_add(struct claims *, struct slice text, struct fault *) MUST_CHECK
    NONNULL;

#endif
