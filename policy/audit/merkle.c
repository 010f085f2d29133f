#include <string.h>

#include "policy/audit/chain-key.h"
#include "policy/audit/merkle.h"

void
merkle_init(struct merkle *m)
{
	m->n = 0;
}

bool
merkle_leaf(struct chain *hasher, struct slice line, char hex[CHAIN_HEX + 1])
{
	struct slice parts[2] = { line, slice_make("\n", 1) };

	return chain_hash(hasher, parts, 2, hex);
}

static bool
node(struct chain *hasher, const char *left, const char *right, char *hex)
{
	struct slice parts[2] = { slice_make(left, CHAIN_HEX),
		slice_make(right, CHAIN_HEX) };

	return chain_hash(hasher, parts, 2, hex);
}

/* hash[i] is of 2^i leaves, where the number of leaves has that bit. */
bool
merkle_add(struct merkle *m, struct chain *hasher, const char leaf[CHAIN_HEX])
{
	char hex[CHAIN_HEX + 1];
	unsigned i;

	memcpy(hex, leaf, CHAIN_HEX);
	hex[CHAIN_HEX] = '\0';
	for (i = 0; (m->n >> i & 1) != 0; i++)
		if (!node(hasher, m->hash[i], hex, hex))
			return false;
	memcpy(m->hash[i], hex, sizeof hex);
	m->n++;
	return true;
}

bool
merkle_root(const struct merkle *m, struct chain *hasher,
    char hex[CHAIN_HEX + 1])
{
	bool first = true;

	for (unsigned i = 0; i < MERKLE_LEVELS && m->n >> i != 0; i++) {
		if ((m->n >> i & 1) == 0)
			continue;
		if (first)
			memcpy(hex, m->hash[i], CHAIN_HEX + 1);
		else if (!node(hasher, m->hash[i], hex, hex))
			return false;
		first = false;
	}
	return !first;
}

static bool
root_of(const char (*leaves)[CHAIN_HEX + 1], uint64_t n, struct chain *hasher,
    char *hex)
{
	struct merkle m;

	merkle_init(&m);
	for (uint64_t i = 0; i < n; i++)
		if (!merkle_add(&m, hasher, leaves[i]))
			return false;
	return merkle_root(&m, hasher, hex);
}

/* The largest power of two below n. */
static uint64_t
split(uint64_t n)
{
	uint64_t k = 1;

	while (2 * k < n)
		k *= 2;
	return k;
}

bool
merkle_path(const char (*leaves)[CHAIN_HEX + 1], uint64_t n, uint64_t at,
    struct chain *hasher, void (*step)(void *arg, bool left, const char *hex),
    void *arg)
{
	char hex[CHAIN_HEX + 1];
	uint64_t k = split(n);
	bool low = at < k;

	if (n <= 1)
		return true;
	if (!(low ? merkle_path(leaves, k, at, hasher, step, arg) :
	    merkle_path(leaves + k, n - k, at - k, hasher, step, arg)) ||
	    !(low ? root_of(leaves + k, n - k, hasher, hex) :
	    root_of(leaves, k, hasher, hex)))
		return false;
	step(arg, !low, hex);
	return true;
}
