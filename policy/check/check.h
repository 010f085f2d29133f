/*
 * check.h - `tlspolicy check`: one session judged as the daemon would.
 *
 * At MAIL, and, while nothing is refused, at RCPT when a recipient is given, and
 * at the end of the header when a From field is; or by the rules of one tag alone.
 * Each session is judged by the generation that is current at its beginning.
 *
 * Threads: a judge belongs to one.
 */
#ifndef TLSPOLICY_CHECK_CHECK_H
#define TLSPOLICY_CHECK_CHECK_H

#include "policy/conf/settings.h"
#include "policy/eval/eval.h"

enum { CHECK_MACROS_MAX = 64 };

struct check_macro {
	struct slice name, value; /* "client_name", or "{client_name}" */
};

struct check {
	const struct settings *settings;
	struct eval_options options;
	bool by_tag; /* by the rules of `tag` alone */
	enum tag tag;
	bool traced;
	int64_t now; /* seconds since 1970, UTC; 0: the clock's */
	struct store *store;
	struct facts facts;
	struct verdict mail, rcpt, header; /* of the last session */
	bool has_rcpt, has_header;
	/* the strictest of them */
	const struct verdict *verdict;
};

void check_init(struct check *, const struct settings *, struct store *);
void check_free(struct check *);

/* Forgets the last session and takes in the macros of the next. */
bool check_facts(struct check *, const struct check_macro *, size_t n,
    struct fault *) MUST_CHECK;

/* Each line of the trace goes to `trace` when the judge is traced. */
void check_session(struct check *, const struct trace *);
/* The same by a reader that has begun; NULL: `why` says why there is none. */
void check_by_reader(struct check *, struct store_reader *,
    const struct fault *why, const struct trace *);

/* The exit code of check. */
int check_status(const struct check *);

/* "tempfail 451 4.7.10 TEXT", and "warn ..." for what was not refused. */
void check_print(const struct check *, FILE *out);

/* Bytes enough for any verdict, and for the trace of any session. */
enum { CHECK_JSON_MAX = 256 * 1024 };

/*
 * The same with everything else there is to tell, as one JSON object without
 * newline.  `trace`: what check_json_trace() collected, for a judge that is
 * traced.  False: something was cut.
 */
bool check_json(const struct check *, const struct text *trace,
    struct text *out);

/* For struct trace: appends a line to a struct text, as items of a list. */
void check_json_trace(void *text, const char *line);

#endif
