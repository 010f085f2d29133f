/*
 * rulefile-internal.h - the parts of rulefile.h, private to them.
 *
 * rulefile-folder.c opens files and folders, rulefile.c reads files,
 * rulefile-piece.c parses a text, much of it in threads, by rulefile-line.c,
 * which takes lines apart, and rulefile-add.c, which makes rules of one;
 * rulefile-finish.c looks at the whole, which -sort.c sorts, -profile.c at AS.
 * All report by rulefile-fault.c.
 */
#ifndef TLSPOLICY_RULES_RULEFILE_INTERNAL_H
#define TLSPOLICY_RULES_RULEFILE_INTERNAL_H

#include "policy/rules/rulefile.h"

/*
 * Adds the rule of a line, or two for an untagged key.  *in_requirement: the
 * fault's column is in there.
 */
bool rulefile_add(struct rulefile *, struct slice key,
    struct slice requirement, unsigned source, uint32_t line,
    bool *in_requirement, struct fault *) MUST_CHECK NONNULL;

/* Adds a line AS:profile. */
bool rulefile_add_as(struct rulefile *, size_t rule, size_t column,
    struct fault *) MUST_CHECK NONNULL;
/* Notes which of the rules from number `from` on are lines AS:profile. */
bool rulefile_note_as(struct rulefile *, size_t from, size_t column,
    struct fault *) MUST_CHECK NONNULL;
/*
 * Checks that each line AS:profile can be put together; one that cannot is a
 * bad line. False: no memory.
 */
bool rulefile_check_profiles(struct rulefile *) MUST_CHECK NONNULL;

/* Sorts rules by key, those of one key in the order read.  False: no memory. */
bool rulefile_sort(struct rulefile *) MUST_CHECK NONNULL;

/*
 * The lines of *text up to the first bad one, which *number counts.  False: the
 * fault is that line's, and *text begins behind it.
 */
bool rulefile_parse(struct rulefile *, struct slice *text, unsigned source,
    uint32_t *number, struct fault *) MUST_CHECK NONNULL;
/* All lines; bad ones are reported in their order.  False: no memory. */
bool rulefile_parse_all(struct rulefile *, struct slice text, unsigned source,
    struct fault *) MUST_CHECK NONNULL;

/* One file, open, called `name` in messages and in the store. */
bool rulefile_read_open(struct rulefile *, int fd, const char *name,
    struct fault *) MUST_CHECK NONNULL;

/* Counts and reports the line. */
void rulefile_bad_line(struct rulefile *, unsigned source, uint32_t line,
    struct fault *) NONNULL;

#endif
