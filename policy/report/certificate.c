/*
 * The certificates that verified for a domain, and which are the same.
 *
 * sendmail tells the DN of an issuer, its CN and a fingerprint; Postfix only
 * the CN; a mail log nothing.  Two are compared by what is told of both:
 * that one MTA tells less is no change at the partner.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/report/report-internal.h"

static void
free_certificate(struct report_certificate *c)
{
	free(c->cn);
	free(c->issuer);
	free(c->issuer_cn);
	free(c->fingerprint);
}

/* sendmail's stand-ins, such as BadCertificateUnknown, are no name. */
static struct slice
name_of(const struct facts *facts, enum fact_id id)
{
	struct slice name = facts_value(facts, id);

	return slice_starts_nocase(name, "BadCertificate") ?
	    slice_make("", 0) : name;
}

/* As OpenSSL writes a DN: a backslash before / + \ and x with two digits. */
static char
unescape(struct slice s, size_t *at)
{
	char c = s.p[(*at)++];
	int hi, lo;

	if (c != '\\' || *at == s.n)
		return c;
	c = s.p[(*at)++];
	if (c != 'x' || s.n - *at < 2)
		return c;
	hi = text_hex_digit(s.p[*at]);
	lo = text_hex_digit(s.p[*at + 1]);
	if (hi < 0 || lo < 0)
		return c;
	*at += 2;
	return (char)(hi << 4 | lo);
}

static bool
is_separator(char c)
{
	return c == '/' || c == '+';
}

/* The first CN of a DN. */
static void
put_cn(struct slice dn, struct text *out)
{
	size_t i = 0;

	for (; i < dn.n; i += dn.p[i] == '\\' ? 2 : 1)
		if (is_separator(dn.p[i]) &&
		    slice_starts_nocase(slice_from(dn, i + 1), "CN="))
			break;
	for (i += 4; i < dn.n && !is_separator(dn.p[i]);)
		text_char(out, unescape(dn, &i));
}

/* What a record tells; see struct report_certificate. */
struct told_names {
	struct slice cn, issuer, issuer_cn, fingerprint;
	bool cn_told, dn_told;
	char cn_text[1024];
};

static void
take_names(const struct facts *facts, struct told_names *t)
{
	struct slice dn = facts_value(facts, FACT_CERT_ISSUER);
	struct slice issuer = name_of(facts, FACT_CN_ISSUER);
	struct text cn;

	text_init(&cn, t->cn_text, sizeof t->cn_text);
	if (issuer.n > 0)
		text_put(&cn, issuer);
	else
		put_cn(dn, &cn);
	t->cn_told = facts_known(facts, FACT_CN_SUBJECT);
	t->dn_told = dn.n > 0;
	t->cn = name_of(facts, FACT_CN_SUBJECT);
	t->issuer = dn.n > 0 ? dn : issuer;
	t->issuer_cn = slice_make(cn.buf, cn.n);
	t->fingerprint = facts_value(facts, FACT_FINGERPRINT);
}

/* Copies of what is told. */
static bool
fill(struct report_certificate *c, const struct told_names *t)
{
	memset(c, 0, sizeof *c);
	c->cn_told = t->cn_told;
	c->dn_told = t->dn_told;
	c->cn = report_copy(t->cn);
	c->issuer = report_copy(t->issuer);
	c->issuer_cn = report_copy(t->issuer_cn);
	c->fingerprint = report_copy(t->fingerprint);
	return c->cn != NULL && c->issuer != NULL && c->issuer_cn != NULL &&
	    c->fingerprint != NULL;
}

static bool
is_told_alike(const struct report_certificate *a,
    const struct report_certificate *b)
{
	return a->cn_told == b->cn_told && strcmp(a->cn, b->cn) == 0 &&
	    strcmp(a->issuer, b->issuer) == 0 &&
	    strcmp(a->issuer_cn, b->issuer_cn) == 0 &&
	    strcmp(a->fingerprint, b->fingerprint) == 0;
}

