#include <stdio.h>
#include <string.h>

#include "policy/base/jsontext.h"
#include "policy/prove/report.h"

enum { LINE_MAX_BYTES = 32 * 1024 };

void
prove_report_word(struct slice word, struct text *out)
{
	static const char safe[] = "_./:@%+=,-";
	bool plain = word.n > 0;

	for (size_t i = 0; i < word.n; i++) {
		int c = text_lower(word.p[i]);

		plain = plain && ((c >= 'a' && c <= 'z') || (c >= '0' &&
		    c <= '9') || (c != '\0' && strchr(safe, c) != NULL));
	}
	if (plain) {
		text_put(out, word);
		return;
	}
	text_char(out, '\'');
	for (size_t i = 0; i < word.n; i++)
		if (word.p[i] == '\'')
			text_puts(out, "'\\''");
		else
			text_char(out, word.p[i]);
	text_char(out, '\'');
}

void
prove_report_macros(const struct prove_session *session, struct text *out)
{
	struct check_macro macros[CHECK_MACROS_MAX];
	size_t n = prove_session_macros(session, macros);

	for (size_t i = 0; i < n; i++) {
		text_char(out, ' ');
		text_put(out, macros[i].name);
		text_char(out, '=');
		if (macros[i].value.n > 0)
			prove_report_word(macros[i].value, out);
	}
}

/*
 * The command that shows the counterexample; with `check` empty its session
 * alone.
 */
static void
put_command(const struct prove_result *r, const char *check, struct text *out)
{
	if (check[0] != '\0')
		text_printf(out, "%s ", check);
	text_puts(out, "--at ");
	day_print(r->session.day, out);
	prove_report_macros(&r->session, out);
}

static void
put_place(const struct claims_place *place, struct text *out)
{
	if (place->file.n > 0)
		text_printf(out, "%.*s:%lu: ", SLICE_ARG(place->file),
		    place->line);
}

void
prove_report_print(const struct claim *claim, const struct claims_place *place,
    const struct prove_result *r, const char *check, FILE *out)
{
	char buf[LINE_MAX_BYTES];
	struct text text;

	text_init(&text, buf, sizeof buf);
	put_place(place, &text);
	text_puts(&text, prove_outcome_name(r->outcome));
	if (r->outcome == PROVE_FALSE) {
		text_puts(&text, " from ");
		day_print(r->session.day, &text);
	}
	text_printf(&text, ": %.*s\n", SLICE_ARG(claim->text));
	if (r->outcome == PROVE_FALSE) {
		text_puts(&text, "    ");
		put_command(r, check, &text);
		text_printf(&text, "\n    %s\n", r->verdict);
	} else if (r->outcome == PROVE_EMPTY)
		text_puts(&text, "    there is no such session\n");
	else if (r->outcome == PROVE_UNDECIDED)
		text_printf(&text, "    %s\n", r->why);
	fwrite(buf, 1, text.n, out);
}

static json_t *
json_of_macros(const struct prove_session *session)
{
	struct check_macro macros[CHECK_MACROS_MAX];
	size_t n = prove_session_macros(session, macros);
	json_t *object = json_object();
	char name[64];

	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof name, "%.*s", SLICE_ARG(macros[i].name));
		json_object_set_new(object, name,
		    jsontext_string(macros[i].value));
	}
	return object;
}

json_t *
prove_report_json(const struct claim *claim, const struct claims_place *place,
    const struct prove_result *r, const char *check)
{
	json_t *object = json_pack("{s:o, s:s}", "claim",
	    jsontext_string(claim->text), "result",
	    prove_outcome_name(r->outcome));
	char buf[LINE_MAX_BYTES];
	struct text text;

	if (place->file.n > 0) {
		json_object_set_new(object, "file",
		    jsontext_string(place->file));
		json_object_set_new(object, "line",
		    json_integer((json_int_t)place->line));
	}
	if (r->outcome == PROVE_UNDECIDED)
		json_object_set_new(object, "why", json_string(r->why));
	if (r->outcome != PROVE_FALSE)
		return object;
	text_init(&text, buf, sizeof buf);
	day_print(r->session.day, &text);
	json_object_set_new(object, "since", json_string(buf));
	json_object_set_new(object, "session", json_of_macros(&r->session));
	json_object_set_new(object, "verdict", jsontext_cstring(r->verdict));
	if (check[0] == '\0')
		return object;
	text_clear(&text);
	put_command(r, check, &text);
	json_object_set_new(object, "check", jsontext_cstring(buf));
	return object;
}

void
prove_report_fault(const struct claim *claim, const struct claims_place *place,
    const struct prove_result *r, struct fault *f)
{
	char buf[FAULT_TEXT_MAX];
	struct text text;

	text_init(&text, buf, sizeof buf);
	text_printf(&text, "the claim \"%.*s\" is ", SLICE_ARG(claim->text));
	if (r->outcome == PROVE_FALSE) {
		text_puts(&text, "false from ");
		day_print(r->session.day, &text);
		text_printf(&text, ": %.*s for", (int)strcspn(r->verdict,
		    " "), r->verdict);
		prove_report_macros(&r->session, &text);
	} else if (r->outcome == PROVE_EMPTY)
		text_puts(&text, "about nothing: there is no such session");
	else
		text_printf(&text, "not decided: %s", r->why);
	fault_set(f, FAULT_DATA, "%s", buf);
	fault_at(f, place->file.p, place->line, place->column);
}
