/* What the lines of both MTAs are made of. */
#include "policy/maillog/maillog-internal.h"

bool
maillog_take(struct slice *s, const char *word)
{
	size_t n = strlen(word);

	if (s->n < n || memcmp(s->p, word, n) != 0)
		return false;
	*s = slice_from(*s, n);
	return true;
}

bool
maillog_take_address(struct slice *s, struct slice *address)
{
	bool quoted = false;
	size_t at = 1;

	if (s->n == 0 || s->p[0] != '<')
		return false;
	for (; at < s->n && (quoted || s->p[at] != '>'); at++)
		if (s->p[at] == '\\' && quoted)
			at++;
		else if (s->p[at] == '"')
			quoted = !quoted;
	if (at >= s->n)
		return false;
	*address = slice_make(s->p + 1, at - 1);
	*s = slice_from(*s, at + 1);
	return true;
}

size_t
maillog_find_last(struct slice s, const char *word)
{
	size_t n = strlen(word);

	for (size_t at = s.n < n ? 0 : s.n - n + 1; at > 0; at--)
		if (memcmp(s.p + at - 1, word, n) == 0)
			return at - 1;
	return s.n;
}

bool
maillog_is_queue_id(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') ||
		    (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
		    (s.p[i] >= 'a' && s.p[i] <= 'z')))
			return false;
	return s.n > 0;
}

/* A value of the form NAME up to the next comma; s goes on behind it. */
bool
maillog_take_value(struct slice *s, const char *name, struct slice *value)
{
	size_t n;

	if (!maillog_take(s, name))
		return false;
	n = slice_find(*s, ',');
	*value = slice_make(s->p, n);
	*s = slice_from(*s, n);
	return true;
}
