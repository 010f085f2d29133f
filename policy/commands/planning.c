#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/base/jsonput.h"
#include "policy/commands/generation.h"
#include "policy/commands/later.h"
#include "policy/commands/planning.h"
#include "policy/commands/progress.h"

static const int64_t SECOND_US = 1000000;

bool
planning_in_force(const struct context *context, uint64_t *generation,
    unsigned char digest[DIGEST_BYTES], struct fault *f)
{
	struct store_reader reader;
	struct generation g;
	struct history h;
	struct store *store;
	enum lookup_result result = LOOKUP_FAILED;

	if (!command_open_store(context, &store, &reader, f))
		return false;
	if (history_start(&h, &reader))
		result = history_next(&h, &g);
	if (result == LOOKUP_FOUND) {
		*generation = g.number;
		memcpy(digest, g.rules_digest, DIGEST_BYTES);
	} else if (result == LOOKUP_FAILED) {
		*f = reader.fault;
	} else {
		fault_set(f, FAULT_DATA, "%s keeps no generations: build once, "
		    "then plan", context->store);
	}
	command_close_store(store, &reader);
	return result == LOOKUP_FOUND;
}

/* Reads the plan's newest generation, and its oldest that is kept. */
static bool
read_generations(struct planning *p, struct fault *f)
{
	enum lookup_result result = LOOKUP_FAILED;
	struct generation g;
	struct history h;
	unsigned n = 0;

	if (history_start(&h, &p->reader))
		while ((result = history_next(&h, &g)) == LOOKUP_FOUND) {
			if (n++ == 0)
				p->newest = g;
			p->made = g;
		}
	if (result == LOOKUP_FAILED) {
		*f = p->reader.fault;
		return false;
	}
	return n > 0 || fault_set(f, FAULT_DATA, "%s: not a plan's store",
	    p->path);
}

static bool
open_plan(struct planning *p, struct fault *f)
{
	struct stat st;

	if (lstat(p->path, &st) == -1 && errno == ENOENT)
		return fault_set(f, FAULT_NOINPUT, "there is no plan (%s)",
		    p->path);
	/* A plan that is lost is not the same as none. */
	if (stat(p->path, &st) == -1 && errno == ENOENT)
		return fault_set(f, FAULT_DATA, "%s: a link that leads to no "
		    "plan", p->path);
	if ((p->store = store_open(p->path, f)) == NULL)
		return false;
	if (!store_begin(p->store, &p->reader, f)) {
		store_close(p->store);
		p->store = NULL;
		return false;
	}
	switch (plan_read(&p->reader, &p->plan)) {
	case LOOKUP_FOUND:
		return read_generations(p, f);
	case LOOKUP_ABSENT:
		return fault_set(f, FAULT_DATA, "%s: a store, but none of a "
		    "plan", p->path);
	default:
		*f = p->reader.fault;
		return false;
	}
}

bool
planning_open(const struct context *context, struct planning *p,
    struct fault *f)
{
	memset(p, 0, sizeof *p);
	if (!plan_path(context->store, p->path))
		return fault_set(f, FAULT_NOINPUT, "%s: the path is too long "
		    "for a plan", context->store);
	if (!planning_in_force(context, &p->generation, p->digest, f) ||
	    !open_plan(p, f))
		return false;
	p->is_applied = memcmp(p->digest, p->newest.rules_digest,
	    DIGEST_BYTES) == 0;
	p->state.stale = !p->is_applied &&
	    memcmp(p->digest, p->plan.base, DIGEST_BYTES) != 0;
	return true;
}

void
planning_close(struct planning *p)
{
	if (p->store != NULL)
		command_close_store(p->store, &p->reader);
	p->store = NULL;
	evidence_free(&p->evidence);
	fleet_free(&p->fleet);
}

static bool
each(void *arg, struct reader_record *record, const struct reader *reader)
{
	struct planning *p = arg;

	(void)reader;
	return evidence_add(&p->evidence, record);
}

static bool
look(void *arg, const struct fleet_line *line)
{
	struct planning *p = arg;

	return fleet_add(&p->fleet, line);
}

static void
find_gap(struct planning *p)
{
	for (size_t i = 0; i < p->fleet.n; i++)
		if (evidence_find_gap(&p->plan, p->fleet.nodes[i],
		    &p->state.gap))
			return;
}

