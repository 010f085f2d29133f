/* What a report rests on, as text, in the page and as JSON. */
#include <stdlib.h>

#include "policy/base/jsontext.h"
#include "policy/report/html-internal.h"
#include "policy/report/node.h"

enum { LINE = 1024 };

static void
put_n(struct text *out, uint64_t n, const char *one, const char *many)
{
	report_put_number(out, n);
	text_printf(out, " %s", n == 1 ? one : many);
}

static void
put_some(struct text *out, uint64_t n, const char *what)
{
	if (n == 0)
		return;
	text_puts(out, ", ");
	report_put_number(out, n);
	text_printf(out, " %s", what);
}

static void
put_lines(const struct basis *b, struct text *out)
{
	put_n(out, b->lines, "line", "lines");
	text_puts(out, " in ");
	put_n(out, b->files, "file", "files");
	put_some(out, b->torn, "torn");
	put_some(out, b->bad, "that could not be read");
	put_some(out, b->withdrawn, "withdrawn");
	if (b->unrecorded > 0) {
		text_puts(out, "; ");
		put_n(out, b->unrecorded, "refusal was not recorded",
		    "refusals were not recorded");
	}
	if (b->unread > 0) {
		text_puts(out, "; ");
		put_n(out, b->unread, "file", "files");
		text_puts(out, " could not be read to the end");
	}
}

static void
put_node(const struct basis *b, const struct basis_node *node,
    struct text *out)
{
	put_n(out, node->records, "record", "records");
	if (node->generations.n > 0) {
		text_puts(out, node->generations.n == 1 ? ", generation " :
		    ", generations ");
		basis_put_generations(&node->generations, out);
	} else {
		text_puts(out, ", made of a mail log");
	}
	if (basis_missing(b, &node->days) > 0) {
		text_puts(out, "; none on ");
		basis_put_missing(b, &node->days, out);
	}
}

static const char *
name_of(const struct basis_node *node)
{
	return node->name[0] == '\0' ? "(other)" : node->name;
}

static const char not_verified[] = "not verified here: audit verify does that";

void
basis_text(const struct basis *b, FILE *out)
{
	char line_text[LINE];
	struct text line;

	text_init(&line, line_text, sizeof line_text);
	put_lines(b, &line);
	fprintf(out, "\nWhat this rests on\n  %s\n", line.buf);
	for (size_t i = 0; i < b->n; i++) {
		struct node node = node_of(b, &b->nodes[i]);

		text_clear(&line);
		put_node(b, &b->nodes[i], &line);
		fputs("  node ", out);
		report_print_clean(out, name_of(&b->nodes[i]));
		fprintf(out, ": %s\n", line.buf);
		node_print(&node, "    ", "\n", report_print_clean, out);
	}
	text_clear(&line);
	basis_put_missing(b, &b->days, &line);
	fprintf(out, "  days without records: %s\n  chain: %s\n", line.buf,
	    not_verified);
}

void
page_basis(const struct basis *b, FILE *out)
{
	char line_text[LINE];
	struct text line;

	text_init(&line, line_text, sizeof line_text);
	put_lines(b, &line);
	fprintf(out, "<section><h2>What this rests on</h2><dl><dt>Lines</dt>"
	    "<dd>%s</dd>\n", line.buf);
	for (size_t i = 0; i < b->n; i++) {
		struct node node = node_of(b, &b->nodes[i]);

		text_clear(&line);
		put_node(b, &b->nodes[i], &line);
		fputs("<dt>", out);
		page_text(out, name_of(&b->nodes[i]));
		fprintf(out, "</dt><dd>%s", line.buf);
		node_print(&node, "<br>", "", page_text, out);
		fputs("</dd>\n", out);
	}
	text_clear(&line);
	basis_put_missing(b, &b->days, &line);
	fprintf(out, "<dt>Days without records</dt><dd>%s</dd>\n<dt>Chain</dt>"
	    "<dd>not verified here: <code>tlspolicy audit verify</code> tells "
	    "whether the log is whole.</dd></dl></section>\n", line.buf);
}

bool
basis_json(const struct basis *b, FILE *out)
{
	json_t *nodes = json_array(), *all;
	bool good;

	for (size_t i = 0; i < b->n; i++) {
		struct node node = node_of(b, &b->nodes[i]);

		json_array_append_new(nodes, node_json(&node));
	}
	all = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:o, s:o}",
	    "files", (json_int_t)b->files, "unread", (json_int_t)b->unread,
	    "lines", (json_int_t)b->lines, "torn", (json_int_t)b->torn,
	    "bad", (json_int_t)b->bad,
	    "withdrawn", (json_int_t)b->withdrawn,
	    "unrecorded", (json_int_t)b->unrecorded, "verified", 0,
	    "days_without_records", node_json_days(b, &b->days), "nodes", nodes);
	good = all != NULL && json_dumpf(all, out, JSON_COMPACT |
	    JSON_ENSURE_ASCII) == 0;
	json_decref(all);
	return good;
}
