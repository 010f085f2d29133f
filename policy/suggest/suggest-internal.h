/*
 * suggest-internal.h - what the files of suggest share; not for others.
 *
 * Each of suggest.c, choose.c and check.c is a step; all call client.c.
 */
#ifndef TLSPOLICY_SUGGEST_SUGGEST_INTERNAL_H
#define TLSPOLICY_SUGGEST_SUGGEST_INTERNAL_H

#include "policy/suggest/suggest.h"

enum {
	SUGGEST_GROUP = 5,    /* so many equal proposals could name a profile */
	SUGGEST_HOSTS_MAX = 4 /* a sender of more hosts is not bound to them */
};

/* Proposals that ask for the same, but for names and hosts. */
struct suggest_group {
	enum suggest_stage stage;
	char *requirement;
	char name[32]; /* "": too few for a profile */
	size_t n;
	struct suggest_group *next;
};

/* The hosts of one organisation (or one address) that sent for a domain. */
struct suggest_client {
	char *name;
	uint64_t mails, tls, verified;
	int64_t last;
	int version;	  /* lowest, as suite_protocol() has it; 0: unknown */
	unsigned bits;	  /* fewest */
	bool untold;	  /* of a mail not all is known: never an outlier */
	bool itself, below; /* hosts of that very name, below it; else address */
	uint64_t rule_mails, rule_failed; /* under the domain's rule */
	uint64_t checked, passed;
};

/*
 * The share that may fail of what failed `failed` times in `n`: the upper end
 * of the one-sided interval of 95 per cent (Clopper and Pearson).
 */
double suggest_bound(uint64_t n, uint64_t failed);

/* suggest.c: the record is evidence, and of which domain. */
struct suggest_domain *suggest_find(struct suggest *, const char *name);
/* The same, a new one if there is none; NULL: out of memory. */
struct suggest_domain *suggest_find_or_add(struct suggest *, const char *name);
bool suggest_is_name(const struct text *);
void suggest_add_session(struct suggest_client *, const struct facts *,
    bool verified);
/* These two: false: out of memory. */
bool suggest_add_certificate(struct suggest_domain *, const struct facts *);
bool suggest_take_rule(struct suggest_domain *, const struct tag_result *,
    int64_t time_us);
void suggest_give_up(struct suggest_domain *, enum suggest_why);
bool suggest_is_evidence(const struct reader_record *);
bool suggest_name(const struct suggest *, const struct reader_record *,
    struct text *);
/*
 * profile.c: the line AS:profile that asks for what is wanted, by a profile of
 * the rules, or one that is offered; false: there is none.
 */
bool suggest_profile_line(const struct suggest *, const struct suggest_domain *,
    const struct requirement *wanted, struct requirement *line);
void suggest_free_groups(struct suggest *);
/* The same: class and proposal, parsed; slices point into `memory`. */
bool suggest_requirement(const struct suggest *, const struct suggest_domain *,
    char *memory, size_t size, struct requirement *);
/* bind.c: "CLIENT:.x.example" and so on behind `out`; false: too many hosts. */
bool suggest_put_hosts(const struct suggest_domain *, struct text *out);
/* client.c: NULL: out of memory, or `add` is false and there is none. */
struct suggest_client *suggest_client(struct organisations *,
    struct suggest_domain *, const struct reader_record *, bool add);
/* The same by its name. */
struct suggest_client *suggest_client_named(struct suggest_domain *,
    const char *name, bool add);
void suggest_free_clients(struct suggest_domain *);
/*
 * Are the clients that fail outliers: few, and each failing with all of its
 * mail?  one() gives a client's failures and mails.
 */
typedef uint64_t suggest_failed(const struct suggest_client *, uint64_t *mails);
bool suggest_only_outliers(const struct suggest_domain *, suggest_failed *one);

#endif
