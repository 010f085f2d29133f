#include <stdlib.h>

#include "policy/base/text.h"
#include "policy/commands/again.h"

/* The rules as text, a line each, in their order. */
static bool
print_rules(const struct rulefile *rules, char **text, size_t *size,
    struct fault *f)
{
	struct text out;

	*size = 1;
	for (size_t i = 0; i < rules->n; i++)
		*size += rule_key(&rules->rules[i]).n +
		    rule_requirement(&rules->rules[i]).n + 2;
	if ((*text = malloc(*size)) == NULL)
		return fault_no_memory(f);
	text_init(&out, *text, *size);
	for (size_t i = 0; i < rules->n; i++) {
		text_put(&out, rule_key(&rules->rules[i]));
		text_char(&out, '\t');
		text_put(&out, rule_requirement(&rules->rules[i]));
		text_char(&out, '\n');
	}
	return true;
}

/* Rule i of `old` is in line i + 1 of the text: it keeps its file and line. */
static bool
keep_places(struct rulefile *rules, const struct rulefile *old,
    struct fault *f)
{
	for (unsigned i = 0; i < old->nsources; i++) {
		rules->sources[i] = arena_copy(&rules->memory,
		    old->sources[i]);
		if (rules->sources[i].p == NULL)
			return fault_no_memory(f);
	}
	rules->nsources = old->nsources;
	for (size_t i = 0; i < rules->n; i++) {
		struct rule *rule = &rules->rules[i];
		const struct rule *was = &old->rules[rule->line - 1];

		rule->line = was->line;
		rule->source = was->source;
		rule->flags |= was->flags & RULE_UNTAGGED;
	}
	return true;
}

bool
again_parse(struct rulefile *rules, const struct rulefile *old, const char *name,
    struct fault *f)
{
	char *text = NULL;
	size_t size;
	bool good;

	good = print_rules(old, &text, &size, f) &&
	    rulefile_read_text(rules, slice_make(text, size - 1), name, f);
	free(text);
	if (!good)
		return false;
	if (rulefile_finish(rules))
		return keep_places(rules, old, f);
	if (rules->no_memory)
		return fault_no_memory(f);
	return fault_set(f, FAULT_DATA, "%s has %lu rule%s that %s not taken "
	    "any more: nothing is changed", name, rules->bad_lines,
	    rules->bad_lines == 1 ? "" : "s", rules->bad_lines == 1 ? "is" :
	    "are");
}
