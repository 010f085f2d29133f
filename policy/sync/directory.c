/* Connections: who is believed, and as whom we come. */
#include <sys/time.h>

#include <stdlib.h>
#include <string.h>

#include "policy/sync/directory-internal.h"

bool
directory_failed(const char *uri, const char *what, int error, LDAP *ld,
    struct fault *f)
{
	char *why = NULL;

	if (ld != NULL)
		ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &why);
	fault_set(f, FAULT_UNAVAILABLE, "%s: %s: %s%s%s", uri, what,
	    ldap_err2string(error), why != NULL && *why != '\0' ? ": " : "",
	    why != NULL ? why : "");
	ldap_memfree(why);
	return false;
}

static bool
set_file(LDAP *ld, int option, const char *path)
{
	return path[0] == '\0' ||
	    ldap_set_option(ld, option, path) == LDAP_SUCCESS;
}

static bool
set_up(LDAP *ld, const struct directory_access *access)
{
	int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND;
	int client = 0, idle = DIRECTORY_SILENCE, probes = 3, interval = DIRECTORY_SECONDS;
	struct timeval limit = { .tv_sec = DIRECTORY_SECONDS };

	/*
	 * LDAP_OPT_X_TLS_NEWCTX, the last, brings the TLS options before it
	 * into force.
	 */
	return ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version) == 0 &&
	    ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) == 0 &&
	    ldap_set_option(ld, LDAP_OPT_RESTART, LDAP_OPT_ON) == 0 &&
	    ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &limit) == 0 &&
	    ldap_set_option(ld, LDAP_OPT_TIMEOUT, &limit) == 0 &&
	    ldap_set_option(ld, LDAP_OPT_X_KEEPALIVE_IDLE, &idle) == 0 &&
	    ldap_set_option(ld, LDAP_OPT_X_KEEPALIVE_PROBES, &probes) == 0 &&
	    ldap_set_option(ld, LDAP_OPT_X_KEEPALIVE_INTERVAL, &interval) ==
	    0 &&
	    set_file(ld, LDAP_OPT_X_TLS_CACERTFILE, access->ca_file) &&
	    set_file(ld, LDAP_OPT_X_TLS_CERTFILE, access->certificate_file) &&
	    set_file(ld, LDAP_OPT_X_TLS_KEYFILE, access->key_file) &&
	    ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) == 0 &&
	    ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client) == 0;
}

static bool
bind_as(LDAP *ld, const char *uri, const struct directory_access *access,
    struct fault *f)
{
	char nothing[] = "";
	struct berval secret = { 0, nothing };
	const char *mechanism = LDAP_SASL_SIMPLE, *name = access->bind;
	int error;

	if (strcmp(name, "external") == 0) {
		mechanism = "EXTERNAL";
		name = NULL;
	} else {
		secret.bv_val = (char *)(uintptr_t)access->password;
		secret.bv_len = strlen(access->password);
	}
	error = ldap_sasl_bind_s(ld, name, mechanism, &secret, NULL, NULL,
	    NULL);
	return error == LDAP_SUCCESS ||
	    directory_failed(uri, "cannot bind", error, ld, f);
}

/*
 * Patience begins with the connection's first byte: OpenSSL and libldap wait
 * without limit for the rest of a handshake or message.
 */
static int
is_connected(LDAP *ld, Sockbuf *buffer, LDAPURLDesc *url, struct sockaddr *to,
    struct ldap_conncb *callback)
{
	struct directory *d = callback->lc_arg;
	int fd;

	(void)ld;
	(void)url;
	(void)to;
	return ber_sockbuf_ctrl(buffer, LBER_SB_OPT_GET_FD, &fd) == 1 &&
	    patience_start(&d->patience, fd, DIRECTORY_SILENCE) ? 0 : -1;
}

static void
is_disconnected(LDAP *ld, Sockbuf *buffer, struct ldap_conncb *callback)
{
	struct directory *d = callback->lc_arg;

	(void)ld;
	(void)buffer;
	patience_end(&d->patience);
}

static bool
watch(struct directory *d)
{
	d->callback.lc_add = is_connected;
	d->callback.lc_del = is_disconnected;
	d->callback.lc_arg = d;
	return ldap_set_option(d->ld, LDAP_OPT_CONNECT_CB, &d->callback) ==
	    LDAP_SUCCESS;
}

/*
 * A buffer below TLS spares two of three read(2) a message.  Added once TLS has
 * begun, it cannot hold bytes that came in clear before.
 */
static bool
read_ahead(LDAP *ld)
{
	enum { LEVEL = (LBER_SBIOD_LEVEL_PROVIDER +
	    LBER_SBIOD_LEVEL_TRANSPORT) / 2 };
	Sockbuf *buffer = NULL;

	return ldap_get_option(ld, LDAP_OPT_SOCKBUF, &buffer) ==
	    LDAP_SUCCESS && buffer != NULL && ber_sockbuf_add_io(buffer,
	    &ber_sockbuf_io_readahead, LEVEL, NULL) == 0;
}

struct directory *
directory_open(const char *uri, const struct directory_access *access,
    struct sync_entries *entries, struct fault *f)
{
	struct directory *d = calloc(1, sizeof *d);
	int error;

	/* No ldap.conf(5) and no environment: only the settings count. */
	setenv("LDAPNOINIT", "1", 1);
	if (d == NULL || (d->base = strdup(access->base)) == NULL ||
	    (d->state = ber_alloc_t(LBER_USE_DER)) == NULL) {
		directory_close(d);
		fault_no_memory(f);
		return NULL;
	}
	d->entries = entries;
	d->uri = uri;
	text_init(&d->cookie, d->cookie_text, sizeof d->cookie_text);
	error = ldap_initialize(&d->ld, uri);
	if (error != LDAP_SUCCESS)
		directory_failed(uri, "no URI of a directory", error, NULL, f);
	else if (!watch(d) || !set_up(d->ld, access))
		fault_set(f, FAULT_SETTINGS, "%s: the files of its TLS cannot "
		    "be used", uri);
	else if (strncmp(uri, "ldap:", 5) == 0 &&
	    (error = ldap_start_tls_s(d->ld, NULL, NULL)) != LDAP_SUCCESS)
		directory_failed(uri, "STARTTLS", error, d->ld, f);
	else if (!bind_as(d->ld, uri, access, f))
		;
	else if (!read_ahead(d->ld))
		fault_no_memory(f);
	else {
		patience_rest(&d->patience);
		return d;
	}
	directory_close(d);
	return NULL;
}

void
directory_close(struct directory *d)
{
	if (d == NULL)
		return;
	if (d->ld != NULL)
		ldap_unbind_ext(d->ld, NULL, NULL);
	patience_end(&d->patience);
	if (d->state != NULL)
		ber_free(d->state, 0);
	free(d->base);
	free(d);
}

struct slice
directory_cookie(const struct directory *d)
{
	return slice_make(d->cookie.buf, d->cookie.n);
}
