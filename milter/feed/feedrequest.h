/*
 * feedrequest.h - a request of Postfix's policy delegation (SMTPD_POLICY_README,
 * "Protocol description"): lines NAME=VALUE, ended by an empty one.
 *
 * Unknown names are passed over, as the protocol wants; a name of ours that
 * stands twice, a line without "=" and a NUL are nobody's request.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_MILTER_FEED_FEEDREQUEST_H
#define TLSPOLICY_MILTER_FEED_FEEDREQUEST_H

#include "policy/policy.h"

enum feed_attribute {
	FEED_REQUEST,	      /* "smtpd_access_policy" */
	FEED_STATE,	      /* "RCPT": the command that it is asked at */
	FEED_CLIENT_ADDR,
	FEED_CLIENT_PORT,     /* "0" or nothing: not known */
	FEED_SERVER_ADDR,     /* Postfix 3.2 */
	FEED_SERVER_PORT,
	FEED_SENDER,	      /* without quotes and <> */
	FEED_RECIPIENT,
	FEED_TLS_VERSION,     /* these are empty in clear */
	FEED_CIPHER,
	FEED_CIPHER_BITS,
	FEED_SUBJECT,	      /* in xtext, of a verified certificate only */
	FEED_ISSUER,
	FEED_FINGERPRINT,     /* of any certificate; empty without one */
	FEED_KEY_FINGERPRINT,
	FEED_ATTRIBUTES
};

struct feedrequest {
	struct slice value[FEED_ATTRIBUTES]; /* point to the text; p NULL: none */
};

/* smtpd(8) sends up to 30 lines, of which addresses may be long. */
enum { FEEDREQUEST_MAX = 32 * 1024 };

enum feedrequest_result { FEEDREQUEST_WHOLE, FEEDREQUEST_PARTIAL,
	FEEDREQUEST_BAD };

/* The first request of `bytes`, and in *used its length. */
enum feedrequest_result feedrequest_read(struct slice bytes,
    struct feedrequest *, size_t *used) NONNULL;

#endif
