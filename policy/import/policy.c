/*
 * smtp_tls_policy_maps: outbound, by next hop.  A domain becomes TLS_Rcpt, a
 * [host] TLS_Srv, the level none Try_TLS NO.  Also the older
 * smtp_tls_per_site, whose words say nothing of names.
 *
 * Equal is what makes Postfix be told the same policy again (translate.h): so a
 * list of protocols must be "this one and later", ciphers the grade high or
 * the default, and names are compared as they stand.
 */
#include <string.h>

#include "policy/outbound/translate.h"
#include "policy/rules/item.h"
#include "policy/import/postfix-internal.h"

/* What a level asks for. */
struct level {
	const char *name;
	const char *need;
	bool has_names, mandatory;
};

static const struct level levels[] = {
	{ .name = "none", .need = "NO" },
	{ .name = "may", .need = "ENCR:0" },
	{ .name = "encrypt", .need = "ENCR:1", .mandatory = true },
	{ .name = "dane", .need = "DANE:may" },
	{ .name = "half-dane", .need = "DANE:may" },
	{ .name = "dane-only", .need = "DANE", .mandatory = true },
	{ .name = "fingerprint", .need = "ENCR:1", .mandatory = true },
	{ .name = "verify", .need = "VERIFY", .has_names = true,
	    .mandatory = true },
	{ .name = "secure", .need = "VERIFY", .has_names = true,
	    .mandatory = true },
	{ .name = NULL }
};

const struct import_policy import_policy_defaults = {
	.medium_ciphers = true
};

struct policy {
	const struct import_policy *site;
	const struct level *level;
	struct slice nexthop;
	bool bracketed, parent;
	bool high, failed;
	char match_text[4096], items_text[REQUIREMENT_TEXT_MAX];
	struct text match, items;
};

static const struct level *
find_level(struct slice word)
{
	for (const struct level *l = levels; l->name != NULL; l++)
		if (slice_is_nocase(word, l->name))
			return l;
	return NULL;
}

const char *
import_level(struct slice word)
{
	const struct level *l = find_level(word);

	/* For all domains "none" is no Try_TLS NO: rules may ask for more. */
	return l == NULL ? NULL : l == levels ? "ENCR:0" : l->need;
}

bool
import_is_level(struct slice word)
{
	return find_level(word) != NULL;
}

static bool
is_level(const struct policy *p, const char *name)
{
	return strcmp(p->level->name, name) == 0;
}

/* How much a requirement without its items asks for. */
static int
rank(const char *need)
{
	static const char *const needs[] = { "ENCR:0", "DANE:may", "ENCR:1" };
	int i = 0;

	while (i < 3 && strcmp(need, needs[i]) != 0)
		i++;
	return i;
}

/*
 * A line for a [host] is asked for on port 25 alone, a rule on every one.
 * There it must not ask for less than Postfix does without a line.
 */
static void
look_at_ports(struct import *import, struct policy *p)
{
	const char *need = is_level(p, "none") ? "ENCR:0" : p->level->need,
	    *beyond = import->beyond;

	if (beyond == NULL && rank(need) == 0) {
		import_differs(import, IMPORT_WEAKER, "what Postfix does on "
		    "other ports of this host is not known");
		return;
	}
	if (beyond == NULL || rank(need) > rank(beyond) ||
	    strcmp(need, beyond) == 0)
		return;
	p->failed = true;
	import_refuse(import, 0, "as a rule this would count for every port, "
	    "where Postfix asks for more on those but 25");
}

