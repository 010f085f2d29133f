/* Who sends under a domain's name; the DNS tells the partner from a stranger. */
#include <stdlib.h>
#include <string.h>

#include "policy/base/domain.h"
#include "policy/report/report-internal.h"
#include "policy/suggest/suggest-internal.h"

/* Is the host called so itself, or below that name?  Neither: an address. */
static void
note_host(struct suggest_client *c, const struct facts *facts)
{
	char host_text[DOMAIN_TEXT_MAX];
	struct netaddr address;
	struct text host;

	text_init(&host, host_text, sizeof host_text);
	if (netaddr_parse(slice_of(c->name), &address))
		return;
	domain_canonical(facts_value(facts, FACT_CLIENT_NAME), &host);
	if (strcmp(host.buf, c->name) == 0)
		c->itself = true;
	else
		c->below = true;
}

struct suggest_client *
suggest_client(struct organisations *known, struct suggest_domain *d,
    const struct reader_record *record, bool add)
{
	char name_text[DOMAIN_TEXT_MAX];
	struct suggest_client *c;
	struct text name;

	text_init(&name, name_text, sizeof name_text);
	report_client_name(known, &record->facts, false, &name);
	c = suggest_client_named(d, name.buf, add);
	if (c != NULL && add)
		note_host(c, &record->facts);
	return c;
}

struct suggest_client *
suggest_client_named(struct suggest_domain *d, const char *name, bool add)
{
	struct suggest_client *c;

	for (size_t i = 0; i < d->nclients; i++)
		if (strcmp(d->clients[i].name, name) == 0)
			return &d->clients[i];
	if (d->nclients == SUGGEST_CLIENTS_MAX)
		return &d->clients[d->nclients - 1];
	if (!add)
		return NULL;
	c = realloc(d->clients, (d->nclients + 1) * sizeof *c);
	if (c == NULL)
		return NULL;
	d->clients = c;
	c += d->nclients;
	memset(c, 0, sizeof *c);
	c->name = strdup(d->nclients + 1 == SUGGEST_CLIENTS_MAX ?
	    "many others" : name);
	if (c->name == NULL)
		return NULL;
	d->nclients++;
	return c;
}

void
suggest_free_clients(struct suggest_domain *d)
{
	for (size_t i = 0; i < d->nclients; i++)
		free(d->clients[i].name);
	free(d->clients);
}

bool
suggest_only_outliers(const struct suggest_domain *d, suggest_failed *one)
{
	uint64_t mails = 0, failed = 0, good = 0;

	for (size_t i = 0; i < d->nclients; i++) {
		const struct suggest_client *c = &d->clients[i];
		uint64_t of = 0, n = one(c, &of);

		if (n > 0 && (n < of || c->untold))
			return false;
		mails += of;
		failed += n;
		good += of - n;
	}
	return failed == 0 || (good > 0 && (failed == 1 ||
	    failed <= mails / SUGGEST_OUTLIERS));
}
