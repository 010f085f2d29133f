#include "policy/audit/asked.h"
#include "policy/facts/organisation.h"

/* Postfix: a next hop. */
static struct asked
next_hop(struct slice s)
{
	struct asked a = { .host = s.n > 0 && s.p[0] == '[',
		.below = s.n > 0 && s.p[0] == '.' };

	if (slice_find(s, '@') < s.n)
		return (struct asked){ .name = organisation_of_address(s) };
	s = slice_from(s, a.host || a.below ? 1 : 0);
	a.name = slice_make(s.p, slice_find(s, a.host ? ']' : ':'));
	return a;
}

/* "tlspolicy:tls_srv/NAME/ADDRESS" is of a host, "tls_rcpt:NAME" of none. */
static struct asked
of_sendmail(struct slice s)
{
	static const char whole[] = "tlspolicy:";
	bool all = slice_starts_nocase(s, whole);
	struct asked a;
	size_t end;

	s = slice_from(s, all ? sizeof whole - 1 : 0);
	end = slice_find(s, all ? '/' : ':');
	a.host = !slice_is_nocase(slice_make(s.p, end), "tls_rcpt");
	a.below = false;
	s = slice_from(s, end < s.n ? end + 1 : 0);
	if (slice_find(s, '@') < s.n)
		a.name = organisation_of_address(s);
	else
		a.name = slice_make(s.p, all && a.host ? slice_find(s, '/') :
		    s.n);
	return a;
}

struct asked
asked_about(const struct reader_outbound *o)
{
	enum outbound_map map;

	return outbound_map_by_name(o->map, &map) && map == OUTBOUND_SENDMAIL ?
	    of_sendmail(o->query) : next_hop(o->query);
}
