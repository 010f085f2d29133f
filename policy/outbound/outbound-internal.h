/*
 * outbound-internal.h - a question while it is answered; private to this folder.
 *
 * outbound.c calls postfix.c or sendmail.c; all rest on asking.c.
 */
#ifndef TLSPOLICY_OUTBOUND_OUTBOUND_INTERNAL_H
#define TLSPOLICY_OUTBOUND_OUTBOUND_INTERNAL_H

#include "policy/eval/match.h"
#include "policy/outbound/outbound.h"

struct asking {
	const struct outbound_question *question;
	struct question find; /* policy, dates and trace, for match_step() */
	struct outbound_answer *answer;
	bool warned; /* a WARN rule took part in it */
};

/*
 * The exact key, or with `longest` the most specific one that covers it.
 * Notes the rule in the answer when it is found.
 */
enum lookup_result asking_find(struct asking *, const struct key *,
    bool longest, struct requirement *) MUST_CHECK;

/* LOOKUP_FAILED: a name could not be made A-labels, so no rule was looked for. */
enum lookup_result asking_no_memory(struct asking *) MUST_CHECK;

/* Is there a rule of exactly this key that counts today?  Notes nothing. */
enum lookup_result asking_has(struct asking *, const struct key *) MUST_CHECK;
/*
 * Makes the answer one by which nothing leaves, if the key is one whose answer
 * can stop mail.
 */
void asking_deny(const struct outbound_question *, enum outbound_result,
    const char *reason, struct outbound_answer *);
/* The rules contradict each other: nothing may leave. */
void asking_refuse(struct asking *, const char *reason);

/* "tlspolicy:tls_srv/...", see sendmail.c; `what` is behind the slash. */
bool asking_is_whole(struct slice key, enum tag *tag, struct slice *what);
/* False: the key is not of a tag by which sendmail asks about TLS. */
bool asking_sendmail_tag(struct slice key, enum tag *);

/* Each fills the answer; LOOKUP_FAILED leaves its reason in the reader. */
enum lookup_result outbound_ask_postfix(struct asking *) MUST_CHECK;
enum lookup_result outbound_ask_sendmail(struct asking *) MUST_CHECK;

/* What Postfix gets where there is no rule: what the resolver says, if any. */
enum lookup_result outbound_pass_on(struct asking *) MUST_CHECK;

#endif
