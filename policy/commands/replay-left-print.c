/* replay --left, for scripts and for people. */
#include <stdio.h>

#include "policy/audit/print.h"
#include "policy/base/jsontext.h"
#include "policy/commands/replay-left.h"

enum { LINE_BYTES = 16 * 1024 };

static const char *const outcomes[LEFT_OUTCOMES] = {
	[LEFT_LEAVES] = "leaves", [LEFT_UNKNOWN] = "unknown",
	[LEFT_KEPT] = "kept"
};

static json_t *
group_json(const struct left_group *g)
{
	char first[LEFT_TIME_BYTES], last[LEFT_TIME_BYTES];
	struct text text;
	json_t *all;

	text_init(&text, first, sizeof first);
	audit_print_time(g->first, &text);
	text_init(&text, last, sizeof last);
	audit_print_time(g->last, &text);
	all = json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:O}",
	    "outcome", outcomes[g->gravest], "domain",
	    jsontext_cstring(g->name), g->failed ? "failures" : "mails",
	    (json_int_t)g->mails, "kept", (json_int_t)g->n[LEFT_KEPT],
	    "unknown", (json_int_t)g->n[LEFT_UNKNOWN], "leaves",
	    (json_int_t)g->n[LEFT_LEAVES], "told_otherwise",
	    (json_int_t)g->other, "first", first, "last", last, "example",
	    g->example);
	if (g->failed || all == NULL)
		return all;
	json_object_set_new(all, "clear", json_integer((json_int_t)g->in_clear));
	json_object_set_new(all, "tls", json_integer((json_int_t)g->tls));
	json_object_set_new(all, "verified",
	    json_integer((json_int_t)g->verified));
	return all;
}

static json_t *
sum_json(const struct left_sum *sum, const char *what, json_t *groups)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", what,
	    (json_int_t)sum->records, "kept", (json_int_t)sum->n[LEFT_KEPT],
	    "unknown", (json_int_t)sum->n[LEFT_UNKNOWN], "leaves",
	    (json_int_t)sum->n[LEFT_LEAVES], "told_otherwise",
	    (json_int_t)sum->other, "groups", groups);
}

void
replay_left_json(const struct left_groups *run)
{
	json_t *mails = json_array(), *failures = json_array(), *all;

	for (size_t i = 0; i < run->n; i++)
		json_array_append_new(run->groups[i]->failed ? failures :
		    mails, group_json(run->groups[i]));
	all = sum_json(&run->mails, "mails", mails);
	json_object_set_new(all, "answers",
	    json_integer((json_int_t)run->answers));
	json_object_set_new(all, "not_left", sum_json(&run->failures,
	    "failures", failures));
	json_dumpf(all, stdout, JSON_ENSURE_ASCII | JSON_INDENT(2));
	putchar('\n');
	json_decref(all);
}

static const char *
string_of(const json_t *object, const char *name)
{
	const char *string = json_string_value(json_object_get(object, name));

	return string != NULL ? string : "";
}

static void
print_words(const char *what, const char *words, const char *none)
{
	static char line[LINE_BYTES];
	struct text text;

	text_init(&text, line, sizeof line);
	text.utf8 = true;
	text_put_printable(&text, slice_of(words[0] != '\0' ? words : none));
	printf("    %s: %s\n", what, line);
}

static void
print_example(const struct left_group *g)
{
	static char line[LINE_BYTES];
	const json_t *e = g->example;
	size_t n;

	n = (size_t)snprintf(line, sizeof line, "%s", string_of(e, "time"));
	for (const char *const *w = (const char *const[]){ "queue_id", " id=",
	    "rcpt", " to=", "server", " server=", "failed", ": ", "why", ": ",
	    NULL }; w[0] != NULL; w += 2)
		if (string_of(e, w[0])[0] != '\0' && n < sizeof line)
			n += (size_t)snprintf(line + n, sizeof line - n, "%s%s",
			    w[1], string_of(e, w[0]));
	print_words("example", line, "");
}

static void
print_group(const struct left_group *g)
{
	static char line[LINE_BYTES];
	const json_t *e = g->example;

	printf("  %s: %llu of %llu ", g->name,
	    (unsigned long long)g->n[g->gravest],
	    (unsigned long long)g->mails);
	if (g->failed)
		puts("times");
	else
		printf("mails (%llu in clear, %llu over TLS)\n",
		    (unsigned long long)g->in_clear,
		    (unsigned long long)g->tls);
	print_words("then told", string_of(e, "then"),
	    "nothing that is recorded");
	print_words("would be told", string_of(e, "told"), "nothing");
	snprintf(line, sizeof line, "%s %s (%s:%d)", string_of(e, "key"),
	    string_of(e, "requirement"), string_of(e, "file"),
	    (int)json_integer_value(json_object_get(e, "line")));
	if (string_of(e, "key")[0] != '\0')
		print_words("rule", line, "");
	print_example(g);
}

static void
print_groups(const struct left_groups *run)
{
	static const char *const headings[][LEFT_OUTCOMES] = {
		{ [LEFT_LEAVES] = "would leave as it did, and be told "
		    "otherwise",
		  [LEFT_UNKNOWN] = "would leave or not: the log does not tell",
		  [LEFT_KEPT] = "would stay in the queue" },
		{ [LEFT_LEAVES] = "did not leave, and would",
		  [LEFT_UNKNOWN] = "did not leave, and would or not: the log "
		    "does not tell",
		  [LEFT_KEPT] = "did not leave, and would not" }
	};
	const char *last = NULL;

	for (size_t i = 0; i < run->n; i++) {
		const struct left_group *g = run->groups[i];
		const char *heading = headings[g->failed][g->gravest];

		if (g->gravest == (g->failed ? LEFT_KEPT : LEFT_LEAVES) &&
		    g->other == 0)
			continue;
		if (heading != last)
			printf("%s:\n", heading);
		last = heading;
		print_group(g);
	}
}

void
replay_left_text(const struct left_groups *run)
{
	print_groups(run);
	printf("%llu mails that left: %llu would stay in the queue, of %llu "
	    "it is not known\n", (unsigned long long)run->mails.records,
	    (unsigned long long)run->mails.n[LEFT_KEPT],
	    (unsigned long long)run->mails.n[LEFT_UNKNOWN]);
	if (run->failures.records > 0)
		printf("%llu times that mail did not leave for want of TLS: "
		    "%llu would leave, of %llu it is not known\n",
		    (unsigned long long)run->failures.records,
		    (unsigned long long)run->failures.n[LEFT_LEAVES],
		    (unsigned long long)run->failures.n[LEFT_UNKNOWN]);
}
