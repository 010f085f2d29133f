/*
 * Postfix parts attributes at blanks and commas, but not within braces:
 * "policy_type=sts { policy_string = version: STSv1 }".
 */
#include <string.h>

#include "policy/outbound/resolved.h"

static const char *const levels[] = {
	[LEVEL_NONE] = "none",
	[LEVEL_MAY] = "may",
	[LEVEL_ENCRYPT] = "encrypt",
	[LEVEL_DANE] = "dane",
	[LEVEL_DANE_ONLY] = "dane-only",
	[LEVEL_FINGERPRINT] = "fingerprint",
	[LEVEL_VERIFY] = "verify",
	[LEVEL_SECURE] = "secure",
};

void
resolved_fail(struct resolved *r, const char *why)
{
	r->kind = RESOLVED_FAILED;
	r->why = why;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == ',';
}

/* The next word of `rest`, which is shortened; false: there is none. */
static bool
next_word(struct slice *rest, struct slice *word)
{
	size_t i = 0;
	int depth = 0;

	while (rest->n > 0 && is_blank(rest->p[0]))
		*rest = slice_from(*rest, 1);
	for (; i < rest->n && (depth > 0 || !is_blank(rest->p[i])); i++)
		depth += rest->p[i] == '{' ? 1 : rest->p[i] == '}' ? -1 : 0;
	*word = slice_make(rest->p, i);
	*rest = slice_from(*rest, i);
	return i > 0;
}

const char *
resolved_level_name(enum outbound_level level)
{
	return levels[level];
}

bool
resolved_level(struct slice word, enum outbound_level *level)
{
	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
		if (slice_is_nocase(word, levels[i])) {
			*level = (enum outbound_level)i;
			return true;
		}
	return false;
}

static bool
take_attribute(struct slice word, struct resolved *r)
{
	struct resolved_attribute *a = &r->attributes[r->n];
	struct slice inner = word;
	size_t equals;

	if (r->n == RESOLVED_ATTRIBUTES_MAX)
		return false;
	if (word.p[0] == '{') {
		if (word.p[word.n - 1] != '}')
			return false;
		inner = slice_trim(slice_make(word.p + 1, word.n - 2));
	}
	equals = slice_find(inner, '=');
	a->raw = word;
	a->name = slice_trim(slice_make(inner.p, equals));
	if (equals == inner.n || a->name.n == 0)
		return false;
	a->value = slice_trim(slice_from(inner, equals + 1));
	r->n++;
	return a->value.n > 0;
}

/* A host that DNS names will do: that is the level verify, by any name. */
static bool
believes_dns(const struct resolved *r)
{
	for (unsigned i = 0; i < r->n; i++) {
		struct slice rest = r->attributes[i].value;

		if (!slice_is_nocase(r->attributes[i].name, "match"))
			continue;
		while (rest.n > 0) {
			size_t colon = slice_find(rest, ':');

			if (slice_is_nocase(slice_make(rest.p, colon),
			    "hostname"))
				return true;
			rest = slice_from(rest, colon < rest.n ? colon + 1 :
			    colon);
		}
	}
	return false;
}

static void
parse_policy(struct slice policy, struct resolved *r)
{
	struct slice word;

	for (size_t i = 0; i < policy.n; i++)
		if (policy.p[i] < ' ' || policy.p[i] > '~') {
			resolved_fail(r, "its policy has bytes that are no "
			    "text");
			return;
		}
	if (!next_word(&policy, &word) || !resolved_level(word, &r->level)) {
		resolved_fail(r, "it gave a level that Postfix does not have");
		return;
	}
	while (next_word(&policy, &word))
		if (!take_attribute(word, r)) {
			resolved_fail(r, "its attributes cannot be read");
			return;
		}
	if (r->level == LEVEL_SECURE && believes_dns(r))
		r->level = LEVEL_VERIFY;
}

static bool
takes_word(struct slice *s, const char *word)
{
	if (!slice_starts_nocase(*s, word))
		return false;
	*s = slice_from(*s, strlen(word));
	return true;
}

void
resolved_parse(struct slice reply, struct resolved *r)
{
	r->kind = RESOLVED_POLICY;
	r->why = NULL;
	r->reply = reply;
	r->level = LEVEL_NONE;
	r->n = 0;
	if (takes_word(&reply, "OK "))
		parse_policy(reply, r);
	else if (takes_word(&reply, "NOTFOUND "))
		r->kind = RESOLVED_NOTHING;
	else if (takes_word(&reply, "TEMP ") || takes_word(&reply, "TIMEOUT "))
		resolved_fail(r, "it cannot tell at present");
	else
		resolved_fail(r, "its answer is none of the protocol");
}

bool
resolved_value(const struct resolved *r, const char *name, struct slice *value)
{
	bool found = false;

	for (unsigned i = 0; i < r->n; i++)
		if (slice_is_nocase(r->attributes[i].name, name)) {
			*value = r->attributes[i].value;
			found = true;
		}
	return found;
}
