/* What an MTA was told before it delivers, as a line for people. */
#include "policy/commands/audit.h"

static void
print_word(const char *before, struct slice word, struct text *out)
{
	if (word.n == 0)
		return;
	text_puts(out, before);
	text_put_printable(out, word);
}

void
audit_outbound_print(const struct reader_record *r, struct text *out)
{
	const struct reader_outbound *o = &r->outbound;

	audit_print_time(r->time_us, out);
	if (r->withdrawn)
		text_puts(out, " withdrawn");
	print_word(" outbound ", o->result, out);
	if (r->monitor)
		text_puts(out, " (monitor)");
	print_word(" map=", o->map, out);
	print_word(" query=", o->query, out);
	for (size_t i = 0; i < r->nrules; i++)
		print_word(" rule=", r->rules[i].key, out);
	print_word(" without=", o->inexpressible, out);
	print_word(" warned=", o->warned, out);
	print_word(" resolver=", o->resolver, out);
	print_word(" answer=", o->answer, out);
}
