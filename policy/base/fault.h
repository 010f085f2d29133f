/*
 * fault.h - one error, filled where its reason is known, printed at the edge.
 *
 * A function that can fail takes a `struct fault *` as its last argument and
 * returns false (or an enum that says failed).  Whoever finds the reason fills
 * it; nobody in between rewrites it; the program's edge prints it once.
 *
 * Threads: a fault belongs to its caller; the functions here touch nothing
 * else.  Ownership: all strings are copied in, cut at the sizes below, and a
 * cut text ends in "...".
 */
#ifndef TLSPOLICY_FAULT_H
#define TLSPOLICY_FAULT_H

#include <stdbool.h>
#include <stdio.h>

#include "policy/base/attribute.h"

/* What went wrong, as the caller's exit status; see sysexits(3). */
enum fault_kind {
	FAULT_NONE = 0,
	FAULT_USAGE = 64,	/* the command line */
	FAULT_DATA = 65,	/* bad rules, a bad store, bad records */
	FAULT_NOINPUT = 66,	/* cannot open input */
	FAULT_UNAVAILABLE = 69, /* a service or resource is not there */
	FAULT_SOFTWARE = 70,	/* a library failed in a way it should not */
	FAULT_IO = 74,		/* reading or writing failed */
	FAULT_SETTINGS = 78	/* the settings file */
};

/* The other exit codes of tlspolicy(1); see sysexits(3). */
enum {
	EXIT_FINE = 0,
	EXIT_FINDINGS = 1, /* lint, diff, cert, replay: something was found */
	EXIT_TEMPFAIL = 75,
	EXIT_REJECT = 77,
	EXIT_HOLD = 79
};

enum { FAULT_WHERE_MAX = 256, FAULT_TEXT_MAX = 768 };

struct fault {
	enum fault_kind kind;
	char where[FAULT_WHERE_MAX];	/* file or "setting NAME", or "" */
	unsigned long line, column;	/* counted from 1; 0: does not apply */
	char text[FAULT_TEXT_MAX];
};

/* Nothing is wrong (any more). */
void fault_clear(struct fault *);

/* Fill `f`; always returns false, so that `return fault_set(...)` reads well. */
bool fault_set(struct fault *f, enum fault_kind, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/*
 * The same with ": " and the text of the errno value `error` at the end.  Of a
 * directory only reading fails, not open(2): FAULT_IO becomes FAULT_NOINPUT.
 */
bool fault_errno(struct fault *f, enum fault_kind, int error, const char *fmt,
    ...) PRINTF_LIKE(4, 5);

/* FAULT_UNAVAILABLE, "out of memory". */
bool fault_no_memory(struct fault *f);

/* The compiler knows that, too: `good || fault_set(...)' is no second branch. */
#define fault_set(...) (fault_set(__VA_ARGS__), (bool){ false })
#define fault_errno(...) (fault_errno(__VA_ARGS__), (bool){ false })
#define fault_no_memory(f) (fault_no_memory(f), (bool){ false })

/* Say where: a file with line and column (0 where one does not apply). */
void fault_at(struct fault *f, const char *file, unsigned long line,
    unsigned long column);
/* Say where: the setting `name`. */
void fault_at_setting(struct fault *f, const char *name);

/*
 * One line, no newline at its end: "FILE:LINE:COL: text", "setting NAME:
 * text", or the text alone.  Control characters are shown as ?.  Returns
 * `buf`.
 */
const char *fault_print(const struct fault *f, char *buf, size_t size);

/* Print `f` as one line on `out`, after "tlspolicy: " when it has no where. */
void fault_report(const struct fault *f, FILE *out);

#endif
