/*
 * What a log's lines about policy and settings say is kept with the log, and a
 * node takes it over with its next record: by then it is known whose it is,
 * also where the line names no node, as older ones and those of no session.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/fleet/fleet.h"

struct fleet_log {
	struct numbers numbers;
	struct fleet_node *node, *recent; /* of its first, its last record; or NULL */
	const char *file;
	bool piped, begun;
	/* Of its latest lines; since_us 0: there was none. */
	struct fleet_state policy, settings, version;
	char *values, *named; /* the node that the policy's line names; or NULL */
	uint64_t told;	      /* how many there were */
};

void
fleet_init(struct fleet *f)
{
	memset(f, 0, sizeof *f);
}

void
fleet_free(struct fleet *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->nodes[i]->name);
		free(f->nodes[i]->values);
		free(f->nodes[i]);
	}
	for (size_t i = 0; i < f->nlogs; i++) {
		free(f->logs[i].values);
		free(f->logs[i].named);
	}
	free(f->nodes);
	free(f->logs);
	fleet_init(f);
}

const struct fleet_state *
fleet_last(const struct fleet_states *s)
{
	return s->n == 0 ? NULL : &s->list[s->n - 1];
}

bool
fleet_same(const struct fleet_state *a, const struct fleet_state *b)
{
	size_t na = strlen(a->what), nb = strlen(b->what);
	size_t n = na < nb ? na : nb;

	return (na == nb || n == DIGEST_SHORT) && memcmp(a->what, b->what, n) == 0;
}

static struct fleet_log *
log_of(struct fleet *f, const struct fleet_line *line)
{
	if (line->log >= f->nlogs) {
		size_t n = line->log + 1;
		struct fleet_log *logs = reallocarray(f->logs, n, sizeof *logs);

		if (logs == NULL)
			return NULL;
		memset(logs + f->nlogs, 0, (n - f->nlogs) * sizeof *logs);
		f->logs = logs;
		f->nlogs = n;
	}
	if (!f->logs[line->log].begun)
		f->logs[line->log] = (struct fleet_log){ .begun = true,
			.file = line->file, .piped = line->piped };
	return &f->logs[line->log];
}

static struct fleet_node *
new_node(struct fleet *f, struct slice name)
{
	struct fleet_node **nodes = reallocarray(f->nodes, f->n + 1,
	    sizeof *nodes);
	struct fleet_node *node;

	if (nodes == NULL)
		return NULL;
	f->nodes = nodes;
	if ((node = calloc(1, sizeof *node)) == NULL)
		return NULL;
	node->log = SIZE_MAX;
	node->name = name.n == 0 ? strdup("") : strndup(name.p, name.n);
	if (node->name == NULL) {
		free(node);
		return NULL;
	}
	return nodes[f->n++] = node;
}

/*
 * *node is the one to look at first, then the node; NULL: there is no room.
 * False: out of memory.
 */
static bool
find_node(struct fleet *f, struct slice name, struct fleet_node **node)
{
	if (*node != NULL && slice_is(name, (*node)->name))
		return true;
	for (size_t i = 0; i < f->n; i++)
		if (slice_is(name, f->nodes[i]->name)) {
			*node = f->nodes[i];
			return true;
		}
	*node = NULL;
	return f->n >= FLEET_NODES_MAX || (*node = new_node(f, name)) != NULL;
}

static void
add_state(struct fleet_states *s, const struct fleet_state *state)
{
	struct fleet_state *last = s->n == 0 ? NULL : &s->list[s->n - 1];

	if (state->since_us == 0 || (last != NULL &&
	    state->since_us < last->since_us))
		return;
	if (last != NULL && fleet_same(last, state)) {
		/* Only its beginning was known before. */
		memcpy(last->what, state->what, sizeof last->what);
		return;
	}
	if (s->n == FLEET_STATES_MAX) {
		memmove(s->list, s->list + 1, (s->n - 1) * sizeof *s->list);
		s->n--;
		s->left_out++;
	}
	s->list[s->n++] = *state;
}

static void
set_state(struct fleet_state *s, struct slice what, size_t most,
    uint64_t generation, int64_t since_us)
{
	size_t n = what.n < most ? what.n : most;

	memcpy(s->what, n == 0 ? "" : what.p, n);
	s->what[n] = '\0';
	s->generation = generation;
	s->since_us = since_us;
}

static bool
copy(char **to, struct slice from)
{
	free(*to);
	*to = from.n == 0 ? NULL : strndup(from.p, from.n);
	return from.n == 0 || *to != NULL;
}

/* The line of a policy, or of settings.  False: out of memory. */
static bool
note_told(struct fleet_log *log, const struct reader_record *r)
{
	log->told++;
	if (r->event == RECORD_SETTINGS) {
		set_state(&log->settings, r->settings.digest, DIGEST_SHORT, 0,
		    r->time_us);
		return copy(&log->values, r->settings.values);
	}
	set_state(&log->policy, r->policy.rules_sha256, DIGEST_HEX,
	    r->generation, r->time_us);
	if (r->policy.version.n > 0)
		set_state(&log->version, r->policy.version, DIGEST_HEX, 0,
		    r->time_us);
	return copy(&log->named, r->policy.node);
}

