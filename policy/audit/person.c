/*
 * When in doubt it is a person's: what is not known to be a domain, a server or
 * nobody is hidden as a whole.
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "policy/audit/person.h"
#include "policy/facts/organisation.h"
#include "policy/facts/spelling.h"
#include "policy/rules/tag.h"

struct person_hash {
	EVP_MAC_CTX *mac;
};

static const char *const names[PERSON_KINDS] = {
	[PERSON_NOBODY] = "nobody",
	[PERSON_MAILBOX] = "mailbox",
	[PERSON_LOGIN] = "login",
	[PERSON_HOST] = "host",
	[PERSON_ADDRESS] = "address",
	[PERSON_CERTIFICATE] = "certificate",
	[PERSON_RULE] = "rule",
	[PERSON_TEXT] = "text",
};

const char *
person_kind_name(enum person_kind kind)
{
	return names[kind];
}

bool
person_kind_by_name(struct slice name, enum person_kind *kind)
{
	for (int i = PERSON_NOBODY + 1; i < PERSON_KINDS; i++)
		if (slice_is(name, names[i])) {
			*kind = (enum person_kind)i;
			return true;
		}
	return false;
}

struct person_hash *
person_hash_new(struct fault *fault)
{
	struct person_hash *h = calloc(1, sizeof *h);
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	if (h != NULL && hmac != NULL)
		h->mac = EVP_MAC_CTX_new(hmac);
	EVP_MAC_free(hmac);
	if (h != NULL && h->mac != NULL)
		return h;
	fault_set(fault, FAULT_SOFTWARE, "OpenSSL does not give HMAC");
	free(h);
	return NULL;
}

void
person_hash_free(struct person_hash *h)
{
	if (h == NULL)
		return;
	EVP_MAC_CTX_free(h->mac);
	free(h);
}

bool
person_hash_value(struct person_hash *h, const unsigned char *salt,
    enum person_kind kind, struct slice value, unsigned char mac[PERSON_SALT])
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest,
		    0),
		OSSL_PARAM_construct_end()
	};
	const char *name = names[kind];
	size_t n;

	return EVP_MAC_init(h->mac, salt, PERSON_SALT, params) == 1 &&
	    EVP_MAC_update(h->mac, (const unsigned char *)name,
	    strlen(name)) == 1 &&
	    EVP_MAC_update(h->mac, (const unsigned char *)":", 1) == 1 &&
	    EVP_MAC_update(h->mac, (const unsigned char *)
	    slice_bytes(value.p), value.n) == 1 &&
	    EVP_MAC_final(h->mac, mac, &n, PERSON_SALT) == 1;
}

/*
 * Letters, digits, dots, hyphens, UTF-8: text of a client that is safe to show
 * as a domain.
 */
static bool
is_domain(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		int c = text_lower((unsigned char)s.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '.' && c != '-' && c != '_' && c < 0x80)
			return false;
	}
	return s.n > 0 && s.n < DOMAIN_TEXT_MAX;
}

/* Written in none of the ways that spelling.h undoes. */
static bool
is_plain(struct slice address)
{
	unsigned ats = 0;

	for (size_t i = 0; i < address.n; i++) {
		ats += address.p[i] == '@';
		if (strchr("%!()<>\":,; \t", address.p[i]) != NULL)
			return false;
	}
	return ats == 1;
}

/* The domain that reports group the address by. */
static void
put_mailbox_domain(struct slice address, struct text *out)
{
	struct slice none = slice_make("", 0), domain;
	struct spellings all;

	if (is_plain(address)) {
		domain = organisation_of_address(address);
	} else {
		spellings_find(address, none, none, none, &all);
		domain = all.form[all.n - 1].domain;
	}
	if (!is_domain(domain))
		return;
	text_char(out, '@');
	text_put(out, domain);
}

static bool
is_loopback(struct slice value)
{
	struct netprefix four, six;
	struct netaddr addr;

	return netprefix_parse(slice_of("127.0.0.0/8"), &four) ==
	    NETPREFIX_OK && netprefix_parse(slice_of("::1"), &six) ==
	    NETPREFIX_OK && netaddr_parse(value, &addr) &&
	    (netprefix_covers(&four, &addr) || netprefix_covers(&six, &addr));
}

static bool
is_registered(struct slice name)
{
	char memory[DOMAIN_TEXT_MAX], canonical[DOMAIN_TEXT_MAX];
	struct text registered, whole;

	text_init(&registered, memory, sizeof memory);
	text_init(&whole, canonical, sizeof canonical);
	domain_canonical(name, &whole);
	return organisation_registered(name, &registered) &&
	    strcmp(memory, canonical) == 0;
}

