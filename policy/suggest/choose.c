/* From what was seen to a requirement that all of it satisfies. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "policy/facts/suite.h"
#include "policy/rules/item.h"
#include "policy/suggest/suggest-internal.h"

#define DAY_US INT64_C(86400000000)

static int64_t
days(int64_t first, int64_t last)
{
	return last / DAY_US - first / DAY_US + 1;
}

/* A stand-in (BadCertificate...) is no evidence of a name. */
static bool
is_name(const char *cn)
{
	return cn != NULL && cn[0] != '\0' && strchr(cn, '+') == NULL &&
	    !slice_starts_nocase(slice_of(cn), "BadCertificate");
}

static uint64_t
not_verified(const struct suggest_client *c, uint64_t *mails)
{
	*mails = c->mails;
	return c->mails - c->verified;
}

static uint64_t
in_clear(const struct suggest_client *c, uint64_t *mails)
{
	*mails = c->mails;
	return c->mails - c->tls;
}

static uint64_t
rule_failed(const struct suggest_client *c, uint64_t *mails)
{
	*mails = c->rule_mails;
	return c->rule_failed;
}

/* The least that was seen of clients that are no outliers. */
struct least {
	int version;
	unsigned bits;
	uint64_t mails;
};

static struct least
find_least(const struct suggest_domain *d, suggest_failed *failed)
{
	struct least least = { .version = INT_MAX, .bits = UINT_MAX };

	for (size_t i = 0; i < d->nclients; i++) {
		const struct suggest_client *c = &d->clients[i];
		uint64_t mails;

		if (c->mails == 0 || failed(c, &mails) > 0)
			continue;
		least.mails += c->mails;
		if (c->version < least.version)
			least.version = c->version;
		if (c->bits < least.bits)
			least.bits = c->bits;
	}
	return least;
}

/* The first item of all stands behind a single "+". */
static void
put_hosts(const struct suggest_domain *d, bool item, struct text *out)
{
	char hosts_text[REQUIREMENT_TEXT_MAX];
	struct text hosts;

	text_init(&hosts, hosts_text, sizeof hosts_text);
	if (suggest_put_hosts(d, &hosts) && !hosts.cut)
		text_puts(out, hosts.buf + (item ? 0 : 1));
}

/* "VERIFY+CN:mx.partner.example++VER:1.2", "ENCR:128++VER:1.2" */
static void
put_requirement(const struct suggest *s, const struct suggest_domain *d,
    const struct least *least, bool verify, struct text *out)
{
	bool item = false;

	if (verify) {
		text_puts(out, "VERIFY");
		if (s->pin && is_name(d->cn)) {
			text_puts(out, "+CN:");
			text_put_xencoded(out, slice_of(d->cn));
			item = true;
		}
	} else {
		text_printf(out, "ENCR:%u", least->bits >= 128 ? 128 :
		    least->bits >= 112 ? 112 : 1);
	}
	if (least->version >= suite_protocol(slice_of("1.2")))
		text_puts(out, item ? "++VER:1.2" : "+VER:1.2");
	if (s->bind)
		put_hosts(d, strchr(out->buf, '+') != NULL, out);
}

/* The rule that there is, without its class and its BY. */
static bool
put_existing(const struct suggest *s, const struct suggest_domain *d,
    struct text *out, enum rule_class *class)
{
	struct requirement r;
	struct fault fault;
	unsigned n = 0;

	if (!requirement_parse(slice_of(d->requirement), s->tag, &r,
	    &fault) || (r.need != NEED_VERIFY && r.need != NEED_ENCR) ||
	    requirement_is_dated(&r))
		return false;
	*class = r.class;
	r.class = CLASS_NONE;
	r.by = slice_make(NULL, 0);
	for (unsigned i = 0; i < r.nitems; i++)
		if (strcmp(r.items[i].row->name, "BY") != 0)
			r.items[n++] = r.items[i];
	r.nitems = n;
	requirement_print(&r, out);
	return !out->cut;
}

static enum suggest_why
choose_first(const struct suggest *s, struct suggest_domain *d,
    struct text *out)
{
	bool verify = suggest_only_outliers(d, not_verified);
	struct least least = find_least(d, verify ? not_verified : in_clear);

	if (d->mails < s->min_mails || days(d->first, d->last) < s->min_days)
		return WHY_FEW;
	if (!verify && !suggest_only_outliers(d, in_clear))
		return WHY_CLEAR;
	if (least.mails < s->min_mails)
		return WHY_FEW;
	put_requirement(s, d, &least, verify, out);
	d->stage = SUGGEST_WARN;
	return out->cut ? WHY_NO_RULE : WHY_PROPOSED;
}

static enum suggest_why
choose_next(const struct suggest *s, struct suggest_domain *d,
    struct text *out)
{
	enum rule_class class;
	int64_t lasted = days(d->rule_first, d->rule_last);

	/* Mail that leaves is kept by a rule of whatever class. */
	if (!put_existing(s, d, out, &class) || class == CLASS_PERM ||
	    class == CLASS_HOLD || (class != CLASS_WARN && s->tag == TAG_RCPT))
		return WHY_RULE;
	if (!suggest_only_outliers(d, rule_failed))
		return WHY_FAILED;
	if (d->rule_mails < s->min_mails)
		return WHY_FEW;
	if (lasted < (class == CLASS_WARN ? s->temp_days : s->perm_days))
		return WHY_WAIT;
	d->stage = class == CLASS_WARN ? SUGGEST_TEMP : SUGGEST_PERM;
	return WHY_PROPOSED;
}

static bool
choose(const struct suggest *s, struct suggest_domain *d)
{
	char proposal_text[REQUIREMENT_TEXT_MAX];
	struct text proposal;

	text_init(&proposal, proposal_text, sizeof proposal_text);
	if (d->failures > 0)
		d->why = WHY_FAILING;
	else if (d->other_rule)
		d->why = WHY_OTHER_RULE;
	else if (d->requirement != NULL)
		d->why = choose_next(s, d, &proposal);
	else
		d->why = choose_first(s, d, &proposal);
	if (d->why != WHY_PROPOSED) {
		d->stage = SUGGEST_NONE;
		return true;
	}
	return (d->proposal = strdup(proposal.buf)) != NULL;
}

static int
compare(const void *pa, const void *pb)
{
	const struct suggest_domain *a = *(struct suggest_domain *const *)pa;
	const struct suggest_domain *b = *(struct suggest_domain *const *)pb;

	return strcmp(a->name, b->name);
}

bool
suggest_choose(struct suggest *s)
{
	if (s->n > 0)
		qsort(s->domains, s->n, sizeof *s->domains, compare);
	for (size_t i = 0; i < s->n; i++)
		if (!choose(s, s->domains[i]))
			return false;
	return true;
}
