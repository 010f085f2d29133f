/*
 * certificate.h - what a certificate says, in the spellings that rules and
 * MTAs use.
 *
 * Names are spelt three ways.  sendmail gives the whole DN as OpenSSL's
 * X509_NAME_oneline() and encodes it (tls.c, tls_get_info()); Postfix gives
 * the CN alone, for an issuer without one its O (tls_verify.c); people read
 * RFC 2253.  A rule is written in sendmail's spelling for both.
 *
 * All functions append to a text, which may be cut.  A certificate is not
 * changed but for OpenSSL's own cache of its extensions.
 * Threads: no state.  A certificate's first use must not be in two threads.
 */
#ifndef TLSPOLICY_CERT_CERTIFICATE_H
#define TLSPOLICY_CERT_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <openssl/x509.h>

#include "policy/base/text.h"

/* Room for any one of the texts below but the list of names. */
enum { CERTIFICATE_TEXT_MAX = 4096, CERTIFICATE_NAMES_MAX = 16384 };

/* For people, as openssl x509 -subject prints it: printable ASCII. */
void certificate_dn(const X509_NAME *, struct text *);
/* {cert_subject}, {cert_issuer} as sendmail spells them: CS:, CI:. */
void certificate_dn_sendmail(const X509_NAME *, struct text *);

/* What sendmail makes of a CN. */
enum certificate_cn {
	CERTIFICATE_CN,	     /* a name: usable as CN: and ICN: */
	CERTIFICATE_CN_NONE, /* "BadCertificateUnknown" */
	CERTIFICATE_CN_NUL,  /* "BadCertificateContainsNUL" */
	CERTIFICATE_CN_LONG  /* "BadCertificateTooLong" */
};

/* {cn_subject}, {cn_issuer}: encoded, or one of the words above. */
enum certificate_cn certificate_cn_sendmail(const X509_NAME *, struct text *);

/*
 * {cert_subject} and {cert_issuer} as Postfix spells them; with `issuer` the O
 * takes the place of a missing CN.  False: Postfix sends an empty macro.
 */
bool certificate_cn_postfix(const X509_NAME *, bool issuer, struct text *);

/* "AA:BB:..."; `digest` is OpenSSL's name, "SHA256". */
void certificate_fingerprint(const X509 *, const char *digest, struct text *);

/* "RSA 2048", "EC P-256", "ED25519". */
void certificate_key(const EVP_PKEY *, struct text *);
/* Strength of the key and of the signature's digest in bits; 0: unknown. */
int certificate_key_strength(const EVP_PKEY *);
int certificate_signature_strength(X509 *);
/* "ecdsa-with-SHA256" */
void certificate_signature(const X509 *, struct text *);

/*
 * Calls `each` for every subject alternative name of the kinds that mail uses,
 * with its kind ("DNS", "IP", "email") and its text, which is printable ASCII
 * and lives as long as the call.  Returns how many there were.
 */
size_t certificate_names(const X509 *,
    void (*each)(void *arg, const char *kind, const char *name), void *arg);
/* All of them, "DNS:a.example, IP:192.0.2.1". */
void certificate_names_text(const X509 *, struct text *);
/* Some name has a * in it. */
bool certificate_has_wildcard(const X509 *);

/* Whole days from `now` until the end, negative once it is over. */
long certificate_days_left(const X509 *, time_t now);
/* "2026-11-22T00:33:25Z" */
void certificate_time(const ASN1_TIME *, struct text *);

/* Does `host`, a name or an address, stand in it?  As OpenSSL decides. */
bool certificate_matches(X509 *, const char *host) MUST_CHECK;

bool certificate_is_self_signed(X509 *);
bool certificate_is_ca(X509 *);

#endif
