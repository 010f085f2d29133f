/*
 * PEM_read_bio() hands out one block at a time, undecrypted: the typed readers
 * (PEM_read_bio_PrivateKey and so on) would ask for a password and stop at the
 * first block that is not theirs.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "policy/cert/pemfile.h"

struct block {
	char *name, *header;
	unsigned char *data;
	long n;
};

static bool
damaged(struct pemfile *file, const char *what, struct fault *f)
{
	char reason[160] = "";
	unsigned long code = ERR_peek_last_error();

	if (code != 0)
		ERR_error_string_n(code, reason, sizeof reason);
	ERR_clear_error();
	if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE)
		fault_no_memory(f);
	else
		fault_set(f, FAULT_DATA, "a damaged %s%s%s", what,
		    code != 0 ? ": " : "", reason);
	fault_at(f, file->path, 0, 0);
	return false;
}

static bool
too_many(struct pemfile *file, const char *what, int limit, struct fault *f)
{
	fault_set(f, FAULT_DATA, "more than %d %s", limit, what);
	fault_at(f, file->path, 0, 0);
	return false;
}

static bool
add_certificate(struct pemfile *file, const struct block *b, struct fault *f)
{
	const unsigned char *p = b->data;
	X509 *certificate;

	if (sk_X509_num(file->certificates) >= PEMFILE_CERTIFICATES_MAX)
		return too_many(file, "certificates", PEMFILE_CERTIFICATES_MAX,
		    f);
	/* A trusted certificate carries OpenSSL's own notes behind it. */
	certificate = strcmp(b->name, PEM_STRING_X509_TRUSTED) == 0 ?
	    d2i_X509_AUX(NULL, &p, b->n) : d2i_X509(NULL, &p, b->n);
	if (certificate == NULL)
		return damaged(file, "certificate", f);
	if (sk_X509_push(file->certificates, certificate) == 0) {
		X509_free(certificate);
		return damaged(file, "certificate", f);
	}
	return true;
}

static bool
is_encrypted(const struct block *b)
{
	return strcmp(b->name, PEM_STRING_PKCS8) == 0 ||
	    strstr(b->header, "ENCRYPTED") != NULL;
}

static bool
add_key(struct pemfile *file, const struct block *b, struct fault *f)
{
	const unsigned char *p = b->data;
	EVP_PKEY *key = NULL;

	if (file->nkeys == PEMFILE_KEYS_MAX)
		return too_many(file, "private keys", PEMFILE_KEYS_MAX, f);
	if (!is_encrypted(b)) {
		key = d2i_AutoPrivateKey(NULL, &p, b->n);
		if (key == NULL)
			return damaged(file, "private key", f);
	}
	file->keys[file->nkeys++] = key;
	return true;
}

static bool
add_block(struct pemfile *file, const struct block *b, struct fault *f)
{
	size_t n = strlen(b->name);

	if (strcmp(b->name, PEM_STRING_X509) == 0 ||
	    strcmp(b->name, PEM_STRING_X509_OLD) == 0 ||
	    strcmp(b->name, PEM_STRING_X509_TRUSTED) == 0)
		return add_certificate(file, b, f);
	if (n >= 11 && strcmp(b->name + n - 11, "PRIVATE KEY") == 0)
		return add_key(file, b, f);
	return true;
}

static bool
read_blocks(BIO *bio, struct pemfile *file, struct fault *f)
{
	struct block b;
	unsigned long code;
	bool good = true;

	errno = 0;
	while (good && PEM_read_bio(bio, &b.name, &b.header, &b.data, &b.n)) {
		good = add_block(file, &b, f);
		OPENSSL_free(b.name);
		OPENSSL_free(b.header);
		OPENSSL_clear_free(b.data, (size_t)b.n);
	}
	if (!good)
		return false;
	/*
	 * PEM_read_bio() returns NULL at the end and when reading fails:
	 * BIO_eof() tells which.
	 */
	if (!BIO_eof(bio) && errno != 0) {
		fault_errno(f, FAULT_IO, errno, "cannot be read");
		fault_at(f, file->path, 0, 0);
		return false;
	}
	code = ERR_peek_last_error();
	if (ERR_GET_LIB(code) != ERR_LIB_PEM ||
	    ERR_GET_REASON(code) != PEM_R_NO_START_LINE)
		return damaged(file, "PEM block", f);
	ERR_clear_error();
	return true;
}

static bool
check_contents(struct pemfile *file, struct fault *f)
{
	if (sk_X509_num(file->certificates) > 0 || file->nkeys > 0)
		return true;
	fault_set(f, FAULT_DATA, "no certificate and no private key in PEM "
	    "form; if it is DER: openssl x509 -inform DER -in FILE -out NEW");
	fault_at(f, file->path, 0, 0);
	return false;
}

static int
open_file(const char *path, struct pemfile *file, struct fault *f)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd == -1 || fstat(fd, &st) == -1) {
		fault_errno(f, FAULT_NOINPUT, errno, "cannot be opened");
	} else if (!S_ISREG(st.st_mode)) {
		fault_set(f, FAULT_NOINPUT, "is not a regular file");
	} else if (st.st_size > PEMFILE_SIZE_MAX) {
		fault_set(f, FAULT_DATA, "is larger than %d MB",
		    PEMFILE_SIZE_MAX / (1024 * 1024));
	} else {
		file->mode = st.st_mode;
		return fd;
	}
	fault_at(f, path, 0, 0);
	if (fd != -1)
		close(fd);
	return -1;
}

bool
pemfile_read(const char *path, struct pemfile *file, struct fault *f)
{
	BIO *bio = NULL;
	bool good;
	int fd;

	memset(file, 0, sizeof *file);
	file->path = path;
	fd = open_file(path, file, f);
	if (fd == -1)
		return false;
	file->certificates = sk_X509_new_null();
	bio = BIO_new_fd(fd, BIO_NOCLOSE);
	ERR_clear_error();
	if (file->certificates == NULL || bio == NULL)
		good = fault_no_memory(f);
	else
		good = read_blocks(bio, file, f) && check_contents(file, f);
	BIO_free(bio);
	close(fd);
	if (!good)
		pemfile_free(file);
	return good;
}

void
pemfile_free(struct pemfile *file)
{
	sk_X509_pop_free(file->certificates, X509_free);
	file->certificates = NULL;
	for (size_t i = 0; i < file->nkeys; i++)
		EVP_PKEY_free(file->keys[i]);
	file->nkeys = 0;
}
