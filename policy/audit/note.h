/*
 * note.h - signed notes, as c2sp.org/signed-note has them.
 *
 * A text of lines, an empty line, and the line
 *
 *	- NAME BASE64
 *
 * with a long dash (U+2014), where BASE64 is of four bytes that tell which key
 * it was and the Ed25519 signature over the text.  A verifier key is
 *
 *	NAME+HASH+BASE64
 *
 * with the four bytes in hex, and BASE64 of the byte 1 and the public key.
 *
 * Threads: no state but the structs'.
 */
#ifndef TLSPOLICY_NOTE_H
#define TLSPOLICY_NOTE_H

#include <stdio.h>

#include "policy/base/fault.h"
#include "policy/base/text.h"

enum {
	NOTE_NAME_MAX = 200,
	NOTE_KEY_MAX = 32,	/* bytes of a key */
	NOTE_SIGNATURE_MAX = 104, /* BASE64 of a signature, with a NUL */
	NOTE_VERIFIER_MAX = NOTE_NAME_MAX + 80
};

struct note_verifier {
	char name[NOTE_NAME_MAX + 1];
	unsigned char hash[4], key[NOTE_KEY_MAX];
};

struct note_signer;

/* Letters, digits and ./-_: only, as a line of a log may hold it. */
bool note_is_name(struct slice) NONNULL;

/*
 * A private key: PEM behind a line "origin NAME".  It must be root's or this
 * user's, and nobody else may read or write it but a group.  NULL with a fault.
 */
struct note_signer *note_signer_open(const char *path, struct fault *)
    MUST_CHECK NONNULL;
void note_signer_free(struct note_signer *);
/* The verifier of this signer; and the line that others are given. */
const struct note_verifier *note_signer_verifier(const struct note_signer *)
    NONNULL;
void note_print_verifier(const struct note_verifier *,
    char line[NOTE_VERIFIER_MAX]) NONNULL;
/* The public key as PEM, for openssl(1). */
bool note_print_pem(const struct note_signer *, FILE *) NONNULL;
/* A new key, as note_signer_open() reads it. */
bool note_make_key(const char *name, FILE *, struct fault *) MUST_CHECK
    NONNULL;

/* The BASE64 of a signature of the text. */
bool note_sign(const struct note_signer *, struct slice text,
    char signature[NOTE_SIGNATURE_MAX]) MUST_CHECK NONNULL;

/* Failed: OpenSSL or memory did, and nothing is known. */
enum note_answer { NOTE_BAD, NOTE_GOOD, NOTE_FAILED };

enum note_answer note_parse_verifier(struct slice line,
    struct note_verifier *) MUST_CHECK NONNULL;
/* Bad: not this key's, or not of this text. */
enum note_answer note_verify(const struct note_verifier *, struct slice text,
    struct slice signature) MUST_CHECK NONNULL;

#endif
