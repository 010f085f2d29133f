/*
 * Keys that can never match, by what the whole of them is; never-key.c has
 * those of which a part is wrong.
 */
#include <string.h>

#include "policy/base/domain.h"
#include "policy/base/netaddr.h"
#include "policy/rules/key.h"
#include "policy/rules/never.h"

bool
never_unnamed(struct never *n)
{
	if (n->tag != TAG_CLT || !slice_is_nocase(n->what, "unknown"))
		return false;
	text_puts(&n->meant, "write TLS_Clt:[0.0.0.0/0] and TLS_Clt:[::/0] "
	    "for clients without a name");
	return true;
}

bool
never_recipient(struct never *n)
{
	if ((n->tag != TAG_TO && n->tag != TAG_RCPT &&
	    n->tag != TAG_HEADER) || !slice_is(n->what, "<>"))
		return false;
	text_puts(&n->meant, "write TLS_From:<>");
	return true;
}

bool
never_mail_of_host(struct never *n)
{
	if (slice_find(n->what, '@') == n->what.n)
		return false;
	text_puts(&n->meant, "addresses of mail belong to TLS_From: and "
	    "TLS_To:");
	return true;
}

bool
never_quotes(struct never *n)
{
	bool quoted = false;

	for (size_t i = 0; i < n->what.n; i++) {
		if (n->what.p[i] == '\\' && i + 1 < n->what.n)
			i++;
		else if (n->what.p[i] == '"')
			quoted = !quoted;
	}
	if (quoted)
		text_puts(&n->meant, "write a quote that is meant as +22 "
		    "between two others");
	return quoted;
}

/*
 * No peer has the address: groups (multicast), and those that stand for
 * "everywhere".
 */
bool
never_no_peer(struct never *n)
{
	struct netprefix p;
	bool v4, zero = true;

	if (!never_is_network(n) || n->result != NETPREFIX_OK)
		return false;
	p = n->network;
	v4 = p.addr.family == 4;
	for (unsigned i = 0; i < netaddr_bits(&p.addr) / 8; i++)
		zero = zero && p.addr.bytes[i] == 0;
	if (!(zero && p.bits == netaddr_bits(&p.addr)) &&
	    !(v4 && p.bits >= 4 && p.addr.bytes[0] >> 4 == 14) &&
	    !(v4 && p.bits == 32 && memcmp(p.addr.bytes, "\xff\xff\xff\xff",
	    4) == 0) && !(!v4 && p.bits >= 8 && p.addr.bytes[0] == 0xff))
		return false;
	text_puts(&n->meant, zero ? "a network of all has the length 0, as "
	    "0.0.0.0/0 and ::/0" : "write the address that a host has");
	return true;
}

bool
never_listener_port(struct never *n)
{
	unsigned long port;

	for (size_t i = 0; i < n->what.n; i++)
		if (n->what.p[i] < '0' || n->what.p[i] > '9')
			return false;
	if (text_number(n->what, 65535, &port) &&
	    (n->what.n == 1 || n->what.p[0] != '0'))
		return false;
	text_puts(&n->meant, "write 0 to 65535 without zeros in front");
	return true;
}

/*
 * Dots, digits and signs of other scripts become what the rows above look for
 * only as A-labels.  What has none, key_of() refuses.
 */
bool
never_converted(struct never *n)
{
	struct slice name = n->at < n->what.n ?
	    slice_from(n->what, n->at + 1) : n->what;
	char buf[KEY_TEXT_MAX + 1];
	enum domain_result result;
	struct text labels;

	if (slice_is_ascii(name))
		return false;
	if (name.p[0] == '.')
		name = slice_from(name, 1);
	text_init(&labels, buf, sizeof buf);
	result = domain_canonical(name, &labels);
	n->no_memory = result == DOMAIN_NO_MEMORY;
	if (n->no_memory)
		return true;
	if (result == DOMAIN_ODD ||
	    (never_host_name(slice_make(buf, labels.n)) &&
	    buf[labels.n - 1] != '.'))
		return false;
	n->found = name;
	text_printf(&n->meant, "they are \"%s\"", buf);
	return true;
}

/* MTAs tell issuers as X509_NAME_oneline(3) does, with a slash in front. */
bool
never_issuer(struct never *n)
{
	if (n->what.n > 0 && n->what.p[0] == '/')
		return false;
	text_puts(&n->meant, "write it as in /C=DE/O=Example/CN=Root+20CA; "
	    "tlspolicy cert FILE prints it so");
	return true;
}
