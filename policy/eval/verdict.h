/*
 * verdict.h - what is to be done with a message or recipient, and why.
 *
 * Ownership: a verdict holds all its text; it does not point into the store,
 * and must not be copied by assignment (slices point into the struct).
 * Threads: plain data.
 */
#ifndef TLSPOLICY_VERDICT_H
#define TLSPOLICY_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/digest.h"
#include "policy/rules/item.h"

enum verdict_kind {
	VERDICT_ACCEPT,
	VERDICT_TEMPFAIL,
	VERDICT_REJECT,
	VERDICT_HOLD
};

/* Why a message that fails is accepted all the same. */
enum waiver {
	WAIVER_NONE,
	WAIVER_WARN,	/* the rule's class is WARN */
	WAIVER_MONITOR, /* mode = monitor */
	WAIVER_EXEMPT,	/* exempt-clients, local submission */
	WAIVER_ON_ERROR /* on-error = accept */
};

enum {
	REPLY_LINES_MAX = 6,
	REPLY_LINE_MAX = 400,	   /* bytes of one line, without codes */
	VERDICT_MEMORY = 24 * 1024 /* keys, requirements, replies */
};

/*
 * The answer to the client.  Lines are printable ASCII, or UTF-8 when the
 * question allowed it (untrusted parts have been made so); a % is not doubled
 * yet, which is libmilter's affair.
 */
struct reply {
	enum verdict_kind kind;
	enum reason reason;
	const char *code, *dsn; /* "451", "4.7.10"; "" for HOLD */
	unsigned nlines;
	struct slice lines[REPLY_LINES_MAX];
};

/* How the rules of one tag came out; the audit log gives it back as it was. */
struct tag_result {
	enum tag tag;
	bool matched;		  /* a rule was found */
	bool lookup_failed;	  /* the store could not be asked */
	const char *missing;	  /* the macro that would find a rule; NULL */
	enum answer answer;
	enum reason reason;	  /* when the answer is not yes */
	bool warn;		  /* class WARN: recorded, never refused */
	struct slice key, requirement, by;
	struct slice file;
	uint32_t line;
	struct slice rcpt;	  /* TLS_To's recipient, when read back */
	enum waiver waiver;	  /* the recipient's waiver, when read back */
};

/*
 * How a verdict came about, line by line: each key that was tried, the rule that
 * was hit, each test.
 */
struct trace {
	void (*line)(void *arg, const char *text); /* one line, no newline */
	void *arg;
};

/* A line; `t` NULL: nothing.  Bytes that are not printable become ?. */
void trace_line(const struct trace *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

struct verdict {
	enum verdict_kind kind; /* to be carried out */
	enum waiver waiver;	/* not NONE: reply tells what it would be */
	uint64_t generation;	/* 0: there was no store to ask */
	char policy[DIGEST_SHORT + 1]; /* of its rules; "": not told */
	unsigned nresults;
	struct tag_result results[TAG_COUNT];
	bool unfed;		/* a tag rests on what the facts feed has not told */
	int deciding;		/* index into results; -1: none failed */
	struct reply reply;	/* nlines 0 when nothing failed */
	struct text memory;
	char memory_text[VERDICT_MEMORY];
};

const char *verdict_name(enum verdict_kind); /* "tempfail" */
const char *waiver_name(enum waiver); /* "monitor"; "" for none */

/* The client is told no, for good or for the time being. */
bool verdict_refuses(enum verdict_kind);

/*
 * How strict it is: refused for good 4; refused for now, by class or because
 * it could not be judged, 3; held 2; only warned of, or waived, 1; nothing 0.
 */
unsigned verdict_severity(enum verdict_kind, enum waiver);

/* The verdict accepts, and nothing has matched. */
void verdict_init(struct verdict *) NONNULL;

/* A copy of `s` in the verdict's memory (cut when that is full). */
struct slice verdict_keep(struct verdict *, struct slice s) NONNULL;

/*
 * The first line of `tlspolicy check`: "tempfail 451 4.7.10 TEXT", lines
 * joined by " / ".  verdict_print_would() prints the reply that a waiver
 * spared the client.
 */
void verdict_print(const struct verdict *, struct text *) NONNULL;
void verdict_print_would(const struct verdict *, struct text *) NONNULL;

#endif
