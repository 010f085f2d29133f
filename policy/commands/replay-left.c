/*
 * Mail that left, by domain of the recipient: how it left, what its MTA was told
 * then, and what it would be told.  What MTAs were told is read first, since it
 * stands in other files than the mail.
 */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/domain.h"
#include "policy/base/jsontext.h"
#include "policy/base/tree.h"
#include "policy/commands/progress.h"
#include "policy/commands/replay.h"
#include "policy/report/left.h"
#include "policy/report/told.h"

enum { TIME_BYTES = 40, LINE_BYTES = 16 * 1024 };

/* A domain, and what would become of its mail. */
struct group {
	char *name;
	uint64_t mails, in_clear, tls, verified, n[LEFT_OUTCOMES], other;
	int64_t first, last;
	json_t *example; /* of the gravest outcome, the earliest */
	enum left_outcome gravest;
};

struct replaying {
	struct told told;
	struct left left;
	void *tree;
	struct group **groups;
	size_t n, allocated;
	uint64_t mails, sum[LEFT_OUTCOMES], other, undirected;
	bool failed;
};

static const char *const outcomes[LEFT_OUTCOMES] = {
	[LEFT_LEAVES] = "leaves", [LEFT_UNKNOWN] = "unknown",
	[LEFT_KEPT] = "kept"
};

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct group *)a)->name,
	    ((const struct group *)b)->name);
}

static void
free_groups(struct replaying *run)
{
	tree_drop(&run->tree);
	for (size_t i = 0; i < run->n; i++) {
		json_decref(run->groups[i]->example);
		free(run->groups[i]->name);
		free(run->groups[i]);
	}
	free(run->groups);
}

static struct group *
add_group(struct replaying *run, const char *name)
{
	struct group *g, **groups;

	if (run->n == run->allocated) {
		groups = reallocarray(run->groups, 2 * run->allocated + 64,
		    sizeof *groups);
		if (groups == NULL)
			return NULL;
		run->groups = groups;
		run->allocated = 2 * run->allocated + 64;
	}
	g = calloc(1, sizeof *g);
	if (g == NULL || (g->name = strdup(name)) == NULL ||
	    tsearch(g, &run->tree, compare) == NULL) {
		if (g != NULL)
			free(g->name);
		free(g);
		return NULL;
	}
	return run->groups[run->n++] = g;
}

static struct group *
find_group(struct replaying *run, struct slice domain)
{
	char name[DOMAIN_TEXT_MAX];
	struct group wanted = { .name = name };
	struct text text;
	void **hit;

	text_init(&text, name, sizeof name);
	text_put_lower(&text, domain);
	hit = tfind(&wanted, &run->tree, compare);
	return hit != NULL ? *hit : add_group(run, name);
}

static const char *
how_it_left(const struct facts *f)
{
	return !facts_tls_told(f) ? "unknown" : facts_in_clear(f) ? "clear" :
	    facts_verified(f) ? "verified" : "tls";
}

static json_t *
example_of(const struct left *l, const struct reader_record *record)
{
	const struct facts *f = &record->facts;
	char when[TIME_BYTES];
	struct text text;

	text_init(&text, when, sizeof when);
	audit_print_time(record->time_us, &text);
	return json_pack("{s:o, s:o, s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, "
	    "s:o, s:i}", "time", jsontext_cstring(when), "queue_id",
	    jsontext_string(facts_value(f, FACT_QUEUE_ID)), "rcpt",
	    jsontext_string(record->rcpts[0]), "server",
	    jsontext_string(facts_value(f, FACT_SERVER_NAME)), "left",
	    how_it_left(f), "why", l->why, "then", jsontext_string(l->then),
	    "told", jsontext_cstring(l->told_text), "key",
	    jsontext_string(l->key), "requirement",
	    jsontext_string(l->requirement), "file", jsontext_string(l->file),
	    "line", (int)l->line);
}

static void
take_example(struct group *g, const struct left *l,
    const struct reader_record *record)
{
	if (g->example != NULL && (l->outcome < g->gravest ||
	    (l->outcome == g->gravest && record->time_us >= g->first)))
		return;
	json_decref(g->example);
	g->example = example_of(l, record);
	g->gravest = l->outcome;
}

