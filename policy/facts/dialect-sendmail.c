/*
 * sendmail 8.17, as it was watched while it spoke to a milter.
 *
 * All TLS macros are asked for at MAIL: a client that sends no EHLO after
 * STARTTLS never triggers the HELO macros, and its session would look as if it
 * were in clear.  At MAIL both MTAs tell the state of the moment.
 */
#include "policy/facts/macro.h"

static const struct macro macros[] = {
	{ "v", FACT_MTA, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "j", FACT_NODE, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "i", FACT_QUEUE_ID, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "s", FACT_HELO, MACRO_BY_CALLBACK, MACRO_PLAIN },
	{ "{client_name}", FACT_CLIENT_NAME, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{client_addr}", FACT_CLIENT_ADDR, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{client_resolve}", FACT_CLIENT_RESOLVE, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{daemon_name}", FACT_DAEMON_NAME, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{daemon_port}", FACT_DAEMON_PORT, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{daemon_addr}", FACT_DAEMON_ADDR, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{tls_version}", FACT_TLS_VERSION, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{cipher}", FACT_CIPHER, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{cipher_bits}", FACT_CIPHER_BITS, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{verify}", FACT_VERIFY, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{cn_subject}", FACT_CN_SUBJECT, MACRO_AT_MAIL, MACRO_XTEXT },
	{ "{cn_issuer}", FACT_CN_ISSUER, MACRO_AT_MAIL, MACRO_XTEXT },
	{ "{cert_subject}", FACT_CERT_SUBJECT, MACRO_AT_MAIL, MACRO_XTEXT },
	{ "{cert_issuer}", FACT_CERT_ISSUER, MACRO_AT_MAIL, MACRO_XTEXT },
	{ "{cert_fp}", FACT_FINGERPRINT, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{cert_md5}", FACT_FINGERPRINT, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{auth_type}", FACT_AUTH_TYPE, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{auth_authen}", FACT_AUTH_AUTHEN, MACRO_AT_MAIL, MACRO_XTEXT },
	{ "{auth_ssf}", FACT_AUTH_SSF, MACRO_AT_MAIL, MACRO_PLAIN },
	{ "{mail_addr}", FACT_MAIL_ADDR, MACRO_BY_CALLBACK, MACRO_PLAIN },
	{ "{rcpt_addr}", FACT_RCPT_ADDR, MACRO_BY_CALLBACK, MACRO_PLAIN },
	{ "{mail_resolved}", FACT_MAIL_RESOLVED, MACRO_BY_CALLBACK,
	    MACRO_PLAIN },
	{ "{rcpt_resolved}", FACT_RCPT_RESOLVED, MACRO_BY_CALLBACK,
	    MACRO_PLAIN },
	{ "{header_from}", FACT_HEADER_FROM, MACRO_BY_CALLBACK, MACRO_PLAIN },
	{ "{server_name}", FACT_SERVER_NAME, MACRO_OUTBOUND, MACRO_PLAIN },
	{ "{server_addr}", FACT_SERVER_ADDR, MACRO_OUTBOUND, MACRO_PLAIN },
	{ NULL, FACT_COUNT, MACRO_AT_MAIL, MACRO_PLAIN }
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
	.encodes_names = true,
	.spoken_version = "",
	.way_out = "use FP:, the certificate's own fingerprint, which sendmail "
	    "tells",
	.version_doubt = "sendmail 8.13 to 8.15 can tell TLSv1/SSLv3, whatever "
	    "the protocol is",
	.is_local = is_local,
};
