/*
 * verify-lines.h - lines of a log, and digests computed before they are asked
 * for.
 *
 * What a line is chained to stands in the line before it.  So the digest of
 * each can be computed by itself, by any thread and in any order: verify.h goes
 * through the lines one after another all the same, and takes such a digest in
 * place of its own when it is of the very head and key that it has come to.
 * What was guessed wrongly, or not at all, it computes itself, so that what it
 * finds is the same.
 *
 * Threads: a piece belongs to whoever has it, a guess to who reads.
 */
#ifndef TLSPOLICY_VERIFY_LINES_H
#define TLSPOLICY_VERIFY_LINES_H

#include "policy/audit/keyring.h"
#include "policy/audit/source.h"

/* Of a key: chain_id() and chain_epoch(). */
struct verify_seal {
	char id[CHAIN_ID + 1];
	uint64_t epoch;
};

struct verify_line {
	struct slice text; /* without its newline */
	bool ended;	   /* it had one */
	/* Its digest is right behind these CHAIN_HEX digits; NULL: who knows. */
	const char *before;
	const struct verify_seal *seal; /* with this key */
};

/* Where verify_file() has its lines from: as source_open() and the others. */
struct verify_lines {
	void *(*open)(void *arg, const char *path, struct fault *);
	enum source_result (*next)(void *file, struct verify_line *,
	    struct fault *);
	void (*close)(void *file);
	void *arg;
};

/* Whole lines.  All zeros at first. */
enum { VERIFY_SEALS = 16 };
struct verify_piece {
	char *text;
	size_t n, room;
	struct verify_line *lines; /* once it is filled */
	size_t nlines, lines_room;
	struct verify_seal seals[VERIFY_SEALS];
	size_t nseals;
	char before[CHAIN_HEX];	   /* NULs: not known */
};

/* What is expected next in a file: all zeros where it begins. */
struct verify_guess {
	bool known;
	struct verify_seal seal;
	char before[CHAIN_HEX]; /* NULs: not known */
};

/* A copy of `text`, and its lines.  False: out of memory. */
bool verify_piece_fill(struct verify_piece *, struct verify_guess *,
    struct keyring *, struct slice text, struct fault *) MUST_CHECK NONNULL;
/* Computes what it can; `keys` is the caller's alone, keyring_copy(). */
void verify_piece_compute(struct verify_piece *, struct keyring *keys) NONNULL;
void verify_piece_free(struct verify_piece *) NONNULL;

#endif
