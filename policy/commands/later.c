/*
 * Each recorded message is judged at its own time, so a line that begins later
 * is never met, and an exception that ends later spares everybody.
 */
#include <time.h>

#include "policy/commands/command.h"
#include "policy/commands/later.h"
#include "policy/rules/requirement.h"
#include "policy/rules/rule.h"

enum { DAY_S = 86400 };

struct later {
	bool outbound;
	int32_t today, day; /* the first day on which something changes */
	size_t n;
	struct slice key;
};

static bool
is_asked(const struct later *l, struct slice key, enum tag *tag)
{
	size_t colon = slice_find(key, ':');

	return colon < key.n && tag_by_name(slice_make(key.p, colon), tag) &&
	    tag_row(*tag)->stage != STAGE_NONE &&
	    (tag_row(*tag)->stage == STAGE_OUTBOUND) == l->outbound;
}

static bool
each(void *arg, const struct stored_rule *rule)
{
	struct later *l = arg;
	struct requirement r;
	struct fault ignored;
	enum tag tag;
	int32_t day;

	if ((rule->flags & RULE_DATED) == 0 || !is_asked(l, rule->key, &tag) ||
	    !requirement_parse(rule->requirement, tag, &r, &ignored))
		return true;
	if (r.from > l->today)
		day = r.from;
	else if (r.until >= l->today && r.until != DAY_ALWAYS_UNTIL)
		day = r.until + 1;
	else
		return true;
	if (l->n++ == 0 || day < l->day) {
		l->day = day;
		l->key = rule->key;
	}
	return true;
}

void
later_say(struct store_reader *reader, bool outbound)
{
	struct later l = { .outbound = outbound,
		.today = (int32_t)(time(NULL) / DAY_S) };
	char buf[1024];
	struct text text;

	/* Whoever asked has read from this snapshot before, and told of damage. */
	if (!store_each(reader, each, &l) || l.n == 0)
		return;
	text_init(&text, buf, sizeof buf);
	text_put_printable(&text, l.key);
	text_puts(&text, " on ");
	day_print(l.day, &text);
	command_say("%zu line%s of these rules begin%s or end%s on a day to come, "
	    "of which no record tells; the first is %s", l.n,
	    l.n == 1 ? "" : "s", l.n == 1 ? "s" : "", l.n == 1 ? "s" : "", buf);
}
