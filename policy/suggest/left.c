#include <stdio.h>

#include "policy/base/domain.h"
#include "policy/facts/organisation.h"
#include "policy/suggest/left.h"
#include "policy/suggest/suggest-internal.h"

/*
 * The one client of each domain: a rule that some servers of a domain fail is
 * not proposed for the others either.
 */
static const char server[] = "";

static bool
name_of(const struct suggest *s, const struct reader_record *record,
    struct text *name)
{
	text_put_lower(name, left_domain(record));
	return suggest_is_name(name) && (s->domain.n == 0 ||
	    organisation_covers(s->domain, slice_make(name->buf, name->n)));
}

/* "TLS_Rcpt:x.example", not ":.x.example". */
static bool
name_of_key(struct slice key, struct text *name)
{
	text_put_lower(name, slice_from(key, slice_find(key, ':') + 1));
	return suggest_is_name(name);
}

static bool
demands(const struct tag_result *rule)
{
	struct requirement r;
	struct fault f;

	return !requirement_parse(rule->requirement, rule->tag, &r, &f) ||
	    (r.class != CLASS_WARN && r.need != NEED_OK && r.need != NEED_NO);
}

bool
suggest_left_told(struct suggest *s, const struct reader_record *record)
{
	char name_text[DOMAIN_TEXT_MAX];
	struct suggest_domain *d;
	struct text name;

	for (size_t i = 0; i < record->nrules; i++) {
		const struct tag_result *rule = &record->rules[i];

		text_init(&name, name_text, sizeof name_text);
		if (rule->tag != TAG_RCPT || !name_of_key(rule->key, &name))
			continue;
		d = suggest_find_or_add(s, name.buf);
		if (d == NULL || !suggest_take_rule(d, rule, record->time_us))
			return false;
	}
	return true;
}

/* Does the rule of a domain above demand anything of this one? */
static bool
has_rule_above(struct suggest *s, const char *name)
{
	struct tag_result rule = { .tag = TAG_RCPT };

	while ((name = strchr(name, '.')) != NULL) {
		const struct suggest_domain *d = suggest_find(s, ++name);

		if (d == NULL || d->requirement == NULL)
			continue;
		rule.requirement = slice_of(d->requirement);
		return demands(&rule);
	}
	return false;
}

/* What both MTAs can be told: sendmail no VER, Postfix no bits below 128. */
static bool
add_session(struct suggest_domain *d, struct suggest_client *c,
    const struct facts *facts)
{
	enum { BITS = 128 };
	bool sendmail = slice_is_nocase(facts_value(facts, FACT_MTA),
	    "sendmail");
	bool verified = sendmail && facts_verified(facts);

	d->tls += !facts_in_clear(facts);
	d->verified += verified;
	suggest_add_session(c, facts, verified);
	if (sendmail)
		c->version = 0;
	if (c->bits < BITS)
		c->bits = 1;
	return !verified || suggest_add_certificate(d, facts);
}

static void
count_record(struct suggest *s, const struct reader_record *record)
{
	s->records++;
	s->maillog += record->maillog;
	if (s->first == 0 || record->time_us < s->first)
		s->first = record->time_us;
	if (record->time_us > s->last)
		s->last = record->time_us;
}

bool
suggest_left_add(struct suggest *s, const struct reader_record *record)
{
	char name_text[DOMAIN_TEXT_MAX];
	struct suggest_client *c;
	struct suggest_domain *d;
	struct text name;

	text_init(&name, name_text, sizeof name_text);
	if (s->domain.n > 0 && !name_of(s, record, &name))
		return true;
	text_clear(&name);
	count_record(s, record);
	if (!name_of(s, record, &name))
		return true;
	d = suggest_find_or_add(s, name.buf);
	if (d == NULL || (c = suggest_client_named(d, server, true)) == NULL)
		return false;
	if (d->requirement != NULL && record->time_us >= d->rule_first) {
		d->rule_mails++;
		c->rule_mails++;
		if (record->time_us > d->rule_last)
			d->rule_last = record->time_us;
	}
	if (d->requirement == NULL)
		d->other_rule = has_rule_above(s, name.buf);
	if (d->mails == 0 || record->time_us < d->first)
		d->first = record->time_us;
	if (d->mails++ == 0 || record->time_us > d->last)
		d->last = record->time_us;
	return add_session(d, c, &record->facts);
}

static void
note_failure(struct suggest_domain *d, const struct reader_record *record)
{
	const struct reader_handshake *h = &record->handshake;

	if (d->failures++ > 0 && record->time_us < d->last_failure)
		return;
	d->last_failure = record->time_us;
	snprintf(d->failure, sizeof d->failure, "%.*s",
	    SLICE_ARG(h->result_type.n > 0 ? h->result_type :
	    slice_of("no reason told")));
}

bool
suggest_left_failed(struct suggest *s, const struct reader_record *record)
{
	char name_text[DOMAIN_TEXT_MAX];
	struct suggest_domain *d;
	struct text name;

	text_init(&name, name_text, sizeof name_text);
	if (!name_of(s, record, &name))
		return true;
	count_record(s, record);
	d = suggest_find_or_add(s, name.buf);
	if (d != NULL)
		note_failure(d, record);
	return d != NULL;
}

/*
 * The domain whose proposal the mail met: its own, or one above it.  Where there
 * is a rule already that is nearer, that one stays.
 */
static struct suggest_domain *
whose_rule(struct suggest *s, const struct reader_record *record,
    const struct left *left)
{
	char name_text[DOMAIN_TEXT_MAX], own_text[DOMAIN_TEXT_MAX];
	const struct suggest_domain *nearer;
	struct suggest_domain *d;
	struct text name, own;

	text_init(&name, name_text, sizeof name_text);
	text_init(&own, own_text, sizeof own_text);
	text_put_lower(&own, left_domain(record));
	if (left->nrules == 0 || !name_of_key(left->key, &name))
		return NULL;
	d = suggest_find(s, name.buf);
	for (const char *at = own.buf; at != NULL && strlen(at) > name.n;
	    at = strchr(at, '.'), at = at == NULL ? NULL : at + 1) {
		nearer = suggest_find(s, at);
		if (nearer != NULL && nearer->requirement != NULL)
			return NULL;
	}
	return d == NULL || d->stage == SUGGEST_NONE ? NULL : d;
}

void
suggest_left_check(struct suggest *s, const struct reader_record *record,
    struct store_reader *reader, struct left *left)
{
	static const struct outbound_options options = { .site = LEVEL_MAY };
	struct suggest_client *c;
	struct suggest_domain *d;
	bool judged;

	left->options = &options;
	left->reader = reader;
	left->then = slice_make("", 0);
	judged = left_judge(left, record);
	if (!judged || (d = whose_rule(s, record, left)) == NULL)
		return;
	if (record->event == RECORD_HANDSHAKE) {
		note_failure(d, record);
		suggest_give_up(d, WHY_FAILING);
		return;
	}
	c = suggest_client_named(d, server, false);
	if (c == NULL)
		return;
	c->checked++;
	c->passed += left->outcome == LEFT_LEAVES;
}
