/* Values put in: the defaults, one by its name, those of a file read anew. */
#include <string.h>

#include "policy/conf/setting.h"

void
settings_init(struct settings *s)
{
	struct fault f;

	memset(s, 0, sizeof *s);
	for (const struct setting *row = setting_table();
	    row->name != NULL; row++)
		row->type->parse(row, slice_of(setting_default(row)),
		    setting_field(s, row), &f);
}

bool
settings_assign(struct settings *s, struct slice assignment, struct fault *f)
{
	size_t equals = slice_find(assignment, '=');
	struct slice name = slice_trim(slice_make(assignment.p, equals));
	const struct setting *row;

	if (equals == assignment.n)
		return fault_set(f, FAULT_SETTINGS,
		    "\"%.*s\" is not SETTING=VALUE", SLICE_ARG(assignment));
	row = setting_find(name, f);
	if (row == NULL)
		return false;
	if (row->type->parse(row, slice_trim(slice_from(assignment,
	    equals + 1)), setting_field(s, row), f))
		return true;
	fault_at_setting(f, row->name);
	return false;
}

void
settings_adopt(struct settings *s, const struct settings *fresh,
    void (*refused)(void *, const char *name), void *arg)
{
	for (const struct setting *row = setting_table();
	    row->name != NULL; row++) {
		if (row->reloadable)
			memcpy(setting_field(s, row), setting_field_in(fresh, row),
			    row->size);
		else if (!setting_is_same(row, s, fresh))
			refused(arg, row->name);
	}
}
