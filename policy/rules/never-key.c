/*
 * Keys that no session is looked up by.  People write them as other programs
 * want: "*.example.com", "host:25", "<joe@example.com>", "192.0.2.1-9".
 *
 * A word or a local part in double quotes is always meant as it stands.
 */
#include <string.h>

#include "policy/base/netaddr.h"
#include "policy/rules/never.h"

enum { LABEL_MAX = 63, NAME_MAX_BYTES = 253 }; /* RFC 1035, section 2.3.4 */

static bool
only(struct slice s, const char *characters)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || strchr(characters, s.p[i]) == NULL)
			return false;
	return s.n > 0;
}

static struct slice
part(struct slice s, size_t n)
{
	return slice_make(s.p, n);
}

static bool
is_in(const char *set, char c)
{
	while (*set != '\0' && *set != c)
		set++;
	return *set != '\0';
}

/* Offset of the first character of `set` outside double quotes, or s.n. */
static size_t
find_any(struct slice s, const char *set)
{
	bool quoted = false;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (!quoted && is_in(set, s.p[i]))
			return i;
	}
	return s.n;
}

size_t
never_at(struct slice s)
{
	size_t at = s.n, next;

	if (slice_find(s, '"') == s.n && slice_find(s, '\\') == s.n) {
		while (at > 0 && s.p[at - 1] != '@')
			at--;
		return at > 0 ? at - 1 : s.n;
	}
	next = find_any(s, "@");
	while (next < s.n) {
		at = next;
		next += 1 + find_any(slice_from(s, next + 1), "@");
	}
	return at;
}

static bool
is_mail(const struct never *n)
{
	return tag_row(n->tag)->subject == SUBJECT_MAILBOX;
}

static bool
is_word(const struct never *n)
{
	return tag_row(n->tag)->subject == SUBJECT_IDENTITY ||
	    tag_row(n->tag)->subject == SUBJECT_LISTENER;
}

static bool
is_quoted(struct slice s)
{
	return s.n > 1 && s.p[0] == '"' && s.p[s.n - 1] == '"';
}

/*
 * The part compared as a host or domain: all of the key, or what is behind the
 * @.
 */
static struct slice
name_of(const struct never *n)
{
	return n->at < n->what.n ? slice_from(n->what, n->at + 1) : n->what;
}

/* The local part of an address; empty when it is only a domain. */
static struct slice
local_of(const struct never *n)
{
	return part(n->what, n->at < n->what.n ? n->at : 0);
}

static enum netprefix_result
parse_network(struct slice s, struct netprefix *prefix)
{
	if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		s = slice_make(s.p + 1, s.n - 2);
	return netprefix_parse(s, prefix);
}

static bool
is_network(struct slice s)
{
	struct netprefix prefix;

	return parse_network(s, &prefix) != NETPREFIX_NONE;
}

/* Several rows ask.  None is written without a digit or a colon. */
bool
never_is_network(struct never *n)
{
	if ((n->there & (NEVER_DIGIT | NEVER_COLON)) == 0)
		return false;
	if (!n->parsed)
		n->result = parse_network(name_of(n), &n->network);
	n->parsed = true;
	return n->result != NETPREFIX_NONE;
}

/* 192.0.2.256, 192.0.2.*, 192.0.2.1-9: meant as an address, and none. */
static bool
like_address(struct slice s)
{
	return s.n > 0 && s.p[0] >= '0' && s.p[0] <= '9' &&
	    only(s, "0123456789.*-xX");
}

/* A letter next to a digit (l, O) is taken for a slip of the pen. */
static bool
like_ipv6(struct slice s)
{
	return slice_find(s, ':') < s.n &&
	    only(s, "0123456789abcdefABCDEF:.gGlLoO");
}

/* Characters of a host name, DNS's and those that are seen in practice. */
static bool
is_label(struct slice s)
{
	/* 0 to 9 and -; A to Z and _; a to z; beyond ASCII all. */
	static const uint32_t set[8] = { 0, 0x03ff2000, 0x87fffffe, 0x07fffffe,
		UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX };

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((set[c / 32] >> c % 32 & 1) == 0)
			return false;
	}
	return s.n > 0 && (s.n <= LABEL_MAX || !slice_is_ascii(s));
}

bool
never_host_name(struct slice s)
{
	if (like_address(s) ||
	    (s.n > NAME_MAX_BYTES + 1 && slice_is_ascii(s)))
		return false;
	for (;;) {
		size_t dot = slice_find(s, '.');

		if (!is_label(part(s, dot)))
			return false;
		if (dot + 1 >= s.n)
			return true;
		s = slice_from(s, dot + 1);
	}
}

/* A piece of the key as another key. */
static void
mean(struct never *n, const char *before, struct slice what,
    const char *behind)
{
	n->proposed = what;
	text_printf(&n->meant, "%s%s:%.*s%s", before, tag_row(n->tag)->name,
	    SLICE_ARG(what), behind);
}

