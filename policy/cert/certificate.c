/*
 * Everything here is read from bytes that a stranger chose.  The strings of a
 * certificate have a length and may hold NULs, line ends and escape sequences:
 * each goes out encoded, or with what is not printable replaced.
 */
#include <arpa/inet.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "policy/cert/certificate.h"

/* sendmail's MAXNAME, the size of its buffer for a CN. */
enum { SENDMAIL_CN_MAX = 256 };

void
certificate_dn(const X509_NAME *name, struct text *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p;
	long n;

	if (bio != NULL && X509_NAME_print_ex(bio, name, 0,
	    XN_FLAG_ONELINE) >= 0) {
		n = BIO_get_mem_data(bio, &p);
		text_put(out, slice_make(p, n > 0 ? (size_t)n : 0));
	}
	BIO_free(bio);
}

void
certificate_dn_sendmail(const X509_NAME *name, struct text *out)
{
	char *line = X509_NAME_oneline(name, NULL, 0);

	if (line != NULL)
		text_put_xencoded(out, slice_of(line));
	OPENSSL_free(line);
}

static const ASN1_STRING *
entry(const X509_NAME *name, int nid)
{
	int at = X509_NAME_get_index_by_NID(name, nid, -1);

	return at < 0 ? NULL :
	    X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
}

static struct slice
string_bytes(const ASN1_STRING *s)
{
	return slice_make((const char *)ASN1_STRING_get0_data(s),
	    (size_t)ASN1_STRING_length(s));
}

enum certificate_cn
certificate_cn_sendmail(const X509_NAME *name, struct text *out)
{
	const ASN1_STRING *cn = entry(name, NID_commonName);
	struct slice bytes;

	if (cn == NULL || ASN1_STRING_length(cn) <= 0) {
		text_puts(out, "BadCertificateUnknown");
		return CERTIFICATE_CN_NONE;
	}
	bytes = string_bytes(cn);
	if (bytes.n >= SENDMAIL_CN_MAX - 1) {
		text_puts(out, "BadCertificateTooLong");
		return CERTIFICATE_CN_LONG;
	}
	if (slice_find(bytes, '\0') < bytes.n) {
		text_puts(out, "BadCertificateContainsNUL");
		return CERTIFICATE_CN_NUL;
	}
	text_put_xencoded(out, bytes);
	return CERTIFICATE_CN;
}

/*
 * As Postfix's tls_text_name(): UTF-8, refused whole when a control is in it.
 */
static bool
put_utf8(const ASN1_STRING *s, struct text *out)
{
	unsigned char *utf8 = NULL;
	int n = s == NULL ? -1 : ASN1_STRING_to_UTF8(&utf8, s);
	bool good = n > 0;

	for (int i = 0; i < n; i++)
		if (utf8[i] < ' ' || utf8[i] == 0x7f)
			good = false;
	if (good)
		text_put(out, slice_make((const char *)utf8, (size_t)n));
	OPENSSL_free(utf8);
	return good;
}

bool
certificate_cn_postfix(const X509_NAME *name, bool issuer, struct text *out)
{
	return put_utf8(entry(name, NID_commonName), out) ||
	    (issuer && put_utf8(entry(name, NID_organizationName), out));
}

void
certificate_fingerprint(const X509 *certificate, const char *digest,
    struct text *out)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	EVP_MD *md = EVP_MD_fetch(NULL, digest, NULL);

	/* MD5 is missing where OpenSSL runs in FIPS mode. */
	if (md == NULL || X509_digest(certificate, md, bytes, &n) != 1)
		n = 0;
	EVP_MD_free(md);
	for (unsigned i = 0; i < n; i++)
		text_printf(out, "%s%02X", i == 0 ? "" : ":", bytes[i]);
}

void
certificate_key(const EVP_PKEY *key, struct text *out)
{
	static const struct {
		const char *openssl, *usual;
	} curves[] = {
		{ "prime256v1", "P-256" },
		{ "secp384r1", "P-384" },
		{ "secp521r1", "P-521" },
	};
	const char *type = EVP_PKEY_get0_type_name(key);
	char group[64];
	const char *shown = group;
	size_t n;

	text_puts(out, type == NULL ? "unknown" : type);
	if (EVP_PKEY_get_group_name(key, group, sizeof group, &n) == 1 &&
	    strcmp(type == NULL ? "" : type, "EC") == 0) {
		for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++)
			if (strcmp(group, curves[i].openssl) == 0)
				shown = curves[i].usual;
		text_printf(out, " %s", shown);
	} else if (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "DSA") ||
	    EVP_PKEY_is_a(key, "DH")) {
		text_printf(out, " %d", EVP_PKEY_get_bits(key));
	}
}

