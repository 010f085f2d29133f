/*
 * config-internal.h - what config.c found in a Postfix's configuration, for
 * the files that make rules of it.
 *
 * The restriction lists are taken apart into elements first, for what a line
 * of one table means can rest on what stands behind it in its list, and on
 * other tables that judge the same.
 */
#ifndef TLSPOLICY_IMPORT_CONFIG_INTERNAL_H
#define TLSPOLICY_IMPORT_CONFIG_INTERNAL_H

#include "policy/import/maincf.h"

enum { ELEMENTS_MAX = 256, TABLES_MAX = 1024 };

/* A table that stands within the lines of others. */
struct config_table {
	struct slice spec, type, text;
	const char *path;
	bool known, looked_into, asks;
};

/* When Postfix goes through a list where smtpd_delay_reject = no. */
enum config_when { LIST_AT_CONNECT, LIST_AT_MAIL, LIST_AT_RCPT, LIST_AT_DATA };

struct config_list {
	const char *name; /* "smtpd_client_restrictions" */
	enum config_when when;
	bool has_check; /* of a table that stands there alone, of this tag */
	enum tag tag;
};

/* Something in a list that can ask for TLS or end the search for it. */
struct element {
	const struct config_list *list;
	unsigned long line;
	enum tag tag;	    /* TAG_COUNT: no tag is for it */
	bool is_table, known, warn, has_demand, has_permit;
	bool may_ask;	    /* for TLS, by what is not followed */
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
	int nesting; /* of tables within tables, just now */
	const char *demand;
	bool extensions, other_delimiter, exact_domains, sasl_is_tls,
	    only_loopback, refused_for_now, delays;
	struct slice networks; /* mynetworks */
	struct slice null_key; /* smtpd_null_access_lookup_key; empty: <> */
};

/* maptable.c.  False: it was named that this table cannot be read. */
bool config_load_table(struct config *, struct slice spec, struct slice *type,
    struct slice *text, const char **path);

/* params.c: what decides about the lists. */
void config_prepare(struct config *);

/* lists.c: "smtpd_client_restrictions" and its like, ended by a name NULL. */
extern const struct config_list config_lists[];
/* The words of a restriction class; empty: it is none. */
struct slice config_class_of(void *config, struct slice name);
/* What is known of this table and of all. */
struct import_access config_access(struct config *, const struct element *);
/* Adds a list's elements. */
void config_collect(struct config *, const struct config_list *);

/* demands.c: all of smtpd_*_restrictions as rules. */
void config_take_lists(struct config *);

/* maps.c: all tables of next hops. */
void config_take_maps(struct config *);
/* Those that are LMTP's alone, ended by NULL. */
extern const char *const config_lmtp_maps[];

/* services.c: names what a service of master.cf has of its own. */
void config_take_services(struct config *);

#endif
