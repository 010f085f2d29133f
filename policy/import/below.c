/*
 * A rule for a domain counts for what is below it, as in sendmail.  A line of
 * smtp_tls_policy_maps does not: Postfix looks for "example.com" and, for its
 * subdomains, for ".example.com".  So what Postfix would find below each such
 * domain is written down as a rule of its own: that of the next ".parent",
 * else that of all, else what the site does without a line.  Where nobody said
 * what that is the rule is not of equal force.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/import/import-internal.h"
#include "policy/rules/client.h"

/* Sorted by key, those of one key as they were read. */
struct sorted {
	const struct import_rule **rules;
	size_t n;
};

struct index {
	struct sorted plain, conditional;
	const struct import_rule *all; /* number i is import->rules[i] */
	bool has_addresses;	       /* some rule is of a client's address */
};

static int
compare_rules(const void *a, const void *b)
{
	const struct import_rule *const *l = a, *const *r = b;
	int order = slice_compare((*l)->key_bytes, (*r)->key_bytes);

	return order != 0 ? order : (*l > *r) - (*l < *r);
}

/* The first one of that key, or NULL; *end: behind the last. */
static const struct import_rule **
find_all(const struct sorted *sorted, struct slice key_bytes,
    const struct import_rule ***end)
{
	size_t low = 0, high = sorted->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (slice_compare(sorted->rules[middle]->key_bytes,
		    key_bytes) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	while (high < sorted->n &&
	    slice_equal(sorted->rules[high]->key_bytes, key_bytes))
		high++;
	*end = sorted->rules + high;
	return low < high ? sorted->rules + low : NULL;
}

static const struct import_rule *
find(const struct index *index, struct slice key_bytes)
{
	const struct import_rule **end, **first = find_all(&index->plain,
	    key_bytes, &end);

	return first == NULL ? NULL : *first;
}

static bool
has_conditional(const struct index *index, const struct import_rule *rule)
{
	const struct import_rule **end;

	return rule != NULL &&
	    find_all(&index->conditional, rule->key_bytes, &end) != NULL;
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

/*
 * The rule for names below this domain, without the domain's own: of the next
 * ".parent", else the bare key's.
 */
static const struct import_rule *
enclosing(const struct index *index, struct slice key_bytes)
{
	struct slice name = key_bytes;
	char dotted[KEY_MAX + 1];
	const struct import_rule *found = NULL;

	while (found == NULL && parent(&name)) {
		memcpy(dotted, name.p, name.n);
		dotted[name.n] = '\1';
		found = find(index, slice_make(dotted, name.n + 1));
	}
	if (found != NULL)
		return found;
	dotted[0] = key_bytes.p[0];
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
	need->n = r.items[0].offset - (r.need == NEED_AS ? 2 : 1);
	*items = slice_from(whole, r.items[0].offset);
	if (r.by.n > 0 && r.items[r.nitems - 1].value.p == r.by.p)
		items->n = r.nitems == 1 ? 0 :
		    r.items[r.nitems - 1].offset - 2 - r.items[0].offset;
}

/*
 * Below this domain the level none counts, which is a rule of another tag
 * (Try_TLS).
 */
static bool
is_none_below(const struct index *index, const struct import_rule *rule)
{
	const struct import_rule *other;
	char bytes[KEY_MAX + 1];
	size_t n = rule->key_bytes.n;

	memcpy(bytes, rule->key_bytes.p, n);
	bytes[0] = (char)(TAG_TRY + 1);
	bytes[n] = '\1';
	other = find(index, slice_make(bytes, n + 1));
	if (other == NULL)
		other = enclosing(index, slice_make(bytes, n));
	return other != NULL && slice_is(other->requirement, "NO");
}

/*
 * Notes that what Postfix does below the domain is not known: the rule, which
 * counts there, too, is weaker as an exception, else stricter.
 */
static void
reach(struct import *import, const struct import_rule *rule, struct slice need)
{
	bool weaker = slice_is(need, "ENCR:0");
	struct import_row *row;

	import->reaching++;
	if (rule->row == 0 || rule->row > import->nrows)
		return;
	row = &import->rows[rule->row - 1];
	import->bad += row->force == IMPORT_EQUAL;
	if (row->force < (weaker ? IMPORT_WEAKER : IMPORT_STRICTER)) {
		row->force = weaker ? IMPORT_WEAKER : IMPORT_STRICTER;
		row->why = slice_of("what Postfix does below this domain is "
		    "not known");
	}
}

/* The lines WHEN of the other rule, as lines of this key. */
static void
add_conditional(struct import *import, const struct index *index,
    const struct import_rule *other, struct slice key)
{
	const struct import_rule **end, **rule = find_all(&index->conditional,
	    other->key_bytes, &end);
	struct slice need, items;

	for (; rule != NULL && rule < end; rule++) {
		split((*rule)->requirement, (*rule)->tag, &need, &items);
		import_add(import, key, need, items);
	}
}

static void
row_differs(struct import *import, const struct import_rule *rule,
    enum import_force force, const char *why)
{
	struct import_row *row = &import->rows[rule->row - 1];

	import_at(import, rule->path, rule->line);
	import->force = row->force;
	import->why = row->why;
	import_differs(import, force, "%s", why);
	row->force = import->force;
	row->why = import->why;
}

/* "TEMP+ENCR:1+BY:x" with an item WHEN:name more; false: it takes none. */
static bool
put_when(const struct import_rule *rule, struct slice name, struct text *out)
{
	struct requirement r;
	struct fault f;
	size_t at;

	if (!client_check(name, &f) ||
	    !requirement_parse(rule->requirement, rule->tag, &r, &f))
		return false;
	at = r.items[0].offset; /* there is BY at least */
	text_put(out, slice_make(rule->requirement.p, at));
	text_puts(out, "WHEN:");
	text_put_xencoded(out, name);
	text_puts(out, "++");
	text_put(out, slice_from(rule->requirement, at));
	return !out->cut && requirement_parse(slice_make(out->buf, out->n),
	    rule->tag, &r, &f);
}

/*
 * A rule looks for a client's name before its address, and so does Postfix; but
 * one below a domain without what is below it is found by its address there.
 * So the rule counts WHEN the name is that one, and for others the search goes
 * on.  Other lines WHEN of the key would end it: they give way.
 */
static void
only_itself(struct import *import, const struct index *index,
    const struct import_rule *rule)
{
	size_t colon = slice_find(rule->key, ':');
	const struct import_rule **end, **other = find_all(
	    &index->conditional, rule->key_bytes, &end);
	char text[REQUIREMENT_TEXT_MAX];
	struct text requirement;
	struct slice copy;

	text_init(&requirement, text, sizeof text);
	if (!put_when(rule, slice_from(rule->key, colon + 1), &requirement)) {
		row_differs(import, rule, IMPORT_WEAKER, "below this name "
		    "Postfix goes by the address, the rule does not");
		return;
	}
	copy = import_copy(import, slice_make(text, requirement.n));
	import->rules[rule - index->all].requirement = copy;
	import_row_says(import, rule->row, rule->key, copy);
	for (; other != NULL && other < end; other++) {
		import->rules[*other - index->all].superseded = true;
		import_row_says(import, (*other)->row, slice_make("", 0),
		    slice_make("", 0));
		row_differs(import, *other, IMPORT_STRICTER, "clients that "
		    "Postfix spares are not, for below this name it goes by "
		    "the address");
	}
}

static void
except(struct import *import, const struct index *index,
    const struct import_rule *rule)
{
	const struct import_rule *other = enclosing(index, rule->key_bytes);
	size_t colon = slice_find(rule->key, ':');
	bool leaves = (rule->tag == TAG_RCPT || rule->tag == TAG_SRV) &&
	    !is_none_below(index, rule);
	bool unknown = leaves && other == NULL && import->beyond == NULL;
	struct slice need = slice_of(rule->tag == TAG_TRY ? "OK" :
	    leaves && !unknown && other == NULL ? import->beyond : "ENCR:0");
	struct slice items = slice_make("", 0), own, own_items;
	char text[KEY_TEXT_MAX + 16];
	struct text key;

	if (other != NULL)
		split(other->requirement, other->tag, &need, &items);
	split(rule->requirement, rule->tag, &own, &own_items);
	if (unknown) {
		reach(import, rule, own);
		return;
	}
	if (rule->tag == TAG_CLT && index->has_addresses) {
		only_itself(import, index, rule);
		return;
	}
	if (slice_equal(own, need) && slice_equal(own_items, items) &&
	    !has_conditional(index, rule) && !has_conditional(index, other))
		return;
	text_init(&key, text, sizeof text);
	text_printf(&key, "%.*s:.%.*s", (int)colon, rule->key.p,
	    SLICE_ARG(slice_from(rule->key, colon + 1)));
	import_at(import, rule->path, rule->line);
	if (other != NULL)
		add_conditional(import, index, other,
		    slice_make(key.buf, key.n));
	import_add(import, slice_make(key.buf, key.n), need, items);
}

/* Some rule is of a domain that this one is below. */
static bool
has_rule_above(const struct index *index, struct slice key_bytes)
{
	struct slice name = key_bytes;
	char dotted[KEY_MAX + 1];

	while (parent(&name)) {
		memcpy(dotted, name.p, name.n);
		dotted[name.n] = '\1';
		if (find(index, name) != NULL ||
		    find(index, slice_make(dotted, name.n + 1)) != NULL)
			return true;
	}
	return false;
}

/*
 * Postfix has one table, and here the level none is of a tag of its own: where
 * a wider line is of the other kind, the narrower one is an exception from it.
 */
static void
take_back(struct import *import, const struct index *index,
    const struct import_rule *rule)
{
	bool none = rule->tag == TAG_TRY;
	enum tag tag = none ? TAG_RCPT : TAG_TRY;
	const struct import_rule *other;
	char bytes[KEY_MAX] = "", text[KEY_TEXT_MAX + 16];
	struct slice twin = slice_make(bytes, rule->key_bytes.n);
	bool dotted = rule->kind == KEY_NAME && !rule->exact;
	struct text key;

	memcpy(bytes, rule->key_bytes.p, twin.n);
	bytes[0] = (char)(tag + 1);
	if (find(index, twin) != NULL)
		return;
	twin.n -= dotted;
	other = enclosing(index, twin);
	if (none ? !slice_is(rule->requirement, "NO") ||
	    (!has_rule_above(index, twin) && (import->beyond == NULL ||
	    strcmp(import->beyond, "ENCR:0") == 0)) :
	    other == NULL || !slice_is(other->requirement, "NO"))
		return;
	text_init(&key, text, sizeof text);
	text_printf(&key, "%s:%.*s", tag_row(tag)->name, SLICE_ARG(
	    slice_from(rule->key, slice_find(rule->key, ':') + 1)));
	import_at(import, rule->path, rule->line);
	import_add_exact(import, slice_make(key.buf, key.n),
	    slice_of(none ? "ENCR:0" : "OK"), slice_make("", 0));
}

static bool
is_of_next_hop(const struct import_rule *rule)
{
	return rule->kind == KEY_NAME && (rule->tag == TAG_RCPT ||
	    rule->tag == TAG_SRV || rule->tag == TAG_TRY);
}

static bool
sort(struct sorted *sorted, const struct import_rule *rules, size_t n,
    bool conditional)
{
	sorted->rules = calloc(n + 1, sizeof *sorted->rules);
	sorted->n = 0;
	if (sorted->rules == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!rules[i].superseded && rules[i].conditional == conditional)
			sorted->rules[sorted->n++] = &rules[i];
	qsort(sorted->rules, sorted->n, sizeof sorted->rules[0], compare_rules);
	return true;
}

/*
 * Calls each() for each rule in force, with an index of those that were there
 * before.
 */
static bool
walk(struct import *import, void (*each)(struct import *,
    const struct index *, const struct import_rule *))
{
	size_t before = import->n;
	struct import_rule *copies = calloc(before + 1, sizeof *copies);
	struct index index = { .all = copies };
	bool good = copies != NULL;

	for (size_t i = 0; good && i < before; i++) {
		copies[i] = import->rules[i]; /* that array grows and moves */
		index.has_addresses |= copies[i].tag == TAG_CLT &&
		    copies[i].kind == KEY_ADDRESS && !copies[i].superseded;
	}
	good = good && sort(&index.plain, copies, before, false) &&
	    sort(&index.conditional, copies, before, true);
	for (size_t i = 0; good && i < before; i++)
		if (!copies[i].superseded && !copies[i].conditional)
			each(import, &index, &copies[i]);
	free(index.plain.rules);
	free(index.conditional.rules);
	free(copies);
	return good;
}

static void
each_next_hop(struct import *import, const struct index *index,
    const struct import_rule *rule)
{
	if (is_of_next_hop(rule))
		take_back(import, index, rule);
}

static void
each_exact(struct import *import, const struct index *index,
    const struct import_rule *rule)
{
	if (rule->exact && !has_rule_below(index, rule))
		except(import, index, rule);
}

bool
import_except_below(struct import *import)
{
	/* sendmail's map asks by tag, as rules do. */
	if (import->format->read != import_sendmail &&
	    !walk(import, each_next_hop))
		return false;
	return walk(import, each_exact);
}