bool
never_angles(struct never *n)
{
	struct slice s = n->what;

	if (s.n < 2 || s.p[0] != '<' || s.p[s.n - 1] != '>' ||
	    (n->tag == TAG_FROM && s.n == 2))
		return false;
	mean(n, "write ", slice_make(s.p + 1, s.n - 2), "");
	return true;
}

bool
never_list(struct never *n)
{
	size_t comma = find_any(n->what, is_mail(n) ? ",;" : ",;|");

	if (comma == n->what.n || is_quoted(n->what))
		return false;
	if (comma > 0)
		mean(n, "write a line for each, as ", part(n->what, comma),
		    "");
	else
		text_puts(&n->meant, "write a line for each");
	return true;
}

static bool
smallest_network(struct slice from, struct slice to, struct text *out)
{
	struct netaddr a, b;
	struct netprefix prefix;

	if (!netaddr_parse(from, &a) || !netaddr_parse(to, &b) ||
	    a.family != b.family)
		return false;
	prefix.addr = a;
	prefix.bits = netaddr_common_bits(&a, &b);
	netaddr_mask(&prefix.addr, prefix.bits);
	netprefix_print(&prefix, out);
	return true;
}

/* 192.0.2.1-192.0.2.9, 192.0.2.1-9 */
bool
never_range(struct never *n)
{
	struct slice s = name_of(n);
	size_t dash = slice_find(s, '-');
	struct netaddr addr;
	char buf[NETADDR_TEXT_MAX];
	struct text network;

	if (dash + 1 >= s.n || !netaddr_parse(part(s, dash), &addr) ||
	    !only(slice_from(s, dash + 1), "0123456789.:abcdefABCDEF"))
		return false;
	n->found = s;
	text_init(&network, buf, sizeof buf);
	if (smallest_network(part(s, dash), slice_from(s, dash + 1),
	    &network))
		text_printf(&n->meant, "the smallest network around them is "
		    "%s:%s", tag_row(n->tag)->name, buf);
	else
		text_puts(&n->meant, "write networks, as 192.0.2.0/24");
	return true;
}

bool
never_zone(struct never *n)
{
	struct slice s = name_of(n), addr;
	struct netaddr parsed;
	bool brackets = s.n > 2 && s.p[0] == '[';
	size_t zone;

	addr = brackets ? slice_from(s, 1) : s;
	zone = slice_find(addr, '%');
	if (zone == addr.n || !netaddr_parse(part(addr, zone), &parsed))
		return false;
	n->found = s;
	text_printf(&n->meant, "write %s:%s%.*s%s", tag_row(n->tag)->name,
	    brackets ? "[" : "", SLICE_ARG(part(addr, zone)),
	    brackets ? "]" : "");
	return true;
}

bool
never_nobody(struct never *n)
{
	struct slice s = n->what;

	if (s.p[0] != '@')
		return false;
	if (is_word(n))
		text_puts(&n->meant, "a login is compared as a whole, and "
		    "TLS_Auth: is for all of them");
	else
		mean(n, "write ", slice_from(s, 1),
		    s.n > 1 ? " for all addresses of the domain" :
		    " for all addresses");
	/* A route, "@a:user@b", has somebody in its end. */
	return is_word(n) || slice_find(s, ':') == s.n;
}

/* In user+*@ the star stands for something. */
static bool
is_detail_star(struct slice local, size_t star)
{
	return star > 0 && star + 1 == local.n && local.p[star - 1] == '+';
}

static bool
mean_below(struct never *n, struct slice domain)
{
	const char *tag = tag_row(n->tag)->name;

	while (domain.n > 0 && (domain.p[0] == '*' || domain.p[0] == '.'))
		domain = slice_from(domain, 1);
	if (domain.n == 0 || !never_host_name(domain))
		return false;
	text_printf(&n->meant, "write %s:.%.*s for all below %.*s, "
	    "%s:%.*s also for itself", tag, SLICE_ARG(domain),
	    SLICE_ARG(domain), tag, SLICE_ARG(domain));
	return true;
}

static void
mean_by_name(struct never *n, struct slice name)
{
	struct slice octets = name;

	while (octets.n > 0 && (octets.p[octets.n - 1] == '*' ||
	    octets.p[octets.n - 1] == '.'))
		octets.n--;
	if (octets.n < name.n && is_network(octets))
		mean(n, "write ", octets, "");
	else if (!mean_below(n, name))
		text_puts(&n->meant, is_word(n) ?
		    "the tag alone is for all; in double quotes it is meant "
		    "as it stands" :
		    "write names in full, or .example.com for all below "
		    "example.com");
}

static bool
in_slashes(struct slice s)
{
	return s.n > 2 && s.p[0] == '/' && s.p[s.n - 1] == '/';
}

static bool
is_name_pattern(struct slice s)
{
	return find_any(s, "*?\\^$|{}") < s.n || in_slashes(s) ||
	    (slice_find(s, '[') < s.n && s.p[0] != '[');
}