/* "[host]:port", "host:port", "domain", ".domain". */
static void
parse_nexthop(struct import *import, struct policy *p, struct slice key)
{
	struct slice port = slice_make("", 0);
	size_t end;

	p->bracketed = key.n > 0 && key.p[0] == '[';
	p->parent = key.n > 0 && key.p[0] == '.';
	if (p->bracketed) {
		key = slice_from(key, 1);
		end = slice_find(key, ']');
		p->nexthop = slice_make(key.p, end);
		p->failed = end == key.n ||
		    (end + 1 < key.n && key.p[end + 1] != ':');
		if (p->failed) {
			import_refuse(import, 0, "Postfix asks for [HOST] and "
			    "[HOST]:PORT, never for such a key");
			return;
		}
		if (end + 1 < key.n)
			port = slice_from(key, end + 2);
	} else {
		end = slice_find(key, ':');
		p->nexthop = slice_make(key.p, end);
		if (end < key.n)
			port = slice_from(key, end + 1);
	}
	if (p->nexthop.n > 0 && p->nexthop.p[p->nexthop.n - 1] == '.') {
		p->failed = true;
		import_refuse(import, 0, "as a rule %.*s would count without "
		    "the dot at its end, too", SLICE_ARG(p->nexthop));
		return;
	}
	if (port.n == 0 || (p->bracketed && (slice_is(port, "25") ||
	    slice_is(port, "smtp")))) {
		if (p->bracketed)
			look_at_ports(import, p);
		return;
	}
	p->failed = true;
	import->of_port = true;
	if (slice_find(port, ':') < port.n || slice_find(port, '/') < port.n) {
		import_refuse(import, 0, "%.*s is no port", SLICE_ARG(port));
	} else if (is_level(p, "none") || is_level(p, "may")) {
		import_refuse(import, 0, "as a rule this exception would count "
		    "for every port, not only for %.*s", SLICE_ARG(port));
	} else {
		import_differs(import, IMPORT_STRICTER, "a rule counts for "
		    "every port, not only for %.*s", SLICE_ARG(port));
		p->failed = false;
	}
}

/* A name as it stands.  CN:*.name is a pattern in a rule, and none in match=. */
static void
put_own_name(struct import *import, struct policy *p, struct slice name)
{
	import_item(&p->items, "CN", name);
	if (slice_starts_nocase(name, "*."))
		import_differs(import, IMPORT_WEAKER, "match=%.*s is to Postfix "
		    "a certificate with just that name, the rule takes every "
		    "host of one label more, and no map can tell Postfix that; "
		    ".%.*s is all below it", SLICE_ARG(name),
		    SLICE_ARG(slice_from(name, 2)));
	else if (!translate_postfix_has_name(name))
		import_differs(import, IMPORT_WEAKER, "match=%.*s is no host "
		    "name or .name: no map can tell Postfix the rule",
		    SLICE_ARG(name));
}

static bool
put_name(struct import *import, struct policy *p, struct slice name)
{
	struct slice host = p->nexthop;

	if (slice_is_nocase(name, "hostname")) {
		text_puts(&p->items, p->items.n > 0 ? "++CN" : "CN");
	} else if (slice_is_nocase(name, "nexthop") ||
	    slice_is_nocase(name, "dot-nexthop")) {
		char buf[KEY_TEXT_MAX + 2];
		struct text text;

		if (p->parent)
			return false;
		text_init(&text, buf, sizeof buf);
		text_puts(&text, text_lower(name.p[0]) == 'd' ? "." : "");
		text_put(&text, host);
		import_item(&p->items, "CN", slice_make(buf, text.n));
	} else {
		put_own_name(import, p, name);
	}
	return true;
}

/* The list is exactly what VERIFY stands for. */
static bool
is_own_names(struct slice list)
{
	bool nexthop = false, below = false;
	struct slice name;

	while (slice_next_of(&list, ":, \t", &name)) {
		if (slice_is_nocase(name, "nexthop"))
			nexthop = true;
		else if (slice_is_nocase(name, "dot-nexthop"))
			below = true;
		else if (name.n > 0)
			return false;
	}
	return nexthop && below;
}

static void
put_names(struct import *import, struct policy *p)
{
	bool is_verify = is_level(p, "verify");
	const char *site = is_verify ? p->site->verify_match :
	    p->site->secure_match;
	struct slice list = slice_make(p->match.buf, p->match.n), name;

	if (list.n == 0)
		list = slice_of(site != NULL ? site : is_verify ? "hostname" :
		    "nexthop, dot-nexthop");
	if (is_own_names(list))
		return;
	while (slice_next_of(&list, ":, \t", &name)) {
		if (name.n == 0 || put_name(import, p, name))
			continue;
		import_differs(import, IMPORT_WEAKER, "%.*s of any domain "
		    "below %.*s has no name in a rule: VERIFY takes nexthop "
		    "and dot-nexthop", SLICE_ARG(name), SLICE_ARG(p->nexthop));
		text_clear(&p->items);
		return;
	}
}

