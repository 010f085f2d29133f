/*
 * Which clients a plan decides about must not depend on when they come, to
 * which node, or on anything else that they choose in a session; so their
 * address alone is hashed, together with the plan's id: else the same clients
 * would be the first ones each time.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy/base/folder.h"
#include "policy/store/plan.h"
#include "policy/store/store-internal.h"

bool
plan_path(const char *store, char path[PLAN_PATH_MAX])
{
	int n = snprintf(path, PLAN_PATH_MAX, "%s.plan", store);

	/* LMDB adds "-lock" to the path. */
	return n > 0 && n < PLAN_PATH_MAX - 16;
}

enum lookup_result
plan_read(struct store_reader *reader, struct plan *plan)
{
	static const unsigned char key[] = { FORMAT_SYSTEM, FORMAT_PLAN };
	enum lookup_result result;
	struct slice value;

	memset(plan, 0, sizeof *plan);
	result = store_own(reader, key, sizeof key, &value);
	if (result != LOOKUP_FOUND)
		return result;
	if (value.n != sizeof *plan)
		return store_damaged(reader, "its plan");
	memcpy(plan, value.p, sizeof *plan);
	return plan->id != 0 ? LOOKUP_FOUND :
	    store_damaged(reader, "its plan");
}

/* splitmix64's last step: each bit depends on each. */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

bool
plan_picks(const struct plan *plan, const struct facts *facts)
{
	struct netaddr client;
	uint64_t network = 0;

	if (plan->canary == 0 || !facts_address(facts, false, &client))
		return false;
	for (int i = 0; i < (client.family == 4 ? 4 : 8); i++)
		network = network << 8 | client.bytes[i];
	return mix(mix(plan->id) ^ network) % 100 < plan->canary;
}

void
plan_print_id(uint64_t id, struct text *out)
{
	text_printf(out, "%016llx", (unsigned long long)id);
}

bool
plan_read_id(struct slice hex, uint64_t *id)
{
	*id = 0;
	if (hex.n != PLAN_ID_DIGITS)
		return false;
	for (size_t i = 0; i < hex.n; i++) {
		int digit = text_hex_digit(hex.p[i]);

		if (digit == -1)
			return false;
		*id = *id << 4 | (uint64_t)digit;
	}
	return *id != 0;
}

bool
plan_remove(const char *path, struct fault *fault)
{
	char lock[PLAN_PATH_MAX + 16];

	if (unlink(path) != 0 && errno != ENOENT)
		return fault_errno(fault, FAULT_IO, errno, "cannot remove %s",
		    path);
	snprintf(lock, sizeof lock, "%s-lock", path);
	(void)unlink(lock); /* whoever makes another plan makes it anew */
	return folder_sync(path, fault);
}
