/*
 * Lists by the client's port, which spreads well, and one by age.  The lock is
 * held for the time of a few comparisons.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "milter/feed/feedtable.h"

enum { LISTS = 1024 };

struct entry {
	TAILQ_ENTRY(entry) in_list, in_age;
	unsigned list;
	size_t size;
	struct netaddr client;
	uint64_t number; /* in the order in which they were told */
	int64_t told_ms;
	struct feedrequest said; /* its values point to text[] */
	char text[];
};

TAILQ_HEAD(entries, entry);

struct feedtable {
	pthread_mutex_t lock;
	struct entries list[LISTS], by_age; /* the oldest first */
	unsigned n;
	size_t bytes;
	uint64_t told; /* the latest one's number */
};

struct feedtable *
feedtable_new(void)
{
	struct feedtable *t = malloc(sizeof *t);

	if (t == NULL)
		return NULL;
	pthread_mutex_init(&t->lock, NULL);
	TAILQ_INIT(&t->by_age);
	for (int i = 0; i < LISTS; i++)
		TAILQ_INIT(&t->list[i]);
	t->n = 0;
	t->bytes = 0;
	t->told = 0;
	return t;
}

static void
remove_entry(struct feedtable *t, struct entry *e)
{
	TAILQ_REMOVE(&t->list[e->list], e, in_list);
	TAILQ_REMOVE(&t->by_age, e, in_age);
	t->n--;
	t->bytes -= e->size;
	free(e);
}

