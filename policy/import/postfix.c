/*
 * One Postfix table.  Which one it is was said by --as, or shows: a level of
 * smtp_tls_policy_maps or a word of smtp_tls_per_site behind the key, or an
 * access(5) list that asks for TLS.
 */
#include <string.h>

#include "policy/import/postfix-internal.h"

/* What the whole of an access table has. */
static void
look_ahead(struct import_access *t, bool patterns, struct slice text)
{
	struct import_lines lines;
	struct slice line, key, value;

	import_lines_init(&lines, text);
	while (import_lines_next(NULL, &lines, &line)) {
		if (!import_split(line, patterns, &key, &value))
			continue;
		t->has_demand |= import_demands(t, value);
		t->has_permit |= import_lets_pass(t, value);
		t->has_domains |= slice_find(key, '@') == key.n;
	}
}

/*
 * What stands between if and endif counts for some only: taken by itself, an
 * exception would be everybody's.
 */
static bool
is_in_block(struct import *import, struct slice key, unsigned *depth)
{
	bool ends = slice_is_nocase(key, "endif") && *depth > 0;

	if (slice_is_nocase(key, "if"))
		++*depth;
	else if (!ends && *depth > 0)
		import_refuse(import, 0, "%.*s: counts between if and endif "
		    "only: write a rule for each name that is meant",
		    SLICE_ARG(key));
	else if (!ends)
		return false;
	*depth -= ends;
	return true;
}

void
import_access_table(struct import *import, struct import_access *t,
    struct slice type, struct slice text)
{
	bool patterns = slice_is(type, "regexp") || slice_is(type, "pcre");
	struct import_lines lines;
	struct slice line, key, value;
	unsigned depth = 0;

	t->ordered = patterns || slice_is(type, "cidr");
	t->has_demand = t->has_permit = t->has_domains = false;
	t->first = import->n;
	look_ahead(t, patterns, text);
	import_lines_init(&lines, text);
	while (import_lines_next(import, &lines, &line))
		if (import_split(line, patterns, &key, &value) &&
		    !(t->ordered && is_in_block(import, key, &depth)))
			import_access_line(import, t, key, value);
}

struct guess {
	bool levels, demand, patterns, networks;
};

static void
guess(struct slice text, struct guess *g)
{
	const struct import_access t = { .tag = TAG_COUNT };
	struct import_lines lines;
	struct slice line, key, value, word;
	struct netprefix prefix;

	import_lines_init(&lines, text);
	while (import_lines_next(NULL, &lines, &line)) {
		g->patterns |= line.p[0] == '/';
		if (!import_split(line, line.p[0] == '/', &key, &value))
			continue;
		g->networks |= slice_find(key, '/') < key.n &&
		    netprefix_parse(key, &prefix) == NETPREFIX_OK;
		g->demand |= import_demands(&t, value);
		g->levels |= import_list_next(&value, &word) &&
		    (import_is_level(word) ||
		    slice_starts_nocase(word, "MUST"));
	}
}

static void
read_levels(struct import *import, struct slice text)
{
	struct import_lines lines;
	struct slice line, key, value;

	import_lines_init(&lines, text);
	while (import_lines_next(import, &lines, &line)) {
		value = line;
		key = import_word(&value);
		if (!import_policy_line(import, &import_policy_defaults, key,
		    value) && !import_per_site_line(import, key, value))
			import_refuse(import, 0, "\"%.*s\" begins with no "
			    "level of smtp_tls_policy_maps: Postfix defers "
			    "such mail", SLICE_ARG(value));
	}
}

bool
import_postfix(struct import *import, struct slice text, struct fault *f)
{
	struct import_access t = {
		.tag = import->with_as ? import->as : TAG_COUNT,
		.demand = "TEMP+ENCR:1"
	};
	struct guess g = { .levels = false };

	(void)f;
	guess(text, &g);
	if (t.tag == TAG_RCPT || (t.tag == TAG_COUNT && g.levels &&
	    !g.demand))
		read_levels(import, text);
	else
		import_access_table(import, &t, slice_of(g.patterns ?
		    "regexp" : g.networks ? "cidr" : "hash"), text);
	import_at(import, import->path, 0);
	if (import->left > 0)
		import_note(import, "not about TLS: %lu line%s", import->left,
		    import->left == 1 ? "" : "s");
	return true;
}
