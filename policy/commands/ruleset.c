#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "policy/commands/progress.h"
#include "policy/commands/ruleset.h"
#include "policy/rules/profile.h"
#include "policy/store/rebuild.h"

enum { RULESET_CHUNK = 64 * 1024 };

/* What the setting `rules` names, in its order. */
static bool
read_settings(struct slice paths, struct rulefile *rules, struct fault *f)
{
	char path[SETTINGS_STRING_MAX];
	struct slice word;

	while (slice_next_of(&paths, ", \t", &word)) {
		snprintf(path, sizeof path, "%.*s", SLICE_ARG(word));
		if (word.n > 0 && !rulefile_read(rules, path, f))
			return false;
	}
	return true;
}

static bool
read_files(const struct context *context, char *const *paths,
    struct rulefile *rules, struct fault *f)
{
	if (*paths == NULL)
		return read_settings(slice_of(context->settings.rules), rules,
		    f);
	for (; *paths != NULL; paths++)
		if (!rulefile_read(rules, *paths, f))
			return false;
	return true;
}

bool
ruleset_read(const struct context *context, char *const *paths,
    struct rulefile *rules, struct fault *f)
{
	bool good;

	rulefile_init(rules, command_report_fault, NULL);
	rules->warn = command_report_fault;
	rules->as_sendmail = context->settings.compat == COMPAT_SENDMAIL;
	progress_start("rules read", &rules->n);
	good = read_files(context, paths, rules, f);
	progress_stop();
	if (!good)
		return false;
	if (rulefile_finish(rules))
		return true;
	if (rules->no_memory)
		return fault_no_memory(f);
	return fault_set(f, FAULT_DATA, "%lu bad line%s in the rules",
	    rules->bad_lines, rules->bad_lines == 1 ? "" : "s");
}

void
ruleset_say_gone(const struct rulefile *rules, uint64_t n, const char *where)
{
	if (rules->n == 0 && n > 0)
		command_say("warning: no rule%s, for %s, which has %" PRIu64,
		    rules->has_text ? "" : ", not a byte (was the file cut "
		    "off?)", where, n);
}

void
ruleset_say_gone_of_store(const struct context *context,
    const struct rulefile *rules)
{
	struct store_reader reader;
	struct store *store;
	struct fault f;

	/* A store that cannot be opened is reported by whoever writes it. */
	if (rules->n > 0 || rebuild_is_first(context->store) ||
	    !command_open_store(context, &store, &reader, &f))
		return;
	ruleset_say_gone(rules, reader.info.rules, context->store);
	command_close_store(store, &reader);
}

static bool
print_rule(void *arg, const struct stored_rule *rule)
{
	FILE *out = arg;

	fwrite(rule->key.p, 1, rule->key.n, out);
	fputc('\t', out);
	fwrite(rule->requirement.p, 1, rule->requirement.n, out);
	fputc('\n', out);
	return true;
}

bool
ruleset_print_store(struct store_reader *reader, char **text, size_t *size,
    struct fault *f)
{
	FILE *out;
	bool good;

	*text = NULL;
	if ((out = open_memstream(text, size)) == NULL)
		return fault_no_memory(f);
	good = store_each(reader, print_rule, out);
	if (!good)
		*f = reader->fault;
	if ((fclose(out) != 0 || *text == NULL) && good)
		good = fault_no_memory(f);
	return good;
}

size_t
ruleset_unasked(const struct context *context, const struct rulefile *rules)
{
	size_t n = 0;

	if (context->settings.header_from == HEADER_FROM_JUDGE)
		return 0;
	for (size_t i = 0; i < rules->n; i++)
		n += key_bytes_tag(rule_key_bytes(&rules->rules[i])) ==
		    TAG_HEADER;
	return n;
}

void
ruleset_say_unasked(size_t n)
{
	if (n > 0)
		command_say("%zu rule%s of TLS_Header %s no say: header-from "
		    "= no", n, n == 1 ? "" : "s", n == 1 ? "has" : "have");
}

