/*
 * suggest.h - rules that everybody already satisfies, from the audit log.
 *
 * One domain of senders, one rule, one step at a time: a domain without a rule
 * gets one that warns; one whose WARN rule was satisfied long enough, one that
 * tempfails; then one that rejects.  The proposals are judged against the same
 * records by the evaluator itself before they are printed:
 *
 *	suggest_add() for each record, by time;
 *	suggest_choose(): proposals from what was seen;
 *	suggest_rules(): these as rules that refuse, for a scratch store;
 *	suggest_check() for each record again, under that store;
 *	suggest_conclude(), suggest_group_domains(): which stand, or are alike;
 *	suggest_print(): what is left, as a rule file.
 *
 * Evidence is mail that was let through, from clients on the network that are
 * not exempt.  Senders can be forged: mail of a client none of whose mails
 * satisfies the rule is an outlier, which is named and not obeyed, as long as
 * it is one in SUGGEST_OUTLIERS.  A client that met it once is obeyed.
 *
 * Limits: SUGGEST_DOMAINS_MAX; beyond it the domains with least mail go.  Of
 * each SUGGEST_CLIENTS_MAX, the rest is the last one.  Threads: one for each.
 */
#ifndef TLSPOLICY_SUGGEST_SUGGEST_H
#define TLSPOLICY_SUGGEST_SUGGEST_H

#include "policy/audit/reader.h"
#include "policy/rules/rulefile.h"
#include "policy/store/store.h"

enum { SUGGEST_DOMAINS_MAX = 100000, SUGGEST_CLIENTS_MAX = 32,
	SUGGEST_OUTLIERS = 20 };

/* In the order in which a rule comes into force. */
enum suggest_stage { SUGGEST_NONE, SUGGEST_WARN, SUGGEST_TEMP, SUGGEST_PERM };

enum suggest_why {
	WHY_PROPOSED,
	WHY_FEW,	/* too few mails, or over too few days */
	WHY_CLEAR,	/* some came in clear, and are no outliers */
	WHY_RULE,	/* the rule it has is final, dated or an exception */
	WHY_OTHER_RULE, /* a rule with another key refuses for it already */
	WHY_FAILED,	/* its rule was not satisfied each time */
	WHY_WAIT,	/* its rule is not old enough for the next step */
	WHY_NO_RULE,	/* what was seen cannot be said in a rule */
	WHY_FAILING,	/* of mail that left: some did not, for want of TLS */
	WHY_REFUSED	/* judged again, a mail would have been refused */
};

struct suggest_domain {
	char *name;
	uint64_t mails, tls, verified, failures; /* the latter: did not leave */
	int64_t first, last, last_failure;
	char failure[40]; /* the last one, of RFC 8460 */
	char *cn;	  /* of the verified certificates; "" when several */
	bool other_rule;
	size_t nclients;
	struct suggest_client *clients; /* by whom it is sent */

	/* The domain's rule, and what was judged by it since it came. */
	char *requirement, *file;
	uint32_t line;
	uint64_t rule_mails;
	int64_t rule_first, rule_last;

	enum suggest_stage stage;
	enum suggest_why why;
	char *proposal;	  /* without class and BY */
	uint64_t checked, passed;
	struct suggest_group *group; /* NULL: a profile fits, or few are alike */
};

struct suggest {
	/* Thresholds, set by the caller after suggest_init(). */
	enum tag tag; /* TAG_FROM; TAG_RCPT: of mail that left, see left.h */
	uint64_t min_mails;
	int32_t min_days, temp_days, perm_days;
	bool pin, bind;	     /* propose CN if there is one, CLIENT if few send */
	bool make_profiles;  /* print those that are offered */
	const struct rulefile *rules; /* whose profiles may fit; or NULL */
	struct slice domain; /* of it alone; empty: each by its own */
	int32_t window;	     /* for people: only so many days count; 0: all */

	struct suggest_domain **domains;
	size_t n, dropped;
	void *tree; /* tsearch(3) */
	struct organisations *known; /* or NULL */
	struct suggest_group *groups;
	uint64_t records, maillog; /* made of a mail log */
	int64_t first, last;
};

void suggest_init(struct suggest *);
void suggest_free(struct suggest *);

/* False: out of memory; so with the others. */
bool suggest_add(struct suggest *, const struct reader_record *) MUST_CHECK;
/* Sorts the domains by name and makes the proposals. */
bool suggest_choose(struct suggest *) MUST_CHECK;

/*
 * As rules of class TEMP, finished; those that are bad lines, or that lint finds
 * fault with, are given up.  To be freed in any case.
 */
bool suggest_rules(struct suggest *, struct rulefile *, struct fault *)
    MUST_CHECK;
/* Judges the record under these rules; the proposals that fail are given up. */
void suggest_check(struct suggest *, const struct reader_record *,
    struct store_reader *);

/* After the last record: what not only outliers fail is given up. */
void suggest_conclude(struct suggest *);

/* After suggest_conclude(): which of the proposals are alike. */
bool suggest_group_domains(struct suggest *) MUST_CHECK;

/* How many were printed; `why_not`: the others as comments. */
size_t suggest_print(const struct suggest *, bool why_not, FILE *);

#endif
