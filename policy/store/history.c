/*
 * Reading generations.  What is not what was written is damage, and is told:
 * who looks for a culprit must not be given another one.
 */
#include <string.h>

#include "policy/store/history-internal.h"
#include "policy/store/store-internal.h"

static const char *const how_names[GENERATION_HOW_COUNT] = {
	[GENERATION_BUILD] = "build",
	[GENERATION_SET] = "set",
	[GENERATION_DEL] = "del",
	[GENERATION_ROLLBACK] = "rollback",
	[GENERATION_APPLY] = "apply",
	[GENERATION_SYNC] = "sync",
};

const char *
history_how_name(unsigned how)
{
	return how < GENERATION_HOW_COUNT ? how_names[how] : "";
}

static void
put_big_endian(uint64_t value, size_t n, unsigned char *out)
{
	while (n > 0) {
		out[--n] = (unsigned char)value;
		value >>= 8;
	}
}

void
history_key(uint64_t number, uint32_t part, unsigned char key[HISTORY_KEY])
{
	key[0] = FORMAT_SYSTEM;
	key[1] = FORMAT_GENERATION;
	put_big_endian(number, 8, key + 2);
	put_big_endian(part, 4, key + 10);
}

static struct slice
take(struct slice *rest, size_t n)
{
	struct slice text = slice_make(rest->p, n);

	*rest = slice_from(*rest, n);
	return text;
}

bool
history_read_head(struct slice value, uint64_t number,
    struct format_generation *head, struct generation *g)
{
	if (value.n < sizeof *head)
		return false;
	memcpy(head, value.p, sizeof *head);
	value = slice_from(value, sizeof *head);
	if (head->number != number || value.n != (uint64_t)head->login +
	    head->host + head->message + head->sources + head->settings)
		return false;
	*g = (struct generation){ .number = number, .time = head->time,
		.how = head->how, .back_to = head->back_to, .uid = head->uid,
		.rules = head->rules, .added = head->added,
		.removed = head->removed, .changed = head->changed,
		.first = head->before == 0, .parts_sum = head->parts_sum,
		.parts = head->parts };
	g->login = take(&value, head->login);
	g->host = take(&value, head->host);
	g->message = take(&value, head->message);
	g->sources = take(&value, head->sources);
	g->other_settings = head->settings > 0;
	g->old_settings = take(&value, head->settings);
	memcpy(g->rules_digest, head->rules_digest, DIGEST_BYTES);
	memcpy(g->settings_digest, head->settings_digest, DIGEST_BYTES);
	return true;
}

static enum lookup_result
get(struct store_reader *reader, uint64_t number, uint32_t part,
    struct slice *value, uint64_t *sum)
{
	const struct store_txn *r = reader->txn;
	unsigned char key[HISTORY_KEY];
	MDB_val k = { sizeof key, key }, v;

	history_key(number, part, key);
	if (snapshot_get(&r->snapshot, key, sizeof key, value) != LOOKUP_FOUND)
		return store_damaged(reader, "a generation is missing");
	v = (MDB_val){ value->n, (void *)(uintptr_t)value->p };
	*sum = format_sum(&k, &v);
	return LOOKUP_FOUND;
}

bool
history_start(struct history *h, struct store_reader *reader)
{
	*h = (struct history){ .reader = reader, .sum = reader->info.head,
		.number = reader->info.generation };
	return store_settings(reader, &h->settings) != LOOKUP_FAILED;
}

enum lookup_result
history_next(struct history *h, struct generation *g)
{
	struct store_reader *reader = h->reader;
	struct format_generation head;
	struct slice value;
	uint64_t sum;

	if (reader->info.oldest == 0 || h->number < reader->info.oldest)
		return LOOKUP_ABSENT;
	if (get(reader, h->number, 0, &value, &sum) != LOOKUP_FOUND)
		return LOOKUP_FAILED;
	if (sum != h->sum ||
	    !history_read_head(value, h->number, &head, g))
		return store_damaged(reader, "a generation is not what was "
		    "written");
	g->settings = h->settings;
	if (g->other_settings)
		h->settings = g->old_settings;
	h->sum = head.before;
	h->number--;
	return LOOKUP_FOUND;
}

enum lookup_result
history_find(struct store_reader *reader, uint64_t number,
    struct generation *g)
{
	enum lookup_result result;
	struct history h;

	if (!history_start(&h, reader))
		return LOOKUP_FAILED;
	do
		result = history_next(&h, g);
	while (result == LOOKUP_FOUND && g->number > number);
	return result == LOOKUP_FOUND && g->number != number ? LOOKUP_ABSENT :
	    result;
}

const char *
history_find_policy(struct store_reader *reader)
{
	struct store_txn *r = reader->txn;
	char hex[DIGEST_HEX + 1] = "";
	struct generation g;
	struct history h;
	struct text out;

	text_init(&out, hex, sizeof hex);
	if (history_start(&h, reader) && history_next(&h, &g) == LOOKUP_FOUND)
		digest_print(g.rules_digest, &out);
	memcpy(r->policy, hex, DIGEST_SHORT);
	r->policy[DIGEST_SHORT] = '\0';
	r->policy_read = true;
	return reader->policy = r->policy;
}

bool
history_next_change(struct slice *rest, struct history_change *c)
{
	struct format_change head;
	struct slice s = *rest;

	if (s.n < sizeof head)
		return false;
	memcpy(&head, s.p, sizeof head);
	s = slice_from(s, sizeof head);
	if (s.n < (uint64_t)head.key_bytes + head.old_bytes + head.new_bytes)
		return false;
	c->key_bytes = take(&s, head.key_bytes);
	c->old = take(&s, head.old_bytes);
	c->new = take(&s, head.new_bytes);
	*rest = s;
	return c->key_bytes.n >= KEY_HEAD && c->key_bytes.n <= KEY_MAX;
}

/* The sum of parts comes first: nothing in them is believed before. */
static bool
are_whole(struct store_reader *reader, const struct generation *g)
{
	uint64_t all = 0, sum;
	struct slice value;

	for (uint32_t part = 1; part <= g->parts; part++) {
		if (get(reader, g->number, part, &value, &sum) != LOOKUP_FOUND)
			return false;
		all += sum;
	}
	if (all != g->parts_sum)
		store_damaged(reader, "a generation is not what was written");
	return all == g->parts_sum;
}

bool
history_changes(struct store_reader *reader, const struct generation *g,
    bool (*each)(void *, const struct history_change *), void *arg)
{
	struct history_change change;
	struct slice rest;
	uint64_t sum;

	if (!are_whole(reader, g))
		return false;
	for (uint32_t part = 1; part <= g->parts; part++) {
		if (get(reader, g->number, part, &rest, &sum) != LOOKUP_FOUND)
			return false;
		while (history_next_change(&rest, &change))
			if (!each(arg, &change))
				return true;
		if (rest.n > 0) {
			store_damaged(reader, "a change");
			return false;
		}
	}
	return true;
}
