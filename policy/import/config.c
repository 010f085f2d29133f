/*
 * Every table of a Postfix by its role.
 */
#include <stdlib.h>

#include "policy/import/config-internal.h"

static void
take_all(struct config *c)
{
	config_prepare(c);
	config_take_lists(c);
	config_take_services(c);
	config_take_maps(c);
	import_at(c->import, c->main.main_path.p, 0);
	if (c->main.unclear)
		import_refuse(c->import, 0, "a ${...} in it is more than "
		    "tlspolicy reads: give it the output of postconf -n, and "
		    "expand it there");
	if (c->import->left > 0)
		import_note(c->import, "lines of these tables that are not "
		    "about TLS: %lu", c->import->left);
}

bool
import_config(struct import *import, const char *dir, struct fault *f)
{
	struct config *c = calloc(1, sizeof *c);
	bool good;

	if (c == NULL)
		return fault_no_memory(f);
	c->import = import;
	good = maincf_read(&c->main, import, dir, f);
	if (good) {
		take_all(c);
		good = import_finish(import, f);
	}
	maincf_free(&c->main);
	free(c);
	return good;
}
