/*
 * Tables of next hops, and what Postfix does with a domain that none names.
 */
#include <string.h>

#include "policy/import/config-internal.h"

const char *const config_lmtp_maps[] = { "lmtp_tls_policy_maps",
	"lmtp_tls_per_site", NULL };

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
	unsigned long at = c->import->line;
	struct import_lines lines;
	const char *path;

	if (!config_load_table(c, spec, &type, &text, &path))
		return;
	import_at(c->import, path, 0);
	c->import->whole = slice_is(type, "inline") ? at : 0;
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
	c->import->whole = 0;
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

	/* Without a level the parameters of before Postfix 2.3 count. */
	if (level.n == 0 && maincf_yes(&c->main, "smtp_enforce_tls"))
		return slice_is_nocase(maincf_get(&c->main,
		    "smtp_tls_enforce_peername"), "no") ? "ENCR:1" : "VERIFY";
	return need != NULL ? need : "ENCR:0";
}

/*
 * Of smtp_tls_policy_maps and smtp_tls_per_site Postfix looks at the newer
 * alone.
 */
void
config_take_maps(struct config *c)
{
	unsigned long line = maincf_line(&c->main, "smtp_tls_per_site");

	c->import->beyond = level_of_all(c);
	for (size_t i = 0; config_lmtp_maps[i] != NULL; i++) {
		import_at(c->import, c->main.main_path.p,
		    maincf_line(&c->main, config_lmtp_maps[i]));
		if (maincf_get(&c->main, config_lmtp_maps[i]).n > 0)
			import_refuse(c->import, 0, "%s is of LMTP alone: "
			    "leave it there, or import its table alone",
			    config_lmtp_maps[i]);
	}
	take_maps(c, "smtp_tls_policy_maps", false);
	if (maincf_get(&c->main, "smtp_tls_policy_maps").n == 0)
		take_maps(c, "smtp_tls_per_site", true);
	else if (maincf_get(&c->main, "smtp_tls_per_site").n > 0)
		import_note(c->import, "%s:%lu: smtp_tls_per_site counts for "
		    "nothing beside smtp_tls_policy_maps, and is left out",
		    c->main.main_path.p, line);
}

