/*
 * A field is a row: its label for people, its path in JSON, and the function
 * that writes it.  Fields whose JSON is no string stand behind the table.
 */
#include <string.h>

#include <openssl/x509v3.h>

#include "policy/cert/certificate.h"
#include "policy/cert/describe.h"

typedef void put_function(X509 *, struct text *);

static void
put_subject(X509 *certificate, struct text *out)
{
	certificate_dn(X509_get_subject_name(certificate), out);
}

static void
put_issuer(X509 *certificate, struct text *out)
{
	certificate_dn(X509_get_issuer_name(certificate), out);
}

static void
put_serial(X509 *certificate, struct text *out)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);

	for (int i = 0; i < ASN1_STRING_length(serial); i++)
		text_printf(out, "%02X", ASN1_STRING_get0_data(serial)[i]);
}

static void
put_not_before(X509 *certificate, struct text *out)
{
	certificate_time(X509_get0_notBefore(certificate), out);
}

static void
put_not_after(X509 *certificate, struct text *out)
{
	certificate_time(X509_get0_notAfter(certificate), out);
}

static void
put_key(X509 *certificate, struct text *out)
{
	const EVP_PKEY *key = X509_get0_pubkey(certificate);

	if (key == NULL)
		text_puts(out, "of a kind unknown to this OpenSSL");
	else
		certificate_key(key, out);
}

static void
put_signature(X509 *certificate, struct text *out)
{
	certificate_signature(certificate, out);
}

static void
put_sha256(X509 *certificate, struct text *out)
{
	certificate_fingerprint(certificate, "SHA256", out);
}

static void
put_sha1(X509 *certificate, struct text *out)
{
	certificate_fingerprint(certificate, "SHA1", out);
}

static void
put_md5(X509 *certificate, struct text *out)
{
	certificate_fingerprint(certificate, "MD5", out);
}

static void
put_sendmail_cn_subject(X509 *certificate, struct text *out)
{
	certificate_cn_sendmail(X509_get_subject_name(certificate), out);
}

static void
put_sendmail_cn_issuer(X509 *certificate, struct text *out)
{
	certificate_cn_sendmail(X509_get_issuer_name(certificate), out);
}

static void
put_sendmail_subject(X509 *certificate, struct text *out)
{
	certificate_dn_sendmail(X509_get_subject_name(certificate), out);
}

static void
put_sendmail_issuer(X509 *certificate, struct text *out)
{
	certificate_dn_sendmail(X509_get_issuer_name(certificate), out);
}

static void
put_postfix_subject(X509 *certificate, struct text *out)
{
	certificate_cn_postfix(X509_get_subject_name(certificate), false, out);
}

static void
put_postfix_issuer(X509 *certificate, struct text *out)
{
	certificate_cn_postfix(X509_get_issuer_name(certificate), true, out);
}

/* Rows without a label are in JSON only: a rule below shows the same to people. */
static const struct field {
	const char *label, *object, *name;
	put_function *put;
} fields[] = {
	{ "subject", NULL, "subject", put_subject },
	{ "issuer", NULL, "issuer", put_issuer },
	{ "serial", NULL, "serial", put_serial },
	{ "not before", NULL, "not_before", put_not_before },
	{ "not after", NULL, "not_after", put_not_after },
	{ "key", "key", "kind", put_key },
	{ "signature", "signature", "algorithm", put_signature },
	{ NULL, "fingerprints", "sha256", put_sha256 },
	{ NULL, "fingerprints", "sha1", put_sha1 },
	{ NULL, "fingerprints", "md5", put_md5 },
	{ NULL, "sendmail", "cn_subject", put_sendmail_cn_subject },
	{ NULL, "sendmail", "cn_issuer", put_sendmail_cn_issuer },
	{ NULL, "sendmail", "cert_subject", put_sendmail_subject },
	{ NULL, "sendmail", "cert_issuer", put_sendmail_issuer },
	{ NULL, "postfix", "cert_subject", put_postfix_subject },
	{ NULL, "postfix", "cert_issuer", put_postfix_issuer },
};

enum { NFIELDS = sizeof fields / sizeof fields[0], LABEL_WIDTH = 14 };

static void
line(FILE *out, int indent, const char *label, const char *value)
{
	fprintf(out, "%*s%-*s%s\n", indent, "", LABEL_WIDTH, label, value);
}

