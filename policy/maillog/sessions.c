/*
 * Chained hashing over entries that are all allocated at first; the list from
 * newest to oldest runs through those in use and ends in the free ones, so
 * that taking the oldest is also how a free one is found.
 */
#include <stdlib.h>

#include "policy/maillog/sessions.h"

struct sessions {
	struct session *all, **buckets;
	struct session *newest, *oldest;
	size_t room, used;
	uint64_t forgotten;
};

struct sessions *
sessions_new(size_t n)
{
	struct sessions *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->room = n;
	t->all = calloc(n, sizeof *t->all);
	t->buckets = calloc(n, sizeof(struct session *));
	if (t->all != NULL && t->buckets != NULL)
		return t;
	sessions_free(t);
	return NULL;
}

void
sessions_free(struct sessions *t)
{
	if (t == NULL)
		return;
	free(t->all);
	free(t->buckets);
	free(t);
}

static size_t
bucket_of(const struct sessions *t, struct slice key)
{
	return (size_t)slice_hash(key) & (t->room - 1);
}

static void
unlink_age(struct sessions *t, struct session *s)
{
	if (s->newer != NULL)
		s->newer->older = s->older;
	else
		t->newest = s->older;
	if (s->older != NULL)
		s->older->newer = s->newer;
	else
		t->oldest = s->newer;
}

static void
make_newest(struct sessions *t, struct session *s)
{
	s->newer = NULL;
	s->older = t->newest;
	if (t->newest != NULL)
		t->newest->newer = s;
	else
		t->oldest = s;
	t->newest = s;
}

static void
make_oldest(struct sessions *t, struct session *s)
{
	s->older = NULL;
	s->newer = t->oldest;
	if (t->oldest != NULL)
		t->oldest->older = s;
	else
		t->newest = s;
	t->oldest = s;
}

struct session *
sessions_find(struct sessions *t, struct slice key)
{
	struct session *s = t->buckets[bucket_of(t, key)];

	while (s != NULL && !(s->nkey == key.n &&
	    memcmp(s->key, key.p, key.n) == 0))
		s = s->next;
	if (s != NULL && s != t->newest) {
		unlink_age(t, s);
		make_newest(t, s);
	}
	return s;
}

static void
unlink_bucket(struct sessions *t, struct session *s)
{
	struct session **at = &t->buckets[bucket_of(t,
	    slice_make(s->key, s->nkey))];

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
}

/* Entries that were never used are taken first: they cost no memory yet. */
static struct session *
take_free(struct sessions *t)
{
	struct session *s = t->oldest;

	if (s != NULL && s->nkey == 0) {
		unlink_age(t, s);
		return s;
	}
	if (t->used < t->room)
		return &t->all[t->used++];
	t->forgotten++;
	unlink_age(t, s);
	unlink_bucket(t, s);
	return s;
}

struct session *
sessions_put(struct sessions *t, struct slice key)
{
	struct session *s = sessions_find(t, key), **bucket;

	if (key.n == 0 || key.n > SESSIONS_KEY_MAX)
		return NULL;
	if (s != NULL)
		sessions_remove(t, s);
	s = take_free(t);
	memset(s, 0, sizeof *s);
	memcpy(s->key, key.p, key.n);
	s->nkey = (unsigned char)key.n;
	bucket = &t->buckets[bucket_of(t, key)];
	s->next = *bucket;
	*bucket = s;
	make_newest(t, s);
	return s;
}

void
sessions_remove(struct sessions *t, struct session *s)
{
	unlink_bucket(t, s);
	unlink_age(t, s);
	s->nkey = 0;
	make_oldest(t, s);
}

void
sessions_forget(struct sessions *t)
{
	memset(t->buckets, 0, t->room * sizeof(struct session *));
	t->newest = t->oldest = NULL;
	t->used = 0;
}

size_t
sessions_count(const struct sessions *t)
{
	size_t n = 0;

	for (const struct session *s = t->newest; s != NULL && s->nkey != 0;
	    s = s->older)
		n++;
	return n;
}

struct session *
sessions_oldest(const struct sessions *t)
{
	struct session *s = t->oldest;

	while (s != NULL && s->nkey == 0)
		s = s->newer;
	return s;
}

uint64_t
sessions_forgotten(const struct sessions *t)
{
	return t->forgotten;
}

bool
sessions_copy(char *field, size_t size, struct slice s)
{
	field[0] = '\0';
	if (s.n >= size || slice_find(s, '\0') < s.n)
		return false;
	if (s.n > 0)
		memcpy(field, s.p, s.n);
	field[s.n] = '\0';
	return true;
}

void
sessions_copy_tls(struct session *to, const struct session *from)
{
	to->tls = from->tls;
	to->matched = from->matched;
	memcpy(to->version, from->version, sizeof to->version);
	memcpy(to->cipher, from->cipher, sizeof to->cipher);
	memcpy(to->bits, from->bits, sizeof to->bits);
	memcpy(to->verify, from->verify, sizeof to->verify);
}

bool
sessions_same_client(const struct session *a, const struct session *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->addr, b->addr) == 0;
}
