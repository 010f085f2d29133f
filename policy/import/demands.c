/*
 * What the elements of the lists come to as rules: whom a demand is about, who
 * gets past it by what stands before it, and whom an exception frees from what
 * stands behind it.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/import/config-internal.h"

static const char ok_before[] = "whom OK in a table before it lets pass";

/*
 * A demand on everybody gets the tag of the tables before it in its list, if
 * that is one tag, else TLS_Clt.
 */
static void
choose_tag(struct config *c, size_t at)
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

/* Number of elements behind number `at` in its list that ask for TLS. */
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
 * The tag has another demand: of a table, of another list, or one on everybody
 * before this one.
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

/*
 * Everybody whom OK in this table frees from later demands is spared by their
 * rules' lines WHEN.
 */
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

/*
 * A demand that only warns has no rule where another one on everybody refuses:
 * the bare key holds one.
 */
static bool
is_outdone(const struct config *c, const struct element *e)
{
	for (size_t i = 0; e->warn && i < c->n; i++)
		if (!c->elements[i].is_table && !c->elements[i].warn &&
		    c->elements[i].has_demand && c->elements[i].tag == e->tag)
			return true;
	return false;
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

/* What is asked of all of the tag behind this table; NULL: nothing. */
static const char *
need_behind(const struct config *c, size_t at, struct import_spared *spared)
{
	const struct element *e = &c->elements[at];
	const char *need = NULL;

	for (size_t i = at + 1; i < c->n; i++) {
		const struct element *other = &c->elements[i];

		if (other->list != e->list || other->is_table ||
		    other->tag != e->tag || !other->has_demand ||
		    (need != NULL && other->warn))
			continue;
		spared_before(c, i, spared);
		need = other->warn ? "WARN+ENCR:1" : c->demand;
		if (!other->warn)
			break;
	}
	return need;
}

static void
add_table(struct config *c, size_t at, const struct import_spared *spared)
{
	const struct element *e = &c->elements[at];
	struct import_access t = config_access(c, e);
	struct import_spared behind;

	t.behind = need_behind(c, at, &behind);
	t.spared_behind = &behind;
	t.shared = is_shared(c, at);
	t.spared = spared;
	if (demands_behind(c, at, false) > demands_behind(c, at, true) &&
	    !frees_by_when(c, at))
		t.frees = "what asks for TLS";
	import_at(c->import, e->path, 0);
	c->import->whole = slice_is(e->type, "inline") ? e->line : 0;
	import_access_table(c->import, &t, e->type, e->text);
	c->import->whole = 0;
}

static void
emit(struct config *c, size_t at)
{
	const struct element *e = &c->elements[at];
	struct import_spared spared;

	if (!e->is_table && is_outdone(c, e))
		return;
	spared_before(c, at, &spared);
	if (!e->is_table) {
		add_bare(c, at, &spared);
		return;
	}
	if (!e->known)
		return;
	if (e->tag != TAG_COUNT) {
		if (e->has_demand || e->may_ask ||
		    demands_behind(c, at, true) > 0)
			add_table(c, at, &spared);
		return;
	}
	import_at(c->import, c->main.main_path.p, e->line);
	if (e->has_demand || e->may_ask)
		import_refuse(c->import, 0, "%s in %s asks for TLS by what "
		    "no tag looks at (HELO, certificates, DNS): leave it "
		    "there", e->path, e->list->name);
}

/*
 * A list that Postfix goes through before it knows a recipient, or a sender,
 * or before there can be TLS: what stands there looks at less than a rule.
 */
static void
leave_early(struct config *c, const struct config_list *list, size_t first)
{
	const char *why = list->when == LIST_AT_DATA ? "" :
	    "smtpd_delay_reject = no: ";
	size_t kept = first;

	if (list->when == LIST_AT_RCPT ||
	    (list->when != LIST_AT_DATA && c->delays))
		return;
	for (size_t i = first; i < c->n; i++) {
		struct element *e = &c->elements[i];
		bool asks = e->has_demand || e->may_ask;
		bool left = list->when == LIST_AT_CONNECT ? asks :
		    e->tag == TAG_TO && e->is_table;

		import_at(c->import, c->main.main_path.p, e->line);
		if (left && list->when == LIST_AT_CONNECT)
			import_refuse(c->import, 0, "%s%s is gone through "
			    "before there can be TLS: what it asks for is left "
			    "there", why, list->name);
		else if (left && (asks || list->when == LIST_AT_DATA))
			import_refuse(c->import, 0, "%s%s looks for a "
			    "recipient %s: left there", why, list->name,
			    list->when == LIST_AT_DATA ? "only of a message "
			    "that has one" : "before there is one");
		if (!left)
			c->elements[kept++] = *e;
	}
	c->n = kept;
}

void
config_take_lists(struct config *c)
{
	for (const struct config_list *l = config_lists; l->name != NULL; l++) {
		size_t first = c->n;

		config_collect(c, l);
		leave_early(c, l, first);
	}
	for (size_t i = 0; i < c->n; i++)
		if (!c->elements[i].is_table)
			choose_tag(c, i);
	for (size_t i = 0; i < c->n; i++)
		emit(c, i);
}
