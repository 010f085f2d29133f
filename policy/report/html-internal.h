/*
 * html-internal.h - the parts of the page that report_html() makes.
 *
 * html.c calls alarm-page.c, table.c, chart.c, basis-print.c and style.c;
 * tables have chart.c's bars in them; all write through html-text.c.
 *
 * Whatever comes from outside goes through page_text(): there it becomes text
 * and nothing else, for the eye and for the browser.
 */
#ifndef TLSPOLICY_REPORT_HTML_INTERNAL_H
#define TLSPOLICY_REPORT_HTML_INTERNAL_H

#include "policy/report/report-internal.h"

/* As text or inside a quoted attribute. */
void page_text(FILE *, const char *);
void page_number(FILE *, uint64_t);
void page_share(FILE *, uint64_t part, uint64_t whole);
void page_day(FILE *, int64_t time_us);

/* The rules of style, and their digest for the Content-Security-Policy. */
extern const char page_style[];
/* "sha256-..."; false: OpenSSL failed. */
bool page_style_hash(char out[64]);

/* Charts; days without mail keep their place. */
void page_charts(const struct report *, FILE *);
/* A bar of verified, over TLS, in clear. */
void page_bar(FILE *, const struct report_count *);

/* The alarms, those of a kind in one block; false: out of memory. */
bool page_alarms(const struct report *, FILE *);
/* The worst of them in a sentence. */
bool page_worst(const struct report *, FILE *);
/* What it rests on. */
void page_basis(const struct basis *, FILE *);

/* Tables. */
void page_mixture(const struct report *, FILE *);
void page_domains(const struct report *, FILE *);
void page_rules(const struct report *, FILE *);
void page_endings(const struct report *, FILE *);
void page_peers(const struct report *, const struct report_domain *, FILE *);
void page_days(const struct report *, FILE *);

#endif
