/*
 * Columns: a mail domain (or a key with its tag), a requirement or one of the
 * words that lists of partners and the tables of mail panels use, Postfix's
 * attributes, the tag.  Quotes as in RFC 4180; comma or semicolon between the
 * columns.  A first line with the words "domain" or "key", and "policy" or
 * "requirement", is the heading and may give the columns in another order; one
 * with "params" makes the table one of smtp_tls_policy_maps.  It may have a
 * column of profiles or connectors, one of hosts, and one that says which rows
 * are in use: one that is not is told and left out, and so is what is no answer.
 * A cell of a column that is not known may ask for more.
 */
#include <string.h>

#include "policy/import/postfix-internal.h"
#include "policy/rules/item.h"

enum column { COLUMN_KEY, COLUMN_NEED, COLUMN_PARAMS, COLUMN_TAG,
	COLUMN_ACTIVE, COLUMN_INACTIVE, COLUMN_PROFILE, COLUMN_CLIENT,
	COLUMN_REMARK, /* of no force: who, when, why */
	COLUMN_UNKNOWN, COLUMNS = COLUMN_REMARK };
enum { WIDTH_MAX = 16 };

static const struct {
	const char *name;
	enum column column;
} headings[] = {
	{ "domain", COLUMN_KEY }, { "key", COLUMN_KEY },
	{ "dest", COLUMN_KEY }, { "nexthop", COLUMN_KEY },
	{ "policy", COLUMN_NEED }, { "requirement", COLUMN_NEED },
	{ "level", COLUMN_NEED },
	{ "params", COLUMN_PARAMS }, { "parameters", COLUMN_PARAMS },
	{ "attributes", COLUMN_PARAMS },
	{ "tag", COLUMN_TAG }, { "class", COLUMN_TAG },
	{ "active", COLUMN_ACTIVE }, { "enabled", COLUMN_ACTIVE },
	{ "status", COLUMN_ACTIVE }, { "state", COLUMN_ACTIVE },
	{ "inactive", COLUMN_INACTIVE }, { "disabled", COLUMN_INACTIVE },
	{ "profile", COLUMN_PROFILE }, { "connector", COLUMN_PROFILE },
	{ "client", COLUMN_CLIENT }, { "clients", COLUMN_CLIENT },
	{ "hosts", COLUMN_CLIENT }, { "addresses", COLUMN_CLIENT },
	{ "id", COLUMN_REMARK }, { "uuid", COLUMN_REMARK },
	{ "email", COLUMN_REMARK }, { "created_by", COLUMN_REMARK },
	{ "comment", COLUMN_REMARK }, { "comments", COLUMN_REMARK },
	{ "note", COLUMN_REMARK }, { "notes", COLUMN_REMARK },
	{ "remark", COLUMN_REMARK }, { "remarks", COLUMN_REMARK },
	{ "description", COLUMN_REMARK }, { "reason", COLUMN_REMARK },
	{ "ticket", COLUMN_REMARK }, { "contact", COLUMN_REMARK },
	{ "owner", COLUMN_REMARK }, { "organisation", COLUMN_REMARK },
	{ "organization", COLUMN_REMARK }, { "company", COLUMN_REMARK },
	{ "partner", COLUMN_REMARK }, { "phone", COLUMN_REMARK },
	{ "created", COLUMN_REMARK }, { "modified", COLUMN_REMARK },
	{ "updated", COLUMN_REMARK }, { "created_at", COLUMN_REMARK },
	{ "updated_at", COLUMN_REMARK },
	{ NULL, COLUMN_UNKNOWN }
};

struct table {
	enum column order[WIDTH_MAX];
	struct slice names[WIDTH_MAX]; /* in the heading */
	bool outbound;	/* no tag said: TLS_Rcpt */
	bool has[COLUMNS]; /* by the heading */
	bool headed;
	unsigned unknown; /* of this line, the first that is not empty; 0: none */
	char text[COLUMNS][REQUIREMENT_TEXT_MAX + KEY_TEXT_MAX];
	struct text cell[COLUMNS];
};

