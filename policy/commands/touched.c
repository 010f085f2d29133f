/* Two scratch stores for each generation: before it and behind it. */
#include "policy/base/jsontext.h"
#include "policy/commands/touched.h"

bool
touched_by(struct store_reader *reader, enum tag tag,
    struct slice rules, struct slice profile_key)
{
	struct stored_rule rule;
	struct requirement r;
	struct fault ignored;
	struct key key;

	if (key_bytes_tag(profile_key) != TAG_PROFILE)
		return false;
	while (store_next(reader, &rules, &rule))
		if (requirement_parse(rule.requirement, tag, &r, &ignored) &&
		    r.need == NEED_AS && key_profile(r.profile, &key) &&
		    slice_equal(profile_key,
		    slice_make((const char *)key.bytes, key.n)))
			return true;
	return false;
}

bool
touched_each(struct store_reader *reader, const struct generation *g,
    difference_touch *each, void *arg, struct fault *f)
{
	struct rulefile old, new;
	struct generation one;
	bool good;

	if (g->first)
		return true;
	if (g->number <= reader->info.oldest) {
		command_say("generation %llu is not kept: whom generation "
		    "%llu touches by a profile is not known",
		    (unsigned long long)g->number - 1,
		    (unsigned long long)g->number);
		return true;
	}
	good = history_rules(reader, g->number, &new, &one, f);
	if (good) {
		good = history_rules(reader, g->number - 1, &old, &one, f) &&
		    difference_touched(&old, &new, each, arg, f);
		rulefile_free(&old);
	}
	rulefile_free(&new);
	return good;
}

static void
put_list(const json_t *list, struct text *out)
{
	json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		text_puts(out, i > 0 ? " | " : "");
		text_put_printable(out, slice_of(json_string_value(one)));
	}
}

void
touched_print(struct slice key, const json_t *old, const json_t *new)
{
	char buf[2 * KEY_TEXT_MAX + 16 * REQUIREMENT_TEXT_MAX];
	struct text out;

	text_init(&out, buf, sizeof buf);
	out.utf8 = true;
	text_put_printable(&out, key);
	text_char(&out, '\t');
	put_list(old, &out);
	text_puts(&out, " -> ");
	put_list(new, &out);
	printf("    > %s%s\n", buf, out.cut ? " ..." : "");
}
