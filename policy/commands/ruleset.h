/*
 * ruleset.h - rule files for the commands that take them, and the store's
 * rules as a list.
 *
 * Threads: as commands.
 */
#ifndef TLSPOLICY_RULESET_H
#define TLSPOLICY_RULESET_H

#include "policy/commands/command.h"
#include "policy/rules/rulefile.h"

/*
 * Reads and checks the rule files (NULL-terminated; when there is none, that
 * of the setting `rules`).  Every bad line is reported on standard error.
 * False with a fault when there was one or a file could not be read; the
 * rulefile is to be freed in any case.
 */
bool ruleset_read(const struct context *, char *const *paths,
    struct rulefile *, struct fault *) MUST_CHECK;

/*
 * On standard error: that `where`, which has `n` rules, would have none.  A
 * file without a byte may have been cut off, or not been written.
 */
void ruleset_say_gone(const struct rulefile *, uint64_t n, const char *where)
    NONNULL;
/* ruleset_say_gone() for the rules in the store. */
void ruleset_say_gone_of_store(const struct context *,
    const struct rulefile *) NONNULL;

/* All rules of a store as text, which is to be freed in any case. */
bool ruleset_print_store(struct store_reader *, char **text, size_t *size,
    struct fault *) MUST_CHECK NONNULL;

/* The number of TLS_Header's rules that the settings leave unasked. */
size_t ruleset_unasked(const struct context *, const struct rulefile *)
    MUST_CHECK NONNULL;
/* On standard error: so many rules are no protection. */
void ruleset_say_unasked(size_t n);

/* A rule to compare and to sort. */
struct ruleset_line {
	struct slice key_bytes, key, requirement;
	enum tag tag;
	uint32_t line;
	uint16_t source;
};

struct ruleset_lines {
	struct ruleset_line *lines;
	size_t n, allocated;
	struct arena memory; /* of key_bytes */
};

void ruleset_lines_init(struct ruleset_lines *);
void ruleset_lines_free(struct ruleset_lines *);

/*
 * The lines of a store or of a finished rulefile, in key order.  Key and
 * requirement point into the store or rulefile: no longer than a reader.
 */
bool ruleset_lines_of_store(struct store_reader *, struct ruleset_lines *,
    struct fault *) MUST_CHECK;
bool ruleset_lines_of_file(const struct rulefile *, struct ruleset_lines *,
    struct fault *) MUST_CHECK;

/* The requirement in its normalised spelling, into `out`. */
bool ruleset_normalise(const struct ruleset_line *, struct text *out,
    struct fault *) MUST_CHECK;
/* The same with its profile, which is among `all`, put in. */
bool ruleset_join(const struct ruleset_lines *all, const struct ruleset_line *,
    struct text *out, struct fault *) MUST_CHECK;

#endif
