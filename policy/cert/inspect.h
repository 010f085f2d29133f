/*
 * inspect.h - looks for what is wrong with certificate and key files.
 *
 * All files of one inspection belong together: a key in one may be that of a
 * certificate in another.  The first certificate of a file is taken for the
 * one that a host shows, unless it is a CA's and one behind it is not; those
 * behind it are its chain.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_CERT_INSPECT_H
#define TLSPOLICY_CERT_INSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "policy/base/fault.h"
#include "policy/base/finding.h"
#include "policy/cert/pemfile.h"

/*
 * To add a kind: an enumerator here, a row in inspect-kind.c, the check that
 * finds it in inspect.c, a line in tlspolicy-cert(1).
 */
enum inspect_kind {
	INSPECT_NO_CLIENT_PURPOSE,
	INSPECT_NO_SERVER_PURPOSE,
	INSPECT_SELF_SIGNED,
	INSPECT_ISSUER_CN_IS_SUBJECT_CN,
	INSPECT_NAME_MISMATCH,
	INSPECT_NO_NAMES,
	INSPECT_CA_TRUE,
	INSPECT_NO_CN,
	INSPECT_WEAK_KEY,
	INSPECT_WEAK_DIGEST,
	INSPECT_NOT_YET_VALID,
	INSPECT_EXPIRED,
	INSPECT_EXPIRES_SOON,
	INSPECT_CA_FIRST,
	INSPECT_CHAIN_BROKEN,
	INSPECT_CA_NOT_IN_BUNDLE,
	INSPECT_NOT_VERIFIED,
	INSPECT_KEY_MISMATCH,
	INSPECT_KEY_ENCRYPTED,
	INSPECT_KEY_READABLE,
	INSPECT_DIRECTORY_READABLE,
	INSPECT_KINDS
};

/* Their advice is the way out. */
extern const struct finding_kind inspect_kinds[INSPECT_KINDS];

enum inspect_use { INSPECT_BOTH, INSPECT_SERVER, INSPECT_CLIENT };

struct inspect_settings {
	const char *host; /* must stand in it; NULL: not asked */
	const char *ca;	  /* bundle or hashed directory; NULL: not asked */
	enum inspect_use use;
	long soon;	  /* days that are "soon" */
	time_t now;
};

/* The certificate that a host shows, or NULL when the file has none. */
X509 *inspect_end(const struct pemfile *files, size_t n, size_t at);

/*
 * Adds what is found to the list.  False with a fault when the look cannot be
 * had: `ca` cannot be read, out of memory.
 */
bool inspect_files(const struct pemfile *files, size_t n,
    const struct inspect_settings *, struct findings *, struct fault *)
    MUST_CHECK;

/*
 * A store of the CAs in `path`, a PEM file or a hashed directory.  NULL with
 * FAULT_NOINPUT.
 */
X509_STORE *inspect_open_bundle(const char *path, struct fault *) MUST_CHECK;

#endif
