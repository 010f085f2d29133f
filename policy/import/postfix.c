/*
 * Two kinds of Postfix table, told apart by what stands behind the key.
 *
 * smtp_tls_policy_maps: outbound, by next hop.  A domain becomes TLS_Rcpt, a
 * [host] TLS_Srv.  Postfix's "match" list is satisfied by any of its names
 * where all items of a rule must hold, so only a single name can be taken.
 *
 * check_sender_access: lines with reject_plaintext_session become TLS_From,
 * for a network address (check_client_access) TLS_Clt.
 */
#include <string.h>

#include "policy/import/import.h"

enum { LINE_MAX_BYTES = 4096 };

/* What a level of smtp_tls_policy_maps asks for. */
struct level {
	const char *name;
	const char *need;
	const char *names; /* the default of match=, or NULL */
	const char *note;
};

static const struct level levels[] = {
	{ "none", "ENCR:0", NULL, "level none is kept as no requirement; that "
	    "TLS is not to be tried can be said for hosts (Try_TLS)" },
	{ "may", "ENCR:0", NULL, NULL },
	{ "encrypt", "ENCR:1", NULL, NULL },
	{ "dane", "ENCR:0", NULL, "level dane is kept as no requirement: it "
	    "asks for one only where the server's domain has TLSA records" },
	{ "dane-only", "VERIFY", NULL, NULL },
	{ "fingerprint", "ENCR:1", NULL, NULL },
	{ "verify", "VERIFY", "hostname", NULL },
	{ "secure", "VERIFY", "nexthop:dot-nexthop", NULL },
	{ NULL, NULL, NULL, NULL }
};

struct policy_line {
	struct slice nexthop;
	bool is_host; /* "[host]" */
	const struct level *level;
	struct slice match, ciphers, protocols;
};

static const struct level *
find_level(struct slice word)
{
	for (const struct level *l = levels; l->name != NULL; l++)
		if (slice_is_nocase(word, l->name))
			return l;
	return NULL;
}

/* "[host]:port", "host:port", "domain", ".domain". */
static void
parse_nexthop(struct slice key, struct policy_line *p)
{
	size_t colon;

	p->is_host = key.n > 0 && key.p[0] == '[';
	if (p->is_host) {
		key = slice_from(key, 1);
		p->nexthop = slice_make(key.p, slice_find(key, ']'));
		return;
	}
	colon = slice_find(key, ':');
	p->nexthop = slice_make(key.p, colon);
}

/* "match=a:b", "ciphers=high"; "match" may be given several times. */
static void
take_attribute(struct import *import, struct policy_line *p,
    struct slice attribute)
{
	size_t equals = slice_find(attribute, '=');
	struct slice name = slice_make(attribute.p, equals), value;

	value = equals < attribute.n ? slice_from(attribute, equals + 1) :
	    slice_make("", 0);
	if (slice_is_nocase(name, "match")) {
		/* A second list joins the first: both are alternatives. */
		p->match = p->match.n == 0 ? value : slice_make(p->match.p,
		    (size_t)(value.p + value.n - p->match.p));
	} else if (slice_is_nocase(name, "ciphers")) {
		p->ciphers = value;
	} else if (slice_is_nocase(name, "protocols")) {
		p->protocols = value;
	} else {
		import_note(import, "%.*s cannot be said in a rule and was "
		    "left out", SLICE_ARG(attribute));
	}
}

/* The next alternative of a match list; false at its end. */
static bool
next_name(struct slice *list, struct slice *name)
{
	size_t n = 0;

	for (;;) {
		while (list->n > 0 && strchr(": \t|", list->p[0]) != NULL)
			*list = slice_from(*list, 1);
		if (!slice_starts_nocase(*list, "match="))
			break;
		*list = slice_from(*list, 6);
	}
	while (n < list->n && strchr(": \t|", list->p[n]) == NULL)
		n++;
	*name = slice_make(list->p, n);
	*list = slice_from(*list, n);
	return n > 0;
}

static void
put_name(const struct policy_line *p, struct slice name, struct text *items)
{
	if (slice_is_nocase(name, "hostname"))
		text_puts(items, "CN");
	else if (slice_is_nocase(name, "nexthop"))
		import_cn(items, p->nexthop);
	else if (slice_is_nocase(name, "dot-nexthop")) {
		import_item(items, "CN", slice_of("*."));
		text_put(items, p->nexthop);
	} else
		import_cn(items, name);
}

static void
put_names(struct import *import, const struct policy_line *p,
    struct text *items)
{
	struct slice list = p->match.n > 0 ? p->match :
	    slice_of(p->level->names), name, other;

	if (p->level->names == NULL || !next_name(&list, &name))
		return;
	if (next_name(&list, &other))
		import_note(import, "several names are acceptable, which a "
		    "rule cannot say: only VERIFY was kept");
	else
		put_name(p, name, items);
}

/* FP may stand several times: any one matches, as in Postfix. */
static void
put_fingerprints(struct slice list, struct text *items)
{
	struct slice word;

	while (slice_next_of(&list, "| \t", &word)) {
		while (slice_starts_nocase(word, "match="))
			word = slice_from(word, 6);
		if (word.n > 0)
			import_item(items, "FP", word);
	}
}

