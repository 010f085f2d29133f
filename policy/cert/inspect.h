/*
 * inspect.h - looks for flaws in certificate and key files.
 *
 * All files of one inspection belong together: a key in one may be that of a
 * certificate in another.  The first certificate of a file is taken for the
 * one that a host shows, unless it is a CA's; those behind it are its chain.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_CERT_INSPECT_H
#define TLSPOLICY_CERT_INSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "policy/base/fault.h"
#include "policy/cert/flaw.h"
#include "policy/cert/pemfile.h"

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
 * Adds what is found to `flaws`.  False with a fault when the look cannot be
 * had: `ca` cannot be read, out of memory.
 */
bool inspect_files(const struct pemfile *files, size_t n,
    const struct inspect_settings *, struct flaws *, struct fault *);

/*
 * A store of the CAs in `path`, a PEM file or a hashed directory.  NULL with
 * FAULT_NOINPUT.
 */
X509_STORE *inspect_open_bundle(const char *path, struct fault *);

#endif
