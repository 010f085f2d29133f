/*
 * The settings do not say where the daemon listens when a socket unit is
 * active, nor as whom it was started; only the service manager can.  Where
 * there is none, or no such unit, the settings count.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "policy/doctor/access.h"
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

/* By a shell, as systemctl complains where systemd does not run. */
static bool
show(const char *command, char output[OUTPUT_BYTES], struct text *out)
{
	const char *const argv[] = { "sh", "-c", command, NULL };
	struct fault f;

	text_init(out, output, OUTPUT_BYTES);
	return capture((char *const *)(uintptr_t)argv, out, &f);
}

static void
keep(struct slice value, char *to, size_t size)
{
	snprintf(to, size, "%.*s", SLICE_ARG(value));
}

/*
 * "Listen=/PATH (Stream)", a line for each; ours have one.  The path is kept
 * while the unit is active; true: it is installed.
 */
static bool
ask_socket(const char *name, char *path, size_t size)
{
	char output[OUTPUT_BYTES], command[160];
	struct slice listen;
	struct text out;

	snprintf(command, sizeof command, "exec systemctl show "
	    "--property=LoadState,ActiveState,Listen %s 2>/dev/null", name);
	if (!show(command, output, &out))
		return false;
	listen = property(&out, "Listen");
	listen.n = slice_find(listen, ' ');
	if (slice_is(property(&out, "ActiveState"), "active") &&
	    listen.n > 0 && listen.p[0] == '/' && listen.n + 6 < size)
		snprintf(path, size, "unix:%.*s", SLICE_ARG(listen));
	return slice_is(property(&out, "LoadState"), "loaded");
}

void
doctor_unit_ask(struct doctor_unit *unit)
{
	char output[OUTPUT_BYTES];
	struct text out;

	memset(unit, 0, sizeof *unit);
	unit->socket_there = ask_socket("tlspolicy-milter.socket",
	    unit->socket, sizeof unit->socket);
	(void)ask_socket("tlspolicy-facts.socket", unit->facts,
	    sizeof unit->facts);
	if (!show("exec systemctl show --property=LoadState,User,Group,"
	    "SupplementaryGroups tlspolicy-milter.service 2>/dev/null", output,
	    &out))
		return;
	unit->service_there = slice_is(property(&out, "LoadState"), "loaded");
	keep(property(&out, "User"), unit->user, sizeof unit->user);
	snprintf(unit->groups, sizeof unit->groups, "%.*s %.*s",
	    SLICE_ARG(property(&out, "Group")),
	    SLICE_ARG(property(&out, "SupplementaryGroups")));
}

bool
doctor_unit_lacks_group(const struct doctor_unit *unit, const char *group)
{
	struct slice rest = slice_of(unit->groups), word;
	struct access user;

	/*
	 * A daemon started as root can give its socket to any group before it
	 * changes its user.
	 */
	if (!unit->service_there || unit->user[0] == '\0' || group[0] == '\0')
		return false;
	while (slice_next_of(&rest, ", \t", &word))
		if (slice_is(word, group))
			return false;
	return access_find(unit->user, &user) &&
	    !access_is_member(&user, group);
}

void
doctor_unit_add_group(const char *group, char *lines, size_t size)
{
	static const char folder[] =
	    "/etc/systemd/system/tlspolicy-milter.service.d";

	snprintf(lines, size, "install -d %s\n"
	    "printf '[Service]\\nSupplementaryGroups=%s\\n' > "
	    "%s/socket-group.conf\nsystemctl daemon-reload", folder, group,
	    folder);
}
