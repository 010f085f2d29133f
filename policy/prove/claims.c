/* Files are small: they are read line by line. */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/regular.h"
#include "policy/conf/settings.h"
#include "policy/prove/claims.h"

enum { CHUNK = 16 * 1024 };

void
claims_init(struct claims *c, int32_t today, bool as_sendmail,
    void (*report)(void *, const struct fault *), void *arg)
{
	memset(c, 0, sizeof *c);
	arena_init(&c->memory, CHUNK);
	c->today = today;
	c->as_sendmail = as_sendmail;
	c->report = report;
	c->arg = arg;
}

void
claims_free(struct claims *c)
{
	free(c->claims);
	free(c->places);
	arena_free(&c->memory);
}

static bool
reserve(struct claims *c, struct fault *f)
{
	size_t more = c->n == 0 ? 32 : 2 * c->n;
	struct claims_place *places;
	struct claim *claims;

	if (c->n < c->allocated)
		return true;
	if (c->n >= CLAIMS_MAX)
		return fault_set(f, FAULT_DATA, "more than %d claims",
		    CLAIMS_MAX);
	if ((claims = realloc(c->claims, more * sizeof *claims)) == NULL)
		return fault_no_memory(f);
	c->claims = claims;
	places = realloc(c->places, more * sizeof *places);
	if (places == NULL)
		return fault_no_memory(f);
	c->places = places;
	c->allocated = more;
	return true;
}

/* As in rules: UTF-8 without what a reader would not see. */
static bool
check_characters(struct slice text, struct fault *f)
{
	uint32_t code;

	for (size_t i = 0, n; i < text.n; i += n) {
		n = text_utf8(slice_from(text, i), &code);
		if (n > 0 && (!text_is_invisible(code) || code == '\t'))
			continue;
		fault_set(f, FAULT_DATA, "found %s; expected text in UTF-8",
		    n > 0 ? "an invisible character" : "a byte that is no "
		    "UTF-8");
		f->column = i + 1;
		return false;
	}
	if (text.n <= CLAIMS_LINE_MAX)
		return true;
	fault_set(f, FAULT_DATA, "the line has %zu bytes; expected at most %d",
	    text.n, CLAIMS_LINE_MAX);
	f->column = CLAIMS_LINE_MAX + 1;
	return false;
}

static bool
check_comment(struct slice line, struct fault *f)
{
	size_t at;

	if (!text_foreign_end(line, &at))
		return true;
	fault_set(f, FAULT_DATA, "found a character in a comment that ends a "
	    "line in other programs; expected a newline, or text");
	f->column = at + 1;
	return false;
}

static bool
add_line(struct claims *c, struct slice line, struct slice file,
    unsigned long number, struct fault *f)
{
	struct slice text = slice_trim(line), copy;
	struct claims_place *place;

	fault_clear(f);
	if (text.n == 0)
		return true;
	if (line.p[0] == '#')
		return check_comment(line, f);
	if (!check_characters(text, f)) {
		f->column += (unsigned long)(text.p - line.p);
		return false;
	}
	if (!reserve(c, f))
		return false;
	copy = arena_copy(&c->memory, text);
	if (copy.p == NULL)
		return fault_no_memory(f);
	place = &c->places[c->n];
	place->file = file;
	place->line = number;
	place->column = (unsigned long)(text.p - line.p) + 1;
	if (!claim_parse(copy, c->today, c->as_sendmail, &c->claims[c->n], f)) {
		f->column += place->column - 1;
		return false;
	}
	c->n++;
	return true;
}

bool
claims_add(struct claims *c, struct slice text, struct fault *f)
{
	return add_line(c, text, slice_make("", 0), 0, f);
}

static void
warn_nothing(const struct claims *c, const char *file)
{
	struct fault f;

	if (c->warn == NULL)
		return;
	fault_set(&f, FAULT_DATA, "warning: not a byte of claims: was the file "
	    "cut off?");
	fault_at(&f, file, 1, 1);
	c->warn(c->arg, &f);
}

