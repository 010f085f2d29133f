/* The report for a terminal or a mail. */
#include <stdlib.h>

#include "policy/report/report-internal.h"

enum { LINE = 8192 };

static void
print_row(FILE *out, const char *label, uint64_t part, uint64_t whole)
{
	char number_text[32], share_text[16];
	struct text number, share;

	text_init(&number, number_text, sizeof number_text);
	text_init(&share, share_text, sizeof share_text);
	report_put_number(&number, part);
	report_put_share(&share, part, whole);
	fprintf(out, "  %-34s %12s %10s\n", label, number.buf, share.buf);
}

static void
print_count(FILE *out, const char *label, uint64_t n)
{
	char text[32];
	struct text number;

	if (n == 0)
		return;
	text_init(&number, text, sizeof text);
	report_put_number(&number, n);
	fprintf(out, "  %-34s %12s\n", label, number.buf);
}

static void
print_head(const struct report *r, FILE *out)
{
	char first_text[16], last_text[16];
	struct text first, last;

	text_init(&first, first_text, sizeof first_text);
	text_init(&last, last_text, sizeof last_text);
	report_put_day(&first, r->first);
	report_put_day(&last, r->last);
	fprintf(out, "TLS report%s, %s to %s (UTC)", r->leaving ?
	    " of mail that left" : "", first.buf, last.buf);
	if (r->domain.n > 0) {
		fprintf(out, ", %ss of ", report_words(r)->address);
		report_print_clean(out, r->domains[0]->name);
	}
	fprintf(out, ", %llu records", (unsigned long long)r->records);
	if (r->maillog > 0)
		fprintf(out, ", %llu made of a mail log: no evidence",
		    (unsigned long long)r->maillog);
	fputs("\n\n", out);
}

static void
print_counter(const struct report *r, FILE *out, enum report_counter counter)
{
	const struct report_row *row = report_row(counter);
	const struct report_count *c = &r->total;
	char label[64];

	if (row->label == NULL)
		return;
	if (counter == COUNT_MAILS) {
		snprintf(label, sizeof label, "mails %s",
		    report_words(r)->passed);
		print_row(out, label, c->n[counter], 0);
	} else if (row->always)
		print_row(out, row->label, c->n[counter],
		    row->share ? c->n[COUNT_MAILS] : 0);
	else
		print_count(out, row->label, c->n[counter]);
}

static void
print_totals(const struct report *r, FILE *out)
{
	const struct report_count *c = &r->total;

	for (int i = 0; i < REPORT_COUNTERS; i++)
		print_counter(r, out, (enum report_counter)i);
	fputs("\nProtocol versions\n", out);
	for (int i = 0; i < REPORT_VERSIONS; i++)
		if (c->n[COUNT_VERSION + i] > 0)
			print_row(out, report_version_name(
			    (enum report_version)i), c->n[COUNT_VERSION + i],
			    c->n[COUNT_TLS]);
	fputs("\nCipher suites\n", out);
	for (size_t i = 0; i < r->nsuites; i++) {
		char name_text[512];
		struct text name;

		text_init(&name, name_text, sizeof name_text);
		report_put_clean(&name, slice_of(r->suites[i].name));
		print_row(out, name.buf, r->suites[i].mails,
		    c->n[COUNT_TLS]);
	}
	print_count(out, "others", r->suites_left_out);
}

static void
print_alarm(const struct report *r, const struct report_alarm *a, FILE *out)
{
	char line_text[LINE];
	struct text line;

	text_init(&line, line_text, sizeof line_text);
	report_alarm_print(a, report_today(r), &line);
	fprintf(out, "  %s: ", report_alarm_name(a->kind));
	if (a->domain != NULL) {
		report_print_clean(out, a->domain->name);
		fputs(": ", out);
	}
	report_print_clean(out, line.buf);
	putc('\n', out);
}

/*
 * Of those that are resolved, or are not, as many of each kind as there is room
 * for: many of one kind do not hide that there is another.
 */
static size_t
print_some(const struct report *r, const struct report_alarm *list, size_t n,
    bool resolved, FILE *out)
{
	size_t found = 0, of_kind = 0;

	for (size_t i = 0; i < n; i++) {
		const struct report_alarm *a = &list[i];

		if (a->resolved != resolved)
			continue;
		found++;
		if (of_kind++ < r->top)
			print_alarm(r, a, out);
		if (i + 1 < n && a[1].resolved == resolved &&
		    a[1].kind == a->kind)
			continue;
		if (of_kind > r->top)
			fprintf(out, "  %s: and %zu more: --top %zu\n",
			    report_alarm_name(a->kind), of_kind - r->top,
			    of_kind);
		of_kind = 0;
	}
	return found;
}

static bool
print_alarms(const struct report *r, FILE *out)
{
	struct report_alarm *list;
	size_t n = report_alarms(r, &list), open;

	if (list == NULL)
		return false;
	fputs("\nTo look at\n", out);
	open = print_some(r, list, n, false, out);
	if (open == 0)
		fputs("  nothing\n", out);
	if (open < n) {
		fputs("\nResolved\n", out);
		print_some(r, list, n, true, out);
	}
	free(list);
	return true;
}

