/*
 * Each check is a function that adds its findings.  Those of one certificate are
 * in the two tables below; those of keys and files follow.
 */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "policy/base/text.h"
#include "policy/cert/certerror.h"
#include "policy/cert/certificate.h"
#include "policy/cert/inspect.h"

/* NIST SP 800-57: what is to be used no more has less (RSA 2048 has 112). */
enum { STRENGTH_MIN = 112 };

struct subject {
	X509 *certificate;
	const char *file;
	unsigned number;
	const struct inspect_settings *settings;
	struct findings *list;
};

typedef void check_function(const struct subject *);

#define ADD_TO(list, kind, file, number, ...) \
	finding_at(findings_add((list), &inspect_kinds[kind], __VA_ARGS__), \
	    (file), (number))
#define ADD(s, kind, ...) \
	ADD_TO((s)->list, kind, (s)->file, (s)->number, __VA_ARGS__)

static void
check_purposes(const struct subject *s)
{
	enum inspect_use use = s->settings->use;

	if (use != INSPECT_SERVER && X509_check_purpose(s->certificate,
	    X509_PURPOSE_SSL_CLIENT, 0) != 1)
		ADD(s, INSPECT_NO_CLIENT_PURPOSE, "not for a TLS client: a peer "
		    "that is shown it says verify=FAIL, \"unsupported "
		    "certificate purpose\"");
	if (use != INSPECT_CLIENT && X509_check_purpose(s->certificate,
	    X509_PURPOSE_SSL_SERVER, 0) != 1)
		ADD(s, INSPECT_NO_SERVER_PURPOSE, "not for a TLS server: a client "
		    "that is shown it says verify=FAIL, \"unsupported "
		    "certificate purpose\"");
}

static void
check_issuer(const struct subject *s)
{
	char subject[CERTIFICATE_TEXT_MAX], issuer[CERTIFICATE_TEXT_MAX];
	struct text subject_text, issuer_text;

	if (certificate_is_self_signed(s->certificate)) {
		ADD(s, INSPECT_SELF_SIGNED, "signed by itself, by no CA");
		return;
	}
	text_init(&subject_text, subject, sizeof subject);
	text_init(&issuer_text, issuer, sizeof issuer);
	if (certificate_cn_sendmail(X509_get_subject_name(s->certificate),
	    &subject_text) == CERTIFICATE_CN &&
	    certificate_cn_sendmail(X509_get_issuer_name(s->certificate),
	    &issuer_text) == CERTIFICATE_CN && strcmp(subject, issuer) == 0)
		ADD(s, INSPECT_ISSUER_CN_IS_SUBJECT_CN, "its CN and its issuer's "
		    "are both %s: looks self-signed", subject);
}

static void
check_names(const struct subject *s)
{
	char buf[256];
	struct text names;

	text_init(&names, buf, sizeof buf);
	certificate_names_text(s->certificate, &names);
	if (names.n == 0)
		ADD(s, INSPECT_NO_NAMES, "no subject alternative name");
	if (s->settings->host != NULL &&
	    !certificate_matches(s->certificate, s->settings->host))
		ADD(s, INSPECT_NAME_MISMATCH, "not for %s but for %s%s",
		    s->settings->host, names.n > 0 ? buf : "no name at all",
		    names.cut ? "..." : "");
}

/* "openssl req -x509" puts CA:TRUE into a host's certificate, too. */
static void
check_constraints(const struct subject *s)
{
	if (certificate_is_ca(s->certificate))
		ADD(s, INSPECT_CA_TRUE, "a host's certificate that says CA:TRUE");
}

static void
check_cn(const struct subject *s)
{
	char buf[CERTIFICATE_TEXT_MAX];
	struct text word;

	text_init(&word, buf, sizeof buf);
	if (certificate_cn_sendmail(X509_get_subject_name(s->certificate),
	    &word) != CERTIFICATE_CN)
		ADD(s, INSPECT_NO_CN, "no usable CN: sendmail's {cn_subject} is "
		    "%s", buf);
}

static void
check_key(const struct subject *s)
{
	char buf[128];
	struct text kind;
	const EVP_PKEY *key = X509_get0_pubkey(s->certificate);
	int bits = key == NULL ? 0 : certificate_key_strength(key);

	text_init(&kind, buf, sizeof buf);
	if (key == NULL)
		text_puts(&kind, "of a kind unknown to this OpenSSL");
	else
		certificate_key(key, &kind);
	if (key != NULL && EVP_PKEY_is_a(key, "DSA"))
		ADD(s, INSPECT_WEAK_KEY, "its key, %s, is of a kind that TLS "
		    "libraries of today refuse", buf);
	else if (bits < STRENGTH_MIN)
		ADD(s, INSPECT_WEAK_KEY, "its key, %s, is as strong as %d bits",
		    buf, bits);
}

