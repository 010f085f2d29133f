/*
 * What is looked at: the daemon, its files, the store beside the rules, the
 * audit log, and the MTAs that were named or are found in the usual places.
 *
 * Findings are what was asked for, so they go to standard output; that
 * something could not be looked at is said on standard error and is no finding.
 */
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/audit/source.h"
#include "policy/base/jsontext.h"
#include "policy/commands/command.h"
#include "policy/commands/compare.h"
#include "policy/commands/examine.h"
#include "policy/doctor/trial.h"
#include "policy/outbound/resolved.h"

enum { RECORDS_DEFAULT = 10000, RECORDS_MAX = 10000000, MTAS_MAX = 16,
	HOURS_DEFAULT = 24, HOURS_MAX = 1000000,
	ONLY_IF = 4 }; /* lists of findings that count while there are such
		        * rules */

enum { OPTION_FLEET = 320, OPTION_SILENT };

static const struct command_option options[] = {
	{ OPTION_POSTFIX, "postfix", "DIR", "look at the Postfix in DIR" },
	{ OPTION_SENDMAIL, "sendmail", "FILE",
	    "look at the sendmail with this .cf or .mc file" },
	{ 'n', "records", "N", "how many records of the audit log" },
	{ OPTION_FLEET, "fleet", NULL,
	    "compare the nodes that have written these logs" },
	{ OPTION_SILENT, "silent", "HOURS",
	    "how long a node can be without a record, 24" },
	COMMAND_OPTION_JSON,
	{ 0, NULL, NULL, NULL }
};

/* What the command line asks for. */
struct wishes {
	const char *postfix[MTAS_MAX], *sendmail[MTAS_MAX];
	unsigned npostfix, nsendmail;
	unsigned long records, hours;
	bool json, fleet;
	json_t *nodes; /* what the nodes' logs tell; NULL: not asked */
};

/* MTAs in the places of Debian and most others, where none was named. */
static void
find_mtas(struct wishes *w, const struct doctor *d)
{
	if (w->npostfix + w->nsendmail > 0)
		return;
	if (access("/etc/postfix/main.cf", F_OK) == 0)
		w->postfix[w->npostfix++] = "/etc/postfix";
	if (access("/etc/mail/sendmail.cf", F_OK) == 0)
		w->sendmail[w->nsendmail++] = "/etc/mail/sendmail.cf";
	if (w->npostfix + w->nsendmail == 0)
		finding_mend(doctor_add(d, DOCTOR_NO_MTA,
		    "there is neither /etc/postfix/main.cf nor "
		    "/etc/mail/sendmail.cf"), "run", "%s",
		    "tlspolicy doctor --postfix DIR\n"
		    "tlspolicy doctor --sendmail FILE");
}

static int
look_at_mtas(const struct doctor *d, struct wishes *w)
{
	struct fault f;
	int status = EXIT_FINE;

	find_mtas(w, d);
	for (unsigned i = 0; i < w->npostfix; i++)
		if (!doctor_postfix(d, w->postfix[i], &f))
			status = command_fail(&f);
	for (unsigned i = 0; i < w->nsendmail; i++)
		if (!doctor_sendmail(d, w->sendmail[i], &f))
			status = command_fail(&f);
	return status;
}

/* The first trouble that kept the doctor from looking, else 0. */
static int
look(const struct context *context, struct wishes *w, struct trials *trials,
    struct findings *all)
{
	const struct settings *set = &context->settings;
	const char *log = set->audit_file;
	char shown_text[SETTINGS_VALUE_MAX];
	struct findings only_if[ONLY_IF];
	struct doctor_unit unit;
	struct text shown;
	struct doctor d = { .conf = context->conf,
		.set_socket = set->socket, .socketmap = set->socketmap,
		.facts_socket = set->facts_socket,
		.outbound_default = resolved_level_name(
		    (enum outbound_level)set->outbound_default),
		.outbound_version = set->outbound_version,
		.outbound_match = set->outbound_match,
		.tlsrpt_socket = set->tlsrpt_socket,
		.outbound_exclude = set->outbound_exclude,
		.set_group = set->socket_group, .rules_file = set->rules,
		.user = set->user, .store = context->store,
		.audit_key = set->audit_key_file,
		.audit_file = strcmp(log, "/dev/null") == 0 ||
		    source_is_stream(log) ? "" : log,
		.watched = strcmp(set->metrics, "off") == 0 ?
		    NULL : set->watch_certificates,
		.shown = &shown, .unit = &unit, .findings = all, .if_rules = &only_if[0],
		.if_verify = &only_if[1], .if_dane = &only_if[2],
		.if_prints = &only_if[3], .trials = trials };
	struct rulefile rules;
	struct fault f, bad_rules;
	int status;
	bool good;

