/* tlspolicy audit show: records as lines for people, or as they are. */
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "policy/base/jsonlist.h"
#include "policy/audit/asked.h"
#include "policy/commands/audit-filter.h"
#include "policy/commands/audit-line.h"
#include "policy/commands/audit.h"
#include "policy/facts/organisation.h"

static const struct command_option options[] = {
	AUDIT_OPTION_SINCE,
	AUDIT_OPTION_UNTIL,
	{ OPTION_DOMAIN, "domain", "DOMAIN",
	    "sender, recipient or client is in this domain" },
	{ OPTION_CLIENT, "client", "CLIENT", "this host, address or network" },
	{ OPTION_TO, "to", "ADDRESS", "a recipient is this, or in this domain" },
	{ OPTION_CLEAR, "clear", NULL, "came, or left, without TLS" },
	{ OPTION_VERDICT, "verdict", "VERDICT",
	    "accept, tempfail, reject, hold, or warn" },
	{ OPTION_RULE, "rule", "KEY", "a rule of this key had to say" },
	{ OPTION_REASON, "reason", "REASON", "failed, or would have, for this" },
	AUDIT_OPTION_SALTS,
	COMMAND_OPTION_JSON,
	{ 0, NULL, NULL, NULL }
};

/* Choices of the command line; each counts the records that it lets through. */
enum choice { BY_DOMAIN, BY_CLIENT, BY_TO, BY_CLEAR, BY_VERDICT, BY_RULE,
	BY_REASON, CHOICES };

struct show {
	int64_t since, until;
	const char *domain, *client, *to, *clear, *verdict, *rule, *reason;
	const char *local_domains; /* the setting */
	bool json;
	struct jsonlist list; /* prints nothing for text */
	bool at_once; /* print a record before its withdrawal was seen */
	unsigned long records, of_time, shown, matched[CHOICES];
	unsigned long untold; /* records that do not tell of TLS */
};

/* In each spelling that a rule would be asked for. */
static bool
in_domain(const struct show *show, const struct reader_record *r)
{
	struct slice domain = slice_of(show->domain);

	return audit_is_from(domain, r, show->local_domains) ||
	    organisation_covers(domain, facts_value(&r->facts,
	    FACT_CLIENT_NAME)) || audit_header_covers(domain, &r->facts) ||
	    audit_is_to(show->domain, r, show->local_domains);
}

static bool
has_rule(const struct show *show, const struct reader_record *r)
{
	for (size_t i = 0; i < r->nrules; i++)
		if (key_same(r->rules[i].key, slice_of(show->rule)))
			return true;
	return false;
}

static bool
has_verdict(const struct show *show, const struct reader_record *r)
{
	if (strcmp(show->verdict, "warn") == 0)
		return r->waiver != WAIVER_NONE;
	return strcmp(show->verdict, verdict_name(r->verdict)) == 0;
}

static bool
in_time(const struct show *show, const struct reader_record *r)
{
	return r->time_us >= show->since && r->time_us < show->until;
}

static const char *
value_of(const struct show *show, enum choice choice)
{
	const char *const values[CHOICES] = { [BY_DOMAIN] = show->domain,
		[BY_CLIENT] = show->client, [BY_TO] = show->to,
		[BY_CLEAR] = show->clear, [BY_VERDICT] = show->verdict,
		[BY_RULE] = show->rule, [BY_REASON] = show->reason };

	return values[choice];
}

/*
 * The record says that there was no TLS.  Those that tell nothing are counted.
 */
static bool
is_clear(struct show *show, const struct reader_record *r)
{
	if (r->event == RECORD_OUTBOUND || r->event == RECORD_HANDSHAKE)
		return false;
	show->untold += !facts_tls_told(&r->facts);
	return facts_tls_told(&r->facts) && facts_in_clear(&r->facts);
}

