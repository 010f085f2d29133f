/*
 * Postfix 3.7, as it was watched while it spoke to a milter.
 *
 * It sends the bare CN as {cert_subject} and {cert_issuer}, and only when the
 * chain was verified; it knows no {verify}.  One can be made up by its
 * administrator (milter_macro_defaults), so it must not be believed.
 */
#include <string.h>

#include "policy/facts/macro.h"

static const struct macro macros[] = {
	{ "v", FACT_MTA, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "j", FACT_NODE, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "i", FACT_QUEUE_ID, MACRO_AT_EOM, MACRO_PLAIN },
	{ "s", FACT_HELO, MACRO_BY_CALLBACK, MACRO_PLAIN },
	{ "{client_name}", FACT_CLIENT_NAME, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{client_addr}", FACT_CLIENT_ADDR, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{client_port}", FACT_CLIENT_PORT, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{daemon_name}", FACT_DAEMON_NAME, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{daemon_port}", FACT_DAEMON_PORT, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{daemon_addr}", FACT_DAEMON_ADDR, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{tls_version}", FACT_TLS_VERSION, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{cipher}", FACT_CIPHER, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{cipher_bits}", FACT_CIPHER_BITS, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{cert_subject}", FACT_CN_SUBJECT, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{cert_issuer}", FACT_CN_ISSUER, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{auth_type}", FACT_AUTH_TYPE, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{auth_authen}", FACT_AUTH_AUTHEN, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{mail_addr}", FACT_MAIL_ADDR, MACRO_BY_CALLBACK, MACRO_PLAIN },
	{ "{rcpt_addr}", FACT_RCPT_ADDR, MACRO_BY_CALLBACK, MACRO_PLAIN },
	{ "{mail_resolved}", FACT_MAIL_RESOLVED, MACRO_BY_CALLBACK,
	    MACRO_PLAIN },
	{ "{rcpt_resolved}", FACT_RCPT_RESOLVED, MACRO_BY_CALLBACK,
	    MACRO_PLAIN },
	{ "{header_from}", FACT_HEADER_FROM, MACRO_BY_CALLBACK, MACRO_PLAIN },
	{ "{ccert_fingerprint}", FACT_FINGERPRINT, MACRO_FED, MACRO_PLAIN },
	{ "{ccert_pubkey_fingerprint}", FACT_KEY_FINGERPRINT, MACRO_FED,
	    MACRO_PLAIN },
	{ "{server_name}", FACT_SERVER_NAME, MACRO_OUTBOUND, MACRO_PLAIN },
	{ "{server_addr}", FACT_SERVER_ADDR, MACRO_OUTBOUND, MACRO_PLAIN },
	{ NULL, FACT_COUNT, MACRO_AT_MAIL, MACRO_PLAIN }
};

static bool
is_loopback(const struct netaddr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return a->family == 4 ? a->bytes[0] == 127 :
	    memcmp(a->bytes, one, sizeof one) == 0;
}

/*
 * Postfix's sendmail(1) tells 127.0.0.1 and a listener with port 0, which no
 * connection has come in on.  ({client_port} would not do: that is 0 as well
 * for a client whose port a proxy did not tell.)  A session whose {client_addr}
 * is missing has a client that nothing is known of.
 */
static bool
is_local(const struct facts *f)
{
	struct netaddr client;

	return facts_address(f, false, &client) && is_loopback(&client) &&
	    slice_is(facts_value(f, FACT_DAEMON_PORT), "0");
}

static bool
derive_verify(struct facts *f)
{
	const char *word = "NONE";

	if (facts_known(f, FACT_CN_SUBJECT) || facts_known(f, FACT_CN_ISSUER))
		word = "OK";
	else if (facts_filled(f, FACT_CIPHER) ||
	    facts_filled(f, FACT_TLS_VERSION))
		word = "NO-OR-FAIL";
	return facts_set(f, FACT_VERIFY, slice_of(word), false);
}

/*
 * Postfix says "unknown", sendmail "[ADDR]": one way to write rules for it.
 * Without an address it is no name at all.
 */
static bool
bracket_unknown_client(struct facts *f)
{
	char name[NETADDR_TEXT_MAX + 2];
	struct netaddr addr;
	struct text out;

	if (!slice_is(facts_value(f, FACT_CLIENT_NAME), "unknown"))
		return true;
	if (!facts_address(f, false, &addr)) {
		facts_set_state(f, FACT_CLIENT_NAME, FACT_ABSENT);
		return true;
	}
	text_init(&out, name, sizeof name);
	text_char(&out, '[');
	text_put(&out, facts_value(f, FACT_CLIENT_ADDR));
	text_char(&out, ']');
	return facts_set(f, FACT_CLIENT_NAME, slice_make(out.buf, out.n),
	    false);
}

static bool
finish(struct facts *f)
{
	return derive_verify(f) && bracket_unknown_client(f);
}

const struct dialect dialect_postfix = {
	.name = "postfix",
	.title = "Postfix",
	.version_prefix = "Postfix",
	.spoken_version = "Postfix 3.7.11",
	.macros = macros,
	.verify_from_names = true,
	.way_out = "use CN: or ICN:, which Postfix tells for verified "
	    "certificates; fingerprints by the setting facts-socket",
	.is_local = is_local,
	.finish = finish,
};
