/*
 * Two columns: a mail domain (or a key with its tag), and a requirement, or
 * one of the words that lists of partners use.  Quotes as in RFC 4180; comma
 * or semicolon between the columns; a first line that begins with "domain" is
 * the heading.
 */
#include "policy/import/import.h"

static const struct {
	const char *word, *need;
} words[] = {
	{ "encrypt", "ENCR:1" },
	{ "encrypted", "ENCR:1" },
	{ "required", "ENCR:1" },
	{ "tls", "ENCR:1" },
	{ "yes", "ENCR:1" },
	{ "verify", "VERIFY" },
	{ "secure", "VERIFY" },
	{ "none", "ENCR:0" },
	{ "may", "ENCR:0" },
	{ "no", "ENCR:0" },
	{ NULL, NULL }
};

/* One column into `out`; *rest moves behind its separator. */
static bool
take_column(struct slice *rest, struct text *out)
{
	struct slice s = slice_trim(*rest);
	bool quoted = s.n > 0 && s.p[0] == '"';
	size_t i = quoted ? 1 : 0;

	for (; i < s.n; i++) {
		if (quoted && s.p[i] == '"') {
			if (i + 1 == s.n || s.p[i + 1] != '"')
				break;
			i++; /* two quotes stand for one */
		} else if (!quoted && (s.p[i] == ',' || s.p[i] == ';')) {
			break;
		} else if (!quoted && s.p[i] == '"') {
			return false;
		}
		text_char(out, s.p[i]);
	}
	if (quoted) {
		if (i == s.n)
			return false;
		i++;
	}
	s = slice_trim(slice_from(s, i));
	if (s.n > 0 && s.p[0] != ',' && s.p[0] != ';')
		return false;
	*rest = s.n > 0 ? slice_from(s, 1) : s;
	return !out->cut;
}

static struct slice
need_of(struct slice column)
{
	for (int i = 0; words[i].word != NULL; i++)
		if (slice_is_nocase(column, words[i].word))
			return slice_of(words[i].need);
	return column;
}

/* "PERM+VERIFY+CN:x": where the items begin; s.n when there are none. */
static size_t
items_at(struct slice s, struct slice key)
{
	struct requirement r;
	struct fault f;
	struct key parsed;

	if (!key_parse(key, &parsed, &f) ||
	    !requirement_parse(s, parsed.tag, &r, &f) || r.nitems == 0)
		return s.n;
	return r.items[0].offset;
}

static void
take_line(struct import *import, struct slice line)
{
	char first_text[KEY_TEXT_MAX], second_text[REQUIREMENT_TEXT_MAX];
	char key_text[KEY_TEXT_MAX + 16];
	struct text first, second, key;
	struct slice need, tagged, domain;
	size_t items;

	text_init(&first, first_text, sizeof first_text);
	text_init(&second, second_text, sizeof second_text);
	if (!take_column(&line, &first) || !take_column(&line, &second) ||
	    line.n > 0 || second.n == 0) {
		import_refuse(import, 0, "expected two columns");
		return;
	}
	domain = slice_trim(slice_make(first.buf, first.n));
	if (import->line == 1 && slice_is_nocase(domain, "domain"))
		return;
	text_init(&key, key_text, sizeof key_text);
	if (key_is_untagged(domain))
		text_puts(&key, "TLS_From:");
	text_put(&key, domain);
	tagged = slice_make(key.buf, key.n);
	need = need_of(slice_trim(slice_make(second.buf, second.n)));
	items = items_at(need, tagged);
	import_add(import, tagged, items < need.n ?
	    slice_make(need.p, items - 1) : need, slice_from(need, items));
}

bool
import_csv(struct import *import, struct slice text, struct fault *f)
{
	struct slice line;

	(void)f;
	while (import_line(import, &text, &line)) {
		struct slice trimmed = slice_trim(line);

		if (trimmed.n > 0 && trimmed.p[0] != '#')
			take_line(import, trimmed);
	}
	return true;
}
