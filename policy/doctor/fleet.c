/*
 * Policy, settings and version are compared in the same way, a row each.  What a
 * node has judged by is known from its log alone, so a finding tells since when,
 * and no more than the log does.
 */
#include "policy/audit/print.h"
#include "policy/doctor/doctor.h"
#include "policy/doctor/fleet.h"

enum { WORDS_MAX = 512, SHOWN = 16 };

static const struct fleet_states *
policies(const struct fleet_node *n)
{
	return &n->policies;
}

static const struct fleet_states *
settings(const struct fleet_node *n)
{
	return &n->settings;
}

static const struct fleet_states *
versions(const struct fleet_node *n)
{
	return &n->versions;
}

static const struct row {
	const char *word;
	enum doctor_kind kind;
	const struct fleet_states *(*of)(const struct fleet_node *);
	const char *lines;
} rows[] = {
	{ "policy", DOCTOR_FLEET_POLICY, policies, "systemctl status "
	    "tlspolicy-sync\ntlspolicy log" },
	{ "settings", DOCTOR_FLEET_SETTINGS, settings, "tlspolicy settings" },
	{ "version", DOCTOR_FLEET_VERSION, versions, "tlspolicy-milter -V\n"
	    "systemctl restart tlspolicy-milter" },
};

const char *
doctor_fleet_name(const struct fleet_node *n)
{
	return n->name[0] != '\0' || n->file == NULL ? n->name : n->file;
}

/* NULL: not told. */
static const struct fleet_state *
state_of(const struct row *row, const struct fleet_node *n)
{
	const struct fleet_state *s = fleet_last(row->of(n));

	return s == NULL || s->what[0] == '\0' ? NULL : s;
}

/* What most nodes have, how many these are, and when the first one had it. */
struct many {
	const struct fleet_node *one; /* NULL: no log tells */
	size_t n;
	int64_t since_us;
};

static struct many
those_like(const struct fleet *f, const struct row *row,
    const struct fleet_node *one)
{
	const struct fleet_state *s = state_of(row, one), *other;
	struct many many = { .one = one };

	for (size_t i = 0; i < f->n; i++) {
		other = state_of(row, f->nodes[i]);
		if (other == NULL || !fleet_same(other, s))
			continue;
		if (many.n++ == 0 || other->since_us < many.since_us)
			many.since_us = other->since_us;
	}
	return many;
}

static struct many
the_many(const struct fleet *f, const struct row *row)
{
	struct many many = { .one = NULL };

	for (size_t i = 0; i < f->n; i++) {
		struct many like;

		if (state_of(row, f->nodes[i]) == NULL)
			continue;
		like = those_like(f, row, f->nodes[i]);
		if (like.n > many.n || (like.n == many.n &&
		    like.since_us > many.since_us))
			many = like;
	}
	return many;
}

static void
put_state(const struct fleet_state *s, struct text *out)
{
	text_printf(out, "%.*s since ", SHOWN, s->what);
	audit_print_time(s->since_us, out);
}

/* Names a node that had this state before, and until when. */
static void
put_old(const struct fleet *f, const struct row *row,
    const struct fleet_state *s, struct text *out)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct fleet_states *other = row->of(f->nodes[i]);

		for (size_t k = 0; k + 1 < other->n; k++)
			if (fleet_same(&other->list[k], s)) {
				text_printf(out, ", which %s had until ",
				    doctor_fleet_name(f->nodes[i]));
				audit_print_time(other->list[k + 1].since_us,
				    out);
				return;
			}
	}
}

/* The value of the same setting, or nothing. */
static struct slice
value_of(const char *values, struct slice name)
{
	struct slice rest = slice_of(values), line;

	while (slice_next(&rest, '\n', &line)) {
		size_t equals = slice_find(line, '=');

		if (equals < line.n && slice_equal(slice_trim(slice_make(line.p,
		    equals)), name))
			return slice_trim(slice_from(line, equals + 1));
	}
	return slice_make("", 0);
}

/* "mode = monitor, not enforce" */
static void
put_values(const struct fleet_node *n, const struct fleet_node *many,
    struct text *out)
{
	struct slice rest, line;

	if (n->values == NULL || many->values == NULL)
		return;
	rest = slice_of(n->values);
	while (slice_next(&rest, '\n', &line)) {
		size_t equals = slice_find(line, '=');
		struct slice name = slice_trim(slice_make(line.p, equals)),
		    other = value_of(many->values, name);

		if (equals == line.n || slice_equal(other,
		    slice_trim(slice_from(line, equals + 1))))
			continue;
		text_printf(out, "; %.*s, not %.*s", SLICE_ARG(line),
		    SLICE_ARG(other));
	}
}

