/*
 * Mail that left, and that was kept for want of TLS, by domain of the recipient:
 * how it left or why not, what its MTA was told then, and what it would be told.
 * What MTAs were told is read first, since it stands in other files than the
 * mail.
 */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/domain.h"
#include "policy/base/jsontext.h"
#include "policy/base/tree.h"
#include "policy/commands/later.h"
#include "policy/commands/progress.h"
#include "policy/commands/replay-left.h"
#include "policy/commands/replay.h"
#include "policy/report/told.h"

struct replaying {
	struct told told;
	struct left left;
	struct left_groups all;
	void *tree;
	size_t allocated;
	uint64_t undirected;
	bool failed;
};

static int
compare(const void *pa, const void *pb)
{
	const struct left_group *a = pa, *b = pb;

	return a->failed != b->failed ? a->failed - b->failed :
	    strcmp(a->name, b->name);
}

static void
free_groups(struct replaying *run)
{
	tree_drop(&run->tree);
	for (size_t i = 0; i < run->all.n; i++) {
		json_decref(run->all.groups[i]->example);
		free(run->all.groups[i]->name);
		free(run->all.groups[i]);
	}
	free(run->all.groups);
}

static struct left_group *
add_group(struct replaying *run, const char *name, bool failed)
{
	struct left_group *g, **groups;

	if (run->all.n == run->allocated) {
		groups = reallocarray(run->all.groups, 2 * run->allocated + 64,
		    sizeof *groups);
		if (groups == NULL)
			return NULL;
		run->all.groups = groups;
		run->allocated = 2 * run->allocated + 64;
	}
	g = calloc(1, sizeof *g);
	if (g != NULL)
		g->failed = failed;
	if (g == NULL || (g->name = strdup(name)) == NULL ||
	    tsearch(g, &run->tree, compare) == NULL) {
		if (g != NULL)
			free(g->name);
		free(g);
		return NULL;
	}
	return run->all.groups[run->all.n++] = g;
}

static struct left_group *
find_group(struct replaying *run, struct slice domain, bool failed)
{
	char name[DOMAIN_TEXT_MAX];
	struct left_group wanted = { .name = name, .failed = failed };
	struct text text;
	void **hit;

	text_init(&text, name, sizeof name);
	text_put_lower(&text, domain);
	hit = tfind(&wanted, &run->tree, compare);
	return hit != NULL ? *hit : add_group(run, name, failed);
}

/* The failure's word, of RFC 8460, where there was one. */
static struct slice
how_it_left(const struct reader_record *record)
{
	const struct facts *f = &record->facts;

	if (record->event == RECORD_HANDSHAKE)
		return record->handshake.result_type;
	return slice_of(!facts_tls_told(f) ? "unknown" : facts_in_clear(f) ?
	    "clear" : facts_verified(f) ? "verified" : "tls");
}

static json_t *
example_of(const struct left *l, const struct reader_record *record)
{
	const struct facts *f = &record->facts;
	bool failed = record->event == RECORD_HANDSHAKE;
	char when[LEFT_TIME_BYTES];
	struct text text;

	text_init(&text, when, sizeof when);
	audit_print_time(record->time_us, &text);
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, "
	    "s:o, s:i}", "time", jsontext_cstring(when), "queue_id",
	    jsontext_string(facts_value(f, FACT_QUEUE_ID)), "rcpt",
	    jsontext_string(record->nrcpts > 0 ? record->rcpts[0] :
	    slice_make("", 0)), "server", jsontext_string(failed ?
	    record->handshake.server : facts_value(f, FACT_SERVER_NAME)),
	    failed ? "failed" : "left", jsontext_string(how_it_left(record)),
	    "why", l->why, "then", jsontext_string(l->then),
	    "told", jsontext_cstring(l->told_text), "key",
	    jsontext_string(l->key), "requirement",
	    jsontext_string(l->requirement), "file", jsontext_string(l->file),
	    "line", (int)l->line);
}

/*
 * The example: of mail that left the one of gravest outcome, of mail that was
 * kept the one of mildest; of equals the earliest.
 */
static void
take_example(struct left_group *g, const struct left *l,
    const struct reader_record *record)
{
	int graver = ((int)l->outcome - (int)g->gravest) * (g->failed ? -1 : 1);

	if (g->example != NULL && (graver < 0 ||
	    (graver == 0 && record->time_us >= g->first)))
		return;
	json_decref(g->example);
	g->example = example_of(l, record);
	g->gravest = l->outcome;
}

