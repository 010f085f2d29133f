#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "policy/facts/suite.h"
#include "policy/import/import-internal.h"
#include "policy/rules/client.h"
#include "policy/rules/item.h"
#include "policy/rules/never.h"

enum { IMPORT_CHUNK = 64 * 1024 };

static const struct import_format formats[] = {
	{ "sendmail", "TLS lines of a sendmail access file", true,
	    import_sendmail },
	{ "postfix", "smtp_tls_policy_maps, smtp_tls_per_site or access(5)",
	    true, import_postfix },
	{ "csv", "domain or key, requirement or level, attributes, tag",
	    false, import_csv },
	{ "starttls-everywhere", "EFF's policy.json", false,
	    import_everywhere },
	{ NULL, NULL, false, NULL }
};

const struct import_format *
import_formats(void)
{
	return formats;
}

void
import_init(struct import *import, const struct import_format *format,
    const char *path, void (*report)(void *, const struct fault *), void *arg)
{
	memset(import, 0, sizeof *import);
	import->format = format;
	import->path = path;
	import->report = report;
	import->arg = arg;
	arena_init(&import->memory, IMPORT_CHUNK);
}

void
import_free(struct import *import)
{
	free(import->rules);
	free(import->rows);
	arena_free(&import->memory);
}

void *
import_grow(struct import *import, void *array, size_t n, size_t *allocated,
    size_t size)
{
	size_t more = 2 * *allocated + 64;
	void *moved = array;

	if (n < *allocated)
		return array;
	moved = reallocarray(array, more, size);
	if (moved == NULL)
		import->no_memory = true;
	else
		*allocated = more;
	return moved;
}

struct slice
import_copy(struct import *import, struct slice s)
{
	struct slice copy = arena_copy(&import->memory, s);

	import->no_memory |= copy.p == NULL;
	return copy;
}

void
import_at(struct import *import, const char *path, unsigned long line)
{
	import->path = path;
	import->line = line;
	import->force = IMPORT_EQUAL;
	import->why = slice_make("", 0);
	import->of_port = false;
}

static struct slice report(struct import *, unsigned long, const char *,
    va_list) __attribute__((format(printf, 3, 0)));

/* Returns the text, in the import's memory. */
static struct slice
report(struct import *import, unsigned long column, const char *fmt,
    va_list ap)
{
	char text[FAULT_TEXT_MAX];
	struct fault f;

	vsnprintf(text, sizeof text, fmt, ap);
	fault_set(&f, FAULT_DATA, "%s", text);
	fault_at(&f, import->path, import->line, column);
	import->report(import->arg, &f);
	return import_copy(import, slice_of(text));
}

void
import_refuse(struct import *import, unsigned long column, const char *fmt,
    ...)
{
	struct slice why;
	va_list ap;

	import->bad += import->force == IMPORT_EQUAL;
	va_start(ap, fmt);
	why = report(import, column, fmt, ap);
	va_end(ap);
	import->force = IMPORT_NOT_TAKEN;
	import_row(import, slice_make("", 0), slice_make("", 0), why);
}

void
import_differs(struct import *import, enum import_force force,
    const char *fmt, ...)
{
	struct slice why;
	va_list ap;

	import->bad += import->force == IMPORT_EQUAL;
	va_start(ap, fmt);
	why = report(import, 0, fmt, ap);
	va_end(ap);
	if (force > import->force) {
		import->force = force;
		import->why = why;
	}
}

void
import_note(struct import *import, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(import, 0, fmt, ap);
	va_end(ap);
}

bool
import_line(struct import *import, struct slice *text, struct slice *line)
{
	if (!slice_next(text, '\n', line))
		return false;
	import_at(import, import->path, import->line + 1);
	return true;
}

struct slice
import_word(struct slice *rest)
{
	struct slice word;
	size_t n = 0;

	while (n < rest->n && !text_is_blank(rest->p[n]))
		n++;
	word = slice_make(rest->p, n);
	*rest = slice_trim(slice_from(*rest, n));
	return word;
}

void
import_item(struct text *items, const char *name, struct slice value)
{
	text_printf(items, "%s%s:", items->n > 0 ? "++" : "", name);
	text_put_xencoded(items, value);
}

