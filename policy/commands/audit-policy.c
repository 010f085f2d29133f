/* What the log says of a policy and of settings, as a line for people. */
#include "policy/audit/print.h"
#include "policy/commands/audit-line.h"

static void
print_word(const char *before, struct slice word, struct text *out)
{
	if (word.n == 0)
		return;
	text_puts(out, before);
	text_put_printable(out, word);
}

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
	print_word(" how=", p->how, out);
	if (p->back_to != 0)
		text_printf(out, " back_to=%llu",
		    (unsigned long long)p->back_to);
	text_puts(out, " made=");
	audit_print_time(p->made_us, out);
	text_printf(out, " uid=%llu", (unsigned long long)p->uid);
	print_word(" login=", p->login, out);
	print_word(" host=", p->host, out);
	print_word(" rules_sha256=", p->rules_sha256, out);
	print_word(" message=", p->message, out);
}

void
audit_policy_print(const struct reader_record *r, struct text *out)
{
	struct slice rest = r->settings.values, line;

	audit_print_time(r->time_us, out);
	if (r->event == RECORD_POLICY) {
		print_policy(r, out);
		return;
	}
	print_word(" settings sha256=", r->settings.digest, out);
	for (int i = 0; slice_next(&rest, '\n', &line); i++)
		print_word(i == 0 ? " " : "; ", line, out);
}
