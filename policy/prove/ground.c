/*
 * A chain is followed by the steps that the evaluator takes, with none left out
 * for what a line demands: it is only asked which lines can be met.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/eval/match.h"
#include "policy/facts/spelling.h"
#include "policy/prove/ground.h"
#include "policy/prove/session.h"
#include "policy/prove/threshold.h"
#include "policy/rules/client.h"
#include "policy/store/search.h"

enum { CHUNK = 64 * 1024, LINES_MAX = 256 * 1024 };

struct slice
prove_ground_printf(struct prove_ground *g, const char *fmt, ...)
{
	char buf[2048];
	va_list ap;
	struct slice copy;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof buf, fmt, ap);
	va_end(ap);
	copy = arena_copy(&g->memory, slice_make(buf, n < 0 ? 0 :
	    (size_t)n < sizeof buf ? (size_t)n : sizeof buf - 1));
	if (copy.p == NULL)
		fault_no_memory(&g->fault);
	return copy;
}

/* "com\1example\1" to "example.com". */
static struct slice
name_of(struct prove_ground *g, struct slice reversed)
{
	char buf[KEY_MAX];
	size_t n = 0;
	struct slice copy;

	while (reversed.n > 0) {
		size_t from = reversed.n - 1;

		while (from > 0 && reversed.p[from - 1] != '\1')
			from--;
		memcpy(buf + n, reversed.p + from, reversed.n - 1 - from);
		n += reversed.n - 1 - from;
		if (from > 0)
			buf[n++] = '.';
		reversed.n = from;
	}
	copy = arena_copy(&g->memory, slice_make(buf, n));
	if (copy.p == NULL)
		fault_no_memory(&g->fault);
	return copy;
}

bool
prove_ground_key(struct prove_ground *g, const struct key *key,
    struct prove_key *out)
{
	struct slice bytes = slice_make((const char *)key->bytes + KEY_HEAD,
	    key->n - KEY_HEAD);

	memset(out, 0, sizeof *out);
	out->kind = key->kind;
	switch (key->kind) {
	case KEY_NAME:
		out->below = bytes.n > 1 && bytes.p[bytes.n - 2] == '\1';
		out->text = name_of(g, slice_make(bytes.p, bytes.n -
		    out->below));
		return out->text.p != NULL;
	case KEY_ADDRESS:
	case KEY_BRACKET:
		out->prefix.addr.family = (uint8_t)bytes.p[0];
		memcpy(out->prefix.addr.bytes, bytes.p + 1, bytes.n - 2);
		out->prefix.bits = (unsigned char)bytes.p[bytes.n - 1];
		return true;
	default:
		out->text = arena_copy(&g->memory, bytes);
		return out->text.p != NULL || fault_no_memory(&g->fault);
	}
}

static bool
add_key(struct prove_ground *g, struct prove_keys *keys, const struct key *key)
{
	if (keys->n == keys->allocated) {
		size_t more = keys->allocated == 0 ? 64 : 2 * keys->allocated;
		struct prove_key *bigger = realloc(keys->keys,
		    more * sizeof *bigger);

		if (bigger == NULL)
			return fault_no_memory(&g->fault);
		keys->keys = bigger;
		keys->allocated = more;
	}
	return prove_ground_key(g, key, &keys->keys[keys->n++]);
}

static bool
add_issuer(struct prove_ground *g, struct slice key)
{
	size_t colon = slice_find(key, ':');

	if (g->nissuers == g->issuers_allocated) {
		size_t more = g->nissuers == 0 ? 16 : 2 * g->nissuers;
		struct prove_issuer *bigger = realloc(g->issuers,
		    more * sizeof *bigger);

		if (bigger == NULL)
			return fault_no_memory(&g->fault);
		g->issuers = bigger;
		g->issuers_allocated = more;
	}
	g->issuers[g->nissuers++] = (struct prove_issuer){
		slice_make(key.p, colon), slice_from(key, colon + 1) };
	return true;
}

