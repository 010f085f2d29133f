/*
 * RFC 4533, message by message.
 *
 * libldap's own walk, ldap_sync_init() and ldap_sync_poll(), is not used: what
 * these are handed as a chain they take for the first message of it over and
 * over again, so that changes which come while the server is asked whether it is
 * still there are lost; and during a refresh they forget what was wrong with an
 * entry.  Here each message is asked for by itself, and one that cannot be taken
 * ends the connection.
 */
#include <sys/time.h>

#include <poll.h>
#include <string.h>

#include "policy/sync/directory-internal.h"

enum {
	MESSAGES_AT_ONCE = 1000 /* then what they say has its turn */
};

static const char filter[] = "(&(objectClass=" ENTRYNAME_CLASS ")"
    "(" ENTRYNAME_MAP "=" ENTRYNAME_OUR_MAP "))";

static bool
broken(const struct directory *d, const char *what, struct fault *f)
{
	return fault_set(f, FAULT_UNAVAILABLE, "%s: it does not keep to RFC "
	    "4533: %s", d->uri, what);
}

static void
keep_cookie(struct directory *d, const struct berval *cookie)
{
	if (cookie->bv_val != NULL)
		cookie_merge(&d->cookie, slice_make(cookie->bv_val,
		    cookie->bv_len));
}

/* The next element is maybe a cookie.  False: it is broken. */
static bool
read_cookie(BerElement *ber, struct berval *cookie)
{
	ber_len_t length;

	*cookie = (struct berval){ 0, NULL };
	return ber_peek_tag(ber, &length) != LDAP_TAG_SYNC_COOKIE ||
	    ber_scanf(ber, "m", cookie) != LBER_ERROR;
}

/* The next element, if it is a boolean; the flag stays if it is not. */
static bool
read_flag(BerElement *ber, ber_int_t *flag)
{
	ber_len_t length;

	return ber_peek_tag(ber, &length) != LDAP_TAG_REFRESHDONE ||
	    ber_scanf(ber, "b", flag) != LBER_ERROR;
}

/* Takes the control of an entry's state, whose entry has this UUID. */
static bool
apply_state(struct directory *d, LDAPMessage *message, ber_int_t state,
    const struct berval *uuid)
{
	const unsigned char *id = (const unsigned char *)uuid->bv_val;

	if (uuid->bv_len != SYNCED_UUID)
		return false;
	switch (state) {
	case LDAP_SYNC_ADD:
	case LDAP_SYNC_MODIFY:
		return directory_take_entry(d, message, id);
	case LDAP_SYNC_PRESENT:
		sync_entries_mention(d->entries, id);
		return true;
	case LDAP_SYNC_DELETE:
		sync_entries_drop(d->entries, id);
		return true;
	default:
		return false;
	}
}

static bool
read_state(struct directory *d, LDAPMessage *message, struct berval *control)
{
	struct berval uuid = { 0, NULL }, cookie;
	ber_int_t state = -1;
	bool good;

	/* Read in place: copies for 200,000 entries take 20 milliseconds. */
	ber_init2(d->state, control, 0);
	good = ber_scanf(d->state, "{em", &state, &uuid) != LBER_ERROR &&
	    read_cookie(d->state, &cookie) &&
	    apply_state(d, message, state, &uuid);
	if (good)
		keep_cookie(d, &cookie);
	return good;
}

static bool
got_entry(struct directory *d, LDAPMessage *message, struct fault *f)
{
	LDAPControl **controls = NULL, *state = NULL;
	bool good;

	if (ldap_get_entry_controls(d->ld, message, &controls) == LDAP_SUCCESS)
		state = ldap_control_find(LDAP_CONTROL_SYNC_STATE, controls,
		    NULL);
	good = state != NULL && read_state(d, message, &state->ldctl_value);
	ldap_controls_free(controls);
	return good || broken(d, "an entry without its state", f);
}

static bool
apply_set(struct directory *d, const struct berval *uuids, bool gone)
{
	for (size_t i = 0; uuids != NULL && uuids[i].bv_val != NULL; i++) {
		const unsigned char *id =
		    (const unsigned char *)uuids[i].bv_val;

		if (uuids[i].bv_len != SYNCED_UUID)
			return false;
		if (gone)
			sync_entries_drop(d->entries, id);
		else
			sync_entries_mention(d->entries, id);
	}
	return true;
}

static bool
read_set(struct directory *d, BerElement *ber)
{
	struct berval cookie;
	BerVarray uuids = NULL;
	ber_int_t gone = 0;
	bool good = ber_scanf(ber, "{") != LBER_ERROR &&
	    read_cookie(ber, &cookie) && read_flag(ber, &gone) &&
	    ber_scanf(ber, "[W]}", &uuids) != LBER_ERROR &&
	    apply_set(d, uuids, gone != 0);

	if (good)
		keep_cookie(d, &cookie);
	ber_bvarray_free(uuids);
	return good;
}

/*
 * The end of a phase, and of the refresh unless the message says otherwise.  A
 * "present" phase has mentioned all entries that there are.
 */
