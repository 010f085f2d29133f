/*
 * config.h - what config.c found in a Postfix's configuration;
 * private to import*.c.
 *
 * The restriction lists are taken apart into elements first, for what a line
 * of one table means can rest on what stands behind it in its list, and on
 * other tables that judge the same.
 */
#ifndef TLSPOLICY_IMPORT_CONFIG_H
#define TLSPOLICY_IMPORT_CONFIG_H

#include "policy/import/maincf.h"

enum { ELEMENTS_MAX = 256, TABLES_MAX = 1024 };

/* A table that stands within the lines of others. */
struct config_table {
	struct slice spec, type, text;
	const char *path;
	bool known;
};

/* Something in a list that can ask for TLS or end the search for it. */
struct element {
	const char *list;
	unsigned long line;
	enum tag tag;	    /* TAG_COUNT: no tag is for it */
	bool is_table, known, warn, has_demand, has_permit;
	struct import_spared spared; /* by a permit_... before it */
	struct slice type, text;
	const char *path;   /* of the table, or main.cf */
};

struct config {
	struct maincf main;
	struct import *import;
	struct element elements[ELEMENTS_MAX];
	size_t n;
	struct config_table tables[TABLES_MAX];
	size_t ntables;
	const char *demand;
	bool extensions, exact_domains, sasl_is_tls, only_loopback;
	struct slice networks; /* mynetworks */
};

/* maptable.c.  False: it was named that this table cannot be read. */
bool config_load_table(struct config *, struct slice spec, struct slice *type,
    struct slice *text, const char **path);

/* lists.c: the words of a restriction class; empty: it is none. */
struct slice config_class_of(void *config, struct slice name);
/* Adds a list's elements; *spared: who is let pass before. */
void config_collect(struct config *, const char *list, struct slice value,
    struct import_spared *spared);
/* All of smtpd_*_restrictions as rules. */
void config_take_lists(struct config *);
/* "smtpd_client_restrictions" and its like, ended by NULL. */
extern const char *const config_lists[];

#endif