void
feedtable_free(struct feedtable *t)
{
	struct entry *e;

	if (t == NULL)
		return;
	while ((e = TAILQ_FIRST(&t->by_age)) != NULL)
		remove_entry(t, e);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/*
 * Removes the oldest entries until there is room for `more`, and none is too
 * old.
 */
static void
remove_old(struct feedtable *t, const struct entry *more, int64_t now_ms)
{
	unsigned n = more == NULL ? 0 : 1;
	size_t bytes = more == NULL ? 0 : more->size;
	struct entry *e;

	while ((e = TAILQ_FIRST(&t->by_age)) != NULL &&
	    (t->n + n > FEEDTABLE_MAX ||
	    t->bytes + bytes > FEEDTABLE_BYTES_MAX ||
	    now_ms - e->told_ms > FEEDTABLE_KEEP_MS))
		remove_entry(t, e);
}

/* The list of a client's port; false where the port is not known. */
static bool
find_list(struct slice port, unsigned *list)
{
	unsigned long number;

	if (!text_number(port, 65535, &number) || number == 0)
		return false;
	*list = (unsigned)number % LISTS;
	return true;
}

static bool
same_netaddr(const struct netaddr *a, const struct netaddr *b)
{
	return a->family == b->family &&
	    netaddr_common_bits(a, b) == netaddr_bits(a);
}

static bool
same_address(struct slice a, struct slice b)
{
	struct netaddr x, y;

	return netaddr_parse(a, &x) && netaddr_parse(b, &y) &&
	    same_netaddr(&x, &y);
}

/* An address or port that one of the two does not know is no difference. */
static bool
same_end(struct slice addr, struct slice port, struct slice other_addr,
    struct slice other_port)
{
	return (addr.n == 0 || other_addr.n == 0 ||
	    same_address(addr, other_addr)) && (port.n == 0 ||
	    other_port.n == 0 || slice_equal(port, other_port));
}

static bool
same_connection(const struct entry *e, const struct feedrequest *r,
    const struct netaddr *client)
{
	const struct slice *a = e->said.value, *b = r->value;

	return same_netaddr(&e->client, client) &&
	    slice_equal(a[FEED_CLIENT_PORT], b[FEED_CLIENT_PORT]) &&
	    same_end(a[FEED_SERVER_ADDR], a[FEED_SERVER_PORT],
	    b[FEED_SERVER_ADDR], b[FEED_SERVER_PORT]);
}

static struct entry *
copy_request(const struct feedrequest *r, int64_t now_ms)
{
	struct entry *e;
	size_t n = 0;
	char *p;

	for (int i = 0; i < FEED_ATTRIBUTES; i++)
		n += r->value[i].n;
	if ((e = calloc(1, sizeof *e + n)) == NULL)
		return NULL;
	e->size = sizeof *e + n;
	p = e->text;
	for (int i = 0; i < FEED_ATTRIBUTES; i++) {
		struct slice value = r->value[i];

		if (value.n > 0)
			memcpy(p, value.p, value.n);
		e->said.value[i] = slice_make(p, value.n);
		p += value.n;
	}
	e->told_ms = now_ms;
	return e;
}

uint64_t
feedtable_mark(struct feedtable *t)
{
	uint64_t mark;

	pthread_mutex_lock(&t->lock);
	mark = t->told;
	pthread_mutex_unlock(&t->lock);
	return mark;
}

static bool
same_fingerprints(const struct entry *a, const struct entry *b)
{
	return slice_equal(a->said.value[FEED_FINGERPRINT],
	    b->said.value[FEED_FINGERPRINT]) &&
	    slice_equal(a->said.value[FEED_KEY_FINGERPRINT],
	    b->said.value[FEED_KEY_FINGERPRINT]);
}

bool
feedtable_put(struct feedtable *t, const struct feedrequest *r, int64_t now_ms)
{
	struct netaddr client;
	struct entry *e, *other, *next;
	unsigned list;

	if (!netaddr_parse(r->value[FEED_CLIENT_ADDR], &client) ||
	    !find_list(r->value[FEED_CLIENT_PORT], &list))
		return false;
	e = slice_is(r->value[FEED_STATE], "RCPT") ?
	    copy_request(r, now_ms) : NULL;
	pthread_mutex_lock(&t->lock);
	remove_old(t, e, now_ms);
	for (other = TAILQ_FIRST(&t->list[list]); other != NULL; other = next) {
		next = TAILQ_NEXT(other, in_list);
		if (same_connection(other, r, &client) && (e == NULL ||
		    same_fingerprints(e, other)))
			remove_entry(t, other);
	}
	if (e != NULL) {
		e->number = ++t->told;
		e->client = client;
		e->list = list;
		TAILQ_INSERT_TAIL(&t->list[list], e, in_list);
		TAILQ_INSERT_TAIL(&t->by_age, e, in_age);
		t->n++;
		t->bytes += e->size;
	}
	pthread_mutex_unlock(&t->lock);
	return e != NULL;
}

/*
 * `typed` is <"a b"@example.com>, `plain` what smtpd(8) has made of it, without
 * quotes: those are no difference.
 */
static bool
same_mailbox(struct slice plain, struct slice typed)
{
	size_t i = 0;

	if (typed.n >= 2 && typed.p[0] == '<' && typed.p[typed.n - 1] == '>')
		typed = slice_make(typed.p + 1, typed.n - 2);
	for (size_t j = 0; j < typed.n; j++) {
		if (i < plain.n && typed.p[j] == plain.p[i])
			i++;
		else if (typed.p[j] != '"' && typed.p[j] != '\\')
			return false;
	}
	return i == plain.n;
}

static bool
is_mailbox(struct slice plain, const struct facts *f, enum fact_id typed,
    enum fact_id resolved)
{
	return same_mailbox(plain, facts_raw(f, typed)) ||
	    (facts_known(f, resolved) &&
	    same_mailbox(plain, facts_raw(f, resolved)));
}

static bool
same_bits(struct slice said, const struct facts *f)
{
	unsigned long bits;

	if (!text_number(said, 65535, &bits))
		bits = 0;
	return bits == facts_number(f, FACT_CIPHER_BITS);
}

static bool
same_certificate(struct slice xtext, struct slice name)
{
	char buf[4096];
	struct text decoded;

	text_init(&decoded, buf, sizeof buf);
	text_put_xdecoded(&decoded, xtext);
	return !decoded.cut && slice_equal(slice_make(buf, decoded.n), name);
}

static bool
is_of_session(const struct entry *e, const struct facts *f)
{
	const struct slice *said = e->said.value;

	return same_address(said[FEED_CLIENT_ADDR],
	    facts_value(f, FACT_CLIENT_ADDR)) &&
	    slice_equal(said[FEED_CLIENT_PORT],
	    facts_value(f, FACT_CLIENT_PORT)) &&
	    same_end(said[FEED_SERVER_ADDR], said[FEED_SERVER_PORT],
	    facts_value(f, FACT_DAEMON_ADDR),
	    facts_value(f, FACT_DAEMON_PORT)) &&
	    slice_equal(said[FEED_TLS_VERSION],
	    facts_value(f, FACT_TLS_VERSION)) &&
	    slice_equal(said[FEED_CIPHER], facts_value(f, FACT_CIPHER)) &&
	    same_bits(said[FEED_CIPHER_BITS], f) &&
	    is_mailbox(said[FEED_SENDER], f, FACT_MAIL_ADDR,
	    FACT_MAIL_RESOLVED) &&
	    is_mailbox(said[FEED_RECIPIENT], f, FACT_RCPT_ADDR,
	    FACT_RCPT_RESOLVED) &&
	    same_certificate(said[FEED_SUBJECT],
	    facts_value(f, FACT_CN_SUBJECT)) &&
	    same_certificate(said[FEED_ISSUER],
	    facts_value(f, FACT_CN_ISSUER));
}

static bool
put_fact(struct facts *f, enum fact_id id, struct slice value)
{
	if (value.n > 0)
		return facts_set(f, id, value, false);
	facts_set_state(f, id, FACT_ABSENT);
	return true;
}

static enum feedtable_result
put_facts(const struct entry *e, struct facts *f)
{
	return put_fact(f, FACT_FINGERPRINT, e->said.value[FEED_FINGERPRINT]) &&
	    put_fact(f, FACT_KEY_FINGERPRINT,
	    e->said.value[FEED_KEY_FINGERPRINT]) ? FEEDTABLE_TOLD :
	    FEEDTABLE_NO_MEMORY;
}

enum feedtable_result
feedtable_take(struct feedtable *t, struct facts *f, uint64_t mark,
    int64_t now_ms)
{
	enum feedtable_result result = FEEDTABLE_NOTHING;
	struct entry *e, *next, *told = NULL;
	bool differ = false;
	unsigned list;

	if (!find_list(facts_value(f, FACT_CLIENT_PORT), &list))
		return result;
	pthread_mutex_lock(&t->lock);
	remove_old(t, NULL, now_ms);
	for (e = TAILQ_FIRST(&t->list[list]); e != NULL; e = next) {
		next = TAILQ_NEXT(e, in_list);
		if (!is_of_session(e, f))
			continue;
		if (e->number > mark && told == NULL)
			told = e;
		else {
			differ |= e->number > mark;
			remove_entry(t, e);
		}
	}
	if (told != NULL) {
		if (!differ)
			result = put_facts(told, f);
		remove_entry(t, told);
	}
	pthread_mutex_unlock(&t->lock);
	return result;
}

unsigned
feedtable_count(struct feedtable *t)
{
	unsigned n;

	pthread_mutex_lock(&t->lock);
	n = t->n;
	pthread_mutex_unlock(&t->lock);
	return n;
}
