/*
 * Keys that an MTA never looks for.  Such a line does nothing there; here each
 * spelling of an address is the address, and a network may have any length, so
 * as a rule it would count: an exception that nobody had, or a demand that
 * takes the place of a stricter one.  It is named, and not taken.
 */
#include <string.h>

#include "policy/base/netaddr.h"
#include "policy/import/import-internal.h"

static bool
ends_in_dot(struct slice key)
{
	return key.n > 1 && key.p[key.n - 1] == '.';
}

/* As the MTA prints the address; both compare without case. */
static bool
is_as_printed(struct slice key, const struct netaddr *a)
{
	char buf[NETADDR_TEXT_MAX];
	struct text text;

	text_init(&text, buf, sizeof buf);
	netaddr_print(a, &text);
	return slice_is_nocase(key, buf);
}

/*
 * "2001:db8": groups without leading zeros.  Where the MTA compresses, it
 * prints :: for groups of 0, so a 0 stands only between others.
 */
static bool
are_printed_groups(struct slice key, bool compressed)
{
	bool was_zero = true;
	struct slice group;

	while (slice_next(&key, ':', &group)) {
		bool is_zero = slice_is(group, "0");

		if (group.n == 0 || (group.p[0] == '0' && !is_zero) ||
		    (compressed && is_zero && was_zero))
			return false;
		was_zero = is_zero;
	}
	return !compressed || !was_zero;
}

static const char *
host_of_postfix(struct slice key, const struct netprefix *p, bool networks)
{
	bool whole = p->bits == netaddr_bits(&p->addr);

	if (slice_find(key, '/') < key.n)
		return networks ? NULL : "a network is looked for in cidr: "
		    "tables only";
	if (networks && !whole)
		return "Postfix skips such a line of a cidr: table";
	if (networks)
		return NULL;
	if (whole ? !is_as_printed(key, &p->addr) : p->addr.family == 6 &&
	    !are_printed_groups(key, true))
		return "Postfix never looks for that spelling of an address";
	return NULL;
}

const char *
import_unasked_postfix(enum tag tag, struct slice key, bool networks)
{
	struct netprefix prefix;

	if (tag == TAG_CLT && netprefix_parse(key, &prefix) == NETPREFIX_OK)
		return host_of_postfix(key, &prefix, networks);
	if (tag == TAG_CLT && key.n > 0 && key.p[0] == '[')
		return "Postfix looks for an address without brackets";
	if (tag != TAG_CLT && slice_find(key, '*') < slice_find(key, '@'))
		return "Postfix takes the star for itself";
	return ends_in_dot(key) ? "Postfix never looks for a name with a dot "
	    "at its end" : NULL;
}

/* "IPv6:2001:db8:0:0:0:0:0:1" */
const char *
import_unasked_sendmail(enum tag tag, struct slice key)
{
	struct netprefix prefix;

	if (ends_in_dot(key))
		return "sendmail never looks for a name with a dot at its end";
	if (tag == TAG_RCPT ||
	    netprefix_parse(key, &prefix) != NETPREFIX_OK)
		return NULL;
	if (slice_find(key, '/') < key.n)
		return "sendmail looks for no network of that spelling";
	if (prefix.addr.family == 4 && slice_find(key, ':') == key.n)
		return NULL;
	if (!slice_starts_nocase(key, "IPv6"))
		return "sendmail looks for it behind IPv6: only";
	if (key.n > 5 && !are_printed_groups(slice_from(key, 5), false))
		return "sendmail looks for an address with each group written "
		    "out, unless it has the option "
		    "UseCompressedIPv6Addresses";
	return NULL;
}
