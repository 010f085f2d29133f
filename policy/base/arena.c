/* A list of chunks, newest first; a piece larger than a chunk gets its own. */
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/arena.h"

/*
 * With ARENA_PIECES (configure --enable-coverage, --enable-sanitizer=address)
 * each piece is a chunk of its own: a malloc(3) that a test can let fail, and
 * whose bounds, and end at a reset, AddressSanitizer watches.
 */
#ifdef ARENA_PIECES
enum { SHARED_CHUNKS = 0 };
#else
enum { SHARED_CHUNKS = 1 };
#endif

struct arena_chunk {
	struct arena_chunk *older;
	size_t size, used;
	alignas(max_align_t) char memory[];
};

void
arena_init(struct arena *a, size_t chunk_size)
{
	a->chunk = NULL;
	a->chunk_size = SHARED_CHUNKS ? chunk_size : 0;
}

static struct arena_chunk *
add_chunk(struct arena *a, size_t n)
{
	size_t size = n > a->chunk_size ? n : a->chunk_size;
	struct arena_chunk *chunk;

	if (size > PTRDIFF_MAX - sizeof *chunk ||
	    (chunk = malloc(sizeof *chunk + size)) == NULL)
		return NULL;
	chunk->older = a->chunk;
	chunk->size = size;
	chunk->used = 0;
	return a->chunk = chunk;
}

/* `n` bytes at the next multiple of `align`. */
static void *
piece_of(struct arena *a, size_t n, size_t align)
{
	struct arena_chunk *chunk = a->chunk;
	size_t from = chunk == NULL ? 0 :
	    (chunk->used + align - 1) / align * align;

	if (chunk == NULL || from > chunk->size || chunk->size - from < n) {
		if ((chunk = add_chunk(a, n)) == NULL)
			return NULL;
		from = 0;
	}
	chunk->used = from + n;
	return chunk->memory + from;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	return piece_of(a, n, alignof(max_align_t));
}

char *
arena_bytes(struct arena *a, size_t n)
{
	return piece_of(a, n, 1);
}

struct slice
arena_copy(struct arena *a, struct slice s)
{
	char *copy = arena_bytes(a, s.n + 1);

	if (copy == NULL)
		return slice_make(NULL, 0);
	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return slice_make(copy, s.n);
}

void
arena_take(struct arena *a, struct arena *from)
{
	struct arena_chunk *last = from->chunk;

	if (last == NULL)
		return;
	while (last->older != NULL)
		last = last->older;
	last->older = a->chunk;
	a->chunk = from->chunk;
	from->chunk = NULL;
}

/* Frees all chunks but the first of the usual size, if one is to be kept. */
static void
release(struct arena *a, bool keep)
{
	struct arena_chunk *chunk = a->chunk, *older;

	a->chunk = NULL;
	for (; chunk != NULL; chunk = older) {
		older = chunk->older;
		if (keep && a->chunk == NULL && chunk->size == a->chunk_size) {
			chunk->older = NULL;
			chunk->used = 0;
			a->chunk = chunk;
		} else
			free(chunk);
	}
}

void
arena_reset(struct arena *a)
{
	release(a, true);
}

void
arena_free(struct arena *a)
{
	release(a, false);
}
