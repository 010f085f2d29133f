/*
 * sendmail asks its access map (cf/m4/proto.m4, rulesets D, A and SearchList),
 * in lower case, each until the first one is found:
 *
 *   tls_srv:, try_tls:	mx.dest.test dest.test test; or [192.0.2.1] [192.0.2]
 *			...; then 192.0.2.1 192.0.2 192.0 192; then nothing
 *   tls_rcpt:		user+tag@dom user+*@dom user@dom user+tag@ user+*@
 *			user@; dom and its parents; nothing
 *   myca:		the DN of an issuer
 *
 * It strips labels and octets by itself.  A rule that it has no question for
 * answers the one next to it: ".dest.test" that for the name one label below,
 * as long as that has no rule of its own; a network that for the shortest run
 * of octets (or IPv6 groups) that is not shorter.  So rules and the lines of
 * another map are found in one order, the more special first.
 *
 * Each of these questions takes a connection that was lost for "no rule", and
 * there are many of them.  So a ruleset of scripts/sendmail-outbound.mc asks
 * one that takes none for an answer, and gets what all of them would get:
 *
 *   tlspolicy:tls_srv/	name and address of the server, a slash between them
 *   tlspolicy:tls_rcpt/	the address of the recipient
 */
#include "policy/base/domain.h"
#include "policy/outbound/outbound-internal.h"

enum { OCTET_BITS = 8, GROUP_BITS = 16, MAILBOX_TEXT_MAX = 1024 };

static enum lookup_result
find_exact(struct asking *k, const struct key *key, struct requirement *r)
{
	return asking_find(k, key, false, r);
}

static enum lookup_result
find_name(struct asking *k, enum tag tag, struct slice what,
    struct requirement *r)
{
	bool dotted = what.p[0] == '.';
	char buf[DOMAIN_TEXT_MAX];
	enum lookup_result result;
	struct slice name;
	struct text text;
	struct key key;
	size_t dot;

	text_init(&text, buf, sizeof buf);
	if (domain_canonical(slice_from(what, dotted ? 1 : 0), &text) ==
	    DOMAIN_NO_MEMORY)
		return asking_no_memory(k);
	if (text.cut)
		return LOOKUP_ABSENT;
	name = slice_make(buf, text.n);
	key_name(tag, name, dotted, &key);
	result = find_exact(k, &key, r);
	dot = slice_find(name, '.');
	if (result != LOOKUP_ABSENT || dotted || dot == name.n)
		return result;
	key_name(tag, slice_from(name, dot + 1), true, &key);
	return find_exact(k, &key, r);
}

/* Prefixes that are longer than the next question's, the longest first. */
static enum lookup_result
find_network(struct asking *k, enum tag tag, enum key_kind kind,
    const struct netprefix *asked, struct requirement *r)
{
	int step = asked->addr.family == 4 ? OCTET_BITS : GROUP_BITS;
	int bits = (int)asked->bits, end = bits - step;

	/* IPv4 has no question without octets; IPv6 has, the tag "ipv6". */
	if (end < 0 || (end == 0 && asked->addr.family == 4))
		end = -1;
	for (; bits > end; bits--) {
		struct netprefix prefix = *asked;
		enum lookup_result result;
		struct key key;

		prefix.bits = (unsigned)bits;
		netaddr_mask(&prefix.addr, prefix.bits);
		key_address(tag, kind, &prefix.addr, prefix.bits, &key);
		result = find_exact(k, &key, r);
		if (result != LOOKUP_ABSENT)
			return result;
	}
	return LOOKUP_ABSENT;
}

static bool
is_prefix(struct slice s, struct netprefix *prefix)
{
	return slice_find(s, '/') == s.n &&
	    netprefix_parse(s, prefix) == NETPREFIX_OK;
}

static bool
is_network(enum tag tag, struct slice what, enum key_kind *kind,
    struct netprefix *prefix)
{
	bool bracketed = what.n > 2 && what.p[0] == '[' &&
	    what.p[what.n - 1] == ']';

	*kind = bracketed ? KEY_BRACKET : KEY_ADDRESS;
	if (bracketed)
		what = slice_make(what.p + 1, what.n - 2);
	return (bracketed || tag != TAG_RCPT) && is_prefix(what, prefix);
}

static enum lookup_result
find_host(struct asking *k, enum tag tag, struct slice what,
    struct requirement *r)
{
	struct netprefix prefix;
	enum key_kind kind;

	if (is_network(tag, what, &kind, &prefix))
		return find_network(k, tag, kind, &prefix, r);
	return find_name(k, tag, what, r);
}

