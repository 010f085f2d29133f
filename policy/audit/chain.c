/*
 * One context for the life of a chain: fetching an algorithm and making a
 * context cost several times the digest itself in OpenSSL 3.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "policy/audit/chain-key.h"
#include "policy/audit/chain-link.h"
#include "policy/base/jsonput.h"

struct chain {
	EVP_MD *md;
	EVP_MD_CTX *digest;	/* without key */
	EVP_MAC_CTX *mac;	/* with key */
	char id[CHAIN_ID + 1];	/* of the key */
	uint64_t epoch;		/* of a ratchet */
	bool failed;
};

#define LABEL_ID "tlspolicy key id"

static bool
start_mac(struct chain *c, struct slice key)
{
	char sha256[] = "SHA256";
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
		OSSL_PARAM_END
	};

	if (hmac == NULL)
		return false;
	c->mac = EVP_MAC_CTX_new(hmac);
	EVP_MAC_free(hmac);
	return c->mac != NULL && EVP_MAC_init(c->mac,
	    (const unsigned char *)key.p, key.n, params) == 1;
}

/*
 * When OpenSSL had no memory to start with, what asks it for an algorithm walks
 * through a NULL.
 */
static bool
can_fetch(void)
{
	return OSSL_LIB_CTX_get0_global_default() != NULL;
}

static bool
start_digest(struct chain *c)
{
	c->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	c->digest = EVP_MD_CTX_new();
	return c->md != NULL && c->digest != NULL &&
	    EVP_DigestInit_ex2(c->digest, c->md, NULL) == 1;
}

void
chain_free(struct chain *c)
{
	if (c == NULL)
		return;
	EVP_MD_CTX_free(c->digest);
	EVP_MD_free(c->md);
	EVP_MAC_CTX_free(c->mac);
	free(c);
}

void
chain_head_init(struct chain_head *head)
{
	memset(head, 0, sizeof *head);
	memset(head->hex, '0', CHAIN_HEX);
}

static void
to_hex(const unsigned char *bytes, size_t n, char *hex)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	hex[2 * n] = '\0';
}

static bool
keyed(struct chain *c, const struct slice parts[], size_t n,
    unsigned char *result)
{
	size_t length;

	if (EVP_MAC_init(c->mac, NULL, 0, NULL) != 1)
		return false;
	for (size_t i = 0; i < n; i++)
		if (EVP_MAC_update(c->mac, (const unsigned char *)parts[i].p,
		    parts[i].n) != 1)
			return false;
	return EVP_MAC_final(c->mac, result, &length, EVP_MAX_MD_SIZE) == 1;
}

static bool
plain(struct chain *c, const struct slice parts[], size_t n,
    unsigned char *result)
{
	if (EVP_DigestInit_ex2(c->digest, NULL, NULL) != 1)
		return false;
	for (size_t i = 0; i < n; i++)
		if (EVP_DigestUpdate(c->digest, parts[i].p, parts[i].n) != 1)
			return false;
	return EVP_DigestFinal_ex(c->digest, result, NULL) == 1;
}

bool
chain_hash(struct chain *c, const struct slice parts[], size_t n,
    char hex[CHAIN_HEX + 1])
{
	unsigned char result[EVP_MAX_MD_SIZE];

	if (!(c->mac != NULL ? keyed(c, parts, n, result) :
	    plain(c, parts, n, result))) {
		c->failed = true;
		return false;
	}
	to_hex(result, CHAIN_HEX / 2, hex);
	return true;
}

static bool
set_id(struct chain *c)
{
	struct slice label = slice_of(LABEL_ID);
	char hex[CHAIN_HEX + 1];

	if (!chain_hash(c, &label, 1, hex))
		return false;
	memcpy(c->id, hex, CHAIN_ID);
	return true;
}

const char *
chain_id(const struct chain *c)
{
	return c->id;
}

struct chain *
chain_new(struct slice key, struct fault *fault)
{
	struct chain *c = calloc(1, sizeof *c);

	if (c != NULL && can_fetch() &&
	    (key.n > 0 ? start_mac(c, key) && set_id(c) : start_digest(c)))
		return c;
	fault_set(fault, FAULT_SOFTWARE,
	    "OpenSSL does not give %s", key.n > 0 ? "HMAC-SHA-256" : "SHA-256");
	chain_free(c);
	return NULL;
}

uint64_t
chain_epoch(const struct chain *c)
{
	return c->epoch;
}

struct chain *
chain_of_key(const struct chain_key *key, struct fault *fault)
{
	struct chain *c = chain_new(slice_make(key->bytes, key->n), fault);

	if (c != NULL && key->epoch > 0) {
		memcpy(c->id, key->id, sizeof c->id);
		c->epoch = key->epoch;
	}
	return c;
}

struct chain *
chain_copy(const struct chain *c, struct fault *fault)
{
	struct chain *copy;

	if (c->mac == NULL)
		return chain_new(slice_make("", 0), fault);
	if ((copy = calloc(1, sizeof *copy)) == NULL) {
		fault_no_memory(fault);
		return NULL;
	}
	memcpy(copy->id, c->id, sizeof copy->id);
	copy->epoch = c->epoch;
	if ((copy->mac = EVP_MAC_CTX_dup(c->mac)) != NULL)
		return copy;
	fault_set(fault, FAULT_SOFTWARE, "OpenSSL does not give HMAC-SHA-256");
	free(copy);
	return NULL;
}

