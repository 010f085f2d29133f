/*
 * Postfix asks by the nexthop (postconf(5), smtp_tls_policy_maps):
 *
 *   a.b.dest.test     and, not found, .b.dest.test .dest.test .test
 *   [host] [addr] with or without :port, host:port	one question each
 *
 * A rule answers the question that is spelt like it: "b.dest.test" and
 * ".b.dest.test" that for .b.dest.test, a bare tag the last one.  The answer
 * then makes Postfix ask no more, so it holds what the other tags demand,
 * too, from whatever level.
 *
 *   TLS_Rcpt	the nexthop is the recipient's domain.  Behind [host] it is
 *		not, there only the bare tag counts.
 *   TLS_Srv	the nexthop stands for its servers: Postfix never asks by the
 *		name of an MX host
 *   Try_TLS	NO is the level "none"
 */
#include "policy/base/domain.h"
#include "policy/outbound/outbound-internal.h"

struct nexthop {
	bool parent;	/* ".dest.test" */
	bool bracketed; /* no MX look-up, so not a recipient's domain */
	bool single;	/* Postfix asks no other question */
	bool is_address;
	struct netprefix address;
	struct slice host; /* canonical, in text */
	char text[DOMAIN_TEXT_MAX];
};

static const enum tag tags[] = { TAG_TRY, TAG_SRV, TAG_RCPT };
enum { NTAGS = sizeof tags / sizeof tags[0] };

/* ":25", ":smtp" or nothing. */
static bool
is_port(struct slice s)
{
	return s.n == 0 || (s.n > 1 && s.p[0] == ':' &&
	    slice_find(slice_from(s, 1), ':') == s.n - 1);
}

static bool
split(struct slice key, struct nexthop *n, struct slice *host)
{
	size_t end = slice_find(key, ']');

	n->bracketed = key.n > 0 && key.p[0] == '[';
	if (n->bracketed) {
		*host = slice_make(key.p + 1, end - 1);
		n->single = true;
		return end < key.n && is_port(slice_from(key, end + 1));
	}
	n->parent = key.n > 0 && key.p[0] == '.';
	*host = slice_from(key, n->parent ? 1 : 0);
	end = slice_find(*host, ':');
	n->single = end < host->n;
	if (n->single && !is_port(slice_from(*host, end)))
		return false;
	host->n = end;
	return true;
}

static bool
parse(struct slice key, struct nexthop *n)
{
	struct slice host;
	struct text text;

	n->parent = n->single = n->is_address = false;
	if (!split(key, n, &host) || host.n == 0 || host.p[0] == '.')
		return false;
	if (n->bracketed && netaddr_parse(host, &n->address.addr)) {
		n->address.bits = netaddr_bits(&n->address.addr);
		return n->is_address = true;
	}
	text_init(&text, n->text, sizeof n->text);
	domain_canonical(host, &text);
	n->host = slice_make(n->text, text.n);
	return !text.cut && text.n > 0;
}

/* Is one of the tag's rules spelt like the question? */
static enum lookup_result
has_level(struct asking *k, const struct nexthop *n, enum tag tag)
{
	enum lookup_result result;
	struct key key;

	key_name(tag, n->host, false, &key);
	result = asking_has(k, &key);
	if (result == LOOKUP_ABSENT && n->parent) {
		key_name(tag, n->host, true, &key);
		result = asking_has(k, &key);
	}
	if (result == LOOKUP_ABSENT && slice_find(n->host, '.') == n->host.n) {
		key_bare(tag, &key);
		result = asking_has(k, &key);
	}
	return result;
}

static enum lookup_result
is_asked(struct asking *k, const struct nexthop *n)
{
	enum lookup_result result = n->single ? LOOKUP_FOUND : LOOKUP_ABSENT;

	for (unsigned i = 0; i < NTAGS && result == LOOKUP_ABSENT; i++)
		result = has_level(k, n, tags[i]);
	return result;
}

/* The rule of a tag for this nexthop, whatever its level. */
static enum lookup_result
find(struct asking *k, const struct nexthop *n, enum tag tag,
    struct requirement *r)
{
	enum lookup_result result = LOOKUP_ABSENT;
	struct key key;

	if (n->is_address && tag != TAG_RCPT) {
		key_address(tag, KEY_BRACKET, &n->address, &key);
		result = asking_find(k, &key, true, r);
		if (result == LOOKUP_ABSENT) {
			key_address(tag, KEY_ADDRESS, &n->address, &key);
			result = asking_find(k, &key, true, r);
		}
	} else if (!n->bracketed || tag != TAG_RCPT) {
		key_name(tag, n->host, n->parent, &key);
		result = asking_find(k, &key, true, r);
	}
	if (result != LOOKUP_ABSENT)
		return result;
	key_bare(tag, &key);
	return asking_find(k, &key, false, r);
}

static void
answer(struct asking *k, const struct postfix_policy *policy, bool no_tls)
{
	if (!no_tls)
		postfix_policy_print(policy, &k->answer->value);
	else if (postfix_policy_is_empty(policy))
		text_puts(&k->answer->value, "none");
	else
		asking_refuse(k, "Try_TLS forbids the TLS that another rule "
		    "demands");
}

enum lookup_result
postfix_ask(struct asking *k)
{
	enum lookup_result result;
	struct postfix_policy policy;
	struct requirement r;
	struct nexthop n;
	bool found = false, no_tls = false;

	if (!parse(k->question->key, &n))
		return LOOKUP_ABSENT;
	result = is_asked(k, &n);
	if (result != LOOKUP_FOUND)
		return result;
	postfix_policy_init(&policy);
	for (unsigned i = 0; i < NTAGS; i++) {
		result = find(k, &n, tags[i], &r);
		if (result == LOOKUP_FAILED)
			return result;
		if (result == LOOKUP_ABSENT)
			continue;
		found = true;
		if (tags[i] == TAG_TRY)
			no_tls = r.need == NEED_NO;
		else
			postfix_policy_add(&policy, &r, &k->answer->lost);
	}
	if (found)
		answer(k, &policy, no_tls);
	return found ? LOOKUP_FOUND : LOOKUP_ABSENT;
}
