/* A verdict as a JSON object, tlspolicy(1), `check --batch`. */
#include "policy/base/jsontext.h"
#include "policy/commands/judge.h"

static const char *const answers[] = {
	[ANSWER_NO] = "no",
	[ANSWER_YES] = "yes",
	[ANSWER_CANNOT_TELL] = "cannot-tell",
};

static void
set_reply(json_t *object, const struct reply *reply)
{
	char joined_text[REPLY_LINES_MAX * (REPLY_LINE_MAX + 3)];
	struct text joined;

	text_init(&joined, joined_text, sizeof joined_text);
	for (unsigned i = 0; i < reply->nlines; i++) {
		text_puts(&joined, i > 0 ? " / " : "");
		text_put(&joined, reply->lines[i]);
	}
	if (reply->kind != VERDICT_HOLD) {
		json_object_set_new(object, "code", json_string(reply->code));
		json_object_set_new(object, "dsn", json_string(reply->dsn));
	}
	json_object_set_new(object, "text", jsontext_string(
	    slice_make(joined.buf, joined.n)));
	json_object_set_new(object, "reason",
	    json_string(reason_name(reply->reason)));
}

static void
add_warning(json_t *warnings, const struct verdict *v)
{
	json_t *warning;

	if (v->waiver == WAIVER_NONE)
		return;
	warning = json_object();
	json_object_set_new(warning, "verdict",
	    json_string(verdict_name(v->reply.kind)));
	set_reply(warning, &v->reply);
	json_object_set_new(warning, "waiver",
	    json_string(waiver_name(v->waiver)));
	json_array_append_new(warnings, warning);
}

static json_t *
rule_json(const struct class_result *r)
{
	json_t *rule = json_object();

	json_object_set_new(rule, "tag", json_string(tag_row(r->tag)->name));
	json_object_set_new(rule, "key", jsontext_string(r->key));
	json_object_set_new(rule, "requirement",
	    jsontext_string(r->requirement));
	json_object_set_new(rule, "result", json_string(r->lookup_failed ?
	    "failed" : answers[r->answer]));
	if (r->answer != ANSWER_YES)
		json_object_set_new(rule, "reason",
		    json_string(reason_name(r->reason)));
	json_object_set_new(rule, "warn", json_boolean(r->warn));
	json_object_set_new(rule, "file", jsontext_string(r->file));
	json_object_set_new(rule, "line", json_integer(r->line));
	if (r->by.n > 0)
		json_object_set_new(rule, "by", jsontext_string(r->by));
	return rule;
}

static void
add_rules(json_t *rules, const struct verdict *v)
{
	for (unsigned i = 0; i < v->nresults; i++)
		if (v->results[i].matched || v->results[i].lookup_failed)
			json_array_append_new(rules,
			    rule_json(&v->results[i]));
}

json_t *
judge_json(const struct judge *j)
{
	const struct verdict *v = j->verdict;
	json_t *object = json_object(), *rules = json_array();
	json_t *warnings = json_array();

	json_object_set_new(object, "verdict",
	    json_string(verdict_name(v->kind)));
	if (v->kind != VERDICT_ACCEPT)
		set_reply(object, &v->reply);
	json_object_set_new(object, "generation",
	    json_integer((json_int_t)v->generation));
	add_rules(rules, &j->mail);
	add_warning(warnings, &j->mail);
	if (j->has_rcpt) {
		add_rules(rules, &j->rcpt);
		add_warning(warnings, &j->rcpt);
	}
	if (json_array_size(warnings) > 0)
		json_object_set(object, "warn", warnings);
	json_object_set_new(object, "rules", rules);
	json_decref(warnings);
	return object;
}
