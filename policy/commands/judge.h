/*
 * judge.h - `tlspolicy check`: one session judged as the daemon would.
 *
 * At MAIL, and, when a recipient is given and MAIL's verdict is no refusal, at
 * RCPT; or by one class of rules alone.  Each session is judged by the
 * generation that is current at its beginning.
 *
 * Threads: a judge belongs to one.
 */
#ifndef TLSPOLICY_JUDGE_H
#define TLSPOLICY_JUDGE_H

#include "policy/commands/command.h"
#include "policy/eval/eval.h"

enum { JUDGE_MACROS_MAX = 64 };

struct judge_macro {
	struct slice name, value; /* "client_name", or "{client_name}" */
};

struct judge {
	const struct settings *settings;
	struct eval_options options;
	bool by_tag; /* by the class `tag` alone */
	enum tag tag;
	bool traced;
	struct store *store;
	struct facts facts;
	struct verdict mail, rcpt; /* of the last session */
	bool has_rcpt;
	const struct verdict *verdict; /* the graver of the two */
};

void judge_init(struct judge *, const struct settings *, struct store *);
void judge_free(struct judge *);

/* Forgets the last session and takes in the macros of the next. */
bool judge_facts(struct judge *, const struct judge_macro *, size_t n,
    struct fault *);

/* Each line of the trace goes to `trace` when the judge is traced. */
void judge_session(struct judge *, const struct trace *);

/* The exit code of check. */
int judge_status(const struct judge *);

/* "tempfail 451 4.7.10 TEXT", and "warn ..." for what was not refused. */
void judge_print(const struct judge *, FILE *out);

/* Bytes enough for any verdict, and for the trace of any session. */
enum { JUDGE_JSON_MAX = 256 * 1024 };

/*
 * The same with everything else there is to tell, as one JSON object without
 * newline.  `trace`: what judge_json_trace() collected, for a judge that is
 * traced.  False: something was cut.
 */
bool judge_json(const struct judge *, const struct text *trace,
    struct text *out);

/* For struct trace: appends a line to a struct text, as items of a list. */
void judge_json_trace(void *text, const char *line);

#endif
