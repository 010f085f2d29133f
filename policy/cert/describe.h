/*
 * describe.h - a certificate for people to read, and as JSON.
 *
 * What `tlspolicy cert` shows of a file and `tlspolicy probe` of a server.
 * Every string is printable; the JSON is documented in tlspolicy-cert(1) and
 * tlspolicy-probe(1).
 *
 * Threads: as certificate.h.
 */
#ifndef TLSPOLICY_CERT_DESCRIBE_H
#define TLSPOLICY_CERT_DESCRIBE_H

#include <stdio.h>
#include <time.h>

#include <jansson.h>
#include <openssl/x509.h>

/* Lines of "label   value", each behind `indent` blanks. */
void describe_text(X509 *, time_t now, int indent, FILE *);

/* As `openssl x509 -purpose` answers, a line for each purpose. */
void describe_purposes(X509 *, int indent, FILE *);

/* A new object; NULL when memory runs out. */
json_t *describe_json(X509 *, time_t now);

/* The kind and strength of a private key; NULL: it is encrypted. */
void describe_key(const EVP_PKEY *, int indent, FILE *);
json_t *describe_key_json(const EVP_PKEY *);

#endif
