#include <stdio.h>
#include <string.h>

#include "t/bench/plan.h"
#include "t/bench/random.h"

#define KIND(k) (1U << RULES_##k)

/* How a part of the session meets the policy, and in what share of sessions. */
struct meeting {
	unsigned percent;
	unsigned kinds;		/* of the rule that is met; 0: none */
	bool below;		/* a subdomain of what the rule names */
};

static const struct meeting client_meetings[] = {
	{ 30, KIND(CLIENT_HOST), false },
	{ 5, KIND(CLIENT_DOMAIN), false },
	{ 15, KIND(CLIENT_DOMAIN), true },
	{ 10, KIND(CLIENT_ADDR4) | KIND(CLIENT_ADDR6), false },
	{ 10, KIND(CLIENT_NET4) | KIND(CLIENT_NET6), false },
	{ 30, 0, false },
};
static const struct meeting sender_meetings[] = {
	{ 15, KIND(FROM_ADDRESS), false },
	{ 15, KIND(FROM_DOMAIN), false },
	{ 10, KIND(FROM_DOMAIN), true },
	{ 60, 0, false },
};
static const struct meeting recipient_meetings[] = {
	{ 5, KIND(TO_ADDRESS), false },
	{ 5, KIND(TO_DOMAIN), false },
	{ 90, 0, false },
};

/* A sequence of numbers of one session's own. */
struct draws {
	uint64_t seed;
	uint64_t next;
};

static uint32_t
draw(struct draws *d, uint32_t below)
{
	return (uint32_t)(random_at(d->seed, d->next++) % below);
}

static const struct meeting *
choose(struct draws *d, const struct meeting *table)
{
	unsigned percent = draw(d, 100);

	while (percent >= table->percent)
		percent -= (table++)->percent;
	return table;
}

/* The number of a rule of the wanted kinds, or of no rule at all. */
static uint32_t
partner(struct draws *d, const struct meeting *m, uint64_t seed,
    uint32_t count)
{
	uint32_t i;

	if (m->kinds == 0)
		return RULES_NONE + draw(d, RULES_NONE);
	do
		i = draw(d, count);
	while ((1U << rules_kind(seed, i) & m->kinds) == 0);
	return i;
}

static bool
plan_client(struct plan *p, struct draws *d, uint64_t seed, uint32_t count)
{
	const struct meeting *m = choose(d, client_meetings);
	uint32_t i = partner(d, m, seed, count);
	bool named = m->kinds & (KIND(CLIENT_HOST) | KIND(CLIENT_DOMAIN));
	char name[RULES_NAME];

	if (named)
		rules_what(seed, i, name);
	else
		rules_domain(seed, RULES_NONE + i % RULES_NONE, name);
	snprintf(p->client_name, sizeof(p->client_name), "%s%s",
	    named && !m->below ? "" : "mx7.out.", name);
	rules_address(seed, named ? RULES_NONE + i : i, draw(d, 1U << 30),
	    p->client_addr);
	p->ipv6 = strchr(p->client_addr, ':') != NULL;
	return m->kinds != 0;
}

static bool
plan_mailbox(char out[RULES_NAME * 2], const struct meeting *table,
    struct draws *d, uint64_t seed, uint32_t count)
{
	const struct meeting *m = choose(d, table);
	uint32_t i = partner(d, m, seed, count);
	char name[RULES_NAME];

	if (m->kinds == 0)
		rules_domain(seed, i, name);
	else
		rules_what(seed, i, name);
	snprintf(out, RULES_NAME * 2, "%s%s%s",
	    strchr(name, '@') == NULL ? "k.jones@" : "",
	    m->below ? "news." : "", name);
	return m->kinds != 0;
}

static void
plan_tls(struct plan *p, struct draws *d, bool met, unsigned refused)
{
	unsigned percent = draw(d, 100);

	if (met) {
		p->tls = draw(d, 1000) >= refused;
		p->verified = p->tls;
	} else {
		p->tls = percent >= 15;
		p->verified = percent >= 90;
	}
	if (met || percent >= 35) {
		p->version = "TLSv1.3";
		p->cipher = "TLS_AES_256_GCM_SHA384";
	} else {
		p->version = "TLSv1.2";
		p->cipher = "ECDHE-RSA-AES256-GCM-SHA384";
	}
}

void
plan_session(struct plan *p, uint64_t seed, uint32_t count, unsigned refused,
    uint64_t n)
{
	struct draws d = { .seed = random_at(~seed, n) };
	bool met;

	met = plan_client(p, &d, seed, count);
	met |= plan_mailbox(p->sender, sender_meetings, &d, seed, count);
	met |= plan_mailbox(p->recipient, recipient_meetings, &d, seed, count);
	plan_tls(p, &d, met, refused);
}
