/*
 * verify.h - is the audit log as it was written?
 *
 * Reads files one after another, oldest first, and stops at the first line
 * that does not fit the chain, saying what was done to it as far as the chain
 * and the numbers of the lines tell.
 *
 * Threads: a verification belongs to one thread.
 */
#ifndef TLSPOLICY_VERIFY_H
#define TLSPOLICY_VERIFY_H

#include "policy/audit/chain.h"
#include "policy/audit/source.h"

enum verify_break {
	BREAK_NONE,
	BREAK_CHANGED,	 /* the line is not what was sealed */
	BREAK_DROPPED,	 /* lines before it are missing */
	BREAK_ADDED,	 /* the line was not written here */
	BREAK_REORDERED, /* the line stands before one that came earlier */
	BREAK_CUT	 /* lines, or a part of one, are missing at the end */
};

/* "changed", "dropped", ...: tlspolicy-audit(5). */
const char *verify_break_name(enum verify_break);

struct verification {
	struct chain *chain;
	const char *noted_head;	/* NULL: none; 64 hex digits */
	bool open_end;		/* a torn last line is no break */
	/* For people that wait; NULL: none.  Called a few times a second. */
	void (*progress)(void *, const struct source *);
	/* A chain that begins anew, chain_is_stream(); NULL: not told. */
	void (*begins_anew)(void *, const char *file, unsigned long long line);
	void *arg;

	/* Results. */
	struct chain_head head;
	uint64_t files, lines, torn_lines, bytes;
	uint64_t anew;		/* chains but the first */
	uint64_t unrecorded;	/* refusals, as the log says */
	bool head_seen;
	enum verify_break kind;
	char file[FAULT_WHERE_MAX];
	uint64_t line;
	char what[256];		/* for people: what the chain shows */

	/* Between calls. */
	bool started;
	struct chain_head before; /* in front of the latest torn lines */
	uint64_t torn_line;	  /* line number of the first torn line */
	bool torn_ended;	  /* the last torn line ends in a newline */
	uint64_t last_line;	  /* where the file before ended */
	char last_file[FAULT_WHERE_MAX];
};

void verify_init(struct verification *, struct chain *) NONNULL;

/*
 * The next file.  False: there was a break (v->kind), or the file cannot be
 * read (v->kind is BREAK_NONE, with a fault).
 */
bool verify_file(struct verification *, const char *path, struct fault *)
    MUST_CHECK NONNULL;

/* After the last file. */
bool verify_finish(struct verification *) NONNULL;

/*
 * The number of the first sealed line of a file, by which files are put in
 * order; 0 when it has none.
 */
bool verify_first_seq(const char *path, uint64_t *seq, struct fault *)
    MUST_CHECK NONNULL;

#endif
