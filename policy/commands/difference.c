/* Both sides are sorted by key: one walk along the two. */
#include <string.h>

#include "policy/base/jsonlist.h"
#include "policy/base/jsontext.h"
#include "policy/commands/difference.h"

/* A requirement in its normalised spelling: numbers can only get shorter. */
enum { RULE_BYTES = REQUIREMENT_TEXT_MAX + 16 };

/* The lines of one key. */
struct group {
	const struct ruleset_line *lines;
	size_t n;
};

static struct group
group_at(const struct ruleset_lines *list, size_t from)
{
	struct group group = { NULL, 0 };

	if (from < list->n)
		group.lines = list->lines + from;
	while (from + group.n < list->n && slice_equal(
	    list->lines[from + group.n].key_bytes, group.lines[0].key_bytes))
		group.n++;
	return group;
}

/* *same: they have the same lines in the same order. */
static bool
compare_groups(struct group a, struct group b, bool *same, struct fault *f)
{
	char a_text[RULE_BYTES], b_text[RULE_BYTES];
	struct text x, y;

	*same = a.n == b.n;
	for (size_t i = 0; *same && i < a.n; i++) {
		text_init(&x, a_text, sizeof a_text);
		text_init(&y, b_text, sizeof b_text);
		if (!ruleset_normalise(&a.lines[i], &x, f) ||
		    !ruleset_normalise(&b.lines[i], &y, f))
			return false;
		*same = strcmp(x.buf, y.buf) == 0;
	}
	return true;
}

static bool
print_group(struct group group, struct fault *f)
{
	char buf[RULE_BYTES];
	struct text out;

	for (size_t i = 0; i < group.n; i++) {
		text_init(&out, buf, sizeof buf);
		if (!ruleset_normalise(&group.lines[i], &out, f))
			return false;
		printf("%s%s", i > 0 ? " | " : "", buf);
	}
	return true;
}

static void
print_lines(char sign, struct group group)
{
	for (size_t i = 0; i < group.n; i++)
		printf("%c %.*s\t%.*s\n", sign, SLICE_ARG(group.lines[i].key),
		    SLICE_ARG(group.lines[i].requirement));
}

static json_t *
json_of(struct group group)
{
	json_t *all = json_array();

	for (size_t i = 0; i < group.n; i++)
		json_array_append_new(all,
		    jsontext_string(group.lines[i].requirement));
	return all;
}

struct walk {
	struct ruleset_lines old, new;
	bool json;
	struct jsonlist list;
	struct difference *difference;
};

static void
print_json(struct walk *w, const char *change, struct group old,
    struct group new)
{
	struct slice key = new.n > 0 ? new.lines[0].key : old.lines[0].key;

	jsonlist_add(&w->list, json_pack("{s:s, s:o, s:o, s:o}", "change",
	    change, "key", jsontext_string(key), "old", json_of(old), "new",
	    json_of(new)));
}

static void
print_removed(struct walk *w, struct group old)
{
	w->difference->removed += old.n;
	if (w->json)
		print_json(w, "removed", old, (struct group){ NULL, 0 });
	else
		print_lines('-', old);
}

static void
print_added(struct walk *w, struct group new)
{
	w->difference->added += new.n;
	if (w->json)
		print_json(w, "added", (struct group){ NULL, 0 }, new);
	else
		print_lines('+', new);
}

static bool
print_changed(struct walk *w, struct group old, struct group new,
    struct fault *f)
{
	bool same, good;

	if (!compare_groups(old, new, &same, f))
		return false;
	if (same)
		return true;
	w->difference->changed++;
	if (w->json) {
		print_json(w, "changed", old, new);
		return true;
	}
	printf("~ %.*s\t", SLICE_ARG(new.lines[0].key));
	good = print_group(old, f);
	fputs(" -> ", stdout);
	good = good && print_group(new, f);
	putchar('\n');
	return good;
}

static bool
walk(struct walk *w, struct fault *f)
{
	size_t i = 0, j = 0;

	while (i < w->old.n || j < w->new.n) {
		struct group old = group_at(&w->old, i);
		struct group new = group_at(&w->new, j);
		int order = old.n == 0 ? 1 : new.n == 0 ? -1 :
		    slice_compare(old.lines[0].key_bytes,
		    new.lines[0].key_bytes);

		if (order < 0)
			print_removed(w, old);
		else if (order > 0)
			print_added(w, new);
		else if (!print_changed(w, old, new, f))
			return false;
		i += order <= 0 ? old.n : 0;
		j += order >= 0 ? new.n : 0;
	}
	return true;
}

bool
difference_print(struct store_reader *reader, const struct rulefile *rules,
    bool json, struct difference *difference, struct fault *f)
{
	struct walk w = { .json = json, .difference = difference };
	bool good;

	*difference = (struct difference){ 0, 0, 0 };
	ruleset_lines_init(&w.old);
	ruleset_lines_init(&w.new);
	good = (reader == NULL || ruleset_lines_of_store(reader, &w.old, f)) &&
	    ruleset_lines_of_file(rules, &w.new, f);
	if (good) {
		jsonlist_start(&w.list, json ? stdout : NULL);
		good = walk(&w, f);
		jsonlist_end(&w.list);
	}
	ruleset_lines_free(&w.old);
	ruleset_lines_free(&w.new);
	return good;
}