/* Postfix's own words, and those that panels have for them. */
static const struct {
	const char *word, *need;
	const char *level; /* NULL: the word is Postfix's */
} words[] = {
	{ "encrypt", "ENCR:1", NULL },
	{ "encrypted", "ENCR:1", "encrypt" },
	{ "mandatory", "ENCR:1", "encrypt" },
	{ "required", "ENCR:1", "encrypt" },
	{ "tls", "ENCR:1", "encrypt" },
	{ "yes", "ENCR:1", "encrypt" },
	{ "verify", "VERIFY", NULL },
	{ "secure", "VERIFY", NULL },
	{ "none", "ENCR:0", NULL },
	{ "may", "ENCR:0", NULL },
	{ "opportunistic", "ENCR:0", "may" },
	{ "no", "ENCR:0", "may" },
	{ NULL, NULL, NULL }
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

/* A panel's word as Postfix's level; NULL: it is none. */
static const char *
level_of(struct slice word)
{
	for (size_t i = 0; words[i].word != NULL; i++)
		if (slice_is_nocase(word, words[i].word))
			return words[i].level;
	return NULL;
}

static struct slice
need_of(struct slice column)
{
	for (size_t i = 0; words[i].word != NULL; i++)
		if (slice_is_nocase(column, words[i].word))
			return slice_of(words[i].need);
	return column;
}

/*
 * "PERM+VERIFY+CN:x": where the items begin; s.n when there are none.  *unfit:
 * one is CLIENT, or it is no requirement of such a key.
 */
static size_t
items_at(struct slice s, struct slice key, bool *unfit)
{
	struct requirement r;
	struct fault f;
	struct key parsed;

	*unfit = true;
	if (!key_parse(key, &parsed, &f) ||
	    !requirement_parse(s, parsed.tag, &r, &f))
		return s.n;
	*unfit = false;
	if (r.nitems == 0)
		return s.n;
	/*
	 * The hosts of both, the column and the items, would let in more than
	 * either.
	 */
	for (unsigned i = 0; i < r.nitems; i++)
		*unfit = *unfit || r.items[i].row->id == ITEM_CLIENT;
	return r.items[0].offset;
}

/* All columns of a line into their cells; false: quotes that do not match. */
static bool
take_columns(struct table *t, struct slice line)
{
	unsigned n;
	struct text unused;
	char buf[REQUIREMENT_TEXT_MAX];

	t->unknown = 0;
	for (int c = 0; c < COLUMNS; c++)
		text_init(&t->cell[c], t->text[c], sizeof t->text[c]);
	for (n = 0; line.n > 0; n++) {
		enum column c = n < WIDTH_MAX ? t->order[n] : COLUMN_UNKNOWN;

		text_init(&unused, buf, sizeof buf);
		if (!take_column(&line, c < COLUMNS ? &t->cell[c] : &unused))
			return false;
		if (c == COLUMN_UNKNOWN && unused.n > 0 && t->unknown == 0)
			t->unknown = n + 1;
	}
	return true;
}

static struct slice
cell(const struct table *t, enum column c)
{
	return slice_trim(slice_make(t->cell[c].buf, t->cell[c].n));
}

static enum column
column_of(struct slice name)
{
	size_t i;

	for (i = 0; headings[i].name != NULL; i++)
		if (slice_is_nocase(name, headings[i].name))
			break;
	return headings[i].column;
}

/* The heading's columns, each of which is known once. */
static bool
take_heading(struct import *import, struct table *t, struct slice line)
{
	struct table heading = { .headed = true };
	char buf[REQUIREMENT_TEXT_MAX];
	struct text word;
	unsigned n;

	for (n = 0; line.n > 0 && n < WIDTH_MAX; n++) {
		enum column c;

		text_init(&word, buf, sizeof buf);
		if (!take_column(&line, &word))
			return false;
		heading.names[n] = import_copy(import,
		    slice_trim(slice_make(word.buf, word.n)));
		c = column_of(heading.names[n]);
		if (c < COLUMNS && heading.has[c])
			c = COLUMN_UNKNOWN;
		else if (c < COLUMNS)
			heading.has[c] = true;
		heading.order[n] = c;
	}
	if (!heading.has[COLUMN_KEY] || !heading.has[COLUMN_NEED])
		return false;
	while (n < WIDTH_MAX)
		heading.order[n++] = COLUMN_UNKNOWN;
	heading.outbound = heading.has[COLUMN_PARAMS];
	*t = heading;
	return true;
}

/* Postfix's level and attributes, for a rule about outgoing mail. */
static void
take_policy(struct import *import, const struct table *t, struct slice domain)
{
	char buf[2 * REQUIREMENT_TEXT_MAX + KEY_TEXT_MAX];
	const char *level = level_of(cell(t, COLUMN_NEED));
	struct text value;

	text_init(&value, buf, sizeof buf);
	text_put(&value, level != NULL ? slice_of(level) :
	    cell(t, COLUMN_NEED));
	text_char(&value, ' ');
	text_put(&value, cell(t, COLUMN_PARAMS));
	if (value.cut || !import_policy_line(import, &import_policy_defaults,
	    domain, slice_make(buf, value.n)))
		import_refuse(import, 0, "\"%.*s\" is no level of "
		    "smtp_tls_policy_maps", SLICE_ARG(cell(t, COLUMN_NEED)));
}

/* "CLIENT:192.0.2.1++CLIENT:.a.example" of a list of hosts. */
static bool
put_clients(struct import *import, struct slice list, struct text *out)
{
	struct slice word;

	while (slice_next_of(&list, ",;| \t", &word)) {
		if (word.n == 0)
			continue;
		if (slice_find(word, '+') < word.n) {
			import_refuse(import, 0, "\"%.*s\" is no host",
			    SLICE_ARG(word));
			return false;
		}
		text_printf(out, "%sCLIENT:%.*s", out->n > 0 ? "++" : "",
		    SLICE_ARG(word));
	}
	return true;
}

/* A connector's name has blanks. */
static void
put_name(struct slice cell, struct text *out)
{
	for (size_t i = 0; i < cell.n; i++)
		text_char(out, text_is_blank(cell.p[i]) ? '-' : cell.p[i]);
}

/*
 * Takes the row by its profile or connector, which is made of the first row
 * with that name; false: this row says something else.
 */
static bool
by_profile(struct import *import, const struct table *t, struct slice *need,
    struct slice *items, struct text *as)
{
	struct slice name;

	text_puts(as, "AS:");
	put_name(cell(t, COLUMN_PROFILE), as);
	name = slice_make(as->buf + 3, as->n - 3);
	if (as->cut || !import_profile(import, name, *need, *items,
	    import->path, import->line))
		return false;
	*need = slice_make(as->buf, as->n);
	*items = slice_make("", 0);
	return true;
}

static void
take_rule(struct import *import, const struct table *t, struct slice tagged)
{
	char items_text[2 * REQUIREMENT_TEXT_MAX], as_text[KEY_TEXT_MAX];
	struct slice need = need_of(cell(t, COLUMN_NEED)), rest;
	bool named = cell(t, COLUMN_PROFILE).n > 0, unfit;
	size_t items = items_at(need, tagged, &unfit);
	struct text all, as;

	rest = slice_from(need, items);
	need.n = items < need.n ? items - 1 : need.n;
	if ((named || cell(t, COLUMN_CLIENT).n > 0) &&
	    slice_is_nocase(need, "OK"))
		need = slice_of("ENCR:0");
	text_init(&as, as_text, sizeof as_text);
	if (named && (unfit || !by_profile(import, t, &need, &rest, &as)))
		import_note(import, "%.*s does not stand for \"%.*s\": the line "
		    "says it itself", SLICE_ARG(cell(t, COLUMN_PROFILE)),
		    SLICE_ARG(cell(t, COLUMN_NEED)));
	/* In front: the last item may take the rest of the line. */
	text_init(&all, items_text, sizeof items_text);
	if (!put_clients(import, cell(t, COLUMN_CLIENT), &all))
		return;
	text_printf(&all, "%s%.*s", all.n > 0 && rest.n > 0 ? "++" : "",
	    SLICE_ARG(rest));
	if (all.cut) {
		import_refuse(import, 0, "too many hosts");
		return;
	}
	if (cell(t, COLUMN_PARAMS).n > 0)
		import_differs(import, IMPORT_WEAKER, "\"%.*s\" is for "
		    "outgoing mail and was left out",
		    SLICE_ARG(cell(t, COLUMN_PARAMS)));
	import_add(import, tagged, need, slice_make(items_text, all.n));
}

/* The tag in its column, else of --as, else by the kind of table. */
static void
take_row(struct import *import, const struct table *t)
{
	struct slice domain = cell(t, COLUMN_KEY), tag = cell(t, COLUMN_TAG);
	char buf[KEY_TEXT_MAX + 80];
	struct text key;

	if (tag.n > 0 && tag.p[tag.n - 1] == ':')
		tag.n--;
	if (tag.n == 0)
		tag = slice_of(import->with_as ? tag_row(import->as)->name :
		    t->outbound ? "TLS_Rcpt" : "TLS_From");
	text_init(&key, buf, sizeof buf);
	if (!key_is_untagged(domain) && cell(t, COLUMN_TAG).n == 0) {
		text_put(&key, domain);
	} else {
		if (slice_is_nocase(tag, "TLS_Rcpt") &&
		    cell(t, COLUMN_CLIENT).n == 0 &&
		    (import_is_level(cell(t, COLUMN_NEED)) ||
		    level_of(cell(t, COLUMN_NEED)) != NULL)) {
			take_policy(import, t, domain);
			return;
		}
		text_put(&key, tag);
		text_char(&key, ':');
		text_put(&key, domain);
	}
	take_rule(import, t, slice_make(key.buf, key.n));
}

/*
 * A row that the panel keeps and does not use says so by one of these words;
 * each list ends with NULL.
 */
static const char *const off_words[] = { "0", "no", "n", "false", "f", "off",
	"disabled", "disable", "inactive", "suspended", NULL };
static const char *const on_words[] = { "1", "yes", "y", "true", "t", "on",
	"enabled", "enable", "active", NULL };

static bool
is_among(struct slice word, const char *const *list)
{
	while (*list != NULL && !slice_is_nocase(word, *list))
		list++;
	return *list != NULL;
}

/* False: the row is not in use, or what it says of that is no answer. */
static bool
is_in_use(struct import *import, const struct table *t, enum column c)
{
	bool active = c == COLUMN_ACTIVE;
	struct slice word = cell(t, c);

	if (!t->has[c] || is_among(word, active ? on_words : off_words))
		return true;
	if (is_among(word, active ? off_words : on_words))
		import_note(import, "not active");
	else
		import_refuse(import, 0, "\"%.*s\" does not say whether the "
		    "line is active", SLICE_ARG(word));
	return false;
}

static void
say_unknown(struct import *import, const struct table *t)
{
	unsigned at = t->unknown - 1;
	struct slice name = at < WIDTH_MAX ? t->names[at] : slice_make("", 0);

	import_differs(import, IMPORT_WEAKER, "column %u, \"%.*s\", is not "
	    "known: what it asks for was left out", t->unknown,
	    SLICE_ARG(name));
}

static void
take_line(struct import *import, struct table *t, struct slice line)
{
	if (import->line == 1 && take_heading(import, t, line))
		return;
	if (!take_columns(t, line) || cell(t, COLUMN_KEY).n == 0 ||
	    cell(t, COLUMN_NEED).n == 0) {
		import_refuse(import, 0, "expected two columns");
		return;
	}
	if (t->unknown > 0 && !t->headed) {
		import_refuse(import, 0, "more columns than four: a heading "
		    "says what they are");
		return;
	}
	if (!is_in_use(import, t, COLUMN_ACTIVE) ||
	    !is_in_use(import, t, COLUMN_INACTIVE))
		return;
	if (t->unknown > 0)
		say_unknown(import, t);
	take_row(import, t);
}

bool
import_csv(struct import *import, struct slice text, struct fault *f)
{
	static const enum column usual[] = { COLUMN_KEY, COLUMN_NEED,
		COLUMN_PARAMS, COLUMN_TAG };
	struct table t = { .outbound = false };
	struct slice line;

	(void)f;
	for (int i = 0; i < WIDTH_MAX; i++)
		t.order[i] = i < 4 ? usual[i] : COLUMN_UNKNOWN;
	while (import_line(import, &text, &line)) {
		struct slice trimmed = slice_trim(line);

		if (trimmed.n > 0 && trimmed.p[0] != '#')
			take_line(import, &t, trimmed);
	}
	return true;
}
