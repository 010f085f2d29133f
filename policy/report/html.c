/*
 * One page that needs nothing but itself: no script, no font, no picture from
 * elsewhere, and a policy that would not let a browser fetch any.
 */
#include "policy/report/html-internal.h"

static const char *
title_of(const struct report *r)
{
	if (r->leaving)
		return r->domain.n > 0 ? "TLS statement on mail that left" :
		    "TLS report on mail that left";
	return r->domain.n > 0 ? "TLS statement" : "TLS report";
}

static void
print_start(const struct report *r, const char *hash, FILE *out)
{
	fprintf(out, "<!DOCTYPE html>\n<html lang=\"en\"><head>"
	    "<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-"
	    "Policy\" content=\"default-src 'none'; style-src '%s'; "
	    "base-uri 'none'; form-action 'none'\">\n<meta name=\"viewport\" "
	    "content=\"width=device-width, initial-scale=1\">\n"
	    "<meta name=\"referrer\" content=\"no-referrer\">\n"
	    "<meta name=\"color-scheme\" content=\"light dark\">\n<title>%s",
	    hash, title_of(r));
	if (r->domain.n > 0 && r->ndomains > 0) {
		fputs(": ", out);
		page_text(out, r->domains[0]->name);
	}
	fprintf(out, "</title>\n<style>%s</style></head>\n<body><main>\n",
	    page_style);
}

static void
print_share_of(const struct report *r, FILE *out)
{
	const struct report_count *c = &r->total;
	const char *came = report_words(r)->came;

	if (c->n[COUNT_UNTOLD] > 0) {
		page_number(out, c->n[COUNT_CLEAR]);
		fputs(" of ", out);
		page_number(out, c->n[COUNT_MAILS]);
		fprintf(out, " mails %s in clear; of ", came);
		page_number(out, c->n[COUNT_UNTOLD]);
		fputs(" the mail log does not tell; ", out);
	} else if (c->n[COUNT_CLEAR] == 0) {
		fputs("Each of the ", out);
		page_number(out, c->n[COUNT_MAILS]);
		fprintf(out, " mails %s over TLS; ", came);
	} else {
		page_number(out, c->n[COUNT_CLEAR]);
		fputs(" of ", out);
		page_number(out, c->n[COUNT_MAILS]);
		fprintf(out, " mails %s in clear, the others over TLS; ", came);
	}
	if (c->n[COUNT_VERIFIED] == c->n[COUNT_MAILS])
		fputs("all", out);
	else
		page_number(out, c->n[COUNT_VERIFIED]);
	fputs(" with a certificate that verified.", out);
}

/* The two sentences at the top of the page, for who reads nothing else. */
static bool
print_statement(const struct report *r, FILE *out)
{
	const struct report_count *c = &r->total;
	bool good;

	fputs("<p class=\"lead\">", out);
	if (c->n[COUNT_MAILS] == 0)
		fprintf(out, "No mail%s%s%s was %s.", r->domain.n > 0 ?
		    " with a " : "", r->domain.n > 0 ?
		    report_words(r)->address : "", r->domain.n > 0 ?
		    " of this domain" : "", report_words(r)->passed);
	else
		print_share_of(r, out);
	good = page_worst(r, out);
	if (c->n[COUNT_EXEMPT] > 0 && r->domain.n > 0) {
		fputs(" Not counted: ", out);
		page_number(out, c->n[COUNT_EXEMPT]);
		fputs(" from exempt clients.", out);
	}
	fputs("</p>\n", out);
	return good;
}

static bool
print_header(const struct report *r, FILE *out)
{
	bool good;

	fprintf(out, "<header><h1>%s", title_of(r));
	if (r->domain.n > 0) {
		fputs(" for ", out);
		page_text(out, r->domains[0]->name);
	}
	fputs("</h1>\n<p class=\"soft\">", out);
	page_day(out, r->first);
	fputs(" to ", out);
	page_day(out, r->last);
	fputs(" (UTC), from ", out);
	page_number(out, r->records);
	fprintf(out, " record%s of the audit log.", r->records == 1 ? "" : "s");
	if (r->monitored > 0) {
		fputs(" Of these ", out);
		page_number(out, r->monitored);
		fputs(" in mode monitor: nothing was refused.", out);
	}
	if (r->maillog > 0) {
		fputs(" Of these ", out);
		page_number(out, r->maillog);
		fputs(" made of a mail log: no evidence.", out);
	}
	fputs("</p>\n", out);
	good = print_statement(r, out);
	fputs("</header>\n", out);
	return good;
}

static void
print_tile(FILE *out, const char *class, uint64_t part, uint64_t whole,
    const char *label)
{
	fprintf(out, "<div class=\"tile\"><b%s%s%s>", class[0] != '\0' ?
	    " class=\"" : "", class, class[0] != '\0' ? "\"" : "");
	if (whole > 0)
		page_share(out, part, whole);
	else
		page_number(out, part);
	fprintf(out, "</b><span>%s", label);
	if (whole > 0) {
		fputs(": ", out);
		page_number(out, part);
	}
	fputs("</span></div>\n", out);
}

