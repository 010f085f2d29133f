/* What the log of a node says of it, as people and scripts want it. */
#include <string.h>

#include "policy/audit/print.h"
#include "policy/report/node.h"
#include "policy/report/report-internal.h"

enum { VALUE_MAX = 4096 };

struct node
node_of(const struct basis *b, const struct basis_node *of)
{
	return (struct node){ b, of, of->name[0] == '\0' ? NULL :
	    fleet_find(&b->fleet, of->name) };
}

static void
put_name(const struct node *n, bool people, struct text *out)
{
	(void)people;
	text_puts(out, n->of->name);
}

static void
put_records(const struct node *n, bool people, struct text *out)
{
	(void)people;
	text_printf(out, "%llu", (unsigned long long)n->of->records);
}

static json_t *
json_records(const struct node *n)
{
	return json_integer((json_int_t)n->of->records);
}

static void
put_generations(const struct node *n, bool people, struct text *out)
{
	(void)people;
	if (n->of->generations.n > 0)
		basis_put_generations(&n->of->generations, out);
}

static json_t *
json_generations(const struct node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->of->generations.n; i++)
		json_array_append_new(list, json_integer(
		    (json_int_t)n->of->generations.list[i]));
	return list;
}

static void
put_first(const struct node *n, bool people, struct text *out)
{
	(void)people;
	audit_print_time(n->of->first_us, out);
}

static void
put_last(const struct node *n, bool people, struct text *out)
{
	(void)people;
	audit_print_time(n->of->last_us, out);
}

/* Digests are told apart by their beginning. */
static void
put_what(const struct fleet_state *s, bool people, struct text *out)
{
	if (s != NULL && s->what[0] != '\0')
		text_printf(out, "%.*s", people ? DIGEST_SHORT : DIGEST_HEX,
		    s->what);
	else if (people)
		text_puts(out, "not told");
}

/* Since when.  A log whose first lines are missing may have told it earlier. */
static void
put_since(const struct node *n, const struct fleet_states *s, bool people,
    struct text *out)
{
	const struct fleet_state *last = fleet_last(s);

	if (last == NULL)
		return;
	audit_print_time(last->since_us, out);
	if (people && s->n == 1 && n->fleet->numbers.first != 1)
		text_puts(out, " or before");
}

/* The newest of them first. */
static void
put_before(const struct fleet_states *s, bool people, struct text *out)
{
	for (size_t i = s->n; i-- > 1;) {
		if (i + 1 < s->n)
			text_puts(out, ", ");
		put_what(&s->list[i - 1], people, out);
		text_puts(out, " since ");
		audit_print_time(s->list[i - 1].since_us, out);
	}
	if (s->left_out > 0)
		text_printf(out, " and %zu more", s->left_out);
}

static json_t *
json_before(const struct fleet_states *s)
{
	json_t *list = json_array();

	for (size_t i = s->n; i-- > 1;) {
		const struct fleet_state *one = &s->list[i - 1];

		json_array_append_new(list, json_pack("{s:o, s:o}", "what",
		    one->what[0] == '\0' ? json_null() :
		    jsontext_cstring(one->what),
		    "since", audit_json_time(one->since_us)));
	}
	return list;
}

#define STATES(name, member) \
static void \
put_##name(const struct node *n, bool people, struct text *out) \
{ \
	if (n->fleet != NULL) \
		put_what(fleet_last(&n->fleet->member), people, out); \
} \
static void \
put_##name##_since(const struct node *n, bool people, struct text *out) \
{ \
	if (n->fleet != NULL) \
		put_since(n, &n->fleet->member, people, out); \
} \
static void \
put_##name##_before(const struct node *n, bool people, struct text *out) \
{ \
	if (n->fleet != NULL) \
		put_before(&n->fleet->member, people, out); \
} \
static json_t * \
json_##name##_before(const struct node *n) \
{ \
	return n->fleet == NULL ? json_array() : \
	    json_before(&n->fleet->member); \
}

