/*
 * jsonlist_add() writes the comma behind the value before, at the start of its
 * own line, so that each line is a value.
 */
#include "policy/base/jsonlist.h"

void
jsonlist_start(struct jsonlist *l, FILE *out)
{
	l->out = out;
	l->begun = false;
}

static void
next(struct jsonlist *l)
{
	fputs(l->begun ? ",\n" : "[\n", l->out);
	l->begun = true;
}

void
jsonlist_add(struct jsonlist *l, json_t *value)
{
	if (l->out != NULL && value != NULL) {
		next(l);
		json_dumpf(value, l->out, JSON_ENSURE_ASCII | JSON_COMPACT);
	}
	json_decref(value);
}

void
jsonlist_put(struct jsonlist *l, struct slice value)
{
	if (l->out == NULL)
		return;
	next(l);
	fwrite(value.p, 1, value.n, l->out);
}

void
jsonlist_end(struct jsonlist *l)
{
	if (l->out != NULL)
		fputs(l->begun ? "\n]\n" : "[]\n", l->out);
}
