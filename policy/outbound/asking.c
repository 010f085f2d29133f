/*
 * What the answers of both maps rest on: rules, copied out of the store, and
 * denials.
 */
#include <string.h>

#include "policy/outbound/outbound-internal.h"

static struct slice
keep(struct outbound_answer *a, struct slice s)
{
	size_t at = a->memory.n;

	text_put(&a->memory, s);
	return slice_make(a->memory.buf + at, a->memory.n - at);
}

/*
 * The requirement as written, but with its profile's items put in: an audit
 * record is read without the profile.
 */
static struct slice
requirement_of(const struct judgement *found, struct text *out)
{
	if (found->requirement.profile.n == 0)
		return found->rule.requirement;
	requirement_print(&found->requirement, out);
	return slice_make(out->buf, out->n);
}

static void
note_rule(struct asking *k, enum tag tag, const struct judgement *found)
{
	char buf[REQUIREMENT_TEXT_MAX + 1];
	const struct stored_rule *rule = &found->rule;
	struct outbound_answer *a = k->answer;
	struct slice requirement;
	struct text text;

	text_init(&text, buf, sizeof buf);
	requirement = requirement_of(found, &text);
	for (unsigned i = 0; i < a->nrules; i++)
		if (a->rules[i].line == rule->line &&
		    slice_equal(a->rules[i].key, rule->key) &&
		    slice_equal(a->rules[i].requirement, requirement))
			return;
	if (a->nrules == OUTBOUND_RULES_MAX)
		return;
	a->rules[a->nrules++] = (struct outbound_rule){
		.tag = tag,
		.key = keep(a, rule->key),
		.requirement = keep(a, requirement),
		.file = keep(a, store_source(k->find.reader, rule->source)),
		.line = rule->line,
	};
}

enum lookup_result
asking_find(struct asking *k, const struct key *key, bool longest,
    struct requirement *requirement)
{
	struct key_step step = { .key = *key, .longest = longest };
	struct judgement found;
	enum lookup_result result;

	result = match_step(&k->find, &step, &found);
	if (result == LOOKUP_FOUND) {
		note_rule(k, key->tag, &found);
		k->warned |= found.requirement.class == CLASS_WARN;
		*requirement = found.requirement;
	}
	return result;
}

enum lookup_result
asking_no_memory(struct asking *k)
{
	fault_no_memory(&k->find.reader->fault);
	return LOOKUP_FAILED;
}

enum lookup_result
asking_has(struct asking *k, const struct key *key)
{
	struct key_step step = { .key = *key };
	struct judgement found;

	return match_step(&k->find, &step, &found);
}

bool
asking_is_whole(struct slice key, enum tag *tag, struct slice *what)
{
	static const struct {
		const char *prefix;
		enum tag tag;
	} known[] = {
		{ "tlspolicy:tls_srv/", TAG_SRV },
		{ "tlspolicy:tls_rcpt/", TAG_RCPT },
	};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (slice_starts_nocase(key, known[i].prefix)) {
			*tag = known[i].tag;
			*what = slice_from(key, strlen(known[i].prefix));
			return true;
		}
	return false;
}

bool
asking_sendmail_tag(struct slice key, enum tag *tag)
{
	size_t colon = slice_find(key, ':');
	struct slice name = slice_make(key.p, colon), what;

	if (asking_is_whole(key, tag, &what))
		return true;
	if (colon == key.n)
		return false;
	if (tag_by_name(name, tag))
		return tag_row(*tag)->stage == STAGE_OUTBOUND;
	*tag = TAG_CA;
	return tag_is_ca_name(name);
}

/*
 * Whatever else sendmail asks its access map for (relaying, spam), a denial
 * must not be taken for an answer to that; nor may Try_TLS or an issuer's row,
 * which can only ease what TLS_Srv and TLS_Rcpt demand.
 */
static bool
can_deny(const struct outbound_question *q)
{
	enum tag tag;

	return q->map == OUTBOUND_POSTFIX || (asking_sendmail_tag(q->key, &tag) &&
	    (tag == TAG_SRV || tag == TAG_RCPT));
}

void
asking_deny(const struct outbound_question *q, enum outbound_result result,
    const char *reason, struct outbound_answer *a)
{
	text_clear(&a->value);
	a->defer = false;
	a->result = OUTBOUND_NONE;
	if (!can_deny(q))
		return;
	a->result = result;
	a->waived = q->options->monitor;
	a->defer = q->map == OUTBOUND_POSTFIX;
	text_puts(&a->value, a->defer ? reason : SENDMAIL_NEVER_MET);
}

void
asking_refuse(struct asking *k, const char *reason)
{
	text_puts(&k->answer->lost, reason);
	asking_deny(k->question, OUTBOUND_REFUSED, reason, k->answer);
}