bool
chain_set_key(struct chain *c, const struct chain_key *key)
{
	c->epoch = key->epoch;
	if (EVP_MAC_init(c->mac, (const unsigned char *)key->bytes, key->n,
	    NULL) == 1)
		return true;
	c->failed = true;
	return false;
}

bool
chain_has_failed(const struct chain *c)
{
	return c->failed;
}

bool
chain_compute(struct chain *c, const char before[CHAIN_HEX],
    struct slice body, char hex[CHAIN_HEX + 1])
{
	struct slice parts[3] = { slice_make(before, CHAIN_HEX), body,
		slice_make("}", 1) };

	return chain_hash(c, parts, 3, hex);
}

bool
chain_seal(struct chain *c, struct chain_head *head, struct slice record,
    struct text *out)
{
	struct jsonput j;
	size_t start = out->n;
	struct slice body;
	char hex[CHAIN_HEX + 1];

	if (record.n == 0 || out->cut ||
	    out->size - 1 - out->n < record.n + CHAIN_SEAL_MAX)
		return false;
	jsonput_start(&j, out);
	jsonput_slice(&j, slice_make(record.p, record.n - 1));
	JSONPUT_LITERAL(&j, ",\"seq\":");
	jsonput_number(&j, head->seq + 1);
	body = slice_make(out->buf + start,
	    (size_t)(j.p - out->buf) - start);
	if (!chain_compute(c, head->hex, body, hex))
		return false;
	JSONPUT_LITERAL(&j, ",\"chain\":\"");
	jsonput_bytes(&j, hex, CHAIN_HEX);
	JSONPUT_LITERAL(&j, "\"}\n");
	jsonput_finish(&j);
	memcpy(head->hex, hex, sizeof hex);
	head->seq++;
	head->torn = 0;
	return true;
}

bool
chain_torn(struct chain *c, struct chain_head *head, struct slice bytes)
{
	struct slice parts[2] = { slice_make(head->hex, CHAIN_HEX), bytes };
	char hex[CHAIN_HEX + 1];

	if (!chain_hash(c, parts, 2, hex))
		return false;
	memcpy(head->hex, hex, sizeof hex);
	head->torn += bytes.n;
	return true;
}

/* Writes how a line that is no record begins: version, event, time. */
static void
start_line(struct jsonput *j, struct text *out, const char *event,
    int64_t time_us)
{
	jsonput_start(j, out);
	JSONPUT_LITERAL(j, CHAIN_START "\"");
	jsonput_slice(j, slice_of(event));
	JSONPUT_LITERAL(j, "\",\"time\":");
	jsonput_time(j, time_us);
}

/* Writes the line's last member, a number. */
static void
finish_line(struct jsonput *j, const char *name, uint64_t value)
{
	JSONPUT_LITERAL(j, ",\"");
	jsonput_slice(j, slice_of(name));
	JSONPUT_LITERAL(j, "\":");
	jsonput_number(j, value);
	JSONPUT_LITERAL(j, "}");
	jsonput_finish(j);
}

void
chain_format_link(const struct chain_head *head, int64_t time_us,
    struct text *out)
{
	struct jsonput j;

	start_line(&j, out, "link", time_us);
	JSONPUT_LITERAL(&j, ",\"previous\":\"");
	jsonput_bytes(&j, head->hex, CHAIN_HEX);
	JSONPUT_LITERAL(&j, "\"");
	finish_line(&j, "torn", head->torn);
}

/* Opens the object again for one more member. */
void
chain_format_why(const char *why, struct text *link)
{
	link->n--;
	text_printf(link, ",\"why\":\"%s\"}", why);
}

void
chain_format_key(const struct chain *c, struct text *link)
{
	if (c->id[0] == '\0')
		return;
	link->n--;
	text_printf(link, ",\"key\":\"%s\"", c->id);
	if (c->epoch > 0)
		text_printf(link, ",\"epoch\":%llu",
		    (unsigned long long)c->epoch);
	text_char(link, '}');
}

void
chain_format_mark(const struct chain_head *head, int64_t time_us,
    struct text *out)
{
	struct jsonput j;

	start_line(&j, out, "torn", time_us);
	finish_line(&j, "torn", head->torn);
}

void
chain_format_withdrawal(uint64_t seq, int64_t time_us, struct text *out)
{
	struct jsonput j;

	start_line(&j, out, "withdrawn", time_us);
	finish_line(&j, "of", seq);
}

void
chain_format_gap(uint64_t refusals, int64_t since, int64_t until,
    int64_t time_us, struct text *out)
{
	struct jsonput j;

	start_line(&j, out, "unrecorded", time_us);
	JSONPUT_LITERAL(&j, ",\"refusals\":");
	jsonput_number(&j, refusals);
	JSONPUT_LITERAL(&j, ",\"since\":");
	jsonput_time(&j, since);
	JSONPUT_LITERAL(&j, ",\"until\":");
	jsonput_time(&j, until);
	JSONPUT_LITERAL(&j, "}");
	jsonput_finish(&j);
}

void
chain_format_epoch(uint64_t epoch, int64_t time_us, struct text *out)
{
	struct jsonput j;

	start_line(&j, out, "epoch", time_us);
	finish_line(&j, "ends", epoch);
}
