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
 * The strictest rule that all these hosts satisfy.  Of a domain, which is what
 * both MTAs ask for, "TLS_Rcpt:example.com TEMP+VERIFY:128+CN:mx.example.com";
 * of one host, `domain` NULL, "TLS_Srv:mx.example.com TEMP+VERIFY:128+CN".
 * False: none, for not each of them was seen with TLS.  That TLS fails today is
 * no reason to send in clear for ever.
 */
bool probe_suggest(const struct probe_result *, size_t n,
    const char *domain, struct text *);

#endif
