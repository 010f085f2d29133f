/* A rule file with its evidence. */
#include <string.h>

#include "policy/rules/item.h"
#include "policy/report/report-internal.h"
#include "policy/suggest/suggest-internal.h"

static const char *const headings[] = {
	[SUGGEST_WARN] = "Monitor: there is no rule yet. WARN refuses nothing "
	    "and records what would fail.",
	[SUGGEST_TEMP] = "Tempfail: mail satisfied the WARN rule that this one "
	    "is to replace.",
	[SUGGEST_PERM] = "Reject: mail satisfied the rule that this one is to "
	    "replace."
};

static const char *const reasons[] = {
	[WHY_FEW] = "too few mails or days",
	[WHY_CLEAR] = "not every mail came over TLS",
	[WHY_RULE] = "has a rule that is final, dated or an exception",
	[WHY_OTHER_RULE] = "rules with other keys refuse for it already",
	[WHY_FAILED] = "its rule was not satisfied each time",
	[WHY_WAIT] = "its rule is not old enough for the next step",
	[WHY_NO_RULE] = "what was seen cannot be said in a rule",
	[WHY_FAILING] = "TLS was wanted of its servers and was not to be had",
	[WHY_REFUSED] = "judged again, a mail would have been refused"
};

static void
put_evidence(const struct suggest_domain *d, struct text *out)
{
	char plain_text[200];
	struct text plain;

	text_init(&plain, plain_text, sizeof plain_text);
	report_put_number(&plain, d->passed);
	text_puts(&plain, " of ");
	report_put_number(&plain, d->checked);
	text_puts(&plain, " mails, ");
	report_put_day(&plain, d->first);
	text_puts(&plain, " to ");
	report_put_day(&plain, d->last);
	text_put_xencoded(out, slice_make(plain.buf, plain.n));
}

/* BY stands before MSG, which takes the rest of a line. */
static bool
add_by(struct requirement *r, struct slice evidence)
{
	unsigned at = r->nitems;

	if (r->nitems == REQUIREMENT_ITEMS_MAX)
		return false;
	if (at > 0 && r->items[at - 1].row->last) {
		at--;
		r->items[at + 1] = r->items[at];
	}
	r->items[at].row = item_find(slice_of("BY"));
	r->items[at].value = evidence;
	r->nitems++;
	return true;
}

static bool
put_rule(const struct suggest *s, const struct suggest_domain *d,
    struct text *out)
{
	char classed_text[REQUIREMENT_TEXT_MAX + 8], evidence_text[400];
	struct requirement r, line, again;
	struct text evidence;
	struct fault fault;

	text_init(&evidence, evidence_text, sizeof evidence_text);
	put_evidence(d, &evidence);
	if (!suggest_requirement(s, d, classed_text, sizeof classed_text, &r))
		return false;
	if (suggest_profile_line(s, d, &r, &line))
		r = line;
	if (!add_by(&r, slice_make(evidence.buf, evidence.n)))
		return false;
	requirement_print(&r, out);
	return !out->cut && requirement_parse(slice_make(out->buf, out->n),
	    s->tag, &again, &fault);
}

/* "14 %", "0.9 %": rounded up, as it is a bound. */
static void
print_confidence(const struct suggest_domain *d, FILE *out)
{
	double bound = suggest_bound(d->checked, d->checked - d->passed);
	unsigned tenths = (unsigned)(bound * 1000) + 1;

	fprintf(out, "# satisfied by %llu of %llu: with 95 %% confidence not "
	    "more than ", (unsigned long long)d->passed,
	    (unsigned long long)d->checked);
	if (tenths < 100)
		fprintf(out, "%u.%u %% of such mail fails it\n", tenths / 10,
		    tenths % 10);
	else
		fprintf(out, "%u %% of such mail fails it\n", tenths >= 1000 ?
		    100 : (tenths + 9) / 10);
}

enum { OUTLIERS_SHOWN = 5 };

static void
print_outlier(const struct suggest_client *c, FILE *out)
{
	char last_text[16];
	struct text last;
	uint64_t n = c->checked > 0 ? c->checked : c->rule_failed;

	text_init(&last, last_text, sizeof last_text);
	report_put_day(&last, c->last);
	fprintf(out, "# not obeyed, as it never satisfied it: ");
	report_print_clean(out, c->name);
	fprintf(out, ", %llu %s%s, last %s\n", (unsigned long long)n,
	    c->checked > 0 ? "mail" : "refused attempt", n == 1 ? "" : "s",
	    last.buf);
}

static void
print_outliers(const struct suggest_domain *d, FILE *out)
{
	size_t found = 0;

	for (size_t i = 0; i < d->nclients; i++) {
		const struct suggest_client *c = &d->clients[i];

		if (c->passed > 0 || c->checked + c->rule_failed == 0)
			continue;
		if (found++ < OUTLIERS_SHOWN)
			print_outlier(c, out);
	}
	if (found > OUTLIERS_SHOWN)
		fprintf(out, "# and %zu clients more\n", found -
		    OUTLIERS_SHOWN);
}