/* A CN that a rule can hold; the words that stand for a bad one never match. */
static void
rule_cn(FILE *out, int indent, const char *label, const char *item,
    const X509_NAME *name)
{
	char buf[CERTIFICATE_TEXT_MAX];
	struct text value;

	text_init(&value, buf, sizeof buf);
	text_puts(&value, item);
	if (certificate_cn_sendmail(name, &value) == CERTIFICATE_CN)
		line(out, indent, label, buf);
}

static void
rule_dn(FILE *out, int indent, const char *label, const char *item,
    const X509_NAME *name)
{
	char buf[CERTIFICATE_TEXT_MAX];
	struct text value;

	text_init(&value, buf, sizeof buf);
	text_puts(&value, item);
	certificate_dn_sendmail(name, &value);
	line(out, indent, label, buf);
}

static void
rule_fingerprint(FILE *out, int indent, const char *note, put_function *put,
    X509 *certificate)
{
	char buf[CERTIFICATE_TEXT_MAX];
	struct text value;

	text_init(&value, buf, sizeof buf);
	text_puts(&value, "FP:");
	put(certificate, &value);
	if (value.n > strlen("FP:")) {
		text_printf(&value, "  %s", note);
		line(out, indent, "", buf);
	}
}

/* Not what a terminal would obey: controls, and what turns the direction. */
static bool
is_showable(struct slice utf8)
{
	char buf[CERTIFICATE_TEXT_MAX];
	struct text shown;

	text_init(&shown, buf, sizeof buf);
	shown.utf8 = true;
	text_put_printable(&shown, utf8);
	return slice_equal(slice_make(buf, shown.n), utf8);
}

static void
rule_postfix(FILE *out, int indent, const char *label, const char *item,
    const X509_NAME *name, bool issuer)
{
	char raw_buf[CERTIFICATE_TEXT_MAX], buf[CERTIFICATE_TEXT_MAX];
	struct text raw, value;

	text_init(&raw, raw_buf, sizeof raw_buf);
	text_init(&value, buf, sizeof buf);
	text_puts(&value, item);
	if (!certificate_cn_postfix(name, issuer, &raw))
		return;
	text_put_xencoded(&value, slice_make(raw.buf, raw.n));
	if (strcmp(raw_buf, buf + strlen(item)) != 0 &&
	    is_showable(slice_make(raw.buf, raw.n)))
		text_printf(&value, "  (%s)", raw_buf);
	line(out, indent, label, buf);
}

/* Items for rules, each in the spelling that a rule file takes. */
static void
rules(X509 *certificate, int indent, FILE *out)
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	const X509_NAME *issuer = X509_get_issuer_name(certificate);

	rule_dn(out, indent, "for sendmail", "CS:", subject);
	rule_dn(out, indent, "", "CI:", issuer);
	rule_cn(out, indent, "", "CN:", subject);
	rule_cn(out, indent, "", "ICN:", issuer);
	rule_fingerprint(out, indent, "MD5, sendmail's default", put_md5,
	    certificate);
	rule_fingerprint(out, indent, "CertFingerprintAlgorithm=sha1", put_sha1,
	    certificate);
	rule_fingerprint(out, indent, "CertFingerprintAlgorithm=sha256",
	    put_sha256, certificate);
	rule_postfix(out, indent, "for Postfix", "CN:", subject, false);
	rule_postfix(out, indent, "", "ICN:", issuer, true);
}

static void
strengths(X509 *certificate, const char *label, struct text *value)
{
	const EVP_PKEY *key = X509_get0_pubkey(certificate);
	int bits = 0;

	if (strcmp(label, "key") == 0 && key != NULL)
		bits = certificate_key_strength(key);
	else if (strcmp(label, "signature") == 0)
		bits = certificate_signature_strength(certificate);
	if (bits > 0)
		text_printf(value, ", %d bits of strength", bits);
}

void
describe_text(X509 *certificate, time_t now, int indent, FILE *out)
{
	char buf[CERTIFICATE_NAMES_MAX];
	struct text value;

	for (size_t i = 0; i < NFIELDS; i++) {
		if (fields[i].label == NULL)
			continue;
		text_init(&value, buf, sizeof buf);
		fields[i].put(certificate, &value);
		strengths(certificate, fields[i].label, &value);
		line(out, indent, fields[i].label, buf);
	}
	text_init(&value, buf, sizeof buf);
	text_printf(&value, "%ld", certificate_days_left(certificate, now));
	line(out, indent, "days left", buf);
	text_clear(&value);
	certificate_names_text(certificate, &value);
	if (certificate_has_wildcard(certificate))
		text_puts(&value, "  (wildcard)");
	if (value.n > 0)
		line(out, indent, "names", buf);
	rules(certificate, indent, out);
}

