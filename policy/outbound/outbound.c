/*
 * The frame around both maps: each has its file.  The setting inexpressible
 * decides on what has no words, and a store that cannot be asked denies.
 */
#include <string.h>

#include "policy/base/domain.h"
#include "policy/outbound/outbound-internal.h"
#include "policy/store/history.h"

static const char *const map_names[OUTBOUND_MAPS] = {
	[OUTBOUND_POSTFIX] = "tlspolicy",
	[OUTBOUND_SENDMAIL] = "access",
};

/* sendmail sends the name that a map has in sendmail.cf, see outbound.h. */
static const char sequence_name[] = "tlspolicy_access";

static const char *const result_names[] = {
	[OUTBOUND_NONE] = "none",
	[OUTBOUND_WARNED] = "warned",
	[OUTBOUND_TOLD] = "told",
	[OUTBOUND_PASSED_ON] = "passed-on",
	[OUTBOUND_EXCEPTION] = "exception",
	[OUTBOUND_WEAKENED] = "weakened",
	[OUTBOUND_REFUSED] = "refused",
	[OUTBOUND_FAILED] = "failed",
};

const char *
outbound_map_name(enum outbound_map map)
{
	return map_names[map];
}

bool
outbound_map_by_name(struct slice name, enum outbound_map *map)
{
	for (int m = 0; m < OUTBOUND_MAPS; m++)
		if (slice_is(name, map_names[m])) {
			*map = (enum outbound_map)m;
			return true;
		}
	*map = OUTBOUND_SENDMAIL;
	return slice_is(name, sequence_name);
}

void
outbound_options_of(const struct settings *s, struct outbound_options *o)
{
	*o = (struct outbound_options){
		.express.default_perm = s->default_class == DEFAULT_CLASS_PERM,
		.express.believe_unverified = s->compat == COMPAT_SENDMAIL,
		.weaken = s->inexpressible == INEXPRESSIBLE_WEAKEN,
		.monitor = s->mode == MODE_MONITOR,
		.site = (enum outbound_level)s->outbound_default,
		.servername = s->outbound_servername == SERVERNAME_HOSTNAME,
		.match = (enum outbound_match)s->outbound_match,
		.version = s->outbound_version,
		.exclude = s->outbound_exclude
	};
}

bool
outbound_is_misplaced(const struct outbound_question *q)
{
	enum tag tag;

	return q->map == OUTBOUND_POSTFIX && asking_sendmail_tag(q->key, &tag) &&
	    tag != TAG_CA;
}

bool
outbound_wants_a_word(const struct outbound_question *q)
{
	struct slice what;
	enum tag tag;

	return q->map == OUTBOUND_SENDMAIL &&
	    asking_is_whole(q->key, &tag, &what);
}

static bool
is_ascii_word(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return true;
}

/* A domain goes as it is in the DNS, and what is none as it came. */
void
outbound_resolver_key(struct slice key, struct text *out)
{
	if (is_ascii_word(key)) {
		text_put(out, key);
		return;
	}
	if (key.p[0] == '.')
		text_char(out, '.');
	if (domain_canonical(slice_from(key, key.p[0] == '.' ? 1 : 0), out) ==
	    DOMAIN_NO_MEMORY || out->cut ||
	    !is_ascii_word(slice_make(out->buf, out->n)))
		text_clear(out);
}

const char *
outbound_result_name(enum outbound_result result)
{
	return result_names[result];
}

void
outbound_answer_init(struct outbound_answer *a)
{
	a->result = OUTBOUND_NONE;
	a->waived = a->defer = false;
	a->generation = 0;
	a->policy[0] = '\0';
	a->nrules = 0;
	text_init(&a->value, a->value_text, sizeof a->value_text);
	text_init(&a->lost, a->lost_text, sizeof a->lost_text);
	text_init(&a->warned, a->warned_text, sizeof a->warned_text);
	text_init(&a->instead, a->instead_text, sizeof a->instead_text);
	a->instead_defer = false;
	text_init(&a->memory, a->memory_text, sizeof a->memory_text);
}

