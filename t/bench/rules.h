/*
 * A policy as a large site would have: rule i of the policy that seed names.
 * Rule i is the same in a file of ten thousand and of ten million, and every
 * key is different.
 */
#ifndef T_BENCH_RULES_H
#define T_BENCH_RULES_H

#include <stddef.h>
#include <stdint.h>

#define RULES_NAME 128		/* room for any key, value or name made here */
#define RULES_MAX 13000000U	/* more than this would repeat a /24 */
#define RULES_NONE (1U << 28)	/* numbers from here on belong to no rule */

/* What a rule is keyed by; the shares stand in one table in rules.c. */
enum rules_kind {
	RULES_CLIENT_HOST,	/* TLS_Clt:mx1.example.org */
	RULES_CLIENT_DOMAIN,	/* TLS_Clt:example.org */
	RULES_CLIENT_ADDR4,	/* TLS_Clt:192.0.2.1 */
	RULES_CLIENT_ADDR6,	/* TLS_Clt:IPv6:2001:... */
	RULES_CLIENT_NET4,	/* TLS_Clt:192.0.2.0/24 */
	RULES_CLIENT_NET6,	/* TLS_Clt:2001:.../48 */
	RULES_FROM_DOMAIN,	/* TLS_From:example.org */
	RULES_FROM_ADDRESS,	/* TLS_From:user@example.org */
	RULES_TO_DOMAIN,	/* TLS_To:example.org */
	RULES_TO_ADDRESS	/* TLS_To:user@example.org */
};

enum rules_kind rules_kind(uint64_t seed, uint32_t i);

/* What stands behind the tag's colon, into a buffer of RULES_NAME. */
void rules_what(uint64_t seed, uint32_t i, char *out);

/* The whole line's two halves: key with tag; requirement. */
void rules_key(uint64_t seed, uint32_t i, char *out);
const char *rules_requirement(uint64_t seed, uint32_t i);

/* Domain number i, up to 2 * RULES_NONE; from RULES_NONE on, of no rule. */
void rules_domain(uint64_t seed, uint32_t i, char *out);

/*
 * An address (not a network) that rule i's address or network key covers; for
 * i from RULES_NONE on, one that no address key names, if perhaps a network.
 */
void rules_address(uint64_t seed, uint32_t i, uint32_t host, char *out);

/* The CN of the issuer that rules with ICN ask for. */
#define RULES_ISSUER "ExampleMailCA"

#endif