static void
compare_node(const struct doctor_fleet *d, const struct row *row,
    const struct many *many, const struct fleet_node *n)
{
	const struct fleet_state *s = state_of(row, n),
	    *most = state_of(row, many->one);
	const char *name = doctor_fleet_name(n);
	char words_text[WORDS_MAX], last_text[64];
	struct text words, last;

	if (fleet_same(s, most))
		return;
	text_init(&last, last_text, sizeof last_text);
	audit_print_time(n->last_us, &last);
	text_init(&words, words_text, sizeof words_text);
	put_state(s, &words);
	put_old(d->fleet, row, s, &words);
	text_printf(&words, "; %zu of %zu have %.*s since ", many->n,
	    d->fleet->n, SHOWN, most->what);
	audit_print_time(many->since_us, &words);
	if (row->kind == DOCTOR_FLEET_SETTINGS)
		put_values(n, many->one, &words);
	if (n->last_us < many->since_us)
		finding_mend(doctor_add(d, DOCTOR_FLEET_UNSEEN,
		    "%s: its last record, of %s, is of before the others "
		    "changed: %s %s", name, last.buf, row->word, words.buf),
		    name, "%s", row->lines);
	else
		finding_mend(doctor_add(d, row->kind, "%s: %s %s", name,
		    row->word, words.buf), name, "%s", row->lines);
}

static void
compare(const struct doctor_fleet *d, const struct row *row)
{
	struct many many = the_many(d->fleet, row);

	for (size_t i = 0; i < d->fleet->n; i++) {
		const struct fleet_node *n = d->fleet->nodes[i];
		const char *name = doctor_fleet_name(n);

		if (state_of(row, n) == NULL)
			finding_mend(doctor_add(d, DOCTOR_FLEET_UNTOLD,
			    "%s: no line of its log tells its %s", name,
			    row->word), "the collector", "add older files of "
			    "its log, or wait for its daemon's next start");
		else
			compare_node(d, row, &many, n);
	}
}

static void
look_at_silence(const struct doctor_fleet *d, const struct fleet_node *n)
{
	static const char lines[] = "systemctl status tlspolicy-milter rsyslog";
	const char *name = doctor_fleet_name(n);
	char last_text[64];
	struct text last;

	if (n->last_us == 0) {
		finding_mend(doctor_add(d, DOCTOR_FLEET_SILENT,
		    "%s: there is no record that names its node", name), name,
		    lines);
		return;
	}
	if (n->last_us >= d->now_us - d->silent_us)
		return;
	text_init(&last, last_text, sizeof last_text);
	audit_print_time(n->last_us, &last);
	finding_mend(doctor_add(d, DOCTOR_FLEET_SILENT,
	    "%s: its last record is of %s, %lld hours ago", name, last.buf,
	    (long long)((d->now_us - n->last_us) / INT64_C(3600000000))), name,
	    lines);
}

static void
put_gap(const struct numbers *n, struct text *out)
{
	const struct numbers_gap *gap = &n->gaps[0];

	if (n->missing == 0)
		return;
	text_printf(out, "; missing %llu, the first from %llu to %llu",
	    (unsigned long long)n->missing, (unsigned long long)gap->from,
	    (unsigned long long)gap->to);
	if (gap->after_us == 0 || gap->before_us == 0)
		return;
	text_puts(out, " between ");
	audit_print_time(gap->after_us, out);
	text_puts(out, " and ");
	audit_print_time(gap->before_us, out);
}

static void
look_at_numbers(const struct doctor_fleet *d, const struct fleet_node *n)
{
	const struct numbers *numbers = &n->numbers;
	char words_text[WORDS_MAX];
	struct text words;

	if (numbers_are_whole(numbers))
		return;
	text_init(&words, words_text, sizeof words_text);
	text_printf(&words, "lines %llu to %llu",
	    (unsigned long long)numbers->first,
	    (unsigned long long)numbers->last);
	put_gap(numbers, &words);
	if (numbers->breaks > 0)
		text_printf(&words, "; files that do not go on from the one "
		    "before: %llu", (unsigned long long)numbers->breaks);
	if (numbers->disorder > 0)
		text_printf(&words, "; out of order or twice: %llu",
		    (unsigned long long)numbers->disorder);
	finding_mend(doctor_add(d, DOCTOR_FLEET_GAP, "%s: %s",
	    doctor_fleet_name(n), words.buf), "the collector",
	    "evidence-order FILE... | tlspolicy audit verify -");
}

void
doctor_fleet(const struct doctor_fleet *d)
{
	const struct fleet *f = d->fleet;

	if (f->n < 2)
		finding_mend(doctor_add(d, DOCTOR_FLEET_ALONE, "%zu node%s in "
		    "these files", f->n, f->n == 1 ? " is" : "s are"),
		    "the collector", "name the files of all nodes");
	if (f->left_out > 0)
		finding_mend(doctor_add(d, DOCTOR_FLEET_UNTOLD, "%llu records "
		    "are of more than %d nodes, and were not looked at",
		    (unsigned long long)f->left_out, FLEET_NODES_MAX),
		    "the collector", "name the files of fewer nodes");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		compare(d, &rows[i]);
	for (size_t i = 0; i < f->n; i++) {
		look_at_silence(d, f->nodes[i]);
		look_at_numbers(d, f->nodes[i]);
	}
}
