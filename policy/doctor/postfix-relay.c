/*
 * relayhost, transport_maps and default_transport against rules of TLS_Rcpt:
 * Postfix asks for its next hop (policy/outbound/postfix.c), so a rule for a
 * domain that goes by another one is never asked for.  What can be had is a rule
 * for that next hop, beside or in place of it.
 *
 * Next hops by sender are those that the tables list; what a table does not
 * list, or has by patterns, is said to be unknown.
 *
 * By the rules file: the store is opened last, when tables may not be ours to
 * read any more.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/domain.h"
#include "policy/doctor/postfix-list.h"
#include "policy/doctor/postfix-way.h"
#include "policy/rules/requirement.h"
#include "policy/rules/rulefile.h"

enum { RULES_MAX = 200, HOPS_MAX = 16 };

/* A next hop that stands before domains with rules. */
struct hop {
	char name[POSTFIX_WAY_BYTES];
	const char *by;
	char example[DOMAIN_TEXT_MAX];
	unsigned n;
	bool verify;
};

struct relays {
	struct hop hops[HOPS_MAX];
	unsigned n;
	/* The first rule for a domain whose way depends on the sender. */
	const struct rule *depends;
	unsigned ndepends;
	bool verify;
	bool patterns; /* transport_maps has some */
};

enum { TABLE_BYTES = 256 * 1024 };

/* "[hub.test]:587" without brackets and port. */
static struct slice
host_of(struct slice hop)
{
	if (hop.n > 0 && hop.p[0] == '[') {
		hop = slice_from(hop, 1);
		return slice_make(hop.p, slice_find(hop, ']'));
	}
	return slice_make(hop.p, slice_find(hop, ':'));
}

/* What a key is about, behind its tag. */
static bool
is_of(const struct rule *rule, enum tag tag)
{
	return slice_is_nocase(slice_make(rule_key(rule).p,
	    slice_find(rule_key(rule), ':')), tag_row(tag)->name);
}

static bool
ends_with(struct slice name, struct slice end)
{
	return name.n >= end.n && slice_equal_nocase(slice_from(name,
	    name.n - end.n), end);
}

/* The rule is asked for with this next hop. */
static bool
covers(const struct rule *rule, struct slice hop)
{
	struct slice what = rule_what(rule), host = host_of(hop);
	bool bracketed = hop.n > 0 && hop.p[0] == '[';

	if (!is_of(rule, TAG_SRV) && !is_of(rule, TAG_TRY) &&
	    (!is_of(rule, TAG_RCPT) || (bracketed && what.n > 0)))
		return false;
	if (what.n == 0 || slice_equal_nocase(what, host))
		return true;
	if (what.p[0] == '[')
		return slice_equal_nocase(slice_make(what.p + 1, what.n - 2),
		    host);
	return ends_with(host, what) && (what.p[0] == '.' ||
	    (host.n > what.n && host.p[host.n - what.n - 1] == '.'));
}

static bool
is_covered(const struct rulefile *rules, struct slice hop)
{
	for (size_t i = 0; i < rules->n; i++)
		if (covers(&rules->rules[i], hop))
			return true;
	return false;
}

static void
note(struct relays *relays, const struct rule *rule, bool verify,
    const char *by, struct slice hop)
{
	struct hop *h = relays->hops;

	while (h < relays->hops + relays->n &&
	    !slice_equal(slice_of(h->name), hop))
		h++;
	if (h == relays->hops + HOPS_MAX)
		return;
	if (h == relays->hops + relays->n) {
		relays->n++;
		snprintf(h->name, sizeof h->name, "%.*s", SLICE_ARG(hop));
		snprintf(h->example, sizeof h->example, "%.*s",
		    SLICE_ARG(rule_key(rule)));
		h->by = by;
	}
	h->n++;
	h->verify |= verify;
}

/* A rule for a domain, of which something is demanded. */
static bool
counts(const struct rule *rule, bool *verify)
{
	struct slice what = rule_what(rule);
	struct requirement r;
	struct fault ignored;

	if (!is_of(rule, TAG_RCPT) || what.n == 0 || what.p[0] == '.' ||
	    slice_find(what, '@') < what.n ||
	    !requirement_parse(rule_requirement(rule), TAG_RCPT, &r, &ignored))
		return false;
	*verify = r.need == NEED_VERIFY || r.need == NEED_DANE;
	return r.class != CLASS_WARN;
}

static void
look_at_way(const struct postfix *p, const struct rule *rule, bool verify,
    struct relays *relays)
{
	char name[DOMAIN_TEXT_MAX];
	struct postfix_way way;
	struct slice hops, hop;
	struct text domain;

