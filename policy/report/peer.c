/*
 * What the hosts of a domain do, compared with what they did before.
 *
 * The sender's domain is what the client says; the client's name is what the
 * DNS says in both directions, or else its address.  So an alarm is raised
 * only when the same peer that was better before is worse now, and not when a
 * stranger writes under a known name.  Better before: it was so for a number
 * of mails, and not so at most once in a hundred.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/base/domain.h"
#include "policy/facts/organisation.h"
#include "policy/report/report-internal.h"

enum { RARE = 100 };

/*
 * sendmail gives a name that it could not verify, and says so.  An address is
 * printed in one spelling: each MTA has its own.
 */
void
report_client_name(struct organisations *known, const struct facts *facts,
    bool server, struct text *out)
{
	struct slice name = facts_value(facts, server ? FACT_SERVER_NAME :
	    FACT_CLIENT_NAME);
	struct netaddr address;

	/* Of a host that is hidden the domain is shown, the same each day. */
	if (name.n > 0 && name.p[0] == '~')
		name = person_shown(name);
	if (name.n == 0 || name.p[0] == '[' ||
	    (facts_filled(facts, FACT_CLIENT_RESOLVE) &&
	    !slice_is_nocase(facts_value(facts, FACT_CLIENT_RESOLVE), "OK")))
		facts_address(facts, server, &address) ?
		    netaddr_print(&address, out) : text_put(out,
		    facts_value(facts, server ? FACT_SERVER_ADDR :
		    FACT_CLIENT_ADDR));
	else
		organisations_find(known, name, out);
}

static bool
has_alarm(const struct report_client *c)
{
	return c->fallback > 0 || c->unverified > 0;
}

static void
free_client(struct report_client *c)
{
	free(c->name);
	free(c->issuer);
}

/* The client whose place a new one takes: first one without an alarm. */
static struct report_client *
replaceable_client(struct report_domain *d)
{
	struct report_client *least = &d->clients[0];

	for (unsigned i = 1; i < d->nclients; i++) {
		struct report_client *c = &d->clients[i];

		if (has_alarm(c) != has_alarm(least) ? has_alarm(least) :
		    c->tls + c->clear < least->tls + least->clear)
			least = c;
	}
	d->clients_left_out++;
	free_client(least);
	return least;
}

static struct report_client *
find_client(struct report_domain *d, struct slice name)
{
	struct report_client *c;

	for (unsigned i = 0; i < d->nclients; i++)
		if (slice_is(name, d->clients[i].name))
			return &d->clients[i];
	if (d->nclients == REPORT_CLIENTS_MAX) {
		c = replaceable_client(d);
	} else {
		c = realloc(d->clients, (d->nclients + 1) * sizeof *c);
		if (c == NULL)
			return NULL;
		d->clients = c;
		c += d->nclients++;
	}
	memset(c, 0, sizeof *c);
	c->name = report_copy(name);
	return c->name == NULL ? NULL : c;
}

static bool
was_habit(const struct report *r, uint64_t better, uint64_t worse)
{
	return better >= r->steady && better > 0 && worse <= better / RARE;
}

static void
in_clear(const struct report *r, struct report_client *c,
    const struct reader_record *record)
{
	c->clear++;
	if (!was_habit(r, c->tls, c->clear - 1 - c->fallback))
		return;
	if (c->fallback++ == 0)
		c->first_fallback = record->time_us;
	c->fallback_refused += report_is_refusal(record);
	c->last_fallback = record->time_us;
}

static struct slice
issuer_of(const struct facts *facts)
{
	struct slice dn = facts_value(facts, FACT_CERT_ISSUER);

	return dn.n > 0 ? dn : facts_value(facts, FACT_CN_ISSUER);
}

static bool
over_tls(const struct report *r, struct report_client *c,
    const struct reader_record *record)
{
	struct slice issuer = issuer_of(&record->facts);

	c->tls++;
	c->last_tls = record->time_us;
	if (facts_verified(&record->facts)) {
		c->verified++;
		c->last_verified = record->time_us;
		c->unverified_before += c->unverified;
		c->unverified = 0;
		/* A mail log tells no issuer: the one known before stays. */
		if (issuer.n == 0 || (c->issuer != NULL &&
		    slice_is(issuer, c->issuer)))
			return true;
		free(c->issuer);
		return (c->issuer = report_copy(issuer)) != NULL;
	}
	if (!was_habit(r, c->verified, c->unverified_before)) {
		c->unverified_before++;
		return true;
	}
	if (c->unverified++ == 0)
		c->first_unverified = record->time_us;
	c->last_unverified = record->time_us;
	c->unverified_word = facts_verify(&record->facts);
	return true;
}

bool
report_add_peer(const struct report *r, struct report_domain *d,
    const struct reader_record *record)
{
	char name_text[DOMAIN_TEXT_MAX];
	struct report_client *c;
	struct text name;

	text_init(&name, name_text, sizeof name_text);
	report_client_name(r->known, &record->facts, r->leaving, &name);
	c = find_client(d, slice_make(name.buf, name.n));
	if (c == NULL)
		return false;
	if (facts_in_clear(&record->facts)) {
		in_clear(r, c, record);
		return true;
	}
	if (!over_tls(r, c, record))
		return false;
	return !facts_verified(&record->facts) ||
	    report_add_certificate(d, record);
}

void
report_free_domain(struct report_domain *d)
{
	while (d->cells != NULL) {
		struct report_cell *next = d->cells->next;

		free(d->cells);
		d->cells = next;
	}
	for (unsigned i = 0; i < d->nclients; i++)
		free_client(&d->clients[i]);
	report_free_certificates(d);
	free(d->clients);
	free(d->name);
	free(d);
}
