/*
 * rule.h - one rule of a text, ready to be stored.
 *
 * Its texts belong to whoever holds the rule, see rulefile.h.
 */
#ifndef TLSPOLICY_RULES_RULE_H
#define TLSPOLICY_RULES_RULE_H

#include <stdint.h>

#include "policy/base/text.h"

/*
 * Ten million of them are held at once: 32 bytes each, the requirement behind
 * the key as in a store's record, lengths as there.
 */
struct rule {
	const char *key_bytes_at, *key_at;
	uint32_t line;
	uint16_t key_bytes_n, key_n, requirement_n; /* bytes */
	uint16_t source;			    /* index into sources */
	uint16_t flags;
};

/* rule.flags */
enum {
	RULE_FINAL_DOT = 1,   /* a host name written with a dot at its end */
	RULE_UNTAGGED = 2,    /* one of the two rules of an untagged line */
	RULE_DATED = 4,	      /* has FROM or UNTIL */
	RULE_CIPHER_LIST = 8, /* has CIPHER */
	RULE_CITAG = 16,      /* has CITag */
	RULE_WHEN = 32,	      /* has WHEN */
	RULE_AS = 64,	      /* AS:profile */
	RULE_REPEATED = 128   /* once finished: of the same key as the one before */
};

/* In its sorted form, see key.h. */
static inline struct slice
rule_key_bytes(const struct rule *rule)
{
	return slice_make(rule->key_bytes_at, rule->key_bytes_n);
}

/* As written, with its tag. */
static inline struct slice
rule_key(const struct rule *rule)
{
	return slice_make(rule->key_at, rule->key_n);
}

/* What stands behind the tag: a domain, a profile's name. */
static inline struct slice
rule_what(const struct rule *rule)
{
	struct slice key = rule_key(rule);

	return slice_from(key, slice_find(key, ':') + 1);
}

/* As written, names of clients as A-labels. */
static inline struct slice
rule_requirement(const struct rule *rule)
{
	return slice_make(rule->key_at + rule->key_n, rule->requirement_n);
}

#endif
