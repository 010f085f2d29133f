/* Entries that are made, changed and removed, one call to the server each. */
#include <stdlib.h>
#include <string.h>

#include "policy/sync/directory-internal.h"

/* One attribute with its values; the arrays are libldap's to read only. */
struct attribute {
	LDAPMod mod;
	struct berval *values[ENTRYNAME_CLASSES + 1];
	struct berval value[ENTRYNAME_CLASSES];
};

static void
add_value(struct attribute *a, struct slice value)
{
	unsigned n = 0;

	while (a->values[n] != NULL)
		n++;
	a->value[n].bv_val = (char *)(uintptr_t)value.p;
	a->value[n].bv_len = value.n;
	a->values[n] = &a->value[n];
}

static void
set(struct attribute *a, int how, const char *name, const char *value)
{
	memset(a, 0, sizeof *a);
	a->mod.mod_op = how | LDAP_MOD_BVALUES;
	a->mod.mod_type = (char *)(uintptr_t)name;
	a->mod.mod_bvalues = a->values;
	if (value != NULL)
		add_value(a, slice_of(value));
}

/* The result of a call that began with patience_again(). */
static bool
is_done(struct directory *d, const char *name, int error, struct fault *f)
{
	patience_rest(&d->patience);
	return error == LDAP_SUCCESS ||
	    directory_failed(d->uri, name, error, d->ld, f);
}

bool
directory_add(struct directory *d, struct slice key, unsigned number,
    struct slice requirement, struct fault *f)
{
	char name_text[ENTRYNAME_MAX], number_text[16];
	struct attribute class, map, rule_key, rule, order;
	LDAPMod *all[] = { &class.mod, &map.mod, &rule_key.mod, &rule.mod,
		number > 0 ? &order.mod : NULL, NULL };
	struct text name;

	text_init(&name, name_text, sizeof name_text);
	entryname_print(key, number, d->base, &name);
	if (name.cut)
		return fault_set(f, FAULT_DATA, "%.*s: its key is too long for "
		    "an entry", SLICE_ARG(key));
	set(&class, LDAP_MOD_ADD, "objectClass", NULL);
	for (size_t i = 0; i < ENTRYNAME_CLASSES; i++)
		add_value(&class, slice_of(entryname_classes[i]));
	set(&map, LDAP_MOD_ADD, ENTRYNAME_MAP, ENTRYNAME_OUR_MAP);
	set(&rule_key, LDAP_MOD_ADD, ENTRYNAME_KEY, NULL);
	add_value(&rule_key, key);
	set(&rule, LDAP_MOD_ADD, ENTRYNAME_VALUE, NULL);
	add_value(&rule, requirement);
	snprintf(number_text, sizeof number_text, "%04u", number);
	set(&order, LDAP_MOD_ADD, ENTRYNAME_NUMBER, number_text);
	patience_again(&d->patience);
	return is_done(d, name.buf, ldap_add_ext_s(d->ld, name.buf, all, NULL,
	    NULL), f);
}

bool
directory_change(struct directory *d, const char *name,
    struct slice requirement, struct fault *f)
{
	struct attribute rule;
	LDAPMod *all[] = { &rule.mod, NULL };

	set(&rule, LDAP_MOD_REPLACE, ENTRYNAME_VALUE, NULL);
	add_value(&rule, requirement);
	patience_again(&d->patience);
	return is_done(d, name, ldap_modify_ext_s(d->ld, name, all, NULL,
	    NULL), f);
}

bool
directory_remove(struct directory *d, const char *name, struct fault *f)
{
	int error;

	patience_again(&d->patience);
	error = ldap_delete_ext_s(d->ld, name, NULL, NULL);
	return is_done(d, name, error == LDAP_NO_SUCH_OBJECT ? LDAP_SUCCESS :
	    error, f);
}
