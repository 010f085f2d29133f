/*
 * smtpd_milter_maps: a table's answer takes the place of smtpd_milters, and
 * DISABLE is no milter at all.  Tables are read from the files that people
 * write; what has none, such as LDAP, is said to be unknown.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/doctor/postfix-list.h"

static const char maps[] = "smtpd_milter_maps";

/* Tables with a text file; `indexed`: that postmap(1) makes a file of. */
static const struct {
	const char *type;
	bool indexed;
} types[] = {
	{ .type = "hash", .indexed = true },
	{ .type = "btree", .indexed = true },
	{ .type = "lmdb", .indexed = true },
	{ .type = "cdb", .indexed = true },
	{ .type = "dbm", .indexed = true },
	{ .type = "sdbm", .indexed = true },
	{ .type = "texthash" }, { .type = "cidr" }, { .type = "pcre" },
	{ .type = "regexp" },
};

struct table {
	struct postfix *p;
	struct postfix_service *s;
	const char *name, *path; /* "hash:/etc/x", "/etc/x" */
	bool indexed;
};

static void
say_line(const struct table *t, unsigned number, struct slice key,
    struct slice value, bool disabled)
{
	char memory[POSTFIX_LIST_BYTES];
	struct finding *f;
	struct text wanted;

	text_init(&wanted, memory, sizeof memory);
	postfix_put_list(t->p, t->s, disabled ? slice_make("", 0) : value,
	    false, &wanted);
	t->s->unjudged = true;
	f = doctor_add(t->p->d, DOCTOR_POSTFIX_MILTER_MAPS,
	    "%s, line %u of %s: %.*s %.*s", maps, number, t->path,
	    SLICE_ARG(key), SLICE_ARG(value));
	finding_mend(f, t->path, "%.*s\t%s", SLICE_ARG(key), memory);
	finding_at(f, t->path, number);
	if (t->indexed)
		finding_then(f, "postmap -c %s %s", t->p->dir, t->name);
	finding_then(f, "%s", t->p->reload);
}

static void
look_at_line(const struct table *t, unsigned number, struct slice line)
{
	struct slice key = slice_trim(line), value;
	struct postfix_item ours;
	unsigned others;
	bool disabled;
	size_t n;

	for (n = 0; n < key.n && !text_is_blank(key.p[n]); n++)
		continue;
	value = slice_trim(slice_from(key, n));
	key.n = n;
	if (value.n == 0 || key.p[0] == '#' || slice_is_nocase(key, "if") ||
	    slice_is_nocase(key, "endif"))
		return;
	disabled = slice_is_nocase(value, "DISABLE");
	if (disabled || postfix_find_us(t->p, t->s, value, &ours, &others) !=
	    POSTFIX_US)
		say_line(t, number, key, value, disabled);
}

static void
read_table(const struct table *t)
{
	FILE *file = fopen(t->path, "re");
	unsigned number = 0;
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	if (file == NULL) {
		doctor_add(t->p->d, DOCTOR_NOT_TRIED, "%s: %s: %s", maps,
		    t->path, strerror(errno));
		return;
	}
	while ((n = getline(&line, &room, file)) > 0) {
		number++;
		if (line[n - 1] == '\n')
			n--;
		look_at_line(t, number, slice_make(line, (size_t)n));
	}
	if (ferror(file))
		doctor_add(t->p->d, DOCTOR_NOT_TRIED, "%s: %s: %s", maps,
		    t->path, strerror(errno));
	free(line);
	fclose(file);
}

/* "static:DISABLE" is for all clients, and has no file. */
static bool
is_static(struct postfix *p, struct postfix_service *s, struct slice item)
{
	struct postfix_item ours;
	unsigned others;

	if (!slice_starts_nocase(item, "static:"))
		return false;
	if (postfix_find_us(p, s, slice_from(item, 7), &ours, &others) !=
	    POSTFIX_US)
		postfix_find(p, s, DOCTOR_POSTFIX_MILTER_MAPS, maps, "");
	return true;
}

static void
look_at_table(struct postfix *p, struct postfix_service *s, struct slice item)
{
	char name[600];
	struct table t = { p, s, name, NULL, false };
	size_t colon = slice_find(item, ':');

	if (is_static(p, s, item))
		return;
	snprintf(name, sizeof name, "%.*s", SLICE_ARG(item));
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (slice_is(slice_make(item.p, colon), types[i].type) &&
		    colon + 1 < item.n) {
			t.path = name + colon + 1;
			t.indexed = types[i].indexed;
		}
	if (t.path != NULL)
		read_table(&t);
	else
		doctor_add(p->d, DOCTOR_NOT_TRIED, "%s: whom %s turns milters "
		    "off for cannot be seen here", maps, name);
}

/* A list that several services have is looked at once. */
void
postfix_maps(struct postfix *p, struct postfix_service *s)
{
	struct slice list = postfix_value(p, s, maps, NULL), item;

	for (const struct postfix_service *b = p->services; b < s; b++)
		if (b->command == POSTFIX_SMTPD && slice_equal(list,
		    postfix_value(p, b, maps, NULL)) && list.n > 0) {
			s->unjudged = s->unjudged || b->unjudged;
			return;
		}
	while (slice_next_of(&list, ", \t", &item))
		if (item.n > 0)
			look_at_table(p, s, item);
}
