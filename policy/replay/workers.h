/*
 * workers.h - a log judged again by as many threads as there are
 * processors.
 *
 * The main thread reads pieces of the files, the others take them apart and
 * judge.  Each has its own reader of the store and its own report; all of them
 * see one generation, since the store is a scratch one or held.
 */
#ifndef TLSPOLICY_REPLAY_WORKERS_H
#define TLSPOLICY_REPLAY_WORKERS_H

#include "policy/replay/report.h"

struct replay_workers {
	const struct eval_options *options;
	bool own_mode; /* see struct replay */
	const struct settings *own_exempt;
	struct store *store;
	int64_t since, until; /* only records of that time; see reader_within() */
	struct salts *salts; /* who tells whom records hide; or NULL */
	size_t threads; /* 0: as many as there are processors, at most 16 */

	/* Results. */
	size_t records; /* so far; for progress_start() */
	uint64_t outside; /* of another time, counted nowhere else */
	uint64_t torn, bad, withdrawn, maillog, untold, delivered;
	uint64_t hidden[SALTS_ANSWERS]; /* records with people not told, by why */
	uint64_t unread; /* files, or rests of files, that cannot be read */
	enum fault_kind unread_kind; /* of the first */
	struct replay_report report;

	struct replay_worker *worker; /* `threads` of them */
};

/*
 * False with a fault.  They are to be freed in any case, which frees the
 * report.
 */
bool replay_workers_run(struct replay_workers *, char *const *paths, size_t n,
    struct fault *) MUST_CHECK;
void replay_workers_free(struct replay_workers *);

#endif
