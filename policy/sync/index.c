#include <stdlib.h>
#include <string.h>

#include "policy/rules/item.h"
#include "policy/sync/index.h"

enum { HEADS_MIN = 1024, CHUNK = 64 * 1024 };

uint64_t
sync_place_of(enum sync_place kind, struct slice what)
{
	char low[KEY_TEXT_MAX];
	uint64_t hash;

	if ((kind == PLACE_CITAG || kind == PLACE_ISSUER) &&
	    what.n <= sizeof low) {
		for (size_t i = 0; i < what.n; i++)
			low[i] = what.p[i] >= 'A' && what.p[i] <= 'Z' ?
			    (char)(what.p[i] | 0x20) : what.p[i];
		what.p = low;
	}
	hash = slice_hash(what);
	return (hash + kind) * UINT64_C(0x9e3779b97f4a7c15);
}

void
sync_places_of(const struct rule *rule, void (*each)(void *, enum sync_place,
    struct slice what), void *arg)
{
	enum tag tag = key_bytes_tag(rule_key_bytes(rule));
	struct requirement r;
	struct fault ignored;
	struct key key;

	each(arg, PLACE_KEY, rule_key_bytes(rule));
	if (tag == TAG_PROFILE)
		each(arg, PLACE_PROFILES, slice_make("", 0));
	if (tag == TAG_CA)
		each(arg, PLACE_ISSUER, slice_make(rule_key(rule).p,
		    slice_find(rule_key(rule), ':')));
	if ((rule->flags & (RULE_AS | RULE_CITAG)) == 0 ||
	    !requirement_parse(rule_requirement(rule), tag, &r, &ignored))
		return;
	if (r.need == NEED_AS && key_profile(r.profile, &key))
		each(arg, PLACE_PROFILE, slice_make((const char *)key.bytes,
		    key.n));
	for (unsigned i = 0; i < r.nitems; i++)
		if (r.items[i].row->id == ITEM_CITAG)
			each(arg, PLACE_CITAG, r.items[i].value);
}

void
sync_index_init(struct sync_index *index)
{
	memset(index, 0, sizeof *index);
	arena_init(&index->links, CHUNK);
}

void
sync_index_free(struct sync_index *index)
{
	free(index->heads);
	arena_free(&index->links);
	sync_index_init(index);
}

bool
sync_index_renew(struct sync_index *index, size_t n)
{
	size_t size = HEADS_MIN;

	while (size < n)
		size *= 2;
	sync_index_free(index);
	index->heads = calloc(size, sizeof *index->heads);
	if (index->heads != NULL)
		index->size = size;
	return index->heads != NULL;
}

static struct sync_link **
head_of(const struct sync_index *index, uint64_t place)
{
	return &index->heads[(size_t)(place >> 20) & (index->size - 1)];
}

static bool
grow(struct sync_index *index)
{
	size_t size = index->size, bigger = size > 0 ? 2 * size : HEADS_MIN;
	struct sync_link **old = index->heads;

	index->heads = calloc(bigger, sizeof *index->heads);
	if (index->heads == NULL) {
		index->heads = old;
		return false;
	}
	index->size = bigger;
	for (size_t i = 0; i < size; i++)
		while (old[i] != NULL) {
			struct sync_link *link = old[i];
			struct sync_link **head = head_of(index, link->place);

			old[i] = link->next;
			link->next = *head;
			*head = link;
		}
	free(old);
	return true;
}

/* A link that was removed, or a new one; NULL: no memory. */
static struct sync_link *
take_link(struct sync_index *index)
{
	struct sync_link *link = index->unused;

	if (link == NULL)
		return arena_alloc(&index->links, sizeof *link);
	index->unused = link->next;
	return link;
}

bool
sync_index_add(struct sync_index *index, uint64_t place,
    const unsigned char uuid[SYNCED_UUID])
{
	struct sync_link *link, **head;

	if (index->n >= index->size && !grow(index))
		return false;
	if ((link = take_link(index)) == NULL)
		return false;
	head = head_of(index, place);
	*link = (struct sync_link){ .place = place, .next = *head };
	memcpy(link->uuid, uuid, SYNCED_UUID);
	*head = link;
	index->n++;
	return true;
}

void
sync_index_remove(struct sync_index *index, uint64_t place,
    const unsigned char uuid[SYNCED_UUID])
{
	struct sync_link **at, *link;

	if (index->size == 0)
		return;
	for (at = head_of(index, place); (link = *at) != NULL;
	    at = &link->next)
		if (link->place == place &&
		    memcmp(link->uuid, uuid, SYNCED_UUID) == 0) {
			*at = link->next;
			link->next = index->unused;
			index->unused = link;
			index->n--;
			return;
		}
}

const struct sync_link *
sync_index_find(const struct sync_index *index, uint64_t place,
    const struct sync_link *after)
{
	const struct sync_link *link = after != NULL ? after->next :
	    index->size > 0 ? *head_of(index, place) : NULL;

	while (link != NULL && link->place != place)
		link = link->next;
	return link;
}
