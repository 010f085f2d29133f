/*
 * salts.h - the salts of a day: who stands behind the commitments of its records.
 *
 * A file a day (UTC), named 2026-11-29, in a folder of its own below the state
 * folder.  A line for each value that was met that day, in the order in which
 * it was met first:
 *
 *	COMMITMENT SALT KIND VALUE
 *
 * in hex, hex, a word of person.h, and the value as sendmail encodes names (+XX
 * for bytes that are no plain character).  Erased are a line whose salt and
 * value were written over with hyphens and a day whose file is gone.  Lines of
 * any other form are passed over: torn ones, or of a file that was being erased.
 *
 * Threads: a struct salts may be asked by any number; salts_add() by one before.
 */
#ifndef TLSPOLICY_AUDIT_SALTS_H
#define TLSPOLICY_AUDIT_SALTS_H

#include "policy/audit/person.h"
#include "policy/base/arena.h"
#include "policy/base/fault.h"

#define SALTS_FOLDER "salts"

enum { SALTS_NAME = 10, SALTS_FOLDERS_MAX = 64,
	SALTS_INTRO_MAX = PERSON_HEX + 2 * PERSON_SALT + 16 };

struct salts_entry {
	char commitment[PERSON_HEX + 1];
	unsigned char salt[PERSON_SALT];
	enum person_kind kind;
	struct slice value; /* encoded, when it was parsed */
	bool erased;	    /* then there is only the commitment */
};

/* "2026-11-29".  False: another name. */
bool salts_day(const char *name, int32_t *day) MUST_CHECK NONNULL;

/* A line with its newline; three bytes at most for each of the value. */
void salts_print(const struct salts_entry *, struct text *) NONNULL;
/* Reads a line without its newline.  False: it is none. */
bool salts_parse(struct slice line, struct salts_entry *) MUST_CHECK NONNULL;
/*
 * *good: the commitment is one to this entry.  `value` gets the value, decoded.
 * False: that could not be computed.
 */
bool salts_check(struct person_hash *, const struct salts_entry *,
    struct text *value, bool *good) MUST_CHECK NONNULL;

/* From errno, behind an open(2): FAULT_NOINPUT only when there is no such day. */
void salts_unopened(const char *name, struct fault *) NONNULL;
/*
 * All of a day's file, to be freed; NULL with a fault, kind FAULT_NOINPUT:
 * there is none.
 */
char *salts_load(int dir, const char *name, size_t *n, struct fault *)
    MUST_CHECK NONNULL;

struct salts;

enum salts_answer {
	SALTS_FOUND,
	SALTS_NO_DAY,	  /* the day's file is not here, or was erased */
	SALTS_ERASED,	  /* the person was */
	SALTS_UNKNOWN,	  /* no line has the commitment */
	SALTS_FORGED,	  /* it is none to the value of its line */
	SALTS_UNREADABLE, /* salts_why() tells */
	SALTS_ANSWERS
};

/* NULL with a fault: out of memory. */
struct salts *salts_open(struct fault *) MUST_CHECK NONNULL;
void salts_close(struct salts *);
/*
 * A folder with files of salts: of a node.  One that cannot be opened makes
 * what is not found elsewhere SALTS_UNREADABLE; one that is not there holds
 * nothing.  False with a fault: too many.
 */
bool salts_add(struct salts *, const char *folder, struct fault *)
    MUST_CHECK NONNULL;
/*
 * A folder that was not even tried: as salts_add() of one that cannot be
 * opened.
 */
void salts_refuse(struct salts *, const struct fault *why) NONNULL;

/* Whom the digits stand for, a copy in `memory`.  SALTS_UNREADABLE also when memory ran out. */
enum salts_answer salts_find(struct salts *, int32_t day, struct slice hex,
    struct arena *memory, struct slice *value) NONNULL;
const char *salts_why(const struct salts *) NONNULL;

/* For people: why values of records were not told. */
const char *salts_answer_text(enum salts_answer);

#endif
