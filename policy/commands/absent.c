/* Whether a key that has no rule is one that a rule can have. */
#include "policy/base/nearest.h"
#include "policy/commands/absent.h"
#include "policy/rules/item.h"
#include "policy/rules/never.h"
#include "policy/rules/rulefile.h"
#include "policy/store/store.h"

struct naming {
	struct slice tag;
	bool found;
};

static bool
look_for_citag(void *arg, const struct stored_rule *rule)
{
	struct naming *naming = arg;
	struct requirement r;
	struct fault f;

	if ((rule->flags & RULE_CITAG) == 0 ||
	    !requirement_parse(rule->requirement, TAG_CLT, &r, &f))
		return true;
	for (unsigned i = 0; i < r.nitems; i++)
		if (r.items[i].row->id == ITEM_CITAG &&
		    slice_equal_nocase(r.items[i].value, naming->tag))
			naming->found = true;
	return !naming->found;
}

bool
absent_tag_is_named(const struct context *context, struct slice tag)
{
	struct naming naming = { .tag = tag };
	struct store_reader reader;
	struct store *store;
	struct fault f;

	if (!command_open_store(context, &store, &reader, &f))
		return false; /* no store: rebuild_set() tells when that is
			       * wrong */
	store_each(&reader, look_for_citag, &naming);
	command_close_store(store, &reader);
	return naming.found;
}

static bool
what_may_be(const struct context *context, enum tag tag, struct slice what,
    struct fault *f)
{
	struct never never;
	const struct never_row *row = never_key(&never, tag, what,
	    context->settings.compat == COMPAT_SENDMAIL);

	return row == NULL || never_fault(&never, row, f);
}

bool
absent_may_be(const struct context *context, struct slice word,
    struct fault *f)
{
	struct nearest nearest;
	struct slice name;
	enum tag tag;
	size_t colon;

	word = slice_trim(word);
	if (key_is_untagged(word))
		return what_may_be(context, TAG_CLT, word, f);
	colon = slice_find(word, ':');
	name = slice_make(word.p, colon);
	if (tag_by_name(name, &tag))
		return colon == word.n || what_may_be(context, tag,
		    slice_from(word, colon + 1), f);
	tag_nearest(name, &nearest);
	if (nearest.word.n == 0 || absent_tag_is_named(context, name))
		return true;
	rulefile_unknown_tag(name, f);
	return false;
}
