/*
 * access(5) tables that ask for TLS: each line a rule of the tag that the
 * table's place in main.cf gives it.
 *
 * An exception is kept as OK.  Lines that do something else with the message
 * free it from the demand of a wider key just as well, for the search ends
 * with them; those that refuse it do not matter.
 */
#include <string.h>

#include "policy/import/postfix-internal.h"

/* The pattern without its slashes; false: it has flags, or is none. */
static bool
pattern_of(struct slice key, struct slice *pattern)
{
	if (key.n < 2 || key.p[0] != '/' || key.p[key.n - 1] != '/')
		return false;
	*pattern = slice_make(key.p + 1, key.n - 2);
	return true;
}

static bool
is_pattern(const struct import_access *t, struct slice key)
{
	return t->ordered && key.n > 0 &&
	    (key.p[0] == '/' || key.p[0] == '!');
}

static const char *
why_not_host(const struct import_access *t, struct slice key, bool *exact)
{
	struct netprefix prefix;

	if (slice_is_nocase(key, "unknown"))
		return "a client without a name is no key of a rule";
	if (netprefix_parse(key, &prefix) == NETPREFIX_OK)
		return NULL;
	if (t->ordered)
		return "no network";
	*exact = t->exact_domains && key.p[0] != '.';
	if (key.p[0] == '.' && !t->exact_domains)
		return "Postfix never looks for it, by "
		    "parent_domain_matches_subdomains";
	return NULL;
}

/* As sendmail, by a recipient_delimiter of + Postfix does so, too. */
static void
say_extensions(struct import *import, bool frees)
{
	import_differs(import, frees ? IMPORT_WEAKER : IMPORT_STRICTER,
	    "the rule counts for the address with +extensions, too");
}

static const char *
why_not_mailbox(struct import *import, const struct import_access *t,
    struct slice key, bool frees, bool *exact)
{
	size_t at = slice_find(key, '@');
	struct netprefix prefix;

	if (at < key.n && !t->extensions && slice_find(key, '+') > at)
		say_extensions(import, frees);
	if (at < key.n && t->other_delimiter)
		import_differs(import, frees ? IMPORT_STRICTER : IMPORT_WEAKER,
		    "by recipient_delimiter the line counts for other "
		    "extensions than +, too; a rule does not");
	if (t->null_key.n > 0 && (slice_is(key, "<>") ||
	    slice_equal_nocase(key, t->null_key)))
		return "who that is goes by smtpd_null_access_lookup_key";
	if (slice_is(key, "<>") || at + 1 < key.n)
		return NULL;
	if (netprefix_parse(key, &prefix) == NETPREFIX_OK)
		return "an address of a host, which is no mail domain";
	if (at + 1 == key.n) {
		if (t->has_domains)
			import_differs(import, IMPORT_WEAKER, "a rule of %.*s "
			    "comes before that of a domain, in Postfix behind "
			    "it", SLICE_ARG(key));
		return NULL;
	}
	if (key.p[0] == '.' && !t->exact_domains)
		return "Postfix never looks for it, by "
		    "parent_domain_matches_subdomains";
	*exact = t->exact_domains && key.p[0] != '.';
	return NULL;
}

/* "TLS_From:example.com"; else why there is no such key. */
static const char *
put_key(struct import *import, const struct import_access *t,
    struct slice key, bool frees, struct text *out, bool *exact)
{
	struct slice pattern;
	const char *why;

	*exact = false;
	text_printf(out, "%s:", tag_row(t->tag)->name);
	if (is_pattern(t, key)) {
		if (!pattern_of(key, &pattern) ||
		    !import_pattern(t->tag, pattern, out, exact))
			return "no plain name, but a pattern: write a rule "
			    "for each name that is meant";
		if (slice_find(slice_make(out->buf, out->n), '@') < out->n)
			say_extensions(import, frees);
		return NULL;
	}
	text_put(out, key);
	why = import_unasked_postfix(t->tag, key, t->ordered);
	return why != NULL ? why : t->tag == TAG_CLT ? why_not_host(t, key,
	    exact) : why_not_mailbox(import, t, key, frees, exact);
}

/* In a table whose first match counts, is this line ever reached? */
static bool
is_reached(struct import *import, const struct import_access *t,
    struct slice key, const char *need)
{
	const struct import_rule *rule = !t->ordered ? NULL :
	    import_covering(import, t->first, key);

