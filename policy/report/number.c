/* Numbers, dates and strangers' names for people. */
#include <string.h>

#include "policy/base/jsonput.h"
#include "policy/report/report-internal.h"

enum { ALL = 10000 };

unsigned
report_share(uint64_t part, uint64_t whole)
{
	unsigned share;

	if (whole == 0 || part >= whole)
		return whole == 0 ? 0 : ALL;
	share = (unsigned)((double)part / (double)whole * (double)ALL + 0.5);
	if (share == 0 && part > 0)
		return 1;
	return share >= ALL ? ALL - 1 : share;
}

void
report_put_share(struct text *out, uint64_t part, uint64_t whole)
{
	unsigned share = report_share(part, whole);

	if (whole == 0)
		text_puts(out, "-");
	else if (share == 0 || share == ALL)
		text_printf(out, "%u %%", share / 100);
	else if (share < 100 || share >= 9900)
		text_printf(out, "%u.%02u %%", share / 100, share % 100);
	else
		text_printf(out, "%u.%u %%", (share + 5) / 100,
		    (share + 5) % 100 / 10);
}

void
report_put_number(struct text *out, uint64_t n)
{
	if (n >= 1000) {
		report_put_number(out, n / 1000);
		text_printf(out, ",%03u", (unsigned)(n % 1000));
	} else {
		text_printf(out, "%u", (unsigned)n);
	}
}

void
report_put_day(struct text *out, int64_t time_us)
{
	int32_t day = report_day(time_us);

	day_print(day < 0 ? 0 : day, out);
}

/*
 * The rules of JSON's log lines are right here too, but for the two characters
 * that only JSON has to escape.
 */
void
report_put_clean(struct text *out, struct slice s)
{
	char escaped_text[REPORT_NAME_MAX];
	struct text escaped;
	struct jsonput j;

	text_init(&escaped, escaped_text, sizeof escaped_text);
	jsonput_start(&j, &escaped);
	jsonput_chars(&j, s);
	jsonput_finish(&j);
	for (size_t i = 0; i < escaped.n; i++) {
		if (escaped.buf[i] == '\\' && i + 1 < escaped.n &&
		    (escaped.buf[i + 1] == '"' || escaped.buf[i + 1] == '\\'))
			i++;
		text_char(out, escaped.buf[i]);
	}
}

const char *
report_clean(char text[REPORT_NAME_MAX], const char *s)
{
	struct text clean;

	text_init(&clean, text, REPORT_NAME_MAX);
	report_put_clean(&clean, slice_of(s));
	return text;
}

void
report_print_clean(FILE *out, const char *s)
{
	char text[REPORT_NAME_MAX];

	fputs(report_clean(text, s), out);
}

void
report_print_quoted(FILE *out, const char *s)
{
	char text[REPORT_NAME_MAX];
	const char *clean = report_clean(text, s);

	putc('"', out);
	if (clean[0] != '\0' && strchr("=+-@", clean[0]) != NULL)
		putc('\'', out);
	for (const char *p = clean; *p != '\0'; p++) {
		if (*p == '"')
			putc('"', out);
		putc(*p, out);
	}
	putc('"', out);
}
