/*
 * The table of checks, and those that need nothing but the rule itself.
 *
 * A check says yes when there is something to tell and has then filled reason
 * and way out.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/facts/macro.h"
#include "policy/rules/client.h"
#include "policy/rules/never.h"
#include "policy/lint/lint.h"

enum { SOON_DAYS = 30 };

bool
lint_take_never(const struct never_row *row, const struct never *never,
    struct lint_finding *f)
{
	if (row == NULL)
		return false;
	if (never->no_memory) {
		f->not_looked = true;
		return false;
	}
	text_printf(&f->reason, "\"%.*s\": %s", SLICE_ARG(never->found),
	    row->why);
	text_puts(&f->way_out, never->meant.buf);
	return true;
}

bool
lint_refuses(const struct requirement *r)
{
	bool tests = r->need != NEED_OK && (r->need != NEED_ENCR ||
	    r->bits > 0);

	for (unsigned i = 0; i < r->nitems; i++)
		tests |= r->items[i].row->test != NULL;
	return tests && r->class != CLASS_WARN;
}

static bool
dates(const struct lint *l, struct lint_finding *f)
{
	int32_t until = l->requirement->until;

	if (until == DAY_ALWAYS_UNTIL ||
	    until > l->options->today + SOON_DAYS)
		return false;
	text_puts(&f->reason, until < l->options->today ?
	    "expired at the end of " : "expires at the end of ");
	day_print(until, &f->reason);
	text_puts(&f->way_out, until < l->options->today ?
	    "remove the line, or set a later UNTIL" :
	    "agree on what comes after it, or set a later UNTIL");
	return true;
}

void
lint_put_line(const struct lint *l, const struct rule *rule, struct text *out)
{
	text_printf(out, "line %lu", (unsigned long)rule->line);
	if (rule->source != l->rule->source)
		text_printf(out, " of %.*s",
		    SLICE_ARG(l->file->sources[rule->source]));
}

/*
 * See session_protocol() in predicate.c.  Behind AEAD there are only suites
 * that came with TLS 1.2.
 */
static bool
version_of_suite(const struct lint *l, struct lint_finding *f)
{
	bool aead = false;

	for (unsigned i = 0; i < l->requirement->nitems; i++) {
		const struct item *item = &l->requirement->items[i];

		aead = aead || item->row->id == ITEM_AEAD;
		if (item->row->id != ITEM_VER ||
		    (aead && !slice_is(item->value, "1.3")))
			continue;
		text_printf(&f->reason, "VER cannot be told of all sessions: %s",
		    dialect_row(l->options->mta)->version_doubt);
		text_puts(&f->way_out, "put AEAD before VER:1.2: its suites "
		    "came with TLS 1.2");
		return true;
	}
	return false;
}

static bool
never_told(const struct lint *l, struct lint_finding *f)
{
	const struct dialect *mta;

	if (!l->options->with_mta ||
	    tag_row(l->tag)->stage == STAGE_OUTBOUND)
		return false;
	mta = dialect_row(l->options->mta);
	if (mta->version_doubt != NULL && version_of_suite(l, f))
		return true;
	for (unsigned i = 0; i < l->requirement->nitems; i++) {
		const struct item_row *row = l->requirement->items[i].row;

		if (row->fact == FACT_COUNT ||
		    macro_told(l->options->mta, row->fact) ||
		    (l->options->feed &&
		    macro_fed(l->options->mta, row->fact)))
			continue;
		text_printf(&f->reason, "%s cannot be told: %s does not "
		    "tell {%s} to a milter, so on-error decides", row->name,
		    mta->title, fact_name(row->fact));
		text_puts(&f->way_out, mta->way_out);
		return true;
	}
	return false;
}

/*
 * A reply is ASCII unless the client asks for SMTPUTF8 (RFC 6531, section
 * 3.7.4.2).
 */
