/*
 * OpenSSL is asked once for every suite it can speak; the answers stand in
 * one sorted array, so that judging a session neither allocates nor locks.  When
 * it had no memory for that, it is asked again: else what it did not know then
 * it would never know.
 */
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/facts/suite.h"

static struct {
	pthread_mutex_t lock;
	struct suite *suites; /* sorted by name */
	atomic_size_t n; /* 0: OpenSSL has failed so far */
} known = { .lock = PTHREAD_MUTEX_INITIALIZER };

#define TLS13_SUITES                                                          \
	"TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:"                \
	"TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_SHA256:"                      \
	"TLS_AES_128_CCM_8_SHA256"

static int
compare_names(const void *a, const void *b)
{
	return strcmp(((const struct suite *)a)->name,
	    ((const struct suite *)b)->name);
}

static void
describe(const SSL_CIPHER *cipher, struct suite *suite)
{
	int kx = SSL_CIPHER_get_kx_nid(cipher);

	snprintf(suite->name, sizeof suite->name, "%s",
	    SSL_CIPHER_get_name(cipher));
	suite->id = SSL_CIPHER_get_protocol_id(cipher);
	suite->aead = SSL_CIPHER_is_aead(cipher) == 1;
	suite->authenticated = SSL_CIPHER_get_auth_nid(cipher) != NID_auth_null;
	/* NID_kx_any: TLS 1.3, whose key exchange is always ephemeral here. */
	suite->tls13 = kx == NID_kx_any;
	suite->oldest = suite_protocol(
	    slice_of(SSL_CIPHER_get_version(cipher)));
	suite->pfs = suite->tls13 || kx == NID_kx_ecdhe || kx == NID_kx_dhe ||
	    kx == NID_kx_ecdhe_psk || kx == NID_kx_dhe_psk;
}

/* NULL: there is no such list; or OpenSSL failed, if *failed. */
static SSL_CTX *
context_of(const char *list, const char *tls13, bool *failed)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	*failed = ctx == NULL;
	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, 0);
	if (SSL_CTX_set_ciphersuites(ctx, tls13) == 1 &&
	    (list[0] == '\0' || SSL_CTX_set_cipher_list(ctx, list) == 1))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

static void
load(void)
{
	bool failed;
	SSL_CTX *ctx = context_of("ALL:COMPLEMENTOFALL@SECLEVEL=0",
	    TLS13_SUITES, &failed);
	STACK_OF(SSL_CIPHER) *all;
	int n;

	if (ctx == NULL)
		return;
	all = SSL_CTX_get_ciphers(ctx);
	n = sk_SSL_CIPHER_num(all);
	known.suites = OPENSSL_zalloc((size_t)n * sizeof *known.suites);
	if (known.suites != NULL) {
		for (int i = 0; i < n; i++)
			describe(sk_SSL_CIPHER_value(all, i),
			    &known.suites[i]);
		qsort(known.suites, (size_t)n, sizeof *known.suites,
		    compare_names);
		known.n = (size_t)n;
	}
	SSL_CTX_free(ctx);
}

size_t
suite_count(void)
{
	if (known.n == 0) {
		pthread_mutex_lock(&known.lock);
		if (known.n == 0)
			load();
		pthread_mutex_unlock(&known.lock);
	}
	return known.n;
}

const struct suite *
suite_find(struct slice name)
{
	size_t n = suite_count();
	struct suite wanted;

	if (name.n == 0 || name.n >= sizeof wanted.name || n == 0)
		return NULL;
	memcpy(wanted.name, name.p, name.n);
	wanted.name[name.n] = '\0';
	return bsearch(&wanted, known.suites, n, sizeof wanted,
	    compare_names);
}

const struct suite *
suite_at(size_t i)
{
	return &known.suites[i];
}

static int
compare_ids(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

struct slice
suite_list_word(struct slice *list)
{
	struct slice word = *list;

	slice_next_of(list, ":,;", &word);
	return word;
}

/* The words of `list` that name TLS 1.3 suites, and all the others. */
static void
split_list(struct slice list, struct text *tls13, struct text *rest)
{
	while (list.n > 0) {
		struct slice word = suite_list_word(&list);
		const struct suite *suite = suite_find(word);
		struct text *to = suite != NULL && suite->tls13 ? tls13 : rest;

		if (to->n > 0)
			text_char(to, ':');
		text_put(to, word);
	}
}

static size_t
collect_ids(SSL_CTX *ctx, bool with_older, uint16_t ids[SUITE_LIST_MAX])
{
	STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ctx);
	size_t n = 0;

	for (int i = 0; i < sk_SSL_CIPHER_num(all) && n < SUITE_LIST_MAX; i++) {
		const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(all, i);

		if (with_older || SSL_CIPHER_get_kx_nid(cipher) == NID_kx_any)
			ids[n++] = SSL_CIPHER_get_protocol_id(cipher);
	}
	qsort(ids, n, sizeof ids[0], compare_ids);
	return n;
}

bool
suite_list(struct slice list, uint16_t ids[SUITE_LIST_MAX], size_t *n,
    struct fault *fault)
{
	char tls13_text[512], rest_text[512];
	struct text tls13, rest;
	bool failed = false;
	SSL_CTX *ctx;

	text_init(&tls13, tls13_text, sizeof tls13_text);
	text_init(&rest, rest_text, sizeof rest_text);
	split_list(list, &tls13, &rest);
	ctx = tls13.cut || rest.cut || tls13.n + rest.n == 0 ? NULL :
	    context_of(rest.buf, tls13.buf, &failed);
	if (failed)
		return fault_set(fault, FAULT_SOFTWARE, "OpenSSL failed");
	if (ctx == NULL)
		return fault_set(fault, FAULT_DATA,
		    "\"%.*s\" is not a cipher list that OpenSSL knows",
		    SLICE_ARG(list));
	*n = collect_ids(ctx, rest.n > 0, ids);
	SSL_CTX_free(ctx);
	return true;
}

int
suite_protocol(struct slice name)
{
	static const char *const versions[] = { "1.0", "1.1", "1.2", "1.3" };

	if (slice_starts_nocase(name, "SSLv"))
		return 1;
	if (slice_is_nocase(name, "TLSv1"))
		return 2;
	if (slice_starts_nocase(name, "TLSv"))
		name = slice_from(name, 4);
	for (int i = 0; i < 4; i++)
		if (slice_is(name, versions[i]))
			return 2 + i;
	return 0;
}
