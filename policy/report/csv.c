/* RFC 4180, a row for each day of each domain, or for each node. */
#include "policy/report/node.h"
#include "policy/report/report-internal.h"

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
	report_print_quoted(out, domain);
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
	if (r->nodes) {
		node_csv(r->basis, out);
		return true;
	}
	print_head(out);
	for (size_t i = 0; i < r->ndomains; i++)
		for (const struct report_cell *c = r->domains[i]->cells;
		    c != NULL; c = c->next)
			print_cell(out, r->domains[i]->name, c);
	return true;
}