/* Removes the certificate that was not seen for longest; keeps the order. */
static void
forget_certificate(struct report_domain *d)
{
	unsigned oldest = 0;

	for (unsigned i = 1; i < d->ncertificates; i++)
		if (d->certificates[i].last < d->certificates[oldest].last)
			oldest = i;
	free_certificate(&d->certificates[oldest]);
	d->ncertificates--;
	memmove(&d->certificates[oldest], &d->certificates[oldest + 1],
	    (d->ncertificates - oldest) * sizeof d->certificates[0]);
	d->certificates_left_out++;
}

static struct report_certificate *
find_certificate(struct report_domain *d, const struct report_certificate *like)
{
	for (unsigned i = 0; i < d->ncertificates; i++)
		if (is_told_alike(&d->certificates[i], like))
			return &d->certificates[i];
	return NULL;
}

/*
 * Compares without copying; a certificate with a text that was cut is not found
 * here but by find_certificate().
 */
static struct report_certificate *
find_told(struct report_domain *d, const struct told_names *t)
{
	for (unsigned i = 0; i < d->ncertificates; i++) {
		struct report_certificate *c = &d->certificates[i];

		if (c->cn_told == t->cn_told &&
		    report_is_copy(c->fingerprint, t->fingerprint) &&
		    report_is_copy(c->cn, t->cn) &&
		    report_is_copy(c->issuer, t->issuer) &&
		    report_is_copy(c->issuer_cn, t->issuer_cn))
			return c;
	}
	return NULL;
}

static void
note_again(struct report_certificate *c, int64_t time_us)
{
	c->mails++;
	c->last = time_us;
}

bool
report_add_certificate(struct report_domain *d,
    const struct reader_record *record)
{
	struct report_certificate new, *c, *larger;
	struct told_names told;
	bool filled;

	take_names(&record->facts, &told);
	if ((c = find_told(d, &told)) != NULL) {
		note_again(c, record->time_us);
		return true;
	}
	filled = fill(&new, &told);
	if (filled && (c = find_certificate(d, &new)) != NULL) {
		free_certificate(&new);
		note_again(c, record->time_us);
		return true;
	}
	if (filled && d->ncertificates == REPORT_CERTIFICATES_MAX)
		forget_certificate(d);
	larger = filled ? realloc(d->certificates, (d->ncertificates + 1) *
	    sizeof *larger) : NULL;
	if (larger == NULL) {
		free_certificate(&new);
		return false;
	}
	new.first = new.last = record->time_us;
	new.mails = 1;
	d->certificates = larger;
	d->certificates[d->ncertificates++] = new;
	return true;
}

void
report_free_certificates(struct report_domain *d)
{
	for (unsigned i = 0; i < d->ncertificates; i++)
		free_certificate(&d->certificates[i]);
	free(d->certificates);
}

/* SHA-1 and SHA-256 prints differ in length: comparing them tells nothing. */
static bool
both_have_print(const struct report_certificate *a,
    const struct report_certificate *b)
{
	return a->fingerprint[0] != '\0' &&
	    strlen(a->fingerprint) == strlen(b->fingerprint);
}

enum report_likeness
report_compare_certificates(const struct report_certificate *a,
    const struct report_certificate *b)
{
	bool prints = both_have_print(a, b);
	bool same_cn = strcmp(a->issuer_cn, b->issuer_cn) == 0;
	bool told = a->issuer_cn[0] != '\0' && b->issuer_cn[0] != '\0';

	if (a->cn_told && b->cn_told && strcmp(a->cn, b->cn) != 0)
		return LIKE_OTHER_NAME;
	if (a->dn_told && b->dn_told && strcmp(a->issuer, b->issuer) != 0)
		return same_cn ? LIKE_OTHER_DN : LIKE_OTHER_ISSUER;
	if (told && !same_cn)
		return LIKE_OTHER_ISSUER;
	if (!prints)
		return LIKE_UNTOLD;
	return strcmp(a->fingerprint, b->fingerprint) == 0 ? LIKE_SAME :
	    LIKE_RENEWED;
}
