/*
 * A sendmail access file: the TLS lines are taken, all else is told by kind.
 * Read twice: a tag that is none of ours may be one that a CITag item in a
 * later line names.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/rules/item.h"
#include "policy/import/import-internal.h"

enum { KINDS_MAX = 16 };

struct access_file {
	struct slice *citags; /* each once, in the import's memory */
	size_t ncitags, citags_allocated;
	struct {
		char name[32];
		unsigned long lines;
	} kinds[KINDS_MAX]; /* of lines that are not about TLS */
	size_t nkinds;
};

static bool
split(struct slice line, struct slice *key, struct slice *value)
{
	struct slice rest = slice_trim(line);

	if (rest.n == 0 || line.p[0] == '#')
		return false;
	*key = import_word(&rest);
	*value = rest;
	return true;
}

static bool
is_tls_tag(struct slice key, enum tag *tag)
{
	return tag_by_name(slice_make(key.p, slice_find(key, ':')), tag) &&
	    slice_find(key, ':') < key.n &&
	    (*tag == TAG_CLT || *tag == TAG_SRV || *tag == TAG_RCPT ||
	    *tag == TAG_TRY);
}

/*
 * strtol(3) with base 0 in sendmail: "0200" is 128, "0x80" too.  `import` NULL:
 * nothing is said of it.
 */
static void
put_decimal_bits(struct import *import, struct slice value, struct text *out)
{
	size_t colon = slice_find(value, ':');
	size_t end = slice_find(value, '+');
	char number[24];
	char *rest;
	long bits;

	if (slice_starts_nocase(value, "PERM+") ||
	    slice_starts_nocase(value, "TEMP+")) {
		text_put(out, slice_make(value.p, 5));
		put_decimal_bits(import, slice_from(value, 5), out);
		return;
	}
	if (colon + 1 < end && end - colon - 1 < sizeof number &&
	    value.p[colon + 1] == '0') {
		snprintf(number, sizeof number, "%.*s",
		    (int)(end - colon - 1), value.p + colon + 1);
		bits = strtol(number, &rest, 0);
		if (*rest == '\0' && bits > 0 && bits <= REQUIREMENT_BITS_MAX) {
			if (import != NULL)
				import_note(import, "sendmail reads %s as %ld",
				    number, bits);
			text_put(out, slice_make(value.p, colon + 1));
			text_printf(out, "%ld", bits);
			text_put(out, slice_from(value, end));
			return;
		}
	}
	text_put(out, value);
}

static bool
is_citag(const struct access_file *a, struct slice key)
{
	struct slice name = slice_make(key.p, slice_find(key, ':'));

	for (size_t i = 0; i < a->ncitags; i++)
		if (slice_equal_nocase(a->citags[i], name))
			return true;
	return false;
}

/* Notes the tags that CITag items name, for the second reading. */
static void
note_citags(struct import *import, struct access_file *a,
    const struct requirement *r)
{
	for (unsigned i = 0; i < r->nitems; i++) {
		struct slice *grown, name = r->items[i].value;

		if (r->items[i].row->id != ITEM_CITAG || is_citag(a, name))
			continue;
		grown = import_grow(import, a->citags, a->ncitags,
		    &a->citags_allocated, sizeof *grown);
		if (grown == NULL)
			return;
		a->citags = grown;
		a->citags[a->ncitags++] = import_copy(import, name);
	}
}

static void
count_kind(struct access_file *a, struct slice key)
{
	size_t colon = slice_find(key, ':');
	struct slice name = slice_make(key.p, colon);
	size_t i = 0;

	if (colon == key.n || name.n >= sizeof a->kinds[0].name)
		name = slice_of("without a tag");
	while (i < a->nkinds &&
	    !slice_is_nocase(name, a->kinds[i].name))
		i++;
	if (i == KINDS_MAX)
		i--;
	if (i == a->nkinds) {
		a->nkinds++;
		snprintf(a->kinds[i].name, sizeof a->kinds[i].name, "%.*s",
		    SLICE_ARG(name));
	}
	a->kinds[i].lines++;
}

