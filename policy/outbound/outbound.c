/*
 * The frame around both maps: each has its file, what could not be expressed is
 * settled by the setting, a store that cannot be asked denies.
 */
#include "policy/outbound/outbound-internal.h"

static const char *const map_names[OUTBOUND_MAPS] = {
	[OUTBOUND_POSTFIX] = "tlspolicy",
	[OUTBOUND_SENDMAIL] = "access",
};

/* sendmail sends the name that a map has in sendmail.cf, see outbound.h. */
static const char sequence_name[] = "tlspolicy_access";

static const char *const result_names[] = {
	[OUTBOUND_NONE] = "none",
	[OUTBOUND_TOLD] = "told",
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

bool
outbound_is_misplaced(const struct outbound_question *q)
{
	enum tag tag;

	return q->map == OUTBOUND_POSTFIX && asking_sendmail_tag(q->key, &tag) &&
	    tag != TAG_CA;
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
	a->nrules = 0;
	text_init(&a->value, a->value_text, sizeof a->value_text);
	text_init(&a->lost, a->lost_text, sizeof a->lost_text);
	text_init(&a->memory, a->memory_text, sizeof a->memory_text);
}

void
outbound_deny(const struct outbound_question *q, const char *reason,
    struct outbound_answer *a)
{
	asking_deny(q, OUTBOUND_FAILED, reason, a);
}

static void
settle(const struct outbound_question *q, struct outbound_answer *a)
{
	char reason[640];
	struct text text;

	a->result = OUTBOUND_TOLD;
	a->waived = q->options->monitor;
	if (a->lost.n == 0)
		return;
	a->result = OUTBOUND_WEAKENED;
	if (q->options->weaken)
		return;
	text_init(&text, reason, sizeof reason);
	text_printf(&text, "TLS policy cannot be expressed: %s", a->lost.buf);
	asking_deny(q, OUTBOUND_REFUSED, reason, a);
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
		    .trace = q->trace },
		.reader = reader,
		.answer = a
	};
	enum lookup_result result = LOOKUP_FAILED;

	outbound_answer_init(a);
	if (reader != NULL) {
		a->generation = reader->info.generation;
		result = q->map == OUTBOUND_POSTFIX ? postfix_ask(&k) :
		    sendmail_ask(&k);
		why = &reader->fault;
	}
	if (result == LOOKUP_FOUND && a->result == OUTBOUND_NONE)
		settle(q, a);
	else if (result == LOOKUP_FAILED) {
		trace_line(q->trace, "  policy error: %s", why->text);
		outbound_deny(q, "TLS policy cannot be consulted at present",
		    a);
	}
}
