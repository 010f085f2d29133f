/*
 * smtpd_*_restrictions: which tables stand there, in which order, behind whom
 * that is let pass before.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/import/config-internal.h"

enum { DEPTH_MAX = 8 };

const struct config_list config_lists[] = {
	{ .name = "smtpd_client_restrictions", .when = LIST_AT_CONNECT,
	    .has_check = true, .tag = TAG_CLT },
	{ .name = "smtpd_helo_restrictions", .when = LIST_AT_CONNECT,
	    .has_check = true, .tag = TAG_COUNT },
	{ .name = "smtpd_sender_restrictions", .when = LIST_AT_MAIL,
	    .has_check = true, .tag = TAG_FROM },
	{ .name = "smtpd_relay_restrictions", .when = LIST_AT_RCPT,
	    .has_check = true, .tag = TAG_TO },
	{ .name = "smtpd_recipient_restrictions", .when = LIST_AT_RCPT,
	    .has_check = true, .tag = TAG_TO },
	{ .name = "smtpd_data_restrictions", .when = LIST_AT_DATA,
	    .tag = TAG_COUNT },
	{ .name = "smtpd_end_of_data_restrictions", .when = LIST_AT_DATA,
	    .tag = TAG_COUNT },
	{ .when = LIST_AT_RCPT, .tag = TAG_COUNT }
};

/* The words of a class that smtpd_restriction_classes names. */
struct slice
config_class_of(void *arg, struct slice name)
{
	struct config *c = arg;
	struct slice classes = maincf_get(&c->main,
	    "smtpd_restriction_classes"), word;

	/* A restriction of Postfix's own is no class, whatever main.cf says. */
	while (!import_is_restriction(name) &&
	    import_list_next(&classes, &word))
		if (slice_equal(word, name))
			return maincf_find(&c->main, name);
	return slice_make("", 0);
}

/* Where main.cf says what a class is. */
static const char *
class_at(void *arg, struct slice name, unsigned long *line)
{
	const struct config *c = arg;

	*line = 0;
	for (size_t i = 0; i < c->main.n; i++)
		if (slice_equal(c->main.params[i].name, name))
			*line = c->main.params[i].line;
	return c->main.main_path.p;
}

static const struct {
	const char *word;
	enum tag tag;
} checks[] = {
	{ "check_client_access", TAG_CLT },
	{ "check_sender_access", TAG_FROM },
	{ "check_recipient_access", TAG_TO },
	{ NULL, TAG_COUNT }
};

static bool
is_check(struct slice word, enum tag *tag)
{
	*tag = TAG_COUNT;
	for (size_t i = 0; checks[i].word != NULL; i++)
		if (slice_is_nocase(word, checks[i].word))
			*tag = checks[i].tag;
	return *tag != TAG_COUNT || (slice_starts_nocase(word, "check_") &&
	    word.n > 7 && slice_is_nocase(slice_from(word, word.n - 7),
	    "_access"));
}

/* A table within a list, which many lines may name. */
static struct config_table *
find_table(struct config *c, struct slice spec)
{
	const char *path = c->import->path;
	unsigned long line = c->import->line;
	struct config_table *t = c->tables;

	while (t < c->tables + c->ntables && !slice_equal(t->spec, spec))
		t++;
	if (t == c->tables + c->ntables) {
		if (c->ntables == TABLES_MAX)
			return NULL;
		c->ntables++;
		t->spec = import_copy(c->import, spec);
		/*
		 * config_load_table() points t->type into the spec: so that is
		 * the copy, as the line is overwritten.
		 */
		t->known = t->spec.p != NULL && config_load_table(c, t->spec,
		    &t->type, &t->text, &t->path);
		import_at(c->import, path, line);
	}
	return t;
}

static bool
load_once(void *arg, struct slice spec, struct slice *type, struct slice *text)
{
	struct config_table *t = find_table(arg, spec);

	if (t == NULL)
		return false;
	*type = t->type;
	*text = t->text;
	return t->known;
}

static void look_into(struct config *, struct element *);

/* Tables within tables, as deep as a stack should be. */
static bool
asks(void *arg, struct slice spec)
{
	struct config *c = arg;
	struct config_table *t = find_table(c, spec);
	struct element e = { .tag = TAG_FROM };

	if (t == NULL || !t->known || (!t->looked_into &&
	    c->nesting == DEPTH_MAX))
		return true;
	if (t->looked_into)
		return t->asks;
	t->looked_into = true; /* a table that is within itself adds nothing */
	e.type = t->type;
	e.text = t->text;
	c->nesting++;
	look_into(c, &e);
	c->nesting--;
	t->asks = e.has_demand || e.may_ask;
	return t->asks;
}

struct import_access
config_access(struct config *c, const struct element *e)
{
	return (struct import_access){ .tag = e->tag, .warn = e->warn,
	    .networks = c->networks, .exact_domains = c->exact_domains,
	    .extensions = c->extensions, .null_key = c->null_key,
	    .other_delimiter = c->other_delimiter, .demand = c->demand,
	    .refused_for_now = c->refused_for_now,
	    .class_of = config_class_of, .class_at = class_at,
	    .load = load_once, .asks = asks, .arg = c };
}

