/*
 * pemfile.h - the certificates and private keys in a PEM file.
 *
 * Nothing is ever asked at a terminal: an encrypted key is noted as such and
 * not opened.  Other kinds of blocks (requests, parameters, lists) are passed
 * over; a block that is damaged is an error, as an MTA would fail on it.
 *
 * Ownership: a pemfile owns its certificates and keys until pemfile_free().
 * Threads: no state but the struct's.
 */
#ifndef TLSPOLICY_CERT_PEMFILE_H
#define TLSPOLICY_CERT_PEMFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include <openssl/x509.h>

#include "policy/base/fault.h"

/* A bundle of all public CAs has some 150 certificates in 220 KB. */
enum {
	PEMFILE_SIZE_MAX = 8 * 1024 * 1024,
	PEMFILE_CERTIFICATES_MAX = 4096,
	PEMFILE_KEYS_MAX = 16
};

struct pemfile {
	const char *path;	 /* the caller's */
	STACK_OF(X509) *certificates; /* in the file's order */
	EVP_PKEY *keys[PEMFILE_KEYS_MAX]; /* NULL: encrypted */
	size_t nkeys;
	mode_t mode;		 /* of the file */
};

/*
 * FAULT_NOINPUT: cannot be opened.  FAULT_DATA: holds neither certificate nor
 * key, or a damaged one, or more than the limits.  On failure there is nothing
 * to free.
 */
bool pemfile_read(const char *path, struct pemfile *, struct fault *)
    MUST_CHECK;
void pemfile_free(struct pemfile *);

#endif
