/*
 * Ed25519 by OpenSSL; what is signed and how keys are named is C2SP's, so that
 * other programs can verify it, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/audit/note.h"

enum { SIGNATURE = 64, ALGORITHM = 1, HASH = 4 };

struct note_signer {
	EVP_PKEY *key;
	struct note_verifier verifier;
};

bool
note_is_name(struct slice s)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./-_:";

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || strchr(chars, s.p[i]) == NULL)
			return false;
	return s.n > 0 && s.n <= NOTE_NAME_MAX;
}

/* Which key it is: SHA-256 over name, newline, algorithm and key. */
static bool
set_hash(struct note_verifier *v)
{
	unsigned char bytes[NOTE_NAME_MAX + 2 + NOTE_KEY_MAX], md[EVP_MAX_MD_SIZE];
	size_t n = strlen(v->name);

	memcpy(bytes, v->name, n);
	bytes[n++] = '\n';
	bytes[n++] = ALGORITHM;
	memcpy(bytes + n, v->key, sizeof v->key);
	if (EVP_Digest(bytes, n + sizeof v->key, md, NULL, EVP_sha256(),
	    NULL) != 1)
		return false;
	memcpy(v->hash, md, HASH);
	return true;
}

static bool
bad_key(const char *path, struct fault *fault, const char *what)
{
	fault_set(fault, FAULT_SETTINGS, "%s: %s", path, what);
	return false;
}

static bool
check_file(int fd, const char *path, struct fault *fault)
{
	struct stat st;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		return bad_key(path, fault, "not a regular file");
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return bad_key(path, fault, "it is neither root's nor this "
		    "user's");
	return (st.st_mode & (S_IWGRP | S_IRWXO)) == 0 || bad_key(path, fault,
	    "others can read or write it: chmod 0640");
}

static FILE *
open_key(const char *path, struct fault *fault)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
	    O_NOFOLLOW);
	FILE *file = NULL;

	if (fd == -1)
		fault_errno(fault, FAULT_NOINPUT, errno, "cannot open %s", path);
	else if (check_file(fd, path, fault) &&
	    (file = fdopen(fd, "r")) == NULL)
		fault_no_memory(fault);
	if (fd != -1 && file == NULL)
		close(fd);
	return file;
}

static int
no_password(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static bool
read_key(FILE *file, const char *path, struct note_signer *s,
    struct fault *fault)
{
	char line[NOTE_NAME_MAX + 16] = "";
	struct slice name, word;
	size_t n = sizeof s->verifier.key;

	setvbuf(file, NULL, _IONBF, 0); /* no copy of the key is left there */
	if (fgets(line, sizeof line, file) == NULL)
		return bad_key(path, fault, "it is empty");
	name = slice_make(line, strcspn(line, "\n"));
	if (!slice_next(&name, ' ', &word) || !slice_is(word, "origin") ||
	    !note_is_name(name))
		return bad_key(path, fault, "expected \"origin NAME\" in its "
		    "first line, as `tlspolicy audit key' makes it");
	snprintf(s->verifier.name, sizeof s->verifier.name, "%.*s",
	    (int)name.n, name.p);
	s->key = PEM_read_PrivateKey(file, NULL, no_password, NULL);
	if (s->key == NULL || !EVP_PKEY_is_a(s->key, "ED25519") ||
	    EVP_PKEY_get_raw_public_key(s->key, s->verifier.key, &n) != 1)
		return bad_key(path, fault, "expected an Ed25519 key in PEM, "
		    "not encrypted");
	return set_hash(&s->verifier) || bad_key(path, fault, "OpenSSL failed");
}

struct note_signer *
note_signer_open(const char *path, struct fault *fault)
{
	struct note_signer *s = calloc(1, sizeof *s);
	FILE *file;
	bool good;

	if (s == NULL) {
		fault_no_memory(fault);
		return NULL;
	}
	if ((file = open_key(path, fault)) == NULL) {
		free(s);
		return NULL;
	}
	good = read_key(file, path, s, fault);
	fclose(file);
	if (good)
		return s;
	note_signer_free(s);
	return NULL;
}

void
note_signer_free(struct note_signer *s)
{
	if (s != NULL)
		EVP_PKEY_free(s->key);
	free(s);
}

const struct note_verifier *
note_signer_verifier(const struct note_signer *s)
{
	return &s->verifier;
}

void
note_print_verifier(const struct note_verifier *v, char line[NOTE_VERIFIER_MAX])
{
	unsigned char bytes[1 + NOTE_KEY_MAX] = { ALGORITHM };
	char text[64];

	memcpy(bytes + 1, v->key, sizeof v->key);
	EVP_EncodeBlock((unsigned char *)text, bytes, sizeof bytes);
	snprintf(line, NOTE_VERIFIER_MAX, "%s+%02x%02x%02x%02x+%s", v->name,
	    v->hash[0], v->hash[1], v->hash[2], v->hash[3], text);
}

bool
note_print_pem(const struct note_signer *s, FILE *out)
{
	return PEM_write_PUBKEY(out, s->key) == 1;
}

bool
note_make_key(const char *name, FILE *out, struct fault *fault)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	bool good = key != NULL && fprintf(out, "origin %s\n", name) > 0 &&
	    PEM_write_PKCS8PrivateKey(out, key, NULL, NULL, 0, NULL,
	    NULL) == 1 && fflush(out) == 0;

	EVP_PKEY_free(key);
	return good || fault_set(fault, FAULT_IO, "cannot make or write a key");
}

