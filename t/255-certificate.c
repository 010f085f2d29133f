/*
 * Certificates that openssl(1) does not make: names, times and keys of the
 * wrong sort, each shown and judged as what it is; and a library that has no
 * memory at its n-th wish: never does a certificate look better for it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "policy/cert/certificate.h"
#include "policy/cert/inspect.h"
#include "t/unit.h"

enum { NOW = 1800000000, DAY = 86400 };

static long nth, wishes; /* number of the refused piece of memory; 0: none */
static bool onward;

static bool
refused(void)
{
	wishes += nth > 0;
	return nth > 0 && (onward ? wishes >= nth : wishes == nth);
}

static void *
get(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return refused() ? NULL : malloc(n);
}

static void *
change(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	if (n == 0) {
		free(p);
		return NULL;
	}
	return refused() ? NULL : realloc(p, n);
}

static void
give(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

static EVP_PKEY *key;

static X509_NAME *
name_of(const char *cn, int n, int type, const char *organisation)
{
	X509_NAME *name = X509_NAME_new();

	if (cn != NULL)
		X509_NAME_add_entry_by_NID(name, NID_commonName, type,
		    (const unsigned char *)cn, n, -1, 0);
	if (organisation != NULL)
		X509_NAME_add_entry_by_NID(name, NID_organizationName,
		    V_ASN1_UTF8STRING, (const unsigned char *)organisation, -1,
		    -1, 0);
	return name;
}

static void
put_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(extension);
	X509_add_ext(x, extension, -1);
	X509_EXTENSION_free(extension);
}

/* A good certificate of a host, not signed yet. */
static X509 *
make(const char *names)
{
	X509 *x = X509_new();
	X509_NAME *subject = name_of("mail.example.com", -1,
	    V_ASN1_UTF8STRING, NULL);
	X509_NAME *issuer = name_of("Root", -1, V_ASN1_UTF8STRING, "Trust");

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_set_subject_name(x, subject);
	X509_set_issuer_name(x, issuer);
	ASN1_TIME_set(X509_getm_notBefore(x), NOW - DAY);
	ASN1_TIME_set(X509_getm_notAfter(x), NOW + 90 * DAY);
	X509_set_pubkey(x, key);
	if (names != NULL)
		put_extension(x, NID_subject_alt_name, names);
	X509_NAME_free(subject);
	X509_NAME_free(issuer);
	return x;
}

/*
 * The certificate encoded and read again, as from a file; NULL: OpenSSL does
 * not read it.
 */
static X509 *
read_back(X509 *x)
{
	unsigned char *der = NULL;
	const unsigned char *p;
	int n;

	X509_sign(x, key, EVP_sha256());
	n = i2d_X509(x, &der);
	p = der;
	X509_free(x);
	x = d2i_X509(NULL, &p, n);
	OPENSSL_free(der);
	return x;
}

static X509 *
finish(X509 *x)
{
	x = read_back(x);
	assert_non_null(x);
	return x;
}

static const char *
findings_of(X509 *x, const char *host)
{
	static char buf[2048];
	struct inspect_settings settings = { .host = host, .soon = 14,
		.now = NOW };
	struct pemfile file = { .path = "one.pem",
		.certificates = sk_X509_new_null(), .mode = 0600 };
	struct findings list;
	struct fault fault;
	struct text out;

	text_init(&out, buf, sizeof buf);
	sk_X509_push(file.certificates, x);
	findings_init(&list);
	if (!inspect_files(&file, 1, &settings, &list, &fault))
		text_puts(&out, "failed ");
	for (size_t i = 0; i < list.n; i++)
		text_printf(&out, "%s ", list.all[i].kind->name);
	findings_free(&list);
	sk_X509_free(file.certificates);
	return buf;
}

static void
test_common_names(void **state)
{
	static char long_name[300];
	static const struct {
		const char *row, *cn;
		int n, type;
		const char *organisation, *sendmail, *postfix;
	} rows[] = {
		{ "none", NULL, 0, 0, NULL, "BadCertificateUnknown", "" },
		{ "organisation", NULL, 0, 0, "Trust", "BadCertificateUnknown",
		    "Trust" },
		{ "empty", "", 0, V_ASN1_UTF8STRING, "Trust",
		    "BadCertificateUnknown", "Trust" },
		{ "NUL", "a\0b", 3, V_ASN1_UTF8STRING, NULL,
		    "BadCertificateContainsNUL", "" },
		{ "254", long_name, 254, V_ASN1_UTF8STRING, NULL, long_name,
		    long_name },
		{ "255", long_name, 255, V_ASN1_UTF8STRING, NULL,
		    "BadCertificateTooLong", long_name },
		{ "line end", "a\nb", 3, V_ASN1_UTF8STRING, "Trust", "a+0Ab",
		    "Trust" },
		{ "DEL", "a\177b", 3, V_ASN1_UTF8STRING, NULL, "a+7Fb", "" },
		{ "UTF-16", "\0a\0b", 4, V_ASN1_BMPSTRING, NULL,
		    "BadCertificateContainsNUL", "ab" },
		{ "no UTF-8", "a\xff", 2, V_ASN1_UTF8STRING, "Trust", "a+FF",
		    "Trust" },
	};

	(void)state;
	memset(long_name, 'x', 255);
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		X509_NAME *name = name_of(rows[i].cn, rows[i].n, rows[i].type,
		    rows[i].organisation);
		char sendmail[1024], postfix[1024], want[300];
		struct text out;

		text_init(&out, sendmail, sizeof sendmail);
		certificate_cn_sendmail(name, &out);
		snprintf(want, sizeof want, "%.*s",
		    rows[i].sendmail == long_name ? 254 : 299,
		    rows[i].sendmail);
		unit_same(rows[i].row, want, sendmail);
		text_init(&out, postfix, sizeof postfix);
		certificate_cn_postfix(name, true, &out);
		snprintf(want, sizeof want, "%.*s", rows[i].postfix ==
		    long_name ? rows[i].n : 299, rows[i].postfix);
		unit_same(rows[i].row, want, postfix);
		X509_NAME_free(name);
	}
	unit_end();
}