/* Does the record pass all choices?  matches() tells of each but --clear. */
static bool
passes(struct show *show, const struct reader_record *r,
    bool (*matches)(const struct show *, enum choice,
    const struct reader_record *))
{
	bool all = true;

	show->records++;
	if (!in_time(show, r))
		return false;
	show->of_time++;
	for (int i = 0; i < CHOICES; i++) {
		enum choice choice = (enum choice)i;

		if (value_of(show, choice) == NULL)
			continue;
		if (choice == BY_CLEAR ? is_clear(show, r) :
		    matches(show, choice, r))
			show->matched[choice]++;
		else
			all = false;
	}
	show->shown += all;
	return all;
}

static bool
message_matches(const struct show *show, enum choice choice,
    const struct reader_record *r)
{
	switch (choice) {
	case BY_DOMAIN:
		return in_domain(show, r);
	case BY_CLIENT:
		return audit_from_client(show->client, &r->facts);
	case BY_TO:
		return audit_is_to(show->to, r, show->local_domains);
	case BY_VERDICT:
		return has_verdict(show, r);
	case BY_RULE:
		return has_rule(show, r);
	default:
		return r->reason != REASON_NONE &&
		    strcmp(show->reason, reason_name(r->reason)) == 0;
	}
}

/*
 * An outbound record has no client and no verdict with a reason.  It is about a
 * domain, and so about each of its addresses.
 */
static bool
outbound_matches(const struct show *show, enum choice choice,
    const struct reader_record *r)
{
	struct asked asked = asked_about(&r->outbound);
	struct slice to = slice_of(show->to == NULL ? "" : show->to);

	switch (choice) {
	case BY_RULE:
		return has_rule(show, r);
	case BY_DOMAIN:
		return organisation_covers(slice_of(show->domain), asked.name);
	case BY_TO:
		return !asked.host && organisation_covers(strchr(show->to,
		    '@') != NULL ? organisation_of_address(to) : to,
		    asked.name);
	default:
		return false;
	}
}

static void
print(const struct reader_record *r)
{
	const struct facts *f = &r->facts;
	char buf[2048];
	struct text line;

	text_init(&line, buf, sizeof buf);
	audit_print_time(r->time_us, &line);
	if (r->withdrawn)
		text_puts(&line, " withdrawn");
	if (r->maillog)
		text_puts(&line, " maillog");
	text_printf(&line, " %s", verdict_name(r->verdict));
	if (r->waiver != WAIVER_NONE)
		text_printf(&line, " (%s)", waiver_name(r->waiver));
	if (r->reason != REASON_NONE)
		text_printf(&line, " %s", reason_name(r->reason));
	audit_print_fact(f, FACT_QUEUE_ID, " id=", &line);
	audit_print_fact(f, FACT_CLIENT_NAME, " client=", &line);
	audit_print_fact(f, FACT_CLIENT_ADDR, " addr=", &line);
	audit_print_fact(f, FACT_MAIL_ADDR, " from=", &line);
	audit_print_header(f, " header=", &line);
	for (size_t i = 0; i < r->nrcpts && i < 3; i++) {
		text_puts(&line, " to=");
		text_put_printable(&line, r->rcpts[i]);
	}
	if (r->nrcpts > 3)
		text_printf(&line, " and %zu more", r->nrcpts - 3);
	audit_tls_print(f, &line);
	if (r->plan.result != RECORD_PLAN_NONE) {
		text_puts(&line, " plan ");
		audit_plan_print(&r->plan, &line);
	}
	puts(line.buf);
}

static void
print_line(struct show *show, const struct reader_record *r)
{
	jsonlist_put(&show->list, r->line);
}

static bool
each(void *arg, struct reader_record *r, const struct reader *reader)
{
	struct show *show = arg;

	(void)reader;
	if (!passes(show, r, message_matches))
		return true;
	if (show->json)
		print_line(show, r);
	else
		print(r);
	return !ferror(stdout);
}

/* RECORD_HANDSHAKE without recipients is about a domain: all its addresses. */
static bool
is_to(const struct show *show, const struct reader_record *r)
{
	const char *at = strrchr(show->to, '@');

	if (r->event != RECORD_HANDSHAKE || r->nrcpts > 0)
		return audit_is_to(show->to, r, show->local_domains);
	return organisation_covers(slice_of(at == NULL ? show->to : at + 1),
	    r->handshake.domain);
}

