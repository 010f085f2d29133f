/*
 * The tests behind the items, each answering yes, no or cannot tell.
 *
 * Names in a certificate that did not verify count for nothing: anybody can
 * write any name into a certificate.  A fingerprint is no name: the handshake
 * has proved that the client holds its key, so it counts by itself.
 *
 * What the MTA never tells is "cannot tell"; what it could have told and has
 * not (no certificate, no such name) is "no".
 */
#include <ctype.h>
#include <string.h>

#include "policy/facts/macro.h"
#include "policy/facts/suite.h"
#include "policy/rules/client.h"
#include "policy/rules/predicate.h"

/* sendmail's words for names that it could not read (tls.c, x509 names). */
static bool
is_stand_in(struct slice name)
{
	return slice_starts_nocase(name, "BadCertificate");
}

static void
put_fact(struct text *out, const struct facts *facts, enum fact_id id)
{
	if (facts_filled(facts, id))
		text_put_printable(out, facts_value(facts, id));
	else
		text_puts(out, "none");
}

static enum answer
answer_no(struct predicate *p, enum reason reason)
{
	p->reason = reason;
	return ANSWER_NO;
}

static enum answer
cannot_tell(struct predicate *p, enum fact_id id)
{
	p->reason = REASON_POLICY_ERROR;
	text_clear(&p->found);
	text_printf(&p->found, "that %s does not tell {%s}",
	    dialect_row(p->facts->dialect)->title, fact_name(id));
	if (macro_fed(p->facts->dialect, id))
		text_puts(&p->found, ", nor has the facts feed");
	return ANSWER_CANNOT_TELL;
}

/* A session in clear has no certificate, whatever the MTA would tell of one. */
static enum answer
not_told(struct predicate *p, enum fact_id id)
{
	if (!facts_in_clear(p->facts))
		return cannot_tell(p, id);
	text_clear(&p->found);
	text_puts(&p->found, "a session in clear");
	return answer_no(p, REASON_PLAINTEXT);
}

/*
 * The first part of each test of a name in the certificate.  YES: the name may
 * be looked at.
 */
static enum answer
may_believe(struct predicate *p, enum fact_id id)
{
	put_fact(&p->found, p->facts, id);
	if (p->facts->fact[id].state == FACT_NOT_TOLD)
		return not_told(p, id);
	if (p->believe_unverified || facts_verified(p->facts))
		return ANSWER_YES;
	text_clear(&p->found);
	if (facts_in_clear(p->facts)) {
		text_puts(&p->found, "a session in clear");
		return answer_no(p, REASON_PLAINTEXT);
	}
	text_puts(&p->found, "no verified certificate (verify=");
	text_put_printable(&p->found, facts_verify_word(p->facts));
	text_char(&p->found, ')');
	return answer_no(p, REASON_NOT_VERIFIED);
}

/* The rule's value, decoded, is the fact. */
static bool
same_name(struct slice wanted, struct slice have)
{
	return !is_stand_in(have) && text_xequal_nocase(wanted, have);
}

/* As in a host's name; a wildcard stands alone, in front of all others. */
static bool
is_label(struct slice s, bool first)
{
	if (first && slice_is(s, "*"))
		return true;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x80 && !isalnum(c) && c != '-' && c != '_')
			return false;
	}
	return s.n > 0;
}

/*
 * Labels in front of a name that a pattern has; else joe@mail.example would be a
 * host below .example, who may have a certificate as the owner of a mailbox.
 */
static bool
are_labels(struct slice front)
{
	bool first = true;
	size_t dot;

	for (;; front = slice_from(front, dot + 1), first = false) {
		dot = slice_find(front, '.');
		if (!is_label(slice_make(front.p, dot), first))
			return false;
		if (dot == front.n)
			return true;
	}
}

/* "*.name" and one more label. */
static bool
wildcard(struct slice wanted, struct slice have)
{
	size_t dot = slice_find(have, '.');

	return dot < have.n && are_labels(slice_make(have.p, dot)) &&
	    text_xequal_nocase(slice_from(wanted, 1), slice_from(have, dot));
}

/* ".name" and any number of labels. */
static bool
below(struct slice wanted, struct slice have)
{
	for (size_t i = 1; i + 1 < have.n; i++)
		if (have.p[i] == '.' &&
		    text_xequal_nocase(wanted, slice_from(have, i)))
			return are_labels(slice_make(have.p, i));
	return false;
}

/* CN:name; a name that looks like a pattern stands for itself, too. */
static bool
fits(struct slice wanted, struct slice have, bool patterns)
{
	if (same_name(wanted, have))
		return true;
	if (patterns && wanted.n > 2 && slice_starts_nocase(wanted, "*."))
		return wildcard(wanted, have);
	return patterns && wanted.n > 1 && wanted.p[0] == '.' &&
	    below(wanted, have);
}

/* CN without a value: the name of the peer, outbound that of the server. */
static enum fact_id
peer_name(const struct predicate *p)
{
	return tag_row(p->tag)->stage == STAGE_OUTBOUND ?
	    FACT_SERVER_NAME : FACT_CLIENT_NAME;
}

