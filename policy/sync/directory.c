/*
 * libldap's own walk through the protocol; what it does not tell apart, a
 * refresh of all from one of changes, is read from the message that it hands on.
 */
#include <sys/time.h>

#include <errno.h>
#include <ldap.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "policy/sync/directory-internal.h"

enum { SILENCE_S = 20 };

static const char filter[] = "(&(objectClass=sendmailMTAMapObject)"
    "(sendmailMTAMapName=" DIRECTORY_MAP "))";

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
	int client = 0, idle = SILENCE_S, probes = 3, interval = DIRECTORY_SECONDS;
	struct timeval limit = { .tv_sec = DIRECTORY_SECONDS };

	/* The last one makes what the others said of TLS count. */
	return ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version) == 0 &&
	    ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) == 0 &&
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

struct directory *
directory_open(const char *uri, const struct directory_access *access,
    struct sync_entries *entries, struct fault *f)
{
	struct directory *d = calloc(1, sizeof *d);
	int error;

	/* Only what is said here counts. */
	setenv("LDAPNOINIT", "1", 1);
	if (d == NULL || (d->base = strdup(access->base)) == NULL) {
		free(d);
		fault_no_memory(f);
		return NULL;
	}
	d->entries = entries;
	d->uri = uri;
	text_init(&d->cookie, d->cookie_text, sizeof d->cookie_text);
	error = ldap_initialize(&d->ld, uri);
	if (error != LDAP_SUCCESS)
		directory_failed(uri, "no URI of a directory", error, NULL, f);
	else if (!set_up(d->ld, access))
		fault_set(f, FAULT_SETTINGS, "%s: the files of its TLS cannot "
		    "be used", uri);
	else if (strncmp(uri, "ldap:", 5) == 0 &&
	    (error = ldap_start_tls_s(d->ld, NULL, NULL)) != LDAP_SUCCESS)
		directory_failed(uri, "STARTTLS", error, d->ld, f);
	else if (bind_as(d->ld, uri, access, f))
		return d;
	directory_close(d);
	return NULL;
}

void
directory_close(struct directory *d)
{
	if (d == NULL)
		return;
	if (d->syncing) {
		/* These are not libldap's to free. */
		d->sync.ls_base = d->sync.ls_filter = NULL;
		d->sync.ls_attrs = NULL;
		ldap_sync_destroy(&d->sync, 0);
	} else if (d->ld != NULL)
		ldap_unbind_ext(d->ld, NULL, NULL);
	free(d->base);
	free(d);
}

/* What an entry has of an attribute that was asked for. */
struct told {
	const char *name;
	struct berval value; /* the last one, in the message */
	unsigned n;
};
enum { TOLD_KEY, TOLD_VALUE, TOLD_BY, TOLD_N };

/* What would be another line, or another key, in a file of rules. */
static const char *
check_texts(const struct berval *key, const struct berval *value)
{
	if (key->bv_len == 0 || key->bv_val[0] == '#' ||
	    memchr(key->bv_val, '\0', key->bv_len) != NULL ||
	    strpbrk(key->bv_val, " \t\r\n") != NULL)
		return "its key is none: no blank (write +20), no # at the "
		    "beginning";
	if (memchr(value->bv_val, '\0', value->bv_len) != NULL ||
	    strpbrk(value->bv_val, "\r\n") != NULL)
		return "its requirement is more than a line";
	return NULL;
}

/* The caller frees it; NULL with the reason, a constant. */
static char *
line_of(const struct told all[TOLD_N], const char **why)
{
	const struct told *key = &all[TOLD_KEY], *value = &all[TOLD_VALUE];
	char *line = NULL;

	if (key->n != 1)
		*why = "it has not one sendmailMTAKey";
	else if (value->n != 1)
		*why = "it has not one sendmailMTAMapValue";
	else
		*why = check_texts(&key->value, &value->value);
	if (*why == NULL)
		line = malloc(key->value.bv_len + value->value.bv_len + 2);
	if (line != NULL) {
		memcpy(line, key->value.bv_val, key->value.bv_len);
		line[key->value.bv_len] = '\t';
		memcpy(line + key->value.bv_len + 1, value->value.bv_val,
		    value->value.bv_len + 1);
	}
	return line;
}