	text_init(&domain, name, sizeof name);
	text_put_lower(&domain, rule_what(rule));
	if (domain.cut)
		return;
	postfix_way(p, &(struct postfix_mail){ "", name, NULL }, &way);
	for (unsigned i = 0; i < way.ndepends; i++)
		relays->patterns |= strcmp(way.depends[i],
		    "transport_maps") == 0;
	if (way.ndepends > 0) {
		relays->depends = relays->depends == NULL ? rule :
		    relays->depends;
		relays->ndepends++;
		relays->verify |= verify;
	}
	if (way.service == NULL || way.unasked[0] != '\0')
		return;
	hops = slice_of(way.nexthop);
	while (slice_next_of(&hops, ", \t", &hop))
		if (hop.n > 0 && !slice_is_nocase(hop, name) &&
		    !is_covered(p->d->rules, hop))
			note(relays, rule, verify, way.nexthop_by, hop);
}

/* "smtp:[hub.test]" or, of tables of next hops, "[hub.test]". */
static void
look_at_value(const struct postfix *p, const char *by, bool transports,
    struct slice value, struct relays *relays)
{
	size_t colon = transports ? slice_find(value, ':') + 1 : 0;
	struct slice hops, hop;

	if (slice_is_nocase(value, "DUNNO") || colon >= value.n)
		return;
	hops = slice_from(value, colon);
	while (slice_next_of(&hops, ", \t", &hop))
		if (hop.n > 0 && !is_covered(p->d->rules, hop))
			note(relays, relays->depends, relays->verify, by, hop);
}

static void
cannot_list(const struct postfix *p, const struct relays *relays,
    const char *by, struct slice table, const char *why)
{
	doctor_add(p->d, DOCTOR_POSTFIX_BY_ADDRESS, "%s of %s: %.*s: %s; it may "
	    "lead past %u rule%s of TLS_Rcpt, such as %.*s", by, p->dir,
	    SLICE_ARG(table), why, relays->ndepends,
	    relays->ndepends == 1 ? "" : "s",
	    SLICE_ARG(rule_key(relays->depends)));
}

static void
look_at_table(const struct postfix *p, const char *by, bool transports,
    struct slice table, struct text *memory, struct relays *relays)
{
	struct slice lines, line;

	if (!postfix_list_table(p, table, memory)) {
		cannot_list(p, relays, by, table, memory->buf);
		return;
	}
	lines = slice_make(memory->buf, memory->n);
	if (lines.n == 0)
		cannot_list(p, relays, by, table, "nothing in it can be "
		    "listed");
	while (slice_next(&lines, '\n', &line))
		look_at_value(p, by, transports, slice_trim(slice_from(line,
		    slice_find(line, '\t'))), relays);
}

static void
look_at_senders(const struct postfix *p, struct relays *relays)
{
	static const char *const tables[] = {
		"sender_dependent_relayhost_maps",
		"sender_dependent_default_transport_maps" };
	char *bytes = malloc(TABLE_BYTES);
	struct text memory;

	p->d->findings->failed |= bytes == NULL;
	for (size_t i = 0; bytes != NULL && i < 2; i++) {
		struct slice list = postfix_parameter(p, tables[i]);
		struct postfix_item item;

		text_init(&memory, bytes, TABLE_BYTES);
		while (postfix_next_item(&list, &item))
			look_at_table(p, tables[i], i == 1, item.whole,
			    &memory, relays);
	}
	free(bytes);
	if (relays->patterns)
		cannot_list(p, relays, "transport_maps",
		    postfix_parameter(p, "transport_maps"),
		    "there are patterns in it, of whole addresses");
}

static void
find(const struct postfix *p, const struct hop *h)
{
	struct slice hop = slice_of(h->name);
	struct finding *f;

	f = doctor_add(p->d, DOCTOR_POSTFIX_RELAY, "%s of %s leads to %s, for "
	    "which there is no rule: %u rule%s of TLS_Rcpt, such as %s, %s "
	    "never asked for", h->by, p->dir, h->name, h->n,
	    h->n == 1 ? "" : "s", h->example, h->n == 1 ? "is" : "are");
	finding_mend(f, p->d->rules_file, "TLS_Srv:%.*s\t%s",
	    SLICE_ARG(host_of(hop)), h->verify ? "VERIFY" : "ENCR:128");
	finding_then(f, "tlspolicy build");
}

void
postfix_relay(struct postfix *p)
{
	const struct rulefile *rules = p->d->rules;
	struct relays *relays = calloc(1, sizeof *relays);
	unsigned asked = 0;
	bool verify;

	p->d->findings->failed |= relays == NULL;
	for (size_t i = 0; relays != NULL && rules != NULL &&
	    i < rules->n && asked < RULES_MAX; i++)
		if (counts(&rules->rules[i], &verify)) {
			look_at_way(p, &rules->rules[i], verify, relays);
			asked++;
		}
	if (relays != NULL && relays->depends != NULL)
		look_at_senders(p, relays);
	for (unsigned i = 0; relays != NULL && i < relays->n; i++)
		find(p, &relays->hops[i]);
	free(relays);
}
