/* The first reading: what each domain of senders did, and under which rule. */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "policy/facts/spelling.h"
#include "policy/facts/suite.h"
#include "policy/facts/organisations.h"
#include "policy/suggest/suggest-internal.h"
#include "policy/base/tree.h"

void
suggest_init(struct suggest *s)
{
	memset(s, 0, sizeof *s);
	s->tag = TAG_FROM;
}

static void
free_domain(struct suggest_domain *d)
{
	free(d->name);
	free(d->cn);
	suggest_free_clients(d);
	free(d->requirement);
	free(d->file);
	free(d->proposal);
	free(d);
}

void
suggest_free(struct suggest *s)
{
	tree_drop(&s->tree);
	for (size_t i = 0; i < s->n; i++)
		free_domain(s->domains[i]);
	free(s->domains);
	suggest_free_groups(s);
	organisations_free(s->known);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct suggest_domain *)a)->name,
	    ((const struct suggest_domain *)b)->name);
}

struct suggest_domain *
suggest_find(struct suggest *s, const char *name)
{
	char copy[DOMAIN_TEXT_MAX];
	struct suggest_domain wanted = { .name = copy };
	void **hit;
	struct text text;

	text_init(&text, copy, sizeof copy);
	text_puts(&text, name);
	hit = tfind(&wanted, &s->tree, compare);
	return hit == NULL ? NULL : *hit;
}

static int
compare_mails(const void *pa, const void *pb)
{
	const struct suggest_domain *a = *(struct suggest_domain *const *)pa;
	const struct suggest_domain *b = *(struct suggest_domain *const *)pb;

	return a->mails != b->mails ? (a->mails < b->mails ? 1 : -1) :
	    strcmp(a->name, b->name);
}

static bool
make_room(struct suggest *s)
{
	size_t all = s->n;

	qsort(s->domains, all, sizeof *s->domains, compare_mails);
	tree_drop(&s->tree);
	s->n = all / 2;
	for (size_t i = s->n; i < all; i++)
		free_domain(s->domains[i]);
	s->dropped += all - s->n;
	for (size_t i = 0; i < s->n; i++)
		if (tsearch(s->domains[i], &s->tree, compare) == NULL)
			return false;
	return true;
}

struct suggest_domain *
suggest_find_or_add(struct suggest *s, const char *name)
{
	struct suggest_domain *d = suggest_find(s, name);

	if (d != NULL)
		return d;
	if (s->domains == NULL)
		s->domains = calloc(SUGGEST_DOMAINS_MAX,
		    sizeof(struct suggest_domain *));
	if (s->domains == NULL ||
	    (s->n == SUGGEST_DOMAINS_MAX && !make_room(s)) ||
	    (d = calloc(1, sizeof *d)) == NULL)
		return NULL;
	d->name = strdup(name);
	if (d->name == NULL || tsearch(d, &s->tree, compare) == NULL) {
		free_domain(d);
		return NULL;
	}
	s->domains[s->n++] = d;
	return d;
}

bool
suggest_is_evidence(const struct reader_record *record)
{
	return record->event == RECORD_MESSAGE && !record->exempt &&
	    facts_filled(&record->facts, FACT_CLIENT_ADDR);
}

/* Only a name of the DNS can stand in a key without surprise. */
bool
suggest_is_name(const struct text *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
	    "0123456789-.";

	return !name->cut && name->n > 0 && name->buf[0] != '.' &&
	    strspn(name->buf, letters) == name->n &&
	    memchr(name->buf, '.', name->n) != NULL;
}

bool
suggest_name(const struct suggest *s, const struct reader_record *record,
    struct text *name)
{
	struct mailbox mailbox;

	spelling_sender(&record->facts, &mailbox);
	if (mailbox.null_sender || mailbox.domain.n == 0)
		return false;
	if (s->domain.n == 0)
		organisations_find(s->known, mailbox.domain, name);
	else if (organisation_covers(s->domain, mailbox.domain))
		domain_canonical(s->domain, name);
	return suggest_is_name(name);
}

static char *
copy(struct slice s)
{
	return strndup(s.p == NULL ? "" : s.p, s.n);
}

bool
suggest_add_certificate(struct suggest_domain *d, const struct facts *facts)
{
	struct slice cn = facts_value(facts, FACT_CN_SUBJECT);

	if (d->cn == NULL)
		return (d->cn = copy(cn)) != NULL;
	if (!slice_is_nocase(cn, d->cn))
		d->cn[0] = '\0';
	return true;
}

