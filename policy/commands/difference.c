/* Both sides are sorted by key: one walk along the two. */
#include <string.h>

#include "policy/base/jsonlist.h"
#include "policy/base/jsontext.h"
#include "policy/commands/difference.h"
#include "policy/commands/generation.h"

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

struct walk {
	struct ruleset_lines old, new;
	bool json;
	struct jsonlist list;
	struct difference *difference;
};

/* A requirement's spelling: as it is written, or with its profile put in. */
typedef bool speller(const struct ruleset_lines *, const struct ruleset_line *,
    struct text *, struct fault *);

static bool
written(const struct ruleset_lines *all, const struct ruleset_line *line,
    struct text *out, struct fault *f)
{
	(void)all;
	return ruleset_normalise(line, out, f);
}

/* *same: they have the same lines in the same order. */
static bool
compare_groups(const struct walk *w, struct group a, struct group b,
    speller *spell, bool *same, struct fault *f)
{
	char a_text[RULE_BYTES], b_text[RULE_BYTES];
	struct text x, y;

	*same = a.n == b.n;
	for (size_t i = 0; *same && i < a.n; i++) {
		text_init(&x, a_text, sizeof a_text);
		text_init(&y, b_text, sizeof b_text);
		if (!spell(&w->old, &a.lines[i], &x, f) ||
		    !spell(&w->new, &b.lines[i], &y, f))
			return false;
		*same = strcmp(x.buf, y.buf) == 0;
	}
	return true;
}

static bool
print_group(const struct ruleset_lines *all, struct group group, speller *spell,
    struct fault *f)
{
	char buf[RULE_BYTES];
	struct text out;

	for (size_t i = 0; i < group.n; i++) {
		text_init(&out, buf, sizeof buf);
		if (!spell(all, &group.lines[i], &out, f))
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
json_of(const struct ruleset_lines *all, struct group group, bool joined)
{
	json_t *list = json_array();
	char buf[RULE_BYTES];
	struct text text;
	struct fault f;

	for (size_t i = 0; i < group.n; i++) {
		struct slice line = group.lines[i].requirement;

		text_init(&text, buf, sizeof buf);
		if (joined && ruleset_join(all, &group.lines[i], &text, &f))
			line = slice_make(buf, text.n);
		json_array_append_new(list, jsontext_string(line));
	}
	return list;
}

/* As written; with the profile put in where that makes the difference. */
static void
print_json(struct walk *w, const char *change, struct group old,
    struct group new)
{
	struct slice key = new.n > 0 ? new.lines[0].key : old.lines[0].key;
	bool joined = strcmp(change, "touched") == 0;

	jsonlist_add(&w->list, json_pack("{s:s, s:o, s:o, s:o}", "change",
	    change, "key", jsontext_string(key), "old", json_of(&w->old, old,
	    joined), "new", json_of(&w->new, new, joined)));
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

enum relation { RELATION_SAME, RELATION_TOUCHED, RELATION_CHANGED };

static bool
relate(const struct walk *w, struct group old, struct group new,
    enum relation *relation, struct fault *f)
{
	bool same;

	*relation = RELATION_CHANGED;
	if (!compare_groups(w, old, new, written, &same, f))
		return false;
	if (!same)
		return true;
	if (!compare_groups(w, old, new, ruleset_join, &same, f))
		return false;
	*relation = same ? RELATION_SAME : RELATION_TOUCHED;
	return true;
}

static bool
print_changed(struct walk *w, struct group old, struct group new,
    struct fault *f)
{
	enum relation relation;
	bool touched, good;
	speller *spell;

	if (!relate(w, old, new, &relation, f))
		return false;
	if (relation == RELATION_SAME)
		return true;
	touched = relation == RELATION_TOUCHED;
	spell = touched ? ruleset_join : written;
	if (touched)
		w->difference->touched++;
	else
		w->difference->changed++;
	if (w->json) {
		print_json(w, touched ? "touched" : "changed", old, new);
		return true;
	}
	printf("%c %.*s\t", touched ? '>' : '~', SLICE_ARG(new.lines[0].key));
	good = print_group(&w->old, old, spell, f);
	fputs(" -> ", stdout);
	good = good && print_group(&w->new, new, spell, f);
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

static bool
each_touched(const struct walk *w, difference_touch *each, void *arg,
    struct fault *f)
{
	enum relation relation;
	size_t i = 0, j = 0;

	while (i < w->old.n && j < w->new.n) {
		struct group old = group_at(&w->old, i);
		struct group new = group_at(&w->new, j);
		int order = slice_compare(old.lines[0].key_bytes,
		    new.lines[0].key_bytes);

		if (order == 0 && !relate(w, old, new, &relation, f))
			return false;
		if (order == 0 && relation == RELATION_TOUCHED)
			each(arg, new.lines[0].key_bytes, new.lines[0].key,
			    json_of(&w->old, old, true),
			    json_of(&w->new, new, true));
		i += order <= 0 ? old.n : 0;
		j += order >= 0 ? new.n : 0;
	}
	return true;
}

static void
start(struct walk *w, struct difference *difference, bool json)
{
	if (difference != NULL)
		*difference = (struct difference){ .removed = 0 };
	*w = (struct walk){ .json = json, .difference = difference };
	ruleset_lines_init(&w->old);
	ruleset_lines_init(&w->new);
	jsonlist_start(&w->list, json ? stdout : NULL);
}

static void
end(struct walk *w)
{
	ruleset_lines_free(&w->old);
	ruleset_lines_free(&w->new);
}

bool
difference_print(struct store_reader *reader, const struct rulefile *rules,
    bool json, struct difference *difference, struct fault *f)
{
	struct walk w;
	bool good;

	start(&w, difference, json);
	good = (reader == NULL || ruleset_lines_of_store(reader, &w.old, f)) &&
	    ruleset_lines_of_file(rules, &w.new, f) && walk(&w, f);
	if (good)
		jsonlist_end(&w.list);
	end(&w);
	return good;
}

bool
difference_touched(const struct rulefile *old, const struct rulefile *new,
    difference_touch *each, void *arg, struct fault *f)
{
	struct walk w;
	bool good;

	start(&w, NULL, false);
	good = ruleset_lines_of_file(old, &w.old, f) &&
	    ruleset_lines_of_file(new, &w.new, f) &&
	    each_touched(&w, each, arg, f);
	end(&w);
	return good;
}

static void
print_setting(void *arg, struct slice name, struct slice old,
    struct slice new)
{
	struct walk *w = arg;

	w->difference->settings++;
	if (w->json)
		jsonlist_add(&w->list, json_pack("{s:s, s:o, s:[o], s:[o]}",
		    "change", "changed", "setting", jsontext_string(name),
		    "old", jsontext_string(old), "new",
		    jsontext_string(new)));
	else
		printf("~ setting %.*s\t%.*s -> %.*s\n", SLICE_ARG(name),
		    SLICE_ARG(old), SLICE_ARG(new));
}

bool
difference_of_generations(const struct rulefile *old, struct slice old_settings,
    const struct rulefile *new, struct slice new_settings, bool json,
    struct difference *difference, struct fault *f)
{
	struct walk w;
	bool good;

	start(&w, difference, json);
	good = ruleset_lines_of_file(old, &w.old, f) &&
	    ruleset_lines_of_file(new, &w.new, f) && walk(&w, f);
	if (good) {
		generation_settings(old_settings, new_settings, print_setting,
		    &w);
		jsonlist_end(&w.list);
	}
	end(&w);
	return good;
}
