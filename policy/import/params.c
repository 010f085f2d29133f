/*
 * Parameters that decide what the lists of restrictions come to.  What a rule
 * cannot follow is named.
 */
#include <string.h>

#include "policy/import/config-internal.h"

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
asks_all(struct config *c)
{
	return slice_is_nocase(maincf_get(&c->main,
	    "smtpd_tls_security_level"), "encrypt") ||
	    maincf_yes(&c->main, "smtpd_enforce_tls") ||
	    maincf_yes(&c->main, "smtpd_tls_wrappermode");
}

/* Who logs in has TLS, or nobody logs in. */
static bool
logs_in_by_tls(struct config *c)
{
	return !maincf_yes(&c->main, "smtpd_sasl_auth_enable") ||
	    maincf_yes(&c->main, "smtpd_tls_auth_only") || asks_all(c);
}

/* "!smtpd_access_maps", a file or a table say what a rule cannot. */
static void
take_parents(struct config *c)
{
	static const char name[] = "parent_domain_matches_subdomains";
	struct slice parents = maincf_get(&c->main, name), word;

	c->exact_domains = true;
	while (import_list_next(&parents, &word)) {
		if (slice_is_nocase(word, "smtpd_access_maps"))
			c->exact_domains = false;
		if (word.p[0] != '!' && word.p[0] != '/' &&
		    slice_find(word, ':') == word.n)
			continue;
		import_at(c->import, c->main.main_path.p,
		    maincf_line(&c->main, name));
		import_refuse(c->import, 0, "%.*s in %s is more than the name "
		    "of a feature", SLICE_ARG(word), name);
	}
}

static void
take_delimiter(struct config *c)
{
	struct slice delimiter = maincf_get(&c->main, "recipient_delimiter");

	c->extensions = slice_find(delimiter, '+') < delimiter.n;
	c->other_delimiter = delimiter.n > (c->extensions ? 1 : 0);
}

static bool
is_of_class(struct config *c, const char *code, char first)
{
	struct slice value = maincf_get(&c->main, code);

	return value.n > 0 && value.p[0] == first;
}

void
config_prepare(struct config *c)
{
	bool soft = maincf_yes(&c->main, "soft_bounce");

	c->demand = !soft && is_of_class(c, "plaintext_reject_code", '5') ?
	    "PERM+ENCR:1" : "TEMP+ENCR:1";
	c->refused_for_now = soft || !is_of_class(c, "reject_code", '5');
	c->delays = maincf_yes(&c->main, "smtpd_delay_reject");
	c->null_key = maincf_get(&c->main, "smtpd_null_access_lookup_key");
	if (slice_is(c->null_key, "<>"))
		c->null_key = slice_make("", 0);
	else if (c->null_key.n == 0)
		c->null_key = slice_of("-"); /* no line is the null sender's */
	take_parents(c);
	take_delimiter(c);
	c->sasl_is_tls = logs_in_by_tls(c);
	c->networks = maincf_get(&c->main, "mynetworks");
	c->only_loopback = is_loopback_only(c->networks);
	c->import->first_wins = true;
}