static void
check_digest(const struct subject *s)
{
	char buf[128];
	struct text name;

	/* Nobody checks the signature of a trust anchor. */
	if (certificate_is_self_signed(s->certificate) ||
	    certificate_signature_strength(s->certificate) >= STRENGTH_MIN)
		return;
	text_init(&name, buf, sizeof buf);
	certificate_signature(s->certificate, &name);
	ADD(s, INSPECT_WEAK_DIGEST, "signed with %s", buf);
}

static void
check_dates(const struct subject *s)
{
	time_t now = s->settings->now;
	char buf[32];
	struct text when;
	long left = certificate_days_left(s->certificate, now);

	text_init(&when, buf, sizeof buf);
	/* 0: X509_cmp_time() cannot read the time. */
	if (X509_cmp_time(X509_get0_notBefore(s->certificate), &now) >= 0) {
		certificate_time(X509_get0_notBefore(s->certificate), &when);
		ADD(s, INSPECT_NOT_YET_VALID, "not valid before %s", buf);
		return;
	}
	certificate_time(X509_get0_notAfter(s->certificate), &when);
	if (left < 0)
		ADD(s, INSPECT_EXPIRED, "expired %s", buf);
	else if (left < s->settings->soon)
		ADD(s, INSPECT_EXPIRES_SOON, "expires %s, in %ld days", buf, left);
}

/* For the certificate that a host shows. */
static check_function *const end_checks[] = { check_purposes, check_issuer,
	check_names, check_constraints, check_cn, check_key, check_digest, check_dates };
/* For its chain, and for CAs. */
static check_function *const chain_checks[] = { check_key, check_digest,
	check_dates };

static bool
has_key(const struct pemfile *files, size_t n, const X509 *certificate)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < files[i].nkeys; k++)
			if (files[i].keys[k] != NULL && X509_check_private_key(
			    certificate, files[i].keys[k]) == 1)
				return true;
	return false;
}

/*
 * "openssl req -x509" marks what it makes as a CA and gives it no keyUsage: a
 * host's certificate all the same.  A real CA has the keyUsage that RFC 5280
 * asks for, and its key is seldom in the files given; where it is, only one
 * that may sign TLS handshakes is a host's.
 */
X509 *
inspect_end(const struct pemfile *files, size_t n, size_t at)
{
	X509 *first = sk_X509_value(files[at].certificates, 0);
	uint32_t usage;

	if (first == NULL || !certificate_is_ca(first))
		return first;
	usage = X509_get_key_usage(first);
	if (usage == UINT32_MAX)
		return certificate_is_self_signed(first) ? first : NULL;
	return (usage & KU_DIGITAL_SIGNATURE) != 0 &&
	    has_key(files, n, first) ? first : NULL;
}

/* A host's certificate behind a CA's; NULL: the file has none. */
static X509 *
late_end(STACK_OF(X509) *chain)
{
	for (int i = 1; i < sk_X509_num(chain); i++)
		if (!certificate_is_ca(sk_X509_value(chain, i)))
			return sk_X509_value(chain, i);
	return NULL;
}

X509_STORE *
inspect_open_bundle(const char *path, struct fault *f)
{
	X509_STORE *store = X509_STORE_new();
	struct stat st;
	int error;

	ERR_clear_error();
	if (store != NULL && stat(path, &st) == -1) {
		fault_errno(f, FAULT_NOINPUT, errno, "cannot be opened");
	} else {
		if (store != NULL && (S_ISDIR(st.st_mode) ?
		    X509_STORE_load_path(store, path) :
		    X509_STORE_load_file(store, path)) == 1)
			return store;
		error = certerror_take();
		if (store == NULL || error == ENOMEM)
			fault_no_memory(f);
		else if (error != 0)
			fault_errno(f, FAULT_NOINPUT, error, "cannot be opened");
		else
			fault_set(f, FAULT_NOINPUT, "no CA certificate in it");
	}
	fault_at(f, path, 0, 0);
	X509_STORE_free(store);
	return NULL;
}

static void
check_verify(const struct subject *s, X509_STORE *store, STACK_OF(X509) *chain)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int error = X509_V_ERR_OUT_OF_MEM;

	if (ctx != NULL && X509_STORE_CTX_init(ctx, store, s->certificate,
	    chain) == 1) {
		X509_STORE_CTX_set_time(ctx, 0, s->settings->now);
		if (X509_verify_cert(ctx) == 1)
			error = X509_V_OK;
		else
			error = X509_STORE_CTX_get_error(ctx);
	}
	X509_STORE_CTX_free(ctx);
	switch (error) {
	case X509_V_OK:
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		break; /* dates and self-signature have checks of their own */
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		ADD(s, INSPECT_CA_NOT_IN_BUNDLE, "%s does not have its CA: %s",
		    s->settings->ca, X509_verify_cert_error_string(error));
		break;
	default:
		ADD(s, INSPECT_NOT_VERIFIED, "does not verify with %s: %s",
		    s->settings->ca, X509_verify_cert_error_string(error));
	}
}

