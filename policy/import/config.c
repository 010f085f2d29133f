/*
 * Every table of a Postfix by its role.  What a service of master.cf has of
 * its own is named: rules count for all services.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/import/config.h"

static bool
list_has_demand(const struct config *c, const char *list)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->elements[i].list, list) == 0 &&
		    c->elements[i].has_demand)
			return true;
	return false;
}

/* What an smtp of its own does with the domains that no table names. */
static bool
is_level(struct slice name)
{
	return slice_is(name, "smtp_tls_security_level") ||
	    slice_is(name, "smtp_enforce_tls") ||
	    slice_is(name, "smtp_tls_enforce_peername");
}

static bool
has_maps(struct config *c)
{
	return maincf_get(&c->main, "smtp_tls_policy_maps").n > 0 ||
	    maincf_get(&c->main, "smtp_tls_per_site").n > 0;
}

/* A service with a list of its own: rules count for all services. */
static void
take_override(struct config *c, const struct maincf_service *s,
    const struct maincf_param *o)
{
	struct import_spared spared = { .who = NULL };
	const char *list = NULL;
	size_t before = c->n;
	bool demands = false;

	for (size_t i = 0; config_lists[i] != NULL; i++)
		if (slice_is(o->name, config_lists[i]))
			list = config_lists[i];
	import_at(c->import, c->main.master_path.p, o->line);
	if (list == NULL) {
		if (slice_is(o->name, "smtp_tls_policy_maps") ||
		    slice_is(o->name, "smtp_tls_per_site"))
			import_refuse(c->import, 0, "service %.*s has its own "
			    "%.*s: leave it there, or import its table alone",
			    SLICE_ARG(s->name), SLICE_ARG(o->name));
		else if (is_level(o->name) && has_maps(c))
			import_refuse(c->import, 0, "service %.*s has its own "
			    "%.*s: the rules below the tables' domains have "
			    "main.cf's level there, too", SLICE_ARG(s->name),
			    SLICE_ARG(o->name));
		return;
	}
	config_collect(c, "", maincf_expand(&c->main, o->value), &spared);
	for (size_t i = before; i < c->n; i++)
		demands |= c->elements[i].has_demand;
	c->n = before;
	if (demands || list_has_demand(c, list))
		import_refuse(c->import, 0, "service %.*s has its own %s%s: "
		    "the rules count there, too", SLICE_ARG(s->name), list,
		    demands ? ", which asks for TLS" : "");
}

static struct import_policy
site_policy(struct config *c)
{
	struct slice verify = maincf_get(&c->main,
	    "smtp_tls_verify_cert_match"), secure = maincf_get(&c->main,
	    "smtp_tls_secure_cert_match"), prints = maincf_get(&c->main,
	    "smtp_tls_fingerprint_cert_match");

	return (struct import_policy){
		.verify_match = verify.n > 0 ? verify.p : NULL,
		.secure_match = secure.n > 0 ? secure.p : NULL,
		.fingerprints = prints.n > 0 ? prints.p : NULL,
		.medium_ciphers = slice_is_nocase(maincf_get(&c->main,
		    "smtp_tls_mandatory_ciphers"), "medium")
	};
}

static void
take_map(struct config *c, const struct import_policy *site,
    struct slice spec, bool per_site)
{
	struct slice type, text, line, value, key;
	struct import_lines lines;
	const char *path;

	if (!config_load_table(c, spec, &type, &text, &path))
		return;
	import_at(c->import, path, 0);
	import_lines_init(&lines, text);
	while (import_lines_next(c->import, &lines, &line)) {
		value = line;
		key = import_word(&value);
		if (slice_is(type, "regexp") || slice_is(type, "pcre") ||
		    slice_is(type, "cidr"))
			import_refuse(c->import, 0, "%.*s: a pattern has no "
			    "key", SLICE_ARG(key));
		else if (per_site ? !import_per_site_line(c->import, key,
		    value) : !import_policy_line(c->import, site, key, value))
			import_refuse(c->import, 0, "\"%.*s\" begins with no "
			    "level: Postfix defers such mail",
			    SLICE_ARG(value));
	}
}