static bool
add_client(struct prove_ground *g, struct slice value)
{
	struct key key;

	for (size_t i = 0; i < g->clients.n; i++)
		if (slice_equal(g->client[i], value))
			return true;
	if (g->clients.n == GROUND_CLIENTS_MAX) {
		g->many_clients = true;
		g->clients.n = 0;
	}
	if (g->many_clients)
		return true;
	g->client[g->clients.n] = arena_copy(&g->memory, value);
	if (g->client[g->clients.n].p == NULL)
		return fault_no_memory(&g->fault);
	return key_of(TAG_CLT, value, &key, &g->fault) &&
	    add_key(g, &g->clients, &key);
}

static bool
look_at_items(struct prove_ground *g, enum tag tag,
    const struct stored_rule *rule)
{
	struct requirement r;

	if (match_requirement(g->reader, tag, rule, &r) != LOOKUP_FOUND) {
		g->fault = g->reader->fault;
		return false;
	}
	for (unsigned i = 0; i < r.nitems; i++) {
		const struct item *item = &r.items[i];
		enum prove_dimension d = prove_threshold_of(item->row->id);

		g->peer_names = g->peer_names || (d == DIMENSION_CN &&
		    item->value.n == 0);
		if (d == DIMENSION_CLIENT && !add_client(g, item->value))
			return false;
	}
	return true;
}

static bool
collect(void *arg, const struct stored_rule *rule)
{
	struct prove_ground *g = arg;
	struct key key;

	if (!key_parse(rule->key, &key, &g->fault))
		return false;
	if (key.tag == TAG_CA)
		return add_issuer(g, rule->key);
	if ((int)key.tag >= CLAIM_TAGS)
		return true;
	return look_at_items(g, key.tag, rule) &&
	    add_key(g, &g->keys[key.tag], &key);
}

struct looking {
	struct slice word;
	bool found;
};

static bool
holds_word(struct slice s, struct slice word)
{
	for (size_t i = 0; i + word.n <= s.n; i++)
		if (slice_equal_nocase(slice_make(s.p + i, word.n), word))
			return true;
	return false;
}

static bool
look(void *arg, const struct stored_rule *rule)
{
	struct looking *l = arg;

	l->found = l->found || holds_word(rule->key, l->word) ||
	    holds_word(rule->requirement, l->word);
	return !l->found;
}

/* Finds the word for somebody whom neither a rule nor a claim names. */
static bool
find_label(struct prove_ground *g, const struct claim *claims, size_t n)
{
	static const char *const words[] = { "other", "another", "elsewhere",
		"stranger", "qq7", "qqx8", "xqz9w" };

	for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
		struct looking l = { slice_of(words[w]), false };

		store_each(g->reader, look, &l);
		for (size_t i = 0; i < n; i++)
			l.found = l.found || holds_word(claims[i].text, l.word);
		l.found = l.found || holds_word(
		    slice_of(g->settings->local_domains), l.word);
		if (!l.found) {
			g->label = l.word;
			return true;
		}
	}
	g->unknowable = "each word for a name that stands in no rule stands in "
	    "one";
	return true;
}

bool
prove_ground_open(struct prove_ground *g, struct store_reader *reader,
    const struct settings *settings, const struct claim *claims, size_t n)
{
	memset(g, 0, sizeof *g);
	arena_init(&g->memory, CHUNK);
	prove_strings_init(&g->interned);
	g->reader = reader;
	g->settings = settings;
	check_init(&g->check, settings, reader->store);
	g->check.options.monitor = false;
	g->check.options.help_url = NULL;
	g->nobody = (struct prove_chain){ .tag = TAG_AUTH, .free = true };
	fault_clear(&g->fault);
	g->lines = malloc(LINES_MAX);
	if (g->lines == NULL)
		return fault_no_memory(&g->fault);
	for (size_t i = 0; i < n; i++)
		for (int tag = 0; tag < CLAIM_TAGS; tag++)
			if (claims[i].who[tag].given &&
			    !add_key(g, &g->keys[tag],
			    &claims[i].who[tag].key))
				return false;
	if (!store_each(reader, collect, g) || g->fault.kind != FAULT_NONE) {
		if (g->fault.kind == FAULT_NONE)
			g->fault = reader->fault;
		return false;
	}
	return find_label(g, claims, n);
}

