#include <stdlib.h>
#include <string.h>

#include "policy/audit/keyring.h"

struct entry {
	struct chain *chain;
	struct chain_key first; /* of a ratchet, as it was given */
	struct chain_key now;	/* the chain's */
};

struct keyring {
	struct chain *plain;
	struct entry **entries;
	size_t n;
	bool failed; /* to make the key of a later epoch */
};

struct keyring *
keyring_new(struct fault *fault)
{
	struct keyring *k = calloc(1, sizeof *k);

	if (k == NULL) {
		fault_no_memory(fault);
		return NULL;
	}
	if ((k->plain = chain_new(slice_make("", 0), fault)) != NULL)
		return k;
	free(k);
	return NULL;
}

static void
entry_free(struct entry *e)
{
	chain_free(e->chain);
	chain_wipe_key(&e->first);
	chain_wipe_key(&e->now);
	free(e);
}

void
keyring_free(struct keyring *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->n; i++)
		entry_free(k->entries[i]);
	chain_free(k->plain);
	free(k->entries);
	free(k);
}

/* A new entry with room for its chain.  NULL: out of memory. */
static struct entry *
new_entry(struct keyring *k, struct fault *fault)
{
	struct entry **entries = realloc(k->entries,
	    (k->n + 1) * sizeof entries[0]);
	struct entry *e;

	if (entries != NULL)
		k->entries = entries;
	if (entries == NULL || (e = calloc(1, sizeof *e)) == NULL) {
		fault_no_memory(fault);
		return NULL;
	}
	return e;
}

/* `chain` NULL: the fault says why. */
static bool
append(struct keyring *k, struct entry *e, struct chain *chain)
{
	if ((e->chain = chain) == NULL) {
		entry_free(e);
		return false;
	}
	k->entries[k->n++] = e;
	return true;
}

static bool
append_key(struct keyring *k, const struct chain_key *key,
    struct fault *fault)
{
	struct entry *e = new_entry(k, fault);

	if (e != NULL && key->epoch > 0)
		e->first = e->now = *key;
	return e != NULL && append(k, e, chain_of_key(key, fault));
}

bool
keyring_add(struct keyring *k, const char *path, struct fault *fault)
{
	struct chain_key key;
	bool good = chain_read_key(path, &key, fault) &&
	    append_key(k, &key, fault);

	chain_wipe_key(&key);
	return good;
}

static bool
copy_entry(struct keyring *k, const struct entry *from, struct fault *fault)
{
	struct entry *e = new_entry(k, fault);

	if (e == NULL)
		return false;
	e->first = from->first;
	e->now = from->now;
	return append(k, e, chain_copy(from->chain, fault));
}

struct keyring *
keyring_copy(const struct keyring *k, struct fault *fault)
{
	struct keyring *copy = keyring_new(fault);

	for (size_t i = 0; copy != NULL && i < k->n; i++)
		if (!copy_entry(copy, k->entries[i], fault)) {
			keyring_free(copy);
			copy = NULL;
		}
	return copy;
}

bool
keyring_has_keys(const struct keyring *k)
{
	return k->n > 0;
}

/* NULL: OpenSSL failed. */
static struct chain *
chain_at(struct keyring *k, struct entry *e, uint64_t epoch)
{
	if (e->now.epoch == epoch)
		return e->chain;
	if (e->now.epoch > epoch)
		e->now = e->first;
	while (e->now.epoch < epoch)
		if (!chain_advance_key(&e->now)) {
			k->failed = true;
			return NULL;
		}
	return chain_set_key(e->chain, &e->now) ? e->chain : NULL;
}

struct chain *
keyring_of_link(struct keyring *k, const struct chain_link *link)
{
	for (size_t i = 0; i < k->n; i++) {
		struct entry *e = k->entries[i];

		if (strcmp(chain_id(e->chain), link->key) != 0 ||
		    (e->first.epoch > 0) != (link->epoch > 0))
			continue;
		if (link->epoch >= e->first.epoch)
			return link->epoch == 0 ? e->chain :
			    chain_at(k, e, link->epoch);
	}
	return NULL;
}

bool
keyring_has_failed(const struct keyring *k)
{
	bool failed = k->failed || chain_has_failed(k->plain);

	for (size_t i = 0; i < k->n; i++)
		failed = failed || chain_has_failed(k->entries[i]->chain);
	return failed;
}

uint64_t
keyring_begins(const struct keyring *k, const char *id)
{
	uint64_t first = 0;

	for (size_t i = 0; i < k->n; i++) {
		const struct entry *e = k->entries[i];

		if (strcmp(chain_id(e->chain), id) == 0 &&
		    (first == 0 || e->first.epoch < first))
			first = e->first.epoch;
	}
	return first;
}

struct chain *
keyring_plain(struct keyring *k)
{
	return k->plain;
}

static bool
seals(struct chain *c, const char *before, const struct chain_line *line)
{
	char hex[CHAIN_HEX + 1];

	return chain_compute(c, before, line->body, hex) &&
	    memcmp(hex, line->hex.p, CHAIN_HEX) == 0;
}

struct chain *
keyring_of_line(struct keyring *k, const char before[CHAIN_HEX],
    const struct chain_line *line)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->entries[i]->first.epoch == 0 &&
		    seals(k->entries[i]->chain, before, line))
			return k->entries[i]->chain;
	return seals(k->plain, before, line) ? k->plain : NULL;
}

struct chain *
keyring_first(struct keyring *k)
{
	return k->n > 0 ? k->entries[0]->chain : k->plain;
}
