/*
 * logset.h - files of one or many logs, put together and put in order.
 *
 * A node's files make one run, in order of time: a withdrawal in one may be of
 * a record in the file before.  What has no chain (records made of a mail log)
 * is a run of its own, file by file, and so is what can be read but once (a
 * pipe), which is not looked at beforehand.
 *
 * A file that cannot be read is kept as a failure; the others count.
 *
 * Threads: belongs to one.  The paths must outlive it.
 */
#ifndef TLSPOLICY_AUDIT_LOGSET_H
#define TLSPOLICY_AUDIT_LOGSET_H

#include "policy/audit/chain.h"
#include "policy/audit/reader.h"

struct logset_file {
	const char *path;
	char *node;	  /* "": no record tells it; NULL: no chain */
	uint64_t seq;	  /* of the first sealed line; 0: none */
	int64_t first_us; /* of the first line that tells it; else 0 */
	char previous[CHAIN_HEX]; /* the link's; NULs: there is none */
};

/* files[first .. first + n), oldest first */
struct logset_run {
	size_t first, n;
	int64_t first_us; /* INT64_MIN: a pipe, at once */
};

struct logset {
	struct logset_file *files; /* run by run */
	size_t n;
	struct logset_run *runs;   /* the earliest first */
	size_t nruns;
	struct fault *failures;
	size_t nfailures;
};

/* No paths: "-".  False: out of memory, and there is nothing to free. */
bool logset_open(struct logset *, char *const *paths, size_t n,
    struct fault *) MUST_CHECK NONNULL;
void logset_close(struct logset *);

/* The path may be read but once: "-", or what the caller's shell has opened. */
bool logset_is_pipe(const char *path) NONNULL;

#endif