static void
note_values(struct told all[TOLD_N], const struct berval *attribute,
    BerVarray values)
{
	for (size_t i = 0; i < TOLD_N; i++)
		for (size_t j = 0; values != NULL && values[j].bv_val != NULL &&
		    strcasecmp(attribute->bv_val, all[i].name) == 0; j++) {
			all[i].value = values[j];
			all[i].n++;
		}
}

/*
 * libldap's walk through a message, in place: it ends each string with a NUL,
 * and nothing of the message can be asked for any more.
 */
static int
read_entry(LDAP *ld, LDAPMessage *entry, struct berval *name,
    struct told all[TOLD_N])
{
	struct berval attribute;
	BerElement *ber = NULL;
	BerVarray values;
	int error = ldap_get_dn_ber(ld, entry, &ber, name);

	while (error == LDAP_SUCCESS) {
		values = NULL;
		error = ldap_get_attribute_ber(ld, entry, ber, &attribute,
		    &values);
		if (error != LDAP_SUCCESS || attribute.bv_val == NULL)
			break;
		note_values(all, &attribute, values);
		ber_memfree(values);
	}
	if (ber != NULL)
		ber_free(ber, 0);
	return error;
}

static int
take_entry(struct directory *d, LDAPMessage *entry,
    const unsigned char *uuid)
{
	struct told all[TOLD_N] = { { .name = DIRECTORY_KEY },
		{ .name = DIRECTORY_VALUE }, { .name = DIRECTORY_BY } };
	struct berval name = { 0, NULL };
	const char *why = NULL;
	char *line;
	int error = read_entry(d->ld, entry, &name, all);

	if (error != LDAP_SUCCESS || name.bv_val == NULL)
		return LDAP_DECODING_ERROR;
	line = line_of(all, &why);
	if (line == NULL && why == NULL)
		d->entries->no_memory = true;
	else
		sync_entries_put(d->entries, uuid, name.bv_val, line, why,
		    all[TOLD_BY].n == 1 ? all[TOLD_BY].value.bv_val : "");
	free(line);
	return LDAP_SUCCESS;
}

/* With each message, as the next one's takes the place of it. */
static void
keep_cookie(struct directory *d)
{
	const struct berval *cookie = &d->sync.ls_cookie;

	d->messages++;
	patience_again(&d->patience);
	if (cookie->bv_val != NULL)
		cookie_merge(&d->cookie, slice_make(cookie->bv_val,
		    cookie->bv_len));
}

static int
got_entry(ldap_sync_t *sync, LDAPMessage *message, struct berval *uuid,
    ldap_sync_refresh_t phase)
{
	struct directory *d = sync->ls_private;
	const unsigned char *id = (const unsigned char *)uuid->bv_val;

	keep_cookie(d);
	if (uuid->bv_len != SYNCED_UUID)
		return LDAP_PROTOCOL_ERROR;
	switch (phase) {
	case LDAP_SYNC_CAPI_ADD:
	case LDAP_SYNC_CAPI_MODIFY:
		return take_entry(d, message, id);
	case LDAP_SYNC_CAPI_PRESENT:
		sync_entries_mention(d->entries, id);
		break;
	case LDAP_SYNC_CAPI_DELETE:
		sync_entries_drop(d->entries, id);
		break;
	default:
		return LDAP_PROTOCOL_ERROR;
	}
	return LDAP_SUCCESS;
}

