/*
 * reader-internal.h - a record that is being read; private to reader_parse().
 *
 * reader-parse.c has the members of a line; it calls reader-facts.c for those
 * that become facts, reader-rules.c for recipients, From fields and rules, and
 * reader-people.c for whoever is hidden.  All use reader-value.c.
 */
#ifndef TLSPOLICY_AUDIT_READER_INTERNAL_H
#define TLSPOLICY_AUDIT_READER_INTERNAL_H

#include "policy/audit/field.h"
#include "policy/audit/reader.h"
#include "policy/rules/requirement.h"

/* A record that is being read. */
struct parse {
	struct scan scan;
	struct reader_record *r;
	uint64_t schema;
	bool note, has_event, has_verdict, has_outcome;
	struct slice time;
	bool header_told;
	struct slice header_flaw;
	/* Facts as they were told; put in once the MTA is known. */
	struct slice value[FACT_COUNT];
	enum fact_state state[FACT_COUNT];
	bool raw[FACT_COUNT], nothing[FIELD_GROUPS];
	const struct field *top; /* the row of field_table() to try first */
	int32_t day; /* of the salts, of a private record */
};

/* A value of a fact's field: text, null, or a number that stands for its text. */
bool parse_fact(struct parse *, enum fact_id, enum field_kind) NONNULL;
bool parse_client(struct parse *) NONNULL;
bool parse_daemon(struct parse *) NONNULL;
bool parse_auth(struct parse *) NONNULL;
bool parse_tls(struct parse *) NONNULL;
bool parse_raw(struct parse *) NONNULL;
/* At the end of the line: puts all facts that were told into the record. */
bool parse_put_facts(struct parse *) NONNULL;

/* reader-left.c */
bool parse_server(struct parse *) NONNULL;
bool parse_domain(struct parse *) NONNULL;
bool parse_policy_type(struct parse *) NONNULL;
bool parse_outcome(struct parse *) NONNULL;
bool parse_failures(struct parse *) NONNULL;

/* reader-policy.c */
bool parse_policy(struct parse *) NONNULL;
bool parse_settings(struct parse *) NONNULL;
bool parse_version(struct parse *) NONNULL;
bool parse_rcpts_generation(struct parse *) NONNULL;
/* reader-plan.c */
bool parse_plan(struct parse *) NONNULL;

/* reader-people.c; the last one at the end of the line, before the facts. */
bool parse_privacy(struct parse *) NONNULL;
bool parse_open_people(struct parse *) NONNULL;

bool parse_rcpts(struct parse *) NONNULL;
bool parse_resolved(struct parse *) NONNULL;
bool parse_rules(struct parse *) NONNULL;
bool parse_header_from(struct parse *) NONNULL;
bool parse_header_flaw(struct parse *) NONNULL;
bool parse_header_generation(struct parse *) NONNULL;

/* One of `n` words into *value; the other: null is the first one. */
bool parse_word(struct parse *, const char *(*name)(int), int n, int *value);
bool parse_word_or_null(struct parse *, const char *(*name)(int), int n,
    int *value);
const char *parse_waiver_word(int);
const char *parse_verdict_word(int);
const char *parse_reason_word(int);

#endif
