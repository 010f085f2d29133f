/* A row of the table by its name, and the nearest one where there is none. */
#include "policy/base/nearest.h"
#include "policy/conf/setting.h"

const struct setting *
setting_find(struct slice name, struct fault *f)
{
	char hint_text[80];
	struct nearest nearest;
	struct text hint;

	nearest_init(&nearest, name);
	for (const struct setting *row = setting_table();
	    row->name != NULL; row++) {
		if (slice_is_nocase(name, row->name))
			return row;
		nearest_offer(&nearest, slice_of(row->name));
	}
	text_init(&hint, hint_text, sizeof hint_text);
	nearest_print(&nearest, &hint);
	fault_set(f, FAULT_SETTINGS, "there is no setting \"%.*s\"%s",
	    SLICE_ARG(name), hint.buf);
	return NULL;
}