bool
note_sign(const struct note_signer *s, struct slice text,
    char signature[NOTE_SIGNATURE_MAX])
{
	unsigned char bytes[HASH + SIGNATURE];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t n = SIGNATURE;
	bool good = context != NULL && EVP_DigestSignInit(context, NULL, NULL,
	    NULL, s->key) == 1 && EVP_DigestSign(context, bytes + HASH, &n,
	    (const unsigned char *)text.p, text.n) == 1 && n == SIGNATURE;

	EVP_MD_CTX_free(context);
	memcpy(bytes, s->verifier.hash, HASH);
	if (good)
		EVP_EncodeBlock((unsigned char *)signature, bytes,
		    sizeof bytes);
	return good;
}

/* BASE64 of exactly `n` bytes, in the one way in which it is written. */
static bool
decode(struct slice text, unsigned char *bytes, size_t n)
{
	unsigned char room[NOTE_SIGNATURE_MAX], again[NOTE_SIGNATURE_MAX];
	size_t want = (n + 2) / 3 * 4;

	if (text.n != want || EVP_DecodeBlock(room,
	    (const unsigned char *)text.p, (int)text.n) == -1)
		return false;
	memcpy(bytes, room, n);
	EVP_EncodeBlock(again, bytes, (int)n);
	return memcmp(again, text.p, want) == 0;
}

enum note_answer
note_parse_verifier(struct slice line, struct note_verifier *v)
{
	unsigned char bytes[1 + NOTE_KEY_MAX];
	char hash[2 * HASH + 1];
	struct slice name, hex;

	memset(v, 0, sizeof *v);
	if (!slice_next(&line, '+', &name) || !note_is_name(name) ||
	    !slice_next(&line, '+', &hex) || hex.n != 2 * HASH ||
	    !decode(line, bytes, sizeof bytes) || bytes[0] != ALGORITHM)
		return NOTE_BAD;
	memcpy(v->name, name.p, name.n);
	memcpy(v->key, bytes + 1, sizeof v->key);
	if (!set_hash(v))
		return NOTE_FAILED;
	snprintf(hash, sizeof hash, "%02x%02x%02x%02x", v->hash[0], v->hash[1],
	    v->hash[2], v->hash[3]);
	return memcmp(hash, hex.p, hex.n) == 0 ? NOTE_GOOD : NOTE_BAD;
}

enum note_answer
note_verify(const struct note_verifier *v, struct slice text,
    struct slice signature)
{
	unsigned char bytes[HASH + SIGNATURE];
	EVP_MD_CTX *context;
	EVP_PKEY *key;
	int result = -1;

	if (!decode(signature, bytes, sizeof bytes) ||
	    memcmp(bytes, v->hash, HASH) != 0)
		return NOTE_BAD;
	key = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, v->key,
	    sizeof v->key);
	context = EVP_MD_CTX_new();
	if (key != NULL && context != NULL && EVP_DigestVerifyInit(context,
	    NULL, NULL, NULL, key) == 1)
		result = EVP_DigestVerify(context, bytes + HASH, SIGNATURE,
		    (const unsigned char *)text.p, text.n);
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	return result == 1 ? NOTE_GOOD : result == 0 ? NOTE_BAD : NOTE_FAILED;
}
