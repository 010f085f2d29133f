/*
 * outbound.h - the parts of the command outbound: what an MTA asks before it
 * delivers, what it is told, and what it then does.
 *
 * What is found is collected as JSON, and printed from there.  Threads:
 * commands run in one.
 */
#ifndef TLSPOLICY_COMMANDS_OUTBOUND_H
#define TLSPOLICY_COMMANDS_OUTBOUND_H

#include <jansson.h>

#include "policy/commands/audit.h"
#include "policy/doctor/postfix-way.h"
#include "policy/outbound/outbound.h"

struct looking {
	const struct context *context;
	const char *domain;  /* lower case */
	const char *user;    /* of the recipient; "": not said */
	const char *sender;  /* Postfix: NULL: not said; "": the null sender */
	const char *host, *address; /* sendmail: of the server; "": not said */
	const char *dir;     /* Postfix: of main.cf */
	int64_t now;
	json_t *all;	     /* what is printed */
	bool unasked;	     /* something gave no answer */
};

/* Each fills `all`; false with a fault: it could not even begin. */
bool outbound_look_postfix(struct looking *, struct fault *) MUST_CHECK;
bool outbound_look_sendmail(struct looking *, struct fault *) MUST_CHECK;

/*
 * --unasked: rules of the store that no answer in these files of the audit log
 * rests on.  Returns the exit status.
 */
int outbound_unasked(const struct context *, char **operands, bool json);

/*
 * As the daemon would answer, from its store and settings: adds the reply, the
 * result and the rules to `into`.  The answer's text stays until the next one.
 */
const struct outbound_answer *outbound_answer_of(const struct looking *,
    enum outbound_map, const char *key, const struct resolved *,
    struct store_reader *, json_t *into);

/*
 * What Postfix does by a policy, "secure match=.a.test", for a next hop: one
 * sentence.
 */
void outbound_outcome(const struct postfix *, const struct postfix_service *,
    struct slice nexthop, struct slice policy, struct text *out);

#endif
