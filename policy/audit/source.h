/*
 * source.h - the lines of a file, plain, gzip or zstd.
 *
 * What a file is shows by its first bytes, not by its name.  "-" is standard
 * input.  Lines are handed out in place: no copy but the one from the kernel.
 *
 * Limits: a line of SOURCE_LINE_MAX bytes; a longer one is an error, so that a
 * hostile file (or a small one that unpacks without end) costs no more memory.
 * Threads: a source belongs to one thread at a time.
 */
#ifndef TLSPOLICY_SOURCE_H
#define TLSPOLICY_SOURCE_H

#include <stdint.h>

#include "policy/base/fault.h"
#include "policy/base/text.h"

enum { SOURCE_LINE_MAX = 80 * 1024 * 1024 };

struct source;

enum source_result { SOURCE_LINE, SOURCE_END, SOURCE_FAILED };

/* The path is what the caller's shell has opened: <(zcat x), /dev/stdin. */
bool source_is_of_caller(const char *path) NONNULL;

/*
 * The path is where the daemon writes and nobody can read back: /dev/stdout, a
 * FIFO.
 */
bool source_is_stream(const char *path);

/*
 * -1 with a fault (FAULT_NOINPUT).  A name must lead to a regular file: a FIFO
 * would be waited for, a device may act.  What is the caller's may be anything.
 */
int source_open_fd(const char *path, struct fault *) MUST_CHECK NONNULL;

/* NULL with a fault (FAULT_NOINPUT). */
struct source *source_open(const char *path, struct fault *) MUST_CHECK;
void source_close(struct source *);

/*
 * The next line without its newline, valid until the next call.  `ended` tells
 * whether it had a newline; only the last one of a file can have none.
 */
enum source_result source_next(struct source *, struct slice *line,
    bool *ended, struct fault *) MUST_CHECK NONNULL;

/*
 * As many whole lines as are at hand, at least one, with their newlines: for
 * readers that share the work out among threads.  The last piece of a file may
 * lack its newline.
 */
enum source_result source_block(struct source *, struct slice *block,
    struct fault *) MUST_CHECK NONNULL;

#endif
