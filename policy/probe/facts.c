#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/facts/macro.h"
#include "policy/cert/certificate.h"
#include "policy/probe/facts.h"

static bool
set(struct facts *facts, const char *name, const char *value)
{
	return macro_set(facts, slice_of(name), slice_of(value)) !=
	    MACRO_NO_MEMORY;
}

static bool
set_address(struct facts *facts, const char *address)
{
	char tagged[80];

	snprintf(tagged, sizeof tagged, "%s%s",
	    strchr(address, ':') == NULL ? "" : "IPv6:", address);
	return set(facts, "server_addr", tagged);
}

static bool
set_certificate(struct facts *facts, const X509 *certificate,
    const char *digest)
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	const X509_NAME *issuer = X509_get_issuer_name(certificate);
	char buf[4][CERTIFICATE_TEXT_MAX], fingerprint[CERTIFICATE_TEXT_MAX];
	struct text out;

	text_init(&out, buf[0], sizeof buf[0]);
	certificate_cn_sendmail(subject, &out);
	text_init(&out, buf[1], sizeof buf[1]);
	certificate_cn_sendmail(issuer, &out);
	text_init(&out, buf[2], sizeof buf[2]);
	certificate_dn_sendmail(subject, &out);
	text_init(&out, buf[3], sizeof buf[3]);
	certificate_dn_sendmail(issuer, &out);
	text_init(&out, fingerprint, sizeof fingerprint);
	certificate_fingerprint(certificate, digest, &out);
	return set(facts, "cn_subject", buf[0]) &&
	    set(facts, "cn_issuer", buf[1]) &&
	    set(facts, "cert_subject", buf[2]) &&
	    set(facts, "cert_issuer", buf[3]) &&
	    set(facts, strcasecmp(digest, "MD5") == 0 ? "cert_md5" : "cert_fp",
	    fingerprint);
}

bool
probe_facts(const struct probe_result *result, const char *rcpt,
    const char *digest, struct facts *facts)
{
	char bits[16];

	snprintf(bits, sizeof bits, "%d", result->bits);
	if (!set(facts, "server_name", result->host) ||
	    !set_address(facts, result->address) ||
	    !set(facts, "verify", result->verify) ||
	    (rcpt != NULL && !set(facts, "rcpt_addr", rcpt)))
		return false;
	if (result->outcome == PROBE_TLS &&
	    (!set(facts, "tls_version", result->version) ||
	    !set(facts, "cipher", result->cipher) ||
	    !set(facts, "cipher_bits", bits)))
		return false;
	if (result->certificate != NULL &&
	    !set_certificate(facts, result->certificate, digest))
		return false;
	return macro_finish(facts);
}

static unsigned
usual_bits(int bits)
{
	/*
	 * 128 at most, as administrators write it: a server that chose 256 bits
	 * today may choose 128 tomorrow.
	 */
	return bits >= 128 ? 128 : bits > 0 ? (unsigned)bits : 0;
}

enum { NAMES_MAX = 8 };

/*
 * What a rule with CN would have to name; false: no rule can.  Postfix does not
 * look at the CN of a certificate that has other names.
 */
static bool
name_of(X509 *certificate, struct text *cn)
{
	return certificate != NULL && certificate_cn_sendmail(
	    X509_get_subject_name(certificate), cn) == CERTIFICATE_CN &&
	    !cn->cut && certificate_matches(certificate, cn->buf);
}

struct names {
	char name[NAMES_MAX][CERTIFICATE_TEXT_MAX];
	unsigned n;
};

/*
 * False: the certificate has no name that a rule can hold, or `names` is full.
 */
static bool
add_name(struct names *names, X509 *certificate)
{
	struct text cn;
	unsigned k;

	if (names->n == NAMES_MAX)
		return false;
	text_init(&cn, names->name[names->n], sizeof names->name[0]);
	if (!name_of(certificate, &cn))
		return false;
	for (k = 0; strcasecmp(names->name[k], names->name[names->n]) != 0; k++)
		;
	names->n += k == names->n;
	return true;
}

/*
 * Names, any of which will do.  Without a value it would be the host's own: of
 * a domain that is whatever name the DNS answers, so there each is written.
 * Postfix tells the server its name when it wants to know one, sendmail never:
 * where certificates hang on that, the names of both.
 */
static void
suggest_names(const struct probe_result *results, size_t n, bool by_domain,
    struct text *out)
{
	struct names names = { .n = 0 };

	for (size_t i = 0; i < n; i++)
		if (!add_name(&names, results[i].certificate) ||
		    (results[i].named_verify != NULL &&
		    !add_name(&names, results[i].named_certificate)))
			return;
	if (!by_domain && names.n == 1 &&
	    strcasecmp(names.name[0], results[0].host) == 0) {
		text_puts(out, "+CN");
		return;
	}
	for (unsigned k = 0; k < names.n; k++)
		text_printf(out, "%sCN:%s", k == 0 ? "+" : "++",
		    names.name[k]);
}

bool
probe_suggest(const struct probe_result *results, size_t n,
    const char *domain, struct text *out)
{
	unsigned bits = 128;
	bool verified = true;
	char buf[NAMES_MAX * CERTIFICATE_TEXT_MAX];
	struct text names;

	for (size_t i = 0; i < n; i++) {
		if (results[i].outcome != PROBE_TLS)
			return false;
		if (usual_bits(results[i].bits) < bits)
			bits = usual_bits(results[i].bits);
		verified &= strcmp(results[i].verify, "OK") == 0 &&
		    (results[i].named_verify == NULL ||
		    strcmp(results[i].named_verify, "OK") == 0);
	}
	if (n == 0)
		return false;
	text_init(&names, buf, sizeof buf);
	suggest_names(results, n, domain != NULL, &names);
	/* VERIFY alone is Postfix's demand for the name that it asks by. */
	verified &= !names.cut && (names.n > 0 ||
	    (domain == NULL && results[0].name_matches));
	text_printf(out, "%s:%s TEMP+%s:%u", domain != NULL ? "TLS_Rcpt" :
	    "TLS_Srv", domain != NULL ? domain : results[0].host,
	    verified ? "VERIFY" : "ENCR", bits);
	if (verified)
		text_put(out, slice_make(buf, names.n));
	return true;
}