static bool
print_rule(const struct suggest *s, const struct suggest_domain *d, FILE *out)
{
	char rule_text[REQUIREMENT_TEXT_MAX + 1];
	struct text rule;

	text_init(&rule, rule_text, sizeof rule_text);
	if (!put_rule(s, d, &rule))
		return false;
	if (d->requirement != NULL) {
		fputs("# in place of ", out);
		report_print_clean(out, d->file);
		fprintf(out, ":%lu: ", (unsigned long)d->line);
		report_print_clean(out, d->requirement);
		putc('\n', out);
	}
	print_confidence(d, out);
	print_outliers(d, out);
	fprintf(out, "%s:%s\t%s\n", tag_row(s->tag)->name, d->name,
	    rule.buf);
	return true;
}

/* Profiles to be made: lines, or with no such wish a comment. */
static void
print_groups(const struct suggest *s, enum suggest_stage stage, FILE *out)
{
	for (const struct suggest_group *g = s->groups; g != NULL; g = g->next)
		if (g->stage != stage || g->name[0] == '\0')
			continue;
		else if (s->make_profiles)
			fprintf(out, "# %zu domains ask for the same\n"
			    "Profile:%s\t%s\n", g->n, g->name,
			    g->requirement);
		else
			fprintf(out, "# %zu domains ask for the same, %s: with "
			    "--profiles they name one profile\n", g->n,
			    g->requirement);
}

static void
print_heading(const struct suggest *s, enum suggest_stage stage, FILE *out)
{
	fprintf(out, "\n# %s\n", headings[stage]);
	print_groups(s, stage, out);
}

static size_t
print_stage(const struct suggest *s, enum suggest_stage stage, FILE *out)
{
	size_t printed = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct suggest_domain *d = s->domains[i];

		if (d->stage != stage || d->checked == 0)
			continue;
		if (printed == 0)
			print_heading(s, stage, out);
		printed += print_rule(s, d, out);
	}
	return printed;
}

/* ": 3 times, last 2026-11-20: starttls-not-supported" */
static void
print_failures(const struct suggest_domain *d, FILE *out)
{
	char last_text[16];
	struct text last;

	text_init(&last, last_text, sizeof last_text);
	report_put_day(&last, d->last_failure);
	fprintf(out, ": %llu time%s, last %s: ",
	    (unsigned long long)d->failures, d->failures == 1 ? "" : "s",
	    last.buf);
	report_print_clean(out, d->failure);
}

static void
print_others(const struct suggest *s, FILE *out)
{
	fputs("\n# Not proposed:\n", out);
	for (size_t i = 0; i < s->n; i++) {
		const struct suggest_domain *d = s->domains[i];

		if (d->stage != SUGGEST_NONE)
			continue;
		fprintf(out, "# %s: %s", d->name, s->tag == TAG_RCPT &&
		    d->why == WHY_CLEAR ? "not every mail is known to have "
		    "left over TLS" : reasons[d->why]);
		if (d->why == WHY_FAILING)
			print_failures(d, out);
		fprintf(out, " (%llu mails, %llu over TLS)\n",
		    (unsigned long long)d->mails, (unsigned long long)d->tls);
	}
	if (s->dropped > 0)
		fprintf(out, "# and %zu domains with little mail\n",
		    s->dropped);
}

static void
print_span(const struct suggest *s, FILE *out)
{
	char span_text[64];
	struct text span;

	if (s->records == 0) {
		fputs("# Suggested by tlspolicy from 0 records.\n", out);
		return;
	}
	text_init(&span, span_text, sizeof span_text);
	report_put_day(&span, s->first);
	text_puts(&span, " to ");
	report_put_day(&span, s->last);
	fprintf(out, "# Suggested by tlspolicy from %llu records, %s (UTC).\n",
	    (unsigned long long)s->records, span.buf);
	if (s->window > 0)
		fprintf(out, "# Only the last %ld days of the log count; "
		    "see --window.\n", (long)s->window);
	if (s->maillog > 0)
		fprintf(out, "# %llu of them were made of a mail log.\n",
		    (unsigned long long)s->maillog);
	fputs(s->tag == TAG_RCPT ? "# Judged again, each mail to these domains "
	    "that left would leave.\n" : "# Judged again, each mail of these "
	    "domains that was let through satisfies its rule,\n# but for that "
	    "of clients that are named as not obeyed.\n", out);
	if (s->rules != NULL)
		fputs("# Lines AS:PROFILE go with the rules that have it.\n",
		    out);
}

size_t
suggest_print(const struct suggest *s, bool why_not, FILE *out)
{
	size_t printed = 0;

	print_span(s, out);
	for (int stage = SUGGEST_WARN; stage <= SUGGEST_PERM; stage++)
		printed += print_stage(s, (enum suggest_stage)stage, out);
	if (printed == 0)
		fputs("\n# There is nothing to propose.\n", out);
	if (why_not)
		print_others(s, out);
	return printed;
}
