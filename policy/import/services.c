/*
 * What a service of master.cf has of its own.  Rules count for all services: so
 * what main.cf says is read once more with each one's -o in force, and where
 * that comes to other rules the -o that were asked for are named.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/import/config-internal.h"

/* What a configuration comes to. */
struct reading {
	struct import import;
	struct config *config;
};

/* What a program of Postfix goes by. */
struct program {
	void (*take)(struct config *);
	void (*name)(struct config *, const struct maincf_service *,
	    const struct maincf_param *, const struct reading *base,
	    const struct reading *own);
};

static void
say_nothing(void *arg, const struct fault *f)
{
	(void)arg;
	(void)f;
}

/* `as`: with whose -o; NULL: nobody's. */
static bool
read_as(struct reading *r, struct config *c, const struct maincf_service *as,
    const struct program *program)
{
	import_init(&r->import, c->import->format, c->import->path,
	    say_nothing, NULL);
	r->config = calloc(1, sizeof *r->config);
	if (r->config == NULL)
		return false;
	r->config->import = &r->import;
	r->config->main = c->main;
	r->config->main.import = &r->import;
	r->config->main.as = as;
	r->config->main.unclear = false;
	config_prepare(r->config);
	program->take(r->config);
	return !r->import.no_memory;
}

static void
reading_free(struct reading *r)
{
	import_free(&r->import);
	free(r->config);
}

static bool
is_same_rule(const struct import_rule *a, const struct import_rule *b)
{
	return slice_equal(a->key, b->key) && a->exact == b->exact &&
	    slice_equal(a->requirement, b->requirement);
}

static bool
are_same(const struct import *a, const struct import *b)
{
	if (a->n != b->n || a->nrows != b->nrows)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!is_same_rule(&a->rules[i], &b->rules[i]))
			return false;
	for (size_t i = 0; i < a->nrows; i++)
		if (a->rows[i].force != b->rows[i].force ||
		    !slice_equal(a->rows[i].why, b->rows[i].why))
			return false;
	/* The level for domains that no table names; NULL for smtpd. */
	return a->n == 0 || a->beyond == NULL ||
	    strcmp(a->beyond, b->beyond) == 0;
}

/*
 * Some rule asks for more than nothing and is none of the other
 * configuration's.
 */
static bool
asks_more(const struct import *own, const struct import *base)
{
	for (size_t i = 0; i < own->n; i++) {
		const struct import_rule *rule = &own->rules[i];
		size_t k = 0;

		if (slice_starts_nocase(rule->requirement, "ENCR:0"))
			continue;
		while (k < base->n && !is_same_rule(rule, &base->rules[k]))
			k++;
		if (k == base->n)
			return true;
	}
	return false;
}

/* Something in that list asks for TLS, or may. */
static bool
has_demand(const struct config *c, const struct config_list *list)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->elements[i].list == list &&
		    (c->elements[i].has_demand || c->elements[i].may_ask ||
		    (c->elements[i].is_table && !c->elements[i].known)))
			return true;
	return false;
}

static const struct config_list *
find_list(struct slice name)
{
	for (const struct config_list *l = config_lists; l->name != NULL; l++)
		if (slice_is(name, l->name))
			return l;
	return NULL;
}

static void
name_inbound(struct config *c, const struct maincf_service *s,
    const struct maincf_param *o, const struct reading *base,
    const struct reading *own)
{
	const struct config_list *list = find_list(o->name);
	bool asks = list != NULL ? has_demand(own->config, list) :
	    asks_more(&own->import, &base->import);

	if (list == NULL || asks || has_demand(base->config, list))
		import_refuse(c->import, 0, "service %.*s has its own %.*s%s: "
		    "the rules count there, too", SLICE_ARG(s->name),
		    SLICE_ARG(o->name), asks ? ", which asks for TLS" : "");
}

/* A parameter that decides what smtp(8) does with domains no table names. */
static bool
is_level(struct slice name)
{
	return slice_is(name, "smtp_tls_security_level") ||
	    slice_is(name, "smtp_enforce_tls") ||
	    slice_is(name, "smtp_tls_enforce_peername");
}

static void
name_outbound(struct config *c, const struct maincf_service *s,
    const struct maincf_param *o, const struct reading *base,
    const struct reading *own)
{
	(void)base;
	(void)own;
	if (is_level(o->name))
		import_refuse(c->import, 0, "service %.*s has its own %.*s: "
		    "the rules below the tables' domains have main.cf's level "
		    "there, too", SLICE_ARG(s->name), SLICE_ARG(o->name));
	else
		import_refuse(c->import, 0, "service %.*s has its own %.*s: "
		    "leave it there, or import its table alone",
		    SLICE_ARG(s->name), SLICE_ARG(o->name));
}