static bool
each_delivery(void *arg, const struct reader_record *record)
{
	struct replaying *run = arg;
	struct left *l = &run->left;
	const struct facts *f = &record->facts;
	struct group *g;

	if (record->event != RECORD_DELIVERED)
		return true;
	l->then = told_words(&run->told, left_domain(record),
	    record->time_us);
	l->key = l->requirement = l->file = slice_make("", 0);
	l->line = 0;
	if (!left_judge(l, record)) {
		run->undirected++;
		return true;
	}
	g = find_group(run, left_domain(record));
	run->failed |= g == NULL;
	if (g == NULL)
		return false;
	take_example(g, l, record);
	g->first = g->mails == 0 || record->time_us < g->first ?
	    record->time_us : g->first;
	g->last = record->time_us > g->last ? record->time_us : g->last;
	g->mails++;
	g->in_clear += facts_tls_told(f) && facts_in_clear(f);
	g->tls += facts_tls_told(f) && !facts_in_clear(f);
	g->verified += facts_verified(f);
	g->n[l->outcome]++;
	g->other += !l->same && (l->told.n > 0 || l->then.n > 0);
	return true;
}

static bool
each_answer(void *arg, const struct reader_record *record)
{
	struct replaying *run = arg;

	run->failed |= !told_add(&run->told, record);
	return !run->failed;
}

static json_t *
group_json(const struct group *g)
{
	char first[TIME_BYTES], last[TIME_BYTES];
	struct text text;

	text_init(&text, first, sizeof first);
	audit_print_time(g->first, &text);
	text_init(&text, last, sizeof last);
	audit_print_time(g->last, &text);
	return json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
	    "s:s, s:s, s:O}", "outcome", outcomes[g->gravest], "domain",
	    jsontext_cstring(g->name), "mails", (json_int_t)g->mails, "clear",
	    (json_int_t)g->in_clear, "tls", (json_int_t)g->tls, "verified",
	    (json_int_t)g->verified, "kept", (json_int_t)g->n[LEFT_KEPT],
	    "unknown", (json_int_t)g->n[LEFT_UNKNOWN], "leaves",
	    (json_int_t)g->n[LEFT_LEAVES], "told_otherwise",
	    (json_int_t)g->other, "first", first, "last", last, "example",
	    g->example);
}

/* Mail that stays first, then what is not known; then by name. */
static int
compare_groups(const void *pa, const void *pb)
{
	const struct group *a = *(struct group *const *)pa;
	const struct group *b = *(struct group *const *)pb;

	return a->gravest != b->gravest ?
	    (a->gravest < b->gravest) - (a->gravest > b->gravest) :
	    strcmp(a->name, b->name);
}

static void
sum_up(struct replaying *run)
{
	if (run->n > 0)
		qsort(run->groups, run->n, sizeof *run->groups,
		    compare_groups);
	for (size_t i = 0; i < run->n; i++) {
		run->mails += run->groups[i]->mails;
		run->other += run->groups[i]->other;
		for (int o = 0; o < LEFT_OUTCOMES; o++)
			run->sum[o] += run->groups[i]->n[o];
	}
}

static void
print_json(const struct replaying *run)
{
	json_t *groups = json_array(), *all;

	for (size_t i = 0; i < run->n; i++)
		json_array_append_new(groups, group_json(run->groups[i]));
	all = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "mails",
	    (json_int_t)run->mails, "kept", (json_int_t)run->sum[LEFT_KEPT],
	    "unknown", (json_int_t)run->sum[LEFT_UNKNOWN], "leaves",
	    (json_int_t)run->sum[LEFT_LEAVES], "told_otherwise",
	    (json_int_t)run->other, "answers", (json_int_t)run->told.n,
	    "groups", groups);
	json_dumpf(all, stdout, JSON_ENSURE_ASCII | JSON_INDENT(2));
	putchar('\n');
	json_decref(all);
}

