/*
 * What could be taken for an address in a field that nobody can read: at each @
 * what touches it; without blanks, comments and quotes around it; and without
 * what some readers drop inside of it, too.
 */
#include <string.h>

#include "policy/facts/fromfield-internal.h"
#include "policy/facts/spelling.h"

enum { COMMENT_MAX = 1000 }; /* a longer one is none: each @ may look at it */

static bool
is_part(char c)
{
	return !fromfield_is_white(c) && (c == '.' || !fromfield_is_special(c)) &&
	    ((unsigned char)c > ' ' && c != 0x7f);
}

/* Behind the comment that begins at `i`; i: none does. */
static size_t
behind_comment(struct slice s, size_t i)
{
	size_t end;

	if (i == s.n || s.p[i] != '(')
		return i;
	if (s.n > i + COMMENT_MAX)
		s.n = i + COMMENT_MAX;
	end = spelling_comment_end(s, i);
	return end < s.n ? end + 1 : i;
}

/* Where the comment begins whose ) stands before `end`; end: none does. */
static size_t
before_comment(struct slice s, size_t end)
{
	unsigned depth = 0;

	for (size_t i = end; i > 0 && end - i < COMMENT_MAX; i--) {
		if (s.p[i - 1] == ')')
			depth++;
		else if (s.p[i - 1] == '(' && --depth == 0)
			return i - 1;
	}
	return end;
}

/* The quoted string whose end stands before `end`; empty: there is none. */
static struct slice
quoted_before(struct slice s, size_t end)
{
	size_t i = end - 1;

	while (i > 0 && (s.p[i - 1] != '"' || (i > 1 && s.p[i - 2] == '\\')))
		i--;
	return i == 0 ? slice_make(s.p, 0) :
	    slice_make(s.p + i - 1, end - i + 1);
}

/* The local part before the @, whatever stands between them. */
static struct slice
local_before(struct slice s, size_t at)
{
	size_t end = at, from;

	while (end > 0 && !is_part(s.p[end - 1]) &&
	    strchr("@,;:<", s.p[end - 1]) == NULL) {
		struct slice quoted = s.p[end - 1] == '"' ?
		    quoted_before(s, end) : slice_make(s.p, 0);

		if (quoted.n > 2)
			return quoted;
		from = s.p[end - 1] == ')' ? before_comment(s, end) : end;
		end = from < end ? from : end - 1;
	}
	for (from = end; from > 0 && is_part(s.p[from - 1]);)
		from--;
	return slice_make(s.p + from, end - from);
}

static size_t
run_end(struct slice s, size_t i)
{
	while (i < s.n && is_part(s.p[i]))
		i++;
	return i;
}

static size_t
skip_blanks(struct slice s, size_t i)
{
	for (size_t from = s.n; from != i;) {
		from = i;
		while (i < s.n && fromfield_is_white(s.p[i]))
			i++;
		i = behind_comment(s, i);
	}
	return i;
}

static bool
is_odd_blank(uint32_t code)
{
	return code == '\t' || fromfield_is_space(code);
}

/*
 * Without what is no text, controls and bytes that are no character; and without
 * blanks other than a space, unless they are kept.
 */
static void
put_text(struct slice s, bool blanks, struct text *out)
{
	uint32_t code;

	for (size_t n; s.n > 0; s = slice_from(s, n)) {
		n = text_utf8(s, &code);
		if (n == 0)
			n = 1;
		else if (is_odd_blank(code) ? blanks : code >= ' ' && code != 0x7f)
			text_put(out, slice_make(s.p, n));
	}
}

/* The domain as the grammar has it: blanks and comments around dots. */
static void
put_domain(struct slice s, size_t i, struct text *out)
{
	size_t end, next = skip_blanks(s, i);

	if (next < s.n && s.p[next] == '[') {
		struct slice rest = slice_from(s, next);

		rest.n = slice_find(rest, ']') + 1;
		if (rest.n <= s.n - next)
			put_text(rest, true, out);
		return;
	}
	do {
		i = next;
		end = run_end(s, i);
		put_text(slice_make(s.p + i, end - i), true, out);
		next = skip_blanks(s, end);
	} while (end > i && next > end && next < s.n && is_part(s.p[next]) &&
	    (s.p[next] == '.' || s.p[end - 1] == '.'));
}

/* The domain as readers have it that drop what does not belong there. */
static void
put_loose_domain(struct slice s, size_t i, struct text *out)
{
	while (i < s.n) {
		size_t end = run_end(s, i), behind = behind_comment(s, end);

		put_text(slice_make(s.p + i, end - i), false, out);
		if (end < s.n && behind == end && s.p[end] != '\0' &&
		    strchr("@,;:<>\"(", s.p[end]) != NULL)
			return;
		i = behind > end ? behind : end + 1;
	}
}

/* The way's reading of the @ at `at`; empty: it has none. */
static void
put_reading(const struct fromfield_candidates *g, size_t at, struct text *out)
{
	struct slice local = local_before(g->s, at);
	size_t domain;

	if (g->way == 0) { /* both touch it */
		if (at == 0 || !is_part(g->s.p[at - 1]))
			return;
		put_text(local, true, out);
	} else if (g->way == 1)
		put_text(local, true, out);
	else
		put_text(local, false, out);
	if (out->n == 0)
		text_puts(out, "\"\"");
	text_char(out, '@');
	domain = out->n;
	if (g->way == 0)
		put_text(slice_make(g->s.p + at + 1,
		    run_end(g->s, at + 1) - at - 1), true, out);
	else if (g->way == 1)
		put_domain(g->s, at + 1, out);
	else
		put_loose_domain(g->s, at + 1, out);
	if (out->n == domain)
		text_clear(out);
}

bool
fromfield_candidate_next(struct fromfield_candidates *g, struct text *out)
{
	enum { WAYS = 3 };

	for (; g->at < g->s.n; g->at++, g->way = 0) {
		if (g->s.p[g->at] != '@')
			continue;
		while (g->way < WAYS) {
			struct slice last = slice_make(g->last, g->last_n);

			text_clear(out);
			put_reading(g, g->at, out);
			g->way++;
			if (out->n == 0 || (!out->cut && slice_equal(last,
			    slice_make(out->buf, out->n))))
				continue;
			g->last_n = out->n;
			memcpy(g->last, out->buf, out->n);
			return true;
		}
	}
	return false;
}
