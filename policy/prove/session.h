/*
 * session.h - one session that stands for a class of them.
 *
 * Its facts as the MTA would send them, so that the evaluator and `tlspolicy
 * check` see the same; and whether a claim speaks of it.
 *
 * Only what is told whole is a session here: v, j, client, listener, sender,
 * recipient and a From field with one mailbox are there.
 *
 * Threads: plain data.  Ownership: values belong to whoever put them in.
 */
#ifndef TLSPOLICY_PROVE_SESSION_H
#define TLSPOLICY_PROVE_SESSION_H

#include "policy/check/check.h"
#include "policy/prove/claim.h"

struct prove_session {
	enum dialect_id mta;
	int32_t day;
	uint64_t told;			/* a bit for each fact */
	struct slice value[FACT_COUNT]; /* as its macro carries it */
};

void prove_session_tell(struct prove_session *, enum fact_id, struct slice)
    NONNULL;
void prove_session_hide(struct prove_session *, enum fact_id) NONNULL;

/* False: out of memory. */
bool prove_session_facts(const struct prove_session *, struct facts *)
    MUST_CHECK NONNULL;

/* For check_facts(); how many there are. */
size_t prove_session_macros(const struct prove_session *,
    struct check_macro macros[CHECK_MACROS_MAX]) NONNULL;

/* noon of the day */
int64_t prove_session_time(const struct prove_session *) NONNULL;

/* Of a tag about mailboxes: its one.  A From field here has no other. */
struct slice prove_session_mailbox(const struct facts *, enum tag) NONNULL;

/*
 * The facts of a tag's subject are what the claim names: it is met as a rule of
 * that key would be.
 */
bool prove_session_is_meant(const struct claim *, enum tag, const struct facts *)
    NONNULL;

#endif
