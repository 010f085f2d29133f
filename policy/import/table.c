/*
 * What became of each line, and what Postfix's tables need that is about more
 * than one line: logical lines, and the keys that cover one another.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/jsonlist.h"
#include "policy/base/jsontext.h"
#include "policy/import/postfix-internal.h"

enum { TEXT_ROW_MAX = KEY_TEXT_MAX + 2 * REQUIREMENT_TEXT_MAX };

static const char *const force_names[] = {
	[IMPORT_EQUAL] = "equal",
	[IMPORT_STRICTER] = "stricter",
	[IMPORT_WEAKER] = "weaker",
	[IMPORT_NOT_TAKEN] = "not taken",
};

void
import_row(struct import *import, struct slice key, struct slice requirement,
    struct slice why)
{
	struct import_row *rows = import_grow(import, import->rows,
	    import->nrows, &import->rows_allocated, sizeof *rows), *row;

	if (rows == NULL)
		return;
	import->rows = rows;
	row = &import->rows[import->nrows++];
	row->path = import->path;
	row->line = import->line;
	row->force = import->force;
	row->why = why;
	import_row_says(import, import->nrows, key, requirement);
}

void
import_row_says(struct import *import, size_t row, struct slice key,
    struct slice requirement)
{
	char text[TEXT_ROW_MAX];
	struct text rule;

	text_init(&rule, text, sizeof text);
	text_put(&rule, key);
	text_puts(&rule, key.n > 0 ? " " : "");
	text_put(&rule, requirement);
	import->rows[row - 1].rule = import_copy(import,
	    slice_make(text, rule.n));
}

void
import_print_table(const struct import *import, FILE *out)
{
	char text[TEXT_ROW_MAX];
	struct text rule;

	for (size_t i = 0; i < import->nrows; i++) {
		const struct import_row *row = &import->rows[i];

		text_init(&rule, text, sizeof text);
		text_put_printable(&rule, row->rule.n > 0 ? row->rule :
		    slice_of("-"));
		fprintf(out, "%s:%lu\t%s\t%s\n", row->path, row->line,
		    force_names[row->force], text);
	}
}

void
import_print_json(const struct import *import, FILE *out)
{
	struct jsonlist list;

	jsonlist_start(&list, out);
	for (size_t i = 0; i < import->nrows; i++) {
		const struct import_row *row = &import->rows[i];

		jsonlist_add(&list, json_pack("{s:o, s:I, s:s, s:o, s:o}", "file",
		    jsontext_cstring(row->path), "line",
		    (json_int_t)row->line, "force", force_names[row->force],
		    "rule", jsontext_string(row->rule), "why",
		    jsontext_string(row->why)));
	}
	jsonlist_end(&list);
}

bool
import_list_next(struct slice *list, struct slice *word)
{
	size_t n = 0;
	int depth = 0;

	while (list->n > 0 && strchr(", \t\r\n", list->p[0]) != NULL)
		*list = slice_from(*list, 1);
	for (; n < list->n; n++) {
		char c = list->p[n];

		if (depth == 0 && strchr(", \t\r\n", c) != NULL)
			break;
		depth += (c == '{') - (c == '}');
	}
	*word = slice_make(list->p, n);
	*list = slice_from(*list, n);
	return n > 0;
}

void
import_lines_init(struct import_lines *lines, struct slice text)
{
	lines->rest = text;
	lines->line = lines->next = 0;
}

/* The next line of the text that is neither empty nor a comment. */
static bool
physical_line(struct import_lines *lines, struct slice *line)
{
	while (slice_next(&lines->rest, '\n', line)) {
		struct slice trimmed = slice_trim(*line);

		lines->next++;
		if (trimmed.n > 0 && trimmed.p[0] != '#')
			return true;
	}
	return false;
}

/* A line that begins with a blank continues the one before (postmap(1)). */
bool
import_lines_next(struct import *import, struct import_lines *lines,
    struct slice *line)
{
	struct import_lines ahead;
	struct text logical;
	struct slice more;

	text_init(&logical, lines->text, sizeof lines->text);
	for (;;) {
		if (!physical_line(lines, &more))
			return false;
		lines->line = lines->next;
		text_clear(&logical);
		text_put(&logical, slice_trim(more));
		for (;;) {
			ahead.rest = lines->rest;
			ahead.next = lines->next;
			if (!physical_line(&ahead, &more) ||
			    !text_is_blank(more.p[0]))
				break;
			lines->rest = ahead.rest;
			lines->next = ahead.next;
			text_char(&logical, ' ');
			text_put(&logical, slice_trim(more));
		}
		if (import != NULL)
			import_at(import, import->path, import->whole > 0 ?
			    import->whole : lines->line);
		*line = slice_make(logical.buf, logical.n);
		if (!logical.cut)
			return true;
		if (import != NULL)
			import_refuse(import, 0, "the line is too long");
	}
}

static bool
name_covers(struct slice a, struct slice b)
{
	bool dotted = a.n > KEY_HEAD + 1 && a.p[a.n - 2] == '\1';

	if (dotted)
		a.n--;
	return b.n >= a.n && memcmp(a.p, b.p, a.n) == 0 &&
	    (!dotted || b.n > a.n);
}

static bool
prefix_covers(struct slice a, struct slice b)
{
	struct netprefix wide, narrow;
	size_t length = a.n - KEY_HEAD - 2;

	if (a.n != b.n)
		return false;
	memset(&wide, 0, sizeof wide);
	memset(&narrow, 0, sizeof narrow);
	wide.addr.family = narrow.addr.family = (uint8_t)a.p[KEY_HEAD];
	memcpy(narrow.addr.bytes, b.p + KEY_HEAD + 1, length);
	memcpy(wide.addr.bytes, a.p + KEY_HEAD + 1, length);
	wide.bits = (unsigned char)a.p[a.n - 1];
	narrow.bits = (unsigned char)b.p[b.n - 1];
	if (narrow.bits < wide.bits)
		return false;
	netaddr_mask(&narrow.addr, wide.bits);
	return memcmp(narrow.addr.bytes, wide.addr.bytes, length) == 0;
}

const struct import_rule *
import_covering(const struct import *import, size_t from, struct slice text)
{
	struct fault f;
	struct key key;
	struct slice bytes;

	if (!key_parse(text, &key, &f))
		return NULL;
	bytes = slice_make((const char *)key.bytes, key.n);
	for (size_t i = from; i < import->n; i++) {
		const struct import_rule *rule = &import->rules[i];

		if (rule->tag != key.tag || rule->conditional)
			continue;
		if (rule->kind == KEY_BARE ||
		    slice_equal(rule->key_bytes, bytes) ||
		    (rule->kind == key.kind && ((key.kind == KEY_NAME &&
		    !rule->exact && name_covers(rule->key_bytes, bytes)) ||
		    (key.kind == KEY_ADDRESS &&
		    prefix_covers(rule->key_bytes, bytes)))))
			return rule;
	}
	return NULL;
}
