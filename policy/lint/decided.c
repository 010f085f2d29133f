/*
 * A rule that another tag's always decides before: of the tags that fail the
 * strictest gives the verdict, among equals the first.
 *
 * Only what is certain is told.  The other rule is the only one of its tag, the
 * bare one, so that each message meets it; it is PERM, counts always, has no items,
 * whose answer might be "cannot tell"; its tag is judged before this one's; and
 * who fails this rule fails that one.
 */
#include "policy/rules/item.h"
#include "policy/lint/lint.h"

/* The only rule of the tag, when that is its bare one. */
static const struct rule *
sole_rule(const struct lint *l, enum tag tag)
{
	const struct rule *end = l->file->rules + l->file->n, *rule;
	struct key key;

	key_bare(tag, &key);
	rule = lint_find(l, &key);
	return rule == NULL || (rule + 1 < end &&
	    key_bytes_tag(rule_key_bytes(&rule[1])) == tag) ? NULL : rule;
}

static bool
tests_items(const struct requirement *r)
{
	for (unsigned i = 0; i < r->nitems; i++)
		if (r->items[i].row->test != NULL)
			return true;
	return false;
}

/* Does who fails `mild` fail `strict`? */
static bool
covers(const struct requirement *strict, const struct requirement *mild)
{
	return strict->class == CLASS_PERM &&
	    !requirement_is_conditional(strict) && !tests_items(strict) &&
	    !tests_items(mild) &&
	    (mild->need != NEED_VERIFY || strict->need == NEED_VERIFY) &&
	    (!mild->has_bits || (strict->has_bits &&
	    strict->bits >= mild->bits));
}

static bool
asks(const struct requirement *r)
{
	return r->need == NEED_VERIFY || (r->need == NEED_ENCR && r->bits > 0);
}

bool
lint_decided(const struct lint *l, struct lint_finding *f)
{
	if ((tag_row(l->tag)->stage != STAGE_MAIL && l->tag != TAG_HEADER) ||
	    !asks(l->requirement))
		return false;
	for (int tag = 0; tag < (int)l->tag; tag++) {
		const struct rule *rule;
		struct requirement strict;
		struct fault fault;

		if (tag == TAG_AUTH ||
		    tag_row((enum tag)tag)->stage != STAGE_MAIL ||
		    (rule = sole_rule(l, (enum tag)tag)) == NULL ||
		    !rulefile_requirement(l->file, rule,
		    &strict, &fault) || !covers(&strict, l->requirement))
			continue;
		text_printf(&f->reason, "never decides: who fails it is "
		    "refused by %.*s %.*s in ", SLICE_ARG(rule_key(rule)),
		    SLICE_ARG(rule_requirement(rule)));
		lint_put_line(l, rule, &f->reason);
		text_puts(&f->way_out, "ask for more than that line does, or "
		    "remove one of them");
		return true;
	}
	return false;
}
