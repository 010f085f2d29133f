/*
 * facts.h - a probed server as the session that an MTA would have with it:
 * its facts, the rule that would fit it.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_PROBE_FACTS_H
#define TLSPOLICY_PROBE_FACTS_H

#include <stdbool.h>

#include "policy/facts/facts.h"
#include "policy/probe/probe.h"

/*
 * Puts in the macros that sendmail would have, in its spelling.  `rcpt` is the
 * recipient; `digest` is OpenSSL's name of CertFingerprintAlgorithm.  The
 * facts must have been initialised.  False: out of memory.
 */
bool probe_facts(const struct probe_result *, const char *rcpt,
    const char *digest, struct facts *);

/*
 * The strictest rule that this session satisfies, "TLS_Srv:mx.example.com
 * VERIFY:128+CN"; for a server on which TLS fails the rule that keeps an MTA
 * from trying.  False: there is no rule to suggest, since mail to this server
 * goes in clear.
 */
bool probe_suggest(const struct probe_result *, struct text *);

#endif
