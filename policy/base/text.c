#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unictype.h>

#include "policy/base/text.h"

int
text_hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = text_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
text_number(struct slice s, unsigned long max, unsigned long *value)
{
	unsigned long v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned long digit = (unsigned long)(s.p[i] - '0');

		if (s.p[i] < '0' || s.p[i] > '9' || digit > max ||
		    v > max / 10 || v * 10 > max - digit)
			return false;
		v = v * 10 + digit;
	}
	*value = v;
	return true;
}

void
text_init(struct text *t, char *buf, size_t size)
{
	t->buf = buf;
	t->size = size;
	t->utf8 = false;
	text_clear(t);
}

void
text_clear(struct text *t)
{
	t->n = 0;
	t->cut = false;
	t->buf[0] = '\0';
}

/* As much of `s` as there is room for. */
static struct slice
fitting(struct text *t, struct slice s)
{
	size_t room = t->size - 1 - t->n;

	if (s.n > room) {
		s.n = room;
		t->cut = true;
	}
	return s;
}

void
text_put(struct text *t, struct slice s)
{
	s = fitting(t, s);
	if (s.n > 0)
		memcpy(t->buf + t->n, s.p, s.n);
	t->n += s.n;
	t->buf[t->n] = '\0';
}

void
text_put_lower(struct text *t, struct slice s)
{
	s = fitting(t, s);
	slice_copy_lower(t->buf + t->n, s);
	t->n += s.n;
	t->buf[t->n] = '\0';
}

void
text_hex(struct text *t, uint64_t value)
{
	char digits[16];
	size_t i = sizeof digits;

	do
		digits[--i] = "0123456789abcdef"[value & 15];
	while ((value >>= 4) != 0);
	text_put(t, slice_make(digits + i, sizeof digits - i));
}

void
text_puts(struct text *t, const char *s)
{
	text_put(t, slice_of(s));
}

void
text_printf(struct text *t, const char *fmt, ...)
{
	size_t room = t->size - t->n;
	va_list ap;
	int wanted;

	va_start(ap, fmt);
	wanted = vsnprintf(t->buf + t->n, room, fmt, ap);
	va_end(ap);
	if (wanted < 0)
		return;
	if ((size_t)wanted >= room) {
		t->cut = true;
		wanted = (int)room - 1;
	}
	t->n += (size_t)wanted;
}

size_t
text_utf8(struct slice s, uint32_t *code)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c = s.n == 0 ? 0xff : (unsigned char)s.p[0];
	size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0x80 ? 2 : 1;

	*code = c;
	if (n == 1)
		return n;
	if (c < 0xc2 || c > 0xf4 || s.n < n)
		return 0;
	c &= 0xffU >> (n + 1);
	for (size_t i = 1; i < n; i++) {
		unsigned char next = (unsigned char)s.p[i];

		if ((next & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (next & 0x3fU);
	}
	*code = c;
	return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ?
	    0 : n;
}

bool
text_is_invisible(uint32_t c)
{
	if (c < 0xa0)
		return c < ' ' || c >= 0x7f;
	return c == 0x2028 || c == 0x2029 || (c != 0xfe0e && c != 0xfe0f &&
	    uc_is_property_default_ignorable_code_point(c));
}

bool
text_foreign_end(struct slice s, size_t *at)
{
	while (s.n > 0 && s.p[s.n - 1] == '\r')
		s.n--;
	for (size_t i = 0, n; i < s.n; i += n) {
		uint32_t code;

		*at = i;
		n = text_utf8(slice_from(s, i), &code);
		if (n == 0)
			n = 1;
		else if ((code >= '\v' && code <= '\r') || code == 0x85 ||
		    code == 0x2028 || code == 0x2029)
			return true;
	}
	return false;
}

/* Whole or not at all: half an escape or half a character misleads. */
static void
put_whole(struct text *t, struct slice s)
{
	if (s.n > t->size - 1 - t->n)
		t->cut = true;
	else
		text_put(t, s);
}

void
text_put_printable(struct text *t, struct slice s)
{
	char escape[16];
	uint32_t code;
	size_t n;

	for (; s.n > 0; s = slice_from(s, n)) {
		n = text_utf8(s, &code);
		if (n <= 1) {
			bool plain = n == 1 && !text_is_invisible(code);

			text_char(t, plain ? s.p[0] : s.p[0] == '\t' ?
			    ' ' : '?');
			n = 1;
		} else if (t->utf8 && !text_is_invisible(code)) {
			put_whole(t, slice_make(s.p, n));
		} else {
			snprintf(escape, sizeof escape, "\\x{%X}",
			    (unsigned)code);
			put_whole(t, slice_of(escape));
		}
	}
}

/* The byte at s.p[*i], decoded; *i moves past it. */
static char
xdecode_next(struct slice s, size_t *i)
{
	char c = s.p[(*i)++];
	int hi, lo;

	if (c != '+' || *i + 2 > s.n)
		return c;
	hi = text_hex_digit(s.p[*i]);
	lo = text_hex_digit(s.p[*i + 1]);
	if (hi < 0 || lo < 0)
		return c;
	*i += 2;
	return (char)(hi << 4 | lo);
}

void
text_put_xdecoded(struct text *t, struct slice s)
{
	for (size_t i = 0; i < s.n;)
		text_char(t, xdecode_next(s, &i));
}

void
text_put_xencoded(struct text *t, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c > ' ' && c < 0x7f && strchr("+<>()\"\\", c) == NULL)
			text_char(t, (char)c);
		else
			text_printf(t, "+%02X", c);
	}
}

bool
text_xequal_nocase(struct slice encoded, struct slice plain)
{
	size_t i = 0, j = 0;

	while (i < encoded.n && j < plain.n)
		if (text_lower(xdecode_next(encoded, &i)) !=
		    text_lower(plain.p[j++]))
			return false;
	return i == encoded.n && j == plain.n;
}
