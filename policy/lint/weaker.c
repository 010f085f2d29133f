/*
 * A rule takes the place of the less specific one, it does not add to it: who
 * writes "TLS_Clt:mx.example.com ENCR:128" below "TLS_Clt:example.com VERIFY"
 * has taken VERIFY away from that host, often without knowing.
 */
#include <string.h>

#include "policy/facts/suite.h"
#include "policy/rules/item.h"
#include "policy/lint/lint.h"

/* Makes `key` that of the next less specific name; false: there is none. */
static bool
parent_name(struct key *key)
{
	size_t n = key->n;

	if (n >= KEY_HEAD + 2 && key->bytes[n - 1] == '\1' &&
	    key->bytes[n - 2] == '\1') {
		key->n--; /* ".example.com" to "example.com" */
		return true;
	}
	while (n > KEY_HEAD + 1 && key->bytes[n - 2] != '\1')
		n--;
	n--;
	if (n <= KEY_HEAD)
		return false;
	key->n = n;
	key->bytes[key->n++] = '\1'; /* "a.example.com" to ".example.com" */
	return true;
}

/*
 * Shortens the network by bits until some rule is that long (128 lengths at
 * most).
 */
static bool
parent_prefix(const struct lint *l, struct key *key)
{
	struct netprefix prefix;
	size_t length = key->n - KEY_HEAD - 2;

	memset(&prefix, 0, sizeof prefix);
	prefix.addr.family = key->bytes[KEY_HEAD];
	memcpy(prefix.addr.bytes, key->bytes + KEY_HEAD + 1, length);
	prefix.bits = key->bytes[key->n - 1];
	do
		if (prefix.bits-- == 0)
			return false;
	while (!l->index.lengths[prefix.bits]);
	netaddr_mask(&prefix.addr, prefix.bits);
	key_address(key->tag, key->kind, &prefix.addr, prefix.bits, key);
	return true;
}

/* user+tag@ becomes user+*@, that user@; false: there is no detail. */
static bool
parent_detail(struct key *key)
{
	char *p = (char *)key->bytes + KEY_HEAD;
	struct slice text = slice_make(p, key->n - KEY_HEAD);
	size_t at = slice_find(text, '@'), plus = slice_find(text, '+');
	bool any = at == plus + 2 && p[plus + 1] == '*';

	if (plus + 1 >= at || at == text.n)
		return false;
	if (!any) {
		p[plus + 1] = '*';
		plus += 2;
	}
	memmove(p + plus, p + at, text.n - at);
	key->n -= at - plus;
	return true;
}

/* The domain of an address, as the next less specific key. */
static bool
parent_mailbox(struct key *key)
{
	struct slice text = slice_make((const char *)key->bytes + KEY_HEAD,
	    key->n - KEY_HEAD);
	char domain[KEY_MAX];
	size_t at = slice_find(text, '@'), n;

	if (parent_detail(key))
		return true;
	if (at + 1 >= text.n || text.p[at + 1] == '[')
		return false;
	n = text.n - at - 1;
	memcpy(domain, text.p + at + 1, n);
	key_name(key->tag, slice_make(domain, n), false, key);
	return true;
}

/* The nearest rule that covers what this one covers. */
static const struct rule *
parent_rule(const struct lint *l)
{
	struct key key = { .tag = l->tag, .kind = l->kind,
	    .n = rule_key_bytes(l->rule).n };
	const struct rule *rule;
	bool more = true;

	memcpy(key.bytes, rule_key_bytes(l->rule).p, key.n);
	while (more) {
		switch (key.kind) {
		case KEY_NAME:
			more = parent_name(&key);
			break;
		case KEY_ADDRESS:
		case KEY_BRACKET:
			more = parent_prefix(l, &key);
			break;
		case KEY_MAILBOX:
			more = parent_mailbox(&key);
			break;
		default:
			more = false;
		}
		if (more && (rule = lint_find(l, &key)) != NULL)
			return rule;
	}
	if (l->kind == KEY_BARE)
		return NULL;
	key_bare(l->tag, &key);
	return lint_find(l, &key);
}

static const struct item *
item_of(const struct requirement *r, const struct item_row *row)
{
	for (unsigned i = 0; i < r->nitems; i++)
		if (r->items[i].row == row)
			return &r->items[i];
	return NULL;
}