/* The lowest version that a list of protocols leaves. */
static void
put_protocols(struct import *import, struct slice list, struct text *items)
{
	static const char *const all[] = { "TLSv1", "TLSv1.1", "TLSv1.2",
		"TLSv1.3", NULL };
	bool excluded[4] = { false }, known = true;
	struct slice word;
	int least = 0;

	while (slice_next_of(&list, ":, \t", &word)) {
		if (word.n == 0 || slice_starts_nocase(word, "!SSL"))
			continue;
		known = false;
		for (int i = 0; all[i] != NULL; i++) {
			if (slice_starts_nocase(word, ">=") &&
			    slice_is_nocase(slice_from(word, 2), all[i])) {
				least = i;
				known = true;
			} else if (word.p[0] == '!' &&
			    slice_is_nocase(slice_from(word, 1), all[i])) {
				excluded[i] = known = true;
			}
		}
		if (!known)
			break;
	}
	while (least < 3 && excluded[least])
		least++;
	if (!known)
		import_note(import, "the protocols are not a lowest version, "
		    "which is all a rule can say: they were left out");
	else if (least > 0)
		import_item(items, "VER", slice_of(least == 1 ? "1.1" :
		    least == 2 ? "1.2" : "1.3"));
}

static void
add_policy(struct import *import, const struct policy_line *p)
{
	char key_text[KEY_TEXT_MAX + 16], items_text[REQUIREMENT_TEXT_MAX];
	struct text key, items;
	struct slice need = slice_of(p->level->need);

	if (slice_is(need, "ENCR:1") && (slice_is_nocase(p->ciphers, "high") ||
	    slice_is_nocase(p->ciphers, "medium")))
		need = slice_of("ENCR:128");
	text_init(&items, items_text, sizeof items_text);
	put_names(import, p, &items);
	if (strcmp(p->level->name, "fingerprint") == 0)
		put_fingerprints(p->match, &items);
	if (!slice_is(need, "ENCR:0"))
		put_protocols(import, p->protocols, &items);
	if (p->level->note != NULL && !(p->is_host &&
	    strcmp(p->level->name, "none") == 0))
		import_note(import, "%s", p->level->note);
	text_init(&key, key_text, sizeof key_text);
	if (p->is_host && strcmp(p->level->name, "none") == 0) {
		text_printf(&key, "Try_TLS:%.*s", SLICE_ARG(p->nexthop));
		need = slice_of("NO");
	} else {
		text_printf(&key, "%s:%.*s", p->is_host ? "TLS_Srv" :
		    "TLS_Rcpt", SLICE_ARG(p->nexthop));
	}
	import_add(import, slice_make(key.buf, key.n), need,
	    slice_make(items.buf, items.n));
}

static void
take_policy(struct import *import, struct slice key, const struct level *level,
    struct slice rest)
{
	struct policy_line p = { .level = level };

	parse_nexthop(key, &p);
	while (rest.n > 0)
		take_attribute(import, &p, import_word(&rest));
	add_policy(import, &p);
}

/* The action of an access(5) table holds reject_plaintext_session. */
static bool
wants_tls(struct slice action)
{
	struct slice word;

	while (slice_next_of(&action, ", \t", &word))
		if (slice_is_nocase(word, "reject_plaintext_session"))
			return true;
	return false;
}

static void
take_access(struct import *import, struct slice key)
{
	char text[KEY_TEXT_MAX + 16];
	struct netprefix prefix;
	struct text tagged;

	text_init(&tagged, text, sizeof text);
	text_puts(&tagged, netprefix_parse(key, &prefix) == NETPREFIX_OK ?
	    "TLS_Clt:" : "TLS_From:");
	text_put(&tagged, key);
	if (tagged.cut)
		import_refuse(import, 0, "the key is too long");
	else
		import_add(import, slice_make(tagged.buf, tagged.n),
		    slice_of("ENCR:1"), slice_make("", 0));
}

static void
take_line(struct import *import, struct slice line, unsigned long *left)
{
	struct slice rest = slice_trim(line), key = import_word(&rest);
	struct slice after = rest, word = import_word(&after);
	const struct level *level = find_level(word);

	if (key.n == 0)
		return;
	if (level != NULL)
		take_policy(import, key, level, after);
	else if (wants_tls(rest))
		take_access(import, key);
	else
		(*left)++;
}

/* A line that begins with a blank continues the one before (postmap(1)). */
bool
import_postfix(struct import *import, struct slice text, struct fault *f)
{
	char logical_text[LINE_MAX_BYTES];
	struct slice line = { NULL, 0 };
	struct text logical;
	unsigned long left = 0, begun = 0;

	(void)f;
	text_init(&logical, logical_text, sizeof logical_text);
	for (;;) {
		bool more = import_line(import, &text, &line);
		unsigned long now = import->line;
		struct slice trimmed = slice_trim(line);

		if (more && (trimmed.n == 0 || trimmed.p[0] == '#'))
			continue;
		if (!more || !text_is_blank(line.p[0])) {
			import->line = begun;
			if (logical.cut)
				import_refuse(import, 0, "the line is too long");
			else
				take_line(import, slice_make(logical.buf,
				    logical.n), &left);
			import->line = begun = now;
			text_clear(&logical);
		}
		if (!more)
			break;
		text_puts(&logical, logical.n > 0 ? " " : "");
		text_put(&logical, trimmed);
	}
	import->line = 0;
	if (left > 0)
		import_note(import, "left out, not about TLS: %lu line%s", left,
		    left == 1 ? "" : "s");
	return true;
}