/* First reading: which tags do CITag items name? */
static void
find_citags(struct import *import, struct access_file *a, struct slice line)
{
	char text[REQUIREMENT_TEXT_MAX + 16];
	struct text decimal;
	struct slice key, value;
	struct requirement r;
	struct fault f;
	enum tag tag;

	if (!split(line, &key, &value) || !is_tls_tag(key, &tag))
		return;
	text_init(&decimal, text, sizeof text);
	put_decimal_bits(NULL, value, &decimal);
	if (!decimal.cut && requirement_parse(slice_make(decimal.buf,
	    decimal.n), tag, &r, &f))
		note_citags(import, a, &r);
}

/*
 * A name that a rule would take for a pattern is a name to sendmail: its first
 * character is written as one that stands for itself.
 */
static void
put_literal_names(struct import *import, struct slice value,
    const struct requirement *r, struct text *out)
{
	size_t from = 0;

	for (unsigned i = 0; i < r->nitems && !import->compat_sendmail; i++) {
		struct slice name = r->items[i].value;
		size_t at = (size_t)(name.p - value.p);

		if (r->items[i].row->id != ITEM_CN || name.n < 2 ||
		    (name.p[0] != '.' && !slice_starts_nocase(name, "*.")))
			continue;
		text_put(out, slice_make(value.p + from, at - from));
		text_printf(out, "+%02X", (unsigned char)name.p[0]);
		from = at + 1;
		import_note(import, "%.*s is a name to sendmail, as a rule CN:"
		    "%.*s were a pattern", SLICE_ARG(name), SLICE_ARG(name));
	}
	text_put(out, slice_from(value, from));
}

/* "host ENCR:112", as starttls(8) of MirBSD has it. */
static bool
is_untagged(struct slice key, struct slice value)
{
	for (int class = 0; class < 2; class++)
		if (slice_starts_nocase(value, class == 0 ? "PERM+" : "TEMP+"))
			value = slice_from(value, 5);
	return key_is_untagged(key) && (slice_starts_nocase(value, "ENCR:") ||
	    slice_starts_nocase(value, "VERIFY"));
}

/* Where sendmail's rules say more or less than the same words do here. */
static void
compare(struct import *import, const struct requirement *r)
{
	bool names = false;

	for (unsigned i = 0; i < r->nitems; i++) {
		names |= r->items[i].row->believes_names;
		for (unsigned k = 0; k < i; k++)
			if (!import->compat_sendmail &&
			    r->items[i].row == r->items[k].row &&
			    item_is_alternative(r->items[i].row, false))
				import_differs(import, IMPORT_WEAKER,
				    "sendmail wants each %s to hold, a rule "
				    "any one; compat = sendmail wants each",
				    r->items[i].row->name);
		if (!r->items[i].row->from_sendmail)
			import_differs(import, IMPORT_STRICTER, "sendmail "
			    "does not know %s and skips what follows",
			    r->items[i].row->name);
	}
	if (names && r->need == NEED_ENCR && !import->compat_sendmail)
		import_differs(import, IMPORT_STRICTER, "sendmail believes "
		    "names in certificates that did not verify; so does a "
		    "rule by compat = sendmail only");
	if (r->need == NEED_DANE || r->need == NEED_DANE_MAY)
		import_differs(import, IMPORT_STRICTER, "sendmail does not "
		    "know DANE and enforces nothing here");
	if (r->class == CLASS_WARN || r->class == CLASS_HOLD)
		import_differs(import, IMPORT_STRICTER, "sendmail does not "
		    "know %s and enforces nothing here",
		    rule_class_name(r->class));
}

/* Is it a key that sendmail looks for? */
static bool
is_asked(struct import *import, struct slice line, struct slice key,
    enum tag tag)
{
	struct slice what = slice_from(key, slice_find(key, ':') + 1);
	const char *why = text_is_blank(line.p[0]) ? "makemap(8) takes no line "
	    "that begins with a blank" : import_unasked_sendmail(tag, what);