	text_init(&shown, shown_text, sizeof shown_text);
	for (int i = 0; i < ONLY_IF; i++)
		findings_init(&only_if[i]);
	/* Read the rules first, while root may. */
	good = examine_rules(context, &rules, &bad_rules);
	d.rules = good ? &rules : NULL;
	doctor_unit_ask(&unit);
	d.socket = unit.socket[0] != '\0' ? unit.socket : d.set_socket;
	doctor_daemon(&d);
	doctor_files(&d);
	status = look_at_mtas(&d, w);
	doctor_watched(&d);
	/* Look at the store last: root may go on as its owner. */
	examine_store(context, &d, good ? NULL : &bad_rules);
	rulefile_free(&rules);
	for (int i = 0; i < ONLY_IF; i++)
		findings_free(&only_if[i]);
	if (d.audit_file[0] != '\0' &&
	    !command_enter_to_read(d.audit_file, &f)) {
		status = command_fail(&f);
		d.audit_file = "";
	}
	trial_run(&d);
	if (d.audit_file[0] != '\0')
		doctor_audit(&d, w->records);
	return status;
}

/* Each line of `lines` behind eight blanks. */
static void
print_lines(const char *lines)
{
	while (*lines != '\0') {
		size_t n = strcspn(lines, "\n");

		printf("        %.*s\n", (int)n, lines);
		lines += n + (lines[n] == '\n');
	}
}

static void
print_text(const struct findings *all)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct finding *f = &all->all[i];

		printf("%s: %s\n    why: %s\n", f->kind->name, f->what,
		    f->kind->advice);
		if (f->lines[0] != '\0' && f->number > 0)
			printf("    %s, line %u:\n", f->place, f->number);
		else if (f->lines[0] != '\0')
			printf("    %s:\n", f->place);
		print_lines(f->lines);
		if (f->then[0] != '\0')
			printf("    then:\n");
		print_lines(f->then);
	}
}

static json_t *
lines_json(const char *lines)
{
	struct slice rest = slice_of(lines), line;
	json_t *list = json_array();

	while (slice_next(&rest, '\n', &line))
		json_array_append_new(list, jsontext_string(line));
	return list;
}

static json_t *
findings_json(const struct findings *all)
{
	json_t *list = json_array();

	for (size_t i = 0; i < all->n; i++) {
		const struct finding *f = &all->all[i];

		json_array_append_new(list, json_pack(
		    "{s:s, s:s, s:o, s:s, s:o, s:i, s:o, s:o}", "finding",
		    f->kind->name, "severity", doctor_severity_name(f->kind),
		    "what", jsontext_cstring(f->what),
		    "why", f->kind->advice, "place",
		    jsontext_cstring(f->place), "line", (int)f->number,
		    "lines", lines_json(f->lines), "then",
		    lines_json(f->then)));
	}
	return list;
}

static json_t *
sessions_json(const struct trials *trials)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < trials->n; i++) {
		const struct trial *t = &trials->all[i];

		json_array_append_new(list, json_pack(
		    "{s:o, s:o, s:o, s:s, s:s, s:o}", "service",
		    jsontext_cstring(t->label), "host",
		    jsontext_cstring(t->host), "port",
		    jsontext_cstring(t->port), "result",
		    trial_result_name(t->result), "tls", t->version, "reply",
		    jsontext_cstring(t->detail)));
	}
	return list;
}

static json_t *
names_json(const struct findings *all)
{
	json_t *list = json_array();

	for (size_t i = 0; i < all->n; i++)
		json_array_append_new(list, json_string(all->all[i].kind->name));
	return list;
}

static void
print_json(const struct findings *all, const struct findings *silenced,
    const struct trials *trials, json_t *nodes)
{
	json_t *whole = json_pack("{s:o, s:o, s:o}", "findings",
	    findings_json(all), "silenced", names_json(silenced), "sessions",
	    sessions_json(trials));

	if (nodes != NULL)
		json_object_set(whole, "nodes", nodes);
	json_dumpf(whole, stdout,
	    JSON_ENSURE_ASCII | JSON_INDENT(2));
	putchar('\n');
	json_decref(whole);
}