int
certificate_key_strength(const EVP_PKEY *key)
{
	return EVP_PKEY_get_security_bits(key);
}

int
certificate_signature_strength(X509 *certificate)
{
	int bits = 0;

	if (X509_get_signature_info(certificate, NULL, NULL, &bits, NULL) != 1)
		return 0;
	return bits;
}

void
certificate_signature(const X509 *certificate, struct text *out)
{
	int nid = X509_get_signature_nid(certificate);

	text_puts(out, nid == NID_undef ? "unknown" : OBJ_nid2ln(nid));
}

static void
each_name(const GENERAL_NAME *name,
    void (*each)(void *, const char *, const char *), void *arg)
{
	char buf[1024];
	struct text out;
	int kind;
	const ASN1_STRING *s = GENERAL_NAME_get0_value(name, &kind);

	text_init(&out, buf, sizeof buf);
	if (kind == GEN_IPADD) {
		int n = ASN1_STRING_length(s);

		if ((n != 4 && n != 16) || inet_ntop(n == 4 ? AF_INET : AF_INET6,
		    ASN1_STRING_get0_data(s), buf, sizeof buf) == NULL)
			text_puts(&out, "?");
	} else {
		text_put_printable(&out, string_bytes(s));
	}
	each(arg, kind == GEN_IPADD ? "IP" : kind == GEN_DNS ? "DNS" : "email",
	    buf);
}

size_t
certificate_names(const X509 *certificate,
    void (*each)(void *, const char *, const char *), void *arg)
{
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	size_t n = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS || name->type == GEN_IPADD ||
		    name->type == GEN_EMAIL) {
			each_name(name, each, arg);
			n++;
		}
	}
	GENERAL_NAMES_free(names);
	return n;
}

static void
append_name(void *arg, const char *kind, const char *name)
{
	struct text *out = arg;

	text_printf(out, "%s%s:%s", out->n > 0 ? ", " : "", kind, name);
}

void
certificate_names_text(const X509 *certificate, struct text *out)
{
	certificate_names(certificate, append_name, out);
}

static void
note_wildcard(void *arg, const char *kind, const char *name)
{
	bool *found = arg;

	if (strcmp(kind, "DNS") == 0 && strchr(name, '*') != NULL)
		*found = true;
}

bool
certificate_has_wildcard(const X509 *certificate)
{
	const ASN1_STRING *cn =
	    entry(X509_get_subject_name(certificate), NID_commonName);
	bool found = false;

	if (cn != NULL && ASN1_STRING_length(cn) > 0) {
		struct slice bytes = string_bytes(cn);

		found = slice_find(bytes, '*') < bytes.n;
	}
	certificate_names(certificate, note_wildcard, &found);
	return found;
}

long
certificate_days_left(const X509 *certificate, time_t now)
{
	ASN1_TIME *from = ASN1_TIME_set(NULL, now);
	int days = 0, seconds = 0;

	if (from == NULL || ASN1_TIME_diff(&days, &seconds, from,
	    X509_get0_notAfter(certificate)) != 1)
		days = seconds = -1;
	ASN1_TIME_free(from);
	return seconds < 0 ? (long)days - 1 : (long)days;
}

void
certificate_time(const ASN1_TIME *when, struct text *out)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(when, &tm) != 1)
		text_puts(out, "unknown");
	else
		text_printf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ",
		    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		    tm.tm_min, tm.tm_sec);
}

bool
certificate_matches(X509 *certificate, const char *host)
{
	return X509_check_host(certificate, host, 0, 0, NULL) == 1 ||
	    X509_check_ip_asc(certificate, host, 0) == 1;
}

bool
certificate_is_self_signed(X509 *certificate)
{
	return X509_self_signed(certificate, 0) == 1;
}

bool
certificate_is_ca(X509 *certificate)
{
	return X509_check_ca(certificate) > 0;
}