static bool
reply_in_ascii(const struct lint *l, struct lint_finding *f)
{
	char buf[REQUIREMENT_TEXT_MAX];
	struct slice msg = l->requirement->msg;
	struct text ascii;
	size_t i = 0;

	while (i < msg.n && (unsigned char)msg.p[i] < 0x80)
		i++;
	if (i == msg.n)
		return false;
	text_init(&ascii, buf, sizeof buf);
	text_put_printable(&ascii, msg);
	text_printf(&f->reason, "a client that did not ask for SMTPUTF8 is "
	    "told \"%.200s\"", buf);
	text_puts(&f->way_out, "write MSG in ASCII, without umlauts and "
	    "accents");
	return true;
}

static bool
enforced_perm(const struct lint *l)
{
	return lint_refuses(l->requirement) &&
	    (l->requirement->class == CLASS_PERM ||
	    (l->requirement->class == CLASS_NONE &&
	    l->options->default_perm));
}

/* A public MX must not demand TLS of everybody (RFC 3207, section 4). */
static bool
public_mx(const struct lint *l, struct lint_finding *f)
{
	if (l->kind != KEY_BARE || !enforced_perm(l) ||
	    tag_row(l->tag)->stage > STAGE_HEADER ||
	    l->tag == TAG_AUTH || l->tag == TAG_DAEMON)
		return false;
	text_puts(&f->reason, "refuses everybody for good; a publicly "
	    "referenced SMTP server must not require STARTTLS (RFC 3207, "
	    "section 4)");
	text_printf(&f->way_out, "require it of chosen hosts or domains "
	    "(%s:partner.example), or for one listener (TLS_Daemon:), or "
	    "begin with WARN+", tag_row(l->tag)->name);
	return true;
}

/* The key `text` has a rule, and it lets mail pass. */
static bool
lets_pass(const struct lint *l, const char *text)
{
	struct requirement r;
	struct fault fault;
	struct key key;
	const struct rule *rule;

	if (!key_parse(slice_of(text), &key, &fault) ||
	    (rule = lint_find(l, &key)) == NULL)
		return false;
	return rulefile_requirement(l->file, rule, &r, &fault) &&
	    r.nwhen == 0 && !lint_refuses(&r);
}

/* The way out of a rule that refuses.  OK has no room for BY and dates. */
static const char *
let_pass(const struct lint *l)
{
	const struct requirement *r = l->requirement;

	return r->by.n > 0 || r->from != DAY_ALWAYS_FROM ||
	    r->until != DAY_ALWAYS_UNTIL ? "ask for ENCR:0 and keep BY and the "
	    "dates, or begin with WARN+" : "make it OK, or begin with WARN+";
}

static bool
null_sender(const struct lint *l, struct lint_finding *f)
{
	if (l->tag != TAG_FROM || !lint_refuses(l->requirement) ||
	    !(slice_is(l->what, "<>") ||
	    (l->kind == KEY_BARE && !lets_pass(l, "TLS_From:<>"))))
		return false;
	text_puts(&f->reason, "refuses <>, the sender of bounces, which a "
	    "server must accept (RFC 5321, section 6.1)");
	text_puts(&f->way_out, l->kind == KEY_BARE ?
	    "add TLS_From:<> OK" : let_pass(l));
	return true;
}

/*
 * postmaster must be reached (RFC 5321, section 4.5.1), abuse should (RFC
 * 2142).
 */
static bool
role_address(const struct lint *l, struct lint_finding *f)
{
	static const char *const roles[] = { "postmaster", "abuse" };

	if (l->tag != TAG_TO || !lint_refuses(l->requirement))
		return false;
	for (int i = 0; i < 2; i++) {
		char all[32], one[KEY_TEXT_MAX + 64];
		bool named = slice_starts_nocase(l->what, roles[i]) &&
		    l->kind == KEY_MAILBOX;

		snprintf(all, sizeof all, "TLS_To:%s@", roles[i]);
		snprintf(one, sizeof one, "TLS_To:%s@%.*s", roles[i],
		    SLICE_ARG(l->what));
		if (!named && (l->kind == KEY_MAILBOX || lets_pass(l, all) ||
		    lets_pass(l, one)))
			continue;
		text_printf(&f->reason, "refuses mail to %s, which must be "
		    "reachable (RFC 5321, section 4.5.1; RFC 2142)", roles[i]);
		if (named)
			text_puts(&f->way_out, let_pass(l));
		else
			text_printf(&f->way_out, "add TLS_To:%s@ OK", roles[i]);
		return true;
	}
	return false;
}