/* Says what was seen working: sessions; and how many findings are silenced. */
static void
say_rest(int status, const struct wishes *w, const struct findings *silenced,
    const struct trials *trials)
{
	unsigned judged = 0;

	for (unsigned i = 0; i < trials->n; i++)
		judged += trials->all[i].result == TRIAL_JUDGED;
	if (status == EXIT_FINE && w->fleet)
		fprintf(stderr, "tlspolicy doctor: %zu nodes compared: policy, "
		    "settings and version are the same\n",
		    json_array_size(w->nodes));
	else if (status == EXIT_FINE && judged > 0)
		fprintf(stderr, "tlspolicy doctor: nothing is missing; "
		    "sessions tried and judged: %u of %u\n", judged,
		    trials->n);
	else if (status == EXIT_FINE)
		fprintf(stderr, "tlspolicy doctor: nothing was found, and no "
		    "session was judged\n");
	for (size_t i = 0; i < silenced->n; i++)
		fprintf(stderr, "tlspolicy doctor: silenced: %s: %s\n",
		    silenced->all[i].kind->name, silenced->all[i].what);
}

static int
conclude(const struct context *context, const struct wishes *w, int status,
    struct findings *all, const struct trials *trials)
{
	struct findings silenced;
	struct fault f;

	findings_init(&silenced);
	if (!doctor_silence(all, context->settings.silence, &silenced, &f))
		status = command_fail(&f);
	if (w->json)
		print_json(all, &silenced, trials, w->nodes);
	else
		print_text(all);
	if (all->failed || silenced.failed) {
		fault_no_memory(&f);
		status = command_fail(&f);
	}
	if (status == EXIT_FINE && all->n > 0)
		status = EXIT_FINDINGS;
	if (!w->json)
		say_rest(status, w, &silenced, trials);
	findings_free(&silenced);
	return status;
}

static int
examine(struct context *context, struct wishes *w, char **logs)
{
	struct trials *trials = calloc(1, sizeof *trials);
	struct findings all;
	struct fault f;
	int status;

	if (trials == NULL) {
		fault_no_memory(&f);
		return command_fail(&f);
	}
	findings_init(&all);
	status = w->fleet ? compare_logs(context, logs, w->hours, &all,
	    &w->nodes) : look(context, w, trials, &all);
	if (!w->fleet || w->nodes != NULL)
		status = conclude(context, w, status, &all, trials);
	json_decref(w->nodes);
	findings_free(&all);
	free(trials);
	return status;
}

static int
too_many(const struct context *context)
{
	return command_usage(context, "more than %d MTAs of a kind", MTAS_MAX);
}

static int
run(struct context *context, int argc, char **argv)
{
	struct wishes w = { .records = RECORDS_DEFAULT,
		.hours = HOURS_DEFAULT };
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		switch (c) {
		case OPTION_POSTFIX:
			if (w.npostfix == MTAS_MAX)
				return too_many(context);
			w.postfix[w.npostfix++] = optarg;
			break;
		case OPTION_SENDMAIL:
			if (w.nsendmail == MTAS_MAX)
				return too_many(context);
			w.sendmail[w.nsendmail++] = optarg;
			break;
		case 'n':
			if (!command_number(context, c, 1, RECORDS_MAX,
			    &w.records))
				return FAULT_USAGE;
			break;
		case OPTION_FLEET:
			w.fleet = true;
			break;
		case OPTION_SILENT:
			if (!command_number(context, c, 1, HOURS_MAX, &w.hours))
				return FAULT_USAGE;
			break;
		case OPTION_JSON:
			w.json = true;
			break;
		default:
			return status;
		}
	}
	if (w.fleet && w.npostfix + w.nsendmail > 0)
		return command_usage(context, "--fleet is about logs, not "
		    "about the MTAs of this machine");
	if (!command_operands(context, argc - optind, w.fleet ? 1 : 0,
	    w.fleet ? INT_MAX : 0))
		return FAULT_USAGE;
	return examine(context, &w, argv + optind);
}

const struct command command_doctor = {
	"doctor", "[--fleet AUDIT...]", "Find what is missing in the daemon and its MTAs",
	options, run,
	"tlspolicy-doctor(1)"
};