static void
check_chain(const struct subject *s, STACK_OF(X509) *chain)
{
	for (int i = 1; i < sk_X509_num(chain); i++) {
		if (X509_check_issued(sk_X509_value(chain, i),
		    sk_X509_value(chain, i - 1)) == X509_V_OK)
			continue;
		ADD(s, INSPECT_CHAIN_BROKEN, "certificate %d of the file did not "
		    "issue certificate %d", i + 1, i);
		return;
	}
}

static void
check_file(const struct pemfile *files, size_t n, size_t at, X509_STORE *store,
    const struct inspect_settings *settings, struct findings *list)
{
	STACK_OF(X509) *chain = files[at].certificates;
	struct subject s = { NULL, files[at].path, 0, settings, list };
	const X509 *end = inspect_end(files, n, at);
	bool late = end == NULL && (end = late_end(chain)) != NULL;
	size_t i;

	for (int c = 0; c < sk_X509_num(chain); c++) {
		s.certificate = sk_X509_value(chain, c);
		s.number = (unsigned)c + 1;
		if (s.certificate == end)
			for (i = 0; i < sizeof end_checks / sizeof *end_checks; i++)
				end_checks[i](&s);
		else
			for (i = 0; i < sizeof chain_checks / sizeof *chain_checks; i++)
				chain_checks[i](&s);
	}
	if (sk_X509_num(chain) == 0)
		return;
	s.certificate = sk_X509_value(chain, 0);
	s.number = 1;
	if (late)
		ADD(&s, INSPECT_CA_FIRST, "a CA's certificate stands before the "
		    "host's");
	else if (end != NULL)
		check_chain(&s, chain);
	if (store != NULL && !late)
		check_verify(&s, store, chain);
}

/* A key may stand alone; beside certificates it must be that of one of them. */
static void
check_key_belongs(const struct pemfile *files, size_t n, size_t at,
    struct findings *list)
{
	size_t certificates = 0;
	bool belongs;

	for (size_t i = 0; i < n; i++)
		certificates += (size_t)sk_X509_num(files[i].certificates);
	for (size_t k = 0; certificates > 0 && k < files[at].nkeys; k++) {
		const EVP_PKEY *key = files[at].keys[k];

		belongs = key == NULL;
		for (size_t i = 0; !belongs && i < n; i++)
			for (int c = 0; c < sk_X509_num(files[i].certificates);
			    c++)
				belongs |= X509_check_private_key(sk_X509_value(
				    files[i].certificates, c), key) == 1;
		if (!belongs)
			ADD_TO(list, INSPECT_KEY_MISMATCH, files[at].path, 0,
			    "its key belongs to none of the certificates given");
	}
}

static bool
check_directory(const char *path, struct findings *list, struct fault *f)
{
	char copy[PATH_MAX], *directory;
	struct stat st;

	snprintf(copy, sizeof copy, "%s", path); /* it was opened: it fits */
	directory = dirname(copy);
	if (stat(directory, &st) == -1) {
		fault_errno(f, FAULT_IO, errno, "its directory %s", directory);
		fault_at(f, path, 0, 0);
		return false;
	}
	if ((st.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0)
		ADD_TO(list, INSPECT_DIRECTORY_READABLE, path, 0, "its "
		    "directory %s has mode %04o", directory,
		    (unsigned)(st.st_mode & 07777));
	return true;
}

static bool
check_key_file(const struct pemfile *file, struct findings *list,
    struct fault *f)
{
	for (size_t k = 0; k < file->nkeys; k++)
		if (file->keys[k] == NULL)
			ADD_TO(list, INSPECT_KEY_ENCRYPTED, file->path, 0,
			    "its key is encrypted, and was not looked at");
	if (file->nkeys == 0)
		return true;
	if ((file->mode & (S_IRWXG | S_IRWXO)) != 0)
		ADD_TO(list, INSPECT_KEY_READABLE, file->path, 0,
		    "holds a private key and has mode %04o",
		    (unsigned)(file->mode & 07777));
	return check_directory(file->path, list, f);
}

bool
inspect_files(const struct pemfile *files, size_t n,
    const struct inspect_settings *settings, struct findings *list,
    struct fault *f)
{
	X509_STORE *store = NULL;
	bool good = true;

	ERR_clear_error();
	if (settings->ca != NULL) {
		store = inspect_open_bundle(settings->ca, f);
		if (store == NULL)
			return false;
	}
	for (size_t i = 0; good && i < n; i++) {
		check_file(files, n, i, store, settings, list);
		check_key_belongs(files, n, i, list);
		good = check_key_file(&files[i], list, f);
	}
	X509_STORE_free(store);
	/* A check that OpenSSL had no memory for may have found nothing. */
	if (certerror_take() == ENOMEM || list->failed)
		return fault_no_memory(f);
	return good;
}
