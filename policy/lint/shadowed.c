/*
 * A line that never counts, for lines before it of the same key do: one of
 * them alone, or several that relieve each other.
 */
#include "policy/lint/lint.h"
#include "policy/rules/client.h"

enum {
	EARLIER_MAX = 32, /* so many lines are looked at together */
	CLIENTS_MAX = REQUIREMENT_ITEMS_MAX
};

struct earlier {
	unsigned n;
	const struct rule *rules[EARLIER_MAX];
	struct requirement requirements[EARLIER_MAX];
	bool used[EARLIER_MAX];
};

/* Whom the line is for, as far as it says so; 0: everybody. */
static unsigned
clients_of(const struct lint *l, struct slice clients[CLIENTS_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < l->requirement->nitems; i++)
		if (l->requirement->items[i].row->id == ITEM_WHEN)
			clients[n++] = l->requirement->items[i].value;
	if (n == 0 && l->tag == TAG_CLT &&
	    (l->kind == KEY_ADDRESS || l->kind == KEY_BRACKET))
		clients[n++] = l->what;
	return n;
}

/* For these clients, each day of the line has an earlier line that counts. */
static bool
relieved(struct earlier *all, const struct requirement *line,
    const struct slice *client)
{
	for (int32_t day = line->from;;) {
		int32_t until = day;
		unsigned best = all->n;

		for (unsigned i = 0; i < all->n; i++) {
			const struct requirement *r = &all->requirements[i];

			if (r->from <= day && r->until >= until &&
			    client_when_counts(r, client)) {
				until = r->until;
				best = i;
			}
		}
		if (best == all->n)
			return false;
		all->used[best] = true;
		if (until >= line->until)
			return true;
		day = until + 1;
	}
}

static bool
all_relieved(struct earlier *all, const struct lint *l)
{
	struct slice clients[CLIENTS_MAX];
	unsigned n = clients_of(l, clients);

	if (n == 0)
		return relieved(all, l->requirement, NULL);
	for (unsigned i = 0; i < n; i++)
		if (!relieved(all, l->requirement, &clients[i]))
			return false;
	return true;
}

static void
collect(const struct lint *l, struct earlier *all)
{
	struct fault fault;

	all->n = 0;
	for (const struct rule *r = l->rule; r > l->file->rules &&
	    all->n < EARLIER_MAX; r--) {
		if (!slice_equal(rule_key_bytes(&r[-1]),
		    rule_key_bytes(l->rule)))
			break;
		if (!rulefile_requirement(l->file, &r[-1],
		    &all->requirements[all->n], &fault))
			continue;
		all->used[all->n] = false;
		all->rules[all->n++] = &r[-1];
	}
}

static void
put_lines(const struct lint *l, const struct earlier *all, struct text *out)
{
	unsigned left = 0;

	for (unsigned i = 0; i < all->n; i++)
		left += all->used[i];
	for (unsigned i = all->n; i > 0; i--) {
		if (!all->used[i - 1])
			continue;
		lint_put_line(l, all->rules[i - 1], out);
		left--;
		text_puts(out, left > 1 ? ", " : left == 1 ? " and " : "");
	}
}

static bool
fill_finding(const struct lint *l, bool several, bool some_clients,
    struct lint_finding *f)
{
	text_printf(&f->reason, ", of the same key, count%s on each of its "
	    "days%s", several ? "" : "s", some_clients ?
	    " for all of its clients" : "");
	text_printf(&f->way_out, "put it before %s, or change its dates%s",
	    several ? "those lines" : "that line",
	    l->requirement->nwhen > 0 ? " or WHEN" : "");
	return true;
}

/*
 * One earlier line does; unlike collect() this looks at all lines of the key.
 */
static bool
by_one(const struct lint *l, struct lint_finding *f)
{
	for (const struct rule *r = l->rule; r > l->file->rules; r--) {
		struct requirement earlier;
		struct fault fault;

		if (!slice_equal(rule_key_bytes(&r[-1]),
		    rule_key_bytes(l->rule)))
			break;
		if (!rulefile_requirement(l->file, &r[-1], &earlier,
		    &fault) || earlier.from > l->requirement->from ||
		    earlier.until < l->requirement->until ||
		    !client_when_covers(&earlier, l->requirement))
			continue;
		text_puts(&f->reason, "never counts: ");
		lint_put_line(l, &r[-1], &f->reason);
		return fill_finding(l, false, earlier.nwhen > 0, f);
	}
	return false;
}

bool
lint_shadowed(const struct lint *l, struct lint_finding *f)
{
	struct earlier all;
	bool some_clients = false;
	unsigned n = 0;

	if (by_one(l, f))
		return true;
	collect(l, &all);
	if (all.n == 0 || !all_relieved(&all, l))
		return false;
	for (unsigned i = 0; i < all.n; i++) {
		n += all.used[i];
		some_clients |= all.used[i] && all.requirements[i].nwhen > 0;
	}
	text_puts(&f->reason, "never counts: ");
	put_lines(l, &all, &f->reason);
	return fill_finding(l, n > 1, some_clients, f);
}