static const char *
purpose_answer(X509 *certificate, int id, int ca)
{
	int answer = X509_check_purpose(certificate, id, ca);

	return answer == 1 ? "yes" : answer == 0 ? "no" : "unsure";
}

void
describe_purposes(X509 *certificate, int indent, FILE *out)
{
	fprintf(out, "%*s%-*s%-24s%-8s%s\n", indent, "", LABEL_WIDTH,
	    "purposes", "", "itself", "as CA");
	for (int i = 0; i < X509_PURPOSE_get_count(); i++) {
		const X509_PURPOSE *purpose = X509_PURPOSE_get0(i);
		int id = X509_PURPOSE_get_id(purpose);

		fprintf(out, "%*s%-24s%-8s%s\n", indent + LABEL_WIDTH, "",
		    X509_PURPOSE_get0_name(purpose),
		    purpose_answer(certificate, id, 0),
		    purpose_answer(certificate, id, 1));
	}
}

void
describe_key(const EVP_PKEY *key, int indent, FILE *out)
{
	char buf[128];
	struct text value;

	text_init(&value, buf, sizeof buf);
	if (key == NULL) {
		text_puts(&value, "encrypted");
	} else {
		certificate_key(key, &value);
		text_printf(&value, ", %d bits of strength",
		    certificate_key_strength(key));
	}
	line(out, indent, "key", buf);
}

json_t *
describe_key_json(const EVP_PKEY *key)
{
	char buf[128];
	struct text value;

	if (key == NULL)
		return json_pack("{s:b}", "encrypted", 1);
	text_init(&value, buf, sizeof buf);
	certificate_key(key, &value);
	return json_pack("{s:b, s:s, s:i}", "encrypted", 0, "kind", buf,
	    "strength_bits", certificate_key_strength(key));
}

static json_t *
member(json_t *root, const char *name)
{
	json_t *object = json_object_get(root, name);

	if (object != NULL)
		return object;
	object = json_object();
	return json_object_set_new(root, name, object) == 0 ? object : NULL;
}

static void
append_name(void *arg, const char *kind, const char *name)
{
	json_array_append_new(arg, json_pack("{s:s, s:s}", "type", kind, "name",
	    name));
}

static json_t *
purposes_json(X509 *certificate)
{
	json_t *list = json_array();

	for (int i = 0; i < X509_PURPOSE_get_count(); i++) {
		const X509_PURPOSE *purpose = X509_PURPOSE_get0(i);
		int id = X509_PURPOSE_get_id(purpose);

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}",
		    "purpose", X509_PURPOSE_get0_sname(purpose),
		    "name", X509_PURPOSE_get0_name(purpose),
		    "certificate", purpose_answer(certificate, id, 0),
		    "ca", purpose_answer(certificate, id, 1)));
	}
	return list;
}

json_t *
describe_json(X509 *certificate, time_t now)
{
	char buf[CERTIFICATE_TEXT_MAX];
	struct text value;
	const EVP_PKEY *key = X509_get0_pubkey(certificate);
	json_t *root = json_object(), *names = json_array();

	for (size_t i = 0; i < NFIELDS; i++) {
		text_init(&value, buf, sizeof buf);
		fields[i].put(certificate, &value);
		json_object_set_new(fields[i].object == NULL ? root :
		    member(root, fields[i].object), fields[i].name,
		    json_string(buf));
	}
	json_object_set_new(member(root, "key"), "strength_bits",
	    json_integer(key == NULL ? 0 : certificate_key_strength(key)));
	json_object_set_new(member(root, "signature"), "strength_bits",
	    json_integer(certificate_signature_strength(certificate)));
	certificate_names(certificate, append_name, names);
	json_object_set_new(root, "names", names);
	json_object_set_new(root, "wildcard",
	    json_boolean(certificate_has_wildcard(certificate)));
	json_object_set_new(root, "days_left",
	    json_integer(certificate_days_left(certificate, now)));
	json_object_set_new(root, "ca",
	    json_boolean(certificate_is_ca(certificate)));
	json_object_set_new(root, "self_signed",
	    json_boolean(certificate_is_self_signed(certificate)));
	json_object_set_new(root, "purposes", purposes_json(certificate));
	return root;
}
