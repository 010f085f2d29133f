/*
 * tail.h - where the chain stands at the end of a file.
 *
 * For a writer that goes on with a file, after a crash perhaps, and for `audit
 * head`.  Only the end of a plain file is read.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_TAIL_H
#define TLSPOLICY_TAIL_H

#include "policy/audit/chain.h"

struct tail {
	bool found;	  /* false: there is no sealed line; all else is 0 */
	bool ended;	  /* the file ends in a newline (or is empty) */
	uint64_t size;
	struct chain_head head;
	char sealed[CHAIN_HEX + 1]; /* C of the last sealed line */
	uint64_t first;	  /* number of the first one */
	char key[CHAIN_ID + 1];	/* whose id the file's first link has; "" */
	uint64_t epoch;	  /* of a ratchet, that of the next line; 0 */
};

/*
 * The end of the plain file open as `fd`.  False with a fault: it cannot be
 * read, or it is something else than an audit log (FAULT_DATA): it has lines,
 * none is sealed, and one is not the beginning of a record, nor zeros.
 */
bool tail_read(int fd, struct chain *, struct tail *, struct fault *)
    MUST_CHECK NONNULL;

/*
 * Is this line's number and C in the plain file?  It is looked for from the end
 * on, where it mostly is.
 */
enum tail_search { TAIL_THERE, TAIL_NOT_THERE, TAIL_UNREADABLE };
enum tail_search tail_search(int fd, const struct chain_head *,
    struct fault *) MUST_CHECK NONNULL;

/*
 * tail_search() in the files that `path` was rotated to, packed or not, from
 * the last one back to that which begins at or before that line.
 */
bool tail_search_rotated(const char *path, const struct chain_head *) NONNULL;

/* The end of any file, packed or not. */
bool tail_of(const char *path, struct chain *, struct tail *, struct fault *)
    MUST_CHECK NONNULL;

/*
 * The name of the rotated file that was `path` last: of those beside it whose
 * names begin with its name and a dot or hyphen, the one written last.  False:
 * there is none.
 */
bool tail_rotated_name(const char *path, struct text *name) NONNULL;

/*
 * What a link to the file says: its head, or, when torn bytes at its end were
 * sealed with a key that `chain` does not have, its last whole line.  The
 * number of those bytes is in the link then, and what they were is not told.
 */
void tail_link_to(struct tail *, const struct chain *) NONNULL;
/* Has the chain the key of the file's end, or of an epoch of that ratchet? */
bool tail_has_key_of(const struct tail *, const struct chain *) NONNULL;

/*
 * The end, to link to, of the last of them that has a sealed line: a power
 * failure may have left nothing of the very last.  False: there is none, or the
 * last one cannot be read or is no audit log.
 */
bool tail_of_rotated(const char *path, struct chain *, struct tail *) NONNULL;

#endif
