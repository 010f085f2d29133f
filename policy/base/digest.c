/*
 * A call of OpenSSL costs more than a short line's digest: rules by the million
 * go through a buffer.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/digest.h"

enum { BUFFER = 32 * 1024 };

struct digest {
	EVP_MD_CTX *context;
	bool failed;
	size_t n;
	char buffer[BUFFER];
};

static bool
no_digest(struct fault *fault)
{
	return fault_set(fault, FAULT_SOFTWARE, "OpenSSL does not give "
	    "SHA-256");
}

/* Without memory OpenSSL has no context, and walks through a NULL. */
static bool
start(struct digest *d)
{
	if (OSSL_LIB_CTX_get0_global_default() == NULL)
		return false;
	d->context = EVP_MD_CTX_new();
	return d->context != NULL &&
	    EVP_DigestInit_ex(d->context, EVP_sha256(), NULL) == 1;
}

struct digest *
digest_new(struct fault *fault)
{
	struct digest *d = calloc(1, sizeof *d);

	if (d == NULL) {
		fault_no_memory(fault);
		return NULL;
	}
	if (start(d))
		return d;
	digest_free(d);
	no_digest(fault);
	return NULL;
}

void
digest_free(struct digest *d)
{
	if (d == NULL)
		return;
	EVP_MD_CTX_free(d->context);
	free(d);
}

static void
flush(struct digest *d)
{
	if (EVP_DigestUpdate(d->context, d->buffer, d->n) != 1)
		d->failed = true;
	d->n = 0;
}

void
digest_add(struct digest *d, struct slice s)
{
	while (s.n > 0) {
		size_t n = s.n < BUFFER - d->n ? s.n : BUFFER - d->n;

		memcpy(d->buffer + d->n, s.p, n);
		d->n += n;
		s = slice_from(s, n);
		if (d->n == BUFFER)
			flush(d);
	}
}

bool
digest_end(struct digest *d, unsigned char bytes[DIGEST_BYTES],
    struct fault *fault)
{
	flush(d);
	return (!d->failed && EVP_DigestFinal_ex(d->context, bytes, NULL) ==
	    1) || no_digest(fault);
}

bool
digest_of(struct slice s, unsigned char bytes[DIGEST_BYTES],
    struct fault *fault)
{
	struct digest *d = digest_new(fault);
	bool good = d != NULL;

	if (good) {
		digest_add(d, s);
		good = digest_end(d, bytes, fault);
	}
	digest_free(d);
	return good;
}

void
digest_print(const unsigned char bytes[DIGEST_BYTES], struct text *out)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		text_char(out, hex[bytes[i] >> 4]);
		text_char(out, hex[bytes[i] & 15]);
	}
}
