/*
 * Bars in SVG.  The drawing is stretched to the width there is, so letters do
 * not stand in it but around it, where they keep their size on a phone.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/report/html-internal.h"

enum { SLOTS_MAX = 184, HEIGHT = 1000, SLOT = 10, GAP = 2 };

/* A slot is a bar: one day, or several where there are too many. */
struct chart {
	struct report_count slots[SLOTS_MAX];
	size_t n;
	int32_t first, last, step; /* days */
};

/* The parts of a bar, from the bottom to the top. */
struct part {
	const char *class, *label;
	enum report_counter counter;
	bool not_verified; /* but for those of COUNT_VERIFIED */
};

static uint64_t
value(const struct report_count *c, const struct part *part)
{
	return c->n[part->counter] -
	    (part->not_verified ? c->n[COUNT_VERIFIED] : 0);
}

static void
fill(struct chart *chart, const struct report *r)
{
	int64_t days;

	memset(chart, 0, sizeof *chart);
	chart->first = report_day(r->first);
	chart->last = report_day(r->last);
	days = (int64_t)chart->last - chart->first + 1;
	chart->step = (int32_t)((days + SLOTS_MAX - 1) / SLOTS_MAX);
	chart->n = (size_t)((days + chart->step - 1) / chart->step);
	for (const struct report_cell *c = r->days; c != NULL; c = c->next) {
		size_t slot = (size_t)((c->day - chart->first) / chart->step);

		report_count_add(&chart->slots[slot], &c->count);
	}
}

static uint64_t
height_of(const struct report_count *s, const struct part *parts)
{
	uint64_t sum = 0;

	for (; parts->class != NULL; parts++)
		sum += value(s, parts);
	return sum;
}

static void
draw_slot(const struct chart *chart, size_t i, const struct part *parts,
    uint64_t most, FILE *out)
{
	const struct report_count *s = &chart->slots[i];
	double y = HEIGHT;

	fputs("<g><title>", out);
	page_day(out, (chart->first + (int32_t)i * chart->step) *
	    REPORT_DAY_US);
	for (const struct part *p = parts; p->class != NULL; p++) {
		fprintf(out, "; %s: ", p->label);
		page_number(out, value(s, p));
	}
	fputs("</title>", out);
	for (; parts->class != NULL; parts++) {
		double h = (double)value(s, parts) / (double)most * (double)HEIGHT;

		if (h <= 0)
			continue;
		y -= h;
		fprintf(out, "<rect class=\"%s\" x=\"%zu\" y=\"%.2f\" "
		    "width=\"%d\" height=\"%.2f\"/>", parts->class, i * SLOT,
		    y, chart->n > 1 ? SLOT - GAP : SLOT, h);
	}
	fputs("</g>\n", out);
}

static void
print_caption(const struct chart *chart, const char *title,
    const struct part *parts, uint64_t most, FILE *out)
{
	fprintf(out, "<figure><figcaption><strong>%s</strong>", title);
	for (; parts->class != NULL; parts++)
		fprintf(out, "<span><svg class=\"key\" viewBox=\"0 0 1 1\" "
		    "aria-hidden=\"true\"><rect class=\"%s\" width=\"1\" "
		    "height=\"1\"/></svg>%s</span>", parts->class,
		    parts->label);
	fputs("<span>top line: ", out);
	page_number(out, most);
	if (chart->step == 1)
		fputs(" in a day", out);
	else
		fprintf(out, " in %d days", chart->step);
	fputs("</span></figcaption>\n", out);
}

static void
print_axis(const struct chart *chart, FILE *out)
{
	fputs("<div class=\"axis\"><span>", out);
	page_day(out, chart->first * REPORT_DAY_US);
	if (chart->n > 4) {
		fputs("</span><span>", out);
		page_day(out, (chart->first + (chart->last - chart->first) / 2)
		    * REPORT_DAY_US);
	}
	if (chart->last != chart->first) {
		fputs("</span><span>", out);
		page_day(out, chart->last * REPORT_DAY_US);
	}
	fputs("</span></div>", out);
}

static void
draw(const struct chart *chart, const char *title, const char *class,
    const struct part *parts, FILE *out)
{
	uint64_t most = 0;

	for (size_t i = 0; i < chart->n; i++)
		if (height_of(&chart->slots[i], parts) > most)
			most = height_of(&chart->slots[i], parts);
	if (most == 0) {
		fprintf(out, "<figure><figcaption><strong>%s</strong>"
		    "<span>none on any day</span></figcaption></figure>\n",
		    title);
		return;
	}
	print_caption(chart, title, parts, most, out);
	fprintf(out, "<svg class=\"%s\" viewBox=\"0 0 %zu %d\" "
	    "preserveAspectRatio=\"none\" role=\"img\" aria-label=\"%s\">\n",
	    class, chart->n * SLOT - (chart->n > 1 ? GAP : 0), HEIGHT, title);
	for (size_t i = 0; i < chart->n; i++)
		if (height_of(&chart->slots[i], parts) > 0)
			draw_slot(chart, i, parts, most, out);
	fputs("</svg>", out);
	print_axis(chart, out);
	fputs("</figure>\n", out);
}

void
page_charts(const struct report *r, FILE *out)
{
	static const struct part mails[] = {
		{ .class = "best", .label = "over TLS, certificate verified",
		    .counter = COUNT_VERIFIED },
		{ .class = "good", .label = "over TLS", .counter = COUNT_TLS,
		    .not_verified = true },
		{ .class = "bad", .label = "in clear", .counter = COUNT_CLEAR },
		{ .class = NULL }
	}, clears[] = {
		{ .class = "bad", .label = "in clear", .counter = COUNT_CLEAR },
		{ .class = NULL }
	}, refusals[] = {
		{ .class = "stop", .label = "refused",
		    .counter = COUNT_REFUSED },
		{ .class = "would", .label = "would have been refused",
		    .counter = COUNT_WOULD },
		{ .class = NULL }
	};
	struct chart chart;

	fill(&chart, r);
	fputs("<section><h2>Day by day</h2>\n", out);
	draw(&chart, r->leaving ? "Mail delivered" : "Mail let through",
	    "plot", mails, out);
	draw(&chart, "In clear, by itself", "plot low", clears, out);
	if (!r->leaving)
		draw(&chart, "Refusals", "plot low", refusals, out);
	fputs("</section>\n", out);
}

void
page_bar(FILE *out, const struct report_count *c)
{
	static const char *const classes[] = { "best", "good", "bad" };
	uint64_t parts[] = { c->n[COUNT_VERIFIED],
		c->n[COUNT_TLS] - c->n[COUNT_VERIFIED], c->n[COUNT_CLEAR] };
	unsigned x = 0;

	fputs("<svg class=\"bar\" viewBox=\"0 0 10000 1\" "
	    "preserveAspectRatio=\"none\" aria-hidden=\"true\">", out);
	for (int i = 0; i < 3; i++) {
		/* A share above 0 gets a visible width. */
		unsigned width = report_share(parts[i], c->n[COUNT_MAILS]);

		if (parts[i] == 0)
			continue;
		if (width < 100)
			width = 100;
		if (x + width > 10000)
			x = 10000 - width;
		fprintf(out, "<rect class=\"%s\" x=\"%u\" width=\"%u\" "
		    "height=\"1\"/>", classes[i], x, width);
		x += width;
	}
	fputs("</svg>", out);
}