static enum answer
test_name(struct predicate *p, enum fact_id id, struct slice value,
    bool patterns)
{
	enum answer may = may_believe(p, id);
	struct slice have = facts_value(p->facts, id);

	if (may != ANSWER_YES)
		return may;
	if (p->believe_unverified) {
		if (text_xequal_nocase(item_sendmail_value(value), have))
			return ANSWER_YES;
	} else if (have.n > 0 && fits(value, have, patterns))
		return ANSWER_YES;
	return answer_no(p, REASON_WRONG_CERTIFICATE);
}

enum answer
predicate_cn(struct predicate *p, struct slice value)
{
	enum answer answer;

	if (value.n > 0) {
		text_printf(&p->wanted, "CN:");
		text_put_printable(&p->wanted, value);
		return test_name(p, FACT_CN_SUBJECT, value, true);
	}
	value = facts_value(p->facts, peer_name(p));
	text_puts(&p->wanted, "CN ");
	text_put_printable(&p->wanted, value);
	answer = test_name(p, FACT_CN_SUBJECT, value, false);
	/* Without a name there is nothing to compare, be the CN empty or not. */
	if (value.n == 0 && (answer == ANSWER_YES ||
	    p->reason == REASON_WRONG_CERTIFICATE))
		return cannot_tell(p, peer_name(p));
	return answer;
}

static enum answer
test_named(struct predicate *p, const char *item, enum fact_id id,
    struct slice value)
{
	text_printf(&p->wanted, "%s:", item);
	text_put_printable(&p->wanted, value);
	return test_name(p, id, value, false);
}

enum answer
predicate_cs(struct predicate *p, struct slice value)
{
	return test_named(p, "CS", FACT_CERT_SUBJECT, value);
}

enum answer
predicate_ci(struct predicate *p, struct slice value)
{
	return test_named(p, "CI", FACT_CERT_ISSUER, value);
}

enum answer
predicate_icn(struct predicate *p, struct slice value)
{
	return test_named(p, "ICN", FACT_CN_ISSUER, value);
}

enum answer
predicate_citag(struct predicate *p, struct slice value)
{
	enum answer may = may_believe(p, FACT_CERT_ISSUER);
	struct slice dn = facts_raw(p->facts, FACT_CERT_ISSUER);

	text_puts(&p->wanted, "CITag:");
	text_put_printable(&p->wanted, value);
	if (may != ANSWER_YES)
		return may;
	/* sendmail looks up even an empty name, and can find "MyCA:". */
	if (dn.n == 0 && !p->believe_unverified)
		return answer_no(p, REASON_WRONG_CERTIFICATE);
	may = p->issuer_known(p->arg, value, dn);
	if (may == ANSWER_NO)
		return answer_no(p, REASON_WRONG_CERTIFICATE);
	if (may == ANSWER_CANNOT_TELL)
		p->reason = REASON_POLICY_ERROR;
	return may;
}

bool
predicate_same_fingerprint(struct slice a, struct slice b)
{
	size_t i = 0, j = 0;

	for (;;) {
		while (i < a.n && a.p[i] == ':')
			i++;
		while (j < b.n && b.p[j] == ':')
			j++;
		if (i == a.n || j == b.n)
			return i == a.n && j == b.n;
		if (text_lower(a.p[i++]) != text_lower(b.p[j++]))
			return false;
	}
}

static enum answer
test_fingerprint(struct predicate *p, const char *item, enum fact_id id,
    struct slice value)
{
	struct slice have = facts_value(p->facts, id);

	text_printf(&p->wanted, "%s:", item);
	text_put_printable(&p->wanted, value);
	put_fact(&p->found, p->facts, id);
	/* A session in clear has no certificate, whoever tells of those. */
	if (facts_in_clear(p->facts))
		return answer_no(p, REASON_PLAINTEXT);
	if (p->facts->fact[id].state == FACT_NOT_TOLD)
		return cannot_tell(p, id);
	if (predicate_same_fingerprint(value, have))
		return ANSWER_YES;
	return answer_no(p, REASON_WRONG_CERTIFICATE);
}

enum answer
predicate_fp(struct predicate *p, struct slice value)
{
	return test_fingerprint(p, "FP", FACT_FINGERPRINT, value);
}

enum answer
predicate_pkfp(struct predicate *p, struct slice value)
{
	return test_fingerprint(p, "PKFP", FACT_KEY_FINGERPRINT, value);
}

/*
 * sendmail 8.13 to 8.15 say "TLSv1/SSLv3", which OpenSSL of their time said of
 * the suite and not of the session (SSL_CIPHER_get_version(3)).  A suite that
 * came with TLS 1.2 still proves at least that; another one proves nothing.
 */
static int
session_protocol(const struct predicate *p)
{
	struct slice word = facts_value(p->facts, FACT_TLS_VERSION);
	const struct suite *suite;

	if (!slice_is_nocase(word, "TLSv1/SSLv3"))
		return suite_protocol(word);
	suite = suite_find(facts_value(p->facts, FACT_CIPHER));
	return suite != NULL &&
	    suite->oldest >= suite_protocol(slice_of("1.2")) ?
	    suite->oldest : 0;
}

