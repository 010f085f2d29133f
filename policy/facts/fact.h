/*
 * fact.h - which facts there are, each named after the macro that carries it.
 *
 * To add one: "a macro" in policy/README.
 */
#ifndef TLSPOLICY_FACT_H
#define TLSPOLICY_FACT_H

enum fact_id {
	FACT_MTA,	     /* v */
	FACT_NODE,	     /* j: the MTA's own host name */
	FACT_QUEUE_ID,	     /* i */
	FACT_HELO,	     /* s, or the HELO argument */
	FACT_CLIENT_NAME,
	FACT_CLIENT_ADDR,
	FACT_CLIENT_RESOLVE,
	FACT_CLIENT_PORT,    /* told by Postfix: with the address, which session */
	FACT_SERVER_NAME,    /* outbound: the host connected to */
	FACT_SERVER_ADDR,
	FACT_DAEMON_NAME,
	FACT_DAEMON_PORT,
	FACT_DAEMON_ADDR,
	FACT_TLS_VERSION,    /* "TLSv1.3" */
	FACT_CIPHER,	     /* OpenSSL's name of the suite */
	FACT_CIPHER_BITS,    /* effective bits, decimal */
	FACT_VERIFY,
	FACT_CN_SUBJECT,
	FACT_CN_ISSUER,
	FACT_CERT_SUBJECT,   /* whole DN, as X509_NAME_oneline() gives it */
	FACT_CERT_ISSUER,
	FACT_FINGERPRINT,    /* hex, with or without colons */
	FACT_KEY_FINGERPRINT, /* the same of the certificate's public key */
	FACT_AUTH_TYPE,	     /* SASL mechanism */
	FACT_AUTH_AUTHEN,    /* the identity that logged in */
	FACT_AUTH_SSF,	     /* strength of the SASL layer in bits, decimal */
	FACT_MAIL_ADDR,	     /* envelope sender, with or without <> */
	FACT_RCPT_ADDR,	     /* the recipient that is being judged */
	FACT_MAIL_RESOLVED,  /* what the MTA made of it, where it differs */
	FACT_RCPT_RESOLVED,
	FACT_HEADER_FROM,    /* its mailboxes, a line each (fromfield.h) */
	FACT_HEADER_FLAW,    /* why it cannot be told, or not all; a word */
	FACT_COUNT
};

/* macro.c and audit/record-line.c keep sets of facts in a word. */
_Static_assert(FACT_COUNT <= 64, "a fact is a bit of a uint64_t");

enum fact_state {
	FACT_NOT_TOLD = 0,
	FACT_ABSENT,
	FACT_KNOWN
};

#endif
