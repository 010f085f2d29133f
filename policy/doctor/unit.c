/*
 * The settings do not say where the daemon listens when a socket unit is
 * active; only the service manager can.  Where there is none, or no such unit,
 * the settings count.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>

#include "policy/doctor/doctor.h"
#include "policy/doctor/run.h"

enum { OUTPUT_BYTES = 4096 };

static struct slice
property(const struct text *all, const char *name)
{
	struct slice rest = slice_make(all->buf, all->n), line;

	while (slice_next(&rest, '\n', &line)) {
		size_t n = slice_find(line, '=');

		if (n < line.n && slice_is(slice_make(line.p, n), name))
			return slice_from(line, n + 1);
	}
	return slice_make("", 0);
}

/* "Listen=/PATH (Stream)", a line for each; we have one. */
const char *
doctor_unit_socket(char *memory, size_t size)
{
	/* By a shell, as systemctl complains where systemd does not run. */
	static const char *const argv[] = { "sh", "-c",
		"exec systemctl show --property=ActiveState,Listen "
		"tlspolicy-milter.socket 2>/dev/null", NULL };
	char output[OUTPUT_BYTES];
	struct slice path;
	struct text out;
	struct fault f;
	int n;

	text_init(&out, output, sizeof output);
	if (!capture((char *const *)(uintptr_t)argv, &out, &f) ||
	    !slice_is(property(&out, "ActiveState"), "active"))
		return NULL;
	path = property(&out, "Listen");
	path.n = slice_find(path, ' ');
	if (path.n == 0 || path.p[0] != '/')
		return NULL;
	n = snprintf(memory, size, "unix:%.*s", SLICE_ARG(path));
	return n > 0 && (size_t)n < size ? memory : NULL;
}