static void
push_address(GENERAL_NAMES *names, const char *bytes, int n)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_OCTET_STRING *s = ASN1_OCTET_STRING_new();

	ASN1_OCTET_STRING_set(s, (const unsigned char *)bytes, n);
	GENERAL_NAME_set0_value(name, GEN_IPADD, s);
	sk_GENERAL_NAME_push(names, name);
}

/* None of these is a name that a client asked for. */
static void
test_names(void **state)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	X509 *x = make(NULL);
	char buf[256];
	struct text out;

	(void)state;
	push_address(names, "\1\2\3\4\5", 5);
	push_address(names, "", 0);
	push_address(names, "\300\0\2\1", 4);
	X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0);
	GENERAL_NAMES_free(names);
	x = finish(x);
	text_init(&out, buf, sizeof buf);
	certificate_names_text(x, &out);
	unit_same("addresses", "IP:?, IP:?, IP:192.0.2.1", buf);
	unit_same("matches", "", findings_of(x, "192.0.2.1"));
	unit_same("does not", "name-mismatch ", findings_of(x, "1.2.3.4"));
	X509_free(x);

	x = finish(make("URI:https://mail.example.com,RID:1.2.3"));
	unit_same("of no use", "no-names ", findings_of(x, NULL));
	X509_free(x);

	x = finish(make(NULL));
	unit_same("by its CN only", "no-names ",
	    findings_of(x, "mail.example.com"));
	unit_same("no name at all", "no-names name-mismatch ",
	    findings_of(x, "other.example.com"));
	X509_free(x);

	x = make("DNS:a.example");
	put_extension(x, NID_subject_alt_name, "DNS:b.example");
	x = finish(x);
	unit_same("twice", "no-client-purpose no-server-purpose no-names "
	    "name-mismatch ", findings_of(x, "b.example"));
	X509_free(x);
	unit_end();
}

/*
 * A begin that cannot be read counts as not yet come, an end that cannot be
 * read as past.
 */
static void
test_times(void **state)
{
	static const struct {
		const char *from, *to, *want;
		bool bad; /* OpenSSL 3.5 reads none with such times */
	} rows[] = {
		{ "200101000000Z", "400101000000Z", "", false },
		{ "400101000000Z", "410101000000Z", "not-yet-valid ", false },
		{ "xxxxxxxxxxxxZ", "400101000000Z", "not-yet-valid ", true },
		{ "209901000000Z", "400101000000Z", "not-yet-valid ", true },
		{ "200101000000Z", "xxxxxxxxxxxxZ", "expired ", true },
		{ "200101000000Z", "", "expired ", true },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		X509 *x = make("DNS:mail.example.com");
		char row[64];

		ASN1_STRING_set(X509_getm_notBefore(x), rows[i].from, -1);
		ASN1_STRING_set(X509_getm_notAfter(x), rows[i].to, -1);
		X509_getm_notBefore(x)->type = V_ASN1_UTCTIME;
		X509_getm_notAfter(x)->type = V_ASN1_UTCTIME;
		if ((x = read_back(x)) == NULL && rows[i].bad)
			continue;
		assert_non_null(x);
		snprintf(row, sizeof row, "%s %s", rows[i].from, rows[i].to);
		unit_same(row, rows[i].want,
		    findings_of(x, "mail.example.com"));
		X509_free(x);
	}
	unit_end();
}

