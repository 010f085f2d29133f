/* The table of settings, printed. */
#include <jansson.h>
#include <string.h>

#include "policy/base/jsontext.h"
#include "policy/conf/setting.h"
#include "policy/conf/settings-print.h"

static void
print_row(const struct setting *row, const struct settings *s, FILE *out,
    bool help)
{
	char value[SETTINGS_VALUE_MAX];
	struct text text;

	text_init(&text, value, sizeof value);
	row->type->print(row, setting_field_in(s, row), &text);
	if (help) {
		fprintf(out, "# %s\n# ", row->help);
		for (int i = 0; row->words != NULL && row->words[i] != NULL; i++)
			fprintf(out, "%s%s", i > 0 ? " | " : "", row->words[i]);
		if (row->words == NULL)
			fputs(row->type->expects, out);
		fprintf(out, "; default %s; %s\n",
		    setting_default(row)[0] != '\0' ? setting_default(row) :
		    "empty",
		    row->reloadable ? "SIGHUP brings it into force" :
		    "a restart brings it into force");
	}
	fprintf(out, "%s =%s%s\n%s", row->name, text.n > 0 ? " " : "",
	    text.buf, help ? "\n" : "");
}

void
settings_print(const struct settings *s, FILE *out, bool help)
{
	for (const struct setting *row = setting_table(); row->name != NULL; row++)
		print_row(row, s, out, help);
}

bool
settings_print_one(const struct settings *s, struct slice name, FILE *out,
    bool help, struct fault *f)
{
	const struct setting *row = setting_find(name, f);

	if (row != NULL)
		print_row(row, s, out, help);
	return row != NULL;
}

void
settings_print_json(const struct settings *s, FILE *out)
{
	json_t *all = json_object();

	for (const struct setting *row = setting_table(); row->name != NULL; row++) {
		char value[SETTINGS_VALUE_MAX];
		struct text text;

		text_init(&text, value, sizeof value);
		row->type->print(row, setting_field_in(s, row), &text);
		json_object_set_new(all, row->name,
		    json_pack("{s:o, s:s, s:s, s:b, s:s}", "value",
		    jsontext_cstring(value), "default", setting_default(row),
		    "expects", row->type->expects, "reloadable",
		    row->reloadable, "help", row->help));
	}
	json_dumpf(all, out,
	    JSON_ENSURE_ASCII | JSON_INDENT(4));
	fputc('\n', out);
	json_decref(all);
}

void
settings_print_verdict(const struct settings *s, struct text *out)
{
	for (const struct setting *row = setting_table(); row->name != NULL; row++) {
		if (!row->verdict)
			continue;
		text_printf(out, "%s = ", row->name);
		row->type->print(row, setting_field_in(s, row), out);
		text_char(out, '\n');
	}
}

bool
setting_is_same(const struct setting *row, const struct settings *a,
    const struct settings *b)
{
	char a_value[SETTINGS_VALUE_MAX], b_value[SETTINGS_VALUE_MAX];
	struct text a_text, b_text;

	text_init(&a_text, a_value, sizeof a_value);
	text_init(&b_text, b_value, sizeof b_value);
	row->type->print(row, setting_field_in(a, row), &a_text);
	row->type->print(row, setting_field_in(b, row), &b_text);
	return strcmp(a_value, b_value) == 0;
}

void
settings_differing(const struct settings *a, const struct settings *b,
    struct text *names)
{
	for (const struct setting *row = setting_table(); row->name != NULL;
	    row++)
		if (row->verdict && !setting_is_same(row, a, b))
			text_printf(names, "%s%s", names->n > 0 ? " " : "",
			    row->name);
}