STATES(policy, policies)
STATES(version, versions)
STATES(settings, settings)

/* Another node of the same log can have all of its lines. */
static bool
is_numbered(const struct node *n)
{
	return n->fleet != NULL && !n->fleet->piped &&
	    n->fleet->numbers.first > 0;
}

#define NUMBER(name, value) \
static void \
put_##name(const struct node *n, bool people, struct text *out) \
{ \
	if (is_numbered(n) && !(people && n->fleet->numbers.value == 0)) \
		text_printf(out, "%llu", \
		    (unsigned long long)n->fleet->numbers.value); \
} \
static json_t * \
json_##name(const struct node *n) \
{ \
	return !is_numbered(n) ? json_null() : json_integer((json_int_t)n->fleet->numbers.value); \
}

NUMBER(last_line, last)
NUMBER(breaks, breaks)
NUMBER(disorder, disorder)
NUMBER(missing_lines, missing)
NUMBER(first_number, first)

static void
put_first_line(const struct node *n, bool people, struct text *out)
{
	if (people && n->fleet != NULL && n->fleet->piped)
		text_puts(out, "not looked for, as they came through a pipe");
	else
		put_first_number(n, people, out);
}

static void
put_missing_number(const struct node *n, bool people, struct text *out)
{
	if (people && is_numbered(n) && n->fleet->numbers.missing == 0)
		text_puts(out, "none");
	else
		put_missing_lines(n, people, out);
}

static void
put_missing(const struct node *n, bool people, struct text *out)
{
	if (n->fleet == NULL)
		return;
	for (size_t i = 0; i < n->fleet->numbers.ngaps; i++) {
		const struct numbers_gap *gap = &n->fleet->numbers.gaps[i];

		text_printf(out, "%s%llu to %llu", i > 0 ? ", " : "",
		    (unsigned long long)gap->from,
		    (unsigned long long)gap->to);
		if (!people || gap->after_us == 0 || gap->before_us == 0)
			continue;
		text_puts(out, " between ");
		audit_print_time(gap->after_us, out);
		text_puts(out, " and ");
		audit_print_time(gap->before_us, out);
	}
	if (n->fleet->numbers.gaps_left_out > 0)
		text_printf(out, " and %zu more",
		    n->fleet->numbers.gaps_left_out);
}

static json_t *
json_missing(const struct node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; n->fleet != NULL && i < n->fleet->numbers.ngaps;
	    i++) {
		const struct numbers_gap *gap = &n->fleet->numbers.gaps[i];

		json_array_append_new(list, json_pack("{s:I, s:I, s:o, s:o}",
		    "from", (json_int_t)gap->from, "to", (json_int_t)gap->to,
		    "after", audit_json_time(gap->after_us),
		    "before", audit_json_time(gap->before_us)));
	}
	return list;
}

static json_t *
day_of(int64_t day)
{
	char day_text[16];
	struct text text;

	text_init(&text, day_text, sizeof day_text);
	report_put_day(&text, day * REPORT_DAY_US);
	return json_string(text.buf);
}

json_t *
node_json_days(const struct basis *b, const struct basis_set *days)
{
	json_t *array = json_array();
	int64_t from, to;

	for (size_t at = 0; basis_gap(b, days, &at, &from, &to);)
		json_array_append_new(array, json_pack("{s:o, s:o}",
		    "from", day_of(from), "to", day_of(to)));
	return array;
}

static void
put_days(const struct node *n, bool people, struct text *out)
{
	(void)people;
	basis_put_missing(n->basis, &n->of->days, out);
}

static json_t *
json_days(const struct node *n)
{
	return node_json_days(n->basis, &n->of->days);
}