static enum lookup_result
find_mailbox(struct asking *k, struct slice what, struct requirement *r)
{
	struct fault unused;
	struct key key;

	fault_clear(&unused);
	if (!key_of(TAG_RCPT, what, &key, &unused))
		return LOOKUP_ABSENT;
	return find_exact(k, &key, r);
}

static enum lookup_result
find_asked(struct asking *k, enum tag tag, struct slice name,
    struct slice what, struct requirement *r)
{
	struct key key;

	if (tag == TAG_CA)
		return key_of_issuer(name, what, &key) ?
		    find_exact(k, &key, r) : LOOKUP_ABSENT;
	if (what.n == 0) {
		key_bare(tag, &key);
		return find_exact(k, &key, r);
	}
	if (tag == TAG_RCPT && slice_find(what, '@') < what.n)
		return find_mailbox(k, what, r);
	return find_host(k, tag, what, r);
}

/* A host and what is above it. */
static enum lookup_result
find_above(struct asking *k, enum tag tag, struct slice what,
    struct requirement *r)
{
	enum lookup_result result = LOOKUP_ABSENT;
	struct netprefix prefix;
	enum key_kind kind;
	struct key key;

	if (is_network(tag, what, &kind, &prefix)) {
		key_address(tag, kind, &prefix.addr, prefix.bits, &key);
		return asking_find(k, &key, true, r);
	}
	while (what.n > 0 && result == LOOKUP_ABSENT) {
		size_t dot = slice_find(what, '.');

		result = find_name(k, tag, what, r);
		what = slice_from(what, dot < what.n ? dot + 1 : dot);
	}
	return result;
}

/* user+tag@domain user+*@domain user@domain; a domain may be empty. */
static enum lookup_result
find_user(struct asking *k, struct slice user, struct slice domain,
    struct requirement *r)
{
	size_t plus = user.n == 0 ? 0 : 1 + slice_find(slice_from(user, 1), '+');
	enum lookup_result result = LOOKUP_ABSENT;
	char buf[MAILBOX_TEXT_MAX];
	struct text what;

	for (int i = plus < user.n ? 0 : 2; i < 3 && result == LOOKUP_ABSENT;
	    i++) {
		text_init(&what, buf, sizeof buf);
		text_put(&what, i == 0 ? user : slice_make(user.p, plus));
		text_puts(&what, i == 1 ? "+*@" : "@");
		text_put(&what, domain);
		if (!what.cut)
			result = find_mailbox(k, slice_make(buf, what.n), r);
	}
	return result;
}

static size_t
find_last(struct slice s, char c)
{
	for (size_t i = s.n; i > 0; i--)
		if (s.p[i - 1] == c)
			return i - 1;
	return s.n;
}

/* All questions about one server or recipient at once. */
static enum lookup_result
find_whole(struct asking *k, enum tag tag, struct slice what,
    struct requirement *r)
{
	size_t cut = find_last(what, tag == TAG_RCPT ? '@' : '/');
	struct slice front = slice_make(what.p, cut);
	struct slice back = slice_from(what, cut < what.n ? cut + 1 : cut);
	enum lookup_result result = LOOKUP_ABSENT;
	struct key key;

	if (tag != TAG_RCPT) {
		result = find_above(k, tag, front, r);
	} else {
		if (back.n > 0)
			result = find_user(k, front, back, r);
		if (result == LOOKUP_ABSENT)
			result = find_user(k, front, slice_make("", 0), r);
	}
	if (result == LOOKUP_ABSENT)
		result = find_above(k, tag, back, r);
	if (result != LOOKUP_ABSENT)
		return result;
	key_bare(tag, &key);
	return find_exact(k, &key, r);
}

enum lookup_result
outbound_ask_sendmail(struct asking *k)
{
	struct slice key = k->question->key, what;
	struct outbound_answer *a = k->answer;
	size_t colon = slice_find(key, ':');
	enum lookup_result result;
	struct requirement r;
	enum tag tag;

	if (!asking_sendmail_tag(key, &tag))
		return LOOKUP_ABSENT;
	result = asking_is_whole(key, &tag, &what) ?
	    find_whole(k, tag, what, &r) :
	    find_asked(k, tag, slice_make(key.p, colon),
	    slice_from(key, colon + 1), &r);
	if (result != LOOKUP_FOUND)
		return result;
	if (tag == TAG_TRY ? r.need == NEED_NO :
	    tag != TAG_CA && translate_is_exception(&r))
		a->result = OUTBOUND_EXCEPTION;
	if (tag == TAG_TRY)
		text_puts(&a->value, r.need == NEED_NO ? "NO" : "OK");
	else if (tag == TAG_CA)
		text_puts(&a->value, "OK");
	else
		translate_sendmail(&r, &k->question->options->express,
		    &a->value, &a->lost);
	return LOOKUP_FOUND;
}
