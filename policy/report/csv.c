/*
 * RFC 4180, a row for each day of each domain.  A name that a spreadsheet would
 * take for a formula gets an apostrophe in front, which spreadsheets hide.
 */
#include <string.h>

#include "policy/report/report-internal.h"

static void
print_quoted(FILE *out, const char *s)
{
	char text[REPORT_NAME_MAX];
	struct text clean;

	text_init(&clean, text, sizeof text);
	report_put_clean(&clean, slice_of(s));
	putc('"', out);
	if (clean.n > 0 && strchr("=+-@", clean.buf[0]) != NULL)
		putc('\'', out);
	for (const char *p = clean.buf; *p != '\0'; p++) {
		if (*p == '"')
			putc('"', out);
		putc(*p, out);
	}
	putc('"', out);
}

static void
print_head(FILE *out)
{
	char column[REPORT_COLUMN_MAX];

	fputs("day,domain", out);
	for (int i = 0; i < REPORT_COUNTERS; i++) {
		report_column((enum report_counter)i, column);
		if (column[0] != '\0')
			fprintf(out, ",%s", column);
	}
	fputs("\r\n", out);
}

static void
print_cell(FILE *out, const char *domain, const struct report_cell *cell)
{
	char day_text[16];
	struct text day;

	text_init(&day, day_text, sizeof day_text);
	report_put_day(&day, cell->day * REPORT_DAY_US);
	fprintf(out, "%s,", day.buf);
	print_quoted(out, domain);
	for (int i = 0; i < REPORT_COUNTERS; i++)
		if (report_member((enum report_counter)i) != NULL)
			fprintf(out, ",%llu",
			    (unsigned long long)cell->count.n[i]);
	fputs("\r\n", out);
}

bool
report_csv(const struct report *r, const struct report *other, FILE *out)
{
	(void)other;
	print_head(out);
	for (size_t i = 0; i < r->ndomains; i++)
		for (const struct report_cell *c = r->domains[i]->cells;
		    c != NULL; c = c->next)
			print_cell(out, r->domains[i]->name, c);
	return true;
}
