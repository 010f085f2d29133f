/* See maincf.h; postconf(5) has the grammar. */
#include <stdlib.h>
#include <string.h>

#include "policy/base/regular.h"
#include "policy/import/maincf.h"

enum { DEPTH_MAX = 16 };

/* Parameters that stand in paths and have a default when main.cf names none. */
static const struct {
	const char *name, *value;
} defaults[] = {
	{ "default_database_type", "hash" },
	{ "data_directory", "/var/lib/postfix" },
	{ "queue_directory", "/var/spool/postfix" },
	{ "plaintext_reject_code", "450" },
	{ "reject_code", "554" },
	{ "smtpd_delay_reject", "yes" },
	{ "smtpd_null_access_lookup_key", "<>" },
	{ "smtp_tls_mandatory_ciphers", "medium" },
	{ "parent_domain_matches_subdomains", "smtpd_access_maps" },
	{ NULL, NULL }
};

static void
add(struct import *import, struct maincf_param **list, size_t *n,
    size_t *allocated, struct slice assignment, unsigned long line)
{
	size_t equals = slice_find(assignment, '=');
	struct maincf_param *grown, *p;

	if (equals == assignment.n)
		return;
	grown = import_grow(import, *list, *n, allocated, sizeof *grown);
	if (grown == NULL)
		return;
	*list = grown;
	p = &grown[(*n)++];
	p->name = import_copy(import,
	    slice_trim(slice_make(assignment.p, equals)));
	p->value = import_copy(import,
	    slice_trim(slice_from(assignment, equals + 1)));
	p->line = line;
	p->asked = false;
}

static bool
load(struct maincf *c, const char *name, struct slice *path,
    struct slice *text, struct fault *f)
{
	char buf[4096];
	struct text full;
	FILE *file;
	bool good;

	text_init(&full, buf, sizeof buf);
	text_printf(&full, "%s/%s", c->dir, name);
	*path = import_copy(c->import, slice_make(buf, full.n));
	if (path->p == NULL)
		return fault_no_memory(f);
	file = regular_open(path->p, f);
	if (file == NULL)
		return false;
	import_at(c->import, path->p, 0);
	good = import_slurp(c->import, file, text, f);
	fclose(file);
	return good;
}

/*
 * A word of master.cf, as master(8) parts them: by blanks that no brace holds.
 * Commas part nothing.
 */
static bool
master_word(struct slice *rest, struct slice *word)
{
	int depth = 0;
	size_t n = 0;

	*rest = slice_trim(*rest);
	for (; n < rest->n; n++) {
		depth += (rest->p[n] == '{') - (rest->p[n] == '}');
		if (depth <= 0 && text_is_blank(rest->p[n]))
			break;
	}
	*word = slice_make(rest->p, n);
	*rest = slice_from(*rest, n);
	if (n > 1 && word->p[0] == '{' && word->p[n - 1] == '}')
		*word = slice_trim(slice_make(word->p + 1, n - 2));
	return n > 0;
}

/*
 * "-o name=value", "-oname=value", "-o { name = value }", and behind letters
 * that take no argument, "-vo name=value".
 */
static void
take_overrides(struct maincf *c, struct slice args, unsigned long line)
{
	struct slice word;
	bool is_override;
	size_t n;

	while (master_word(&args, &word)) {
		if (word.n < 2 || word.p[0] != '-')
			continue;
		for (n = 1; n < word.n && strchr("cdDluvVz", word.p[n]) != NULL;)
			n++;
		if (n == word.n || strchr("imnost", word.p[n]) == NULL)
			continue;
		is_override = word.p[n] == 'o';
		word = slice_from(word, n + 1);
		if (word.n == 0 && !master_word(&args, &word))
			return;
		if (is_override)
			add(c->import, &c->overrides, &c->noverrides,
			    &c->overrides_allocated, word, line);
	}
}

static void
take_service(struct maincf *c, struct slice line, unsigned long number)
{
	struct slice name = import_word(&line), command = { NULL, 0 };
	struct maincf_service *grown, *s;
	char text[64];

	for (int i = 0; i < 7; i++)
		command = import_word(&line);
	if (!slice_is(command, "smtpd") && !slice_is(command, "smtp") &&
	    !slice_is(command, "lmtp"))
		return;
	grown = import_grow(c->import, c->services, c->nservices,
	    &c->services_allocated, sizeof *grown);
	if (grown == NULL)
		return;
	c->services = grown;
	s = &c->services[c->nservices++];
	snprintf(text, sizeof text, "%.*s", SLICE_ARG(name));
	s->name = import_copy(c->import, slice_of(text));
	s->command = import_copy(c->import, command);
	s->line = number;
	s->first = c->noverrides;
	take_overrides(c, line, number);
	s->end = c->noverrides;
}

bool
maincf_read(struct maincf *c, struct import *import, const char *dir,
    struct fault *f)
{
	struct import_lines lines;
	struct slice text, line;
	struct fault unused;

	*c = (struct maincf){ .import = import, .dir = dir };
	if (!load(c, "main.cf", &c->main_path, &text, f))
		return false;
	import_lines_init(&lines, text);
	while (import_lines_next(import, &lines, &line))
		add(import, &c->params, &c->n, &c->allocated, line,
		    lines.line);
	if (!load(c, "master.cf", &c->master_path, &text, &unused))
		return unused.kind == FAULT_NOINPUT ||
		    ((void)(*f = unused), false);
	import_lines_init(&lines, text);
	while (import_lines_next(import, &lines, &line))
		take_service(c, line, lines.line);
	return true;
}