/* Mail that left is chosen by server or recipient: it has no client. */
static bool
leaving_matches(const struct show *show, enum choice choice,
    const struct reader_record *r)
{
	const struct facts *f = &r->facts;
	struct slice domain = slice_of(show->domain == NULL ? "" :
	    show->domain);
	bool in = choice == BY_DOMAIN && (organisation_covers(domain,
	    r->event == RECORD_DELIVERED ? facts_value(f, FACT_SERVER_NAME) :
	    r->handshake.server) || organisation_covers(domain,
	    r->handshake.domain));

	if (choice == BY_TO)
		return is_to(show, r);
	for (size_t i = 0; i < r->nrcpts && choice == BY_DOMAIN && !in; i++)
		in = organisation_covers(slice_of(show->domain),
		    organisation_of_address(r->rcpts[i]));
	return in;
}

static bool
each_outbound(void *arg, const struct reader_record *r)
{
	struct show *show = arg;
	char buf[2048];
	struct text line;

	if (!passes(show, r, outbound_matches))
		return true;
	text_init(&line, buf, sizeof buf);
	if (show->json) {
		print_line(show, r);
	} else {
		audit_outbound_print(r, &line);
		puts(buf);
	}
	return !ferror(stdout);
}

/* A policy or settings concern all mail: shown only where nothing chooses. */
static bool
each_policy(struct show *show, const struct reader_record *r)
{
	char buf[8192];
	struct text line;

	for (int i = 0; i < CHOICES; i++)
		if (value_of(show, (enum choice)i) != NULL)
			return true;
	if (!in_time(show, r))
		return true;
	text_init(&line, buf, sizeof buf);
	if (show->json) {
		print_line(show, r);
	} else {
		audit_policy_print(r, &line);
		puts(buf);
	}
	return !ferror(stdout);
}

static bool
each_leaving(struct show *show, const struct reader_record *r)
{
	char buf[2048];
	struct text line;

	if (!passes(show, r, leaving_matches))
		return true;
	text_init(&line, buf, sizeof buf);
	if (show->json) {
		print_line(show, r);
	} else {
		audit_leaving_print(r, &line);
		puts(buf);
	}
	return !ferror(stdout);
}

/*
 * A withdrawal names a line, not a client: shown whatever is chosen, but for
 * people only where the record was shown before it.
 */
static bool
each_note(void *arg, const struct reader_record *r)
{
	struct show *show = arg;
	char buf[128];
	struct text line;

	if (r->event == RECORD_POLICY || r->event == RECORD_SETTINGS ||
	    r->event == RECORD_PLAN)
		return each_policy(show, r);
	if (r->event == RECORD_DELIVERED || r->event == RECORD_HANDSHAKE)
		return each_leaving(show, r);
	if ((r->of == 0 && r->refusals == 0) || !in_time(show, r))
		return true;
	text_init(&line, buf, sizeof buf);
	if (show->json) {
		print_line(show, r);
	} else if (r->refusals > 0) {
		audit_print_time(r->time_us, &line);
		text_printf(&line, " unrecorded refusals=%llu",
		    (unsigned long long)r->refusals);
		puts(buf);
	} else if (show->at_once) {
		audit_print_time(r->time_us, &line);
		text_printf(&line, " withdrawn of=%llu",
		    (unsigned long long)r->of);
		puts(buf);
	}
	return !ferror(stdout);
}

static bool
refuse(const struct context *context, const char *value, const char *what)
{
	return command_usage(context, "\"%s\" is not %s", value, what) ==
	    EXIT_FINE;
}