void
prove_ground_free(struct prove_ground *g)
{
	check_free(&g->check);
	arena_free(&g->memory);
	prove_strings_free(&g->interned);
	for (int tag = 0; tag < CLAIM_TAGS; tag++)
		free(g->keys[tag].keys);
	free(g->clients.keys);
	free(g->issuers);
	free(g->chains);
	free(g->lines);
}

/* See dots_differ() of the evaluator. */
static bool
dots_differ(const struct prove_ground *g, const struct key_step *step,
    const struct stored_rule *rule)
{
	return g->check.options.compat_sendmail &&
	    step->key.kind == KEY_NAME &&
	    tag_row(step->key.tag)->subject == SUBJECT_HOST &&
	    ((rule->flags & RULE_FINAL_DOT) != 0) != step->key.final_dot;
}

/* State of collecting the lines that one spelling of an address can meet. */
struct following {
	struct prove_ground *g;
	size_t start;	/* where its lines begin */
	bool final;	/* a line that always counts was met */
	bool exception; /* it was the first, and demands nothing */
};

static bool
add_lines(struct following *f, const struct key_step *step,
    struct slice *rules)
{
	struct prove_ground *g = f->g;
	struct stored_rule rule;
	struct requirement r;

	while (!f->final && store_next(g->reader, rules, &rule)) {
		if (dots_differ(g, step, &rule))
			continue;
		if (match_requirement(g->reader, step->key.tag, &rule, &r) !=
		    LOOKUP_FOUND) {
			g->fault = g->reader->fault;
			return false;
		}
		f->final = !prove_threshold_is_limited(&r);
		f->exception = f->final && r.need == NEED_OK &&
		    g->line_text.n == f->start;
		if (r.profile.n > 0) /* as its profile makes it */
			requirement_print(&r, &g->line_text);
		else
			text_put(&g->line_text, rule.requirement);
		text_char(&g->line_text, '\n');
	}
	return true;
}

static bool
add_step(struct following *f, const struct key_step *step)
{
	struct prove_ground *g = f->g;
	enum lookup_result result;
	struct slice rules;
	struct search search;

	if (step->longest)
		search_start(&search, g->reader, &step->key);
	do {
		result = step->longest ? search_next(&search, &rules) :
		    store_get(g->reader, &step->key, &rules);
		if (result == LOOKUP_FOUND && !add_lines(f, step, &rules))
			return false;
	} while (result == LOOKUP_FOUND && step->longest && !f->final);
	if (result == LOOKUP_FAILED || g->reader->fault.kind != FAULT_NONE)
		g->fault = g->reader->fault;
	return g->fault.kind == FAULT_NONE;
}

/* From the nth step on the keys are of the subject's second half (ground.h). */
static bool
is_wide(enum tag tag, unsigned nth, const struct key_step *step)
{
	return tag_row(tag)->subject == SUBJECT_MAILBOX ?
	    step->key.kind != KEY_MAILBOX : nth > 0;
}

static bool
follow(struct following *f, enum tag tag, const struct facts *facts,
    const struct mailbox *mailbox, bool narrow)
{
	struct key_step step;

	f->start = f->g->line_text.n;
	f->final = f->exception = false;
	if (!store_has_tag(f->g->reader, tag) || (tag == TAG_HEADER &&
	    !f->g->check.options.judge_header))
		return true;
	match_keys(&step, tag, facts, mailbox);
	for (unsigned n = 0; !f->final && match_next_key(&step); n++) {
		if (narrow && is_wide(tag, n, &step))
			break;
		if (step.missing == FACT_COUNT && !add_step(f, &step))
			return false;
	}
	return true;
}