/* Does any of its lines ask for TLS, does any let pass? */
static void
look_into(struct config *c, struct element *e)
{
	struct import_access t = config_access(c, e);
	bool patterns = slice_is(e->type, "regexp") ||
	    slice_is(e->type, "pcre");
	struct import_actions a;
	struct import_lines lines;
	struct slice line, key, value;

	import_lines_init(&lines, e->text);
	while (import_lines_next(NULL, &lines, &line)) {
		if (!import_split(line, patterns, &key, &value))
			continue;
		import_actions(&t, value, &a);
		e->has_demand |= a.what == ACTION_DEMAND ||
		    a.what == ACTION_WARN || a.bound_otherwise;
		e->may_ask |= a.unknown.n > 0 || a.nested_asks || a.too_deep;
		e->has_permit |= a.what == ACTION_PERMIT ||
		    a.passed.who != NULL;
	}
}

static const char *
who_is_spared(const struct config *c, const char *who)
{
	if (who != NULL && ((strcmp(who, "mynetworks") == 0 &&
	    c->only_loopback) || (strcmp(who, "authenticated clients") == 0 &&
	    c->sasl_is_tls)))
		return NULL;
	return who;
}

/* A list, as far as it was gone through. */
struct walk {
	struct config *config;
	const struct config_list *list;
	struct import_spared spared;
};

static struct element *
new_element(struct walk *w, bool warn)
{
	struct config *c = w->config;
	struct element *e;

	if (c->n == ELEMENTS_MAX) {
		import_refuse(c->import, 0, "more than %d tables",
		    ELEMENTS_MAX);
		return NULL;
	}
	e = &c->elements[c->n++];
	*e = (struct element){ .list = w->list, .line = c->import->line,
	    .spared = w->spared, .tag = TAG_COUNT, .warn = warn,
	    .path = c->main.main_path.p };
	return e;
}

static void
collect_table(struct walk *w, enum tag tag, struct slice spec, bool warn)
{
	struct config *c = w->config;
	struct element *e = new_element(w, warn);

	if (e == NULL)
		return;
	e->is_table = true;
	e->tag = tag;
	e->known = config_load_table(c, spec, &e->type, &e->text, &e->path);
	if (e->known)
		look_into(c, e);
}

static void
collect_demand(struct walk *w, bool warn)
{
	struct element *e = new_element(w, warn);

	if (e != NULL)
		e->has_demand = true;
}

/* What Postfix does not know defers all mail. */
static void
refuse_unknown(struct walk *w, struct slice word, const char *why)
{
	import_refuse(w->config->import, 0, "\"%.*s\" in %s is no "
	    "restriction%s: Postfix defers all mail", SLICE_ARG(word),
	    w->list->name, why);
}

/* "hash:/etc/postfix/access" alone is looked into by the list's own check. */
static void
collect_bare_table(struct walk *w, struct slice spec, bool warn)
{
	if (w->list->has_check)
		collect_table(w, w->list->tag, spec, warn);
	else
		refuse_unknown(w, spec, " without a check_..._access");
}

static bool collect(struct walk *, struct slice, bool, int);

/* One restriction; true: the list ends here. */
static bool
collect_word(struct walk *w, struct slice word, bool warn, struct slice *rest,
    int depth)
{
	struct config *c = w->config;
	struct slice members = config_class_of(c, word), spec = { "", 0 };
	const char *who;
	enum tag tag;

	if (slice_find(word, ':') < word.n) {
		collect_bare_table(w, word, warn);
		return false;
	}
	if (members.n > 0 && depth == DEPTH_MAX)
		import_refuse(c->import, 0, "%.*s: classes within classes, "
		    "more than %d deep", SLICE_ARG(word), DEPTH_MAX);
	else if (members.n > 0)
		return collect(w, members, warn, depth + 1);
	if (import_takes_word(word))
		import_list_next(rest, &spec);
	if (members.n == 0 && !import_is_restriction(word)) {
		refuse_unknown(w, word, "");
	} else if (slice_is_nocase(word, "reject_plaintext_session")) {
		collect_demand(w, warn);
	} else if (is_check(word, &tag)) {
		if (spec.n > 0)
			collect_table(w, tag, spec, warn);
		else
			import_refuse(c->import, 0, "%.*s without a table: "
			    "Postfix defers all mail", SLICE_ARG(word));
	} else if (import_permits(word, &who) &&
	    (who = who_is_spared(c, who)) != NULL) {
		import_spare_word(&w->spared, who, c->networks);
	}
	return slice_is_nocase(word, "permit") ||
	    (!warn && (slice_is_nocase(word, "reject") ||
	    slice_is_nocase(word, "defer")));
}

/* warn_if_reject counts for what it stands before, and for all within. */
static bool
collect(struct walk *w, struct slice value, bool all_warn, int depth)
{
	struct slice word;
	bool warn = all_warn;

	while (import_list_next(&value, &word)) {
		if (slice_is_nocase(word, "warn_if_reject")) {
			warn = true;
			continue;
		}
		if (collect_word(w, word, warn, &value, depth))
			return true;
		warn = all_warn;
	}
	return false;
}

void
config_collect(struct config *c, const struct config_list *list)
{
	struct walk w = { .config = c, .list = list };

	import_at(c->import, c->main.main_path.p,
	    maincf_line(&c->main, list->name));
	collect(&w, maincf_get(&c->main, list->name), false, 0);
}