bool
person_is_in(enum person_kind kind, struct slice value)
{
	if (value.n == 0)
		return false;
	switch (kind) {
	case PERSON_NOBODY:
		return false;
	case PERSON_MAILBOX:
		return !slice_is(value, "<>");
	case PERSON_HOST:
		return !slice_is_nocase(value, "localhost") &&
		    !slice_starts_nocase(value, PERSON_TRIAL) &&
		    !is_registered(value);
	case PERSON_ADDRESS:
		/* sendmail's submission has the address 0. */
		return !slice_is(value, "0") && !is_loopback(value);
	default:
		return true;
	}
}

static void
put_shown(enum person_kind kind, struct slice shown, struct text *out)
{
	char memory[DOMAIN_TEXT_MAX];
	struct text domain;

	if (kind == PERSON_HOST) {
		text_init(&domain, memory, sizeof memory);
		if (!organisation_registered(shown, &domain))
			return;
		text_char(out, '.');
		text_puts(out, memory);
	} else if (kind == PERSON_MAILBOX ||
	    ((kind == PERSON_LOGIN || kind == PERSON_CERTIFICATE) &&
	    is_plain(shown))) {
		put_mailbox_domain(shown, out);
	}
}

void
person_put(struct person_hiding *h, struct jsonput *j, struct slice before,
    enum person_kind kind, struct slice value, struct slice shown)
{
	char hex[PERSON_HEX + 1], memory[DOMAIN_TEXT_MAX + 2];
	struct text behind;

	JSONPUT_LITERAL(j, "\"");
	jsonput_chars(j, before);
	JSONPUT_LITERAL(j, "~");
	if (h->commit(h->arg, kind, value, hex))
		jsonput_slice(j, slice_make(hex, PERSON_HEX));
	else
		h->failed = true;
	text_init(&behind, memory, sizeof memory);
	put_shown(kind, shown, &behind);
	jsonput_chars(j, slice_make(behind.buf, behind.n));
	JSONPUT_LITERAL(j, "\"");
}

enum person_kind
person_of_key(struct slice key, struct slice *tag, struct slice *what)
{
	static const char clients[] = "TLS_Clt:", logins[] = "TLS_Auth:";
	size_t colon = slice_find(key, ':');
	struct netprefix prefix;
	bool client;

	*tag = slice_make(key.p, colon < key.n ? colon + 1 : colon);
	*what = slice_from(key, tag->n);
	/* ".example.com": all below that name. */
	if (what->n > 1 && what->p[0] == '.') {
		tag->n++;
		*what = slice_from(*what, 1);
	}
	client = slice_starts_nocase(*tag, clients);
	if (what->n == 0)
		return PERSON_NOBODY;
	if (slice_starts_nocase(*tag, logins))
		return PERSON_LOGIN;
	if (slice_find(*what, '@') < what->n)
		return PERSON_MAILBOX;
	if (!client)
		return PERSON_NOBODY;
	return netprefix_parse(*what, &prefix) == NETPREFIX_OK ?
	    PERSON_ADDRESS : PERSON_HOST;
}

static bool
has(struct slice s, const char *word)
{
	for (size_t i = 0; i < s.n; i++)
		if (slice_starts_nocase(slice_from(s, i), word))
			return true;
	return false;
}

bool
person_in_requirement(struct slice r, bool certificate)
{
	return slice_find(r, '@') < r.n || has(r, "CLIENT:") ||
	    has(r, "WHEN:") || (certificate && (has(r, "CN:") ||
	    has(r, "CS:") || has(r, "CI:") || has(r, "FP:")));
}

/*
 * A server's name stands in the DNS for all to see, as does its certificate in
 * public logs.  "*.example.com" is one, too.
 */
bool
person_has_certificate(const struct facts *f)
{
	struct slice cn = facts_value(f, FACT_CN_SUBJECT);
	char memory[DOMAIN_TEXT_MAX];
	struct text registered;

	if (!facts_filled(f, FACT_CN_SUBJECT) &&
	    !facts_filled(f, FACT_CERT_SUBJECT) &&
	    !facts_filled(f, FACT_FINGERPRINT))
		return false;
	if (slice_starts_nocase(cn, "*."))
		cn = slice_from(cn, 2);
	text_init(&registered, memory, sizeof memory);
	return !is_domain(cn) || !organisation_registered(cn, &registered) ||
	    slice_find(facts_value(f, FACT_CERT_SUBJECT), '@') <
	    facts_value(f, FACT_CERT_SUBJECT).n;
}

bool
person_find(struct slice s, size_t *at)
{
	size_t n;

	for (size_t i = 0; i + PERSON_TOKEN <= s.n; i++) {
		if (s.p[i] != '~')
			continue;
		for (n = 1; n < PERSON_TOKEN; n++)
			if (strchr("0123456789abcdef", s.p[i + n]) == NULL ||
			    s.p[i + n] == '\0')
				break;
		*at = i;
		if (n == PERSON_TOKEN)
			return true;
	}
	return false;
}

struct slice
person_shown(struct slice s)
{
	size_t at;

	if (!person_find(s, &at))
		return s;
	s = slice_from(s, at + PERSON_TOKEN);
	return s.n > 0 ? slice_from(s, 1) : s;
}
