/*
 * ICU, by which Postfix turns names into A-labels, takes what libidn2 refuses:
 * symbols, and what the rules for writing from right to left forbid.
 */
#include <stdlib.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "policy/base/punycode.h"

enum {
	LABEL_MAX = 63, /* bytes, RFC 1035 */
	CODES_MAX = 64,

	/* RFC 3492, section 5 */
	BASE = 36,
	TMIN = 1,
	TMAX = 26,
	SKEW = 38,
	DAMP = 700,
	BIAS = 72,
	FIRST = 0x80
};

static uint32_t
adapt(uint32_t delta, uint32_t points, bool first)
{
	uint32_t k = 0;

	delta = first ? delta / DAMP : delta / 2;
	for (delta += delta / points; delta > (BASE - TMIN) * TMAX / 2; k += BASE)
		delta /= BASE - TMIN;
	return k + (BASE - TMIN + 1) * delta / (delta + SKEW);
}

static char
digit(uint32_t value)
{
	return (char)(value < 26 ? 'a' + value : '0' + (value - 26));
}

static void
put_integer(struct text *out, uint32_t value, uint32_t bias)
{
	for (uint32_t k = BASE;; k += BASE) {
		uint32_t t = k <= bias ? TMIN : k >= bias + TMAX ? TMAX :
		    k - bias;

		if (value < t)
			break;
		text_char(out, digit(t + (value - t) % (BASE - t)));
		value = (value - t) / (BASE - t);
	}
	text_char(out, digit(value));
}

static uint32_t
next_code(const uint32_t *codes, size_t n, uint32_t from)
{
	uint32_t least = UINT32_MAX;

	for (size_t i = 0; i < n; i++)
		if (codes[i] >= from && codes[i] < least)
			least = codes[i];
	return least;
}

/* At most 64 codes below 2^21: no sum of 32 bits overflows. */
static void
encode(struct text *out, const uint32_t *codes, size_t n)
{
	uint32_t bias = BIAS, delta = 0, code = FIRST, basic = 0, done;

	for (size_t i = 0; i < n; i++)
		if (codes[i] < FIRST) {
			text_char(out, (char)codes[i]);
			basic++;
		}
	if (basic > 0)
		text_char(out, '-');
	for (done = basic; done < n; delta++, code++) {
		uint32_t next = next_code(codes, n, code);

		delta += (next - code) * (done + 1);
		code = next;
		for (size_t i = 0; i < n; i++) {
			if (codes[i] < code)
				delta++;
			if (codes[i] != code)
				continue;
			put_integer(out, delta, bias);
			bias = adapt(delta, done + 1, done == basic);
			delta = 0;
			done++;
		}
	}
}

/*
 * Of what is ASCII only what can stand in a name; no blanks, controls and codes
 * without a character, which ICU refuses, too.
 */
static bool
may_stand(uint32_t c)
{
	if (c >= FIRST)
		return !uc_is_general_category_withtable(c,
		    UC_CATEGORY_MASK_C | UC_CATEGORY_MASK_Z);
	return c == '-' || c == '_' || (c >= '0' && c <= '9') ||
	    (c >= 'a' && c <= 'z');
}

static bool
is_label(const uint32_t *codes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!may_stand(codes[i]))
			return false;
	return n > 0;
}

/* Codes of the label in lower case, composed; 0: none, or too many. */
static size_t
map(struct slice label, uint32_t codes[CODES_MAX])
{
	uint8_t room[4 * CODES_MAX], *form;
	size_t n = sizeof room, count = 0;

	if (label.n > 4 * LABEL_MAX ||
	    u8_check((const uint8_t *)label.p, label.n) != NULL)
		return 0;
	form = u8_casefold((const uint8_t *)label.p, label.n, NULL,
	    UNINORM_NFKC, room, &n);
	if (form == NULL)
		return 0;
	for (size_t at = 0; at < n && count < CODES_MAX; count++)
		at += text_utf8(slice_make((const char *)form + at, n - at),
		    &codes[count]);
	if (form != room)
		free(form);
	return count < CODES_MAX ? count : 0;
}

bool
punycode_put_label(struct text *out, struct slice label)
{
	char memory[LABEL_MAX + 1];
	uint32_t codes[CODES_MAX];
	size_t n = map(label, codes);
	struct text form;
	bool ascii = true;

	if (!is_label(codes, n))
		return false;
	text_init(&form, memory, sizeof memory);
	for (size_t i = 0; i < n; i++)
		ascii = ascii && codes[i] < FIRST;
	if (ascii) {
		for (size_t i = 0; i < n; i++)
			text_char(&form, (char)codes[i]);
	} else {
		text_puts(&form, "xn--");
		encode(&form, codes, n);
	}
	if (!form.cut)
		text_put(out, slice_make(memory, form.n));
	return !form.cut;
}
