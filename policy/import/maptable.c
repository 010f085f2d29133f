/*
 * A table as text, by its "type:name".  What is compiled is never opened: the
 * text that it was made of lies beside it.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/base/regular.h"
#include "policy/import/config-internal.h"

/* "{ {a = b}, c = d }" as lines. */
static struct slice
inline_text(struct import *import, struct slice s)
{
	char *buf = malloc(s.n + 2);
	struct slice word, copy = { NULL, 0 };
	struct text out;

	if (s.n > 1 && s.p[0] == '{')
		s = slice_make(s.p + 1, s.n - 2);
	if (buf == NULL)
		return copy;
	text_init(&out, buf, s.n + 2);
	while (import_list_next(&s, &word)) {
		size_t equals;

		if (word.n > 1 && word.p[0] == '{')
			word = slice_make(word.p + 1, word.n - 2);
		word = slice_trim(word);
		equals = slice_find(word, '=');
		if (equals == word.n)
			continue;
		text_put(&out, slice_trim(slice_make(word.p, equals)));
		text_char(&out, ' ');
		text_put(&out, slice_trim(slice_from(word, equals + 1)));
		text_char(&out, '\n');
	}
	copy = import_copy(import, slice_make(buf, out.n));
	free(buf);
	return copy;
}

/* What is compiled is what Postfix asks. */
static void
compare_ages(struct import *import, struct slice type, const char *path)
{
	static const char *const ends[][2] = { { "hash", ".db" },
		{ "btree", ".db" }, { "lmdb", ".lmdb" }, { "cdb", ".cdb" } };
	struct stat source, compiled;
	char name[4096];

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		if (!slice_is(type, ends[i][0]))
			continue;
		snprintf(name, sizeof name, "%s%s", path, ends[i][1]);
		if (stat(path, &source) != 0)
			return;
		if (stat(name, &compiled) != 0)
			import_note(import, "there is no %s; %s was read",
			    name, path);
		else if (compiled.st_mtime < source.st_mtime)
			import_refuse(import, 0, "%s is older than %s, which "
			    "was read: Postfix asks the older one (postmap)",
			    name, path);
	}
}

/* A copy of a configuration names the folder that it was taken from. */
static const char *
moved_path(struct config *c, struct slice path)
{
	char buf[4096];
	struct text text;

	text_init(&text, buf, sizeof buf);
	if (slice_starts_nocase(path, "/etc/postfix/")) {
		text_printf(&text, "%s/%.*s", c->main.dir,
		    SLICE_ARG(slice_from(path, 13)));
		if (access(buf, F_OK) != 0)
			text_clear(&text);
	}
	if (text.n == 0)
		text_put(&text, path);
	return import_copy(c->import, slice_make(buf, text.n)).p;
}

static bool
is_text_type(struct slice type)
{
	static const char *const types[] = { "hash", "btree", "lmdb", "cdb",
		"dbm", "sdbm", "texthash", "cidr", "regexp", "pcre", NULL };

	for (size_t i = 0; types[i] != NULL; i++)
		if (slice_is(type, types[i]))
			return true;
	return false;
}

bool
config_load_table(struct config *c, struct slice spec, struct slice *type,
    struct slice *text, const char **path)
{
	unsigned long line = c->import->line;
	struct fault f;
	FILE *file;
	bool good;
	size_t colon;

	if (slice_starts_nocase(spec, "proxy:"))
		spec = slice_from(spec, 6);
	colon = slice_find(spec, ':');
	*type = colon == spec.n ? maincf_get(&c->main,
	    "default_database_type") : slice_make(spec.p, colon);
	*path = c->main.main_path.p;
	if (slice_is(*type, "inline")) {
		*text = inline_text(c->import, slice_from(spec, colon + 1));
		c->import->no_memory |= text->p == NULL;
		return text->p != NULL;
	}
	if (!is_text_type(*type)) {
		import_refuse(c->import, 0, "%.*s cannot be read here: print "
		    "its keys and values into a file, and name that in a copy "
		    "of this folder as texthash:FILE", SLICE_ARG(spec));
		return false;
	}
	*path = moved_path(c, slice_from(spec, colon == spec.n ? 0 :
	    colon + 1));
	if (*path == NULL) {
		c->import->no_memory = true;
		return false;
	}
	file = regular_open(*path, &f);
	if (file == NULL) {
		c->import->no_memory |= f.kind == FAULT_UNAVAILABLE;
		import_refuse(c->import, 0, "%.*s: %s", SLICE_ARG(spec),
		    f.text);
		return false;
	}
	import_at(c->import, *path, 0);
	compare_ages(c->import, *type, *path);
	good = import_slurp(c->import, file, text, &f);
	fclose(file);
	import_at(c->import, c->main.main_path.p, line);
	if (!good) {
		c->import->no_memory |= f.kind == FAULT_UNAVAILABLE;
		import_refuse(c->import, 0, "%s", f.text);
	}
	return good;
}
