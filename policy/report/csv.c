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
	fputs("day,domain,mails,tls,tls_1_3,tls_1_2,tls_1_1,tls_1_0,tls_other,"
	    "verified,held,refused,would", out);
	for (int i = REASON_NONE + 1; i < REASON_COUNT; i++)
		fprintf(out, ",refused_%s", reason_name((enum reason)i));
	for (int i = REASON_NONE + 1; i < REASON_COUNT; i++)
		fprintf(out, ",would_%s", reason_name((enum reason)i));
	fputs(",exempt,aborted\r\n", out);
}

static void
print_number(FILE *out, uint64_t n)
{
	fprintf(out, ",%llu", (unsigned long long)n);
}

static void
print_cell(FILE *out, const char *domain, const struct report_cell *cell)
{
	const struct report_count *c = &cell->count;
	char day_text[16];
	struct text day;

	text_init(&day, day_text, sizeof day_text);
	report_put_day(&day, cell->day * REPORT_DAY_US);
	fprintf(out, "%s,", day.buf);
	print_quoted(out, domain);
	print_number(out, c->mails);
	print_number(out, c->tls);
	for (int i = 0; i < REPORT_VERSIONS; i++)
		print_number(out, c->version[i]);
	print_number(out, c->verified);
	print_number(out, c->held);
	print_number(out, c->refused);
	print_number(out, c->would);
	for (int i = REASON_NONE + 1; i < REASON_COUNT; i++)
		print_number(out, c->refused_for[i]);
	for (int i = REASON_NONE + 1; i < REASON_COUNT; i++)
		print_number(out, c->would_for[i]);
	print_number(out, c->exempt);
	print_number(out, c->aborted);
	fputs("\r\n", out);
}

bool
report_csv(const struct report *r, FILE *out)
{
	print_head(out);
	for (size_t i = 0; i < r->ndomains; i++)
		for (const struct report_cell *c = r->domains[i]->cells;
		    c != NULL; c = c->next)
			print_cell(out, r->domains[i]->name, c);
	return true;
}
