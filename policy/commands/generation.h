/*
 * generation.h - older generations for the commands that take one.
 *
 * Threads: as commands.
 */
#ifndef TLSPOLICY_COMMANDS_GENERATION_H
#define TLSPOLICY_COMMANDS_GENERATION_H

#include "policy/commands/command.h"
#include "policy/store/history.h"

/* A positive decimal number. */
bool generation_number(struct slice word, uint64_t *number) NONNULL;

/*
 * The generation that was in force then.  False with a fault: none is kept of
 * that time.
 */
bool generation_at(struct store_reader *, int64_t time_us,
    struct generation *, struct fault *) MUST_CHECK NONNULL;

/*
 * A store of the rules of a kept generation, in place of the reader's: where it
 * is not that very generation the one given is closed and *store another, that
 * is gone when it is closed.  False with a fault: *store is NULL.
 */
bool generation_enter(struct store **store, struct store_reader *,
    uint64_t number, struct fault *) MUST_CHECK NONNULL;
/* As generation_enter(), but the store given is left open. */
struct store *generation_store(struct store_reader *, uint64_t number,
    struct fault *) MUST_CHECK NONNULL;

/* "generation 4 of 2026-03-01T12:00:00Z" */
void generation_print(const struct generation *, struct text *) NONNULL;
/* "alice (uid 1000) at mx1", fit for a terminal. */
void generation_print_who(const struct generation *, struct text *) NONNULL;

/* Each setting of one text whose value is another in the other one. */
void generation_settings(struct slice old, struct slice new,
    void (*each)(void *, struct slice name, struct slice old,
    struct slice new), void *arg);

#endif
