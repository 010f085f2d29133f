/*
 * checkpoint.h - what is signed of the log from time to time: a note of
 *
 *	ORIGIN
 *	SEQ			the last line of it
 *	C			that line's: all lines before are tied to it
 *	time TIME
 *	lines FIRST to SEQ	those of the tree
 *	root HEX		of that tree (merkle.h)
 *
 * Kept elsewhere it proves that nothing before it was altered since, by whoever
 * had the machine and its keys; and one line of those to somebody who has no
 * other.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_CHECKPOINT_H
#define TLSPOLICY_CHECKPOINT_H

#include "policy/audit/chain-link.h"
#include "policy/audit/note.h"

#define CHECKPOINT_WORD "checkpoint: " /* in front of one in a log */
#define CHECKPOINT_DASH "\xe2\x80\x94 " /* U+2014 in front of a signature */

enum { CHECKPOINT_MAX = 1024 };

struct checkpoint {
	char origin[NOTE_NAME_MAX + 1];
	struct chain_head head;
	char time[CHAIN_TIME + 1];
	uint64_t first;
	char root[CHAIN_HEX + 1];
	/* as read */
	char signature[NOTE_SIGNATURE_MAX];
	uint64_t line; /* where it stands in the file of checkpoints */
};

bool checkpoint_parse(struct slice text, struct checkpoint *) MUST_CHECK
    NONNULL;
/* The text that is signed. */
void checkpoint_format(const struct checkpoint *, struct text *) NONNULL;
/* The whole note, with the empty line behind it. */
void checkpoint_note(const struct checkpoint *, struct text *) NONNULL;
/* The note in one line, for a log: "checkpoint: " and its lines with "|". */
void checkpoint_log_line(const struct checkpoint *, struct text *) NONNULL;

/* Those of one origin, by number. */
struct checkpoints_origin {
	const struct checkpoint *list;
	size_t n;
};

/* Those of all files, sorted by origin and number; the rest is told. */
struct checkpoints {
	struct checkpoint *list;
	size_t n, room;
	struct checkpoints_origin *origins;
	size_t norigins;
	uint64_t others; /* of no verifier's origin */
};

/*
 * Reads notes, and lines of a log that hold one.  Each must be signed by one of
 * the verifiers, which are the lines of other files that are such; what is not
 * is a fault (FAULT_DATA), and so is a file of either in which there is none.
 * Both lists end in NULL.
 */
bool checkpoints_read(struct checkpoints *, const char *const *paths,
    const char *const *verifiers, struct fault *) MUST_CHECK NONNULL;
void checkpoints_free(struct checkpoints *) NONNULL;

#endif
