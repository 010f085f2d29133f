/*
 * verdict.h - what the rules say of a session with a probed server.
 *
 * Threads: belongs to one thread.
 */
#ifndef TLSPOLICY_PROBE_VERDICT_H
#define TLSPOLICY_PROBE_VERDICT_H

#include <jansson.h>

#include "policy/conf/settings.h"
#include "policy/probe/probe.h"

/* In this order: what an MTA asks first. */
enum { PROBE_TAGS = 3 };

struct probe_verdict {
	bool judged; /* false: no rule of that tag, or no recipient to judge by */
	enum verdict_kind kind;
	char text[4096]; /* the first line of `tlspolicy check` */
};

struct probe_judge {
	struct store *store; /* NULL: there is none */
	struct eval_options options;
	const char *digest;
};

/* `store` NULL, it could not be opened: nothing is judged. */
void probe_judge_open(struct probe_judge *, struct store *,
    const struct settings *, const char *digest);

/* `rcpt` NULL: TLS_Rcpt is not judged.  False with a fault: out of memory. */
bool probe_judge(struct probe_judge *, const struct probe_result *,
    const char *rcpt, time_t now, struct probe_verdict[PROBE_TAGS],
    struct fault *) MUST_CHECK;

const char *probe_tag_name(unsigned at); /* "Try_TLS" */

#endif