/* FP may stand several times: any one matches, as in Postfix. */
static void
put_fingerprints(struct import *import, struct policy *p)
{
	struct slice list = slice_make(p->match.buf, p->match.n), word;

	if (list.n == 0)
		list = slice_of(p->site->fingerprints);
	while (slice_next_of(&list, "|, \t", &word))
		if (word.n > 0)
			import_item(&p->items, "FP", word);
	if (p->items.n == 0) {
		import_refuse(import, 0, "no fingerprint to match: Postfix "
		    "defers such mail");
		p->failed = true;
	}
}

static void
put_protocols(struct import *import, struct policy *p, struct slice list)
{
	static const char *const versions[] = { "1.0", "1.1", "1.2", "1.3" };
	int least = import_least_protocol(list);

	if (!p->level->mandatory)
		import_differs(import, IMPORT_WEAKER, "protocols=%.*s of a "
		    "level that does without TLS: VER would demand TLS",
		    SLICE_ARG(list));
	else if (least < 0)
		import_differs(import, IMPORT_WEAKER, "protocols=%.*s is not "
		    "a lowest version, which is all that a rule can say",
		    SLICE_ARG(list));
	else
		import_item(&p->items, "VER", slice_of(versions[least]));
}

static void
put_ciphers(struct import *import, struct policy *p, struct slice grade)
{
	if (!p->level->mandatory)
		import_differs(import, IMPORT_WEAKER, "ciphers=%.*s of a "
		    "level that does without TLS: bits would demand TLS",
		    SLICE_ARG(grade));
	else if (slice_is_nocase(grade, "high") && is_level(p, "dane-only"))
		import_differs(import, IMPORT_WEAKER, "ciphers=high: DANE "
		    "takes no bits");
	else if (slice_is_nocase(grade, "high"))
		p->high = true;
	else if (!slice_is_nocase(grade, "medium") || !p->site->medium_ciphers)
		import_differs(import, slice_is_nocase(grade, "medium") ||
		    slice_is_nocase(grade, "low") ||
		    slice_is_nocase(grade, "export") ||
		    slice_is_nocase(grade, "null") ? IMPORT_STRICTER :
		    IMPORT_WEAKER, "ciphers=%.*s is not among what a rule can "
		    "say: high, or what smtp_tls_mandatory_ciphers says",
		    SLICE_ARG(grade));
}