static bool
read_end(struct directory *d, BerElement *ber, bool present)
{
	struct berval cookie;
	ber_int_t done = 1;

	if (ber_scanf(ber, "{") == LBER_ERROR || !read_cookie(ber, &cookie) ||
	    !read_flag(ber, &done) || ber_scanf(ber, "}") == LBER_ERROR)
		return false;
	keep_cookie(d, &cookie);
	if (!d->refreshed) {
		d->all |= present;
		d->refreshed = done != 0;
	}
	return true;
}

static bool
read_word(struct directory *d, BerElement *ber)
{
	struct berval cookie = { 0, NULL };
	ber_len_t length;

	switch (ber_peek_tag(ber, &length)) {
	case LDAP_TAG_SYNC_NEW_COOKIE:
		if (ber_scanf(ber, "m", &cookie) == LBER_ERROR)
			return false;
		keep_cookie(d, &cookie);
		return true;
	case LDAP_TAG_SYNC_REFRESH_DELETE:
		return read_end(d, ber, false);
	case LDAP_TAG_SYNC_REFRESH_PRESENT:
		return read_end(d, ber, true);
	case LDAP_TAG_SYNC_ID_SET:
		return read_set(d, ber);
	default:
		return false;
	}
}

static bool
got_word(struct directory *d, LDAPMessage *message, struct fault *f)
{
	struct berval *data = NULL;
	BerElement *ber = NULL;
	char *oid = NULL;
	bool good = ldap_parse_intermediate(d->ld, message, &oid, &data, NULL,
	    0) == LDAP_SUCCESS && oid != NULL && data != NULL &&
	    strcmp(oid, LDAP_SYNC_INFO) == 0 &&
	    (ber = ber_init(data)) != NULL && read_word(d, ber);

	if (ber != NULL)
		ber_free(ber, 1);
	ldap_memfree(oid);
	ber_bvfree(data);
	return good || broken(d, "a message that says nothing of it", f);
}

/* The search has a result: a search that is to last has ended. */
static bool
got_result(struct directory *d, LDAPMessage *message, struct fault *f)
{
	int error = LDAP_OTHER;

	if (ldap_parse_result(d->ld, message, &error, NULL, NULL, NULL, NULL,
	    0) != LDAP_SUCCESS)
		error = LDAP_DECODING_ERROR;
	if (error == LDAP_SUCCESS)
		error = LDAP_UNAVAILABLE;
	d->result = error;
	return directory_failed(d->uri, d->base, error, d->ld, f);
}

static bool
take_message(struct directory *d, int type, LDAPMessage *message,
    struct fault *f)
{
	switch (type) {
	case LDAP_RES_SEARCH_ENTRY:
		return got_entry(d, message, f);
	case LDAP_RES_INTERMEDIATE:
		return got_word(d, message, f);
	case LDAP_RES_SEARCH_RESULT:
		return got_result(d, message, f);
	case LDAP_RES_SEARCH_REFERENCE:
		return fault_set(f, FAULT_UNAVAILABLE, "%s: %s: it sends to "
		    "another server for a part of the entries, which is not "
		    "asked", d->uri, d->base);
	default:
		return broken(d, "a message of another kind", f);
	}
}

/* The next message within so many seconds; *got: there was one. */
static bool
next_message(struct directory *d, int seconds, bool *got, struct fault *f)
{
	struct timeval limit = { .tv_sec = seconds };
	LDAPMessage *message = NULL;
	int error = LDAP_SERVER_DOWN, type;
	bool good;

	type = ldap_result(d->ld, d->id, LDAP_MSG_ONE, &limit, &message);
	*got = type > 0;
	if (type < 0) {
		ldap_get_option(d->ld, LDAP_OPT_RESULT_CODE, &error);
		return directory_failed(d->uri, d->base, error, NULL, f);
	}
	if (type == 0)
		return true;
	patience_again(&d->patience);
	good = take_message(d, type, message, f);
	ldap_msgfree(message);
	return good;
}

static bool
ask(struct directory *d, struct slice cookie, struct fault *f)
{
	static const char *const names[] = { ENTRYNAME_KEY, ENTRYNAME_VALUE,
		DIRECTORY_BY, NULL };
	struct berval known = { cookie.n, (char *)(uintptr_t)cookie.p };
	LDAPControl control = { .ldctl_iscritical = 1,
		.ldctl_oid = (char *)(uintptr_t)LDAP_CONTROL_SYNC };
	LDAPControl *controls[] = { &control, NULL };
	BerElement *ber = ber_alloc_t(LBER_USE_DER);
	int error = LDAP_NO_MEMORY;

	text_clear(&d->cookie);
	text_put(&d->cookie, cookie);
	if (ber != NULL && (cookie.n > 0 ? ber_printf(ber, "{eOb}",
	    LDAP_SYNC_REFRESH_AND_PERSIST, &known, 0) : ber_printf(ber, "{eb}",
	    LDAP_SYNC_REFRESH_AND_PERSIST, 0)) != -1 &&
	    ber_flatten2(ber, &control.ldctl_value, 0) != -1)
		/* libldap only reads them. */
		error = ldap_search_ext(d->ld, d->base, LDAP_SCOPE_SUBTREE,
		    filter, (char **)(uintptr_t)names, 0, controls, NULL,
		    NULL, LDAP_NO_LIMIT, &d->id);
	if (ber != NULL)
		ber_free(ber, 1);
	return error == LDAP_SUCCESS ||
	    directory_failed(d->uri, d->base, error, d->ld, f);
}