void
outbound_print_reply(const struct outbound_question *q,
    const struct outbound_answer *a, struct text *out)
{
	const struct text *value = a->waived ? &a->instead : &a->value;

	if (value->n == 0) {
		/* The blank in "NOTFOUND " is part of the protocol. */
		text_puts(out, q != NULL && outbound_wants_a_word(q) ?
		    "OK NONE" : "NOTFOUND ");
		return;
	}
	text_puts(out, (a->waived ? a->instead_defer : a->defer) ? "TEMP " :
	    "OK ");
	text_put_printable(out, slice_make(value->buf, value->n));
}

void
outbound_deny(const struct outbound_question *q, const char *reason,
    struct outbound_answer *a)
{
	asking_deny(q, OUTBOUND_FAILED, reason, a);
}

static void
apply_inexpressible(const struct outbound_question *q,
    struct outbound_answer *a)
{
	char reason[640];
	struct text text;

	a->waived = q->options->monitor;
	if (a->result == OUTBOUND_NONE)
		a->result = OUTBOUND_TOLD;
	if (a->lost.n == 0 || a->result == OUTBOUND_REFUSED ||
	    a->result == OUTBOUND_FAILED)
		return;
	a->result = OUTBOUND_WEAKENED;
	if (q->options->weaken)
		return;
	text_init(&text, reason, sizeof reason);
	text_printf(&text, "TLS policy cannot be expressed: %s", a->lost.buf);
	asking_deny(q, OUTBOUND_REFUSED, reason, a);
}

static enum lookup_result
ask(struct asking *k)
{
	enum lookup_result result = k->question->map == OUTBOUND_POSTFIX ?
	    outbound_ask_postfix(k) : outbound_ask_sendmail(k);

	if (result == LOOKUP_FOUND)
		apply_inexpressible(k->question, k->answer);
	return result;
}

static void
begin_again(struct outbound_answer *a)
{
	text_clear(&a->value);
	text_clear(&a->lost);
	a->defer = false;
	a->result = OUTBOUND_NONE;
}

/* In monitor mode the resolver is heard as if there were no rules. */
static void
without_rules(struct asking *k)
{
	struct outbound_answer *a = k->answer;

	if (k->question->map != OUTBOUND_POSTFIX ||
	    outbound_pass_on(k) != LOOKUP_FOUND)
		return;
	a->instead_defer = a->defer;
	text_put(&a->instead, slice_make(a->value.buf, a->value.n));
	begin_again(a);
}

/* Asks with WARN rules, to say what they would have answered, then without. */
static enum lookup_result
ask_twice(struct asking *k)
{
	struct outbound_answer *a = k->answer;
	enum lookup_result result = ask(k);

	if (result != LOOKUP_FOUND || !k->warned)
		return result;
	text_printf(&a->warned, "%s%s", a->defer ? "TEMP " : "", a->value.buf);
	begin_again(a);
	k->find.without_warn = true;
	result = ask(k);
	if (result == LOOKUP_ABSENT)
		a->result = OUTBOUND_WARNED;
	return result;
}

void
outbound_ask(const struct outbound_question *q, struct store_reader *reader,
    const struct fault *why, struct outbound_answer *a)
{
	static const struct eval_options options = {
		.default_class = CLASS_TEMP
	};
	struct asking k = {
		.question = q,
		.find = { .options = &options, .now = q->now,
		    .trace = q->trace, .reader = reader },
		.answer = a
	};
	enum lookup_result result = LOOKUP_FAILED;

	outbound_answer_init(a);
	if (q->options->monitor)
		without_rules(&k);
	if (reader != NULL) {
		a->generation = reader->info.generation;
		memcpy(a->policy, history_policy(reader), sizeof a->policy);
		result = ask_twice(&k);
		why = &reader->fault;
	}
	if (result == LOOKUP_FAILED) {
		trace_line(q->trace, "  policy error: %s", why->text);
		outbound_deny(q, "TLS policy cannot be consulted at present",
		    a);
	}
}