	if (rule == NULL)
		return true;
	if (!slice_starts_nocase(rule->requirement,
	    strcmp(need, "OK") == 0 ? "ENCR:0" : need))
		import_refuse(import, 0, "never reached: line %lu comes "
		    "before it, and the first match counts", rule->line);
	return false;
}

static void
put_rule(struct import *import, struct slice tagged, const char *need,
    struct slice items, bool exact)
{
	if (exact)
		import_add_exact(import, tagged, slice_of(need), items);
	else
		import_add(import, tagged, slice_of(need), items);
}

/* `when`: whom the demand spares, as items WHEN; empty: nobody. */
static void
add(struct import *import, const struct import_access *t, struct slice key,
    const char *need, struct slice items, struct slice when)
{
	char text[KEY_TEXT_MAX + 16];
	struct slice tagged;
	struct text out;
	const char *why;
	bool exact;

	text_init(&out, text, sizeof text);
	why = put_key(import, t, key, strcmp(need, "OK") == 0, &out, &exact);
	if (why != NULL || out.cut) {
		import_refuse(import, 0, "%.*s: %s", SLICE_ARG(key),
		    why != NULL ? why : "too long");
		return;
	}
	tagged = slice_make(out.buf, out.n);
	if (!is_reached(import, t, tagged, need))
		return;
	if (when.n > 0)
		put_rule(import, tagged, "ENCR:0", when, exact);
	put_rule(import, tagged, need, items, exact);
}

/*
 * "partner.example  bank_tls", a restriction class alone: what it asks for is
 * a profile of its name, and the line names it.
 */
static bool
is_of_class(struct import *import, const struct import_access *t,
    struct slice actions, const char *need, struct slice items,
    struct text *as)
{
	unsigned long line;
	struct slice word;
	const char *path;

	/* is_reached() compares requirements: no AS:NAME where order counts. */
	if (t->class_of == NULL || t->ordered || t->warn ||
	    !import_list_next(&actions, &word) ||
	    slice_trim(actions).n > 0 || t->class_of(t->arg, word).n == 0)
		return false;
	path = t->class_at(t->arg, word, &line);
	text_printf(as, "AS:%.*s", SLICE_ARG(word));
	return !as->cut && import_profile(import, word, slice_of(need), items,
	    path, line);
}

/*
 * A client that is not among those bound is refused for good where the list
 * ends in reject: so is, then, a session in clear.
 */
static const char *
need_of_bound(struct import *import, const struct import_access *t,
    const struct import_actions *a)
{
	if (a->what == ACTION_WARN)
		return a->bound_by_tls ? "WARN+ENCR:1" : "WARN+ENCR:0";
	if (!a->bound_by_tls)
		return t->refused_for_now ? "TEMP+ENCR:0" : "PERM+ENCR:0";
	if (slice_starts_nocase(slice_of(t->demand), "TEMP") &&
	    t->refused_for_now)
		return "TEMP+ENCR:1";
	if (t->refused_for_now)
		import_differs(import, IMPORT_STRICTER, "a client that is not "
		    "named is refused for good, too, as is a session in clear");
	else if (!slice_starts_nocase(slice_of(t->demand), "PERM"))
		import_differs(import, IMPORT_STRICTER, "a session in clear is "
		    "refused for good, too, as is a client that is not named");
	return "PERM+ENCR:1";
}

/*
 * Whom the list spares before it asks for TLS, as a line of the same key;
 * empty: nobody, or the report says that they are not spared.
 */
static struct slice
exception_of(struct import *import, const struct import_access *t,
    const struct import_actions *a, struct import_spared *all)
{
	struct slice when;

	memset(all, 0, sizeof *all);
	if (t->spared != NULL)
		import_spare_all(all, t->spared);
	import_spare_all(all, &a->spared);
	when = t->shared ? slice_make("", 0) : import_spared_when(all);
	if (when.n == 0 && all->who != NULL)
		import_differs(import, IMPORT_STRICTER, "Postfix spares %s",
		    all->who);
	else if (a->spared.who != NULL && t->frees != NULL)
		import_differs(import, IMPORT_STRICTER, "Postfix spares %s "
		    "%s behind it, too", a->spared.who, t->frees);
	return when;
}

static void
add_demand(struct import *import, const struct import_access *t,
    struct slice key, struct slice actions, const struct import_actions *a)
{
	const char *need = a->bound ? need_of_bound(import, t, a) :
	    a->what == ACTION_WARN ? "WARN+ENCR:1" : t->demand;
	struct slice items = slice_make(a->clients.buf, a->clients.n), none =
	    slice_make("", 0), when;
	char as_text[KEY_TEXT_MAX];
	struct import_spared all;
	struct text as;