static const struct program smtpd = { config_take_lists, name_inbound };
static const struct program smtp = { config_take_maps, name_outbound };

/* Each -o that was asked for, and says something else than main.cf. */
static void
name_overrides(struct config *c, const struct maincf_service *s,
    const struct program *program, struct reading *base, struct reading *own)
{
	unsigned long bad = c->import->bad;

	for (size_t i = s->first; i < s->end; i++) {
		const struct maincf_param *o = &c->main.overrides[i];

		import_at(c->import, c->main.master_path.p, o->line);
		if (o->asked && !slice_equal(
		    maincf_find(&base->config->main, o->name),
		    maincf_find(&own->config->main, o->name)))
			program->name(c, s, o, base, own);
	}
	import_at(c->import, c->main.master_path.p, s->line);
	if (own->config->main.unclear && !base->config->main.unclear)
		import_refuse(c->import, 0, "a ${...} in service %.*s is more "
		    "than tlspolicy reads", SLICE_ARG(s->name));
	else if (c->import->bad == bad)
		import_refuse(c->import, 0, "service %.*s goes by another "
		    "policy: the rules count there, too", SLICE_ARG(s->name));
}

static void
take_service(struct config *c, const struct maincf_service *s,
    const struct program *program, struct reading *base)
{
	struct reading own;

	for (size_t i = s->first; i < s->end; i++)
		c->main.overrides[i].asked = false;
	if (!read_as(&own, c, s, program))
		c->import->no_memory = true;
	else if (own.config->main.unclear != base->config->main.unclear ||
	    !are_same(&base->import, &own.import))
		name_overrides(c, s, program, base, &own);
	reading_free(&own);
}

/* All services that run this program. */
static void
take_program(struct config *c, const char *command,
    const struct program *program)
{
	struct reading base;

	if (!read_as(&base, c, NULL, program))
		c->import->no_memory = true;
	for (size_t i = 0; !c->import->no_memory && i < c->main.nservices;
	    i++) {
		const struct maincf_service *s = &c->main.services[i];

		if (slice_is(s->command, command) && s->end > s->first)
			take_service(c, s, program, &base);
	}
	reading_free(&base);
}

static void
refuse_lmtp(struct config *c, const struct maincf_service *s)
{
	for (size_t i = s->first; i < s->end; i++)
		for (size_t k = 0; config_lmtp_maps[k] != NULL; k++) {
			import_at(c->import, c->main.master_path.p, s->line);
			if (slice_is(c->main.overrides[i].name,
			    config_lmtp_maps[k]))
				name_outbound(c, s, &c->main.overrides[i],
				    NULL, NULL);
		}
}

/* What asks every session for TLS is no list: Postfix goes on asking. */
static void
note_sessions(struct config *c)
{
	static const char *const names[][2] = {
		{ "smtpd_tls_security_level", "encrypt" },
		{ "smtpd_enforce_tls", "yes" },
		{ "smtpd_tls_req_ccert", "yes" } };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct slice name = slice_of(names[i][0]);

		import_at(c->import, c->main.main_path.p,
		    maincf_line(&c->main, name.p));
		if (slice_is_nocase(maincf_find(&c->main, name), names[i][1]))
			import_note(c->import, "%s = %s is of all sessions, "
			    "and left to Postfix", name.p, names[i][1]);
		for (size_t k = 0; k < c->main.noverrides; k++) {
			const struct maincf_param *o = &c->main.overrides[k];

			import_at(c->import, c->main.master_path.p, o->line);
			if (slice_equal(o->name, name) && slice_is_nocase(
			    maincf_expand(&c->main, o->value), names[i][1]))
				import_note(c->import, "%s = %s is of all "
				    "sessions there, and left to Postfix",
				    name.p, names[i][1]);
		}
	}
}

void
config_take_services(struct config *c)
{
	note_sessions(c);
	take_program(c, "smtpd", &smtpd);
	take_program(c, "smtp", &smtp);
	for (size_t i = 0; i < c->main.nservices; i++)
		if (slice_is(c->main.services[i].command, "lmtp"))
			refuse_lmtp(c, &c->main.services[i]);
}
