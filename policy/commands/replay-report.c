/*
 * A record that does not change costs nothing here.  An example keeps its line,
 * so that it can be explained when all have been read.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/audit/jsonput.h"
#include "policy/tools/domains.h"
#include "policy/commands/replay-report.h"

enum { CHUNK = 64 * 1024, FIRST_SIZE = 256 };

struct replay_group {
	enum replay_change change;
	struct slice domain, key, requirement, file;
	uint32_t line;
	uint64_t count;
	int64_t first_us, last_us;
	enum replay_outcome was, is; /* of the example */
	struct slice example;	     /* the record */
	struct slice reply;	     /* what would be said */
};

static const char *const names[CHANGE_COUNT] = {
	[CHANGE_REFUSED] = "newly refused",
	[CHANGE_HELD] = "newly held",
	[CHANGE_WARNED] = "newly warned",
	[CHANGE_ALLOWED] = "newly allowed",
	[CHANGE_OTHERWISE] = "refused otherwise",
};

static const char *const json_names[CHANGE_COUNT] = {
	[CHANGE_REFUSED] = "refused",
	[CHANGE_HELD] = "held",
	[CHANGE_WARNED] = "warned",
	[CHANGE_ALLOWED] = "allowed",
	[CHANGE_OTHERWISE] = "otherwise",
};

void
replay_report_init(struct replay_report *r)
{
	memset(r, 0, sizeof *r);
	arena_init(&r->memory, CHUNK);
}

void
replay_report_free(struct replay_report *r)
{
	free(r->table);
	arena_free(&r->memory);
}

static bool
is_refusal(enum replay_outcome outcome)
{
	return outcome == OUTCOME_TEMPFAILED || outcome == OUTCOME_REJECTED;
}

static enum replay_change
change_of(enum replay_outcome was, enum replay_outcome is)
{
	if (is < was)
		return is_refusal(was) && is_refusal(is) ? CHANGE_OTHERWISE :
		    is == OUTCOME_ACCEPTED || is_refusal(was) ?
		    CHANGE_ALLOWED : CHANGE_WARNED;
	if (is_refusal(is))
		return is_refusal(was) ? CHANGE_OTHERWISE : CHANGE_REFUSED;
	return is == OUTCOME_HELD ? CHANGE_HELD : CHANGE_WARNED;
}

static void
domain_of(const struct reader_record *r, struct text *out)
{
	struct slice domain = domains_of_address(
	    facts_value(&r->facts, FACT_MAIL_ADDR));

	if (domain.n == 0)
		domain = facts_value(&r->facts, FACT_CLIENT_NAME);
	domains_organisational(domain, out);
}

static size_t
hash(const struct replay_group *g)
{
	const struct slice parts[] = { g->domain, g->key, g->requirement };
	size_t h = (size_t)g->change;

	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; k <= parts[i].n; k++)
			h = (h ^ (unsigned char)(k < parts[i].n ?
			    parts[i].p[k] : 0)) * 1099511628211U;
	return h ^ h >> 29;
}

static bool
same(const struct replay_group *a, const struct replay_group *b)
{
	return a->change == b->change && slice_equal(a->domain, b->domain) &&
	    slice_equal(a->key, b->key) &&
	    slice_equal(a->requirement, b->requirement);
}

static struct replay_group **
find(struct replay_report *r, const struct replay_group *g)
{
	size_t at = hash(g) % r->size;

	while (r->table[at] != NULL && !same(r->table[at], g))
		at = (at + 1) % r->size;
	return &r->table[at];
}

static bool
grow(struct replay_report *r)
{
	struct replay_report larger = *r;

	if (r->size > 2 * r->n)
		return true;
	larger.size = r->size == 0 ? FIRST_SIZE : 2 * r->size;
	larger.table = calloc(larger.size, sizeof *larger.table);
	if (larger.table == NULL)
		return false;
	for (size_t i = 0; i < r->size; i++)
		if (r->table[i] != NULL)
			*find(&larger, r->table[i]) = r->table[i];
	free(r->table);
	*r = larger;
	return true;
}

static bool
keep(struct replay_report *r, struct slice *s)
{
	*s = arena_copy(&r->memory, *s);
	return s->p != NULL;
}

/* A group of its own for what is like no other before. */
static struct replay_group *
add_group(struct replay_report *r, const struct replay_group *like,
    const struct reader_record *record, const struct replay *p)
{
	struct replay_group *g = arena_alloc(&r->memory, sizeof *g);
	char buf[4096];
	struct text reply;

	if (g == NULL)
		return NULL;
	*g = *like;
	text_init(&reply, buf, sizeof buf);
	if (p->verdict->deciding >= 0 || p->verdict->reply.nlines > 0)
		verdict_print_would(p->verdict, &reply);
	g->reply = slice_make(reply.buf, reply.n);
	g->example = record->line;
	g->first_us = INT64_MAX;
	g->last_us = INT64_MIN;
	if (!keep(r, &g->domain) || !keep(r, &g->key) ||
	    !keep(r, &g->requirement) || !keep(r, &g->file) ||
	    !keep(r, &g->example) || !keep(r, &g->reply))
		return NULL;
	r->n++;
	return g;
}

