/* What is wrong is seen at the line that is, not when all has come. */
#include <string.h>

#include "milter/feed/feedrequest.h"

static const char *const names[FEED_ATTRIBUTES] = {
	[FEED_REQUEST] = "request",
	[FEED_STATE] = "protocol_state",
	[FEED_CLIENT_ADDR] = "client_address",
	[FEED_CLIENT_PORT] = "client_port",
	[FEED_SERVER_ADDR] = "server_address",
	[FEED_SERVER_PORT] = "server_port",
	[FEED_SENDER] = "sender",
	[FEED_RECIPIENT] = "recipient",
	[FEED_TLS_VERSION] = "encryption_protocol",
	[FEED_CIPHER] = "encryption_cipher",
	[FEED_CIPHER_BITS] = "encryption_keysize",
	[FEED_SUBJECT] = "ccert_subject",
	[FEED_ISSUER] = "ccert_issuer",
	[FEED_FINGERPRINT] = "ccert_fingerprint",
	[FEED_KEY_FINGERPRINT] = "ccert_pubkey_fingerprint",
};

static bool
take_line(struct feedrequest *r, struct slice line)
{
	size_t end = slice_find(line, '=');
	struct slice name = slice_make(line.p, end);

	if (end == 0 || end == line.n || memchr(line.p, '\0', line.n) != NULL)
		return false;
	for (int i = 0; i < FEED_ATTRIBUTES; i++) {
		if (!slice_is(name, names[i]))
			continue;
		if (r->value[i].p != NULL)
			return false;
		r->value[i] = slice_from(line, end + 1);
		break;
	}
	return true;
}

static bool
is_policy_request(const struct feedrequest *r)
{
	return slice_is(r->value[FEED_REQUEST], "smtpd_access_policy");
}

enum feedrequest_result
feedrequest_read(struct slice bytes, struct feedrequest *r, size_t *used)
{
	size_t at = 0;

	memset(r, 0, sizeof *r);
	while (at < bytes.n) {
		struct slice rest = slice_from(bytes, at);
		size_t n = slice_find(rest, '\n');

		if (n == rest.n)
			break;
		at += n + 1;
		if (n == 0) {
			*used = at;
			return is_policy_request(r) ? FEEDREQUEST_WHOLE :
			    FEEDREQUEST_BAD;
		}
		if (!take_line(r, slice_make(rest.p, n)))
			return FEEDREQUEST_BAD;
	}
	return bytes.n >= FEEDREQUEST_MAX ? FEEDREQUEST_BAD :
	    FEEDREQUEST_PARTIAL;
}
