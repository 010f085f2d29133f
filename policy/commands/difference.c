/* Both sides are sorted by key: one walk along the two. */
#include <string.h>

#include "policy/base/jsonlist.h"
#include "policy/base/jsontext.h"
#include "policy/commands/difference.h"
#include "policy/commands/generation.h"

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

static bool
normalise_group(struct group group, struct text *out, struct fault *f)
{
	for (size_t i = 0; i < group.n; i++) {
		text_puts(out, i > 0 ? " | " : "");
		if (!ruleset_normalise(&group.lines[i], out, f))
			return false;
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
	char old_text[8 * REQUIREMENT_TEXT_MAX], new_text[sizeof old_text];
	struct text was, is;

	text_init(&was, old_text, sizeof old_text);
	text_init(&is, new_text, sizeof new_text);
	if (!normalise_group(old, &was, f) || !normalise_group(new, &is, f))
		return false;
	if (strcmp(was.buf, is.buf) == 0)
		return true;
	w->difference->changed++;
	if (w->json)
		print_json(w, "changed", old, new);
	else
		printf("~ %.*s\t%s -> %s\n", SLICE_ARG(new.lines[0].key),
		    was.buf, is.buf);
	return true;
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

static void
start(struct walk *w, struct difference *difference, bool json)
{
	*difference = (struct difference){ 0, 0, 0, 0 };
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
