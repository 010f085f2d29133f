/*
 * Conversion is libidn2's, for a whole name first (it knows the other
 * characters that count as dots), label by label only when that fails.
 */
#include <idn2.h>
#include <string.h>

#include "policy/base/domain.h"
#include "policy/base/netaddr.h"

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
	text_put_lower(out, slice_of((char *)ascii));
	idn2_free(ascii);
	return true;
}

static bool
put_label(struct text *out, struct slice label)
{
	if (slice_is_ascii(label)) {
		text_put_lower(out, label);
		return true;
	}
	if (put_converted(out, label))
		return true;
	text_put_lower(out, label);
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

/* Labels go from the left, where a stranger can add as many as he likes. */
static struct slice
last_labels(struct slice name, size_t most)
{
	size_t from = 0;

	while (name.n - from > most) {
		size_t dot = slice_find(slice_from(name, from), '.');

		if (from + dot == name.n)
			break;
		from += dot + 1;
	}
	return slice_from(name, from);
}

/* "[IPv6:2001:DB8:0::1]" as "[2001:db8::1]" (RFC 5321, section 4.1.3). */
static bool
put_literal(struct text *out, struct slice name)
{
	struct netaddr addr;

	if (name.n < 2 || name.p[0] != '[' || name.p[name.n - 1] != ']' ||
	    !netaddr_parse(slice_make(name.p + 1, name.n - 2), &addr))
		return false;
	text_char(out, '[');
	netaddr_print(&addr, out);
	text_char(out, ']');
	return true;
}

bool
domain_canonical(struct slice name, struct text *out)
{
	/* A label of one letter grows most: from 2 bytes and dot to 8. */
	enum { GROWTH = 3 };
	size_t room = out->size - 1 - out->n;
	struct slice last;
	bool good = true;

	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	if (put_literal(out, name))
		return !out->cut;
	last = last_labels(name, room);
	if (slice_is_ascii(last))
		text_put_lower(out, last);
	else if (last.n != name.n || !put_converted(out, name)) {
		last = last_labels(name, room / GROWTH);
		good = put_labels(out, last);
	}
	return good && last.n == name.n && !out->cut;
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