/*
 * Follows each spelling that the evaluator judges.  *free: no line of any of
 * them demands anything.
 */
static bool
follow_all(struct following *f, enum tag tag, const struct facts *facts,
    bool narrow, bool *free)
{
	bool to = tag == TAG_TO;
	char buf[2 * DOMAIN_TEXT_MAX];
	struct spellings found;
	struct text local;

	text_init(&local, buf, sizeof buf);
	spelling_local_domains(facts, f->g->settings->local_domains, &local);
	spellings_find(prove_session_mailbox(facts, tag), slice_make("", 0),
	    slice_make(buf, local.n), to ? facts_value(facts, FACT_NODE) :
	    slice_make("", 0), &found);
	*free = !found.beyond;
	for (unsigned i = 0; i < found.n; i++) {
		if (!follow(f, tag, facts, &found.form[i], narrow))
			return false;
		*free = *free && (f->exception ||
		    f->g->line_text.n == f->start);
		if (i + 1 < found.n)
			text_char(&f->g->line_text, '\n');
	}
	return true;
}

static bool
more_chains(struct prove_ground *g, uint32_t number)
{
	size_t more = 2 * (size_t)number + 64;
	struct prove_chain **bigger;

	if (number < g->chains_allocated)
		return true;
	bigger = realloc(g->chains, more * sizeof(struct prove_chain *));
	if (bigger == NULL)
		return fault_no_memory(&g->fault);
	g->chains = bigger;
	g->chains_allocated = more;
	return true;
}

static struct prove_chain *
intern(struct prove_ground *g, enum tag tag, bool free)
{
	struct prove_chain *chain;
	struct slice string;
	uint32_t number;
	bool is_new;

	if (!prove_strings_add(&g->interned, slice_make(g->lines,
	    g->line_text.n), &number, &is_new) || !more_chains(g, number) ||
	    (is_new && (chain = arena_alloc(&g->memory, sizeof *chain)) ==
	    NULL)) {
		fault_no_memory(&g->fault);
		return NULL;
	}
	if (is_new) {
		size_t n = tag == TAG_CLT ? g->clients.n : 0;

		string = slice_from(g->interned.strings[number], 1);
		*chain = (struct prove_chain){ tag, slice_from(string, n),
			slice_make(string.p, n), free, { 0 } };
		g->chains[number] = chain;
	}
	return g->chains[number];
}

static void
put_clients(struct prove_ground *g, const struct facts *facts)
{
	enum fact_id missing;

	for (size_t i = 0; i < g->clients.n; i++)
		text_char(&g->line_text, (char)('0' + client_is(facts,
		    g->client[i], &missing)));
}

struct prove_chain *
prove_ground_chain(struct prove_ground *g, enum tag tag,
    const struct facts *facts, bool narrow, bool *final)
{
	struct following f = { .g = g };
	bool free, good;

	fault_clear(&g->reader->fault);
	text_init(&g->line_text, g->lines, LINES_MAX);
	text_char(&g->line_text, (char)('a' + tag)); /* as its own chain */
	if (tag == TAG_CLT)
		put_clients(g, facts);
	if (tag_row(tag)->subject == SUBJECT_MAILBOX)
		good = follow_all(&f, tag, facts, narrow, &free);
	else {
		good = follow(&f, tag, facts, NULL, narrow);
		free = f.exception || g->line_text.n == f.start;
	}
	*final = f.final;
	if (!good)
		return NULL;
	if (g->line_text.cut) {
		fault_set(&g->fault, FAULT_UNAVAILABLE, "the lines that can "
		    "count for one subject have more than %d bytes", LINES_MAX);
		return NULL;
	}
	return intern(g, tag, free);
}
