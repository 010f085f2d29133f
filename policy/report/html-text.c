/* Text, numbers and days as the page has them; see html-internal.h. */
#include "policy/report/html-internal.h"

void
page_text(FILE *out, const char *s)
{
	char text[REPORT_NAME_MAX];

	for (const char *p = report_clean(text, s); *p != '\0'; p++)
		switch (*p) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			putc(*p, out);
		}
}

void
page_number(FILE *out, uint64_t n)
{
	char number_text[32];
	struct text number;

	text_init(&number, number_text, sizeof number_text);
	report_put_number(&number, n);
	fputs(number.buf, out);
}

void
page_share(FILE *out, uint64_t part, uint64_t whole)
{
	char share_text[16];
	struct text share;

	text_init(&share, share_text, sizeof share_text);
	report_put_share(&share, part, whole);
	fputs(share.buf, out);
}

void
page_day(FILE *out, int64_t time_us)
{
	char day_text[16];
	struct text day;

	text_init(&day, day_text, sizeof day_text);
	report_put_day(&day, time_us);
	fputs(day.buf, out);
}