	if (why != NULL)
		import_refuse(import, (size_t)(key.p - line.p) + 1,
		    "\"%.*s\": %s", SLICE_ARG(what), why);
	else if (what.n > 0 && what.p[0] == '.')
		import_differs(import, IMPORT_WEAKER, "\"%.*s\" counts in "
		    "sendmail by FEATURE(`lookupdotdomain') only, else what a "
		    "wider line or that of the address says",
		    SLICE_ARG(what));
	return why == NULL;
}

/* A line with a key that counts: its rule, or why there is none. */
static void
take_requirement(struct import *import, struct slice line, struct slice key,
    struct slice value, enum tag tag)
{
	char text[REQUIREMENT_TEXT_MAX + 16], literal[sizeof text];
	struct text decimal, names;
	struct requirement r;
	struct fault f;
	size_t need;

	fault_clear(&f);
	text_init(&decimal, text, sizeof text);
	put_decimal_bits(import, value, &decimal);
	value = slice_make(decimal.buf, decimal.n);
	if (decimal.cut || !requirement_parse(value, tag, &r, &f) ||
	    r.need == NEED_AS) {
		import_refuse(import, (size_t)(key.p - line.p) + 1,
		    "not taken, sendmail enforces nothing here: %s",
		    decimal.cut ? "too long" : f.text[0] != '\0' ? f.text :
		    "it has no profiles");
		return;
	}
	if (tag != TAG_TRY && tag != TAG_CA)
		compare(import, &r);
	text_init(&names, literal, sizeof literal);
	put_literal_names(import, value, &r, &names);
	value = slice_make(names.buf, names.n);
	need = r.nitems > 0 ? r.items[0].offset : value.n + 1;
	if (names.cut)
		import_refuse(import, 0, "not taken: too long");
	else
		import_add(import, key, slice_make(value.p, need - 1),
		    r.nitems > 0 ? slice_from(value, need) :
		    slice_make("", 0));
}

static void
take_line(struct import *import, struct access_file *a, struct slice line)
{
	struct slice key, value;
	enum tag tag;

	if (!split(line, &key, &value))
		return;
	if (slice_starts_nocase(key, IMPORT_MARK)) {
		import_refuse(import, 1, "a byte order mark is part of the key "
		    "to makemap(8), and sendmail looks for no such key");
		return;
	}
	if (is_citag(a, key))
		tag = TAG_CA;
	else if (!is_tls_tag(key, &tag)) {
		if (is_untagged(key, value))
			import_refuse(import, 1, "\"%.*s\" has no tag: "
			    "sendmail enforces nothing here; as rules it would "
			    "be TLS_Clt:%.*s and TLS_Srv:%.*s", SLICE_ARG(key),
			    SLICE_ARG(key), SLICE_ARG(key));
		else
			count_kind(a, key);
		return;
	}
	if (tag != TAG_CA && !is_asked(import, line, key, tag))
		return;
	/* Only NO says no; with any other value a parent's does not count. */
	if (tag == TAG_TRY && !slice_is_nocase(value, "NO"))
		value = slice_of("OK");
	take_requirement(import, line, key, value, tag);
}

static void
note_kinds(struct import *import, const struct access_file *a)
{
	char text[FAULT_TEXT_MAX];
	unsigned long all = 0;
	struct text list;

	text_init(&list, text, sizeof text);
	for (size_t i = 0; i < a->nkinds; i++) {
		all += a->kinds[i].lines;
		text_printf(&list, "%s%lu %s", i > 0 ? ", " : "",
		    a->kinds[i].lines, a->kinds[i].name);
	}
	import_at(import, import->path, 0);
	if (all > 0)
		import_note(import, "not about TLS: %lu line%s (%s)",
		    all, all == 1 ? "" : "s", text);
}

bool
import_sendmail(struct import *import, struct slice text, struct fault *f)
{
	struct access_file a = { .ncitags = 0 };
	struct slice again = text, line;

	(void)f;
	while (import_line(import, &again, &line))
		find_citags(import, &a, line);
	import_at(import, import->path, 0);
	while (import_line(import, &text, &line))
		take_line(import, &a, line);
	note_kinds(import, &a);
	free(a.citags);
	return true;
}
