/*
 * Conversion is libidn2's, for a whole name first (it knows the other
 * characters that count as dots), label by label only when that fails.
 */
#include <idn2.h>
#include <string.h>

#include "policy/base/domain.h"
#include "policy/base/netaddr.h"
#include "policy/base/punycode.h"

static enum domain_result
put_converted(struct text *out, struct slice s)
{
	char name[DOMAIN_TEXT_MAX];
	uint8_t *ascii = NULL;
	int status;

	if (s.n >= sizeof name || memchr(s.p, '\0', s.n) != NULL)
		return DOMAIN_ODD;
	memcpy(name, s.p, s.n);
	name[s.n] = '\0';
	status = idn2_lookup_u8((uint8_t *)name, &ascii,
	    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (status != IDN2_OK)
		return status == IDN2_MALLOC ? DOMAIN_NO_MEMORY : DOMAIN_ODD;
	text_put_lower(out, slice_of((char *)ascii));
	idn2_free(ascii);
	return DOMAIN_WHOLE;
}

static enum domain_result
put_label(struct text *out, struct slice label)
{
	enum domain_result result;

	if (slice_is_ascii(label)) {
		text_put_lower(out, label);
		return DOMAIN_WHOLE;
	}
	result = put_converted(out, label);
	if (result != DOMAIN_WHOLE && !punycode_put_label(out, label))
		text_put_lower(out, label);
	return result;
}

/* Bytes of the dot at the start of `s`: UTS 46 knows three others; 0: none. */
static size_t
dot_length(struct slice s)
{
	static const char *const dots[] = { ".", "\xe3\x80\x82", /* U+3002 */
		"\xef\xbc\x8e", "\xef\xbd\xa1" }; /* U+FF0E, U+FF61 */

	for (size_t i = 0; i < sizeof dots / sizeof dots[0]; i++) {
		struct slice dot = slice_of(dots[i]);

		if (s.n >= dot.n && memcmp(s.p, dot.p, dot.n) == 0)
			return dot.n;
	}
	return 0;
}

/* The first label, without its dot, off *s; false: it was the last one. */
static bool
next_label(struct slice *s, struct slice *label)
{
	size_t dot = 0;

	*label = *s;
	for (size_t i = 0; i < s->n && dot == 0; i++)
		if ((dot = dot_length(slice_from(*s, i))) > 0)
			label->n = i;
	*s = slice_from(*s, label->n + dot);
	return dot > 0;
}

/* What is worst of its labels. */
static enum domain_result
put_labels(struct text *out, struct slice s)
{
	enum domain_result worst = DOMAIN_WHOLE, result;
	struct slice label;
	bool more;

	do {
		more = next_label(&s, &label);
		result = put_label(out, label);
		worst = result > worst ? result : worst;
		if (more)
			text_char(out, '.');
	} while (more);
	return worst;
}

/* Labels go from the left, where a stranger can add as many as he likes. */
static struct slice
last_labels(struct slice name, size_t most)
{
	struct slice rest = name, label;

	while (name.n > most && next_label(&rest, &label))
		name = rest;
	return name;
}

static struct slice
without_last_dot(struct slice name)
{
	enum { WIDEST = 3 };

	for (size_t n = 1; n <= WIDEST && n <= name.n; n++)
		if (dot_length(slice_from(name, name.n - n)) == n)
			return slice_make(name.p, name.n - n);
	return name;
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

enum domain_result
domain_canonical(struct slice name, struct text *out)
{
	/* A label of one letter grows most: from 2 bytes and dot to 8. */
	enum { GROWTH = 3 };
	size_t room = out->size - 1 - out->n;
	enum domain_result result = DOMAIN_WHOLE;
	struct slice last;

	name = without_last_dot(name);
	if (put_literal(out, name))
		return out->cut ? DOMAIN_ODD : DOMAIN_WHOLE;
	last = last_labels(name, room);
	if (slice_is_ascii(last))
		text_put_lower(out, last);
	else if (last.n != name.n ||
	    put_converted(out, name) != DOMAIN_WHOLE) {
		last = last_labels(name, room / GROWTH);
		result = put_labels(out, last);
	}
	return result == DOMAIN_WHOLE && (last.n != name.n || out->cut) ?
	    DOMAIN_ODD : result;
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