void
ruleset_lines_init(struct ruleset_lines *list)
{
	*list = (struct ruleset_lines){ .lines = NULL };
	arena_init(&list->memory, RULESET_CHUNK);
}

void
ruleset_lines_free(struct ruleset_lines *list)
{
	free(list->lines);
	arena_free(&list->memory);
}

static bool
grow(struct ruleset_lines *list)
{
	size_t wanted = list->allocated == 0 ? 256 : 2 * list->allocated;
	struct ruleset_line *lines;

	if (list->n < list->allocated)
		return true;
	lines = reallocarray(list->lines, wanted, sizeof *lines);
	if (lines == NULL)
		return false;
	list->lines = lines;
	list->allocated = wanted;
	return true;
}

static bool
add_line(struct ruleset_lines *list, struct slice key_text,
    struct slice requirement, uint16_t source, uint32_t number,
    struct fault *f)
{
	struct ruleset_line *line;
	struct key key;

	if (!key_parse(key_text, &key, f))
		return false;
	if (!grow(list))
		return fault_no_memory(f);
	line = &list->lines[list->n];
	line->key_bytes = arena_copy(&list->memory,
	    slice_make((const char *)key.bytes, key.n));
	if (line->key_bytes.p == NULL)
		return fault_no_memory(f);
	line->key = key_text;
	line->requirement = requirement;
	line->tag = key.tag;
	line->line = number;
	line->source = source;
	list->n++;
	return true;
}

struct collecting {
	struct ruleset_lines *list;
	struct fault *fault;
	bool failed;
};

static bool
collect(void *arg, const struct stored_rule *rule)
{
	struct collecting *c = arg;

	c->failed = !add_line(c->list, rule->key, rule->requirement,
	    rule->source, rule->line, c->fault);
	return !c->failed;
}

bool
ruleset_lines_of_store(struct store_reader *reader, struct ruleset_lines *list,
    struct fault *f)
{
	struct collecting c = { .list = list, .fault = f };

	if (!store_each(reader, collect, &c) && !c.failed) {
		*f = reader->fault;
		return false;
	}
	return !c.failed;
}

bool
ruleset_lines_of_file(const struct rulefile *rules, struct ruleset_lines *list,
    struct fault *f)
{
	for (size_t i = 0; i < rules->n; i++) {
		const struct rule *rule = &rules->rules[i];

		if (!add_line(list, rule_key(rule), rule_requirement(rule),
		    rule->source, rule->line, f))
			return false;
	}
	return true;
}

bool
ruleset_normalise(const struct ruleset_line *line, struct text *out,
    struct fault *f)
{
	struct requirement requirement;

	if (!requirement_parse(line->requirement, line->tag, &requirement, f))
		return false;
	requirement_print(&requirement, out);
	return true;
}

static const struct ruleset_line *
find_profile(const struct ruleset_lines *all, struct slice name)
{
	size_t low = 0, high = all->n;
	struct key key;

	if (!key_profile(name, &key))
		return NULL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = slice_compare(all->lines[middle].key_bytes,
		    slice_make((const char *)key.bytes, key.n));

		if (order == 0)
			return &all->lines[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool
ruleset_join(const struct ruleset_lines *all, const struct ruleset_line *line,
    struct text *out, struct fault *f)
{
	const struct ruleset_line *named;
	struct requirement r, profile;

	if (!requirement_parse(line->requirement, line->tag, &r, f))
		return false;
	named = r.need == NEED_AS ? find_profile(all, r.profile) : NULL;
	/*
	 * A missing profile leaves AS:name, which differs from any other line.
	 */
	if (named != NULL && (!requirement_parse(named->requirement,
	    TAG_PROFILE, &profile, f) ||
	    !profile_join(&r, &profile, line->tag, f)))
		return false;
	requirement_print(&r, out);
	return true;
}
