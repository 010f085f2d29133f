/*
 * Clients: by name, then by address.  A name whose lines always decide needs
 * no address; else each kind of address is tried behind it.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/prove/subject-internal.h"

enum { BY_ADDRESS = 1U << KEY_ADDRESS | 1U << KEY_BRACKET };

/* Addresses that a client with a name can have. */
struct behind {
	struct prove_names all;	     /* one of each chain */
	struct slice plain, exempt;  /* one that is not exempt, one that is */
};

static bool
is_loopback(struct slice address)
{
	return (address.n > 4 && memcmp(address.p, "127.", 4) == 0) ||
	    slice_is(address, "::1");
}

static struct prove_subject
client_of(const struct prove_finder *f, struct slice name,
    struct slice address)
{
	return (struct prove_subject){ .value = { name, address },
		.resolve = f->resolve, .sendmail_only = f->sendmail_only };
}

static bool
keep(struct prove_finder *f, struct slice name, struct slice address,
    struct prove_chain *chain)
{
	struct prove_subject client = client_of(f, name, address);

	client.exempt = settings_exempt(f->g->settings, &f->g->check.facts);
	if (client.exempt && f->claim->not_exempt)
		return true;
	return prove_subject_keep(f, &client, chain);
}

/*
 * *meant: the claim means this client; then *chain is its chain, up to what
 * `narrow` leaves out (ground.h).
 */
static bool
look(struct prove_finder *f, struct slice name, struct slice address,
    bool narrow, bool *meant, struct prove_chain **chain, bool *final)
{
	struct prove_subject client = client_of(f, name, address);

	if (!prove_subject_look(f, &client))
		return false;
	*meant = prove_subject_is_meant(f);
	if (!*meant)
		return true;
	*chain = prove_subject_chain(f, narrow, final);
	return *chain != NULL;
}

/* "[192.0.2.1]": the client has no name. */
static bool
add_unnamed(struct prove_finder *f, struct slice address)
{
	struct slice name = prove_ground_printf(f->g, "[%.*s]",
	    SLICE_ARG(address));
	struct prove_chain *chain;
	bool meant, final = false;

	if (name.p == NULL || !look(f, name, address, false, &meant, &chain,
	    &final))
		return false;
	return !meant || keep(f, name, address, chain);
}

/* An address that can stand behind a name. */
static bool
look_behind(struct prove_finder *f, struct slice name, struct slice address,
    struct behind *behind)
{
	const struct claim_who *who = &f->claim->who[TAG_CLT];
	struct prove_subject client = client_of(f, name, address);
	struct prove_chain *chain;
	bool final, exempt;
	uint32_t *seen;

	if (!prove_subject_look(f, &client))
		return false;
	exempt = settings_exempt(f->g->settings, &f->g->check.facts);
	if ((exempt && f->claim->not_exempt) || (who->given &&
	    who->key.kind != KEY_NAME && !prove_subject_is_meant(f)))
		return true;
	chain = prove_subject_chain(f, false, &final);
	if (chain == NULL)
		return false;
	if (exempt && behind->exempt.p == NULL)
		behind->exempt = address;
	if (!exempt && behind->plain.p == NULL)
		behind->plain = address;
	seen = &chain->seen[SEEN_BEHIND + (int)exempt];
	if (*seen == f->run)
		return true;
	*seen = f->run;
	return prove_names_add(f->g, &behind->all, address);
}

static bool
add_each(struct prove_finder *f, struct slice name,
    const struct prove_names *addresses)
{
	struct prove_chain *chain;
	bool meant, final = false;

	for (size_t i = 0; i < addresses->n; i++) {
		if (!look(f, name, addresses->names[i], false, &meant, &chain,
		    &final))
			return false;
		if (meant && !keep(f, name, addresses->names[i], chain))
			return false;
	}
	return true;
}

static bool
add_named(struct prove_finder *f, struct slice name,
    const struct behind *behind)
{
	struct slice ends[2] = { behind->plain, behind->exempt };
	struct prove_names two = { ends, 2, 0 };
	struct prove_chain *chain;
	bool meant, final = false;

	if (ends[0].p == NULL) {
		two.names++;
		two.n--;
	}
	if (ends[1].p == NULL)
		two.n--;
	if (two.n == 0)
		return true;
	if (!look(f, name, two.names[0], true, &meant, &chain, &final))
		return false;
	final = final && f->g->clients.n == 0; /* who ask for the address */
	if (!meant || (!final && chain->seen[SEEN_NARROW] == f->run))
		return true;
	chain->seen[SEEN_NARROW] = f->run;
	return add_each(f, name, final ? &two : &behind->all);
}

/* What networks tell apart, by a name that meets no name's line. */
static bool
find_behind(struct prove_finder *f, const struct prove_names *addresses,
    struct behind *behind)
{
	for (size_t i = 0; i < addresses->n; i++)
		if (!is_loopback(addresses->names[i]) && !look_behind(f,
		    f->g->label, addresses->names[i], behind))
			return false;
	return true;
}

static bool
add_all(struct prove_finder *f, const struct prove_names *names,
    const struct behind *behind, const char *resolve)
{
	f->resolve = resolve;
	for (size_t i = 0; i < names->n; i++)
		if (!add_named(f, names->names[i], behind))
			return false;
	return true;
}

static bool
add_all_unnamed(struct prove_finder *f, const struct prove_names *addresses,
    const char *resolve)
{
	f->resolve = resolve;
	for (size_t i = 0; i < addresses->n; i++)
		if (!is_loopback(addresses->names[i]) &&
		    !add_unnamed(f, addresses->names[i]))
			return false;
	return true;
}

/*
 * Where a rule asks who the client is, sendmail says how far its name may be
 * believed.  Those whom both MTAs have come first: of the same chain the first
 * is kept.
 */
static bool
add_clients(struct prove_finder *f, const struct prove_names *names,
    const struct prove_names *addresses, const struct behind *behind)
{
	bool told = f->g->clients.n > 0;

	f->sendmail_only = false;
	if (!add_all(f, names, behind, told ? "OK" : NULL) ||
	    !add_all_unnamed(f, addresses, told ? "FAIL" : NULL))
		return false;
	f->sendmail_only = true;
	return !told || (add_all(f, names, behind, "FORGED") &&
	    add_all(f, names, behind, "TEMP") &&
	    add_all_unnamed(f, addresses, "TEMP"));
}

bool
prove_subject_hosts(struct prove_finder *f)
{
	struct prove_names names = { NULL, 0, 0 }, addresses = { NULL, 0, 0 };
	struct behind behind = { .all = { NULL, 0, 0 } };
	bool good = prove_subject_names(f, &names) &&
	    prove_subject_addresses(f, BY_ADDRESS, &addresses) &&
	    find_behind(f, &addresses, &behind) &&
	    add_clients(f, &names, &addresses, &behind);

	free(names.names);
	free(addresses.names);
	free(behind.all.names);
	return good;
}