static bool
header_from(const struct lint *l, struct lint_finding *f)
{
	if (l->tag != TAG_HEADER || l->options->judge_header)
		return false;
	text_puts(&f->reason, "has no say: no From field is looked at");
	text_puts(&f->way_out, "set header-from = judge, or remove the line");
	return true;
}

static const struct {
	const char *name;
	lint_check *check;
} checks[] = {
	{ "never-matches", lint_never_matches },
	{ "never-holds", lint_never_holds },
	{ "swallowed", lint_swallowed },
	{ "star", lint_star },
	{ "escape", lint_escape },
	{ "twice", lint_twice },
	{ "cipher-list", lint_ciphers },
	{ "shadowed", lint_shadowed },
	{ "header-from", header_from },
	{ "no-client", lint_no_client },
	{ "any-client", lint_any_client },
	{ "requires-nothing", lint_nothing },
	{ "decided", lint_decided },
	{ "weaker", lint_weaker },
	{ "exception", lint_exception },
	{ "dates", dates },
	{ "not-told", never_told },
	{ "inexpressible", lint_inexpressible },
	{ "reply-in-ascii", reply_in_ascii },
	{ "public-mx", public_mx },
	{ "public-suffix", lint_public_suffix },
	{ "null-sender", null_sender },
	{ "role-address", role_address },
};

static size_t
check_rule(const struct lint *l,
    void (*report)(void *, const struct lint_finding *), void *arg)
{
	size_t n = 0;

	for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
		struct lint_finding f;

		f.rule = l->rule;
		f.check = checks[i].name;
		f.not_looked = false;
		text_init(&f.reason, f.reason_text, sizeof f.reason_text);
		text_init(&f.way_out, f.way_out_text, sizeof f.way_out_text);
		if (!checks[i].check(l, &f)) {
			if (f.not_looked)
				return LINT_NO_MEMORY;
			continue;
		}
		report(arg, &f);
		n++;
		if (checks[i].check == lint_never_matches)
			break; /* nothing else bears on a rule that never
			        * matches */
	}
	return n;
}

static int
compare_lines(const void *pa, const void *pb)
{
	const struct rule *a = *(const struct rule *const *)pa;
	const struct rule *b = *(const struct rule *const *)pb;

	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	return (a->line > b->line) - (a->line < b->line);
}

static bool
prepare(struct lint *l, const struct rule *rule, struct requirement *r)
{
	size_t colon = slice_find(rule_key(rule), ':');
	struct fault fault;

	l->rule = rule;
	l->tag = key_bytes_tag(rule_key_bytes(rule));
	l->kind = (enum key_kind)rule_key_bytes(rule).p[1];
	l->what = slice_from(rule_key(rule), colon + 1);
	l->requirement = r;
	return rulefile_requirement(l->file, rule, r, &fault);
}

size_t
lint_rules(const struct rulefile *file, const struct lint_options *options,
    void (*report)(void *, const struct lint_finding *), void *arg)
{
	const struct rule **order = calloc(file->n + 1, sizeof *order);
	struct lint l = { .file = file, .options = options };
	struct requirement r;
	size_t found = 0, more = 0;

	if (order == NULL || !lint_index_init(&l.index, file)) {
		free(order);
		return LINT_NO_MEMORY;
	}
	for (size_t i = 0; i < file->n; i++)
		order[i] = &file->rules[i];
	qsort(order, file->n, sizeof *order, compare_lines);
	for (size_t i = 0; i < file->n && more != LINT_NO_MEMORY; i++)
		if (prepare(&l, order[i], &r)) {
			more = check_rule(&l, report, arg);
			found += more;
		}
	lint_index_free(&l.index);
	free(order);
	return more == LINT_NO_MEMORY ? more : found;
}
