/*
 * Regular expressions that are plain names in disguise.  Anything else has no
 * key: a dot without its backslash stands for any character.
 */
#include <string.h>

#include "policy/base/netaddr.h"
#include "policy/import/postfix-internal.h"

struct form {
	const char *start, *key;
	bool exact, at; /* at: for addresses, not for host names */
};

/* The rest of the pattern is a name and "$". */
static const struct form forms[] = {
	{ .start = "(^|\\.)", .key = "" },
	{ .start = "^(.*\\.)?", .key = "" },
	{ .start = "^(.+\\.)?", .key = "" },
	{ .start = "[@.]", .key = "", .at = true },
	{ .start = "[.@]", .key = "", .at = true },
	{ .start = "(@|\\.)", .key = "", .at = true },
	{ .start = "(\\.|@)", .key = "", .at = true },
	{ .start = "@(.*\\.)?", .key = "", .at = true },
	{ .start = "@(.+\\.)?", .key = "", .at = true },
	{ .start = "^.*@", .key = "", .exact = true, .at = true },
	{ .start = "^.+@", .key = "", .exact = true, .at = true },
	{ .start = ".*@", .key = "", .exact = true, .at = true },
	{ .start = "@", .key = "", .exact = true, .at = true },
	{ .start = "\\.", .key = "." },
	{ .start = "^.*\\.", .key = "." },
	{ .start = NULL }
};

static bool
is_plain(int c, bool mailbox)
{
	c = text_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	    c == '_' || (mailbox && c == '@');
}

/* Digits and dots: of an address nothing but all of it is a key. */
static bool
is_part_of_address(struct slice name, bool whole)
{
	struct netprefix prefix;

	if (name.n > 0 && name.p[0] == '.')
		name = slice_from(name, 1);
	return netprefix_parse(name, &prefix) == NETPREFIX_OK &&
	    (!whole || prefix.bits < netaddr_bits(&prefix.addr));
}

/* "a\.example$"; dots have their backslash. */
static bool
put_name(struct slice s, bool mailbox, struct text *key)
{
	if (s.n < 2 || s.p[s.n - 1] != '$')
		return false;
	for (size_t i = 0; i + 1 < s.n; i++) {
		bool escaped = s.p[i] == '\\' && i + 2 < s.n;

		if (escaped)
			i++;
		if (!is_plain(s.p[i], mailbox) && !(escaped && s.p[i] == '.'))
			return false;
		text_char(key, s.p[i]);
	}
	return !key->cut;
}

static bool
matches_all(struct slice s)
{
	static const char *const all[] = { "", "^", ".", ".*", "^.*", "^.*$",
		"^.", "^.+$", ".*$", NULL };

	for (size_t i = 0; all[i] != NULL; i++)
		if (slice_is(s, all[i]))
			return true;
	return false;
}

bool
import_pattern(enum tag tag, struct slice s, struct text *key, bool *exact)
{
	bool host = tag == TAG_CLT;
	size_t was = key->n;

	*exact = false;
	if (matches_all(s))
		return true;
	for (const struct form *f = forms; f->start != NULL; f++) {
		size_t n = strlen(f->start);

		if (s.n < n || memcmp(s.p, f->start, n) != 0 ||
		    (f->at && host) || (!f->at && !host && f->key[0] == '\0'))
			continue;
		text_puts(key, f->key);
		if (put_name(slice_from(s, n), false, key)) {
			*exact = f->exact;
			return !host || !is_part_of_address(slice_make(
			    key->buf + was, key->n - was), false);
		}
		key->n = was;
		key->buf[was] = '\0';
	}
	if (s.p[0] != '^' || !put_name(slice_from(s, 1), !host, key))
		return false;
	*exact = host;
	if (host)
		return !is_part_of_address(slice_make(key->buf + was,
		    key->n - was), true);
	return slice_find(slice_make(key->buf, key->n), '@') < key->n;
}

bool
import_split(struct slice line, bool patterns, struct slice *key,
    struct slice *value)
{
	size_t n = 1;

	*value = line;
	if (!patterns || line.n < 2 || line.p[0] != '/') {
		*key = import_word(value);
		return key->n > 0;
	}
	for (; n < line.n && line.p[n] != '/'; n++)
		n += line.p[n] == '\\' && n + 1 < line.n;
	while (n < line.n && !text_is_blank(line.p[n]))
		n++;
	*key = slice_make(line.p, n < line.n ? n : line.n);
	*value = slice_trim(slice_from(line, key->n));
	return true;
}