static const char *
string_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
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
print_group(const struct group *g)
{
	static char line[LINE_BYTES];
	const json_t *e = g->example;

	printf("  %s: %llu of %llu mails (%llu in clear, %llu over TLS)\n",
	    g->name, (unsigned long long)g->n[g->gravest],
	    (unsigned long long)g->mails, (unsigned long long)g->in_clear,
	    (unsigned long long)g->tls);
	print_words("then told", string_of(e, "then"),
	    "nothing that is recorded");
	print_words("would be told", string_of(e, "told"), "nothing");
	snprintf(line, sizeof line, "%s %s (%s:%d)", string_of(e, "key"),
	    string_of(e, "requirement"), string_of(e, "file"),
	    (int)json_integer_value(json_object_get(e, "line")));
	if (string_of(e, "key")[0] != '\0')
		print_words("rule", line, "");
	snprintf(line, sizeof line, "%s id=%s to=%s server=%s%s%s",
	    string_of(e, "time"), string_of(e, "queue_id"),
	    string_of(e, "rcpt"), string_of(e, "server"),
	    string_of(e, "why")[0] != '\0' ? ": " : "", string_of(e, "why"));
	print_words("example", line, "");
}

static void
print_text(const struct replaying *run)
{
	static const char *const headings[LEFT_OUTCOMES] = {
		[LEFT_LEAVES] = "would leave as it did, and be told otherwise",
		[LEFT_UNKNOWN] = "would leave or not: the log does not tell",
		[LEFT_KEPT] = "would stay in the queue"
	};
	int last = -1;

	for (size_t i = 0; i < run->n; i++) {
		const struct group *g = run->groups[i];

		if (g->gravest == LEFT_LEAVES && g->other == 0)
			continue;
		if ((int)g->gravest != last)
			printf("%s:\n", headings[g->gravest]);
		last = (int)g->gravest;
		print_group(g);
	}
	printf("%llu mails that left: %llu would stay in the queue, of %llu "
	    "it is not known\n", (unsigned long long)run->mails,
	    (unsigned long long)run->sum[LEFT_KEPT],
	    (unsigned long long)run->sum[LEFT_UNKNOWN]);
}

static bool
read_all(struct replaying *run, const struct audit_files *files,
    struct store *store, struct audit_walk *second, struct fault *f)
{
	struct audit_walk first = { .outbound = each_answer, .arg = run, .again = true };
	struct store_reader reader;
	bool good;

	if (!audit_walk(&first, files, f))
		return false;
	told_sort(&run->told);
	if (!store_begin(store, &reader, f))
		return false;
	run->left.reader = &reader;
	progress_start("records judged", &second->records);
	good = audit_walk(second, files, f);
	progress_stop();
	audit_add_unread(second, &first);
	store_end(&reader);
	return good && (!run->failed || fault_no_memory(f));
}

int
replay_left(const struct audit_files *files, struct store *store,
    const struct outbound_options *options, const struct replay_span *span,
    bool json)
{
	struct replaying *run = calloc(1, sizeof *run);
	struct audit_walk second = { .note = each_delivery, .arg = run,
		.since = span->since, .until = span->until };
	int status = EXIT_FINE;
	struct fault f;

	if (run == NULL) {
		fault_no_memory(&f);
		return command_fail(&f);
	}
	run->left.options = options;
	told_init(&run->told);
	if (read_all(run, files, store, &second, &f)) {
		sum_up(run);
		if (json)
			print_json(run);
		else
			print_text(run);
		audit_say_torn(second.torn);
		audit_say_hidden(&second.hidden);
		if (run->undirected > 0)
			fprintf(stderr, "%llu without a domain left out\n",
			    (unsigned long long)run->undirected);
		audit_say_outside(second.outside, run->mails);
		audit_say_unread(second.unread);
		status = second.unread + second.bad > 0 ?
		    audit_status(second.unread, second.unread_kind,
		    second.bad) : run->sum[LEFT_KEPT] > 0 ? EXIT_FINDINGS : EXIT_FINE;
	} else {
		status = command_fail(&f);
	}
	free_groups(run);
	told_free(&run->told);
	free(run);
	return status;
}