/* An item of the parent that the child has not, or has in a lower version. */
static const struct item *
dropped_item(const struct requirement *child, const struct requirement *parent)
{
	for (unsigned i = 0; i < parent->nitems; i++) {
		const struct item *item = &parent->items[i];
		const struct item *own = item_of(child, item->row);

		if (item->row->test == NULL)
			continue;
		if (own == NULL || (item->row->id == ITEM_VER &&
		    suite_protocol(own->value) < suite_protocol(item->value)))
			return item;
	}
	return NULL;
}

static bool
has_item(const struct requirement *r, const struct item *item)
{
	for (unsigned i = 0; i < r->nitems; i++)
		if (r->items[i].row == item->row &&
		    slice_equal_nocase(r->items[i].value, item->value))
			return true;
	return false;
}

/*
 * Of several names any one will do: one that the child has besides all of the
 * parent's lets in more.
 */
static const struct item *
added_item(const struct requirement *child, const struct requirement *parent)
{
	for (unsigned i = 0; i < child->nitems; i++) {
		const struct item *item = &child->items[i];
		bool has_all = item_of(parent, item->row) != NULL;

		if (!item_is_alternative(item->row, false) ||
		    has_item(parent, item))
			continue;
		for (unsigned k = 0; k < parent->nitems; k++)
			has_all &= parent->items[k].row != item->row ||
			    has_item(child, &parent->items[k]);
		if (has_all)
			return item;
	}
	return NULL;
}

/* Mail that is held has been accepted; outbound HOLD keeps it in the queue. */
static bool
only_holds(enum tag tag, const struct requirement *child,
    const struct requirement *parent)
{
	return tag_row(tag)->stage != STAGE_OUTBOUND &&
	    child->class == CLASS_HOLD && parent->class != CLASS_HOLD &&
	    parent->class != CLASS_WARN;
}

static bool
is_weaker(enum tag tag, const struct requirement *child,
    const struct requirement *parent, struct text *what)
{
	const struct item *item;

	if (child->need == NEED_OK)
		text_puts(what, "asks for nothing");
	else if (child->class == CLASS_WARN && parent->class != CLASS_WARN)
		text_puts(what, "only warns");
	else if (only_holds(tag, child, parent))
		text_puts(what, "only holds");
	else if ((parent->need == NEED_VERIFY || parent->need == NEED_DANE) &&
	    child->need != parent->need)
		text_printf(what, "does not ask for %s",
		    requirement_need_name(parent));
	else if (parent->has_bits && child->bits < parent->bits)
		text_printf(what, "asks for %u bits, not %u", child->bits,
		    parent->bits);
	else if ((item = dropped_item(child, parent)) != NULL) {
		text_printf(what, "does not ask for %s", item->row->name);
		if (item->value.n > 0)
			text_printf(what, ":%.*s", SLICE_ARG(item->value));
	} else if ((item = added_item(child, parent)) != NULL) {
		text_printf(what, "also takes %s", item->row->name);
		if (item->value.n > 0)
			text_printf(what, ":%.*s", SLICE_ARG(item->value));
	}
	return what->n > 0;
}

/* postmaster, abuse and bounces: other checks ask for these exceptions. */
static bool
must_pass(const struct lint *l)
{
	return l->kind == KEY_MAILBOX && !lint_refuses(l->requirement) &&
	    (slice_is(l->what, "<>") ||
	    slice_starts_nocase(l->what, "postmaster@") ||
	    slice_starts_nocase(l->what, "abuse@"));
}

/* An exception with an end, or with a note, is meant as one. */
bool
lint_weaker(const struct lint *l, struct lint_finding *f)
{
	const struct rule *rule;
	struct requirement parent;
	struct fault fault;

	if (l->tag == TAG_TRY || l->requirement->until != DAY_ALWAYS_UNTIL ||
	    l->requirement->by.n > 0 || must_pass(l) || (rule = parent_rule(l)) == NULL ||
	    !rulefile_requirement(l->file, rule, &parent, &fault) ||
	    !lint_refuses(&parent))
		return false;
	if (!is_weaker(l->tag, l->requirement, &parent, &f->reason))
		return false;
	text_printf(&f->reason, ", unlike %.*s in ", SLICE_ARG(rule_key(rule)));
	lint_put_line(l, rule, &f->reason);
	text_puts(&f->reason, ", whose place it takes");
	text_printf(&f->way_out, "repeat what is to be kept; if an exception "
	    "is meant, %s", l->requirement->need == NEED_OK ? "write ENCR:0 "
	    "with BY: and an UNTIL: in its place, as OK takes no items" :
	    "say so with BY: and an UNTIL:");
	return true;
}
