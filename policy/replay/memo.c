/*
 * Sessions stand one behind another in a ring, and a table tells where.  A place
 * counts as long as the ring has not come round to it.
 *
 * Of an address the part before the @ is no matter as long as no rule is about
 * single addresses: then all senders of a domain are one.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/replay/memo.h"

enum {
	RING = 8 * 1024 * 1024,
	PLACES = 1 << 16,
	SESSION_MAX = 2048, /* a longer one is not remembered */
	LOCAL_MAX = 64	    /* RFC 5321, section 4.5.3.1 */
};

struct session {
	uint32_t n;
	unsigned char outcome;
	bool header_missing;
	char key[]; /* n bytes */
};

struct replay_memo {
	bool by_sender, by_recipient; /* there are rules of single addresses */
	bool cut;		      /* the session is too long */
	uint64_t written;	      /* bytes, all in all */
	size_t n;
	uint64_t hash;
	uint64_t place[PLACES];	      /* written before it, plus one; 0: none */
	char key[SESSION_MAX];
	_Alignas(struct session) char ring[RING];
};

static bool
has_addresses(const struct store_reader *reader, enum tag tag)
{
	return store_has_kind(reader, tag, KEY_MAILBOX);
}

struct replay_memo *
replay_memo_new(const struct replay *p)
{
	struct replay_memo *m;

	if (p->prepare != NULL || p->reader_of != NULL || p->trace != NULL ||
	    (m = calloc(1, sizeof *m)) == NULL)
		return NULL;
	m->by_sender = has_addresses(p->reader, TAG_FROM);
	m->by_recipient = has_addresses(p->reader, TAG_TO);
	return m;
}

void
replay_memo_free(struct replay_memo *m)
{
	free(m);
}

static void
add(struct replay_memo *m, const void *bytes, size_t n)
{
	if (n > SESSION_MAX - m->n) {
		m->cut = true;
		return;
	}
	if (n > 0)
		memcpy(m->key + m->n, bytes, n);
	m->n += n;
}

static void
add_slice(struct replay_memo *m, struct slice s)
{
	uint32_t n = (uint32_t)s.n;

	m->cut |= s.n > SESSION_MAX;
	add(m, &n, sizeof n);
	if (!m->cut)
		add(m, s.p, s.n);
}

/* Letters, digits and what no way of writing an address gives a meaning. */
static bool
is_plain(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '.' || c == '-' ||
		    c == '_'))
			return false;
	}
	return s.n > 0;
}

/* `whole`: by the part before the @, too. */
static void
add_address(struct replay_memo *m, struct slice address, bool whole)
{
	struct slice inner = address;
	char is_domain;
	size_t at;

	if (inner.n > 2 && inner.p[0] == '<' && inner.p[inner.n - 1] == '>')
		inner = slice_make(inner.p + 1, inner.n - 2);
	at = slice_find(inner, '@');
	is_domain = !whole && at < inner.n && at <= LOCAL_MAX &&
	    is_plain(slice_make(inner.p, at)) &&
	    is_plain(slice_from(inner, at + 1));
	add(m, &is_domain, 1);
	add_slice(m, is_domain ? slice_from(inner, at + 1) : address);
}

/* What no rule, no setting and no way to judge looks at. */
static bool
is_idle(enum fact_id id)
{
	return id == FACT_QUEUE_ID || id == FACT_HELO ||
	    id == FACT_CLIENT_PORT;
}

static void
add_facts(struct replay_memo *m, const struct facts *facts)
{
	for (int i = 0; i < FACT_COUNT; i++) {
		enum fact_id id = (enum fact_id)i;
		const struct fact *fact = &facts->fact[i];
		char state = (char)fact->state;

		if (is_idle(id))
			continue;
		add(m, &state, 1);
		if (fact->state != FACT_KNOWN)
			continue;
		if (id == FACT_MAIL_ADDR || id == FACT_MAIL_RESOLVED) {
			add_address(m, fact->raw, m->by_sender);
			continue;
		}
		add_slice(m, fact->raw);
		if (fact->raw.p != fact->value.p)
			add_slice(m, fact->value);
	}
}

static void
make_key(struct replay_memo *m, const struct reader_record *r)
{
	int64_t seconds = r->time_us / 1000000;
	int64_t day = seconds / 86400 - (seconds % 86400 < 0);
	char flags[] = { (char)r->facts.dialect, r->monitor, r->exempt,
		r->event == RECORD_MESSAGE, r->resolved != NULL };

	m->n = 0;
	m->cut = false;
	add(m, flags, sizeof flags);
	add(m, &day, sizeof day);
	add_facts(m, &r->facts);
	for (size_t i = 0; !m->cut && i < r->nrcpts; i++) {
		add_address(m, r->rcpts[i], m->by_recipient);
		if (r->resolved != NULL)
			add_address(m, r->resolved[i], m->by_recipient);
	}
}

static uint64_t
hash(const char *key, size_t n)
{
	uint64_t h = 14695981039346656037U, word;

	for (; n >= sizeof word; key += sizeof word, n -= sizeof word) {
		memcpy(&word, key, sizeof word);
		h = (h ^ word) * 1099511628211U;
		h ^= h >> 29;
	}
	for (; n > 0; key++, n--)
		h = (h ^ (unsigned char)*key) * 1099511628211U;
	return h ^ h >> 32;
}

static struct session *
at(struct replay_memo *m, uint64_t where)
{
	return (struct session *)(void *)(m->ring + where % RING);
}

bool
replay_memo_recall(struct replay_memo *m, const struct reader_record *r,
    enum replay_outcome *outcome, bool *header_missing)
{
	const struct session *s;
	uint64_t place;

	if (m == NULL)
		return false;
	make_key(m, r);
	if (m->cut)
		return false;
	m->hash = hash(m->key, m->n);
	place = m->place[m->hash % PLACES];
	if (place == 0 || m->written - (place - 1) > RING)
		return false;
	s = at(m, place - 1);
	if (s->n != m->n || memcmp(s->key, m->key, m->n) != 0)
		return false;
	*outcome = (enum replay_outcome)s->outcome;
	*header_missing = s->header_missing;
	return true;
}

void
replay_memo_note(struct replay_memo *m, const struct replay *p)
{
	size_t align = _Alignof(struct session), n;
	struct session *s;

	if (m == NULL || m->cut)
		return;
	n = (sizeof *s + m->n + align - 1) / align * align;
	/* None goes over the end of the ring. */
	if (RING - m->written % RING < n)
		m->written += RING - m->written % RING;
	m->place[m->hash % PLACES] = m->written + 1;
	s = at(m, m->written);
	s->n = (uint32_t)m->n;
	s->outcome = (unsigned char)p->outcome;
	s->header_missing = p->header_missing;
	memcpy(s->key, m->key, m->n);
	m->written += n;
}