static bool
read_lines(struct claims *c, FILE *in, struct slice file, struct fault *f)
{
	char *line = NULL;
	size_t size = 0;
	unsigned long number = 0;
	bool good = true;
	ssize_t n;

	while (good && (n = getline(&line, &size, in)) != -1) {
		struct slice text = slice_make(line, (size_t)n);

		if (text.n > 0 && text.p[text.n - 1] == '\n')
			text.n--;
		if (++number == 1 && slice_starts_nocase(text, "\xef\xbb\xbf"))
			text = slice_from(text, 3);
		if (add_line(c, text, file, number, f))
			continue;
		if ((good = f->kind == FAULT_DATA)) {
			fault_at(f, file.p, number, f->column);
			c->bad_lines++;
			if (c->report != NULL)
				c->report(c->arg, f);
		}
	}
	if (good && ferror(in) != 0)
		good = fault_errno(f, FAULT_IO, errno, "cannot read %s",
		    file.p);
	else if (good && number == 0)
		warn_nothing(c, file.p);
	free(line);
	return good;
}

static bool
read_open(struct claims *c, FILE *in, const char *path, struct fault *f)
{
	struct slice file = arena_copy(&c->memory, slice_of(path));

	return file.p != NULL ? read_lines(c, in, file, f) :
	    fault_no_memory(f);
}

static bool
read_file(struct claims *c, const char *path, struct fault *f)
{
	FILE *in = regular_open(path, f);
	bool good = in != NULL && read_open(c, in, path, f);

	if (in != NULL)
		fclose(in);
	return good;
}

/* What somebody names may be a pipe: `-f <(...)'. */
static bool
read_named(struct claims *c, const char *path, struct fault *f)
{
	bool is_stdin = strcmp(path, "-") == 0, good;
	FILE *in = is_stdin ? stdin : fopen(path, "re");

	if (in == NULL)
		return fault_errno(f, FAULT_NOINPUT, errno, "cannot open %s",
		    path);
	good = read_open(c, in, is_stdin ? "standard input" : path, f);
	if (!is_stdin)
		fclose(in);
	return good;
}

/*
 * A folder that somebody named, and no claim in it.  The one that is the
 * default may be there for rules alone.
 */
static void
warn_no_file(const struct claims *c, const char *path)
{
	struct fault f;

	if (c->warn == NULL || strcmp(path, SETTINGS_DEFAULT_CLAIMS) == 0)
		return;
	fault_set(&f, FAULT_DATA, "warning: %s has no file *.claims: nothing is "
	    "claimed", path);
	c->warn(c->arg, &f);
}

static bool
ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && strcmp(name + n - m, end) == 0;
}

static int
is_told(const struct dirent *entry)
{
	const char *name = entry->d_name;

	return name[0] != '.' && !ends_in(name, "~") &&
	    !ends_in(name, ".rules") && strcmp(name, "README") != 0;
}

/* Somebody may believe that what it holds is kept. */
static void
warn_passed_over(const struct claims *c, const char *folder, const char *name)
{
	struct fault f;
	char buf[512];
	struct text shown;

	/* b.claims.old is a copy that somebody has put aside. */
	if (c->warn == NULL || strstr(name, ".claims") != NULL)
		return;
	text_init(&shown, buf, sizeof buf);
	text_put_printable(&shown, slice_of(name));
	fault_set(&f, FAULT_DATA, "warning: %s is passed over, as its name does "
	    "not end in .claims", buf);
	fault_at(&f, folder, 0, 0);
	c->warn(c->arg, &f);
}

static bool
read_folder(struct claims *c, const char *path, struct fault *f)
{
	struct dirent **entries;
	char name[4096];
	bool good = true, any = false;
	int n = scandir(path, &entries, is_told, alphasort);

	if (n == -1)
		return fault_errno(f, FAULT_NOINPUT, errno, "cannot read %s",
		    path);
	for (int i = 0; i < n; i++) {
		const char *entry = entries[i]->d_name;
		int length = snprintf(name, sizeof name, "%s/%s", path, entry);

		any |= ends_in(entry, ".claims");
		if (good && !ends_in(entry, ".claims"))
			warn_passed_over(c, path, entry);
		else if (good && (size_t)length >= sizeof name)
			good = fault_set(f, FAULT_NOINPUT, "the path of %s is "
			    "too long", entry);
		else if (good)
			good = read_file(c, name, f);
		free(entries[i]);
	}
	free(entries);
	if (!any)
		warn_no_file(c, path);
	return good;
}

bool
claims_read(struct claims *c, const char *path, struct fault *f)
{
	struct stat st;

	if (strcmp(path, "-") != 0 && stat(path, &st) == 0 &&
	    S_ISDIR(st.st_mode))
		return read_folder(c, path, f);
	return read_named(c, path, f);
}