bool
planning_look(struct planning *p, const struct audit_files *files,
    int64_t now, struct fault *f)
{
	bool good;

	if (!evidence_init(&p->evidence, &p->plan))
		return fault_no_memory(f);
	fleet_init(&p->fleet);
	p->walk = (struct audit_walk){ .each = each, .look = look, .arg = p };
	progress_start("records read", &p->walk.records);
	good = audit_walk(&p->walk, files, f);
	progress_stop();
	if (!good && p->evidence.crowded)
		fault_set(f, FAULT_DATA, "the log is of more than %d nodes: name "
		    "the files of fewer", EVIDENCE_NODES_MAX);
	if (good && !fleet_finish(&p->fleet))
		return fault_no_memory(f);
	find_gap(p);
	p->state.now = now;
	p->state.unread = p->walk.unread;
	p->state.bad = p->walk.bad;
	p->state.unread_status = (int)p->walk.unread_kind;
	if (good)
		later_say(&p->reader, false);
	return good;
}

static void
print_message(const struct generation *g, FILE *out)
{
	char buf[4 * HISTORY_MESSAGE_MAX];
	struct text line;

	text_init(&line, buf, sizeof buf);
	line.utf8 = true;
	text_put_printable(&line, g->message);
	if (g->message.n > 0)
		fprintf(out, "    %s\n", buf);
}

static void
print_who(const char *what, const struct generation *g, FILE *out)
{
	char buf[2048];
	struct text line;

	text_init(&line, buf, sizeof buf);
	line.utf8 = true;
	audit_print_time(g->time * SECOND_US, &line);
	text_puts(&line, " by ");
	generation_print_who(g, &line);
	fprintf(out, "%s %s\n", what, buf);
	print_message(g, out);
}

void
planning_print(const struct planning *p, FILE *out)
{
	char buf[128];
	struct text line;

	text_init(&line, buf, sizeof buf);
	text_puts(&line, "plan ");
	plan_print_id(p->plan.id, &line);
	text_puts(&line, ", made");
	print_who(buf, &p->made, out);
	fprintf(out, "    %llu rule%s, for %lu day%s, against generation "
	    "%llu%s\n", (unsigned long long)p->newest.rules,
	    p->newest.rules == 1 ? "" : "s", (unsigned long)p->plan.days,
	    p->plan.days == 1 ? "" : "s", (unsigned long long)p->generation, p->is_applied ?
	    ": in force already" : p->state.stale ?
	    ": NOT the one it was planned against" : "");
	if (p->newest.number != p->made.number)
		print_who("changed", &p->newest, out);
	if (p->plan.canary > 0)
		fprintf(out, "    decides about %lu %% of the clients\n",
		    (unsigned long)p->plan.canary);
	if (p->plan.due != 0) {
		text_clear(&line);
		audit_print_time(p->plan.due * SECOND_US, &line);
		fprintf(out, "    to come into force at %s, by `tlspolicy "
		    "apply --due'\n", buf);
	}
}

static void
json_string(const char *name, struct slice value, FILE *out)
{
	char buf[6 * HISTORY_MESSAGE_MAX + 8];
	struct jsonput j;
	struct text text;

	text_init(&text, buf, sizeof buf);
	jsonput_start(&j, &text);
	jsonput_string(&j, value);
	(void)jsonput_finish(&j);
	fprintf(out, ",\"%s\":%s", name, value.n == 0 ? "null" : buf);
}

static void
json_time(const char *name, int64_t seconds, FILE *out)
{
	char buf[64];
	struct text text;

	text_init(&text, buf, sizeof buf);
	audit_print_time(seconds * SECOND_US, &text);
	if (seconds == 0)
		fprintf(out, ",\"%s\":null", name);
	else
		fprintf(out, ",\"%s\":\"%s\"", name, buf);
}

void
planning_json(const struct planning *p, FILE *out)
{
	fprintf(out, "{\"plan\":\"%016llx\"", (unsigned long long)p->plan.id);
	json_time("made", p->plan.started, out);
	json_string("login", p->made.login, out);
	json_string("host", p->made.host, out);
	json_string("message", p->made.message, out);
	fprintf(out, ",\"uid\":%lu,\"rules\":%llu,\"days\":%lu,\"budget\":%lu,"
	    "\"canary\":%lu,\"generation\":%llu,\"stale\":%s,\"applied\":%s",
	    (unsigned long)p->made.uid, (unsigned long long)p->newest.rules,
	    (unsigned long)p->plan.days, (unsigned long)p->plan.budget,
	    (unsigned long)p->plan.canary, (unsigned long long)p->generation,
	    p->state.stale ? "true" : "false", p->is_applied ? "true" :
	    "false");
	json_time("due", p->plan.due, out);
}

void
planning_say_obstacles(const struct planning *p)
{
	char buf[1024];
	struct text line;

	text_init(&line, buf, sizeof buf);
	for (int i = 0; i < EVIDENCE_OBSTACLES; i++) {
		enum evidence_obstacle o = (enum evidence_obstacle)i;

		if (!evidence_is_met(&p->evidence, &p->state, o))
			continue;
		text_clear(&line);
		evidence_put_obstacle(&p->evidence, &p->state, o, &line);
		command_say("%s", buf);
	}
}