static void
name_rule(struct replay_group *g, const struct reader_record *record,
    const struct replay *p)
{
	const struct reader_rule *before = replay_recorded_rule(record);

	if (p->rule != NULL) {
		g->key = p->rule->key;
		g->requirement = p->rule->requirement;
		g->file = p->rule->file;
		g->line = p->rule->line;
	} else if (before != NULL) {
		g->key = before->key;
		g->requirement = before->requirement;
		g->file = before->file;
		g->line = before->line;
	}
}

bool
replay_report_add(struct replay_report *r, const struct reader_record *record,
    const struct replay *p, struct fault *fault)
{
	char buf[DOMAIN_TEXT_MAX];
	struct replay_group like = { .was = replay_recorded(record),
		.is = p->outcome }, **place;
	struct text domain;

	if (like.was == like.is)
		return true;
	text_init(&domain, buf, sizeof buf);
	domain_of(record, &domain);
	like.domain = slice_make(domain.buf, domain.n);
	like.change = change_of(like.was, like.is);
	name_rule(&like, record, p);
	if (!grow(r))
		return fault_set(fault, FAULT_UNAVAILABLE, "out of memory");
	place = find(r, &like);
	if (*place == NULL && (*place = add_group(r, &like, record, p)) == NULL)
		return fault_set(fault, FAULT_UNAVAILABLE, "out of memory");
	(*place)->count++;
	if (record->time_us < (*place)->first_us)
		(*place)->first_us = record->time_us;
	if (record->time_us > (*place)->last_us)
		(*place)->last_us = record->time_us;
	r->changed[like.change]++;
	return true;
}

bool
replay_report_refuses(const struct replay_report *r)
{
	return r->changed[CHANGE_REFUSED] > 0;
}

/* By kind of change, then most messages first. */
static int
compare(const void *pa, const void *pb)
{
	const struct replay_group *a = *(struct replay_group *const *)pa;
	const struct replay_group *b = *(struct replay_group *const *)pb;

	if (a->change != b->change)
		return a->change < b->change ? -1 : 1;
	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return a->first_us < b->first_us ? -1 : a->first_us > b->first_us;
}

static void
sort(struct replay_report *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->size; i++)
		if (r->table[i] != NULL)
			r->table[n++] = r->table[i];
	memset(r->table + n, 0, (r->size - n) * sizeof r->table[0]);
	if (n > 0)
		qsort(r->table, n, sizeof r->table[0], compare);
}

static void
trace_out(void *out, const char *line)
{
	fprintf(out, "        %s\n", line);
}

static void
print_traces(struct reader_record *record, struct replay *p, FILE *out)
{
	struct trace trace = { .line = trace_out, .arg = out };

	fprintf(out, "      then, generation %llu: %s %.*s\n",
	    (unsigned long long)record->generation,
	    replay_outcome_name(replay_recorded(record)),
	    SLICE_ARG(record->reply));
	for (size_t i = 0; i < record->nrules; i++)
		fprintf(out, "        %s: %.*s %.*s (%.*s:%u)\n",
		    reader_rule_result_name(record->rules[i].result),
		    SLICE_ARG(record->rules[i].key),
		    SLICE_ARG(record->rules[i].requirement),
		    SLICE_ARG(record->rules[i].file), record->rules[i].line);
	fprintf(out, "      now:\n");
	p->trace = &trace;
	replay_judge(p, record);
	p->trace = NULL;
}

static void
print_example(const struct replay_group *g, bool traces, struct replay *p,
    FILE *out)
{
	struct reader_record record;
	struct fault fault;
	char buf[2048];
	struct text line;

	reader_record_init(&record);
	if (reader_parse(&record, g->example, &fault) == READER_RECORD) {
		text_init(&line, buf, sizeof buf);
		audit_print_fact(&record.facts, FACT_QUEUE_ID, " id=", &line);
		audit_print_fact(&record.facts, FACT_CLIENT_NAME, " client=",
		    &line);
		audit_print_fact(&record.facts, FACT_MAIL_ADDR, " from=",
		    &line);
		for (size_t i = 0; i < record.nrcpts && i < 1; i++) {
			text_puts(&line, " to=");
			text_put_printable(&line, record.rcpts[i]);
		}
		fprintf(out, "    example:%s: was %s, would be %s\n", line.buf,
		    replay_outcome_name(g->was), replay_outcome_name(g->is));
		if (traces)
			print_traces(&record, p, out);
	}
	reader_record_free(&record);
}

