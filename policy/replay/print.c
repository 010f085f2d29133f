/* The report of a replay, for people and for scripts. */
#include <stdlib.h>
#include <string.h>

#include "policy/audit/print.h"
#include "policy/base/jsonput.h"
#include "policy/replay/report-internal.h"

static const char *const names[CHANGE_COUNT] = {
	[CHANGE_REFUSED] = "newly refused",
	[CHANGE_PARTLY] = "newly refused for some recipients",
	[CHANGE_HELD] = "newly held",
	[CHANGE_WARNED] = "newly warned",
	[CHANGE_ALLOWED] = "newly allowed",
	[CHANGE_PASSED] = "newly past MAIL, recipients not known",
	[CHANGE_OTHERWISE] = "refused otherwise",
};

static const char *const json_names[CHANGE_COUNT] = {
	[CHANGE_REFUSED] = "refused",
	[CHANGE_PARTLY] = "partly",
	[CHANGE_HELD] = "held",
	[CHANGE_WARNED] = "warned",
	[CHANGE_ALLOWED] = "allowed",
	[CHANGE_PASSED] = "passed",
	[CHANGE_OTHERWISE] = "otherwise",
};

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
	if (n == 0)
		return;
	memset(r->table + n, 0, (r->size - n) * sizeof r->table[0]);
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
		    record_result(&record->rules[i]),
		    SLICE_ARG(record->rules[i].key),
		    SLICE_ARG(record->rules[i].requirement),
		    SLICE_ARG(record->rules[i].file), record->rules[i].line);
	fprintf(out, "      now:\n");
	p->trace = &trace;
	if (!replay_judge(p, record))
		fprintf(out, "        out of memory: not all was judged\n");
	p->trace = NULL;
}

/* False: out of memory, as it could be read before. */
static bool
print_example(const struct replay_group *g, bool traces, struct replay *p,
    FILE *out)
{
	struct reader_record record;
	struct fault fault;
	char buf[2048];
	struct text line;
	bool good;

	reader_record_init(&record);
	record.salts = p->salts;
	good = reader_parse(&record, g->example, &fault) == READER_RECORD;
	if (good) {
		text_init(&line, buf, sizeof buf);
		audit_print_fact(&record.facts, FACT_QUEUE_ID, " id=", &line);
		audit_print_fact(&record.facts, FACT_CLIENT_NAME, " client=",
		    &line);
		audit_print_fact(&record.facts, FACT_MAIL_ADDR, " from=",
		    &line);
		if (record.nrcpts > 0) {
			text_puts(&line, " to=");
			text_put_printable(&line, g->rcpt.n > 0 ? g->rcpt :
			    record.rcpts[0]);
		}
		fprintf(out, "    example:%s: was %s, would be %s\n", line.buf,
		    replay_outcome_name(g->was), replay_outcome_name(g->is));
		if (traces)
			print_traces(&record, p, out);
	}
	reader_record_free(&record);
	return good;
}

static bool
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
	return print_example(g, traces, p, out);
}

bool
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
		if (!print_group(g, traces, p, out))
			return false;
	}
	for (int c = 0; c < CHANGE_COUNT; c++)
		all += r->changed[c];
	if (r->header_missing > 0)
		fprintf(out, "%llu not judged by TLS_Header: their From fields "
		    "are not recorded\n",
		    (unsigned long long)r->header_missing);
	if (!r->as_then) {
		fprintf(out, "%zu records, %llu would be judged differently",
		    records, (unsigned long long)all);
		if (r->unjudged > 0)
			fprintf(out, ", %llu not judged: people in them are "
			    "not told", (unsigned long long)r->unjudged);
		fputc('\n', out);
		return true;
	}
	fprintf(out, "%zu records; by the policy of its day %llu %s, %llu not "
	    "judged again\n", records, (unsigned long long)all, all == 0 ?
	    "come out differently" : "COME OUT DIFFERENTLY",
	    (unsigned long long)r->unjudged);
	return true;
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
	json_field(&j, "rcpt", g->rcpt);
	JSONPUT_LITERAL(&j, ",\"example\":");
	jsonput_slice(&j, g->example);
	JSONPUT_LITERAL(&j, "}");
	return jsonput_finish(&j);
}

/* Room: the example as it is, six bytes for each byte of a string. */
static bool
print_json_group(const struct replay_group *g, FILE *out)
{
	size_t room = 1024 + g->example.n + 6 * (g->domain.n + g->key.n +
	    g->requirement.n + g->file.n + g->reply.n + g->rcpt.n);
	char *memory = malloc(room);
	struct text text;

	bool good;

	if (memory == NULL)
		return false;
	text_init(&text, memory, room);
	good = json_group(g, &text);
	if (good)
		fwrite(text.buf, 1, text.n, out);
	free(memory);
	return good;
}

bool
replay_report_json(struct replay_report *r, size_t records, FILE *out)
{
	bool good = true;

	sort(r);
	fprintf(out, "{\"records\":%zu", records);
	for (int c = 0; c < CHANGE_COUNT; c++)
		fprintf(out, ",\"%s\":%llu", json_names[c],
		    (unsigned long long)r->changed[c]);
	if (r->as_then || r->unjudged > 0)
		fprintf(out, ",\"not_judged\":%llu",
		    (unsigned long long)r->unjudged);
	if (r->header_missing > 0)
		fprintf(out, ",\"header_missing\":%llu",
		    (unsigned long long)r->header_missing);
	fprintf(out, ",\"groups\":[");
	for (size_t i = 0; good && i < r->n; i++) {
		if (i > 0)
			putc(',', out);
		good = print_json_group(r->table[i], out);
	}
	fprintf(out, "]}\n");
	return good;
}