static bool
read_all(struct directory *d, struct fault *f)
{
	bool got = true;

	while (!d->refreshed) {
		if (!next_message(d, DIRECTORY_SILENCE, &got, f))
			return false;
		if (!got)
			return directory_failed(d->uri, d->base, LDAP_TIMEOUT,
			    NULL, f);
	}
	return true;
}

/*
 * A directory that was restored from a backup and changed since, or another one
 * at the same address, would say of entries that have another past that they are
 * as they were.  So the last changes that are known have to be there.  Where an
 * entry was changed again, deleted or may not be seen, or the cookie names no
 * change, nothing is lost but time.  False: it does not answer.
 */
static bool
has_all_of(struct directory *d, struct slice cookie, bool *has, struct fault *f)
{
	char none[] = LDAP_NO_ATTRS, *attributes[] = { none, NULL };
	struct timeval limit = { .tv_sec = DIRECTORY_SECONDS };
	char last_text[8 * COOKIE_MAX];
	LDAPMessage *message = NULL;
	struct text last;
	int error, found = -1;
	size_t n;

	text_init(&last, last_text, sizeof last_text);
	n = cookie_filter(cookie, &last);
	*has = false;
	if (n == 0 || last.cut)
		return true;
	error = ldap_search_ext_s(d->ld, d->base, LDAP_SCOPE_SUBTREE, last.buf,
	    attributes, 1, NULL, NULL, &limit, 0, &message);
	if (error == LDAP_SUCCESS)
		found = ldap_count_entries(d->ld, message);
	ldap_msgfree(message);
	*has = found >= 0 && (size_t)found >= n;
	/* libldap's own errors: nobody has answered. */
	return error >= 0 ||
	    directory_failed(d->uri, d->base, error, d->ld, f);
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
	bool good, has = true;

	*forgotten = false;
	patience_again(&d->patience);
	if (cookie.n > 0 && !has_all_of(d, cookie, &has, f))
		return false;
	*forgotten = !has;
	if (*forgotten)
		return has_forgotten(d, f);
	d->all = cookie.n == 0;
	d->refreshed = false;
	d->result = LDAP_SUCCESS;
	sync_entries_begin(d->entries);
	good = ask(d, cookie, f) && read_all(d, f);
	patience_rest(&d->patience);
	/* Unwilling: it was restored, and is behind what it told before. */
	if (d->result == LDAP_SYNC_REFRESH_REQUIRED ||
	    (d->result == LDAP_UNWILLING_TO_PERFORM && cookie.n > 0)) {
		*forgotten = cookie.n > 0;
		return has_forgotten(d, f);
	}
	if (good && d->all)
		sync_entries_sweep(d->entries);
	return good;
}

/* Waits until a message is in libldap's or TLS's buffers, or on the socket. */
static void
wait_for_news(struct directory *d, int ms)
{
	struct pollfd socket = { .events = POLLIN };
	Sockbuf *buffer = NULL;

	if (ldap_get_option(d->ld, LDAP_OPT_SOCKBUF, &buffer) == 0 &&
	    buffer != NULL &&
	    ber_sockbuf_ctrl(buffer, LBER_SB_OPT_DATA_READY, NULL) > 0)
		return;
	/* No descriptor: the next call says why. */
	if (ldap_get_option(d->ld, LDAP_OPT_DESC, &socket.fd) == 0)
		(void)poll(&socket, 1, ms);
}

bool
directory_wait(struct directory *d, int ms, struct fault *f)
{
	bool good = true, got = true;

	wait_for_news(d, ms);
	/* directory_answers() may have read news beside its answer. */
	patience_again(&d->patience);
	for (int n = 0; good && got && n < MESSAGES_AT_ONCE; n++)
		good = next_message(d, 0, &got, f);
	patience_rest(&d->patience);
	return good;
}

bool
directory_answers(struct directory *d, struct fault *f)
{
	char none[] = LDAP_NO_ATTRS;
	char *attributes[] = { none, NULL };
	struct timeval limit = { .tv_sec = DIRECTORY_SECONDS };
	LDAPMessage *message = NULL;
	int error;

	patience_again(&d->patience);
	error = ldap_search_ext_s(d->ld, d->base, LDAP_SCOPE_BASE, NULL,
	    attributes, 1, NULL, NULL, &limit, 1, &message);
	patience_rest(&d->patience);
	ldap_msgfree(message);
	return error == LDAP_SUCCESS ||
	    directory_failed(d->uri, d->base, error, d->ld, f);
}
