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
 *   Try_TLS	NO is the level "none"; OK demands nothing and allows nothing
 */
#include "policy/base/domain.h"
#include "policy/outbound/outbound-internal.h"

struct nexthop {
	bool parent;	/* ".dest.test" */
	bool bracketed; /* no MX look-up, so not a recipient's domain */
	bool single;	/* Postfix asks no other question */
	bool is_address;
	bool no_memory; /* for its A-labels */
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

	n->parent = n->single = n->is_address = n->no_memory = false;
	if (!split(key, n, &host) || host.n == 0 || host.p[0] == '.')
		return false;
	if (n->bracketed && netaddr_parse(host, &n->address.addr)) {
		n->address.bits = netaddr_bits(&n->address.addr);
		return n->is_address = true;
	}
	text_init(&text, n->text, sizeof n->text);
	n->no_memory = domain_canonical(host, &text) == DOMAIN_NO_MEMORY;
	n->host = slice_make(n->text, text.n);
	return !n->no_memory && !text.cut && text.n > 0;
}

static bool
is_resolved(const struct asking *k)
{
	const struct resolved *r = k->question->resolved;

	return r != NULL && r->kind != RESOLVED_NOTHING;
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

/*
 * A resolver that has an answer for this level, or none to be had, makes Postfix
 * ask no more, too.
 */
static enum lookup_result
is_asked(struct asking *k, const struct nexthop *n)
{
	enum lookup_result result = n->single || is_resolved(k) ?
	    LOOKUP_FOUND : LOOKUP_ABSENT;

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
		key_address(tag, KEY_BRACKET, &n->address.addr,
		    n->address.bits, &key);
		result = asking_find(k, &key, true, r);
		if (result == LOOKUP_ABSENT) {
			key_address(tag, KEY_ADDRESS, &n->address.addr,
			    n->address.bits, &key);
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

/* All that the rules for a nexthop come to. */
struct demands {
	struct postfix_policy policy;
	bool any, no_tls;
	bool exception; /* there is one, and no rule that is none */
	bool none;	/* there is a rule that is none */
};

static void
add(struct asking *k, enum tag tag, const struct requirement *r,
    struct demands *d)
{
	bool exception = tag == TAG_TRY ? r->need == NEED_NO :
	    translate_is_exception(r);

	d->any = true;
	d->none |= !exception;
	d->exception |= exception;
	if (tag == TAG_TRY)
		d->no_tls = r->need == NEED_NO;
	else
		translate_postfix_add(&d->policy, r, &k->answer->lost);
}

static void
deny_unresolved(struct asking *k, const struct resolved *resolved)
{
	char reason[256];
	struct text text;

	text_init(&text, reason, sizeof reason);
	text_printf(&text, "TLS policy cannot be resolved: %s", resolved->why);
	asking_deny(k->question, OUTBOUND_FAILED, reason, k->answer);
}

static void
answer(struct asking *k, struct demands *d)
{
	const struct outbound_options *o = k->question->options;
	const struct resolved *resolved = k->question->resolved;
	struct outbound_answer *a = k->answer;

	if (d->no_tls && !translate_postfix_is_empty(&d->policy)) {
		asking_refuse(k, "Try_TLS forbids the TLS that another rule "
		    "demands");
		return;
	}
	if (d->exception && !d->none) {
		a->result = OUTBOUND_EXCEPTION;
		text_puts(&a->value, d->no_tls ? "none" : "may");
		return;
	}
	d->policy.servername = o->servername;
	d->policy.site_match = o->match;
	d->policy.site_version = o->version;
	d->policy.site_exclude = o->exclude;
	translate_postfix_join(&d->policy, o->site, resolved);
	if (resolved != NULL && resolved->kind == RESOLVED_FAILED &&
	    !translate_postfix_suffices(&d->policy)) {
		deny_unresolved(k, resolved);
		return;
	}
	translate_postfix_finish(&d->policy, o->weaken, &a->lost);
	translate_postfix_print(&d->policy, &a->value);
	if (a->value.cut)
		asking_refuse(k, "more than Postfix can be told");
	else if (!d->any)
		a->result = OUTBOUND_PASSED_ON;
}

enum lookup_result
outbound_pass_on(struct asking *k)
{
	struct demands none = { .any = false };

	if (!is_resolved(k))
		return LOOKUP_ABSENT;
	answer(k, &none);
	return LOOKUP_FOUND;
}

enum lookup_result
outbound_ask_postfix(struct asking *k)
{
	struct demands demands = { .any = false };
	enum lookup_result result;
	struct requirement r;
	struct nexthop n;

	if (!parse(k->question->key, &n))
		return n.no_memory ? asking_no_memory(k) : outbound_pass_on(k);
	result = is_asked(k, &n);
	if (result != LOOKUP_FOUND)
		return result;
	for (unsigned i = 0; i < NTAGS; i++) {
		result = find(k, &n, tags[i], &r);
		if (result == LOOKUP_FAILED)
			return result;
		if (result == LOOKUP_FOUND)
			add(k, tags[i], &r, &demands);
	}
	if (!demands.any)
		return outbound_pass_on(k);
	answer(k, &demands);
	return LOOKUP_FOUND;
}
