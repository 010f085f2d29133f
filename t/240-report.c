/* The counters of a report: none is lost in "(other)" or in a form of output. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/report/report.h"
#include "policy/report/report-internal.h"
#include "t/unit.h"

enum { DOMAINS = 64 };

/* Every counter of every domain has a number of its own. */
static uint64_t
number(unsigned domain, unsigned counter)
{
	return (uint64_t)domain * 1000 + counter + 1;
}

static struct report_domain *
add_domain(struct report *r, unsigned at)
{
	char name[32];
	struct report_domain *d;

	snprintf(name, sizeof name, "d%02u.example", at);
	d = report_new_domain(name);
	assert_non_null(d);
	d->cells = calloc(1, sizeof *d->cells);
	assert_non_null(d->cells);
	d->first = d->last = REPORT_DAY_US;
	d->cells->day = 1;
	for (unsigned i = 0; i < REPORT_COUNTERS; i++)
		d->sum.n[i] = d->cells->count.n[i] = number(at, i);
	assert_true(report_keep_domain(r, d));
	return d;
}

/* Sums by the test's own loop, not by the report's. */
static void
sum_up(struct report *r, const struct report_domain *d)
{
	for (unsigned i = 0; i < REPORT_COUNTERS; i++)
		r->total.n[i] += d->sum.n[i];
}

static void
fill(struct report *r, unsigned domains)
{
	report_init(r);
	r->domains = calloc(REPORT_DOMAINS_MAX + 1, sizeof *r->domains);
	assert_non_null(r->domains);
	r->records = 1;
	r->first = r->last = REPORT_DAY_US;
	r->top = DOMAINS;
	for (unsigned at = 0; at < domains; at++)
		sum_up(r, add_domain(r, at));
}

static void
name_of(unsigned counter, char *out, size_t n)
{
	const char *member = report_member((enum report_counter)counter);

	snprintf(out, n, "counter %u %s", counter, member == NULL ? "-" :
	    member);
}

static void
test_fold(void **state)
{
	uint64_t sums[REPORT_COUNTERS] = { 0 }, cells[REPORT_COUNTERS] = { 0 };
	struct report r;
	char name[80];

	(void)state;
	fill(&r, DOMAINS);
	assert_true(report_fold(&r));
	report_finish(&r);
	unit_number("domains and (other)", DOMAINS / 2 + 1,
	    (long long)r.ndomains);
	for (unsigned i = 0; i < REPORT_COUNTERS; i++) {
		for (size_t d = 0; d < r.ndomains; d++) {
			sums[i] += r.domains[d]->sum.n[i];
			for (struct report_cell *c = r.domains[d]->cells;
			    c != NULL; c = c->next)
				cells[i] += c->count.n[i];
		}
		name_of(i, name, sizeof name);
		unit_number(name, (long long)r.total.n[i],
		    (long long)sums[i]);
		unit_number(name, (long long)r.total.n[i],
		    (long long)cells[i]);
	}
	report_free(&r);
	unit_end();
}

static char *
printed(report_form *form, const struct report *r)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	assert_non_null(out);
	assert_true(form(r, NULL, out));
	assert_int_equal(fclose(out), 0);
	return text;
}

/* Column `counter` of the only row; the heads are what report_column() says. */
static void
csv_cell(const char *csv, unsigned counter, const char *name)
{
	char column[REPORT_COLUMN_MAX], want[32];
	const char *head = csv, *cell = strchr(csv, '\n') + 1;

	report_column((enum report_counter)counter, column);
	snprintf(want, sizeof want, "%" PRIu64, number(7, counter));
	for (; *head != '\r'; head += strcspn(head, ",\r"),
	    cell += strcspn(cell, ",\r")) {
		head += *head == ',';
		cell += *cell == ',';
		if (strcspn(head, ",\r") == strlen(column) &&
		    strncmp(head, column, strlen(column)) == 0) {
			unit_slice(name, want, slice_make(cell,
			    strcspn(cell, ",\r")));
			return;
		}
	}
	unit_same(name, column, "no such column");
}

static void
test_forms(void **state)
{
	struct report r;
	char *csv, *json, name[80], want[96];

	(void)state;
	fill(&r, 0);
	sum_up(&r, add_domain(&r, 7));
	report_finish(&r);
	csv = printed(report_csv, &r);
	json = printed(report_json, &r);
	for (unsigned i = 0; i < REPORT_COUNTERS; i++) {
		const char *member = report_member((enum report_counter)i);

		if (member == NULL)
			continue;
		name_of(i, name, sizeof name);
		csv_cell(csv, i, name);
		snprintf(want, sizeof want, "\"%s\":%" PRIu64, member,
		    number(7, i));
		unit_number(name, 1, strstr(json, want) != NULL);
	}
	free(csv);
	free(json);
	report_free(&r);
	unit_end();
}

/* The lists and columns for people name the sum of each labelled counter. */
static void
test_labels(void **state)
{
	struct report r;
	char *text, *page, want[96];

	(void)state;
	fill(&r, 0);
	sum_up(&r, add_domain(&r, 7));
	report_finish(&r);
	text = printed(report_text, &r);
	page = printed(report_html, &r);
	for (unsigned i = 0; i < REPORT_COUNTERS; i++) {
		const struct report_row *row = report_row((enum report_counter)
		    i);
		const char *at;

		if (row->label != NULL) {
			snprintf(want, sizeof want, "7,%03u", i + 1);
			at = strstr(text, row->label);
			unit_number(row->label, 1, at != NULL &&
			    strstr(at, want) != NULL &&
			    strstr(at, want) < strchr(at, '\n'));
		}
		if (row->head == NULL)
			continue;
		unit_number(row->head, row->page_only ? 0 : 1,
		    strstr(strstr(text, "day\n") - 60, row->head) != NULL &&
		    !row->page_only);
		snprintf(want, sizeof want, "data-l=\"%s\"", row->cell);
		unit_number(want, 1, strstr(page, want) != NULL);
	}
	free(text);
	free(page);
	report_free(&r);
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_labels),
	};

	return unit_main(tests);
}
