/*
 * symbols.h - the macros that an MTA sent, by the command that they came for.
 *
 * A command's macros stand until others come for it, or an earlier command of
 * the session comes; among several of one name the latest command's counts.
 * The memory of a later set is never that of the one which it replaces: who
 * remembers where a value stood can tell an old one from a new one.
 *
 * Threads: the context's.
 */
#ifndef TLSPOLICY_MILTER_ENGINE_SYMBOLS_H
#define TLSPOLICY_MILTER_ENGINE_SYMBOLS_H

#include "policy/policy.h"

enum symbols_stage {
	SYMBOLS_CONNECT, SYMBOLS_HELO, SYMBOLS_MAIL, SYMBOLS_RCPT,
	SYMBOLS_DATA, SYMBOLS_EOH, SYMBOLS_EOM, SYMBOLS_STAGES
};

/* Of one command: bytes and macros, which is what an MTA may make us keep. */
enum { SYMBOLS_BYTES_MAX = 65536, SYMBOLS_MAX = 1024 };

struct symbols {
	struct symbols_set *of[SYMBOLS_STAGES]; /* NULL: none */
};

enum symbols_taken { SYMBOLS_TAKEN, SYMBOLS_BAD, SYMBOLS_NO_MEMORY };

/* Names and values by turns, each with a NUL behind it. */
enum symbols_taken symbols_take(struct symbols *, enum symbols_stage,
    struct slice) MUST_CHECK NONNULL;
/* The memory that they take. */
size_t symbols_bytes(const struct symbols *) MUST_CHECK NONNULL;
/* The macros of this command and of those behind it go. */
void symbols_forget(struct symbols *, enum symbols_stage from) NONNULL;
/* "i" and "{i}" are one name.  NULL: there is none. */
const char *symbols_find(const struct symbols *, const char *name) NONNULL;

#endif
