/*
 * flaw.h - what is wrong with a certificate, a key or their files, and what to
 * do about it.
 *
 * Each kind is one row: its word (for scripts), and its way out (for people).
 * What was found is the text of the single flaw.
 *
 * To add a kind: an enumerator here, a row in flaw.c, the check that finds it
 * in inspect.c, a line in tlspolicy-cert(1).
 *
 * Threads: no state.  Ownership: a list owns its texts until flaws_free().
 */
#ifndef TLSPOLICY_CERT_FLAW_H
#define TLSPOLICY_CERT_FLAW_H

#include <stdbool.h>
#include <stddef.h>

enum flaw_kind {
	FLAW_NO_CLIENT_PURPOSE,
	FLAW_NO_SERVER_PURPOSE,
	FLAW_SELF_SIGNED,
	FLAW_ISSUER_CN_IS_SUBJECT_CN,
	FLAW_NAME_MISMATCH,
	FLAW_NO_NAMES,
	FLAW_NO_CN,
	FLAW_WEAK_KEY,
	FLAW_WEAK_DIGEST,
	FLAW_NOT_YET_VALID,
	FLAW_EXPIRED,
	FLAW_EXPIRES_SOON,
	FLAW_CHAIN_BROKEN,
	FLAW_CA_NOT_IN_BUNDLE,
	FLAW_NOT_VERIFIED,
	FLAW_KEY_MISMATCH,
	FLAW_KEY_ENCRYPTED,
	FLAW_KEY_READABLE,
	FLAW_DIRECTORY_READABLE,
	FLAW_COUNT
};

enum { FLAW_TEXT_MAX = 512 };

struct flaw {
	enum flaw_kind kind;
	const char *file;	/* the caller's */
	unsigned certificate;	/* counted from 1 in its file; 0: the file */
	char text[FLAW_TEXT_MAX];
};

struct flaws {
	struct flaw *flaw;
	size_t n, allocated;
	bool failed; /* memory ran out: the list is not whole */
};

const char *flaw_name(enum flaw_kind); /* "no-client-purpose" */
const char *flaw_way_out(enum flaw_kind);

void flaws_init(struct flaws *);
void flaws_free(struct flaws *);
void flaws_add(struct flaws *, enum flaw_kind, const char *file,
    unsigned certificate, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

#endif
