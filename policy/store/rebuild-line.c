/*
 * One line among those of its key: where its conditions stand already it takes
 * that line's place.  Else a line with conditions comes first, so that it counts
 * for whom it names, and one without comes last, as no other line can stand
 * behind it.
 */
#include "policy/rules/client.h"
#include "policy/store/rebuild-internal.h"

bool
writing_find_place(struct writing *w, const struct rule *rule,
    struct slice records, struct writing_place *place)
{
	enum tag tag = key_bytes_tag(rule_key_bytes(rule));
	struct requirement mine, other;
	struct stored_rule there;

	*place = (struct writing_place){ .n = 0 };
	if (!requirement_parse(rule_requirement(rule), tag, &mine, w->fault))
		return writing_give_up(w);
	for (; format_next(&records, &there); place->n++) {
		if (!requirement_parse(there.requirement, tag, &other,
		    w->fault))
			return writing_give_up(w);
		if (place->replaces || !client_same_conditions(&mine, &other))
			continue;
		place->replaces = true;
		place->at = place->n;
		place->same = slice_equal(there.key, rule_key(rule)) &&
		    slice_equal(there.requirement, rule_requirement(rule));
	}
	if (!place->replaces)
		place->at = requirement_is_conditional(&mine) ? 0 : place->n;
	return true;
}

bool
writing_make_line(struct writing *w, const struct rule *rule, unsigned source,
    struct slice records, const struct writing_place *place)
{
	struct stored_rule there;
	uint32_t i;

	w->value.n = 0;
	for (i = 0; i < place->n; i++) {
		const char *from = records.p;

		if (!format_next(&records, &there))
			break;
		if (i == place->at && !writing_append_rule(w, rule, source))
			return false;
		if (!(place->replaces && i == place->at) &&
		    !writing_append(w, &w->value, from,
		    (size_t)(records.p - from)))
			return false;
	}
	return i > place->at || writing_append_rule(w, rule, source);
}