static void
add_to_group(struct left_group *g, const struct left *l,
    const struct reader_record *record)
{
	const struct facts *f = &record->facts;

	take_example(g, l, record);
	g->first = g->mails == 0 || record->time_us < g->first ?
	    record->time_us : g->first;
	g->last = record->time_us > g->last ? record->time_us : g->last;
	g->mails++;
	g->n[l->outcome]++;
	g->other += !l->same && (l->told.n > 0 || l->then.n > 0);
	if (g->failed)
		return;
	g->in_clear += facts_tls_told(f) && facts_in_clear(f);
	g->tls += facts_tls_told(f) && !facts_in_clear(f);
	g->verified += facts_verified(f);
}

/*
 * Takes deliveries and failed handshakes.  A handshake that succeeded tells of
 * no message.
 */
static bool
each_note(void *arg, const struct reader_record *record)
{
	struct replaying *run = arg;
	struct left *l = &run->left;
	bool failed = record->event == RECORD_HANDSHAKE;
	struct left_group *g;

	if (failed ? !record->handshake.failed :
	    record->event != RECORD_DELIVERED)
		return true;
	l->then = told_words(&run->told, left_domain(record),
	    record->time_us);
	l->key = l->requirement = l->file = slice_make("", 0);
	l->line = 0;
	if (!left_judge(l, record)) {
		run->undirected++;
		return true;
	}
	g = find_group(run, left_domain(record), failed);
	run->failed |= g == NULL;
	if (g != NULL)
		add_to_group(g, l, record);
	return g != NULL;
}

static bool
each_answer(void *arg, const struct reader_record *record)
{
	struct replaying *run = arg;

	run->failed |= !told_add(&run->told, record);
	return !run->failed;
}

/*
 * Not failed, the gravest first; then failed, the mildest first; of equals by
 * name.
 */
static int
compare_groups(const void *pa, const void *pb)
{
	const struct left_group *a = *(struct left_group *const *)pa;
	const struct left_group *b = *(struct left_group *const *)pb;
	int gravest = ((int)b->gravest - (int)a->gravest) *
	    (a->failed ? -1 : 1);

	return a->failed != b->failed ? a->failed - b->failed :
	    gravest != 0 ? gravest : strcmp(a->name, b->name);
}

static void
sum_up(struct replaying *run)
{
	struct left_groups *all = &run->all;

	if (all->n > 0)
		qsort(all->groups, all->n, sizeof *all->groups,
		    compare_groups);
	for (size_t i = 0; i < all->n; i++) {
		const struct left_group *g = all->groups[i];
		struct left_sum *sum = g->failed ? &all->failures : &all->mails;

		sum->records += g->mails;
		sum->other += g->other;
		for (int o = 0; o < LEFT_OUTCOMES; o++)
			sum->n[o] += g->n[o];
	}
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
	later_say(&reader, true);
	store_end(&reader);
	return good && (!run->failed || fault_no_memory(f));
}

/* Of all mail that left; of none, nobody knows. */
static bool
is_known_to_leave(const struct left_groups *all)
{
	return all->mails.records + all->failures.records > 0 &&
	    all->mails.n[LEFT_KEPT] + all->mails.n[LEFT_UNKNOWN] == 0;
}

int
replay_left(const struct audit_files *files, struct store *store,
    const struct outbound_options *options, const struct replay_span *span,
    bool json)
{
	struct replaying *run = calloc(1, sizeof *run);
	struct audit_walk second = { .note = each_note, .arg = run,
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
		run->all.answers = run->told.n;
		if (json)
			replay_left_json(&run->all);
		else
			replay_left_text(&run->all);
		audit_say_torn(second.torn);
		audit_say_hidden(&second.hidden);
		if (run->undirected > 0)
			fprintf(stderr, "%llu without a domain left out\n",
			    (unsigned long long)run->undirected);
		audit_say_outside(second.outside, run->all.mails.records +
		    run->all.failures.records);
		audit_say_unread(second.unread);
		status = second.unread + second.bad > 0 ?
		    audit_status(second.unread, second.unread_kind,
		    second.bad) : is_known_to_leave(&run->all) ?
		    EXIT_FINE : EXIT_FINDINGS;
	} else {
		status = command_fail(&f);
	}
	free_groups(run);
	told_free(&run->told);
	free(run);
	return status;
}
