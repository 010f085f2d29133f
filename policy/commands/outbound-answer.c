/* Our map, asked as the daemon's is. */
#include "policy/base/jsontext.h"
#include "policy/commands/outbound.h"

static void
add_rules(const struct outbound_answer *a, json_t *into)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < a->nrules; i++) {
		const struct outbound_rule *rule = &a->rules[i];

		json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:i}",
		    "key", jsontext_string(rule->key), "requirement",
		    jsontext_string(rule->requirement), "file",
		    jsontext_string(rule->file), "line", (int)rule->line));
	}
	json_object_set_new(into, "rules", list);
}

const struct outbound_answer *
outbound_answer_of(const struct looking *l, enum outbound_map map,
    const char *key, const struct resolved *resolved,
    struct store_reader *reader, json_t *into)
{
	static struct outbound_answer a; /* 20 kB */
	struct outbound_options o;
	const struct outbound_question q = { .map = map, .key = slice_of(key),
		.options = &o, .resolved = resolved, .now = l->now };
	char memory[sizeof a.value_text + 8];
	struct text reply;

	outbound_options_of(&l->context->settings, &o);
	outbound_ask(&q, reader, NULL, &a);
	text_init(&reply, memory, sizeof memory);
	outbound_print_reply(&q, &a, &reply);
	json_object_set_new(into, "answer", slice_starts_nocase(
	    slice_of(memory), "NOTFOUND") ? json_string("not found") :
	    jsontext_cstring(memory));
	json_object_set_new(into, "result",
	    json_string(outbound_result_name(a.result)));
	add_rules(&a, into);
	if (a.waived && a.value.n > 0)
		json_object_set_new(into, "monitored",
		    jsontext_cstring(a.value_text));
	if (a.warned.n > 0)
		json_object_set_new(into, "warned",
		    jsontext_cstring(a.warned_text));
	if (a.lost.n > 0)
		json_object_set_new(into, "lost",
		    jsontext_cstring(a.lost_text));
	return &a;
}
