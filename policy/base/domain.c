/*
 * Conversion is libidn2's, for a whole name first (it knows the other
 * characters that count as dots), label by label only when that fails.
 */
#include <idn2.h>
#include <string.h>

#include "policy/base/domain.h"

static bool
is_ascii(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static void
put_lower(struct text *out, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		text_char(out, (char)text_lower(s.p[i]));
}

static bool
put_converted(struct text *out, struct slice s)
{
	char name[DOMAIN_TEXT_MAX];
	uint8_t *ascii = NULL;

	if (s.n >= sizeof name || memchr(s.p, '\0', s.n) != NULL)
		return false;
	memcpy(name, s.p, s.n);
	name[s.n] = '\0';
	if (idn2_lookup_u8((uint8_t *)name, &ascii,
	    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return false;
	put_lower(out, slice_of((char *)ascii));
	idn2_free(ascii);
	return true;
}

static bool
put_label(struct text *out, struct slice label)
{
	if (is_ascii(label)) {
		put_lower(out, label);
		return true;
	}
	if (put_converted(out, label))
		return true;
	put_lower(out, label);
	return false;
}

static bool
put_labels(struct text *out, struct slice s)
{
	bool good = true;

	for (;;) {
		size_t dot = slice_find(s, '.');

		good &= put_label(out, slice_make(s.p, dot));
		if (dot == s.n)
			return good;
		text_char(out, '.');
		s = slice_from(s, dot + 1);
	}
}

bool
domain_canonical(struct slice name, struct text *out)
{
	bool good = true;

	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	if (is_ascii(name))
		put_lower(out, name);
	else if (!put_converted(out, name))
		good = put_labels(out, name);
	return good && !out->cut;
}

size_t
domain_reverse(struct slice name, bool subdomains_only, char *out, size_t size)
{
	size_t n = 0;

	while (name.n > 0) {
		size_t start = name.n;

		while (start > 0 && name.p[start - 1] != '.')
			start--;
		if (n + (name.n - start) + 2 > size)
			break;
		for (size_t i = start; i < name.n; i++) {
			unsigned char c = (unsigned char)name.p[i];

			/* No byte of a label may pass for the separator. */
			out[n++] = (char)(c < '\2' ? '\2' : c);
		}
		out[n++] = '\1';
		name.n = start > 0 ? start - 1 : 0;
	}
	if (subdomains_only)
		out[n++] = '\1';
	return n;
}
