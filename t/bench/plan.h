/*
 * What session n of a run is: the client, its TLS, sender and recipient.  The
 * share of sessions that meet a rule by its exact key, by a parent of what
 * they are, or not at all is the same for a policy of any size.
 */
#ifndef T_BENCH_PLAN_H
#define T_BENCH_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "t/bench/rules.h"

struct plan {
	char client_name[RULES_NAME * 2];
	char client_addr[RULES_NAME];	/* IPv6 in full, without a tag */
	char sender[RULES_NAME * 2];	/* without <> */
	char recipient[RULES_NAME * 2];
	bool ipv6;
	bool tls;
	bool verified;
	const char *version;	/* these two only with tls */
	const char *cipher;
};

/*
 * Session n of the run that seed names, for a policy of count rules made from
 * the same seed.  Of the sessions that meet a rule, refused in a thousand come
 * without TLS; all others satisfy whatever rules they meet.
 */
void plan_session(struct plan *, uint64_t seed, uint32_t count,
    unsigned refused, uint64_t n);

#endif
