/*
 * inet_pton(3) does the parsing of whole addresses; what is written here are
 * sendmail's shortened forms, which no library knows.
 */
#include <arpa/inet.h>
#include <string.h>

#include "policy/base/netaddr.h"

unsigned
netaddr_bits(const struct netaddr *a)
{
	return a->family == 4 ? 32 : 128;
}

static struct slice
without_tag(struct slice s, bool *tagged)
{
	*tagged = slice_starts_nocase(s, "IPv6:");
	return *tagged ? slice_from(s, 5) : s;
}

static void
unmap_ipv4(struct netaddr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (memcmp(a->bytes, mapped, sizeof mapped) != 0)
		return;
	a->family = 4;
	memmove(a->bytes, a->bytes + 12, 4);
	memset(a->bytes + 4, 0, 12);
}

static bool
parse_family(const char *text, bool tagged, struct netaddr *a)
{
	memset(a, 0, sizeof *a);
	if (!tagged && inet_pton(AF_INET, text, a->bytes) == 1) {
		a->family = 4;
		return true;
	}
	if (inet_pton(AF_INET6, text, a->bytes) != 1)
		return false;
	a->family = 6;
	return true;
}

/* Most names have a letter early that no address has. */
static bool
has_other_characters(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '.' && s.p[i] != ':' &&
		    text_hex_digit(s.p[i]) < 0)
			return true;
	return false;
}

bool
netaddr_parse(struct slice s, struct netaddr *a)
{
	char text[INET6_ADDRSTRLEN];
	bool tagged;

	s = without_tag(s, &tagged);
	if (s.n == 0 || s.n >= sizeof text || has_other_characters(s))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (!parse_family(text, tagged, a))
		return false;
	if (a->family == 6)
		unmap_ipv4(a);
	return true;
}

void
netaddr_mask(struct netaddr *a, unsigned bits)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = bits >= 8 * (i + 1) ? 8 :
		    bits > 8 * i ? bits - 8 * i : 0;

		a->bytes[i] = (uint8_t)(a->bytes[i] & (0xff00U >> keep));
	}
}

unsigned
netaddr_common_bits(const struct netaddr *a, const struct netaddr *b)
{
	unsigned bits = 0, most = netaddr_bits(a);

	for (unsigned i = 0; bits < most; i++) {
		unsigned differ = (unsigned)(a->bytes[i] ^ b->bytes[i]);

		if (differ == 0) {
			bits += 8;
			continue;
		}
		while ((differ & 0x80) == 0) {
			differ <<= 1;
			bits++;
		}
		break;
	}
	return bits;
}

bool
netprefix_covers(const struct netprefix *prefix, const struct netaddr *a)
{
	return prefix->addr.family == a->family &&
	    netaddr_common_bits(&prefix->addr, a) >= prefix->bits;
}

/* "192", "192.0", "192.0.2": one to three octets. */
static bool
parse_octets(struct slice s, struct netprefix *prefix)
{
	unsigned octets = 0;
	unsigned long value;

	memset(prefix, 0, sizeof *prefix);
	prefix->addr.family = 4;
	for (;;) {
		size_t dot = slice_find(s, '.');

		if (octets == 3 || dot > 3 ||
		    !text_number(slice_make(s.p, dot), 255, &value))
			return false;
		prefix->addr.bytes[octets++] = (uint8_t)value;
		if (dot == s.n)
			break;
		s = slice_from(s, dot + 1);
	}
	prefix->bits = 8 * octets;
	return true;
}

static bool
parse_group(struct slice s, unsigned *value)
{
	*value = 0;
	if (s.n == 0 || s.n > 4)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		int digit = text_hex_digit(s.p[i]);

		if (digit < 0)
			return false;
		*value = *value << 4 | (unsigned)digit;
	}
	return true;
}

/* "2001:db8", one to seven groups; one group only behind "IPv6:". */
static bool
parse_groups(struct slice s, bool tagged, struct netprefix *prefix)
{
	unsigned groups = 0, value;

	memset(prefix, 0, sizeof *prefix);
	prefix->addr.family = 6;
	for (;;) {
		size_t colon = slice_find(s, ':');

		if (groups == 7 || !parse_group(slice_make(s.p, colon), &value))
			return false;
		prefix->addr.bytes[2 * groups] = (uint8_t)(value >> 8);
		prefix->addr.bytes[2 * groups + 1] = (uint8_t)value;
		groups++;
		if (colon == s.n)
			break;
		s = slice_from(s, colon + 1);
	}
	prefix->bits = 16 * groups;
	return tagged || groups > 1;
}

static enum netprefix_result
parse_cidr(struct slice addr, struct slice length, struct netprefix *prefix)
{
	struct netaddr masked;
	unsigned long bits, most;
	bool mapped;

	if (!netaddr_parse(addr, &prefix->addr))
		return NETPREFIX_NONE;
	mapped = prefix->addr.family == 4 && slice_find(addr, ':') < addr.n;
	most = mapped ? 128 : netaddr_bits(&prefix->addr);
	if (!text_number(length, most, &bits) || (mapped && bits < 96))
		return NETPREFIX_BITS;
	prefix->bits = (unsigned)(mapped ? bits - 96 : bits);
	masked = prefix->addr;
	netaddr_mask(&masked, prefix->bits);
	if (memcmp(&masked, &prefix->addr, sizeof masked) == 0)
		return NETPREFIX_OK;
	prefix->addr = masked;
	return NETPREFIX_HOSTBITS;
}

/* A digit, :: or IPv6: */
static bool
begins_like_one(struct slice s)
{
	return s.n > 0 && (text_hex_digit(s.p[0]) >= 0 || s.p[0] == ':' ||
	    text_lower(s.p[0]) == 'i');
}

enum netprefix_result
netprefix_parse(struct slice s, struct netprefix *prefix)
{
	size_t slash = slice_find(s, '/');
	bool tagged;

	memset(prefix, 0, sizeof *prefix);
	if (!begins_like_one(s))
		return NETPREFIX_NONE;
	if (slash < s.n)
		return parse_cidr(slice_make(s.p, slash),
		    slice_from(s, slash + 1), prefix);
	if (slice_is_nocase(s, "IPv6")) {
		prefix->addr.family = 6;
		return NETPREFIX_OK;
	}
	if (netaddr_parse(s, &prefix->addr)) {
		prefix->bits = netaddr_bits(&prefix->addr);
		return NETPREFIX_OK;
	}
	s = without_tag(s, &tagged);
	if ((!tagged && parse_octets(s, prefix)) ||
	    parse_groups(s, tagged, prefix))
		return NETPREFIX_OK;
	return NETPREFIX_NONE;
}

void
netaddr_print(const struct netaddr *a, struct text *out)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->bytes, text,
	    sizeof text);
	text_puts(out, text);
}

void
netprefix_print(const struct netprefix *prefix, struct text *out)
{
	netaddr_print(&prefix->addr, out);
	if (prefix->bits != netaddr_bits(&prefix->addr))
		text_printf(out, "/%u", prefix->bits);
}
