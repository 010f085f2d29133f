/*
 * rulefile-internal.h - the parts of rulefile.h, private to them.
 *
 * rulefile-folder.c opens files and folders, rulefile.c reads files and lines,
 * rulefile-add.c makes rules of a line;
 * rulefile-finish.c looks at the whole, -profile.c at AS.  All report by rulefile-fault.c.
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

/* Notes which of the rules from number `from` on are lines AS:profile. */
bool rulefile_note_as(struct rulefile *, size_t from, size_t column,
    struct fault *) MUST_CHECK NONNULL;
/* Each of them can be put together, else it is a bad line.  False: no memory. */
bool rulefile_check_profiles(struct rulefile *) MUST_CHECK NONNULL;

/* One file, open, called `name` in messages and in the store. */
bool rulefile_read_open(struct rulefile *, int fd, const char *name,
    struct fault *) MUST_CHECK NONNULL;

/* Counts and reports the line. */
void rulefile_bad_line(struct rulefile *, unsigned source, uint32_t line,
    struct fault *) NONNULL;

#endif
