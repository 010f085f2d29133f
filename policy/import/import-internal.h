/*
 * import-internal.h - what importers share.
 */
#ifndef TLSPOLICY_IMPORT_IMPORT_INTERNAL_H
#define TLSPOLICY_IMPORT_IMPORT_INTERNAL_H

#include "policy/import/import.h"

/* A new line: of equal force until something is said of it. */
void import_at(struct import *, const char *path, unsigned long line);

/*
 * Takes one rule over; reports it when it is none.  `need` is the requirement
 * up to its items ("PERM+VERIFY:128"), `items` what stands behind ("CN++PFS"),
 * or empty.  Copies its arguments.  `exact`: not for what is below a domain.
 */
void import_add(struct import *, struct slice key, struct slice need,
    struct slice items);
void import_add_exact(struct import *, struct slice key, struct slice need,
    struct slice items);
/*
 * Lines may say AS:name in place of this requirement: adds the profile, with
 * its place in that file, unless it is there.  False: that name cannot be a
 * profile's, or is one with another requirement.
 */
bool import_profile(struct import *, struct slice name, struct slice need,
    struct slice items, const char *path, unsigned long line);
/* Something that cannot be taken over; `column` from 1, or 0. */
void import_refuse(struct import *, unsigned long column, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The rule of this line, added next, will be stricter or weaker. */
void import_differs(struct import *, enum import_force, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Something that makes no difference to anybody's force. */
void import_note(struct import *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A rule that was added before, from number `from` on, covers this key. */
const struct import_rule *import_covering(const struct import *,
    size_t from, struct slice key);

/*
 * The array with room for one more behind its `n`, which may have moved;
 * NULL: no memory, and the array is as it was.
 */
void *import_grow(struct import *, void *array, size_t n, size_t *allocated,
    size_t size);
/* A copy in the import's memory; p NULL: no memory, which is noted. */
struct slice import_copy(struct import *, struct slice);
void import_row(struct import *, struct slice key, struct slice requirement,
    struct slice why);
/* The rule of row number `row`, from 1, is this one. */
void import_row_says(struct import *, size_t row, struct slice key,
    struct slice requirement);
bool import_finish(struct import *, struct fault *);
/*
 * Adds rules with `beyond` for what is below the domains that were taken
 * without it.
 */
bool import_except_below(struct import *);

/* As editors put it in front of a file in UTF-8. */
#define IMPORT_MARK "\xef\xbb\xbf"

/* The next line of *text, which moves behind it; false at the end. */
bool import_line(struct import *, struct slice *text, struct slice *line);
/* The word at the start of *rest, which moves behind it and blanks. */
struct slice import_word(struct slice *rest);
/* All of a file, in the import's memory. */
bool import_slurp(struct import *, FILE *, struct slice *text, struct fault *);

/* Adds "NAME:VALUE" to a list of items, the value encoded. */
void import_item(struct text *items, const char *name, struct slice value);

/* asked.c: why the MTA never looks for such a key; NULL: it does. */
const char *import_unasked_postfix(enum tag, struct slice key, bool networks);
const char *import_unasked_sendmail(enum tag, struct slice key);

/* The importers. */
bool import_sendmail(struct import *, struct slice text, struct fault *);
bool import_postfix(struct import *, struct slice text, struct fault *);
bool import_csv(struct import *, struct slice text, struct fault *);
bool import_everywhere(struct import *, struct slice text, struct fault *);

#endif