/* False, having said why, when the value is none. */
static bool
take_option(const struct context *context, struct show *show, int c,
    const char *value)
{
	struct fault fault;
	struct key key;

	switch (c) {
	case OPTION_SINCE:
	case OPTION_UNTIL:
		return audit_time(value, c == OPTION_UNTIL,
		    c == OPTION_SINCE ? &show->since : &show->until) ||
		    refuse(context, value, "a time: want 2026-03-01, "
		    "2026-03-01T12:00:00Z or 7d");
	case OPTION_VERDICT:
		show->verdict = value;
		return audit_is_verdict(context, value);
	case OPTION_REASON:
		show->reason = value;
		return audit_is_reason(context, value);
	case OPTION_DOMAIN:
		show->domain = value;
		return audit_is_domain(value) || refuse(context, value,
		    "a domain: want example.com");
	case OPTION_CLIENT:
		show->client = value;
		return audit_is_client(value) || refuse(context, value,
		    AUDIT_CLIENT_WANTED);
	case OPTION_TO:
		show->to = value;
		return audit_is_recipient(value) || refuse(context, value,
		    "a recipient: want user@example.com or example.com");
	case OPTION_CLEAR:
		show->clear = "";
		return true;
	case OPTION_RULE:
		show->rule = value;
		return (key_parse(slice_of(value), &key, &fault) &&
		    tag_row(key.tag)->stage != STAGE_NONE) || refuse(context, value,
		    "the key of a rule: want TLS_From:example.com");
	default:
		show->json = true;
		return true;
	}
}

/* Nothing to see is not the same as nothing there: a name may be misspelt. */
static void
say_unmatched(const struct show *show)
{
	static const char *const names[CHOICES] = { [BY_DOMAIN] = "domain",
		[BY_CLIENT] = "client", [BY_TO] = "to",
		[BY_CLEAR] = "clear", [BY_VERDICT] = "verdict",
		[BY_RULE] = "rule", [BY_REASON] = "reason" };
	bool told = false;

	if (show->of_time == 0 && show->records > 0)
		fprintf(stderr, "of that time: none of %lu record%s\n",
		    show->records, show->records == 1 ? "" : "s");
	for (int i = 0; i < CHOICES && show->of_time > 0; i++) {
		const char *value = value_of(show, (enum choice)i);

		if (value == NULL || show->matched[i] > 0)
			continue;
		fprintf(stderr, "--%s%s%s: none of %lu record%s\n", names[i],
		    value[0] == '\0' ? "" : " ", value, show->of_time,
		    show->of_time == 1 ? "" : "s");
		told = true;
	}
	if (show->untold > 0)
		fprintf(stderr, "%lu of %lu record%s cannot tell whether "
		    "there was TLS\n", show->untold, show->of_time,
		    show->of_time == 1 ? "" : "s");
	if (show->of_time > 0 && show->shown == 0 && !told)
		fprintf(stderr, "of all that: none of %lu records\n",
		    show->of_time);
}

static int
run(struct context *context, int argc, char **argv)
{
	struct show show = { .since = INT64_MIN, .until = INT64_MAX,
	    .local_domains = context->settings.local_domains };
	struct audit_walk walk = { .each = each, .outbound = each_outbound,
	    .note = each_note, .arg = &show, .withdrawn_too = true };
	struct audit_files files;
	struct fault fault;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c == '?')
			return status;
		if (!take_option(context, &show, c, optarg))
			return FAULT_USAGE;
	}
	if (show.since >= show.until)
		return command_usage(context, "--since is not before --until");
	if (!audit_files(context, argv + optind, &files, &fault))
		return command_fail(&fault);
	walk.at_once = show.at_once = files.n == 1 &&
	    strcmp(files.paths[0], "-") == 0;
	jsonlist_start(&show.list, show.json ? stdout : NULL);
	status = audit_walk(&walk, &files, &fault) ? EXIT_FINE :
	    command_fail(&fault);
	jsonlist_end(&show.list);
	audit_files_free(&files);
	audit_say_torn(walk.torn);
	audit_say_hidden(&walk.hidden);
	if (status != EXIT_FINE)
		return status;
	audit_say_unread(walk.unread);
	say_unmatched(&show);
	return audit_status(walk.unread, walk.unread_kind, walk.bad);
}

const struct command command_audit_show = {
	"audit show", "[FILE...]", "Print records, all or chosen ones",
	options, run,
	"tlspolicy-audit(5)"
};
