/*
 * tlspolicy audit why: one message, in plain words.
 *
 * The record says what was decided and by which rule.  Which keys were tried
 * on the way it does not say; they are found by judging the recorded facts
 * again, by the rules and settings of that day, while the store keeps them.
 */
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "policy/replay/replay.h"
#include "policy/commands/audit-line.h"
#include "policy/commands/audit.h"
#include "policy/commands/past.h"

static const struct command_option options[] = {
	AUDIT_OPTION_SALTS,
	{ 0, NULL, NULL, NULL }
};

struct why {
	const struct context *context;
	struct past past;
	struct eval_options options; /* of the record's day */
	bool no_memory;
	struct slice id;
	unsigned found;
	int status; /* exit code when the store could not be opened */
};

static void
print_facts(const struct reader_record *r)
{
	const struct facts *f = &r->facts;
	char buf[2048];
	struct text line;

	text_init(&line, buf, sizeof buf);
	text_puts(&line, "asked:");
	audit_print_fact(f, FACT_CLIENT_NAME, " client ", &line);
	audit_print_fact(f, FACT_CLIENT_ADDR, " at ", &line);
	audit_print_fact(f, FACT_HELO, ", HELO ", &line);
	audit_print_fact(f, FACT_MAIL_ADDR, ", mail from ", &line);
	for (size_t i = 0; i < r->nrcpts; i++) {
		text_puts(&line, i == 0 ? " to " : ", ");
		text_put_printable(&line, r->rcpts[i]);
	}
	audit_print_header(f, ", header from ", &line);
	audit_print_fact(f, FACT_AUTH_AUTHEN, ", logged in as ", &line);
	puts(line.buf);
	text_clear(&line);
	text_puts(&line, "seen:");
	if (!facts_tls_told(f))
		text_puts(&line, " not told");
	else if (facts_in_clear(f))
		text_puts(&line, " no TLS");
	audit_print_fact(f, FACT_TLS_VERSION, " ", &line);
	audit_print_fact(f, FACT_CIPHER, " ", &line);
	audit_print_fact(f, FACT_CIPHER_BITS, ", bits ", &line);
	audit_print_fact(f, FACT_VERIFY, ", verify ", &line);
	audit_print_fact(f, FACT_CN_SUBJECT, ", certificate of ", &line);
	audit_print_fact(f, FACT_CN_ISSUER, ", issued by ", &line);
	audit_print_fact(f, FACT_FINGERPRINT, ", fingerprint ", &line);
	puts(line.buf);
}

static void
print_rules(const struct reader_record *r)
{
	if (r->nrules == 0)
		printf("rules: none spoke of it\n");
	for (size_t i = 0; i < r->nrules; i++) {
		const struct tag_result *rule = &r->rules[i];
		char buf[2048];
		struct text line;

		text_init(&line, buf, sizeof buf);
		text_printf(&line, "rule: %s", record_result(rule));
		if (rule->rcpt.n > 0) {
			text_puts(&line, " for ");
			text_put_printable(&line, rule->rcpt);
		}
		text_puts(&line, ": ");
		text_put_printable(&line, rule->key.n > 0 ? rule->key :
		    slice_of(tag_row(rule->tag)->name));
		text_char(&line, ' ');
		text_put_printable(&line, rule->requirement);
		if (rule->file.n > 0) {
			text_puts(&line, " (");
			text_put_printable(&line, rule->file);
			text_printf(&line, ":%u, generation %llu)",
			    (unsigned)rule->line,
			    (unsigned long long)r->generation);
		}
		puts(line.buf);
	}
}

static void
print_verdict(const struct reader_record *r)
{
	char buf[4096];
	struct text line;

	text_init(&line, buf, sizeof buf);
	text_printf(&line, "verdict: %s", verdict_name(r->verdict));
	if (r->reason != REASON_NONE)
		text_printf(&line, ", %s", reason_name(r->reason));
	if (r->waiver != WAIVER_NONE)
		text_printf(&line, ", spared by %s", waiver_name(r->waiver));
	if (r->has_would) {
		text_printf(&line, "; else %s ", verdict_name(r->would));
		text_put_printable(&line, r->would_reply);
	}
	puts(line.buf);
	text_clear(&line);
	text_puts(&line, "told: ");
	if (r->verdict == VERDICT_HOLD)
		text_puts(&line, "accepted, and kept in quarantine: ");
	else if (r->reply.n == 0)
		text_puts(&line, "go on");
	text_put_printable(&line, r->reply);
	puts(line.buf);
	text_clear(&line);
	text_puts(&line, "plan ");
	audit_plan_print(&r->plan, &line);
	if (r->plan.result != RECORD_PLAN_NONE)
		puts(line.buf);
	if (r->withdrawn)
		puts("withdrawn: the record was on the disk too late, and the "
		    "client was told 451 in place of an acceptance");
}

/*
 * Says that people are hidden in the record, and why their salts do not tell
 * them.
 */
static void
print_hidden(const struct reader_record *r)
{
	for (int i = 0; i < SALTS_ANSWERS; i++)
		if ((r->hidden >> i & 1) != 0)
			printf("hidden: people, by ~ and 32 digits: %s\n",
			    salts_answer_text((enum salts_answer)i));
}

static void
print_line(void *none, const char *line)
{
	(void)none;
	printf("    %s\n", line);
}