/* The node takes over its log's latest lines.  False: out of memory. */
static bool
take_over(struct fleet_node *node, size_t index, const struct fleet_log *log)
{
	if (node->log == index && node->taken == log->told)
		return true;
	node->log = index;
	node->taken = log->told;
	/* A pipe may have other nodes' lines, and this one's be missing. */
	if (log->piped && log->named != NULL &&
	    strcmp(log->named, node->name) != 0)
		return true;
	add_state(&node->policies, &log->policy);
	add_state(&node->versions, &log->version);
	add_state(&node->settings, &log->settings);
	return log->values == NULL ||
	    copy(&node->values, slice_of(log->values));
}

static void
note_record(struct fleet_node *node, const struct reader_record *r)
{
	const struct fleet_state *last = fleet_last(&node->policies);
	struct fleet_state by;

	node->records++;
	if (node->first_us == 0 || r->time_us < node->first_us)
		node->first_us = r->time_us;
	if (r->time_us > node->last_us)
		node->last_us = r->time_us;
	/*
	 * A record names its settings by digest: the line with all of them may
	 * be in a file that is not here.
	 */
	if (node->settings.n == 0 && r->settings.digest.n > 0) {
		set_state(&by, r->settings.digest, DIGEST_SHORT, 0, r->time_us);
		add_state(&node->settings, &by);
	}
	if (r->policy.rules_sha256.n > 0 && (last == NULL ||
	    r->generation > last->generation)) {
		set_state(&by, r->policy.rules_sha256, DIGEST_SHORT,
		    r->generation, r->time_us);
		add_state(&node->policies, &by);
	}
}

/* Of a message, or of an answer, which names no node: it is the log's then. */
static bool
note_judged(struct fleet *f, struct fleet_log *log,
    const struct fleet_line *line)
{
	const struct reader_record *r = line->record;
	struct fleet_node *node = log->recent;

	if (line->result == READER_RECORD && !find_node(f,
	    facts_value(&r->facts, FACT_NODE), &node))
		return false;
	if (node == NULL) {
		f->left_out += line->result == READER_RECORD;
		return true;
	}
	if (log->node == NULL)
		log->node = node;
	log->recent = node;
	node->piped |= log->piped;
	if (!take_over(node, line->log, log))
		return false;
	note_record(node, r);
	return true;
}

static void
note_number(struct fleet *f, struct fleet_log *log,
    const struct reader_record *r)
{
	struct chain_line line;
	struct chain_link link;
	bool is_link;

	if (log->piped)
		return;
	if (!chain_split(r->line, &line)) {
		numbers_torn(&log->numbers);
		return;
	}
	is_link = chain_parse_link(r->line, &link);
	for (size_t i = 0; is_link && !numbers_goes_on(&log->numbers, &link) &&
	    i < f->nlogs; i++)
		if (numbers_goes_on(&f->logs[i].numbers, &link))
			numbers_take_over(&log->numbers, &f->logs[i].numbers);
	numbers_line(&log->numbers, &line, is_link ? &link : NULL, r->time_us);
}

static bool
add(struct fleet *f, const struct fleet_line *line)
{
	const struct reader_record *r = line->record;
	struct fleet_log *log;

	if (r->maillog)
		return true;
	if ((log = log_of(f, line)) == NULL)
		return false;
	note_number(f, log, r);
	if (line->result == READER_RECORD || line->result == READER_OUTBOUND)
		return note_judged(f, log, line);
	if (line->result == READER_NOTE && (r->event == RECORD_POLICY ||
	    r->event == RECORD_SETTINGS))
		return note_told(log, r);
	return true;
}

bool
fleet_add(struct fleet *f, const struct fleet_line *line)
{
	return add(f, line) || !(f->failed = true);
}

static int
compare(const void *pa, const void *pb)
{
	const struct fleet_node *a = *(struct fleet_node *const *)pa,
	    *b = *(struct fleet_node *const *)pb;
	int order = strcmp(a->name, b->name);

	return order != 0 || a->file == NULL || b->file == NULL ? order :
	    strcmp(a->file, b->file);
}

/* A log without a record that names its node is one all the same. */
static bool
finish_log(struct fleet *f, size_t index)
{
	struct fleet_log *log = &f->logs[index];

	if (!log->begun)
		return true;
	if (log->node == NULL) {
		if ((log->node = new_node(f, slice_make("", 0))) == NULL)
			return false;
		log->node->file = log->file;
		log->node->piped = log->piped;
		if (!take_over(log->node, index, log))
			return false;
	}
	numbers_sum(&log->node->numbers, &log->numbers);
	return true;
}

bool
fleet_finish(struct fleet *f)
{
	for (size_t i = 0; i < f->nlogs; i++)
		if (!finish_log(f, i))
			return !(f->failed = true);
	if (f->n > 0)
		qsort(f->nodes, f->n, sizeof *f->nodes, compare);
	return true;
}

const struct fleet_node *
fleet_find(const struct fleet *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->nodes[i]->name, name) == 0)
			return f->nodes[i];
	return NULL;
}