void
suggest_add_session(struct suggest_client *c, const struct facts *facts,
    bool verified)
{
	int version = suite_protocol(facts_value(facts, FACT_TLS_VERSION));
	unsigned bits = facts_number(facts, FACT_CIPHER_BITS);

	c->mails++;
	c->untold |= !facts_tls_told(facts);
	if (facts_in_clear(facts))
		return;
	if (c->tls == 0 || version < c->version)
		c->version = version;
	if (c->tls == 0 || bits < c->bits)
		c->bits = bits;
	c->tls++;
	c->verified += verified;
}

static bool
is_own_key(const struct suggest_domain *d, struct slice key)
{
	static const char tag[] = "TLS_From:";
	size_t n = sizeof tag - 1;

	char buf[DOMAIN_TEXT_MAX];
	struct text name;

	if (!slice_starts_nocase(key, tag))
		return false;
	text_init(&name, buf, sizeof buf);
	return domain_canonical(slice_from(key, n), &name) == DOMAIN_WHOLE &&
	    strcmp(buf, d->name) == 0;
}

static bool
may_refuse(const struct tag_result *rule)
{
	struct requirement r;
	struct fault fault;

	return !requirement_parse(rule->requirement, rule->tag, &r, &fault) ||
	    (r.class != CLASS_WARN && r.need != NEED_OK);
}

/*
 * Notes the rule that the domain has.  When it is another one than before, the
 * counts of judged mail begin anew.
 */
bool
suggest_take_rule(struct suggest_domain *d, const struct tag_result *rule,
    int64_t time_us)
{
	if (d->requirement != NULL &&
	    slice_is(rule->requirement, d->requirement))
		return true;
	free(d->requirement);
	free(d->file);
	d->requirement = copy(rule->requirement);
	d->file = copy(rule->file);
	d->line = rule->line;
	d->rule_mails = 0;
	d->rule_first = d->rule_last = time_us;
	for (size_t i = 0; i < d->nclients; i++)
		d->clients[i].rule_mails = d->clients[i].rule_failed = 0;
	return d->requirement != NULL && d->file != NULL;
}

static bool
add_rule(struct suggest_domain *d, struct suggest_client *c,
    const struct tag_result *rule, int64_t time_us)
{
	if (rule->tag != TAG_FROM)
		return true;
	if (!is_own_key(d, rule->key)) {
		d->other_rule |= may_refuse(rule);
		return true;
	}
	if (!suggest_take_rule(d, rule, time_us))
		return false;
	d->rule_mails++;
	if (time_us > d->rule_last)
		d->rule_last = time_us;
	c->rule_mails++;
	c->rule_failed += rule->answer != ANSWER_YES;
	c->untold |= rule->answer == ANSWER_CANNOT_TELL;
	return true;
}

/* In which domain the record counts, and for which of its clients. */
static bool
add_to_domain(struct suggest *s, struct suggest_domain *d,
    const struct reader_record *record)
{
	const struct facts *facts = &record->facts;
	struct suggest_client *c = suggest_client(s->known, d, record, true);

	if (c == NULL)
		return false;
	if (record->time_us > c->last)
		c->last = record->time_us;
	/* A refusal is no evidence of a habit, but of a rule that fails. */
	for (size_t i = 0; i < record->nrules; i++)
		if (!add_rule(d, c, &record->rules[i], record->time_us))
			return false;
	if (!suggest_is_evidence(record))
		return true;
	if (d->mails++ == 0)
		d->first = record->time_us;
	if (record->time_us > d->last)
		d->last = record->time_us;
	d->tls += !facts_in_clear(facts);
	d->verified += facts_verified(facts);
	suggest_add_session(c, facts, facts_verified(facts));
	return !facts_verified(facts) || suggest_add_certificate(d, facts);
}

bool
suggest_add(struct suggest *s, const struct reader_record *record)
{
	char name_text[DOMAIN_TEXT_MAX];
	struct suggest_domain *d;
	struct text name;

	if (s->known == NULL)
		s->known = organisations_new();
	text_init(&name, name_text, sizeof name_text);
	if (s->domain.n > 0 && !suggest_name(s, record, &name))
		return true;
	s->records++;
	s->maillog += record->maillog;
	if (s->first == 0)
		s->first = record->time_us;
	if (record->time_us > s->last)
		s->last = record->time_us;
	text_clear(&name);
	if (record->exempt || !suggest_name(s, record, &name))
		return true;
	d = suggest_find_or_add(s, name.buf);
	return d != NULL && add_to_domain(s, d, record);
}