/* A "present" at a refresh's end: who was not mentioned is gone. */
static bool
tells_of_all(LDAP *ld, LDAPMessage *message)
{
	struct berval *data = NULL;
	ber_tag_t tag = LBER_ERROR;
	char *oid = NULL;
	BerElement *ber;
	ber_len_t length;

	if (ldap_parse_intermediate(ld, message, &oid, &data, NULL, 0) ==
	    LDAP_SUCCESS && data != NULL && (ber = ber_init(data)) != NULL) {
		tag = ber_peek_tag(ber, &length);
		ber_free(ber, 1);
	}
	ldap_memfree(oid);
	ber_bvfree(data);
	return tag == LDAP_TAG_SYNC_REFRESH_PRESENT;
}

static int
got_word(ldap_sync_t *sync, LDAPMessage *message, BerVarray uuids,
    ldap_sync_refresh_t phase)
{
	struct directory *d = sync->ls_private;

	keep_cookie(d);
	if (uuids == NULL) {
		if (tells_of_all(d->ld, message))
			d->all = true;
		return LDAP_SUCCESS;
	}
	for (size_t i = 0; uuids[i].bv_val != NULL; i++) {
		const unsigned char *id =
		    (const unsigned char *)uuids[i].bv_val;

		if (uuids[i].bv_len != SYNCED_UUID)
			continue;
		if (phase == LDAP_SYNC_CAPI_DELETES_IDSET)
			sync_entries_drop(d->entries, id);
		else
			sync_entries_mention(d->entries, id);
	}
	return LDAP_SUCCESS;
}

static int
got_end(ldap_sync_t *sync, LDAPMessage *message, int deletes)
{
	struct directory *d = sync->ls_private;

	(void)message;
	(void)deletes;
	d->ended = true;
	return LDAP_SUCCESS;
}

static void
prepare(struct directory *d, struct slice cookie)
{
	struct berval known = { cookie.n, (char *)(uintptr_t)cookie.p };

	ldap_sync_initialize(&d->sync);
	d->syncing = true;
	/* libldap only reads them. */
	d->attributes[0] = (char *)(uintptr_t)DIRECTORY_KEY;
	d->attributes[1] = (char *)(uintptr_t)DIRECTORY_VALUE;
	d->attributes[2] = (char *)(uintptr_t)DIRECTORY_BY;
	d->sync.ls_base = d->base;
	d->sync.ls_scope = LDAP_SCOPE_SUBTREE;
	d->sync.ls_filter = (char *)(uintptr_t)filter;
	d->sync.ls_attrs = d->attributes;
	d->sync.ls_timeout = 0;
	d->sync.ls_search_entry = got_entry;
	d->sync.ls_intermediate = got_word;
	d->sync.ls_search_result = got_end;
	d->sync.ls_private = d;
	d->sync.ls_ld = d->ld;
	if (cookie.n > 0)
		ber_dupbv(&d->sync.ls_cookie, &known);
	text_clear(&d->cookie);
	text_put(&d->cookie, cookie);
}

/*
 * A directory that was restored from a backup and changed since, or another one
 * at the same address, would say of entries that have another past that they are
 * as they were.  So the last changes that are known have to be there.  Where an
 * entry was changed again, deleted or may not be seen, or the cookie names no
 * change, nothing is lost but time.
 */
static bool
has_all_of(struct directory *d, struct slice cookie)
{
	char none[] = LDAP_NO_ATTRS, *attributes[] = { none, NULL };
	struct timeval limit = { .tv_sec = DIRECTORY_SECONDS };
	char last_text[8 * COOKIE_MAX];
	LDAPMessage *message = NULL;
	struct text last;
	size_t n;
	int found;

	text_init(&last, last_text, sizeof last_text);
	n = cookie_filter(cookie, &last);
	if (n == 0 || last.cut)
		return false;
	found = ldap_search_ext_s(d->ld, d->base, LDAP_SCOPE_SUBTREE, last.buf,
	    attributes, 1, NULL, NULL, &limit, 0, &message) == LDAP_SUCCESS ?
	    ldap_count_entries(d->ld, message) : 0;
	ldap_msgfree(message);
	return found >= 0 && (size_t)found >= n;
}