/* Finds rules and settings of the record's day; *w->options: those settings. */
static bool
prepare(struct replay *p, const struct reader_record *r)
{
	struct why *w = p->arg;
	const struct settings *then = past_settings(&w->past, r);

	if (then == NULL)
		then = &w->context->settings;
	settings_eval_options(then, &w->options);
	p->options = &w->options;
	return true;
}

static struct store_reader *
reader_of(struct replay *p, const struct reader_record *r,
    uint64_t generation)
{
	struct why *w = p->arg;
	struct store_reader *reader;
	struct fault why;

	if (past_rules(&w->past, r, generation, &reader, &why) ==
	    PAST_FOUND)
		return reader;
	printf("    (a recipient was judged by generation %llu: %s)\n",
	    (unsigned long long)generation, why.text);
	return NULL;
}

static void
print_tried(struct why *w, struct reader_record *r,
    struct store_reader *reader)
{
	static struct replay replay;
	struct trace trace = { .line = print_line };

	if (r->blind) {
		puts("keys tried: cannot tell, people are hidden");
		return;
	}
	printf("keys tried, generation %llu%s:\n",
	    (unsigned long long)r->generation,
	    past_settings(&w->past, r) == NULL ?
	    ", by the settings of today" : "");
	replay = (struct replay){ .reader = reader, .trace = &trace,
		.prepare = prepare, .reader_of = reader_of, .arg = w };
	if (!replay_judge(&replay, r))
		printf("    out of memory: not all was judged\n");
}

/* Every key that was tried, by judging once more. */
static void
print_trace(struct why *w, struct reader_record *r)
{
	struct store_reader *reader;
	struct fault fault;

	if (r->plan.answered) {
		printf("keys tried: cannot tell, the policy of a plan gave "
		    "the verdict\n");
		return;
	}
	past_next_record(&w->past);
	switch (past_rules(&w->past, r, r->generation, &reader, &fault)) {
	case PAST_FOUND:
		print_tried(w, r, reader);
		break;
	case PAST_NO_POLICY:
		printf("keys tried: none, %s\n", fault.text);
		break;
	case PAST_NOT_KEPT:
	case PAST_ANOTHER:
		printf("keys tried: cannot tell any more, it was judged by "
		    "generation %llu: %s\n",
		    (unsigned long long)r->generation, fault.text);
		break;
	case PAST_FAILED:
		printf("keys tried: cannot tell, the store cannot be read\n");
		/*
		 * A missing or damaged store is said above and is no failure
		 * of the command.
		 */
		if (fault.kind != FAULT_NOINPUT && fault.kind != FAULT_DATA)
			w->status = command_fail(&fault);
		break;
	}
}

/* Notes who made the policy, as the log tells. */
static bool
note(void *arg, const struct reader_record *r)
{
	struct why *w = arg;

	w->no_memory = w->no_memory || !past_note(&w->past, r);
	return !w->no_memory;
}

static bool
each(void *arg, struct reader_record *r, const struct reader *reader)
{
	struct why *w = arg;
	char buf[128];
	struct text line;

	if (!slice_equal(facts_value(&r->facts, FACT_QUEUE_ID), w->id) &&
	    !slice_equal(r->session, w->id))
		return true;
	text_init(&line, buf, sizeof buf);
	audit_print_time(r->time_us, &line);
	printf("%s%s %s, %s:%llu\n", w->found++ > 0 ? "\n" : "", line.buf,
	    record_event_name(r->event), reader_file(reader),
	    (unsigned long long)reader_line(reader));
	print_facts(r);
	if (r->maillog) {
		puts("made of a mail log: the MTA took it in, and nothing here "
		    "judged it");
		return true;
	}
	print_rules(r);
	print_verdict(r);
	print_hidden(r);
	print_trace(w, r);
	return true;
}

static int
run(struct context *context, int argc, char **argv)
{
	struct why why = { .context = context, .past.context = context };
	struct audit_walk walk = { .each = each, .note = note, .arg = &why,
	    .withdrawn_too = true };
	struct audit_files files;
	struct fault fault;
	int c, status;

	if ((c = command_getopt(context, argc, argv, &status)) != -1)
		return status;
	if (optind == argc || argv[optind][0] == '\0')
		return command_usage(context, "which message? Give its queue "
		    "id, or the id of a session");
	why.id = slice_of(argv[optind]);
	if (!audit_files(context, argv + optind + 1, &files, &fault))
		return command_fail(&fault);
	status = audit_walk(&walk, &files, &fault) ? EXIT_FINE :
	    command_fail(&fault);
	audit_files_free(&files);
	past_free(&why.past);
	if (why.no_memory) {
		fault_no_memory(&fault);
		return command_fail(&fault);
	}
	audit_say_torn(walk.torn);
	audit_say_unread(status == EXIT_FINE ? walk.unread : 0);
	if (status == EXIT_FINE && walk.unread > 0)
		status = (int)walk.unread_kind;
	/* What else was recorded of it may stand in a line that is bad. */
	if (status == EXIT_FINE && why.found > 0 && walk.bad > 0)
		status = FAULT_DATA;
	if (why.found > 0)
		return status != EXIT_FINE ? status : why.status;
	if (status == EXIT_FINE || walk.unread > 0)
		fprintf(stderr, "tlspolicy audit why: no record of %s\n",
		    argv[optind]);
	return status != EXIT_FINE ? status : FAULT_NOINPUT;
}

const struct command command_audit_why = {
	"audit why", "QUEUE-ID [FILE...]",
	"Explain what became of a message", options, run,
	"tlspolicy-audit(5)"
};
