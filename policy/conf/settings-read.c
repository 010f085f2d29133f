/*
 * inih takes the lines apart.  It knows more forms than a settings file of
 * this program has (sections, lines without a value) and tells neither what
 * was wrong nor, as packaged, in which line; so the lines pass through
 * read_line() on their way to it, which counts them and holds back those that
 * are no settings.  inih also bounds a line (at least 200 bytes): a longer
 * one must be reported, not cut, and lists go on in lines that begin with a
 * blank, as in Postfix's main.cf.
 */
#include <sys/stat.h>

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "policy/base/regular.h"
#include "policy/conf/setting.h"

enum { ROWS_MAX = 64 };

struct reading {
	struct settings *settings;
	FILE *file;
	const char *path;
	unsigned long line, bad;
	bool continued; /* the line begins with a blank */
	bool started;	/* so that there is something to continue */
	bool unended;	/* the last line so far has no end */
	const struct setting *last; /* NULL: its name was not known */
	unsigned long given[ROWS_MAX]; /* the line of each setting */
	void (*report)(void *, const struct fault *);
	void *arg;
};

static void
report(struct reading *r, struct fault *f)
{
	r->bad++;
	if (r->report != NULL)
		r->report(r->arg, f);
}

static void
report_line(struct reading *r, const char *what)
{
	struct fault f;

	fault_set(&f, FAULT_SETTINGS, "%s", what);
	fault_at(&f, r->path, r->line, 0);
	report(r, &f);
}

/* "setting NAME: TEXT (FILE:LINE)". */
static void
report_setting(struct reading *r, const struct setting *row,
    const struct fault *why)
{
	struct fault f;

	fault_set(&f, FAULT_SETTINGS, "%s (%s:%lu)", why->text, r->path,
	    r->line);
	fault_at_setting(&f, row->name);
	report(r, &f);
}

/*
 * What is wrong with the line before its setting is looked at; NULL: nothing.
 */
static const char *
line_fault(const struct reading *r, struct slice line)
{
	struct slice trimmed = slice_trim(line);
	size_t at;

	/* Outside a comment, too: a value would go on behind it. */
	if (text_foreign_end(line, &at))
		return "a character that ends a line in other programs";
	if (trimmed.n == 0 || trimmed.p[0] == '#' || trimmed.p[0] == ';')
		return NULL;
	if (trimmed.p[0] == '[')
		return "there are no sections here, only name = value";
	if (slice_find(trimmed, '=') == trimmed.n &&
	    !(r->continued && r->started))
		return "expected name = value";
	return NULL;
}

/* One line without its end into `buf`; false at the end of the file. */
static bool
get_line(struct reading *r, char *buf, size_t size, size_t *n,
    const char **wrong)
{
	int c;

	*n = 0;
	*wrong = NULL;
	while ((c = getc(r->file)) != EOF && c != '\n') {
		if ((c < ' ' && c != '\t' && c != '\r') || c == 0x7f)
			*wrong = "control character";
		else if (*n + 1 == size)
			*wrong = "the line is too long; a list can go on in "
			    "lines that begin with a blank";
		else
			buf[(*n)++] = (char)c;
	}
	buf[*n] = '\0';
	if (c == EOF && *n == 0 && *wrong == NULL)
		return false;
	r->unended = c == EOF;
	return true;
}

static char *
read_line(char *buf, int size, void *arg)
{
	struct reading *r = arg;
	const char *wrong;
	size_t n;

	if (!get_line(r, buf, (size_t)size, &n, &wrong))
		return NULL;
	r->line++;
	r->continued = text_is_blank(buf[0]);
	if (wrong == NULL)
		wrong = line_fault(r, slice_make(buf, n));
	if (wrong != NULL) {
		report_line(r, wrong);
		buf[0] = '\0';
	}
	return buf;
}

static void
continue_value(struct reading *r, struct slice value)
{
	const struct setting *row = r->last;
	struct fault f;

	if (row->type->add == NULL)
		fault_set(&f, FAULT_SETTINGS, "the value stands on one line; "
		    "a line that begins with a blank continues a list");
	else if (row->type->add(row, value,
	    (char *)r->settings + row->offset, &f))
		return;
	report_setting(r, row, &f);
}

static void
assign(struct reading *r, const struct setting *row, struct slice value)
{
	unsigned long *given = &r->given[row - setting_table()];
	struct fault f;

	if (*given != 0) {
		fault_set(&f, FAULT_SETTINGS, "given twice, first in line %lu",
		    *given);
		report_setting(r, row, &f);
		return;
	}
	*given = r->line;
	if (!row->type->parse(row, value, (char *)r->settings + row->offset,
	    &f))
		report_setting(r, row, &f);
}

static int
take_pair(void *arg, const char *section, const char *name, const char *value)
{
	struct reading *r = arg;
	struct fault f;

	(void)section;
	if (r->continued && r->started) {
		if (r->last != NULL)
			continue_value(r, slice_of(value));
		return 1;
	}
	r->started = true;
	r->last = setting_find(slice_of(name), &f);
	if (r->last != NULL)
		assign(r, r->last, slice_of(value));
	else
		report_line(r, f.text);
	return 1;
}

/* /dev/null is empty, but no file that was cut off. */
static bool
is_file(FILE *file)
{
	struct stat st;

	return fstat(fileno(file), &st) == 0 && S_ISREG(st.st_mode);
}

bool
settings_read(struct settings *s, const char *path,
    void (*reporter)(void *, const struct fault *), void *arg, struct fault *f)
{
	struct reading r = { .settings = s, .path = path, .report = reporter,
		.arg = arg };
	bool failed;

	r.file = regular_open(path, f);
	if (r.file == NULL)
		return false;
	ini_parse_stream(read_line, &r, take_pair, &r);
	failed = ferror(r.file) != 0;
	s->unended = r.unended || (r.line == 0 && is_file(r.file));
	fclose(r.file);
	if (failed)
		return fault_errno(f, FAULT_NOINPUT, errno, "cannot read %s",
		    path);
	if (r.bad == 0)
		return true;
	fault_set(f, FAULT_SETTINGS, "%lu error%s in the settings", r.bad,
	    r.bad == 1 ? "" : "s");
	fault_at(f, path, 0, 0);
	return false;
}
