/*
 * arena.h - memory given out piece by piece and released all at once.
 *
 * For what lives exactly as long as something else: the facts of a message,
 * the lines of a rule file.  Pieces are never moved and never freed alone.
 *
 * Threads: an arena belongs to one thread at a time.
 * Errors: NULL means that memory has run out; the arena stays as it was.
 */
#ifndef TLSPOLICY_ARENA_H
#define TLSPOLICY_ARENA_H

#include <stddef.h>

#include "policy/base/text.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunk; /* the newest; NULL: nothing was taken yet */
	size_t chunk_size;	   /* bytes asked of malloc(3) at a time */
};

/* Takes no memory until the first piece is asked for. */
void arena_init(struct arena *, size_t chunk_size) NONNULL;

/* `n` bytes, aligned for any type, not zeroed. */
void *arena_alloc(struct arena *, size_t n) MUST_CHECK NONNULL;

/* The same for text, which needs no alignment. */
char *arena_bytes(struct arena *, size_t n) MUST_CHECK NONNULL;

/* A NUL-terminated copy; on failure a slice with p == NULL. */
struct slice arena_copy(struct arena *, struct slice) MUST_CHECK;

/* All pieces of `from` become the arena's; `from` is empty. */
void arena_take(struct arena *, struct arena *from) NONNULL;

/* Releases every piece but keeps one chunk of the usual size. */
void arena_reset(struct arena *) NONNULL;

/* Releases everything; the arena may be used again. */
void arena_free(struct arena *);

#endif
