/* Records for people; JSON for scripts is jsonput.h. */
#include <jansson.h>

#include "policy/audit/print.h"
#include "policy/base/jsonput.h"

void
audit_print_time(int64_t time_us, struct text *out)
{
	enum { TO_THE_SECOND = sizeof "2026-03-01T12:00:00" - 1 };
	char buf[40];
	struct text text;
	struct jsonput j;

	text_init(&text, buf, sizeof buf);
	jsonput_start(&j, &text);
	jsonput_time(&j, time_us);
	jsonput_finish(&j);
	text_put(out, slice_make(buf + 1, TO_THE_SECOND));
	text_char(out, 'Z');
}

json_t *
audit_json_time(int64_t time_us)
{
	char memory[64];
	struct text text;

	if (time_us == 0)
		return json_null();
	text_init(&text, memory, sizeof memory);
	audit_print_time(time_us, &text);
	return json_string(text.buf);
}

void
audit_print_word(const char *before, struct slice word, struct text *out)
{
	if (word.n == 0)
		return;
	text_puts(out, before);
	text_put_printable(out, word);
}

void
audit_print_fact(const struct facts *f, enum fact_id id, const char *before,
    struct text *out)
{
	if (facts_filled(f, id))
		audit_print_word(before, facts_value(f, id), out);
}

void
audit_print_header(const struct facts *f, const char *before, struct text *out)
{
	enum { SHOWN = 3 };
	struct slice rest = facts_value(f, FACT_HEADER_FROM), mailbox;
	unsigned n = 0;

	for (; slice_next(&rest, '\n', &mailbox); n++) {
		if (n >= SHOWN)
			continue;
		text_puts(out, n == 0 ? before : ",");
		text_put_printable(out, mailbox);
	}
	if (n > SHOWN)
		text_printf(out, " and %u more", n - SHOWN);
	if (!facts_filled(f, FACT_HEADER_FLAW))
		return;
	text_puts(out, n == 0 ? before : "");
	text_char(out, '(');
	text_put_printable(out, facts_value(f, FACT_HEADER_FLAW));
	text_char(out, ')');
}