static void
take_maps(struct config *c, const char *name, bool per_site)
{
	struct import_policy site = site_policy(c);
	struct slice value = maincf_get(&c->main, name), spec;

	while (import_list_next(&value, &spec)) {
		import_at(c->import, c->main.main_path.p,
		    maincf_line(&c->main, name));
		take_map(c, &site, spec, per_site);
	}
}

/* What Postfix does with a domain that no line of its tables names. */
static const char *
level_of_all(struct config *c)
{
	struct slice level = maincf_get(&c->main, "smtp_tls_security_level");
	const char *need = import_level(level);

	/* What came before the levels counts where there is none. */
	if (level.n == 0 && maincf_yes(&c->main, "smtp_enforce_tls"))
		return slice_is_nocase(maincf_get(&c->main,
		    "smtp_tls_enforce_peername"), "no") ? "ENCR:1" : "VERIFY";
	return need != NULL ? need : "ENCR:0";
}

static bool
is_loopback_only(struct slice networks)
{
	struct slice word;
	bool any = false;

	while (import_list_next(&networks, &word)) {
		any = true;
		if (!import_is_loopback(word))
			return false;
	}
	return any;
}

static bool
nobody_logs_in(struct config *c)
{
	for (size_t i = 0; i < c->main.noverrides; i++)
		if (slice_is(c->main.overrides[i].name,
		    "smtpd_sasl_auth_enable") &&
		    !slice_is_nocase(c->main.overrides[i].value, "no"))
			return false;
	return !maincf_yes(&c->main, "smtpd_sasl_auth_enable");
}

static void
prepare(struct config *c)
{
	struct slice code = maincf_get(&c->main, "plaintext_reject_code");
	struct slice parents = maincf_get(&c->main,
	    "parent_domain_matches_subdomains"), word;

	c->demand = code.n > 0 && code.p[0] == '5' ? "PERM+ENCR:1" :
	    "TEMP+ENCR:1";
	c->extensions = slice_is(maincf_get(&c->main,
	    "recipient_delimiter"), "+");
	c->exact_domains = true;
	while (import_list_next(&parents, &word))
		if (slice_is(word, "smtpd_access_maps"))
			c->exact_domains = false;
	c->sasl_is_tls = maincf_yes(&c->main, "smtpd_tls_auth_only") ||
	    nobody_logs_in(c);
	c->networks = maincf_get(&c->main, "mynetworks");
	c->only_loopback = is_loopback_only(c->networks);
	c->import->beyond = level_of_all(c);
	c->import->first_wins = true;
}

/* Of both tables Postfix looks at the newer one alone. */
static void
take_outbound(struct config *c)
{
	unsigned long line = maincf_line(&c->main, "smtp_tls_per_site");

	take_maps(c, "smtp_tls_policy_maps", false);
	if (maincf_get(&c->main, "smtp_tls_policy_maps").n == 0)
		take_maps(c, "smtp_tls_per_site", true);
	else if (maincf_get(&c->main, "smtp_tls_per_site").n > 0)
		import_note(c->import, "%s:%lu: smtp_tls_per_site counts for "
		    "nothing beside smtp_tls_policy_maps, and is left out",
		    c->main.main_path.p, line);
}

static void
take_all(struct config *c)
{
	prepare(c);
	config_take_lists(c);
	for (size_t i = 0; i < c->main.nservices; i++) {
		const struct maincf_service *s = &c->main.services[i];

		for (size_t o = s->first; o < s->end; o++)
			take_override(c, s, &c->main.overrides[o]);
	}
	take_outbound(c);
	import_at(c->import, c->main.main_path.p, 0);
	if (c->main.unclear)
		import_refuse(c->import, 0, "a ${...} in it is more than "
		    "tlspolicy reads: give it the output of postconf -n, and "
		    "expand it there");
	if (c->import->left > 0)
		import_note(c->import, "lines of these tables that are not "
		    "about TLS: %lu", c->import->left);
}

bool
import_config(struct import *import, const char *dir, struct fault *f)
{
	struct config *c = calloc(1, sizeof *c);
	bool good;

	if (c == NULL)
		return fault_no_memory(f);
	c->import = import;
	good = maincf_read(&c->main, import, dir, f);
	if (good) {
		take_all(c);
		good = import_finish(import, f);
	}
	maincf_free(&c->main);
	free(c);
	return good;
}
