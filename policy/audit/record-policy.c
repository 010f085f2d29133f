/*
 * The lines that stand in front of what a policy, or settings, brought about.
 * Logins and messages are other people's, and escaped like a client's text.
 */
#include "policy/audit/record-policy.h"
#include "policy/audit/record.h"
#include "policy/base/jsonput.h"
#include "policy/store/plan.h"

#define PUT(j, literal) JSONPUT_LITERAL(j, literal)

static void
put_plan(struct jsonput *j, uint64_t id)
{
	char hex[PLAN_ID_DIGITS + 1];
	struct text text;

	text_init(&text, hex, sizeof hex);
	plan_print_id(id, &text);
	PUT(j, ",\"plan\":");
	jsonput_string(j, slice_of(hex));
}

static void
put_generation(struct jsonput *j, const struct generation *g)
{
	PUT(j, "{\"made\":");
	jsonput_time(j, g->time * INT64_C(1000000));
	PUT(j, ",\"how\":");
	jsonput_string(j, slice_of(history_how_name(g->how)));
	if (g->back_to != 0 && g->how == GENERATION_APPLY) {
		put_plan(j, g->back_to);
	} else if (g->back_to != 0) {
		PUT(j, ",\"back_to\":");
		jsonput_number(j, g->back_to);
	}
	PUT(j, ",\"uid\":");
	jsonput_number(j, g->uid);
	PUT(j, ",\"login\":");
	jsonput_string_or_null(j, g->login);
	PUT(j, ",\"host\":");
	jsonput_string_or_null(j, g->host);
	PUT(j, ",\"message\":");
	jsonput_string_or_null(j, g->message);
	PUT(j, ",\"rules\":");
	jsonput_number(j, g->rules);
	PUT(j, ",\"rules_sha256\":");
	jsonput_hex(j, slice_make((const char *)g->rules_digest, DIGEST_BYTES));
	PUT(j, ",\"settings_sha256\":");
	jsonput_hex(j, slice_make((const char *)g->settings_digest,
	    DIGEST_BYTES));
	PUT(j, "}");
}

bool
record_policy_format(const struct record_policy *p, struct text *out)
{
	struct jsonput put, *j = &put;

	jsonput_start(j, out);
	PUT(j, CHAIN_START "\"policy\",\"time\":");
	jsonput_time(j, p->time_us);
	if (p->node.n > 0 && p->node.n <= RECORD_POLICY_NODE_MAX) {
		PUT(j, ",\"node\":");
		jsonput_string(j, p->node);
	}
	PUT(j, ",\"version\":");
	jsonput_string(j, slice_of(p->version));
	PUT(j, ",\"generation\":");
	jsonput_number(j, p->number);
	PUT(j, ",\"policy\":");
	if (p->generation == NULL)
		PUT(j, "null");
	else
		put_generation(j, p->generation);
	PUT(j, "}");
	return jsonput_finish(j);
}

static void
put_values(struct jsonput *j, struct slice rest)
{
	struct slice line;
	bool first = true;

	while (slice_next(&rest, '\n', &line)) {
		size_t equals = slice_find(line, '=');

		if (!first)
			PUT(j, ",");
		first = false;
		jsonput_string(j, slice_trim(slice_make(line.p, equals)));
		PUT(j, ":");
		jsonput_string(j, equals == line.n ? slice_make("", 0) :
		    slice_trim(slice_from(line, equals + 1)));
	}
}

static void
put_names(struct jsonput *j, struct slice rest)
{
	struct slice name;
	bool first = true;

	while (slice_next(&rest, ' ', &name)) {
		if (!first)
			PUT(j, ",");
		first = false;
		jsonput_string(j, name);
	}
}

bool
record_policy_settings(const struct record_settings *s, int64_t time_us,
    struct text *out)
{
	struct jsonput put, *j = &put;

	jsonput_start(j, out);
	PUT(j, CHAIN_START "\"settings\",\"time\":");
	jsonput_time(j, time_us);
	PUT(j, ",\"settings\":{\"sha256\":");
	jsonput_string(j, s->digest);
	PUT(j, ",\"changed\":");
	if (s->changed == NULL) {
		PUT(j, "null");
	} else {
		PUT(j, "[");
		put_names(j, slice_of(s->changed));
		PUT(j, "]");
	}
	PUT(j, ",\"values\":{");
	put_values(j, s->values);
	PUT(j, "}}}");
	return jsonput_finish(j);
}
