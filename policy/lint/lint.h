/*
 * lint.h - rules that are valid but surely not what was meant.
 *
 * One check, one row of the table in lint.c.  Each finding names the rule, the
 * reason and a way out.  To add a check: a function and its row, a paragraph
 * in tlspolicy-rules(5).
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_LINT_LINT_H
#define TLSPOLICY_LINT_LINT_H

#include "policy/facts/facts.h"
#include "policy/rules/rulefile.h"

struct lint_options {
	bool with_mta;	      /* look for what `mta` never tells */
	enum dialect_id mta;
	bool feed;	      /* setting facts-socket: what it tells is told */
	bool default_perm;    /* default-class = perm */
	bool judge_header;    /* header-from = judge */
	int32_t today;	      /* days since 1970, UTC */
	struct lint_suffixes *suffixes; /* NULL: no list of public suffixes */
};

struct lint_finding {
	const struct rule *rule;
	const char *check; /* "never-matches", "dates" ... */
	bool not_looked; /* the check could not: no memory, in OpenSSL too */
	struct text reason, way_out;
	char reason_text[512], way_out_text[512];
};

/*
 * Judges every rule of a finished rulefile, in the order of its lines.
 * Returns how many findings were told, or LINT_NO_MEMORY: not all was judged.
 */
#define LINT_NO_MEMORY SIZE_MAX
size_t lint_rules(const struct rulefile *, const struct lint_options *,
    void (*report)(void *, const struct lint_finding *), void *arg);

/* libpsl's list of public suffixes; NULL when there is none. */
struct lint_suffixes *lint_suffixes_open(void);
void lint_suffixes_close(struct lint_suffixes *);

/* index.c: rules by their keys. */
struct lint_index {
	uint32_t *places;
	size_t mask;
	bool lengths[256]; /* of prefixes that some rule has */
};
/* False: out of memory. */
bool lint_index_init(struct lint_index *, const struct rulefile *) MUST_CHECK;
void lint_index_free(struct lint_index *);

/* For the checks. */
struct lint {
	struct lint_index index;
	const struct rulefile *file; /* sorted by key */
	const struct lint_options *options;
	const struct rule *rule;
	const struct requirement *requirement;
	enum tag tag;
	enum key_kind kind;
	struct slice what; /* the key as written, behind its tag */
};

typedef bool lint_check(const struct lint *, struct lint_finding *);

/* lint/item.c */
lint_check lint_never_holds, lint_twice, lint_swallowed, lint_ciphers,
    lint_star;
/* lint/key.c */
lint_check lint_never_matches, lint_escape, lint_public_suffix;
/* lint/shadowed.c */
lint_check lint_shadowed;
/* lint/client.c */
lint_check lint_no_client;
/* outbound.c */
lint_check lint_inexpressible, lint_exception;
/* decided.c */
lint_check lint_decided;
/* nothing.c */
lint_check lint_nothing, lint_any_client;
/* weaker.c */
lint_check lint_weaker;

/* The first rule that does not sort before this key; NULL: all do. */
const struct rule *lint_not_before(const struct lint *, const struct key *);
/* The first rule of exactly this key; NULL: there is none. */
const struct rule *lint_find(const struct lint *, const struct key *);
/* "line 7", and of which file where that is another one. */
void lint_put_line(const struct lint *, const struct rule *, struct text *);
/* A rule that can refuse mail: not OK, not WARN, with something to test. */
bool lint_refuses(const struct requirement *);
/* What never.h found, as a finding; `row` NULL: nothing, and false. */
struct never;
struct never_row;
bool lint_take_never(const struct never_row *row, const struct never *,
    struct lint_finding *);

#endif
