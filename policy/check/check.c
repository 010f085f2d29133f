#include <time.h>

#include "policy/base/nearest.h"
#include "policy/check/check.h"
#include "policy/facts/macro.h"

void
check_init(struct check *j, const struct settings *settings,
    struct store *store)
{
	j->settings = settings;
	j->store = store;
	j->by_tag = j->traced = j->has_rcpt = j->has_header = false;
	j->now = 0;
	settings_eval_options(settings, &j->options);
	facts_init(&j->facts, DIALECT_SENDMAIL);
	j->verdict = &j->mail;
}

void
check_free(struct check *j)
{
	facts_free(&j->facts);
}

static struct slice
without_braces(struct slice name)
{
	if (name.n > 2 && name.p[0] == '{' && name.p[name.n - 1] == '}')
		return slice_make(name.p + 1, name.n - 2);
	return name;
}

static bool
unknown_macro(struct slice name, struct fault *f)
{
	char hint_text[80];
	struct nearest nearest;
	struct text hint;

	nearest_init(&nearest, name);
	for (int d = 0; d < DIALECT_COUNT; d++)
		for (const struct macro *m = macro_table((enum dialect_id)d);
		    m->name != NULL; m++)
			nearest_offer(&nearest,
			    without_braces(slice_of(m->name)));
	text_init(&hint, hint_text, sizeof hint_text);
	nearest_print(&nearest, &hint);
	return fault_set(f, FAULT_USAGE, "there is no macro \"%.*s\"%s",
	    SLICE_ARG(name), hint.buf);
}

static bool
set_macro(struct check *j, struct slice name, struct slice value,
    struct fault *f)
{
	switch (macro_set(&j->facts, name, value)) {
	case MACRO_SET:
	case MACRO_IGNORED:
		return true;
	case MACRO_UNKNOWN:
		return unknown_macro(name, f);
	case MACRO_NO_MEMORY:
		break;
	}
	return fault_no_memory(f);
}

static bool
given_before(const struct check_macro *macros, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (slice_equal(without_braces(macros[k].name),
		    without_braces(macros[i].name)))
			return true;
	return false;
}

/* Facts that every MTA tells: nothing else means anything without them. */
static bool
take_as_given(struct facts *facts)
{
	struct slice none = slice_make("", 0);

	return (facts_known(facts, FACT_MTA) ||
	    facts_set(facts, FACT_MTA, none, false)) &&
	    (facts_known(facts, FACT_NODE) ||
	    facts_set(facts, FACT_NODE, none, false));
}

bool
check_facts(struct check *j, const struct check_macro *macros, size_t n,
    struct fault *f)
{
	enum dialect_id dialect = DIALECT_SENDMAIL;

	for (size_t i = 0; i < n; i++)
		if (slice_is(macros[i].name, "v"))
			dialect = macro_dialect(macros[i].value);
	facts_reset(&j->facts, dialect);
	for (size_t i = 0; i < n; i++) {
		if (given_before(macros, i))
			return fault_set(f, FAULT_USAGE,
			    "macro %.*s is given twice",
			    SLICE_ARG(macros[i].name));
		if (!set_macro(j, without_braces(macros[i].name),
		    macros[i].value, f))
			return false;
	}
	return (take_as_given(&j->facts) && macro_finish(&j->facts)) ||
	    fault_no_memory(f);
}

/* The listed addresses are clients; outbound, the client is ourselves. */
static bool
is_exempt(const struct check *j, const struct trace *trace)
{
	if ((j->by_tag && tag_row(j->tag)->stage == STAGE_OUTBOUND) ||
	    !settings_exempt(j->settings, &j->facts))
		return false;
	if (facts_local(&j->facts))
		trace_line(trace, "local submission: it is never refused");
	else
		trace_line(trace, "client_addr %.*s is in exempt-clients: it "
		    "is never refused", SLICE_ARG(facts_value(&j->facts,
		    FACT_CLIENT_ADDR)));
	return true;
}

/* The next step, if the session gets so far; *given: it does. */
static void
judge_step(struct check *j, const struct question *q, enum fact_id about,
    struct verdict *v, bool *given)
{
	*given = !j->by_tag && facts_known(&j->facts, about) &&
	    !verdict_refuses(j->verdict->kind);
	if (!*given)
		return;
	eval_session(q, v);
	if (j->verdict->kind == VERDICT_ACCEPT || verdict_refuses(v->kind))
		j->verdict = v;
}

void
check_by_reader(struct check *j, struct store_reader *reader,
    const struct fault *why, const struct trace *trace)
{
	struct question q = { .scope = j->by_tag ? EVAL_TAG : EVAL_MAIL,
		.tag = j->tag, .facts = &j->facts, .options = &j->options,
		.untold = !facts_arrived(&j->facts),
		.now = j->now != 0 ? j->now : (int64_t)time(NULL),
		.trace = j->traced ? trace : NULL, .reader = reader,
		.why = why };

	q.exempt = is_exempt(j, q.trace);
	eval_session(&q, &j->mail);
	j->verdict = &j->mail;
	q.scope = EVAL_RCPT;
	judge_step(j, &q, FACT_RCPT_ADDR, &j->rcpt, &j->has_rcpt);
	q.scope = EVAL_HEADER;
	judge_step(j, &q, FACT_HEADER_FROM, &j->header, &j->has_header);
}

void
check_session(struct check *j, const struct trace *trace)
{
	struct store_reader reader;
	struct fault why;
	bool readable = store_begin(j->store, &reader, &why);

	check_by_reader(j, readable ? &reader : NULL, &why, trace);
	if (readable)
		store_end(&reader);
}

int
check_status(const struct check *j)
{
	switch (j->verdict->kind) {
	case VERDICT_TEMPFAIL:
		return EXIT_TEMPFAIL;
	case VERDICT_REJECT:
		return EXIT_REJECT;
	case VERDICT_HOLD:
		return EXIT_HOLD;
	case VERDICT_ACCEPT:
		break;
	}
	return EXIT_FINE;
}

enum { CHECK_LINE_MAX = REPLY_LINES_MAX * (REPLY_LINE_MAX + 3) + 64 };

static void
print_warning(const struct verdict *v, FILE *out)
{
	char line_text[CHECK_LINE_MAX];
	struct text line;

	if (v->waiver == WAIVER_NONE)
		return;
	text_init(&line, line_text, sizeof line_text);
	verdict_print_would(v, &line);
	fprintf(out, "warn %s\n", line.buf);
}

void
check_print(const struct check *j, FILE *out)
{
	char line_text[CHECK_LINE_MAX];
	struct text line;

	text_init(&line, line_text, sizeof line_text);
	verdict_print(j->verdict, &line);
	fprintf(out, "%s\n", line.buf);
	print_warning(&j->mail, out);
	if (j->has_rcpt)
		print_warning(&j->rcpt, out);
	if (j->has_header)
		print_warning(&j->header, out);
}
