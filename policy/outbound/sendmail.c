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
 */
#include "policy/base/domain.h"
#include "policy/outbound/outbound-internal.h"

enum { OCTET_BITS = 8, GROUP_BITS = 16 };

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
	domain_canonical(slice_from(what, dotted ? 1 : 0), &text);
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
		key_address(tag, kind, &prefix, &key);
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

static enum lookup_result
find_host(struct asking *k, enum tag tag, struct slice what,
    struct requirement *r)
{
	bool bracketed = what.n > 2 && what.p[0] == '[' &&
	    what.p[what.n - 1] == ']';
	struct netprefix prefix;

	if (bracketed && is_prefix(slice_make(what.p + 1, what.n - 2),
	    &prefix))
		return find_network(k, tag, KEY_BRACKET, &prefix, r);
	if (tag != TAG_RCPT && is_prefix(what, &prefix))
		return find_network(k, tag, KEY_ADDRESS, &prefix, r);
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

enum lookup_result
outbound_ask_sendmail(struct asking *k)
{
	struct slice key = k->question->key;
	struct outbound_answer *a = k->answer;
	size_t colon = slice_find(key, ':');
	enum lookup_result result;
	struct requirement r;
	enum tag tag;

	if (!asking_sendmail_tag(key, &tag))
		return LOOKUP_ABSENT;
	result = find_asked(k, tag, slice_make(key.p, colon),
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
