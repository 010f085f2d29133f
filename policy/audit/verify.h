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

#include "policy/audit/agree.h"
#include "policy/audit/chain-link.h"
#include "policy/audit/keyring.h"
#include "policy/audit/verify-lines.h"

enum verify_break {
	BREAK_NONE,
	BREAK_CHANGED,	 /* the line is not what was sealed */
	BREAK_DROPPED,	 /* lines before it are missing */
	BREAK_ADDED,	 /* the line was not written here */
	BREAK_REORDERED, /* the line stands before one that came earlier */
	BREAK_CUT,	 /* lines, or a part of one, are missing at the end */
	BREAK_MISSING,	 /* the noted head is of no line that is here */
	BREAK_UNREAD	 /* nothing wrong, but a key that is not here */
};

/* "changed", "dropped", ...: tlspolicy-audit(5). */
const char *verify_break_name(enum verify_break);

enum { VERIFY_NODE_MAX = 256, VERIFY_NODES = 16,
	VERIFY_PROGRESS = 65536 };

struct verification {
	/*
	 * NULL: `chain` is for all files.  Else each file's key is looked for
	 * here.  With keys, a file without one is believed when a file with
	 * one is linked to it: then it was as it is when that was begun.
	 */
	struct keyring *keys;
	struct chain *chain;
	const char *noted_head;	/* NULL: none; 64 hex digits */
	uint64_t noted_seq;	/* of that line; 0: not told */
	uint64_t from;		/* the log has to begin here or before; 0 */
	bool open_end;		/* a torn last line is no break */
	/* Called every VERIFY_PROGRESS lines; NULL: never. */
	void (*progress)(void *);
	void *progress_arg;
	/* Told of a chain that begins anew, chain_is_stream(); NULL: nobody. */
	void (*begins_anew)(void *, const char *file, unsigned long long line);
	/*
	 * Told of a file whose key is not here; NULL: nobody.  `epoch` is the
	 * first one of that ratchet that the keys can open, 0: none.
	 */
	void (*not_read)(void *, const char *file, const char *key,
	    uint64_t epoch);
	void *arg;
	const struct verify_lines *reads; /* NULL: source.h does */
	/* They have to agree; NULL: none.  chains.h makes `agree` of them. */
	const struct checkpoints *checkpoints;
	struct agree *agree;

	/* Results. */
	struct chain_head head;
	uint64_t first;		/* number of the first line; 0: none */
	char since[CHAIN_TIME + 1], until[CHAIN_TIME + 1]; /* or "" */
	/* Nodes of the records, in order of coming; more are not noted. */
	char node[VERIFY_NODES][VERIFY_NODE_MAX];
	size_t nodes;
	uint64_t unread;	/* lines whose key is not here */
	uint64_t sure;		/* from this number on all are verified; 0 */
	/* Of the last file's ratchet: epochs that have lines; 0: none. */
	uint64_t first_epoch, last_epoch;
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
	char key[CHAIN_ID + 1];	  /* of the file; "": it tells of none */
	uint64_t epoch;		  /* of the next line; 0: no ratchet */
	bool is_unread;		  /* the file's key is not here */
	bool is_plain;		  /* with keys: the file has none */
	uint64_t plain;		  /* lines without, and no link to them yet */
	char plain_file[FAULT_WHERE_MAX]; /* the first of them, or unread */
	struct chain_head before; /* in front of the latest torn lines */
	uint64_t torn_line;	  /* line number of the first torn line */
	bool torn_ended;	  /* the last torn line ends in a newline */
	uint64_t last_line;	  /* where the file before ended */
	char last_file[FAULT_WHERE_MAX];
};

/* `chain` may be NULL when there will be keys. */
void verify_init(struct verification *, struct chain *);

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