void
maincf_free(struct maincf *c)
{
	free(c->params);
	free(c->overrides);
	free(c->services);
}

/* What the service says last, else main.cf. */
static struct maincf_param *
find(const struct maincf *c, struct slice name)
{
	size_t end = c->as == NULL ? 0 : c->as->end;

	for (size_t i = end; i > 0 && i > c->as->first; i--)
		if (slice_equal(c->overrides[i - 1].name, name))
			return &c->overrides[i - 1];
	for (size_t i = c->n; i > 0; i--)
		if (slice_equal(c->params[i - 1].name, name))
			return &c->params[i - 1];
	return NULL;
}

static struct slice
raw(const struct maincf *c, struct slice name)
{
	struct maincf_param *p = find(c, name);

	if (p != NULL) {
		p->asked = true;
		return p->value;
	}
	if (slice_is(name, "config_directory"))
		return slice_of(c->dir);
	for (size_t i = 0; defaults[i].name != NULL; i++)
		if (slice_is(name, defaults[i].name))
			return slice_of(defaults[i].value);
	return slice_make("", 0);
}

unsigned long
maincf_line(const struct maincf *c, const char *name)
{
	const struct maincf_param *p = find(c, slice_of(name));

	return p == NULL ? 0 : p->line;
}

static size_t
name_length(struct slice s)
{
	size_t n = 0;

	while (n < s.n && (s.p[n] == '_' || (s.p[n] >= '0' && s.p[n] <= '9') ||
	    (text_lower(s.p[n]) >= 'a' && text_lower(s.p[n]) <= 'z')))
		n++;
	return n;
}

/* The length up to the brace that closes the one at s.p[0], or s.n. */
static size_t
closing(struct slice s)
{
	char open = s.p[0], close = open == '(' ? ')' : '}';
	int depth = 0;

	for (size_t i = 0; i < s.n; i++) {
		depth += (s.p[i] == open) - (s.p[i] == close);
		if (depth == 0)
			return i;
	}
	return s.n;
}

static void expand(struct maincf *, struct slice, struct text *, int);

/* "{a}:{b}" behind a ?, or a plain text. */
static void
branches(struct slice s, struct slice *yes, struct slice *no)
{
	size_t end;

	*no = slice_make("", 0);
	*yes = s;
	if (s.n == 0 || s.p[0] != '{' || (end = closing(s)) == s.n)
		return;
	*yes = slice_make(s.p + 1, end - 1);
	s = slice_trim(slice_from(s, end + 1));
	if (s.n > 0 && s.p[0] == ':') {
		s = slice_trim(slice_from(s, 1));
		*no = s.n > 1 && s.p[0] == '{' ?
		    slice_make(s.p + 1, s.n - 2) : s;
	}
}

static void
substitute(struct maincf *c, struct slice inner, struct text *out, int depth)
{
	size_t n;
	struct slice value, yes, no, rest;

	inner = slice_trim(inner);
	n = name_length(inner);
	rest = slice_trim(slice_from(inner, n));
	value = raw(c, slice_make(inner.p, n));
	if (n == 0 || (rest.n > 0 && rest.p[0] != '?' && rest.p[0] != ':')) {
		c->unclear = true;
		return;
	}
	if (rest.n == 0) {
		expand(c, value, out, depth);
		return;
	}
	branches(slice_trim(slice_from(rest, 1)), &yes, &no);
	if (rest.p[0] == '?')
		expand(c, value.n > 0 ? yes : no, out, depth);
	else
		expand(c, value.n == 0 ? yes : no, out, depth);
}

static void
expand(struct maincf *c, struct slice s, struct text *out, int depth)
{
	if (depth > DEPTH_MAX) {
		c->unclear = true;
		return;
	}
	while (s.n > 0) {
		size_t n = slice_find(s, '$');

		text_put(out, slice_make(s.p, n));
		s = slice_from(s, n);
		if (s.n < 2) {
			text_put(out, s);
			return;
		}
		s = slice_from(s, 1);
		if (s.p[0] == '$') {
			text_char(out, '$');
			s = slice_from(s, 1);
		} else if (s.p[0] == '{' || s.p[0] == '(') {
			n = closing(s);
			substitute(c, slice_make(s.p + 1, n - 1), out,
			    depth + 1);
			s = slice_from(s, n < s.n ? n + 1 : n);
		} else {
			n = name_length(s);
			expand(c, raw(c, slice_make(s.p, n)), out, depth + 1);
			s = slice_from(s, n);
		}
	}
}

struct slice
maincf_expand(struct maincf *c, struct slice value)
{
	char *buf = malloc(MAINCF_VALUE_MAX);
	struct slice copy = { "", 0 };
	struct text out;

	if (buf != NULL) {
		text_init(&out, buf, MAINCF_VALUE_MAX);
		expand(c, value, &out, 0);
		c->unclear |= out.cut;
		copy = import_copy(c->import,
		    slice_trim(slice_make(buf, out.n)));
	}
	c->import->no_memory |= buf == NULL;
	free(buf);
	return copy;
}

struct slice
maincf_find(struct maincf *c, struct slice name)
{
	return maincf_expand(c, raw(c, name));
}

struct slice
maincf_get(struct maincf *c, const char *name)
{
	return maincf_find(c, slice_of(name));
}

bool
maincf_yes(struct maincf *c, const char *name)
{
	return slice_is_nocase(maincf_get(c, name), "yes");
}
