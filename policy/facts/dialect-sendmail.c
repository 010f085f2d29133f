/*
 * sendmail 8.17, as it was watched while it spoke to a milter.
 *
 * All TLS macros are asked for at MAIL: a client that sends no EHLO after
 * STARTTLS never triggers the HELO macros, and its session would look as if it
 * were in clear.  At MAIL both MTAs tell the state of the moment.
 */
#include "policy/facts/macro.h"

static const struct macro macros[] = {
	{ "v", FACT_MTA, MACRO_AT_MAIL, false },
	{ "j", FACT_NODE, MACRO_AT_MAIL, false },
	{ "i", FACT_QUEUE_ID, MACRO_AT_MAIL, false },
	{ "s", FACT_HELO, MACRO_BY_CALLBACK, false },
	{ "{client_name}", FACT_CLIENT_NAME, MACRO_AT_MAIL, false },
	{ "{client_addr}", FACT_CLIENT_ADDR, MACRO_AT_MAIL, false },
	{ "{client_resolve}", FACT_CLIENT_RESOLVE, MACRO_AT_MAIL, false },
	{ "{daemon_name}", FACT_DAEMON_NAME, MACRO_AT_MAIL, false },
	{ "{daemon_port}", FACT_DAEMON_PORT, MACRO_AT_MAIL, false },
	{ "{daemon_addr}", FACT_DAEMON_ADDR, MACRO_AT_MAIL, false },
	{ "{tls_version}", FACT_TLS_VERSION, MACRO_AT_MAIL, false },
	{ "{cipher}", FACT_CIPHER, MACRO_AT_MAIL, false },
	{ "{cipher_bits}", FACT_CIPHER_BITS, MACRO_AT_MAIL, false },
	{ "{verify}", FACT_VERIFY, MACRO_AT_MAIL, false },
	{ "{cn_subject}", FACT_CN_SUBJECT, MACRO_AT_MAIL, true },
	{ "{cn_issuer}", FACT_CN_ISSUER, MACRO_AT_MAIL, true },
	{ "{cert_subject}", FACT_CERT_SUBJECT, MACRO_AT_MAIL, true },
	{ "{cert_issuer}", FACT_CERT_ISSUER, MACRO_AT_MAIL, true },
	{ "{cert_fp}", FACT_FINGERPRINT, MACRO_AT_MAIL, false },
	{ "{cert_md5}", FACT_FINGERPRINT, MACRO_AT_MAIL, false },
	{ "{auth_type}", FACT_AUTH_TYPE, MACRO_AT_MAIL, false },
	{ "{auth_authen}", FACT_AUTH_AUTHEN, MACRO_AT_MAIL, true },
	{ "{auth_ssf}", FACT_AUTH_SSF, MACRO_AT_MAIL, false },
	{ "{mail_addr}", FACT_MAIL_ADDR, MACRO_BY_CALLBACK, false },
	{ "{rcpt_addr}", FACT_RCPT_ADDR, MACRO_BY_CALLBACK, false },
	{ "{mail_resolved}", FACT_MAIL_RESOLVED, MACRO_BY_CALLBACK, false },
	{ "{rcpt_resolved}", FACT_RCPT_RESOLVED, MACRO_BY_CALLBACK, false },
	{ "{header_from}", FACT_HEADER_FROM, MACRO_BY_CALLBACK, false },
	{ "{server_name}", FACT_SERVER_NAME, MACRO_OUTBOUND, false },
	{ "{server_addr}", FACT_SERVER_ADDR, MACRO_OUTBOUND, false },
	{ NULL, FACT_COUNT, MACRO_AT_MAIL, false }
};

/* sendmail -bs tells the address "0". */
static bool
is_local(const struct facts *f)
{
	return slice_is(facts_value(f, FACT_CLIENT_ADDR), "0");
}

const struct dialect dialect_sendmail = {
	.name = "sendmail",
	.title = "sendmail",
	.macros = macros,
	.way_out = "use FP:, the certificate's own fingerprint, which sendmail "
	    "tells",
	.version_doubt = "sendmail 8.13 to 8.15 can tell TLSv1/SSLv3, whatever "
	    "the protocol is",
	.is_local = is_local,
};
