/*
 * results.h - what Postfix tells of TLS with servers, by its TLSRPT socket
 * (postconf(5), smtp_tlsrpt_socket_name; Postfix 3.10), as records.
 *
 * A datagram for each handshake and each one that could not be had, with servers
 * of domains that publish a policy of RFC 8460; none is answered, and Postfix
 * does not wait.  Whoever can write to the socket is believed.  More than
 * RESULTS_PER_S are left in the socket: Postfix then loses the next ones, and
 * logs that.
 *
 * Each is passed on as it came to another socket, tlsrpt-collectd's, where one
 * is set.
 *
 * Threads: the main thread starts and stops it.
 */
#ifndef TLSPOLICY_MILTER_RESULTS_RESULTS_H
#define TLSPOLICY_MILTER_RESULTS_RESULTS_H

#include "milter/daemon.h"

enum { RESULTS_PER_S = 1000 };

struct results;

/*
 * Read from `fd`, which it takes over; `forward`: "off" or unix:PATH.  NULL with
 * a fault: it does not.
 */
struct results *results_start(struct daemon *, int fd, const char *forward,
    struct fault *) MUST_CHECK NONNULL;
/* NULL does nothing. */
void results_stop(struct results *);

#endif
