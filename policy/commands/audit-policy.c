/* What the log says of a policy and of settings, as a line for people. */
#include "policy/audit/print.h"
#include "policy/commands/audit-line.h"

static void
print_policy(const struct reader_record *r, struct text *out)
{
	const struct reader_policy *p = &r->policy;

	text_printf(out, " policy generation=%llu",
	    (unsigned long long)r->generation);
	if (!p->known) {
		text_puts(out, " not told");
		return;
	}
	audit_print_word(" how=", p->how, out);
	if (p->back_to != 0)
		text_printf(out, " back_to=%llu",
		    (unsigned long long)p->back_to);
	audit_print_word(" plan=", p->plan, out);
	text_puts(out, " made=");
	audit_print_time(p->made_us, out);
	text_printf(out, " uid=%llu", (unsigned long long)p->uid);
	audit_print_word(" login=", p->login, out);
	audit_print_word(" host=", p->host, out);
	audit_print_word(" node=", p->node, out);
	audit_print_word(" version=", p->version, out);
	audit_print_word(" rules_sha256=", p->rules_sha256, out);
	audit_print_word(" message=", p->message, out);
}

void
audit_plan_print(const struct record_plan *p, struct text *out)
{
	if (p->id != 0)
		plan_print_id(p->id, out);
	else
		text_puts(out, "unknown");
	text_puts(out, p->answered ? ": its policy answered; " : ": ");
	if (p->result != RECORD_PLAN_DIFFERS) {
		text_puts(out, p->result == RECORD_PLAN_SAME ?
		    "both say the same" : "not judged by it");
		return;
	}
	text_printf(out, "%s would %s", p->answered ? "the one in force" : "it",
	    p->waiver != WAIVER_NONE ? "warn of " : "");
	text_puts(out, verdict_name(p->waiver != WAIVER_NONE ? p->would :
	    p->kind));
	if (p->reason != REASON_NONE)
		text_printf(out, ", %s", reason_name(p->reason));
	audit_print_word(": ", p->key, out);
	audit_print_word(" ", p->requirement, out);
	if (p->refused_rcpts > 0)
		text_printf(out, ", %llu recipient%s",
		    (unsigned long long)p->refused_rcpts,
		    p->refused_rcpts == 1 ? "" : "s");
}

void
audit_policy_print(const struct reader_record *r, struct text *out)
{
	struct slice rest = r->settings.values, line;

	audit_print_time(r->time_us, out);
	if (r->event == RECORD_PLAN) {
		text_printf(out, " plan id=");
		plan_print_id(r->plan.id, out);
		text_printf(out, " %s", record_plan_result(r->plan.result));
		return;
	}
	if (r->event == RECORD_POLICY) {
		print_policy(r, out);
		return;
	}
	audit_print_word(" settings sha256=", r->settings.digest, out);
	for (int i = 0; slice_next(&rest, '\n', &line); i++)
		audit_print_word(i == 0 ? " " : "; ", line, out);
}
