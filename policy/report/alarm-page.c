/*
 * What is to be looked at, in the page: a block for each kind, which unfolds
 * without a script, so that 200 findings take no more room than two.
 */
#include <stdlib.h>

#include "policy/report/html-internal.h"

/* Blocks are open from the start when there is no more than this in all. */
enum { OPEN_MAX = 5, NAMED = 3 };

static const struct {
	const char *tag;      /* on each finding */
	const char *one, *many; /* of the block, behind its count */
	const char *resolved; /* NULL: this kind never is */
} words[ALARM_KINDS] = {
	[ALARM_FALLBACK] = { "fell back to clear",
	    "client came in clear after TLS, and TLS has not come back",
	    "clients came in clear after TLS, and TLS has not come back",
	    "came in clear after TLS, and over TLS since" },
	[ALARM_FAILING] = { "no TLS",
	    "domain has servers with which TLS was wanted and failed",
	    "domains have servers with which TLS was wanted and failed",
	    "failed with TLS, and work since" },
	[ALARM_UNVERIFIED] = { "verifies no more",
	    "client shows no certificate any more that verifies",
	    "clients show no certificate any more that verifies", NULL },
	[ALARM_ENDS] = { "rule ends", "rule ends soon, or has ended",
	    "rules end soon, or have ended", NULL },
	[ALARM_ISSUER] = { "other issuer",
	    "certificate has the same name and another issuer",
	    "certificates have the same name and another issuer", NULL },
	[ALARM_NAME] = { "new name", "certificate has a new name",
	    "certificates have a new name", NULL },
	[ALARM_RENEWED] = { "renewed", "certificate was renewed",
	    "certificates were renewed", NULL },
};

static void
print_alarm(const struct report *r, const struct report_alarm *a, FILE *out)
{
	char line_text[8192];
	struct text line;

	text_init(&line, line_text, sizeof line_text);
	report_alarm_print(a, report_today(r), &line);
	fprintf(out, "<li class=\"%s\"><span class=\"tag\">%s</span>",
	    report_alarm_name(a->kind), words[a->kind].tag);
	if (a->domain != NULL) {
		fputs("<b>", out);
		page_text(out, a->domain->name);
		fputs("</b> ", out);
	}
	page_text(out, line.buf);
	fputs("</li>\n", out);
}

static void
print_names(const struct report_alarm *list, size_t n, FILE *out)
{
	fputs(": ", out);
	for (size_t i = 0; i < n && i < NAMED; i++) {
		fputs(i == 0 ? "" : ", ", out);
		page_text(out, list[i].domain != NULL ? list[i].domain->name :
		    list[i].rule->key);
	}
	if (n > NAMED)
		fputs(" ...", out);
}

/* All of one kind, resolved or not. */
static void
print_block(const struct report *r, const struct report_alarm *list, size_t n,
    bool open, FILE *out)
{
	enum report_alarm_kind kind = list->kind;

	fprintf(out, "<details class=\"%s\"%s><summary><b>",
	    list->resolved ? "done" : report_alarm_name(kind),
	    open ? " open" : "");
	page_number(out, n);
	fprintf(out, "</b> %s", list->resolved ? words[kind].resolved :
	    n == 1 ? words[kind].one : words[kind].many);
	print_names(list, n, out);
	fputs("</summary><ul>", out);
	for (size_t i = 0; i < n && i < r->top; i++)
		print_alarm(r, &list[i], out);
	fputs("</ul>", out);
	if (n > r->top)
		fprintf(out, "<p class=\"soft\">And %zu more: --top %zu.</p>",
		    n - r->top, n);
	fputs("</details>\n", out);
}

/* How many at the start of the list go into one block. */
static size_t
alike(const struct report_alarm *list, size_t n)
{
	size_t i = 1;

	while (i < n && list[i].kind == list->kind &&
	    list[i].resolved == list->resolved)
		i++;
	return i;
}

static void
print_blocks(const struct report *r, const struct report_alarm *list, size_t n,
    bool resolved, FILE *out)
{
	size_t of;

	for (size_t i = 0; i < n; i += of) {
		of = alike(list + i, n - i);
		if (list[i].resolved == resolved)
			print_block(r, list + i, of, n <= OPEN_MAX && !resolved,
			    out);
	}
}

static size_t
count_resolved(const struct report_alarm *list, size_t n)
{
	size_t resolved = 0;

	for (size_t i = 0; i < n; i++)
		resolved += list[i].resolved;
	return resolved;
}

bool
page_alarms(const struct report *r, FILE *out)
{
	struct report_alarm *list;
	size_t n = report_alarms(r, &list), resolved;

	if (list == NULL)
		return false;
	resolved = count_resolved(list, n);
	fputs("<section><h2>To look at</h2>\n", out);
	if (n == resolved)
		fprintf(out, "<p class=\"soft\">%s fell back from TLS to "
		    "clear, no certificate stopped verifying or changed.</p>",
		    n == 0 ? "Nobody" : "Nothing is open: nobody else");
	print_blocks(r, list, n, false, out);
	if (resolved > 0)
		fputs("<h3>Resolved</h3>\n", out);
	print_blocks(r, list, n, true, out);
	fputs("</section>\n", out);
	free(list);
	return true;
}

/*
 * The sentence at the top of the page: the worst that is open, or that nothing
 * is.
 */
bool
page_worst(const struct report *r, FILE *out)
{
	struct report_alarm *list;
	size_t n = report_alarms(r, &list), open, i = 0;

	if (list == NULL)
		return false;
	open = n - count_resolved(list, n);
	while (i < n && list[i].resolved)
		i++;
	if (open == 0) {
		fputs(" Nothing needs to be looked at.", out);
	} else {
		size_t of = alike(list + i, n - i);

		fputs(" To be looked at: ", out);
		page_number(out, of);
		fprintf(out, " %s", of == 1 ? words[list[i].kind].one :
		    words[list[i].kind].many);
		print_names(list + i, of, out);
		if (open > of) {
			fputs("; and ", out);
			page_number(out, open - of);
			fprintf(out, " %s", open - of == 1 ? "thing less grave"
			    : "things less grave");
		}
		putc('.', out);
	}
	free(list);
	return true;
}