static void
print_tiles(const struct report *r, FILE *out)
{
	const struct report_count *c = &r->total;

	fputs("<div class=\"tiles\">\n", out);
	print_tile(out, "", c->n[COUNT_MAILS], 0, r->leaving ?
	    "mails delivered" : "mails let through");
	print_tile(out, "", c->n[COUNT_TLS], c->n[COUNT_MAILS], "over TLS");
	print_tile(out, "best", c->n[COUNT_VERIFIED], c->n[COUNT_MAILS], "certificate verified");
	print_tile(out, c->n[COUNT_CLEAR] > 0 ? "bad" : "", c->n[COUNT_CLEAR], 0,
	    "in clear");
	/* With no answers known, "0 against" would look like good news. */
	if (r->leaving && r->told->n > 0) {
		print_tile(out, c->n[COUNT_AGAINST] > 0 ? "stop" : "",
		    c->n[COUNT_AGAINST], 0, "against what the MTA was told");
	} else if (!r->leaving) {
		print_tile(out, c->n[COUNT_REFUSED] > 0 ? "stop" : "",
		    c->n[COUNT_REFUSED], 0, "attempts refused");
		print_tile(out, "", c->n[COUNT_WOULD], 0,
		    "would have been refused");
	}
	fputs("</div>\n", out);
}

static void
end_notes(const struct report *r, FILE *out)
{
	if (r->folded > 0) {
		fputs("<dt>(other)</dt><dd>", out);
		page_number(out, r->folded);
		fputs(" domains with little mail, counted together.</dd>\n",
		    out);
	}
	fputs("</dl></section>\n", out);
}

static void
print_notes(const struct report *r, FILE *out)
{
	fputs("<section><h2>How to read this</h2><dl>\n"
	    "<dt>Mails</dt><dd>messages that were let through or held, by the "
	    "day (UTC) and by the organisational domain of the envelope "
	    "sender. Anybody can write any sender.</dd>\n"
	    "<dt>Verified</dt><dd>the MTA verified the client's certificate. "
	    "That is no proof that the client may use the sender's name.</dd>\n"
	    "<dt>Refused</dt><dd>attempts, of a mail or for one recipient; a "
	    "client that tries again is counted again.</dd>\n"
	    "<dt>Would have been</dt><dd>let through only because of a WARN "
	    "rule, mode monitor, or on-error.</dd>\n<dt>Exempt</dt><dd>", out);
	page_number(out, r->total.n[COUNT_EXEMPT]);
	fputs(" mails from exempt clients and local submission, counted "
	    "nowhere else.</dd>\n<dt>Given up</dt><dd>", out);
	page_number(out, r->total.n[COUNT_ABORTED]);
	fputs(" transactions that the client did not end.</dd>\n"
	    "<dt>Evidence</dt><dd>the audit log, see below.</dd>\n", out);
	end_notes(r, out);
}

static void
print_leaving_notes(const struct report *r, FILE *out)
{
	fputs("<section><h2>How to read this</h2><dl>\n"
	    "<dt>Mails</dt><dd>recipients whose server took the message, by "
	    "the MTA's own log, by the day (UTC) and by the organisational "
	    "domain of the recipient.</dd>\n"
	    "<dt>Verified</dt><dd>the MTA verified the server's "
	    "certificate; whether its name was the right one the log does not "
	    "tell.</dd>\n"
	    "<dt>Against</dt><dd>", out);
	fputs(r->told->n > 0 ? "in clear, or without a verified certificate, "
	    "although the MTA had been told before to demand it.</dd>\n" :
	    "what the MTA was told is not known here, and nothing was held "
	    "against it.</dd>\n", out);
	fputs("<dt>Evidence</dt><dd>this is none: anybody who may write to the "
	    "mail log can write what is in it.</dd>\n", out);
	end_notes(r, out);
}

static void
print_empty(const struct report *r, FILE *out)
{
	fprintf(out, "<header><h1>%s</h1><p class=\"lead\">No records%s."
	    "</p></header>\n", title_of(r), r->leaving ?
	    " of mail that left" : "");
}

static bool
print_report(const struct report *r, FILE *out)
{
	if (!print_header(r, out))
		return false;
	print_tiles(r, out);
	if (!page_alarms(r, out))
		return false;
	page_charts(r, out);
	page_mixture(r, out);
	if (r->domain.n > 0)
		page_peers(r, r->domains[0], out);
	else
		page_domains(r, out);
	if (!r->leaving) {
		page_rules(r, out);
		page_endings(r, out);
	}
	if (r->domain.n > 0)
		page_days(r, out);
	if (r->leaving)
		print_leaving_notes(r, out);
	else
		print_notes(r, out);
	return true;
}

bool
report_html(const struct report *r, const struct report *other, FILE *out)
{
	char hash[64];

	if (!page_style_hash(hash))
		return false;
	print_start(r, hash, out);
	if (!r->nodes && r->records == 0)
		print_empty(r, out);
	else if (!r->nodes && !print_report(r, out))
		return false;
	if (other != NULL && other->records == 0)
		print_empty(other, out);
	else if (other != NULL && !print_report(other, out))
		return false;
	if (r->basis != NULL)
		page_basis(r->basis, out);
	fputs("</main></body></html>\n", out);
	return true;
}
