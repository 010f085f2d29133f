/*
 * maincf.h - main.cf and master.cf, read as postconf(1) does, without
 * running it.
 *
 * Known: continued lines, the last value of a name, $name, ${name}, $(name),
 * ${name?text} ${name:text} with and without braces.  Comparisons
 * (${{a} == {b} ? ...}) are not: `unclear` is set.
 *
 * What is asked is main.cf's value, or with `as` what such a service has in its
 * place, in other parameters' values too.
 */
#ifndef TLSPOLICY_IMPORT_MAINCF_H
#define TLSPOLICY_IMPORT_MAINCF_H

#include "policy/import/postfix-internal.h"

enum { MAINCF_VALUE_MAX = 32 * 1024 };

struct maincf_param {
	struct slice name, value; /* as written */
	unsigned long line;
	bool asked; /* of an -o: its value was */
};

/* A line of master.cf that runs smtpd, smtp or lmtp. */
struct maincf_service {
	struct slice name, command;
	unsigned long line;
	size_t first, end; /* its -o, in `overrides` */
};

struct maincf {
	struct import *import;
	const char *dir;
	struct slice main_path, master_path;
	struct maincf_param *params, *overrides;
	size_t n, allocated, noverrides, overrides_allocated;
	struct maincf_service *services;
	size_t nservices, services_allocated;
	const struct maincf_service *as; /* whose -o count; NULL: nobody's */
	bool unclear;
};

bool maincf_read(struct maincf *, struct import *, const char *dir,
    struct fault *);
void maincf_free(struct maincf *);
/* The parameter's value with all $names replaced, in the import's memory. */
struct slice maincf_get(struct maincf *, const char *name);
struct slice maincf_find(struct maincf *, struct slice name);
unsigned long maincf_line(const struct maincf *, const char *name);
struct slice maincf_expand(struct maincf *, struct slice value);
bool maincf_yes(struct maincf *, const char *name);

#endif
