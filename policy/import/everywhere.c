/*
 * EFF's STARTTLS Everywhere list, policy.json: for each mail domain the names
 * that its servers' certificates must have.  Outbound, so TLS_Rcpt.
 *
 * Mode "testing" becomes WARN, "none" and a list that has expired give no
 * rule, the list's date of expiry is that of its rules.
 */
#include <jansson.h>
#include <string.h>

#include "policy/import/import-internal.h"

struct list {
	struct import *import;
	const json_t *aliases;
	struct slice expires; /* "2020-01-31", or empty */
};

static const char *
string_of(const json_t *object, const char *name)
{
	const char *s = json_string_value(json_object_get(object, name));

	return s == NULL ? "" : s;
}

/* A policy may be the name of one that several domains share. */
static const json_t *
resolve(const struct list *list, const json_t *policy)
{
	const char *alias = string_of(policy, "policy-alias");

	return alias[0] == '\0' ? policy :
	    json_object_get(list->aliases, alias);
}

/* False: a policy without names. */
static bool
put_names(const json_t *policy, struct text *items)
{
	const json_t *names = json_object_get(policy, "mxs"), *entry;
	size_t i;

	if (json_array_size(names) == 0)
		names = json_object_get(policy, "match-subjects");
	json_array_foreach((json_t *)(uintptr_t)names, i, entry) {
		struct slice name = slice_of(json_string_value(entry));

		if (name.n == 0)
			return false;
		/* Its own tools gave Postfix "match=.name" for both. */
		import_item(items, "CN", slice_from(name,
		    slice_starts_nocase(name, "*.") ? 1 : 0));
	}
	return i > 0;
}

static void
take_domain(const struct list *list, const char *domain, const json_t *entry)
{
	const json_t *policy = resolve(list, entry);
	struct slice mode = slice_of(string_of(policy, "mode"));
	char key_text[KEY_TEXT_MAX + 16], items_text[REQUIREMENT_TEXT_MAX];
	struct text key, items;

	import_at(list->import, list->import->path, 0);
	if (!json_is_object(policy) || (!slice_is(mode, "enforce") &&
	    !slice_is(mode, "testing") && !slice_is(mode, "none"))) {
		import_refuse(list->import, 0, "%s: no mode enforce, testing "
		    "or none", domain);
		return;
	}
	if (slice_is(mode, "none")) {
		list->import->left++;
		return;
	}
	text_init(&key, key_text, sizeof key_text);
	text_init(&items, items_text, sizeof items_text);
	text_printf(&key, "TLS_Rcpt:%s", domain);
	if (!put_names(policy, &items)) {
		import_refuse(list->import, 0, "%s: no names of its servers",
		    domain);
		return;
	}
	if (list->expires.n > 0)
		import_item(&items, "UNTIL", list->expires);
	if (key.cut || items.cut)
		import_refuse(list->import, 0, "%s: too long", domain);
	else
		import_add_exact(list->import, slice_make(key.buf, key.n),
		    slice_of(slice_is(mode, "testing") ? "WARN+VERIFY" :
		    "VERIFY"), slice_make(items.buf, items.n));
}

/* "2020-01-31T..." or, in the first lists, seconds since 1970. */
static struct slice
expiry(const json_t *root, struct text *date)
{
	const json_t *expires = json_object_get(root, "expires");
	struct slice text = slice_of(json_string_value(expires));
	int32_t day;

	if (json_is_integer(expires))
		day_print((int32_t)(json_integer_value(expires) / 86400),
		    date);
	else if (text.n >= 10 && day_parse(slice_make(text.p, 10), &day))
		day_print(day, date);
	return slice_make(date->buf, date->n);
}

static const json_t *
policies_of(const json_t *root)
{
	const json_t *policies = json_object_get(root, "policies");

	return policies != NULL ? policies :
	    json_object_get(root, "tls-policies");
}

bool
import_everywhere(struct import *import, struct slice text, struct fault *f)
{
	struct list list = { .import = import };
	char date_text[16];
	struct text date;
	json_error_t error;
	json_t *root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES,
	    &error);
	const json_t *policies = policies_of(root);
	const char *domain;
	json_t *entry;

	if (!json_is_object(policies)) {
		fault_set(f, FAULT_DATA, "%s", root == NULL ? error.text :
		    "no object \"policies\"");
		fault_at(f, import->path, root == NULL && error.line > 0 ?
		    (unsigned long)error.line : 1, root == NULL &&
		    error.column > 0 ? (unsigned long)error.column : 1);
		json_decref(root);
		return false;
	}
	text_init(&date, date_text, sizeof date_text);
	list.aliases = json_object_get(root, "policy-aliases");
	list.expires = expiry(root, &date);
	json_object_foreach((json_t *)(uintptr_t)policies, domain, entry)
		take_domain(&list, domain, entry);
	json_decref(root);
	return true;
}
