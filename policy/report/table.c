/* The tables of the page.  Narrow screens see a row as a block of lines. */
#include <ctype.h>
#include <stdlib.h>

#include "policy/report/html-internal.h"

static void
print_cell(FILE *out, const char *label, uint64_t n)
{
	fprintf(out, "<td class=\"n\" data-l=\"%s\">", label);
	page_number(out, n);
	fputs("</td>", out);
}

static void
print_share(FILE *out, const char *label, uint64_t part, uint64_t whole)
{
	fprintf(out, "<td class=\"n\" data-l=\"%s\">", label);
	page_share(out, part, whole);
	fputs("</td>", out);
}

static void
print_date(FILE *out, const char *label, int64_t time_us)
{
	fprintf(out, "<td class=\"n\" data-l=\"%s\">", label);
	page_day(out, time_us);
	fputs("</td>", out);
}

static void
print_issuer(FILE *out, const struct report_certificate *c)
{
	fputs("<td data-l=\"issuer\"><span>", out);
	page_text(out, c->issuer[0] != '\0' ? c->issuer : "-");
	if (c->fingerprint[0] != '\0') {
		fputs("<br><small><code>", out);
		page_text(out, c->fingerprint);
		fputs("</code></small>", out);
	}
	fputs("</span></td>", out);
}

static void
print_part(FILE *out, const char *name, uint64_t part, uint64_t whole)
{
	fputs("<tr><td>", out);
	page_text(out, name);
	fputs("</td>", out);
	print_cell(out, "mails", part);
	print_share(out, "share", part, whole);
	fputs("</tr>\n", out);
}

void
page_mixture(const struct report *r, FILE *out)
{
	const struct report_count *c = &r->total;

	fputs("<section class=\"two\"><div><h2>Protocol versions</h2><table>",
	    out);
	for (int i = 0; i < REPORT_VERSIONS; i++)
		if (c->n[COUNT_VERSION + i] > 0)
			print_part(out, report_version_name(
			    (enum report_version)i), c->n[COUNT_VERSION + i],
			    c->n[COUNT_TLS]);
	fputs("</table></div><div><h2>Cipher suites</h2><table>", out);
	for (size_t i = 0; i < r->nsuites; i++)
		print_part(out, r->suites[i].name, r->suites[i].mails,
		    c->n[COUNT_TLS]);
	if (r->suites_left_out > 0)
		print_part(out, "others", r->suites_left_out, c->n[COUNT_TLS]);
	fputs("</table></div></section>\n", out);
}

/* The columns of domains and days. */
static void
print_heads(FILE *out)
{
	for (int i = 0; i < REPORT_COUNTERS; i++) {
		const char *head = report_row((enum report_counter)i)->head;

		if (head != NULL)
			fprintf(out, "<th class=\"n\">%c%s</th>",
			    toupper((unsigned char)head[0]), head + 1);
	}
	fputs("</tr></thead><tbody>\n", out);
}

static void
print_counters(FILE *out, const struct report_count *c)
{
	for (int i = 0; i < REPORT_COUNTERS; i++) {
		const struct report_row *row = report_row((enum report_counter)
		    i);

		if (row->head == NULL)
			continue;
		if (row->share && !row->page_only)
			print_share(out, row->cell, c->n[i],
			    c->n[COUNT_MAILS]);
		else
			print_cell(out, row->cell, c->n[i]);
	}
}

static void
print_domain(FILE *out, const struct report_domain *d)
{
	const struct report_count *c = &d->sum;

	fputs("<tr><td>", out);
	page_text(out, d->name);
	fputs("</td><td class=\"w\" data-l=\"\">", out);
	page_bar(out, c);
	fputs("</td>", out);
	print_counters(out, c);
	fputs("</tr>\n", out);
}

void
page_domains(const struct report *r, FILE *out)
{
	fprintf(out, "<section><h2>%s</h2><table class=\"wide\">"
	    "<thead><tr><th>Domain</th><th class=\"w\">Verified, TLS, clear"
	    "</th>", report_words(r)->domains);
	print_heads(out);
	for (size_t i = 0; i < r->ndomains && i < r->top; i++)
		print_domain(out, r->domains[i]);
	fputs("</tbody></table>", out);
	if (r->ndomains > r->top)
		fprintf(out, "<p class=\"soft\">And %zu more: --top %zu, or all "
		    "of them with --csv.</p>", r->ndomains - r->top,
		    r->ndomains);
	fputs("</section>\n", out);
}

static void
print_refusals(FILE *out, const struct report_rule *rule, const char *class,
    const char *what, const uint64_t counts[REASON_COUNT])
{
	for (int i = 0; i < REASON_COUNT; i++) {
		if (counts[i] == 0)
			continue;
		fputs("<tr><td><code>", out);
		page_text(out, rule->key[0] != '\0' ? rule->key :
		    "no rule: the handshake failed");
		putc(' ', out);
		page_text(out, rule->requirement);
		fprintf(out, "</code></td><td data-l=\"reason\">%s</td>"
		    "<td data-l=\"what\">", i == REASON_NONE ? "-" :
		    reason_name((enum reason)i));
		fprintf(out, "<span><svg class=\"key\" viewBox=\"0 0 1 1\" "
		    "aria-hidden=\"true\"><rect class=\"%s\" width=\"1\" "
		    "height=\"1\"/></svg>%s</span></td>", class, what);
		print_cell(out, "times", counts[i]);
		fputs("</tr>\n", out);
	}
}

