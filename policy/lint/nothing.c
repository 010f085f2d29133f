/*
 * What looks like a demand and is none.  sendmail takes ENCR:0, and so do we:
 * a session in clear meets it.
 */
#include "policy/lint/lint.h"
#include "policy/rules/client.h"

/* Some CLIENT has every client of `network` or, for WHEN, of that name. */
static bool
clients_cover(const struct requirement *r, struct slice network)
{
	for (unsigned i = 0; i < r->nitems; i++)
		if (r->items[i].row->id == ITEM_CLIENT &&
		    r->items[i].value.p[0] != '[' &&
		    client_covers(r->items[i].value, network))
			return true;
	return false;
}

/* Whom WHEN lets in CLIENT takes; false without WHEN. */
static bool
clients_cover_when(const struct requirement *r)
{
	for (unsigned i = 0; i < r->nitems; i++)
		if (r->items[i].row->id == ITEM_WHEN &&
		    !clients_cover(r, r->items[i].value))
			return false;
	return r->nwhen > 0;
}

/*
 * The first CLIENT, when every client that comes to be tested is one of them.
 * A host name as a key counts when it is not verified, too, and CLIENT's does
 * not: it is no part of this.
 */
static const struct item *
idle_client(const struct lint *l)
{
	const struct requirement *r = l->requirement;

	if (!(clients_cover(r, slice_of("0.0.0.0/0")) &&
	    clients_cover(r, slice_of("::/0"))) && !clients_cover_when(r) &&
	    !(l->tag == TAG_CLT && (l->kind == KEY_ADDRESS ||
	    l->kind == KEY_BRACKET) && clients_cover(r, l->what)))
		return NULL;
	for (unsigned i = 0; i < r->nitems; i++)
		if (r->items[i].row->id == ITEM_CLIENT)
			return &r->items[i];
	return NULL;
}

bool
lint_any_client(const struct lint *l, struct lint_finding *f)
{
	const struct item *item = tag_row(l->tag)->stage == STAGE_OUTBOUND ?
	    NULL : idle_client(l);

	if (item == NULL)
		return false;
	text_printf(&f->reason, "binds nobody: every client for whom the line "
	    "counts is one of CLIENT:%.*s", SLICE_ARG(item->value));
	text_puts(&f->way_out, "name fewer clients, or remove CLIENT");
	return true;
}

static bool
tests_nothing(const struct lint *l)
{
	const struct requirement *r = l->requirement;

	if (r->need != NEED_ENCR || r->bits > 0)
		return false;
	for (unsigned i = 0; i < r->nitems; i++)
		if (r->items[i].row->test != NULL &&
		    (r->items[i].row->id != ITEM_CLIENT ||
		    idle_client(l) == NULL))
			return false;
	return true;
}

/* Outbound, lint_exception() speaks of the others. */
static bool
is_exception(const struct lint *l)
{
	const struct requirement *r = l->requirement;

	if (tag_row(l->tag)->stage == STAGE_OUTBOUND && r->class != CLASS_WARN)
		return r->class == CLASS_NONE || r->by.n == 0 ||
		    r->until == DAY_ALWAYS_UNTIL;
	return r->class == CLASS_NONE && (r->by.n > 0 || r->nwhen > 0 ||
	    r->from != DAY_ALWAYS_FROM || r->until != DAY_ALWAYS_UNTIL);
}

bool
lint_nothing(const struct lint *l, struct lint_finding *f)
{
	enum rule_class class = l->requirement->class;

	/* What a profile leaves out may stand in the line that names it. */
	if (l->tag == TAG_PROFILE || !tests_nothing(l) || is_exception(l))
		return false;
	text_puts(&f->reason, "requires nothing: a session in clear meets "
	    "ENCR:0");
	if (class == CLASS_NONE) {
		text_puts(&f->way_out, "ask for ENCR:1 or more; if that is "
		    "meant, write OK");
		return true;
	}
	text_printf(&f->reason, ", so %s has no effect", rule_class_name(class));
	text_puts(&f->way_out, "ask for ENCR:1 or more; if an exception is "
	    "meant, write ENCR:0 alone with BY: and an UNTIL:");
	return true;
}
