/*
 * What postconf(1) has printed: NAME = VALUE of main.cf, SERVICE/TYPE/NAME = VALUE
 * of master.cf, and the lines that change either.
 */
#include <stdio.h>
#include <string.h>

#include "policy/doctor/postfix.h"

/* "NAME = VALUE" of a list of such lines. */
static bool
value_of(const struct text *list, const char *name, struct slice *value)
{
	struct slice rest = slice_make(list->buf, list->n), line;

	while (slice_next(&rest, '\n', &line)) {
		size_t n = slice_find(line, '=');

		if (n == line.n || !slice_is(slice_trim(slice_make(line.p, n)),
		    name))
			continue;
		*value = slice_trim(slice_from(line, n + 1));
		return true;
	}
	*value = slice_make("", 0);
	return false;
}

struct slice
postfix_parameter(const struct postfix *p, const char *name)
{
	struct slice value;

	(void)value_of(&p->parameters, name, &value);
	return value;
}

struct slice
postfix_value(const struct postfix *p, const struct postfix_service *s,
    const char *name, bool *own)
{
	char full[512];
	struct slice value;
	bool found;

	snprintf(full, sizeof full, "%.*s/%.*s/%s", SLICE_ARG(s->name),
	    SLICE_ARG(s->type), name);
	found = value_of(&p->overrides, full, &value);
	if (own != NULL)
		*own = found;
	return found ? value : postfix_parameter(p, name);
}

bool
postfix_is_yes(const struct postfix *p, const struct postfix_service *s,
    const char *name)
{
	return slice_is_nocase(postfix_value(p, s, name, NULL), "yes");
}

struct slice
postfix_level(const struct postfix *p, const struct postfix_service *s,
    const char **by)
{
	struct slice level = postfix_value(p, s, *by =
	    "smtp_tls_security_level", NULL);

	if (level.n > 0)
		return level;
	if (postfix_is_yes(p, s, "smtp_enforce_tls")) {
		*by = "smtp_enforce_tls";
		return slice_of(postfix_is_yes(p, s,
		    "smtp_tls_enforce_peername") ? "verify" : "encrypt");
	}
	if (!postfix_is_yes(p, s, "smtp_use_tls"))
		return slice_of("none");
	*by = "smtp_use_tls";
	return slice_of("may");
}

void
postfix_put_address(const struct postfix *p, const struct socket_address *a,
    struct text *out)
{
	struct slice queue = postfix_parameter(p, "queue_directory");
	const char *path = a->path;

	if (queue.n > 0 && strlen(path) > queue.n &&
	    memcmp(path, queue.p, queue.n) == 0 && path[queue.n] == '/')
		text_printf(out, "unix:%s", path + queue.n + 1);
	else
		socket_print_postfix(a, out);
}

static bool
was_found(const struct postfix *p, enum doctor_kind kind, const char *what)
{
	const struct findings *all = p->d->findings;

	for (size_t i = 0; i < all->n; i++)
		if (all->all[i].kind == &doctor_rows[kind].kind &&
		    strcmp(all->all[i].what, what) == 0)
			return true;
	return false;
}

/*
 * A list within a shell's single quotes, without blanks: postconf -P takes none,
 * and a comma says the same, but beside "=".
 */
static void
put_quoted(struct text *out, const char *s)
{
	bool parted = true;

	for (; *s != '\0'; s++) {
		size_t n = strspn(s, ", \t");

		if (n > 0 && s[n] != '\0') {
			if (!parted && s[n] != '}' && s[n] != '=')
				text_char(out, ',');
			s += n;
		}
		parted = *s == '{' || *s == '=';
		if (*s == '\'')
			text_puts(out, "'\\''");
		else
			text_char(out, *s);
	}
}

static void
mend(const struct postfix *p, const struct postfix_service *s, bool own,
    const char *name, const char *wanted, struct finding *f)
{
	char memory[FINDING_LINES_MAX];
	struct text line;

	if (!own) {
		finding_mend(f, p->main_cf, "%s = %s", name, wanted);
		finding_then(f, "%s", p->reload);
		return;
	}
	text_init(&line, memory, sizeof memory);
	text_printf(&line, "postconf -c %s -P '%.*s/%.*s/%s=", p->dir,
	    SLICE_ARG(s->name), SLICE_ARG(s->type), name);
	put_quoted(&line, wanted);
	text_char(&line, '\'');
	finding_mend(f, "run", "%s", memory);
	finding_then(f, "%s", p->reload);
}

struct finding *
postfix_find_as(const struct postfix *p, struct postfix_service *s,
    enum doctor_kind kind, const char *name, const char *wanted,
    const char *what)
{
	struct finding *f;
	bool own;

	(void)postfix_value(p, s, name, &own);
	if (doctor_rows[kind].severity == DOCTOR_UNJUDGED)
		s->unjudged = true;
	if (was_found(p, kind, what))
		return NULL;
	f = doctor_add(p->d, kind, "%s", what);
	mend(p, s, own, name, wanted, f);
	return f;
}

struct finding *
postfix_find(const struct postfix *p, struct postfix_service *s,
    enum doctor_kind kind, const char *name, const char *wanted)
{
	char what[FINDING_WHAT_MAX];
	struct slice is;
	bool own;

	is = postfix_value(p, s, name, &own);
	if (own)
		snprintf(what, sizeof what,
		    "service %.*s/%.*s has %s \"%.*s\" of its own",
		    SLICE_ARG(s->name), SLICE_ARG(s->type), name,
		    SLICE_ARG(is));
	else
		snprintf(what, sizeof what, "%s is \"%.*s\"", name,
		    SLICE_ARG(is));
	return postfix_find_as(p, s, kind, name, wanted, what);
}
