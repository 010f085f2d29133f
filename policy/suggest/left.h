/*
 * left.h - rules that all mail that left satisfies, from the MTA's own log.
 *
 * As suggest.h, by the domain of the recipient and the tag TLS_Rcpt: first what
 * MTAs were told, which names the rules that there are, then the deliveries, and
 * these again under the proposals.  Only what left is there to be counted, so
 * where TLS failed even once, nothing is proposed.
 *
 * Postfix's log does not tell which names a certificate has, so of its mail it
 * is TLS alone that is demanded; sendmail's VERIFY is what its log tells.
 */
#ifndef TLSPOLICY_SUGGEST_LEFT_H
#define TLSPOLICY_SUGGEST_LEFT_H

#include "policy/report/left.h"
#include "policy/suggest/suggest.h"

/*
 * First all READER_OUTBOUND, then all RECORD_DELIVERED and each
 * RECORD_HANDSHAKE that failed: mail that did not leave.  False: out of memory.
 */
bool suggest_left_told(struct suggest *, const struct reader_record *)
    MUST_CHECK;
bool suggest_left_add(struct suggest *, const struct reader_record *)
    MUST_CHECK;
bool suggest_left_failed(struct suggest *, const struct reader_record *)
    MUST_CHECK;
/*
 * Judges a delivery or a failure under these rules, in the caller's memory.
 * The rule may be that of a domain above; the proposal that fails is given up.
 */
void suggest_left_check(struct suggest *, const struct reader_record *,
    struct store_reader *, struct left *);

#endif
