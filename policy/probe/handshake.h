/*
 * handshake.h - the TLS side of a probe.
 *
 * Threads: the context is shared and not changed once made.
 */
#ifndef TLSPOLICY_PROBE_HANDSHAKE_H
#define TLSPOLICY_PROBE_HANDSHAKE_H

#include "policy/probe/probe.h"

/*
 * NULL with a fault: a file of the settings cannot be used.  `anonymous`: only
 * suites in which the server shows no certificate.
 */
SSL_CTX *handshake_context(const struct probe_settings *, bool anonymous,
    struct fault *) MUST_CHECK;

/*
 * The handshake on `s`; on SMTP_OK fills the TLS part of the result.  `named`:
 * the server is told which host is meant.
 */
enum smtp_result handshake_run(SSL_CTX *, const char *host, bool named,
    struct smtp *s, struct probe_result *) MUST_CHECK;

#endif
