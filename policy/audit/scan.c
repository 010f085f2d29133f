/*
 * The common string has no escapes and is found by one memchr(3) for its end
 * and one for a backslash.
 */
#include <string.h>

#include "policy/audit/scan.h"

void
scan_init(struct scan *s, struct slice text, struct arena *memory)
{
	s->start = s->p = text.p;
	s->end = text.p + text.n;
	s->memory = memory;
	s->error = NULL;
}

const char scan_no_memory[] = "more memory";

bool
scan_fail(struct scan *s, const char *expected)
{
	if (s->error == NULL)
		s->error = expected;
	s->end = s->p;
	return false;
}

char
scan_peek(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t'))
		s->p++;
	return s->p < s->end ? *s->p : '\0';
}

static bool
take(struct scan *s, char c, const char *expected)
{
	if (scan_peek(s) != c)
		return scan_fail(s, expected);
	s->p++;
	return true;
}

bool
scan_end(struct scan *s)
{
	return s->error == NULL && (scan_peek(s) == '\0' ||
	    scan_fail(s, "the end of the line"));
}

bool
scan_object(struct scan *s)
{
	return take(s, '{', "an object");
}

bool
scan_array(struct scan *s)
{
	return take(s, '[', "an array");
}

bool
scan_element(struct scan *s, bool *first)
{
	if (scan_peek(s) == ']') {
		s->p++;
		return false;
	}
	if (!*first && !take(s, ',', "a comma or the end of the array"))
		return false;
	*first = false;
	return s->error == NULL;
}

bool
scan_member(struct scan *s, bool *first, struct slice *name)
{
	if (scan_peek(s) == '}') {
		s->p++;
		return false;
	}
	if (!*first && !take(s, ',', "a comma or the end of the object"))
		return false;
	*first = false;
	return scan_string(s, name) && take(s, ':', "a colon");
}

static bool
hex4(struct scan *s, unsigned *code)
{
	*code = 0;
	if (s->end - s->p < 4)
		return scan_fail(s, "four hex digits");
	for (int i = 0; i < 4; i++) {
		int digit = text_hex_digit(*s->p);

		if (digit < 0)
			return scan_fail(s, "four hex digits");
		*code = *code << 4 | (unsigned)digit;
		s->p++;
	}
	return true;
}

