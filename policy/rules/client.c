/*
 * A name that does not fit is no, whoever has verified it; one that does is
 * looked at for how far it may be believed.  That it was not found for the time
 * being is not that there is none: cannot tell.
 */
#include <string.h>

#include "policy/base/domain.h"
#include "policy/rules/client.h"
#include "policy/rules/key.h"

enum { NAME_MAX_BYTES = 255 }; /* no name of DNS is longer */

enum sort { SORT_NETWORK, SORT_NAMELESS, SORT_NAME };

/* A value taken apart. */
struct whom {
	enum sort sort;
	struct netprefix network;
	struct text name; /* canonical, with its dot in front */
	bool lost;	  /* out of memory: it is not */
	char name_text[DOMAIN_TEXT_MAX + 1];
};

static bool
is_bracketed(struct slice s)
{
	return s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']';
}

static struct slice
inside(struct slice s)
{
	return slice_make(s.p + 1, s.n - 2);
}

/* Reads a value that client_check() has let pass. */
static void
read_value(struct slice value, struct whom *w)
{
	bool dot = value.n > 1 && value.p[0] == '.';

	text_init(&w->name, w->name_text, sizeof w->name_text);
	w->lost = false;
	w->sort = SORT_NAMELESS;
	if (is_bracketed(value) && netprefix_parse(inside(value),
	    &w->network) == NETPREFIX_OK)
		return;
	w->sort = SORT_NETWORK;
	if (netprefix_parse(value, &w->network) == NETPREFIX_OK)
		return;
	w->sort = SORT_NAME;
	if (dot)
		text_char(&w->name, '.');
	w->lost = domain_canonical(dot ? slice_from(value, 1) : value,
	    &w->name) == DOMAIN_NO_MEMORY;
}

static struct slice
name_of(const struct whom *w)
{
	return slice_make(w->name.buf, w->name.n);
}

bool
client_check(struct slice value, struct fault *fault)
{
	struct key key;

	return key_of(TAG_CLT, value, &key, fault);
}

bool
client_print(struct slice value, struct text *out)
{
	struct whom whom;

	read_value(value, &whom);
	if (whom.sort == SORT_NAME)
		text_put(out, name_of(&whom));
	else
		text_put(out, value);
	return !whom.lost;
}

static bool
ends_in(struct slice name, struct slice end)
{
	return name.n > end.n && slice_equal(slice_from(name, name.n - end.n),
	    end);
}

static bool
is_name(const struct whom *w, struct slice name)
{
	struct slice own = name_of(w);

	return own.n > 0 && own.p[0] == '.' ? ends_in(name, own) :
	    slice_equal(name, own);
}

static enum answer
cannot_tell(enum fact_id fact, enum fact_id *missing)
{
	*missing = fact;
	return ANSWER_CANNOT_TELL;
}

/*
 * sendmail gives the name of a client that it could not verify, too, and says
 * FORGED; FAIL is that there is none, TEMP that nobody knows for now.
 */
static enum answer
is_resolved(const struct facts *facts, bool nameless, enum fact_id *missing)
{
	const struct fact *fact = &facts->fact[FACT_CLIENT_RESOLVE];

	if (fact->state == FACT_NOT_TOLD)
		return ANSWER_YES; /* Postfix's name is a verified one */
	if (slice_is_nocase(fact->value, "OK"))
		return nameless ? ANSWER_NO : ANSWER_YES;
	if (slice_is_nocase(fact->value, "FAIL"))
		return nameless ? ANSWER_YES : ANSWER_NO;
	if (slice_is_nocase(fact->value, "FORGED"))
		return ANSWER_NO;
	return cannot_tell(FACT_CLIENT_RESOLVE, missing);
}

static enum answer
has_name(const struct facts *facts, const struct whom *w,
    enum fact_id *missing)
{
	struct slice name = facts_value(facts, FACT_CLIENT_NAME);
	char buf[DOMAIN_TEXT_MAX];
	struct text canonical;

	if (name.n == 0)
		return cannot_tell(FACT_CLIENT_NAME, missing);
	if (is_bracketed(name)) /* none, or none for now */
		return is_resolved(facts, true, missing) ==
		    ANSWER_CANNOT_TELL ? ANSWER_CANNOT_TELL : ANSWER_NO;
	text_init(&canonical, buf, sizeof buf);
	if (domain_canonical(name, &canonical) == DOMAIN_NO_MEMORY)
		return cannot_tell(FACT_CLIENT_NAME, missing);
	if (name.n > NAME_MAX_BYTES ||
	    !is_name(w, slice_make(buf, canonical.n)))
		return ANSWER_NO;
	return is_resolved(facts, false, missing);
}

/* "[192.0.2.1]", as TLS_Clt:[...] has it. */
static enum answer
has_no_name(const struct facts *facts, const struct whom *w,
    enum fact_id *missing)
{
	struct slice name = facts_value(facts, FACT_CLIENT_NAME);
	struct netaddr addr;

