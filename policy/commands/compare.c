/* The logs are read once, whatever their order, as by report. */
#include <time.h>

#include "policy/base/jsontext.h"
#include "policy/commands/audit.h"
#include "policy/commands/compare.h"
#include "policy/commands/progress.h"

static bool
look(void *arg, const struct fleet_line *line)
{
	return fleet_add(arg, line);
}

static void
put_state(json_t *node, const char *name, const char *since,
    const struct fleet_states *states)
{
	const struct fleet_state *s = fleet_last(states);
	bool told = s != NULL && s->what[0] != '\0';

	json_object_set_new(node, name, told ? jsontext_cstring(s->what) :
	    json_null());
	json_object_set_new(node, since, told ? audit_json_time(s->since_us) :
	    json_null());
}

static json_t *
nodes_of(const struct fleet *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->n; i++) {
		const struct fleet_node *n = f->nodes[i];
		json_t *node = json_pack("{s:o, s:I, s:o, s:o}", "node",
		    jsontext_cstring(doctor_fleet_name(n)),
		    "records", (json_int_t)n->records,
		    "first", audit_json_time(n->first_us), "last", audit_json_time(n->last_us));

		put_state(node, "policy", "policy_since", &n->policies);
		put_state(node, "settings", "settings_since", &n->settings);
		put_state(node, "version", "version_since", &n->versions);
		json_object_set_new(node, "missing_lines",
		    json_integer((json_int_t)n->numbers.missing));
		json_object_set_new(node, "breaks",
		    json_integer((json_int_t)n->numbers.breaks));
		json_object_set_new(node, "out_of_order",
		    json_integer((json_int_t)n->numbers.disorder));
		json_array_append_new(list, node);
	}
	return list;
}

static int
compare(const struct audit_files *files, struct fleet *fleet,
    struct fault *fault)
{
	struct audit_walk walk = { .look = look, .arg = fleet,
		.no_salts = true };
	bool good;

	progress_start("records read", &walk.records);
	good = audit_walk(&walk, files, fault);
	progress_stop();
	if (good && (fleet->failed || !fleet_finish(fleet)))
		good = fault_no_memory(fault);
	if (!good)
		return command_fail(fault);
	audit_say_unread(walk.unread);
	return audit_status(walk.unread, walk.unread_kind, walk.bad);
}

int
compare_logs(const struct context *context, char **paths, unsigned long hours,
    struct findings *findings, json_t **nodes)
{
	int64_t now_us = (int64_t)time(NULL) * INT64_C(1000000);
	struct audit_files files;
	struct fleet fleet;
	struct fault fault;
	int status;

	*nodes = NULL;
	if (!audit_files(context, paths, &files, &fault))
		return command_fail(&fault);
	if (!audit_is_twice_readable(context, &files))
		return FAULT_USAGE;
	fleet_init(&fleet);
	status = compare(&files, &fleet, &fault);
	doctor_fleet(&(struct doctor_fleet){ .fleet = &fleet,
		.now_us = now_us, .silent_us = (int64_t)hours *
		INT64_C(3600000000), .findings = findings });
	*nodes = nodes_of(&fleet);
	fleet_free(&fleet);
	audit_files_free(&files);
	return status;
}
