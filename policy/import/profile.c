/*
 * What many lines of a foreign policy have in common, a restriction class or a
 * connector, as a profile: only where it says the same for each of them.
 */
#include <string.h>

#include "policy/import/import-internal.h"

static const struct import_rule *
find_rule(const struct import *import, const struct key *key)
{
	for (size_t i = 0; i < import->n; i++)
		if (slice_equal(import->rules[i].key_bytes, slice_make(
		    (const char *)key->bytes, key->n)))
			return &import->rules[i];
	return NULL;
}

/* The requirement is `wanted`, with a BY behind it. */
static bool
says(const struct import_rule *rule, struct slice wanted)
{
	struct slice rest = slice_from(rule->requirement, wanted.n);

	return rule->requirement.n > wanted.n &&
	    slice_starts_nocase(rule->requirement, wanted.p) &&
	    (slice_starts_nocase(rest, "+BY:") ||
	    slice_starts_nocase(rest, "++BY:"));
}

static bool
may_be_profile(struct slice text)
{
	struct requirement r;
	struct fault ignored;

	return requirement_parse(text, TAG_PROFILE, &r, &ignored) &&
	    !requirement_is_conditional(&r) && r.by.n == 0 && r.msg.n == 0;
}

bool
import_profile(struct import *import, struct slice name, struct slice need,
    struct slice items, const char *path, unsigned long line)
{
	char text[REQUIREMENT_TEXT_MAX], key_text[KEY_TEXT_MAX];
	enum import_force force = import->force;
	unsigned long at_line = import->line;
	const char *at_path = import->path;
	struct slice why = import->why;
	const struct import_rule *rule;
	struct text wanted, tagged;
	struct fault ignored;
	size_t n = import->n;
	struct key key;

	text_init(&wanted, text, sizeof text);
	text_put(&wanted, need);
	text_printf(&wanted, "%s%.*s", items.n > 0 ? "+" : "",
	    SLICE_ARG(items));
	text_init(&tagged, key_text, sizeof key_text);
	text_printf(&tagged, "Profile:%.*s", SLICE_ARG(name));
	if (wanted.cut || tagged.cut || name.n == 0 ||
	    !may_be_profile(slice_make(text, wanted.n)) ||
	    !key_parse(slice_make(key_text, tagged.n), &key, &ignored))
		return false;
	if ((rule = find_rule(import, &key)) != NULL)
		return says(rule, slice_make(text, wanted.n));
	import_at(import, path, line);
	import_add(import, slice_make(key_text, tagged.n), need, items);
	import_at(import, at_path, at_line);
	import->force = force;
	import->why = why;
	return import->n > n;
}