bool
never_pattern(struct never *n)
{
	struct slice local = local_of(n), name = name_of(n);
	size_t star = find_any(local, "*");

	if (is_word(n)) {
		if (is_quoted(name) || (slice_find(name, '*') == name.n &&
		    !in_slashes(name)))
			return false;
		mean_by_name(n, name);
	} else if (star < local.n && !is_detail_star(local, star)) {
		mean(n, "write ", name, name.n > 0 ?
		    " for all addresses of the domain" :
		    " for all addresses");
	} else {
		if (!is_name_pattern(name))
			return false;
		n->found = name;
		mean_by_name(n, name);
	}
	return true;
}

/* host:25, 192.0.2.1:25, [host]:25 */
bool
never_port(struct never *n)
{
	struct slice s = name_of(n), host;
	size_t colon = s.n;

	while (colon > 0 && s.p[colon - 1] != ':')
		colon--;
	if (colon < 2 || !only(slice_from(s, colon), "0123456789") ||
	    is_quoted(s))
		return false;
	host = part(s, colon - 1);
	if (is_word(n)) {
		mean(n, "write ", slice_from(s, colon), "");
		return true;
	}
	if (is_network(s) || (slice_find(host, ':') < host.n &&
	    host.p[0] != '['))
		return false;
	n->found = s;
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']' &&
	    !is_network(host))
		host = slice_make(host.p + 1, host.n - 2);
	mean(n, "write ", host, is_mail(n) ? "" :
	    " for all ports, or TLS_Daemon: with a listener's port");
	return true;
}

bool
never_specials(struct never *n)
{
	struct slice local = local_of(n);
	size_t at;

	if ((n->there & (NEVER_SIGN | NEVER_ANGLE | NEVER_BRACKET |
	    NEVER_COLON)) == 0 && slice_find(local, '@') == local.n)
		return false;
	at = local.n > 0 && local.p[0] == '@' ? local.n :
	    find_any(local, "()<>[]:,;@");
	if (at == local.n)
		return false;
	n->found = slice_make(local.p + at, 1);
	text_puts(&n->meant, "write the part before the @ in double quotes");
	return true;
}

bool
never_brackets(struct never *n)
{
	struct slice s = name_of(n);

	if (s.n == 0 || s.p[0] != '[' || is_network(s))
		return false;
	n->found = s;
	if (s.p[s.n - 1] == ']' && never_host_name(slice_make(s.p + 1, s.n - 2)))
		mean(n, "write ", slice_make(s.p + 1, s.n - 2), "");
	else
		text_puts(&n->meant, "write [192.0.2.1], [192.0.2] or "
		    "[IPv6:2001:db8::1]");
	return true;
}

bool
never_address(struct never *n)
{
	struct slice s = name_of(n), cut = s;

	if (is_mail(n) ? !like_address(s) &&
	    (!never_is_network(n) || s.p[0] == '[') :
	    never_is_network(n) || (!like_address(s) && !like_ipv6(s)))
		return false;
	n->found = s;
	while (cut.n > 0 && cut.p[cut.n - 1] == '.')
		cut.n--;
	if (is_mail(n))
		text_puts(&n->meant, "write an address literal as "
		    "[192.0.2.1] or [IPv6:2001:db8::1]");
	else if (cut.n < s.n && is_network(cut))
		mean(n, "write ", cut, "");
	else
		text_puts(&n->meant, "write an address as 192.0.2.1 or "
		    "2001:db8::1, a network as 192.0.2, 192.0.2.0/24 or "
		    "2001:db8::/32");
	return true;
}

bool
never_mail_domain(struct never *n)
{
	struct slice s = name_of(n);
	struct netaddr addr;

	if (s.n == 0 || local_of(n).n == 0 || never_host_name(s) ||
	    (s.n > 2 && s.p[0] == '[' &&
	    netaddr_parse(slice_make(s.p + 1, s.n - 2), &addr)))
		return false;
	n->found = s;
	if (s.p[0] != '.' || !mean_below(n, s))
		text_puts(&n->meant, "write user@example.com, or "
		    "user@[192.0.2.1] for an address literal");
	return true;
}

bool
never_name(struct never *n)
{
	struct slice s = name_of(n);
	struct slice name = s.n > 1 && s.p[0] == '.' ? slice_from(s, 1) : s;

	/* A host with a slash is a network, or no key at all: key.c tells. */
	if (s.n == 0 || never_host_name(name) || slice_is(n->what, "<>") ||
	    never_is_network(n) ||
	    (!is_mail(n) && slice_find(s, '/') < s.n))
		return false;
	n->found = s;
	text_printf(&n->meant, "a name has letters, digits, - and _, 1 to %d "
	    "of them between dots and at most %d in all", LABEL_MAX,
	    NAME_MAX_BYTES);
	return true;
}