static void
print_reasons(FILE *out, const uint64_t reasons[REASON_COUNT],
    const struct report_rule *rule, const char *what)
{
	for (int i = 0; i < REASON_COUNT; i++) {
		if (reasons[i] == 0)
			continue;
		fprintf(out, "  %-8s %8llu  %-18s ", what,
		    (unsigned long long)reasons[i],
		    i == REASON_NONE ? "-" : reason_name((enum reason)i));
		report_print_clean(out, rule->key[0] != '\0' ? rule->key :
		    "(no rule: the handshake failed)");
		putc(' ', out);
		report_print_clean(out, rule->requirement);
		putc('\n', out);
	}
}

static void
print_rules(const struct report *r, FILE *out)
{
	fputs("\nRefusals by reason and rule\n", out);
	if (r->total.n[COUNT_REFUSED] + r->total.n[COUNT_WOULD] == 0)
		fputs("  none\n", out);
	for (size_t i = 0; i < r->nrules; i++) {
		print_reasons(out, r->rules[i]->refused_for, r->rules[i],
		    "refused");
		print_reasons(out, r->rules[i]->would_for, r->rules[i],
		    "would be");
	}
	if (r->rules_left_out > 0)
		fprintf(out, "  there are more than %d rules: those seen later "
		    "are not listed\n", REPORT_RULES_MAX);
}

/* The columns of domains and days, on a terminal. */
static bool
has_column(const struct report_row *row)
{
	return row->head != NULL && !row->page_only;
}

static void
print_line(FILE *out, const char *name, const struct report_count *c)
{
	putc(' ', out);
	for (int i = 0; i < REPORT_COUNTERS; i++) {
		const struct report_row *row = report_row((enum report_counter)
		    i);
		char share_text[16];
		struct text share;

		if (!has_column(row))
			continue;
		text_init(&share, share_text, sizeof share_text);
		report_put_share(&share, c->n[i], c->n[COUNT_MAILS]);
		if (row->share)
			fprintf(out, " %9s", share.buf);
		else
			fprintf(out, " %9llu", (unsigned long long)c->n[i]);
	}
	fputs("  ", out);
	report_print_clean(out, name);
	putc('\n', out);
}

static void
print_table_head(FILE *out, const char *what)
{
	fputs("\n ", out);
	for (int i = 0; i < REPORT_COUNTERS; i++) {
		const struct report_row *row = report_row((enum report_counter)
		    i);

		if (has_column(row))
			fprintf(out, " %9s", row->head);
	}
	fprintf(out, "  %s\n", what);
}

static void
print_days(const struct report *r, FILE *out)
{
	print_table_head(out, "day");
	for (const struct report_cell *c = r->days; c != NULL; c = c->next) {
		char day_text[16];
		struct text day;

		text_init(&day, day_text, sizeof day_text);
		report_put_day(&day, c->day * REPORT_DAY_US);
		print_line(out, day.buf, &c->count);
	}
}

static void
print_domains(const struct report *r, FILE *out)
{
	print_table_head(out, "domain");
	for (size_t i = 0; i < r->ndomains && i < r->top; i++)
		print_line(out, r->domains[i]->name, &r->domains[i]->sum);
	if (r->ndomains > r->top)
		fprintf(out, "  and %zu more: --top %zu, or --csv\n",
		    r->ndomains - r->top, r->ndomains);
	if (r->folded > 0)
		fprintf(out, "  (other): %zu domains with little mail, counted "
		    "together\n", r->folded);
}

static void
print_certificates(const struct report_domain *d, FILE *out)
{
	fputs("\nVerified certificates\n", out);
	if (d->ncertificates == 0)
		fputs("  none\n", out);
	for (unsigned i = 0; i < d->ncertificates; i++) {
		const struct report_certificate *c = &d->certificates[i];
		char span_text[32];
		struct text span;

		text_init(&span, span_text, sizeof span_text);
		report_put_day(&span, c->first);
		text_puts(&span, " to ");
		report_put_day(&span, c->last);
		fprintf(out, "  %s %9llu  ", span.buf,
		    (unsigned long long)c->mails);
		report_print_clean(out, c->cn);
		fputs(", issued by ", out);
		report_print_clean(out, c->issuer);
		if (c->fingerprint[0] != '\0') {
			fputs(", ", out);
			report_print_clean(out, c->fingerprint);
		}
		putc('\n', out);
	}
}

static bool
print_report(const struct report *r, FILE *out)
{
	if (r->records == 0) {
		fprintf(out, "No records%s.\n", r->leaving ?
		    " of mail that left" : "");
		return true;
	}
	print_head(r, out);
	print_totals(r, out);
	if (!print_alarms(r, out))
		return false;
	if (!r->leaving)
		print_rules(r, out);
	print_days(r, out);
	if (r->domain.n > 0)
		print_certificates(r->domains[0], out);
	else
		print_domains(r, out);
	return true;
}

bool
report_text(const struct report *r, const struct report *other, FILE *out)
{
	if (r->nodes) {
		basis_text(r->basis, out);
		return true;
	}
	if (!print_report(r, out))
		return false;
	if (other != NULL) {
		putc('\n', out);
		if (!print_report(other, out))
			return false;
	}
	if (r->basis != NULL)
		basis_text(r->basis, out);
	return true;
}
