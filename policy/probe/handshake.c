/*
 * Verification never ends the handshake: its result is what the probe is to
 * find out.  Anonymous suites are offered by themselves or not at all, since a
 * server that prefers them would then show no certificate.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>

#include "policy/cert/certerror.h"
#include "policy/cert/certificate.h"
#include "policy/probe/handshake.h"

static int
go_on(int ok, X509_STORE_CTX *ctx)
{
	(void)ok;
	(void)ctx;
	return 1;
}

/* Called when, and only when, the server asks for a certificate. */
static int
note_request(SSL *ssl, void *arg)
{
	struct probe_result *result = SSL_get_app_data(ssl);

	(void)arg;
	result->asked_for_certificate = true;
	result->presented_certificate = SSL_get_certificate(ssl) != NULL;
	return 1;
}

static int
no_password(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	*(bool *)arg = true;
	return -1;
}

/*
 * Why OpenSSL has read nothing: it does not tell a file that fails from an
 * empty one.
 */
static int
read_error(const char *path)
{
	FILE *in = fopen(path, "re");
	int error = 0;
	char buf[4096];

	if (in == NULL)
		return errno;
	while (fread(buf, 1, sizeof buf, in) > 0)
		;
	if (ferror(in))
		error = errno;
	fclose(in);
	return error;
}

static bool
bad_file(const char *path, const char *why, struct fault *f)
{
	int error = certerror_take();

	if (error == 0)
		error = read_error(path);
	fault_set(f, error == 0 ? FAULT_DATA : FAULT_NOINPUT, "%s",
	    error == 0 ? why : strerror(error));
	fault_at(f, path, 0, 0);
	return false;
}

static bool
load_ca(SSL_CTX *ctx, const char *ca, struct fault *f)
{
	struct stat st;
	bool directory = ca != NULL && stat(ca, &st) == 0 &&
	    S_ISDIR(st.st_mode);

	if (ca == NULL)
		return SSL_CTX_set_default_verify_paths(ctx) == 1;
	if (SSL_CTX_load_verify_locations(ctx, directory ? NULL : ca,
	    directory ? ca : NULL) == 1)
		return true;
	return bad_file(ca, "no CA certificate in it", f);
}

static bool
load_certificate(SSL_CTX *ctx, const struct probe_settings *settings,
    struct fault *f)
{
	const char *key = settings->key != NULL ? settings->key :
	    settings->certificate;
	bool encrypted = false, good;

	if (settings->certificate == NULL)
		return true;
	if (SSL_CTX_use_certificate_chain_file(ctx, settings->certificate) != 1)
		return bad_file(settings->certificate,
		    "no certificate in PEM form", f);
	SSL_CTX_set_default_passwd_cb(ctx, no_password);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, &encrypted);
	good = SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1;
	SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
	if (encrypted)
		return bad_file(key, "the private key is encrypted; decrypt a "
		    "copy with: openssl pkey -in KEY -out PLAINKEY", f);
	if (!good)
		return bad_file(key, "no private key in PEM form that belongs "
		    "to the certificate", f);
	return true;
}

SSL_CTX *
handshake_context(const struct probe_settings *settings, bool anonymous,
    struct fault *f)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	ERR_clear_error();
	if (ctx == NULL) {
		fault_set(f, FAULT_UNAVAILABLE, "OpenSSL cannot make a context");
		return NULL;
	}
	SSL_CTX_set_security_level(ctx, 0);
	/* TLS 1.3 has no anonymous suites. */
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, anonymous ? TLS1_2_VERSION :
	    0) != 1 || SSL_CTX_set_cipher_list(ctx, anonymous ?
	    "aNULL:!eNULL" : "ALL:!aNULL:!eNULL") != 1)
		fault_set(f, FAULT_UNAVAILABLE, "OpenSSL offers no suites");
	else if (load_ca(ctx, settings->ca, f) &&
	    load_certificate(ctx, settings, f)) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, go_on);
		SSL_CTX_set_cert_cb(ctx, note_request, NULL);
		return ctx;
	}
	SSL_CTX_free(ctx);
	return NULL;
}

static bool
is_address(const char *host)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, host, bytes) == 1 ||
	    inet_pton(AF_INET6, host, bytes) == 1;
}

static void
take_key_exchange(SSL *ssl, struct text *out)
{
	EVP_PKEY *key = NULL;

	if (SSL_get_peer_tmp_key(ssl, &key) == 1)
		certificate_key(key, out);
	else if (SSL_CIPHER_get_kx_nid(SSL_get_current_cipher(ssl)) ==
	    NID_kx_rsa)
		text_puts(out, "RSA");
#if OPENSSL_VERSION_NUMBER >= 0x30200000L
	/* Hybrid groups have no key of one kind. */
	else if (SSL_get0_group_name(ssl) != NULL)
		text_puts(out, SSL_get0_group_name(ssl));
#endif
	EVP_PKEY_free(key);
}

static void
take_session(SSL *ssl, const char *host, struct probe_result *result)
{
	struct text exchange;

	snprintf(result->version, sizeof result->version, "%s",
	    SSL_get_version(ssl));
	snprintf(result->cipher, sizeof result->cipher, "%s",
	    SSL_get_cipher_name(ssl));
	text_init(&exchange, result->key_exchange,
	    sizeof result->key_exchange);
	take_key_exchange(ssl, &exchange);
	result->bits = SSL_get_cipher_bits(ssl, NULL);
	result->certificate = SSL_get1_peer_certificate(ssl);
	result->chain = sk_X509_num(SSL_get_peer_cert_chain(ssl));
	result->verify_result = SSL_get_verify_result(ssl);
	result->name_matches = result->certificate != NULL &&
	    certificate_matches(result->certificate, host);
}

enum smtp_result
handshake_run(SSL_CTX *ctx, const char *host, bool named, struct smtp *s,
    struct probe_result *result)
{
	SSL *ssl = SSL_new(ctx);
	enum smtp_result done;

	if (ssl == NULL) {
		snprintf(s->error, sizeof s->error, "out of memory");
		return SMTP_FAILED;
	}
	SSL_set_app_data(ssl, result);
	if (named && !is_address(host))
		SSL_set_tlsext_host_name(ssl, host);
	done = smtp_handshake(s, ssl);
	if (done == SMTP_OK)
		take_session(ssl, host, result);
	return done;
}