void
page_rules(const struct report *r, FILE *out)
{
	fputs("<section><h2>Refusals by rule and reason</h2>", out);
	if (r->total.n[COUNT_REFUSED] + r->total.n[COUNT_WOULD] == 0) {
		fputs("<p class=\"soft\">None.</p></section>\n", out);
		return;
	}
	fputs("<table class=\"wide\"><thead><tr><th>Rule</th><th>Reason</th>"
	    "<th>What</th><th class=\"n\">Times</th></tr></thead><tbody>\n",
	    out);
	for (size_t i = 0; i < r->nrules; i++) {
		print_refusals(out, r->rules[i], "stop", "refused",
		    r->rules[i]->refused_for);
		print_refusals(out, r->rules[i], "would", "would have been",
		    r->rules[i]->would_for);
	}
	fputs("</tbody></table>", out);
	if (r->rules_left_out > 0)
		fputs("<p class=\"soft\">There were too many rules: those seen "
		    "last are not listed.</p>", out);
	fputs("</section>\n", out);
}

void
page_endings(const struct report *r, FILE *out)
{
	bool any = false;

	for (size_t i = 0; i < r->nrules; i++)
		any |= r->rules[i]->until != DAY_ALWAYS_UNTIL;
	if (!any)
		return;
	fputs("<section><h2>Rules with an end</h2><table class=\"wide\">"
	    "<thead><tr><th>Rule</th><th class=\"n\">Ends</th>"
	    "<th class=\"n\">Last used</th><th class=\"n\">Judged by it</th>"
	    "</tr></thead><tbody>\n", out);
	for (size_t i = 0; i < r->nrules; i++) {
		const struct report_rule *rule = r->rules[i];

		if (rule->until == DAY_ALWAYS_UNTIL)
			continue;
		fputs("<tr><td><code>", out);
		page_text(out, rule->key);
		putc(' ', out);
		page_text(out, rule->requirement);
		fputs("</code></td>", out);
		print_date(out, "ends", rule->until * REPORT_DAY_US);
		print_date(out, "last used", rule->last);
		print_cell(out, "judged by it", rule->judged);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></section>\n", out);
}

static void
print_clients(const struct report_words *words, const struct report_domain *d,
    FILE *out)
{
	fprintf(out, "<section><h2>%s</h2><table class=\"wide\"><thead><tr>"
	    "<th>%s</th><th class=\"n\">TLS</th><th class=\"n\">Verified"
	    "</th><th class=\"n\">Clear</th><th class=\"n\">Clear after TLS"
	    "</th></tr></thead><tbody>\n", words->peers, words->peer);
	for (unsigned i = 0; i < d->nclients; i++) {
		const struct report_client *c = &d->clients[i];

		fputs("<tr><td>", out);
		page_text(out, c->name);
		fputs("</td>", out);
		print_cell(out, "TLS", c->tls);
		print_cell(out, "verified", c->verified);
		print_cell(out, "clear", c->clear);
		print_cell(out, "clear after TLS", c->fallback);
		fputs("</tr>\n", out);
	}
	fprintf(out, "</tbody></table><p class=\"soft\">%s", words->peer_by);
	if (d->clients_left_out > 0)
		fprintf(out, " %u more with less mail.", d->clients_left_out);
	fputs("</p></section>\n", out);
}

void
page_peers(const struct report *r, const struct report_domain *d, FILE *out)
{
	print_clients(report_words(r), d, out);
	fputs("<section><h2>Certificates that verified</h2>", out);
	if (d->ncertificates == 0) {
		fputs("<p class=\"soft\">None.</p></section>\n", out);
		return;
	}
	fputs("<table class=\"wide\"><thead><tr><th>Name</th>"
	    "<th>Issuer, fingerprint</th><th class=\"n\">First</th>"
	    "<th class=\"n\">Last</th><th class=\"n\">Mails</th></tr></thead><tbody>\n", out);
	for (unsigned i = 0; i < d->ncertificates; i++) {
		const struct report_certificate *c = &d->certificates[i];

		fputs("<tr><td>", out);
		page_text(out, c->cn[0] != '\0' ? c->cn : "-");
		fputs("</td>", out);
		print_issuer(out, c);
		print_date(out, "first", c->first);
		print_date(out, "last", c->last);
		print_cell(out, "mails", c->mails);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></section>\n", out);
}

void
page_days(const struct report *r, FILE *out)
{
	fputs("<section><h2>Each day</h2><table class=\"wide\"><thead><tr>"
	    "<th>Day</th>", out);
	print_heads(out);
	for (const struct report_cell *cell = r->days; cell != NULL;
	    cell = cell->next) {
		fputs("<tr><td>", out);
		page_day(out, cell->day * REPORT_DAY_US);
		fputs("</td>", out);
		print_counters(out, &cell->count);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></section>\n", out);
}