static void
print_group(const struct replay_group *g, bool traces, struct replay *p,
    FILE *out)
{
	char buf[2048];
	struct text line;

	text_init(&line, buf, sizeof buf);
	text_put_printable(&line, g->domain.n > 0 ? g->domain :
	    slice_of("(no domain)"));
	text_printf(&line, ": %llu, ", (unsigned long long)g->count);
	audit_print_time(g->first_us, &line);
	text_puts(&line, " to ");
	audit_print_time(g->last_us, &line);
	fprintf(out, "  %s\n", line.buf);
	text_clear(&line);
	text_put_printable(&line, g->key);
	text_char(&line, ' ');
	text_put_printable(&line, g->requirement);
	if (g->file.n > 0) {
		text_puts(&line, " (");
		text_put_printable(&line, g->file);
		text_printf(&line, ":%u)", g->line);
	}
	if (g->key.n > 0)
		fprintf(out, "    rule: %s\n", line.buf);
	if (g->is != OUTCOME_ACCEPTED && g->reply.n > 0)
		fprintf(out, "    reply: %.*s\n", SLICE_ARG(g->reply));
	print_example(g, traces, p, out);
}

void
replay_report_print(struct replay_report *r, size_t records, bool traces,
    struct replay *p, FILE *out)
{
	uint64_t all = 0;

	sort(r);
	for (size_t i = 0; i < r->n; i++) {
		const struct replay_group *g = r->table[i];

		if (i == 0 || g->change != r->table[i - 1]->change)
			fprintf(out, "%s: %llu\n", names[g->change],
			    (unsigned long long)r->changed[g->change]);
		print_group(g, traces, p, out);
	}
	for (int c = 0; c < CHANGE_COUNT; c++)
		all += r->changed[c];
	fprintf(out, "%zu records, %llu would be judged differently\n",
	    records, (unsigned long long)all);
}

static void
json_field(struct jsonput *j, const char *name, struct slice value)
{
	JSONPUT_LITERAL(j, ",\"");
	jsonput_slice(j, slice_of(name));
	JSONPUT_LITERAL(j, "\":");
	jsonput_string(j, value);
}

static bool
json_group(const struct replay_group *g, struct text *out)
{
	struct jsonput j;

	jsonput_start(&j, out);
	JSONPUT_LITERAL(&j, "{\"change\":");
	jsonput_string(&j, slice_of(json_names[g->change]));
	json_field(&j, "domain", g->domain);
	json_field(&j, "key", g->key);
	json_field(&j, "requirement", g->requirement);
	json_field(&j, "file", g->file);
	JSONPUT_LITERAL(&j, ",\"line\":");
	jsonput_number(&j, g->line);
	JSONPUT_LITERAL(&j, ",\"count\":");
	jsonput_number(&j, g->count);
	JSONPUT_LITERAL(&j, ",\"first\":");
	jsonput_time(&j, g->first_us);
	JSONPUT_LITERAL(&j, ",\"last\":");
	jsonput_time(&j, g->last_us);
	json_field(&j, "was", slice_of(replay_outcome_name(g->was)));
	json_field(&j, "would_be", slice_of(replay_outcome_name(g->is)));
	json_field(&j, "reply", g->reply);
	JSONPUT_LITERAL(&j, ",\"example\":");
	jsonput_slice(&j, g->example);
	JSONPUT_LITERAL(&j, "}");
	return jsonput_finish(&j);
}

/* Six bytes for one at worst, the example as it is, and the names. */
static void
print_json_group(const struct replay_group *g, FILE *out)
{
	size_t room = 1024 + g->example.n + 6 * (g->domain.n + g->key.n +
	    g->requirement.n + g->file.n + g->reply.n);
	char *memory = malloc(room);
	struct text text;

	if (memory == NULL)
		return;
	text_init(&text, memory, room);
	if (json_group(g, &text))
		fwrite(text.buf, 1, text.n, out);
	free(memory);
}

void
replay_report_json(struct replay_report *r, size_t records, FILE *out)
{
	sort(r);
	fprintf(out, "{\"records\":%zu", records);
	for (int c = 0; c < CHANGE_COUNT; c++)
		fprintf(out, ",\"%s\":%llu", json_names[c],
		    (unsigned long long)r->changed[c]);
	fprintf(out, ",\"groups\":[");
	for (size_t i = 0; i < r->n; i++) {
		if (i > 0)
			putc(',', out);
		print_json_group(r->table[i], out);
	}
	fprintf(out, "]}\n");
}