enum answer
predicate_ver(struct predicate *p, struct slice value)
{
	int have = session_protocol(p);

	text_printf(&p->wanted, "TLS %.*s or later", SLICE_ARG(value));
	put_fact(&p->found, p->facts, FACT_TLS_VERSION);
	if (facts_in_clear(p->facts))
		return answer_no(p, REASON_PLAINTEXT);
	if (have == 0) {
		p->reason = REASON_POLICY_ERROR;
		return ANSWER_CANNOT_TELL;
	}
	if (have >= suite_protocol(value))
		return ANSWER_YES;
	return answer_no(p, REASON_TOO_WEAK);
}

/* The suite of the session; NULL with the answer when there is none. */
static const struct suite *
session_suite(struct predicate *p, enum answer *answer)
{
	const struct suite *suite =
	    suite_find(facts_value(p->facts, FACT_CIPHER));

	put_fact(&p->found, p->facts, FACT_CIPHER);
	if (suite != NULL)
		return suite;
	*answer = ANSWER_CANNOT_TELL;
	if (facts_in_clear(p->facts))
		*answer = answer_no(p, REASON_PLAINTEXT);
	else {
		p->reason = REASON_POLICY_ERROR;
		text_puts(&p->found, ", a suite that OpenSSL does not know");
	}
	return NULL;
}

/*
 * Anybody in between can be the other end of an anonymous suite, which neither
 * forward secrecy nor AEAD mends: they imply that it is not one.
 */
static enum answer
test_suite(struct predicate *p, const char *wanted,
    bool (*has)(const struct suite *))
{
	enum answer answer;
	const struct suite *suite = session_suite(p, &answer);

	text_puts(&p->wanted, wanted);
	if (suite == NULL)
		return answer;
	if (suite->authenticated && has(suite))
		return ANSWER_YES;
	if (!suite->authenticated)
		text_puts(&p->found, ", which is anonymous");
	return answer_no(p, REASON_TOO_WEAK);
}

static bool
has_authentication(const struct suite *suite)
{
	return suite->authenticated;
}

static bool
has_pfs(const struct suite *suite)
{
	return suite->pfs;
}

static bool
has_aead(const struct suite *suite)
{
	return suite->aead;
}

enum answer
predicate_authenticated(struct predicate *p, struct slice value)
{
	(void)value;
	return test_suite(p, "a suite that is not anonymous",
	    has_authentication);
}

enum answer
predicate_pfs(struct predicate *p, struct slice value)
{
	(void)value;
	return test_suite(p, "forward secrecy", has_pfs);
}

enum answer
predicate_aead(struct predicate *p, struct slice value)
{
	(void)value;
	return test_suite(p, "authenticated encryption (AEAD)", has_aead);
}

enum answer
predicate_cipher(struct predicate *p, struct slice value)
{
	enum answer answer;
	const struct suite *suite = session_suite(p, &answer);

	text_puts(&p->wanted, "a cipher of ");
	text_put_printable(&p->wanted, value);
	if (suite == NULL)
		return answer;
	answer = p->suite_listed(p->arg, value, suite->id);
	if (answer == ANSWER_NO)
		return answer_no(p, REASON_TOO_WEAK);
	if (answer == ANSWER_CANNOT_TELL)
		p->reason = REASON_POLICY_ERROR;
	return answer;
}

/* "mail.example.com [192.0.2.1] (FORGED)" */
static void
put_client(const struct facts *facts, struct text *out)
{
	struct slice name = facts_value(facts, FACT_CLIENT_NAME);
	struct slice resolve = facts_value(facts, FACT_CLIENT_RESOLVE);

	put_fact(out, facts, FACT_CLIENT_NAME);
	if (name.n == 0 || name.p[0] != '[') {
		text_puts(out, " [");
		put_fact(out, facts, FACT_CLIENT_ADDR);
		text_char(out, ']');
	}
	if (resolve.n > 0 && !slice_is_nocase(resolve, "OK")) {
		text_puts(out, " (");
		text_put_printable(out, resolve);
		text_char(out, ')');
	}
}

enum answer
predicate_client(struct predicate *p, struct slice value)
{
	enum fact_id missing;
	enum answer answer = client_is(p->facts, value, &missing);

	text_puts(&p->wanted, "CLIENT:");
	text_put_printable(&p->wanted, value);
	put_client(p->facts, &p->found);
	if (answer == ANSWER_CANNOT_TELL) {
		p->reason = REASON_POLICY_ERROR;
		if (!facts_filled(p->facts, missing))
			text_printf(&p->found, ", and no macro {%s}",
			    fact_name(missing));
	}
	return answer == ANSWER_NO ? answer_no(p, REASON_WRONG_CLIENT) :
	    answer;
}

void
predicate_begin(struct predicate *p)
{
	p->reason = REASON_NONE;
	text_init(&p->wanted, p->wanted_text, sizeof p->wanted_text);
	text_init(&p->found, p->found_text, sizeof p->found_text);
}
