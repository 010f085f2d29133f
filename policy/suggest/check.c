/*
 * The second reading.  What the evaluator refuses is not proposed, whatever
 * the sums of the first reading say.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/base/domain.h"
#include "policy/eval/eval.h"
#include "policy/lint/lint.h"
#include "policy/suggest/suggest-internal.h"

/* Which domain stands in which line of the file that is made. */
struct making {
	struct suggest_domain **lines;
	size_t n;
};

void
suggest_give_up(struct suggest_domain *d, enum suggest_why why)
{
	d->stage = SUGGEST_NONE;
	d->why = why;
}

static void
bad_line(void *arg, const struct fault *fault)
{
	struct making *making = arg;

	if (fault->line > 0 && fault->line <= making->n)
		suggest_give_up(making->lines[fault->line - 1], WHY_NO_RULE);
}

static void
finding(void *arg, const struct lint_finding *f)
{
	struct making *making = arg;

	if (f->rule->line > 0 && f->rule->line <= making->n)
		suggest_give_up(making->lines[f->rule->line - 1], WHY_NO_RULE);
}

static bool
make_text(struct suggest *s, struct making *making, char **text, size_t *size)
{
	FILE *out = open_memstream(text, size);

	making->n = 0;
	making->lines = calloc(s->n + 1, sizeof(struct suggest_domain *));
	if (out == NULL || making->lines == NULL) {
		if (out != NULL)
			fclose(out);
		return false;
	}
	for (size_t i = 0; i < s->n; i++) {
		struct suggest_domain *d = s->domains[i];

		if (d->stage == SUGGEST_NONE)
			continue;
		fprintf(out, "%s:%s\tTEMP+%s\n", tag_row(s->tag)->name,
		    d->name, d->proposal);
		making->lines[making->n++] = d;
	}
	/* Without memory to close it, there is no text, and no error. */
	return fclose(out) == 0 && *text != NULL;
}

static bool
find_faults(const struct rulefile *rules, int64_t now_us,
    struct making *making)
{
	struct lint_options options = {
		.today = (int32_t)(now_us / INT64_C(86400000000)),
		.suffixes = lint_suffixes_open() };

	bool good = lint_rules(rules, &options, finding, making) !=
	    LINT_NO_MEMORY;

	lint_suffixes_close(options.suffixes);
	return good;
}

/* A rule that was given up is not in the file: check the rest again. */
static bool
make_rules(struct suggest *s, struct rulefile *rules, struct fault *fault)
{
	struct making making;
	char *text = NULL;
	size_t size;
	bool good = make_text(s, &making, &text, &size);

	rulefile_init(rules, bad_line, &making);
	if (!good)
		fault_no_memory(fault);
	good = good && rulefile_read_text(rules, slice_make(text, size),
	    "suggested", fault);
	if (good && rulefile_finish(rules))
		good = find_faults(rules, s->last, &making) ||
		    fault_no_memory(fault);
	else if (good && rules->no_memory)
		good = fault_no_memory(fault);
	/* `making`, its argument, ends with this function. */
	rules->report = NULL;
	free(making.lines);
	free(text);
	return good;
}

static size_t
count(const struct suggest *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->domains[i]->stage != SUGGEST_NONE;
	return n;
}

bool
suggest_rules(struct suggest *s, struct rulefile *rules, struct fault *fault)
{
	size_t before;

	for (;;) {
		before = count(s);
		if (!make_rules(s, rules, fault))
			return false;
		if (count(s) == before)
			break;
		rulefile_free(rules);
	}
	if (rules->bad_lines == 0)
		return true;
	return fault_set(fault, FAULT_SOFTWARE,
	    "the rules that were found are no valid rules");
}

/* A waiver does not count: it is the rule's own answer that is asked for. */
void
suggest_check(struct suggest *s, const struct reader_record *record,
    struct store_reader *reader)
{
	static const struct eval_options options = {
		.default_class = CLASS_TEMP };
	struct question question = { .scope = EVAL_TAG, .tag = TAG_FROM,
		.facts = &record->facts, .options = &options,
		.now = record->time_us / 1000000, .reader = reader };
	char name_text[DOMAIN_TEXT_MAX];
	struct suggest_client *c;
	struct suggest_domain *d;
	struct verdict verdict;
	struct text name;

	text_init(&name, name_text, sizeof name_text);
	if (record->event != RECORD_MESSAGE || !suggest_name(s, record, &name) ||
	    (d = suggest_find(s, name.buf)) == NULL ||
	    d->stage == SUGGEST_NONE)
		return;
	verdict_init(&verdict);
	eval_session(&question, &verdict);
	if (!suggest_is_evidence(record) ||
	    (c = suggest_client(s->known, d, record,
	    false)) == NULL)
		return;
	c->checked++;
	c->passed += verdict.kind == VERDICT_ACCEPT && verdict.deciding == -1;
}

static uint64_t
refused(const struct suggest_client *c, uint64_t *mails)
{
	*mails = c->checked;
	return c->checked - c->passed;
}

void
suggest_conclude(struct suggest *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct suggest_domain *d = s->domains[i];

		for (size_t k = 0; k < d->nclients; k++) {
			d->checked += d->clients[k].checked;
			d->passed += d->clients[k].passed;
		}
		if (d->stage != SUGGEST_NONE &&
		    !suggest_only_outliers(d, refused))
			suggest_give_up(d, WHY_REFUSED);
	}
}