static bool
has_forgotten(const struct directory *d, struct fault *f)
{
	return fault_set(f, FAULT_UNAVAILABLE, "%s: it does not know how far "
	    "it was read; all is read again", d->uri);
}

bool
directory_refresh(struct directory *d, struct slice cookie, bool *forgotten,
    struct fault *f)
{
	int error, fd;

	*forgotten = cookie.n > 0 && !has_all_of(d, cookie);
	if (*forgotten)
		return has_forgotten(d, f);
	d->all = cookie.n == 0;
	sync_entries_begin(d->entries);
	prepare(d, cookie);
	if (ldap_get_option(d->ld, LDAP_OPT_DESC, &fd) != LDAP_SUCCESS ||
	    !patience_start(&d->patience, fd, SILENCE_S))
		return fault_set(f, FAULT_UNAVAILABLE, "%s: there is no clock "
		    "to wait by", d->uri);
	error = ldap_sync_init(&d->sync, LDAP_SYNC_REFRESH_AND_PERSIST);
	patience_end(&d->patience);
	/* Unwilling: it was restored, and is behind what it told before. */
	if (error == LDAP_SYNC_REFRESH_REQUIRED ||
	    (error == LDAP_UNWILLING_TO_PERFORM && cookie.n > 0)) {
		*forgotten = cookie.n > 0;
		return has_forgotten(d, f);
	}
	if (error == LDAP_SUCCESS && d->ended)
		error = LDAP_UNAVAILABLE;
	if (error != LDAP_SUCCESS)
		return directory_failed(d->uri, d->base, error, d->ld, f);
	if (d->all)
		sync_entries_sweep(d->entries);
	return true;
}

/* Until something is there, here or in what TLS has already read. */
static void
wait_for_news(struct directory *d, int ms)
{
	struct pollfd socket = { .events = POLLIN };
	Sockbuf *buffer = NULL;

	if (ldap_get_option(d->ld, LDAP_OPT_SOCKBUF, &buffer) == 0 &&
	    buffer != NULL &&
	    ber_sockbuf_ctrl(buffer, LBER_SB_OPT_DATA_READY, NULL) > 0)
		return;
	/* Without one the next call tells what is wrong. */
	if (ldap_get_option(d->ld, LDAP_OPT_DESC, &socket.fd) == 0)
		(void)poll(&socket, 1, ms);
}

bool
directory_wait(struct directory *d, int ms, struct fault *f)
{
	int error = LDAP_SUCCESS;

	wait_for_news(d, ms);
	/*
	 * What one call has read may be handed out by the next one only; and
	 * directory_answers() may have read news beside its answer.
	 */
	for (int idle = 0; idle < 2 && error == LDAP_SUCCESS && !d->ended;) {
		unsigned long before = d->messages;

		error = ldap_sync_poll(&d->sync);
		idle = d->messages == before ? idle + 1 : 0;
	}
	if (error == LDAP_SUCCESS && d->ended)
		error = LDAP_UNAVAILABLE;
	return error == LDAP_SUCCESS ||
	    directory_failed(d->uri, d->base, error, d->ld, f);
}

bool
directory_answers(struct directory *d, struct fault *f)
{
	char none[] = LDAP_NO_ATTRS;
	char *attributes[] = { none, NULL };
	struct timeval limit = { .tv_sec = DIRECTORY_SECONDS };
	LDAPMessage *message = NULL;
	int error = ldap_search_ext_s(d->ld, d->base, LDAP_SCOPE_BASE, NULL,
	    attributes, 1, NULL, NULL, &limit, 1, &message);

	ldap_msgfree(message);
	return error == LDAP_SUCCESS ||
	    directory_failed(d->uri, d->base, error, d->ld, f);
}

struct slice
directory_cookie(const struct directory *d)
{
	return slice_make(d->cookie.buf, d->cookie.n);
}