const struct node_row node_rows[] = {
	{ .name = "node", .put = put_name },
	{ .name = "records", .put = put_records, .json = json_records },
	{ .name = "generations", .put = put_generations,
	    .json = json_generations },
	{ .name = "first", .before = "from ", .begins = true,
	    .put = put_first },
	{ .name = "last", .before = " to ", .put = put_last },
	{ .name = "policy", .before = "policy ", .begins = true,
	    .put = put_policy },
	{ .name = "policy_since", .before = " since ",
	    .put = put_policy_since },
	{ .name = "policies_before", .before = ", before that ",
	    .put = put_policy_before, .json = json_policy_before },
	{ .name = "version", .before = "version ", .begins = true,
	    .put = put_version },
	{ .name = "version_since", .before = " since ",
	    .put = put_version_since },
	{ .name = "versions_before", .before = ", before that ",
	    .put = put_version_before, .json = json_version_before },
	{ .name = "settings", .before = "settings ", .begins = true,
	    .put = put_settings },
	{ .name = "settings_since", .before = " since ",
	    .put = put_settings_since },
	{ .name = "settings_before", .before = ", before that ",
	    .put = put_settings_before, .json = json_settings_before },
	{ .name = "first_line", .before = "lines ", .begins = true,
	    .put = put_first_line, .json = json_first_number },
	{ .name = "last_line", .before = " to ", .put = put_last_line,
	    .json = json_last_line },
	{ .name = "missing_lines", .before = ", missing ",
	    .put = put_missing_number, .json = json_missing_lines },
	{ .name = "missing", .before = ": ", .put = put_missing,
	    .json = json_missing },
	{ .name = "breaks", .before = ", breaks in the chain ",
	    .put = put_breaks, .json = json_breaks },
	{ .name = "out_of_order", .before = ", out of order ",
	    .put = put_disorder, .json = json_disorder },
	{ .name = "days_without_records", .put = put_days, .json = json_days },
	{ .name = NULL }
};

void
node_print(const struct node *n, const char *start, const char *end,
    void (*print)(FILE *, const char *), FILE *out)
{
	char value_text[VALUE_MAX];
	struct text value;
	bool open = false;

	for (const struct node_row *row = node_rows; row->name != NULL; row++) {
		if (row->before == NULL)
			continue;
		text_init(&value, value_text, sizeof value_text);
		row->put(n, true, &value);
		if (value.n == 0)
			continue;
		if (row->begins) {
			fputs(open ? end : "", out);
			fputs(start, out);
			open = true;
		}
		fputs(row->before, out);
		print(out, value.buf);
	}
	fputs(open ? end : "", out);
}

json_t *
node_json(const struct node *n)
{
	json_t *object = json_object();

	for (const struct node_row *row = node_rows; row->name != NULL; row++) {
		char value_text[VALUE_MAX];
		struct text value;

		if (row->json != NULL) {
			json_object_set_new(object, row->name, row->json(n));
			continue;
		}
		text_init(&value, value_text, sizeof value_text);
		row->put(n, false, &value);
		json_object_set_new(object, row->name, value.n == 0 &&
		    row != node_rows ? json_null() :
		    jsontext_cstring(value.buf));
	}
	return object;
}

void
node_csv(const struct basis *b, FILE *out)
{
	for (const struct node_row *row = node_rows; row->name != NULL; row++)
		fprintf(out, "%s%s", row == node_rows ? "" : ",", row->name);
	fputs("\r\n", out);
	for (size_t i = 0; i < b->n; i++) {
		struct node n = node_of(b, &b->nodes[i]);

		for (const struct node_row *row = node_rows; row->name != NULL;
		    row++) {
			char value_text[VALUE_MAX];
			struct text value;

			text_init(&value, value_text, sizeof value_text);
			row->put(&n, false, &value);
			fputs(row == node_rows ? "" : ",", out);
			if (strspn(value.buf, "0123456789") == value.n)
				fputs(value.buf, out);
			else
				report_print_quoted(out, value.buf);
		}
		fputs("\r\n", out);
	}
}
