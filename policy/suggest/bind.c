/*
 * To which hosts a sender is bound: those by whom nearly all of its mail comes.
 * Who is left out may be one mail, or one of twenty, as with outliers, and is
 * named above the rule in the same way.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/suggest/suggest-internal.h"

static void
put_item(struct text *out, const char *dot, const char *host)
{
	text_printf(out, "++CLIENT:%s%s", dot, host);
}

/* The client with most mail among those not taken yet; NULL: none is left. */
static const struct suggest_client *
next_most(const struct suggest_domain *d, const bool *taken, size_t *at)
{
	const struct suggest_client *most = NULL;

	for (size_t i = 0; i < d->nclients; i++)
		if (!taken[i] && d->clients[i].mails > 0 &&
		    (most == NULL || d->clients[i].mails > most->mails)) {
			most = &d->clients[i];
			*at = i;
		}
	return most;
}

bool
suggest_put_hosts(const struct suggest_domain *d, struct text *out)
{
	bool taken[SUGGEST_CLIENTS_MAX] = { false };
	uint64_t all = 0, left;
	size_t at = 0;

	for (size_t i = 0; i < d->nclients; i++)
		all += d->clients[i].mails;
	/* Of a full list the last client stands for many hosts. */
	if (d->nclients == SUGGEST_CLIENTS_MAX || all == 0)
		return false;
	left = all;
	for (int n = 0; left > 0 && (n == 0 || (left > 1 &&
	    left > all / SUGGEST_OUTLIERS)); n++) {
		const struct suggest_client *c = next_most(d, taken, &at);

		if (c == NULL || n == SUGGEST_HOSTS_MAX || c->untold)
			return false;
		taken[at] = true;
		left -= c->mails;
		if (c->below)
			put_item(out, ".", c->name);
		if (c->itself || !c->below)
			put_item(out, "", c->name);
	}
	return true;
}
