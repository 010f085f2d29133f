/*
 * smtpd_*_restrictions: which tables stand there, in which order, behind whom
 * that is let pass before.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/import/config.h"

enum { DEPTH_MAX = 8 };

const char *const config_lists[] = {
	"smtpd_client_restrictions", "smtpd_helo_restrictions",
	"smtpd_sender_restrictions", "smtpd_relay_restrictions",
	"smtpd_recipient_restrictions", "smtpd_data_restrictions",
	"smtpd_end_of_data_restrictions", NULL
};

/* The words of a class that smtpd_restriction_classes names. */
struct slice
config_class_of(void *arg, struct slice name)
{
	struct config *c = arg;
	struct slice classes = maincf_get(&c->main,
	    "smtpd_restriction_classes"), word;

	while (import_list_next(&classes, &word))
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
static bool
load_once(void *arg, struct slice spec, struct slice *type, struct slice *text)
{
	struct config *c = arg;
	const char *path = c->import->path;
	unsigned long line = c->import->line;
	struct config_table *t = c->tables;

	while (t < c->tables + c->ntables && !slice_equal(t->spec, spec))
		t++;
	if (t == c->tables + c->ntables) {
		if (c->ntables == TABLES_MAX)
			return false;
		c->ntables++;
		t->spec = import_copy(c->import, spec);
		/* Its type is a piece of the copy: the line is read over. */
		t->known = t->spec.p != NULL && config_load_table(c, t->spec,
		    &t->type, &t->text, &t->path);
		import_at(c->import, path, line);
	}
	*type = t->type;
	*text = t->text;
	return t->known;
}

/* Does any of its lines ask for TLS, does any let pass? */
static void
look_into(struct config *c, struct element *e)
{
	struct import_access t = { .tag = e->tag, .warn = e->warn,
	    .networks = c->networks, .exact_domains = c->exact_domains,
	    .class_of = config_class_of, .load = load_once, .arg = c };
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
		e->has_permit |= a.what == ACTION_PERMIT;
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

static bool collect(struct config *, const char *, struct slice, bool,
    struct import_spared *, int);

static struct element *
new_element(struct config *c, const char *list,
    const struct import_spared *spared)
{
	struct element *e;

	if (c->n == ELEMENTS_MAX) {
		import_refuse(c->import, 0, "more than %d tables",
		    ELEMENTS_MAX);
		return NULL;
	}
	e = &c->elements[c->n++];
	*e = (struct element){ .list = list, .line = c->import->line,
	    .spared = *spared, .tag = TAG_COUNT,
	    .path = c->main.main_path.p };
	return e;
}

static void
collect_table(struct config *c, const char *list, enum tag tag,
    struct slice spec, bool warn, const struct import_spared *spared)
{
	struct element *e = new_element(c, list, spared);

	if (e == NULL)
		return;
	e->is_table = true;
	e->warn = warn;
	e->tag = tag;
	e->known = config_load_table(c, spec, &e->type, &e->text, &e->path);
	if (e->known)
		look_into(c, e);
}

static void
collect_demand(struct config *c, const char *list, bool warn,
    const struct import_spared *spared)
{
	struct element *e = new_element(c, list, spared);

	if (e != NULL) {
		e->warn = warn;
		e->has_demand = true;
	}
}

/* One restriction; true: the list ends here. */
static bool
collect_word(struct config *c, const char *list, struct slice word, bool warn,
    struct slice *rest, struct import_spared *spared, int depth)
{
	struct slice members = config_class_of(c, word), spec;
	const char *who;
	enum tag tag;

	if (members.n > 0 && depth == DEPTH_MAX) {
		import_refuse(c->import, 0, "%.*s: classes within classes, "
		    "more than %d deep", SLICE_ARG(word), DEPTH_MAX);
	} else if (members.n > 0) {
		return collect(c, list, members, warn, spared, depth + 1);
	} else if (slice_is_nocase(word, "reject_plaintext_session")) {
		collect_demand(c, list, warn, spared);
	} else if (is_check(word, &tag)) {
		if (import_list_next(rest, &spec))
			collect_table(c, list, tag, spec, warn, spared);
		else
			import_refuse(c->import, 0, "%.*s without a table: "
			    "Postfix defers all mail", SLICE_ARG(word));
	} else if (import_permits(word, &who)) {
		if ((who = who_is_spared(c, who)) != NULL)
			import_spare_word(spared, who, c->networks);
	} else if (slice_starts_nocase(word, "check_policy_service")) {
		import_list_next(rest, &spec);
	}
	return slice_is_nocase(word, "permit") ||
	    (!warn && (slice_is_nocase(word, "reject") ||
	    slice_is_nocase(word, "defer")));
}

/* warn_if_reject counts for what it stands before, and for all within. */
static bool
collect(struct config *c, const char *list, struct slice value, bool all_warn,
    struct import_spared *spared, int depth)
{
	struct slice word;
	bool warn = all_warn;

	while (import_list_next(&value, &word)) {
		if (slice_is_nocase(word, "warn_if_reject")) {
			warn = true;
			continue;
		}
		if (collect_word(c, list, word, warn, &value, spared, depth))
			return true;
		warn = all_warn;
	}
	return false;
}

void
config_collect(struct config *c, const char *list, struct slice value,
    struct import_spared *spared)
{
	collect(c, list, value, false, spared, 0);
}

static const char ok_before[] = "whom OK in a table before it lets pass";

/* A demand on everybody is of the tag of the tables before it, if one. */
static void
settle_demand(struct config *c, size_t at)
{
	struct element *e = &c->elements[at];
	enum tag tag = TAG_COUNT;
	bool mixed = false;

	for (size_t i = 0; i < at; i++) {
		const struct element *t = &c->elements[i];

		if (t->list != e->list || !t->is_table ||
		    (!t->has_permit && !t->has_demand))
			continue;
		mixed |= tag != TAG_COUNT && t->tag != tag;
		tag = t->tag;
	}
	e->tag = tag == TAG_COUNT || mixed ? TAG_CLT : tag;
}

/* Elements behind number `at` in its list that ask for TLS. */
static size_t
demands_behind(const struct config *c, size_t at, bool bare_of_tag)
{
	const struct element *e = &c->elements[at];
	size_t n = 0;

	for (size_t i = at + 1; i < c->n; i++) {
		const struct element *other = &c->elements[i];

		n += other->list == e->list && other->has_demand &&
		    (!bare_of_tag || (!other->is_table &&
		    other->tag == e->tag));
	}
	return n;
}

/*
 * Another list or table asks for TLS of the same tag, or a demand on all that
 * is asked before this one.
 */
static bool
is_shared(const struct config *c, size_t at)
{
	const struct element *e = &c->elements[at];

	for (size_t i = 0; i < c->n; i++) {
		const struct element *other = &c->elements[i];

		if (i != at && other->has_demand && other->tag == e->tag &&
		    (other->is_table || other->list != e->list || i < at))
			return true;
	}
	return false;
}

/* Whom a permit_... before this one lets pass, or a table. */
static void
spared_before(const struct config *c, size_t at, struct import_spared *spared)
{
	const struct element *e = &c->elements[at];

	*spared = e->spared;
	for (size_t i = 0; i < at; i++) {
		const struct element *t = &c->elements[i];

		if (t->list != e->list || !t->is_table)
			continue;
		if (!t->known)
			import_spare(spared, "whom a table before it lets "
			    "pass that cannot be read");
		else if (!t->has_permit || t->has_demand ||
		    (t->tag == e->tag && !e->is_table))
			continue;
		else if (t->tag == TAG_CLT)
			import_spare_table(spared, ok_before, t->type, t->text,
			    c->exact_domains);
		else
			import_spare(spared, ok_before);
	}
}

/* Lines WHEN say whom OK in this table frees from all that is behind it. */
static bool
frees_by_when(const struct config *c, size_t at)
{
	const struct element *e = &c->elements[at];
	struct import_spared spared;

	for (size_t i = at + 1; i < c->n; i++) {
		const struct element *other = &c->elements[i];

		if (other->list != e->list || !other->has_demand ||
		    (!other->is_table && other->tag == e->tag))
			continue;
		spared_before(c, i, &spared);
		if (spared.untold || is_shared(c, i))
			return false;
	}
	return e->tag == TAG_CLT && !e->has_demand;
}

static void
add_bare(struct config *c, size_t at, const struct import_spared *spared)
{
	const struct element *e = &c->elements[at];
	struct slice when = is_shared(c, at) ? slice_make("", 0) :
	    import_spared_when(spared);
	char text[32];
	struct text key;

	text_init(&key, text, sizeof text);
	text_printf(&key, "%s:", tag_row(e->tag)->name);
	import_at(c->import, e->path, e->line);
	if (when.n > 0)
		import_add(c->import, slice_make(text, key.n),
		    slice_of("ENCR:0"), when);
	else if (spared->who != NULL)
		import_differs(c->import, IMPORT_STRICTER, "Postfix spares %s",
		    spared->who);
	import_add(c->import, slice_make(text, key.n), slice_of(e->warn ?
	    "WARN+ENCR:1" : c->demand), slice_make("", 0));
}

static void
add_table(struct config *c, size_t at, const struct import_spared *spared)
{
	const struct element *e = &c->elements[at];
	struct import_access t = {
		.tag = e->tag, .extensions = c->extensions,
		.exact_domains = c->exact_domains,
		.demands_follow = demands_behind(c, at, true) > 0,
		.shared = is_shared(c, at), .spared = spared, .warn = e->warn,
		.demand = c->demand, .class_of = config_class_of,
		.class_at = class_at, .load = load_once, .arg = c,
		.networks = c->networks
	};

	if (demands_behind(c, at, false) > demands_behind(c, at, true) &&
	    !frees_by_when(c, at))
		t.frees = "what asks for TLS";
	import_at(c->import, e->path, 0);
	import_access_table(c->import, &t, e->type, e->text);
}

static void
emit(struct config *c, size_t at)
{
	const struct element *e = &c->elements[at];
	struct import_spared spared;

	spared_before(c, at, &spared);
	if (!e->is_table) {
		add_bare(c, at, &spared);
		return;
	}
	if (!e->known)
		return;
	if (e->tag != TAG_COUNT) {
		if (e->has_demand || demands_behind(c, at, true) > 0)
			add_table(c, at, &spared);
		return;
	}
	import_at(c->import, c->main.main_path.p, e->line);
	if (e->has_demand)
		import_refuse(c->import, 0, "%s in %s asks for TLS by what "
		    "no tag looks at (HELO, certificates, DNS): leave it "
		    "there", e->path, e->list);
}

void
config_take_lists(struct config *c)
{
	for (size_t i = 0; config_lists[i] != NULL; i++) {
		struct import_spared spared = { .who = NULL };

		import_at(c->import, c->main.main_path.p,
		    maincf_line(&c->main, config_lists[i]));
		config_collect(c, config_lists[i], maincf_get(&c->main,
		    config_lists[i]), &spared);
	}
	for (size_t i = 0; i < c->n; i++)
		if (!c->elements[i].is_table)
			settle_demand(c, i);
	for (size_t i = 0; i < c->n; i++)
		emit(c, i);
}
