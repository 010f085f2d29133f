/*
 * blocks.h - the audit log in pieces, read far enough ahead to know which of
 * their records were withdrawn.
 *
 * Whoever waits too long for the disk tells his client 451, and a note behind
 * the record says so: {"event":"withdrawn","of":SEQ}.  The daemon's writer
 * takes no other record before that note, so it stands within one round
 * (CHAIN_ROUND_BYTES) and its notes, or behind the link of the next file.  A piece is
 * handed out when BLOCKS_BYTES behind it were read.
 *
 * A file that cannot be read, or not to its end, is told where it would have
 * come, and the others go on behind it.
 * Threads: a struct blocks belongs to one thread; a piece to whoever has it.
 */
#ifndef TLSPOLICY_AUDIT_BLOCKS_H
#define TLSPOLICY_AUDIT_BLOCKS_H

#include <assert.h>

#include "policy/audit/chain.h"
#include "policy/audit/logset.h"
#include "policy/audit/reader.h"

enum {
	BLOCKS_BYTES = 4 * 1024 * 1024,
	/* A longer piece counts as this much of the window. */
	BLOCKS_RECORD_BYTES = BLOCKS_BYTES / 4,
	BLOCKS_NOTE_MAX = 1024 /* notes are shorter: others are not parsed */
};

/* Twice a writer's round (CHAIN_ROUND_BYTES) and its last record. */
static_assert(BLOCKS_BYTES >= 2 * (CHAIN_ROUND_BYTES + BLOCKS_RECORD_BYTES),
    "a withdrawal may stand farther behind its record than is read ahead");

/* Numbers of lines. */
struct blocks_seqs {
	uint64_t *seqs;
	size_t n, room;
};

/* Whole lines.  All zeros at first. */
struct blocks_piece {
	const char *file; /* "<stdin>" for "-" */
	uint64_t line;	  /* the number of its first line */
	char *text;
	size_t n, room;
	/* of records withdrawn, sorted; some may stand in other pieces */
	struct blocks_seqs withdrawn;
};

void blocks_piece_free(struct blocks_piece *);

struct blocks;

/*
 * Of one run of a struct logset, which must outlive it.  NULL with a fault: out
 * of memory.  `at_once`: pieces come as they are read, and what is noted later
 * is not known.
 */
struct blocks *blocks_open(const struct logset_file *, size_t n, bool at_once,
    struct fault *) MUST_CHECK;
void blocks_close(struct blocks *);

/*
 * The next piece, in place of the one that is there, whose memory is used
 * again.  What stands before a damaged place comes before SOURCE_FAILED; the
 * next call goes on with the next file, unless memory ran out
 * (FAULT_UNAVAILABLE).
 */
enum source_result blocks_next(struct blocks *, struct blocks_piece *,
    struct fault *) MUST_CHECK NONNULL;

/* A line of the piece, as reader_parse(); sets record->withdrawn. */
enum reader_result blocks_parse(const struct blocks_piece *,
    struct reader_record *, struct slice line, struct fault *)
    MUST_CHECK NONNULL;

#endif
