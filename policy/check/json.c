/*
 * A verdict as one JSON object.  Written out by jsonput.h: building it as a
 * tree first would take twice as long as judging.
 */
#include "policy/base/jsonput.h"
#include "policy/check/check.h"

static const char *const answers[] = {
	[ANSWER_NO] = "no",
	[ANSWER_YES] = "yes",
	[ANSWER_CANNOT_TELL] = "cannot-tell",
};

/* `before` is what stands between the last value and this one. */
#define PUT_STRING(j, before, s) do {					\
	JSONPUT_LITERAL(j, before);					\
	jsonput_string(j, s);						\
} while (0)

static void
put_reply(struct jsonput *j, const struct reply *reply)
{
	if (reply->code[0] != '\0') {
		PUT_STRING(j, ",\"code\":", slice_of(reply->code));
		PUT_STRING(j, ",\"dsn\":", slice_of(reply->dsn));
	}
	JSONPUT_LITERAL(j, ",\"text\":\"");
	for (unsigned i = 0; i < reply->nlines; i++) {
		if (i > 0)
			JSONPUT_LITERAL(j, " / ");
		jsonput_chars(j, reply->lines[i]);
	}
	PUT_STRING(j, "\",\"reason\":",
	    slice_of(reason_name(reply->reason)));
}

static void
put_warning(struct jsonput *j, const struct verdict *v)
{
	PUT_STRING(j, "{\"verdict\":",
	    slice_of(verdict_name(v->reply.kind)));
	put_reply(j, &v->reply);
	PUT_STRING(j, ",\"waiver\":", slice_of(waiver_name(v->waiver)));
	JSONPUT_LITERAL(j, "}");
}

static void
put_rule(struct jsonput *j, const struct tag_result *r)
{
	PUT_STRING(j, "{\"tag\":", slice_of(tag_row(r->tag)->name));
	PUT_STRING(j, ",\"key\":", r->key);
	PUT_STRING(j, ",\"requirement\":", r->requirement);
	PUT_STRING(j, ",\"result\":", slice_of(r->lookup_failed ? "failed" :
	    answers[r->answer]));
	if (r->answer != ANSWER_YES)
		PUT_STRING(j, ",\"reason\":",
		    slice_of(reason_name(r->reason)));
	if (r->missing != NULL)
		PUT_STRING(j, ",\"missing\":", slice_of(r->missing));
	if (r->warn)
		JSONPUT_LITERAL(j, ",\"warn\":true");
	if (r->by.n > 0)
		PUT_STRING(j, ",\"by\":", r->by);
	if (r->matched) {
		PUT_STRING(j, ",\"file\":", r->file);
		JSONPUT_LITERAL(j, ",\"line\":");
		jsonput_number(j, r->line);
	}
	JSONPUT_LITERAL(j, "}");
}

static void
put_rules(struct jsonput *j, const struct verdict *v, bool *any)
{
	for (unsigned i = 0; i < v->nresults; i++) {
		if (*any)
			JSONPUT_LITERAL(j, ",");
		put_rule(j, &v->results[i]);
		*any = true;
	}
}

/* Of the steps that the session came to; nothing where none was spared. */
static void
put_warnings(struct jsonput *j, const struct verdict *const *steps, unsigned n)
{
	bool any = false;

	for (unsigned i = 0; i < n; i++) {
		if (steps[i]->waiver == WAIVER_NONE)
			continue;
		if (any)
			JSONPUT_LITERAL(j, ",");
		else
			JSONPUT_LITERAL(j, ",\"warn\":[");
		put_warning(j, steps[i]);
		any = true;
	}
	if (any)
		JSONPUT_LITERAL(j, "]");
}

bool
check_json(const struct check *judge, const struct text *trace,
    struct text *out)
{
	const struct verdict *v = judge->verdict, *steps[3] = { &judge->mail };
	struct jsonput j;
	bool any = false;
	unsigned n = 1;

	if (judge->has_rcpt)
		steps[n++] = &judge->rcpt;
	if (judge->has_header)
		steps[n++] = &judge->header;

	jsonput_start(&j, out);
	PUT_STRING(&j, "{\"verdict\":", slice_of(verdict_name(v->kind)));
	if (v->kind != VERDICT_ACCEPT)
		put_reply(&j, &v->reply);
	JSONPUT_LITERAL(&j, ",\"generation\":");
	jsonput_number(&j, v->generation);
	put_warnings(&j, steps, n);
	JSONPUT_LITERAL(&j, ",\"rules\":[");
	for (unsigned i = 0; i < n; i++)
		put_rules(&j, steps[i], &any);
	JSONPUT_LITERAL(&j, "]");
	if (judge->traced) {
		JSONPUT_LITERAL(&j, ",\"trace\":[");
		jsonput_slice(&j, slice_make(trace->buf, trace->n));
		JSONPUT_LITERAL(&j, "]");
	}
	JSONPUT_LITERAL(&j, "}");
	return jsonput_finish(&j) && (trace == NULL || !trace->cut);
}

void
check_json_trace(void *text, const char *line)
{
	struct text *list = text;
	struct jsonput j;
	bool first = list->n == 0;

	jsonput_start(&j, list);
	if (!first)
		JSONPUT_LITERAL(&j, ",");
	jsonput_string(&j, slice_of(line));
	jsonput_finish(&j);
}