/* An attribute of Postfix that says nothing of who may be talked to. */
static bool
is_remark(struct slice name)
{
	static const char *const names[] = { "connection_reuse",
		"policy_type", "policy_domain", "policy_string", "policy_ttl",
		"policy_failure" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (slice_is_nocase(name, names[i]))
			return true;
	return false;
}

static void
take_other(struct import *import, struct policy *p, struct slice name,
    struct slice value)
{
	static const struct {
		const char *name;
		enum import_force force;
		const char *why;
	} known[] = {
		{ "exclude", IMPORT_WEAKER, "a rule cannot name the suites "
		    "that Postfix is to leave out, but by PFS and AEAD" },
		{ "tafile", IMPORT_WEAKER, "any authority that Postfix "
		    "trusts will do by the rule" },
		{ "mx_host_pattern", IMPORT_WEAKER, "a rule does not say "
		    "which MX hosts may be used" },
		{ "servername", IMPORT_STRICTER, "without it the server may "
		    "show another certificate" },
		{ "enable_rpk", IMPORT_STRICTER, "a rule does not ask for raw "
		    "public keys" },
		{ NULL, IMPORT_EQUAL, NULL }
	};

	for (size_t i = 0; known[i].name != NULL; i++)
		if (slice_is_nocase(name, known[i].name)) {
			import_differs(import, known[i].force, "%.*s=%.*s: %s",
			    SLICE_ARG(name), SLICE_ARG(value), known[i].why);
			return;
		}
	if (is_remark(name))
		return;
	import_refuse(import, 0, "\"%.*s\" is no attribute here: Postfix "
	    "defers such mail", SLICE_ARG(name));
	p->failed = true;
}

/* "match=a:b", "ciphers=high"; "match" may be given several times. */
static void
take_attribute(struct import *import, struct policy *p,
    struct slice attribute)
{
	size_t equals = slice_find(attribute, '=');
	struct slice name = slice_make(attribute.p, equals), value;

	value = equals < attribute.n ? slice_from(attribute, equals + 1) :
	    slice_make("", 0);
	if (is_level(p, "none") || value.n == 0) {
		import_refuse(import, 0, "\"%.*s\" is no attribute here: "
		    "Postfix defers such mail", SLICE_ARG(attribute));
		p->failed = true;
	} else if (slice_is_nocase(name, "match") && (p->level->has_names ||
	    is_level(p, "fingerprint"))) {
		text_puts(&p->match, p->match.n == 0 ? "" :
		    p->level->has_names ? ":" : "|");
		text_put(&p->match, value);
	} else if (slice_is_nocase(name, "ciphers")) {
		put_ciphers(import, p, value);
	} else if (slice_is_nocase(name, "protocols")) {
		put_protocols(import, p, value);
	} else {
		take_other(import, p, name, value);
	}
}

static void
add_policy(struct import *import, struct policy *p)
{
	char key_text[KEY_TEXT_MAX + 16], need_text[32];
	struct text key, need;
	bool none = is_level(p, "none");
	struct slice items;

	text_init(&key, key_text, sizeof key_text);
	text_init(&need, need_text, sizeof need_text);
	text_printf(&key, "%s:%.*s", none ? "Try_TLS" : p->bracketed ?
	    "TLS_Srv" : "TLS_Rcpt", SLICE_ARG(p->nexthop));
	text_puts(&need, p->level->need);
	if (none && p->bracketed)
		import_differs(import, IMPORT_WEAKER, "the rule is about the "
		    "mail domain of that name, too");
	if (p->high) {
		text_clear(&need);
		text_printf(&need, "%s:128", p->level->has_names ? "VERIFY" :
		    "ENCR");
	}
	items = slice_make(p->items.buf, p->items.n);
	if (p->items.cut || p->match.cut)
		import_refuse(import, 0, "too much for one rule");
	else if (p->parent)
		import_add(import, slice_make(key.buf, key.n),
		    slice_make(need.buf, need.n), items);
	else
		import_add_exact(import, slice_make(key.buf, key.n),
		    slice_make(need.buf, need.n), items);
}

bool
import_policy_line(struct import *import, const struct import_policy *site,
    struct slice key, struct slice value)
{
	struct policy p = { .site = site };
	struct slice word = slice_make("", 0);

	while (slice_next_of(&value, ", \t", &word) && word.n == 0)
		continue;
	if (word.n == 0 || (p.level = find_level(word)) == NULL)
		return false;
	text_init(&p.match, p.match_text, sizeof p.match_text);
	text_init(&p.items, p.items_text, sizeof p.items_text);
	parse_nexthop(import, &p, key);
	while (!p.failed && slice_next_of(&value, ", \t", &word))
		if (word.n > 0)
			take_attribute(import, &p, word);
	if (!p.failed && p.level->has_names)
		put_names(import, &p);
	else if (!p.failed && is_level(&p, "fingerprint"))
		put_fingerprints(import, &p);
	if (is_level(&p, "half-dane"))
		import_differs(import, IMPORT_WEAKER, "DANE:may heeds the "
		    "TLSA records of an MX only when the MX is signed, too");
	if (!p.failed)
		add_policy(import, &p);
	return true;
}

/* Postfix compares the name of the MX host as well, and no parent of either. */
bool
import_per_site_line(struct import *import, struct slice key,
    struct slice value)
{
	static const struct {
		const char *word, *level;
	} words[] = {
		{ "NONE", "none" }, { "MAY", "may" },
		{ "MUST_NOPEERMATCH", "encrypt" }, { "MUST", "verify" },
		{ NULL, NULL }
	};

	for (size_t i = 0; words[i].word != NULL; i++) {
		if (!slice_is_nocase(value, words[i].word))
			continue;
		import_differs(import, IMPORT_WEAKER, "the rule counts for a "
		    "domain; Postfix compares the name of its MX host, too");
		return import_policy_line(import, &import_policy_defaults, key,
		    slice_of(words[i].level));
	}
	return false;
}
