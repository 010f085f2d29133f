/* An entry as the line of a rule file, or why it is none. */
#include <stdlib.h>
#include <string.h>

#include "policy/rules/rulefile.h"
#include "policy/sync/directory-internal.h"

/* What an entry has of an attribute that was asked for. */
struct told {
	const char *name;
	struct berval value; /* the last one, in the message */
	unsigned n;
};
enum { TOLD_KEY, TOLD_VALUE, TOLD_BY, TOLD_N };

/*
 * Why key and requirement would be another line, or another key, in a file of
 * rules; NULL: they would not.
 */
static const char *
check_texts(const struct berval *key, const struct berval *value)
{
	if (key->bv_len == 0 || key->bv_val[0] == '#' ||
	    memchr(key->bv_val, '\0', key->bv_len) != NULL ||
	    strpbrk(key->bv_val, " \t\r\n") != NULL)
		return "its key is none: no blank (write +20), no # at the "
		    "beginning";
	if (memchr(value->bv_val, '\0', value->bv_len) != NULL ||
	    strpbrk(value->bv_val, "\r\n") != NULL)
		return "its requirement is more than a line";
	if (key->bv_len + value->bv_len > RULEFILE_LINE_MAX)
		return "its key and requirement are longer than a line can be";
	return NULL;
}

/* NULL, or why it is none, a constant. */
static const char *
make_line(const struct told all[TOLD_N], struct text *line)
{
	const struct berval *key = &all[TOLD_KEY].value,
	    *value = &all[TOLD_VALUE].value;
	const char *why;

	if (all[TOLD_KEY].n != 1)
		return "it has not one " ENTRYNAME_KEY;
	if (all[TOLD_VALUE].n != 1)
		return "it has not one " ENTRYNAME_VALUE;
	why = check_texts(key, value);
	if (why == NULL) {
		text_put(line, slice_make(key->bv_val, key->bv_len));
		text_char(line, '\t');
		text_put(line, slice_make(value->bv_val, value->bv_len));
	}
	return why;
}

static void
note_values(struct told all[TOLD_N], const struct berval *attribute,
    BerVarray values)
{
	for (size_t i = 0; i < TOLD_N; i++)
		for (size_t j = 0; values != NULL && values[j].bv_val != NULL &&
		    strcasecmp(attribute->bv_val, all[i].name) == 0; j++) {
			all[i].value = values[j];
			all[i].n++;
		}
}

/*
 * libldap's walk through a message, in place: it ends each string with a NUL,
 * and nothing of the message can be asked for any more.
 */
static int
read_entry(LDAP *ld, LDAPMessage *entry, struct berval *name,
    struct told all[TOLD_N])
{
	struct berval attribute;
	BerElement *ber = NULL;
	BerVarray values;
	int error = ldap_get_dn_ber(ld, entry, &ber, name);

	while (error == LDAP_SUCCESS) {
		values = NULL;
		error = ldap_get_attribute_ber(ld, entry, ber, &attribute,
		    &values);
		if (error != LDAP_SUCCESS || attribute.bv_val == NULL)
			break;
		note_values(all, &attribute, values);
		ber_memfree(values);
	}
	if (ber != NULL)
		ber_free(ber, 0);
	return error;
}

bool
directory_take_entry(struct directory *d, LDAPMessage *entry,
    const unsigned char *uuid)
{
	struct told all[TOLD_N] = { { .name = ENTRYNAME_KEY },
		{ .name = ENTRYNAME_VALUE }, { .name = DIRECTORY_BY } };
	char line_text[RULEFILE_LINE_MAX + sizeof "\t"];
	struct berval name = { 0, NULL };
	struct text line;
	const char *why;
	int error = read_entry(d->ld, entry, &name, all);

	if (error != LDAP_SUCCESS || name.bv_val == NULL)
		return false;
	/*
	 * Cut to its first bytes, a long name still has its place in the order.
	 */
	if (name.bv_len > SYNCED_TEXT_MAX)
		name.bv_val[SYNCED_TEXT_MAX] = '\0';
	text_init(&line, line_text, sizeof line_text);
	why = make_line(all, &line);
	sync_entries_put(d->entries, uuid, name.bv_val, why == NULL ? line.buf :
	    NULL, why, all[TOLD_BY].n == 1 ? all[TOLD_BY].value.bv_val : "");
	return true;
}
