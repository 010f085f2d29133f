#include <stdlib.h>
#include <string.h>

#include "policy/audit/keyring.h"

struct keyring {
	struct chain *plain;
	struct chain **chains;
	size_t n;
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

void
keyring_free(struct keyring *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->n; i++)
		chain_free(k->chains[i]);
	chain_free(k->plain);
	free(k->chains);
	free(k);
}

static bool
append(struct keyring *k, struct slice key, struct fault *fault)
{
	struct chain **chains = realloc(k->chains,
	    (k->n + 1) * sizeof chains[0]);

	if (chains == NULL)
		return fault_no_memory(fault);
	k->chains = chains;
	if ((chains[k->n] = chain_new(key, fault)) == NULL)
		return false;
	k->n++;
	return true;
}

bool
keyring_add(struct keyring *k, const char *path, struct fault *fault)
{
	char key[CHAIN_KEY_MAX];
	size_t n = 0;
	bool good = chain_read_key(path, key, &n, fault) &&
	    append(k, slice_make(key, n), fault);

	explicit_bzero(key, sizeof key);
	return good;
}

bool
keyring_has_keys(const struct keyring *k)
{
	return k->n > 0;
}

struct chain *
keyring_of_link(struct keyring *k, const struct chain_link *link)
{
	for (size_t i = 0; i < k->n; i++)
		if (strcmp(chain_id(k->chains[i]), link->key) == 0)
			return k->chains[i];
	return NULL;
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

	return chain_compute(c, before, line, hex) &&
	    memcmp(hex, line->hex.p, CHAIN_HEX) == 0;
}

struct chain *
keyring_of_line(struct keyring *k, const char before[CHAIN_HEX],
    const struct chain_line *line)
{
	for (size_t i = 0; i < k->n; i++)
		if (seals(k->chains[i], before, line))
			return k->chains[i];
	return seals(k->plain, before, line) ? k->plain : NULL;
}

struct chain *
keyring_first(struct keyring *k)
{
	return k->n > 0 ? k->chains[0] : k->plain;
}
