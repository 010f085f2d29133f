/*
 * Written out, since a record has to be formatted while a client waits: runs
 * of harmless bytes are copied whole, and a table tells which those are.
 */
#include "policy/base/jsonput.h"

enum { PLAIN = 0, SPECIAL, HIGH };

#define ROW16(x) x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x
static const unsigned char kind[256] = {
	ROW16(SPECIAL), ROW16(SPECIAL),
	PLAIN, PLAIN, SPECIAL /* " */, [0x5c] = SPECIAL /* \ */,
	[0x7f] = SPECIAL,
	ROW16(HIGH), ROW16(HIGH), ROW16(HIGH), ROW16(HIGH),
	ROW16(HIGH), ROW16(HIGH), ROW16(HIGH), ROW16(HIGH)
};

static const char hex[] = "0123456789abcdef";

void
jsonput_start(struct jsonput *j, struct text *text)
{
	j->text = text;
	j->p = text->buf + text->n;
	j->end = text->buf + text->size - 1;
	j->cut = text->cut;
}

bool
jsonput_finish(struct jsonput *j)
{
	*j->p = '\0';
	j->text->n = (size_t)(j->p - j->text->buf);
	j->text->cut = j->cut;
	return !j->cut;
}

void
jsonput_slice(struct jsonput *j, struct slice s)
{
	jsonput_bytes(j, s.p, s.n);
}

/* Beyond U+FFFF as a pair of surrogates (RFC 8259, section 7). */
static void
put_escape(struct jsonput *j, uint32_t c)
{
	if (c > 0xffff) {
		put_escape(j, 0xd800 + ((c - 0x10000) >> 10));
		c = 0xdc00 + ((c - 0x10000) & 0x3ff);
	}
	jsonput_bytes(j, (char[]){ '\\', 'u', hex[c >> 12 & 15],
	    hex[c >> 8 & 15], hex[c >> 4 & 15], hex[c & 15] }, 6);
}

static void
put_special(struct jsonput *j, unsigned char c)
{
	char buf[2] = { '\\', (char)c };

	if (c == '"' || c == '\\')
		jsonput_bytes(j, buf, sizeof buf);
	else
		put_escape(j, c);
}

/* Puts the character at the start of `s`; returns its length, 0: invalid. */
static size_t
put_high(struct jsonput *j, struct slice s)
{
	uint32_t code;
	size_t n = text_utf8(s, &code);

	if (n == 0)
		JSONPUT_LITERAL(j, "\xef\xbf\xbd");
	else if (text_is_invisible(code))
		put_escape(j, code);
	else
		jsonput_slice(j, slice_make(s.p, n));
	return n;
}

/*
 * Copies bytes that stand for themselves, eight at a time: a byte is special
 * when it is below a blank, a quote, a backslash, DEL or above.  Returns how
 * many were copied.
 */
static size_t
put_plain_run(struct jsonput *j, struct slice s)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	size_t room = (size_t)(j->end - j->p), i = 0;
	uint64_t word, quote, backslash;

	for (; i + 8 <= s.n && i + 8 <= room; i += 8) {
		memcpy(&word, s.p + i, 8);
		quote = word ^ ones * '"';
		backslash = word ^ ones * '\\';
		if (((word | (word + ones) | (word - ones * ' ') |
		    (quote - ones) | (backslash - ones)) & high) != 0)
			break;
		memcpy(j->p + i, &word, 8);
	}
	for (; i < s.n && i < room &&
	    kind[(unsigned char)s.p[i]] == PLAIN; i++)
		j->p[i] = s.p[i];
	j->p += i;
	return i;
}

bool
jsonput_chars(struct jsonput *j, struct slice s)
{
	bool faithful = true;

	for (;;) {
		size_t n = put_plain_run(j, s);
		unsigned char c;

		s = slice_from(s, n);
		if (s.n == 0)
			return faithful;
		if (j->p == j->end) {
			j->cut = true;
			return faithful;
		}
		c = (unsigned char)s.p[0];
		n = 1;
		if (kind[c] == SPECIAL)
			put_special(j, c);
		else if ((n = put_high(j, s)) == 0) {
			faithful = false;
			n = 1;
		}
		s = slice_from(s, n);
	}
}

bool
jsonput_string(struct jsonput *j, struct slice s)
{
	bool faithful;

	JSONPUT_LITERAL(j, "\"");
	faithful = jsonput_chars(j, s);
	JSONPUT_LITERAL(j, "\"");
	return faithful;
}

void
jsonput_print(struct slice s, FILE *out)
{
	char buf[6 * JSONPUT_PRINT_MAX + 8];
	struct jsonput j;
	struct text text;

	if (s.n > JSONPUT_PRINT_MAX)
		s.n = JSONPUT_PRINT_MAX;
	text_init(&text, buf, sizeof buf);
	jsonput_start(&j, &text);
	jsonput_string(&j, s);
	(void)jsonput_finish(&j);
	fputs(buf, out);
}

void
jsonput_string_or_null(struct jsonput *j, struct slice s)
{
	if (s.n > 0)
		jsonput_string(j, s);
	else
		JSONPUT_LITERAL(j, "null");
}

void
jsonput_number(struct jsonput *j, uint64_t value)
{
	char buf[20];
	size_t i = sizeof buf;

	do
		buf[--i] = (char)('0' + value % 10);
	while ((value /= 10) != 0);
	jsonput_slice(j, slice_make(buf + i, sizeof buf - i));
}

void
jsonput_hex(struct jsonput *j, struct slice s)
{
	JSONPUT_LITERAL(j, "\"");
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char two[2] = { hex[c >> 4], hex[c & 15] };

		jsonput_bytes(j, two, sizeof two);
	}
	JSONPUT_LITERAL(j, "\"");
}

static void
digits(char *p, int n, unsigned value)
{
	while (n-- > 0) {
		p[n] = (char)('0' + value % 10);
		value /= 10;
	}
}

/*
 * Day of the era to date, counted from 0000-03-01 so that a leap day is the
 * last of its year (H. Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms"); gmtime_r(3) takes a lock in some C libraries.
 */
static void
put_date(char *p, int64_t days)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned doe = (unsigned)(z - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned shifted = (5 * doy + 2) / 153;
	unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
	int64_t year = (int64_t)yoe + era * 400 + (month <= 2);

	digits(p, 4, (unsigned)year);
	digits(p + 5, 2, month);
	digits(p + 8, 2, doy - (153 * shifted + 2) / 5 + 1);
}

void
jsonput_time(struct jsonput *j, int64_t time_us)
{
	char buf[] = "\"0000-00-00T00:00:00.000000Z\"";
	const int64_t day_us = 86400 * INT64_C(1000000);
	int64_t days = time_us / day_us, rest = time_us % day_us;
	unsigned seconds;

	if (rest < 0) {
		rest += day_us;
		days--;
	}
	seconds = (unsigned)(rest / 1000000);
	put_date(buf + 1, days);
	digits(buf + 12, 2, seconds / 3600);
	digits(buf + 15, 2, seconds / 60 % 60);
	digits(buf + 18, 2, seconds % 60);
	digits(buf + 21, 6, (unsigned)(rest % 1000000));
	jsonput_bytes(j, buf, sizeof buf - 1);
}

bool
jsonput_is_number(struct slice s)
{
	if (s.n == 0 || s.n > 9 || (s.p[0] == '0' && s.n > 1))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}