	when = exception_of(import, t, a, &all);
	if (a->what == ACTION_WARN && (t->shared || t->behind != NULL))
		import_differs(import, IMPORT_WEAKER, "where another table "
		    "demands TLS of the same, this rule would only warn");
	if (!a->bound)
		items = none;
	text_init(&as, as_text, sizeof as_text);
	if (is_of_class(import, t, actions, need, items, &as))
		add(import, t, key, as.buf, none, when);
	else
		add(import, t, key, need, items, when);
}

static void
add_exception(struct import *import, const struct import_access *t,
    struct slice key, enum import_action what)
{
	if (t->shared) {
		import_refuse(import, 0, "%.*s: as a rule this exception "
		    "would free from what another table demands, too",
		    SLICE_ARG(key));
		return;
	}
	if (what == ACTION_PERMIT && t->frees != NULL)
		import_differs(import, IMPORT_STRICTER, "in Postfix OK frees "
		    "from %s behind it, too; a rule's OK from its own tag",
		    t->frees);
	add(import, t, key, "OK", slice_make("", 0), slice_make("", 0));
}

/*
 * DUNNO goes on to the demand behind the table, for all but those whom the
 * table lets pass by another line.  Its rule stands even if a wider key, or a
 * later line of a cidr table, has OK.
 */
static void
add_behind(struct import *import, const struct import_access *t,
    struct slice key, const struct import_actions *a)
{
	struct import_spared all = *t->spared_behind;
	struct slice when;

	import_spare_all(&all, &a->passed);
	when = t->shared ? slice_make("", 0) : import_spared_when(&all);
	if (when.n == 0 && all.who != NULL)
		import_differs(import, IMPORT_STRICTER, "Postfix spares %s",
		    all.who);
	add(import, t, key, t->behind, slice_make("", 0), when);
}

/*
 * The tag of a table whose role was not said: addresses are clients', anything
 * else has none.
 */
static bool
find_tag(struct import *import, struct import_access *t, struct slice key)
{
	struct netprefix prefix;

	if (t->tag != TAG_COUNT)
		return true;
	if (netprefix_parse(key, &prefix) == NETPREFIX_OK) {
		t->tag = TAG_CLT;
		return true;
	}
	import_refuse(import, 0, "%.*s may be a client, a sender or a "
	    "recipient: say which by --as TLS_Clt, TLS_From or TLS_To, or let "
	    "--config find it", SLICE_ARG(key));
	return false;
}

void
import_access_line(struct import *import, const struct import_access *table,
    struct slice key, struct slice value)
{
	struct import_access t = *table;
	struct import_actions a;

	import_actions(&t, value, &a);
	if (a.unknown.n > 0) {
		import_refuse(import, 0, "\"%.*s\" is no restriction: where "
		    "it is a class of smtpd_restriction_classes, --config "
		    "knows what it stands for", SLICE_ARG(a.unknown));
		return;
	}
	if (a.too_deep) {
		import_refuse(import, 0, "%.*s: classes within classes, too "
		    "many to go through", SLICE_ARG(key));
		return;
	}
	if (a.nested && a.what != ACTION_DEMAND) {
		if (find_tag(import, &t, key))
			import_refuse(import, 0, "%.*s: a table within a "
			    "list of actions", SLICE_ARG(key));
		return;
	}
	if (a.bound && !a.bound_by_tls && t.shared) {
		import_refuse(import, 0, "%.*s: bound to its clients only, it "
		    "would be free from what another table demands, too",
		    SLICE_ARG(key));
		return;
	}
	switch (a.what) {
	case ACTION_DEMAND:
	case ACTION_WARN:
		if (find_tag(import, &t, key))
			add_demand(import, &t, key, value, &a);
		return;
	case ACTION_PERMIT:
		if ((t.has_demand || t.behind != NULL) &&
		    find_tag(import, &t, key))
			add_exception(import, &t, key, a.what);
		break;
	case ACTION_NONE:
		if (t.has_demand && t.behind == NULL &&
		    find_tag(import, &t, key))
			add_exception(import, &t, key, a.what);
		else if (t.behind != NULL && t.has_permit)
			add_behind(import, &t, key, &a);
		break;
	case ACTION_REJECT:
		break;
	}
	import->left += a.what == ACTION_REJECT ||
	    (!t.has_demand && t.behind == NULL);
}