static void
test_keys(void **state)
{
	static const struct {
		const char *type, *parameter, *want;
		int strength;
	} rows[] = {
		{ "EC", "P-384", "EC P-384", 192 },
		{ "EC", "P-521", "EC P-521", 256 },
		{ "EC", "secp256k1", "EC secp256k1", 128 },
		{ "ED25519", NULL, "ED25519", 128 },
		{ "X25519", NULL, "X25519", 128 },
		{ "RSA", "1024", "RSA 1024", 80 },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		const char *p = rows[i].parameter;
		EVP_PKEY *k = strcmp(rows[i].type, "EC") == 0 ?
		    EVP_PKEY_Q_keygen(NULL, NULL, "EC", p) : p != NULL ?
		    EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)atoi(p)) :
		    EVP_PKEY_Q_keygen(NULL, NULL, rows[i].type);
		char buf[64];
		struct text out;

		assert_non_null(k);
		text_init(&out, buf, sizeof buf);
		certificate_key(k, &out);
		unit_same(rows[i].type, rows[i].want, buf);
		unit_number(buf, rows[i].strength,
		    certificate_key_strength(k));
		EVP_PKEY_free(k);
	}
	unit_end();
}

/* Changes the bytes of an OID so that OpenSSL does not know it. */
static X509 *
spoil(X509 *x, const char *oid, size_t n)
{
	unsigned char *der = NULL;
	int length = i2d_X509(x, &der);
	const unsigned char *p = der;
	X509 *spoilt;

	for (size_t i = 0; i + n <= (size_t)length; i++)
		if (memcmp(der + i, oid, n) == 0)
			der[i + n - 1] ^= 0x55;
	spoilt = d2i_X509(NULL, &p, length);
	OPENSSL_free(der);
	X509_free(x);
	assert_non_null(spoilt);
	return spoilt;
}

static void
test_unknown(void **state)
{
	char buf[64];
	struct text out;
	X509 *x = spoil(finish(make("DNS:mail.example.com")),
	    "\x2a\x86\x48\xce\x3d\x02\x01", 7); /* id-ecPublicKey */

	(void)state;
	unit_same("key", "weak-key ", findings_of(x, NULL));
	X509_free(x);
	x = spoil(finish(make("DNS:mail.example.com")),
	    "\x2a\x86\x48\xce\x3d\x04\x03\x02", 8); /* ecdsa-with-SHA256 */
	unit_same("signature", "weak-digest ", findings_of(x, NULL));
	text_init(&out, buf, sizeof buf);
	certificate_signature(x, &out);
	unit_same("signature", "unknown", buf);
	X509_free(x);
	text_init(&out, buf, sizeof buf);
	x = finish(make(NULL));
	certificate_fingerprint(x, "NO-SUCH-DIGEST", &out);
	unit_same("digest", "", buf);
	X509_free(x);
	unit_end();
}

/* Every word of `want` is in `got`. */
static bool
has_all(const char *want, const char *got)
{
	char words[2048], *save = NULL;

	snprintf(words, sizeof words, "%s", want);
	for (char *w = strtok_r(words, " ", &save); w != NULL;
	    w = strtok_r(NULL, " ", &save))
		if (strstr(got, w) == NULL)
			return false;
	return true;
}

/* A certificate with every flaw that a host's can have. */
static X509 *
make_bad(void)
{
	X509 *x = make("DNS:a.example,IP:192.0.2.1");

	put_extension(x, NID_basic_constraints, "critical,CA:TRUE");
	put_extension(x, NID_key_usage, "digitalSignature");
	ASN1_TIME_set(X509_getm_notAfter(x), NOW - DAY);
	return finish(x);
}

static void
no_memory(bool for_ever)
{
	X509 *x = make_bad();
	const char *pem = unit_path("bad.pem");
	FILE *file = fopen(pem, "w");
	struct fault fault;
	struct pemfile files = { .path = pem };
	struct inspect_settings settings = { .host = "b.example", .soon = 14,
		.now = NOW };
	char want[2048] = "";
	long at = 0, last, better = 0;

	PEM_write_X509(file, x);
	PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	fclose(file);
	X509_free(x);
	onward = for_ever;
	do {
		struct findings list;
		char got[2048] = "";
		bool good;

		nth = at;
		wishes = 0;
		findings_init(&list);
		good = pemfile_read(pem, &files, &fault);
		if (good) {
			good = inspect_files(&files, 1, &settings, &list,
			    &fault);
			for (size_t i = 0; i < list.n; i++) {
				strcat(got, list.all[i].kind->name);
				strcat(got, " ");
			}
			nth = 0;
			pemfile_free(&files);
		}
		nth = 0;
		findings_free(&list);
		ERR_clear_error();
		if (at == 0) {
			assert_true(good);
			strcpy(want, got);
			unit_same("as it is", "name-mismatch expired "
			    "key-readable ", got);
		} else if (good && !has_all(want, got)) {
			if (better++ == 0)
				unit_same("without memory", want, got);
		}
		last = at;
		at += 1 + at / 20;
	} while (last == 0 || wishes >= last);
	printf("# %ld wishes\n", at);
	unit_number("looked better", 0, better);
}

static void
test_memory(void **state)
{
	(void)state;
	no_memory(false);
	no_memory(true);
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_common_names),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_memory),
	};

	if (CRYPTO_set_mem_functions(get, change, give) != 1)
		return 1;
	key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	return unit_main(tests);
}