/* What a rule file cannot hold in a key or requirement. */
static bool
is_printable(struct slice s, bool blanks)
{
	uint32_t code;

	for (size_t i = 0, n; i < s.n; i += n) {
		n = text_utf8(slice_from(s, i), &code);
		if (n == 0 || text_is_invisible(code) ||
		    (code == ' ' && !blanks))
			return false;
	}
	return s.n > 0;
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/*
 * OK stands alone in the grammar; ENCR:0 gives the same verdict and takes
 * items.  NO and the rows of issuers take none.
 */
static void
compose(const struct import *import, enum tag tag, struct slice need,
    struct slice items, struct text *out)
{
	char origin_text[256], by_text[512];
	struct text origin, by;
	bool bare = tag == TAG_CA || tag == TAG_TRY;

	const char *first = slice_starts_nocase(need, "AS:") ? "++" : "+";

	if (!bare && slice_is_nocase(need, "OK"))
		need = slice_of("ENCR:0");
	text_put(out, need);
	if (items.n > 0) {
		text_puts(out, first);
		text_put(out, items);
	}
	if (bare)
		return;
	text_init(&origin, origin_text, sizeof origin_text);
	text_printf(&origin, "%s:%s", import->format->name,
	    base_name(import->path));
	text_init(&by, by_text, sizeof by_text);
	import_item(&by, "BY", slice_make(origin.buf, origin.n));
	text_puts(out, items.n > 0 ? "++" : first);
	text_put(out, slice_make(by.buf, by.n));
}

static bool
append(struct import *import, struct slice key_text, struct slice requirement,
    const struct key *key, bool exact, bool conditional)
{
	struct import_rule *rules = import_grow(import, import->rules,
	    import->n, &import->allocated, sizeof *rules), *rule;

	if (rules == NULL)
		return false;
	import->rules = rules;
	rule = &import->rules[import->n++];
	rule->key = import_copy(import, key_text);
	rule->requirement = import_copy(import, requirement);
	rule->key_bytes = import_copy(import,
	    slice_make((const char *)key->bytes, key->n));
	rule->path = import->path;
	rule->line = import->line;
	rule->tag = key->tag;
	rule->kind = key->kind;
	rule->exact = exact && key->kind == KEY_NAME &&
	    slice_from(key_text, slice_find(key_text, ':')).p[1] != '.';
	rule->superseded = false;
	rule->of_port = import->of_port;
	rule->conditional = conditional;
	import_row(import, rule->key, rule->requirement, import->why);
	rule->row = import->nrows;
	return rule->key.p != NULL && rule->requirement.p != NULL &&
	    rule->key_bytes.p != NULL;
}

/* What rules are asked when they are built, and not when they are judged. */
static bool
items_fit(const struct requirement *r, struct fault *f)
{
	uint16_t ids[SUITE_LIST_MAX];
	size_t n;

	for (unsigned i = 0; i < r->nitems; i++) {
		const struct item *item = &r->items[i];

		if (item->row->inbound && !client_check(item->value, f))
			return false;
		if (item->row->id != ITEM_CIPHER)
			continue;
		if (item->value.n > KEY_TEXT_MAX)
			return fault_set(f, FAULT_DATA, "the cipher list is "
			    "too long");
		if (!suite_list(item->value, ids, &n, f))
			return false;
	}
	return true;
}

static void
add(struct import *import, struct slice key_text, struct slice need,
    struct slice items, bool exact)
{
	char composed_text[2 * REQUIREMENT_TEXT_MAX];
	struct requirement requirement;
	const struct never_row *row;
	struct text composed;
	struct never never;
	struct fault f;
	struct key key;

	text_init(&composed, composed_text, sizeof composed_text);
	if (!is_printable(key_text, false) || key_text.p[0] == '#' ||
	    !key_parse(key_text, &key, &f)) {
		import_refuse(import, 0, "\"%.*s\" is not the key of a rule",
		    SLICE_ARG(key_text));
		return;
	}
	compose(import, key.tag, need, items, &composed);
	if (composed.cut ||
	    !is_printable(slice_make(composed.buf, composed.n), true)) {
		import_refuse(import, 0, "the requirement is too long or not "
		    "printable");
	} else if (!requirement_parse(slice_make(composed.buf, composed.n),
	    key.tag, &requirement, &f) || !items_fit(&requirement, &f)) {
		import_refuse(import, 0, "%s", f.text);
	} else if ((row = never_key(&never, key.tag, slice_from(key_text,
	    slice_find(key_text, ':') + 1), false)) != NULL ||
	    (row = never_requirement(&never, key.tag, &requirement, false)) !=
	    NULL) {
		never_fault(&never, row, &f);
		import_refuse(import, 0, "%s", f.text);
	} else {
		if (key.tag == TAG_SRV || key.tag == TAG_RCPT ||
		    key.tag == TAG_TRY)
			import->outbound++;
		import->no_memory |= !append(import, key_text,
		    slice_make(composed.buf, composed.n), &key, exact,
		    requirement_is_conditional(&requirement));
	}
}

void
import_add(struct import *import, struct slice key, struct slice need,
    struct slice items)
{
	add(import, key, need, items, false);
}

void
import_add_exact(struct import *import, struct slice key, struct slice need,
    struct slice items)
{
	add(import, key, need, items, true);
}

/* By key, and as they were read within a key. */
static int
compare_rules(const void *a, const void *b)
{
	const struct import_rule *const *l = a, *const *r = b;
	int order = slice_compare((*l)->key_bytes, (*r)->key_bytes);

	return order != 0 ? order : (*l > *r) - (*l < *r);
}

/*
 * Removes duplicates.  Of a key all conditional rules stand up to the first
 * that counts for everybody; what comes later may repeat one of them.
 */
static bool
find_duplicates(struct import *import)
{
	struct import_rule **sorted = calloc(import->n + 1, sizeof *sorted);
	const struct import_rule *first = NULL, *last;

	if (sorted == NULL)
		return false;
	for (size_t i = 0; i < import->n; i++)
		sorted[i] = &import->rules[i];
	qsort(sorted, import->n, sizeof sorted[0], compare_rules);
	for (size_t i = 0; i < import->n; i++) {
		struct import_rule *rule = sorted[i];

		if (first == NULL || !slice_equal(first->key_bytes,
		    rule->key_bytes) || (first->conditional &&
		    !slice_equal(first->requirement, rule->requirement))) {
			first = rule;
			continue;
		}
		rule->superseded = true;
		import_at(import, rule->path, rule->line);
		if ((!import->first_wins || first->of_port ||
		    rule->of_port) && !slice_equal(first->requirement, rule->requirement))
			import_refuse(import, 0, "%.*s was given before "
			    "(line %lu) with another requirement",
			    SLICE_ARG(rule->key), first->line);
	}
	/*
	 * A key's last line, if conditional, leaves the search to go on: no
	 * exception.
	 */
	last = NULL;
	for (size_t i = import->n; i-- > 0;) {
		if (sorted[i]->superseded)
			continue;
		sorted[i]->conditional &= last != NULL && slice_equal(
		    sorted[i]->key_bytes, last->key_bytes);
		last = sorted[i];
	}
	free(sorted);
	return true;
}

/*
 * A byte order mark in front of `text` is none of it, but that MTAs take it for
 * the beginning of a key, which they then never look for.
 */
static bool
is_no_text(const struct import *import, struct slice text)
{
	struct slice line;

	return !import->format->of_mta || !slice_next(&text, '\n', &line) ||
	    slice_trim(line).n == 0 || line.p[0] == '#';
}

/* The whole file, in the import's memory. */
bool
import_slurp(struct import *import, FILE *file, struct slice *text,
    struct fault *f)
{
	size_t size = IMPORT_CHUNK, n = 0, got = 1;
	char *buf = malloc(size), *more = buf;

	while (more != NULL && got > 0) {
		got = fread(buf + n, 1, size - n, file);
		n += got;
		if (n == size && (more = realloc(buf, size *= 2)) != NULL)
			buf = more;
	}
	*text = more == NULL ? slice_make(NULL, 0) :
	    import_copy(import, slice_make(buf, n));
	free(buf);
	if (ferror(file))
		return fault_errno(f, FAULT_IO, errno, "cannot read %s",
		    import->path);
	if (text->p == NULL)
		return fault_no_memory(f);
	if (slice_starts_nocase(*text, IMPORT_MARK) &&
	    is_no_text(import, slice_from(*text, 3)))
		*text = slice_from(*text, 3);
	if (slice_find(*text, '\0') < text->n)
		return fault_set(f, FAULT_DATA, "%s is no text file; expected "
		    "what makemap or postmap is given, not what it makes",
		    import->path);
	return true;
}

/* What only the whole of the rules shows. */
bool
import_finish(struct import *import, struct fault *f)
{
	if (import->no_memory || !find_duplicates(import) ||
	    !import_except_below(import) || import->no_memory)
		return fault_no_memory(f);
	import_at(import, import->path, 0);
	if (import->reaching > 0)
		import_note(import, "%lu of these rules count for what is "
		    "below their domain, too, where Postfix goes by "
		    "smtp_tls_security_level: say what it is by --level, or "
		    "let --config DIR read it", import->reaching);
	return true;
}

bool
import_read(struct import *import, FILE *file, struct fault *f)
{
	struct slice text;

	return import_slurp(import, file, &text, f) &&
	    import->format->read(import, text, f) && import_finish(import, f);
}

unsigned long
import_print(const struct import *import, FILE *out)
{
	unsigned long printed = 0;

	for (size_t i = 0; i < import->n; i++) {
		const struct import_rule *rule = &import->rules[i];

		if (rule->superseded)
			continue;
		fprintf(out, "%.*s\t%.*s\n", SLICE_ARG(rule->key),
		    SLICE_ARG(rule->requirement));
		printed++;
	}
	return printed;
}
