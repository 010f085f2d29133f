#include <ctype.h>
#include <string.h>

#include "policy/base/domain.h"
#include "policy/base/netaddr.h"
#include "policy/probe/target.h"

enum { SMTP_PORT = 25 };

static bool
bad_target(struct slice text, const char *expected, struct fault *f)
{
	return fault_set(f, FAULT_DATA, "\"%.*s\": %s was expected",
	    SLICE_ARG(text), expected);
}

static bool
is_host_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!isalnum((unsigned char)s.p[i]) && strchr("-_.", s.p[i]) == NULL)
			return false;
	return s.n > 0 && s.p[0] != '-' && s.p[0] != '.';
}

static bool
set_host(struct slice host, struct target *t)
{
	struct netaddr address;
	struct text out;

	text_init(&out, t->host, sizeof t->host);
	t->is_address = netaddr_parse(host, &address);
	if (t->is_address) {
		netaddr_print(&address, &out);
		return true;
	}
	return domain_canonical(host, &out) == DOMAIN_WHOLE &&
	    is_host_name(slice_make(out.buf, out.n));
}

static bool
set_port(struct slice text, struct target *t)
{
	unsigned long port;

	if (!text_number(text, 65535, &port) || port == 0)
		return false;
	t->port = (uint16_t)port;
	return true;
}

/* "[HOST]" or "[HOST]:PORT"; the bracket has been seen. */
static bool
parse_bracket(struct slice text, struct target *t, struct fault *f)
{
	size_t end = slice_find(text, ']');
	struct slice rest;

	if (end == text.n)
		return bad_target(text, "a ] after the [", f);
	if (!set_host(slice_make(text.p + 1, end - 1), t))
		return bad_target(text, "a host name or address in []", f);
	rest = slice_from(text, end + 1);
	if (rest.n > 0 && (rest.p[0] != ':' ||
	    !set_port(slice_from(rest, 1), t)))
		return bad_target(text, "nothing or :PORT behind the ]", f);
	return true;
}

bool
target_parse(struct slice text, struct target *t, struct fault *f)
{
	size_t colon;

	memset(t, 0, sizeof *t);
	t->port = SMTP_PORT;
	text = slice_trim(text);
	if (text.n > 0 && text.p[0] == '[')
		return parse_bracket(text, t, f);
	if (set_host(text, t)) {
		t->by_mx = !t->is_address;
		return true;
	}
	colon = slice_find(text, ':');
	if (colon < text.n && set_host(slice_make(text.p, colon), t) &&
	    set_port(slice_from(text, colon + 1), t))
		return true;
	return bad_target(text, "DOMAIN, HOST:PORT or [ADDRESS]:PORT", f);
}
