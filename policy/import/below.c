/*
 * A rule for a domain counts for what is below it, as in sendmail.  A line of
 * smtp_tls_policy_maps does not: Postfix looks for "example.com" and, for its
 * subdomains, for ".example.com".  So what Postfix would find below each such
 * domain is written down as a rule of its own: that of the next ".parent",
 * else that of all, else what the site does without a line.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/import/internal.h"

struct index {
	const struct import_rule **rules; /* sorted by key */
	size_t n;
};

static int
compare_rules(const void *a, const void *b)
{
	const struct import_rule *const *l = a, *const *r = b;

	return slice_compare((*l)->key_bytes, (*r)->key_bytes);
}

static const struct import_rule *
find(const struct index *index, struct slice key_bytes)
{
	size_t low = 0, high = index->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = slice_compare(index->rules[middle]->key_bytes,
		    key_bytes);

		if (order == 0)
			return index->rules[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* "com\1example\1" to "com\1"; false: there was one label. */
static bool
parent(struct slice *name)
{
	size_t n = name->n - 1;

	while (n > KEY_HEAD && name->p[n - 1] != '\1')
		n--;
	name->n = n;
	return n > KEY_HEAD;
}

/* What counts for names below this one when the domain itself does not. */
static const struct import_rule *
enclosing(const struct index *index, const struct import_rule *rule)
{
	struct slice name = rule->key_bytes;
	char dotted[KEY_MAX + 1];
	const struct import_rule *found = NULL;

	while (found == NULL && parent(&name)) {
		memcpy(dotted, name.p, name.n);
		dotted[name.n] = '\1';
		found = find(index, slice_make(dotted, name.n + 1));
	}
	if (found != NULL)
		return found;
	memcpy(dotted, rule->key_bytes.p, 1);
	dotted[1] = KEY_BARE;
	return find(index, slice_make(dotted, KEY_HEAD));
}

static bool
has_rule_below(const struct index *index, const struct import_rule *rule)
{
	char dotted[KEY_MAX + 1];

	memcpy(dotted, rule->key_bytes.p, rule->key_bytes.n);
	dotted[rule->key_bytes.n] = '\1';
	return find(index, slice_make(dotted, rule->key_bytes.n + 1)) != NULL;
}

/* A requirement as it stands, in its two parts, without BY. */
static void
split(struct slice whole, enum tag tag, struct slice *need,
    struct slice *items)
{
	struct requirement r;
	struct fault f;

	*need = whole;
	*items = slice_make("", 0);
	if (!requirement_parse(whole, tag, &r, &f) || r.nitems == 0)
		return;
	need->n = r.items[0].offset - 1;
	*items = slice_from(whole, r.items[0].offset);
	if (r.by.n > 0 && r.items[r.nitems - 1].value.p == r.by.p)
		items->n = r.nitems == 1 ? 0 :
		    r.items[r.nitems - 1].offset - 2 - r.items[0].offset;
}

static void
except(struct import *import, const struct index *index,
    const struct import_rule *rule)
{
	const struct import_rule *other = enclosing(index, rule);
	size_t colon = slice_find(rule->key, ':');
	bool leaves = rule->tag == TAG_RCPT || rule->tag == TAG_SRV;
	bool guess = leaves && other == NULL && import->beyond == NULL;
	struct slice need = slice_of(rule->tag == TAG_TRY ? "OK" :
	    leaves && !guess && other == NULL ? import->beyond : "ENCR:0");
	struct slice items = slice_make("", 0), own, own_items;
	char text[KEY_TEXT_MAX + 16];
	struct text key;

	if (other != NULL)
		split(other->requirement, other->tag, &need, &items);
	split(rule->requirement, rule->tag, &own, &own_items);
	if (slice_equal(own, need) && slice_equal(own_items, items))
		return;
	import->guessed += guess;
	text_init(&key, text, sizeof text);
	text_printf(&key, "%.*s:.%.*s", (int)colon, rule->key.p,
	    SLICE_ARG(slice_from(rule->key, colon + 1)));
	import_at(import, rule->path, rule->line);
	import_add(import, slice_make(key.buf, key.n), need, items);
}

bool
import_except_below(struct import *import)
{
	size_t before = import->n;
	struct index index = {
		.rules = calloc(before + 1, sizeof *index.rules)
	};
	struct import_rule *copies = calloc(before + 1, sizeof *copies);
	bool good = index.rules != NULL && copies != NULL;

	for (size_t i = 0; good && i < before; i++) {
		copies[i] = import->rules[i]; /* that array grows and moves */
		if (!copies[i].superseded)
			index.rules[index.n++] = &copies[i];
	}
	if (good) {
		qsort(index.rules, index.n, sizeof index.rules[0],
		    compare_rules);
		for (size_t i = 0; i < before; i++)
			if (copies[i].exact && !copies[i].superseded &&
			    !has_rule_below(&index, &copies[i]))
				except(import, &index, &copies[i]);
	}
	free(copies);
	free(index.rules);
	return good;
}