	if (name.n == 0)
		return cannot_tell(FACT_CLIENT_NAME, missing);
	if (!is_bracketed(name) || !netaddr_parse(inside(name), &addr) ||
	    !netprefix_covers(&w->network, &addr))
		return ANSWER_NO;
	return is_resolved(facts, true, missing);
}

static enum answer
has_address(const struct facts *facts, const struct whom *w,
    enum fact_id *missing)
{
	struct netaddr addr;

	if (!facts_address(facts, false, &addr))
		return cannot_tell(FACT_CLIENT_ADDR, missing);
	return netprefix_covers(&w->network, &addr) ? ANSWER_YES : ANSWER_NO;
}

enum answer
client_is(const struct facts *facts, struct slice value,
    enum fact_id *missing)
{
	struct whom whom;

	if (facts_local(facts)) /* there is no client */
		return ANSWER_NO;
	read_value(value, &whom);
	switch (whom.sort) {
	case SORT_NETWORK:
		return has_address(facts, &whom, missing);
	case SORT_NAMELESS:
		return has_no_name(facts, &whom, missing);
	case SORT_NAME:
		break;
	}
	return has_name(facts, &whom, missing);
}

enum answer
client_is_meant(const struct facts *facts, const struct requirement *r,
    enum fact_id *missing)
{
	enum answer answer = ANSWER_NO;

	for (unsigned i = 0; i < r->nitems; i++) {
		enum answer one;

		if (r->items[i].row->id != ITEM_WHEN)
			continue;
		one = client_is(facts, r->items[i].value, missing);
		if (one == ANSWER_YES)
			return one;
		if (one == ANSWER_CANNOT_TELL)
			answer = one;
	}
	return answer;
}

static bool
network_covers(const struct netprefix *wide, const struct netprefix *narrow)
{
	return wide->bits <= narrow->bits &&
	    netprefix_covers(wide, &narrow->addr);
}

bool
client_covers(struct slice wide, struct slice narrow)
{
	struct whom w, n;

	read_value(wide, &w);
	read_value(narrow, &n);
	/* Who has no name has an address all the same. */
	if (w.sort != SORT_NAME && n.sort != SORT_NAME)
		return (w.sort == n.sort || w.sort == SORT_NETWORK) &&
		    network_covers(&w.network, &n.network);
	return w.sort == n.sort && (slice_equal(name_of(&w), name_of(&n)) ||
	    is_name(&w, name_of(&n)));
}

bool
client_excludes(struct slice a, struct slice b)
{
	struct whom x, y;

	read_value(a, &x);
	read_value(b, &y);
	if (x.sort != SORT_NAME && y.sort != SORT_NAME)
		return !network_covers(&x.network, &y.network) &&
		    !network_covers(&y.network, &x.network);
	return x.sort != y.sort ? x.sort == SORT_NAMELESS ||
	    y.sort == SORT_NAMELESS : !client_covers(a, b) &&
	    !client_covers(b, a);
}

static bool
is_covered(const struct requirement *wide, struct slice narrow)
{
	for (unsigned i = 0; i < wide->nitems; i++)
		if (wide->items[i].row->id == ITEM_WHEN &&
		    client_covers(wide->items[i].value, narrow))
			return true;
	return false;
}

bool
client_when_counts(const struct requirement *r, const struct slice *client)
{
	if (r->nwhen == 0 || (is_covered(r, slice_of("0.0.0.0/0")) &&
	    is_covered(r, slice_of("::/0"))))
		return true;
	return client != NULL && is_covered(r, *client);
}

bool
client_when_covers(const struct requirement *wide,
    const struct requirement *narrow)
{
	if (client_when_counts(wide, NULL))
		return true;
	for (unsigned i = 0; i < narrow->nitems; i++)
		if (narrow->items[i].row->id == ITEM_WHEN &&
		    !is_covered(wide, narrow->items[i].value))
			return false;
	return narrow->nwhen > 0;
}

static bool
is_among(const struct requirement *r, struct slice value)
{
	for (unsigned i = 0; i < r->nitems; i++)
		if (r->items[i].row->id == ITEM_WHEN &&
		    client_covers(r->items[i].value, value) &&
		    client_covers(value, r->items[i].value))
			return true;
	return false;
}

static bool
are_among(const struct requirement *a, const struct requirement *b)
{
	for (unsigned i = 0; i < a->nitems; i++)
		if (a->items[i].row->id == ITEM_WHEN &&
		    !is_among(b, a->items[i].value))
			return false;
	return true;
}

bool
client_same_conditions(const struct requirement *a,
    const struct requirement *b)
{
	return a->from == b->from && a->until == b->until &&
	    are_among(a, b) && are_among(b, a);
}