static char *
put_utf8(char *out, unsigned c)
{
	if (c < 0x80) {
		*out++ = (char)c;
		return out;
	}
	if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		*out++ = (char)(0xe0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
	} else {
		*out++ = (char)(0xf0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*out++ = (char)(0x80 | (c & 0x3f));
	return out;
}

/* \uXXXX, or two of them for a character beyond U+FFFF; s->p behind the u. */
static char *
unescape_code(struct scan *s, char *out)
{
	unsigned code, low;

	if (!hex4(s, &code))
		return NULL;
	if (code >= 0xd800 && code < 0xdc00 && s->end - s->p >= 6 &&
	    s->p[0] == '\\' && s->p[1] == 'u') {
		s->p += 2;
		if (!hex4(s, &low))
			return NULL;
		if (low < 0xdc00 || low > 0xdfff) {
			scan_fail(s, "the second half of a character");
			return NULL;
		}
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	} else if (code >= 0xd800 && code < 0xe000) {
		scan_fail(s, "a whole character");
		return NULL;
	}
	return put_utf8(out, code);
}

static char *
unescape(struct scan *s, char *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *hit;
	char c;

	if (s->p == s->end) {
		scan_fail(s, "the end of the string");
		return NULL;
	}
	c = *s->p++;
	if (c == 'u')
		return unescape_code(s, out);
	hit = c == '\0' ? NULL : strchr(from, c);
	if (hit == NULL) {
		s->p--;
		scan_fail(s, "an escape that JSON knows");
		return NULL;
	}
	*out++ = to[hit - from];
	return out;
}

/* Reads on from the first backslash; the text before it is at `start`. */
static bool
scan_escaped(struct scan *s, const char *start, struct slice *value)
{
	size_t plain = (size_t)(s->p - start);
	/* No escape is shorter than what it stands for. */
	char *memory = arena_alloc(s->memory, (size_t)(s->end - start));
	char *out = memory;

	if (memory == NULL)
		return scan_fail(s, scan_no_memory);
	memcpy(out, start, plain);
	out += plain;
	while (s->p < s->end && *s->p != '"') {
		if ((unsigned char)*s->p < ' ')
			return scan_fail(s, "no control character");
		if (*s->p != '\\') {
			*out++ = *s->p++;
			continue;
		}
		s->p++;
		if ((out = unescape(s, out)) == NULL)
			return false;
	}
	*value = slice_make(memory, (size_t)(out - memory));
	return take(s, '"', "the end of the string");
}

/* Over bytes that are no quote, backslash or control, eight at a time. */
static void
skip_plain(struct scan *s)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t word, quote, backslash;

	for (; s->end - s->p >= 8; s->p += 8) {
		memcpy(&word, s->p, 8);
		quote = word ^ ones * '"';
		backslash = word ^ ones * '\\';
		if (((((word - ones * ' ') & ~word) |
		    ((quote - ones) & ~quote) |
		    ((backslash - ones) & ~backslash)) & high) != 0)
			break;
	}
	while (s->p < s->end && *s->p != '"' && *s->p != '\\' &&
	    (unsigned char)*s->p >= ' ')
		s->p++;
}

bool
scan_string(struct scan *s, struct slice *value)
{
	const char *start;

	if (!take(s, '"', "a string"))
		return false;
	start = s->p;
	skip_plain(s);
	if (s->p == s->end)
		return scan_fail(s, "the end of the string");
	if (*s->p == '\\')
		return scan_escaped(s, start, value);
	if (*s->p != '"')
		return scan_fail(s, "no control character");
	*value = slice_make(start, (size_t)(s->p - start));
	s->p++;
	return true;
}

static bool
take_word(struct scan *s, const char *word)
{
	size_t n = strlen(word);

	scan_peek(s);
	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
		return false;
	s->p += n;
	return true;
}

bool
scan_null(struct scan *s)
{
	return take_word(s, "null") || scan_fail(s, "null");
}

bool
scan_bool(struct scan *s, bool *value)
{
	*value = take_word(s, "true");
	return *value || take_word(s, "false") ||
	    scan_fail(s, "true or false");
}

bool
scan_string_or_null(struct scan *s, struct slice *value)
{
	if (scan_peek(s) == '"')
		return scan_string(s, value);
	*value = slice_make(NULL, 0);
	return take_word(s, "null") || scan_fail(s, "a string or null");
}

bool
scan_number(struct scan *s, uint64_t *value)
{
	const char *start;

	scan_peek(s);
	start = s->p;
	*value = 0;
	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		*value = *value * 10 + (uint64_t)(*s->p++ - '0');
	return (s->p > start && s->p - start <= 18 &&
	    (*start != '0' || s->p - start == 1)) ||
	    scan_fail(s, "a whole number");
}

static bool skip(struct scan *, int depth);

static bool
skip_members(struct scan *s, int depth)
{
	struct slice name;
	bool first = true;

	s->p++;
	while (scan_member(s, &first, &name))
		if (!skip(s, depth))
			return false;
	return s->error == NULL;
}

static bool
skip_elements(struct scan *s, int depth)
{
	bool first = true;

	s->p++;
	while (scan_element(s, &first))
		if (!skip(s, depth))
			return false;
	return s->error == NULL;
}

static bool
skip(struct scan *s, int depth)
{
	struct slice string;
	uint64_t number;

	if (depth == 0)
		return scan_fail(s, "less nesting");
	switch (scan_peek(s)) {
	case '{':
		return skip_members(s, depth - 1);
	case '[':
		return skip_elements(s, depth - 1);
	case '"':
		return scan_string(s, &string);
	case 't':
	case 'f':
	case 'n':
		return take_word(s, "true") || take_word(s, "false") ||
		    take_word(s, "null") || scan_fail(s, "a value");
	default:
		return scan_number(s, &number);
	}
}

bool
scan_skip(struct scan *s)
{
	return skip(s, SCAN_DEPTH_MAX);
}
