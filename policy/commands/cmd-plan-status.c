/* tlspolicy plan status: whom the plan would break, and how sure that is. */
#include <getopt.h>
#include <stdlib.h>
#include <time.h>

#include "policy/commands/plan.h"
#include "policy/commands/planning.h"

static const struct command_option options[] = {
	COMMAND_OPTION_JSON,
	{ 0, NULL, NULL, NULL }
};

static void
print(const struct planning *p, bool json)
{
	if (json) {
		planning_json(p, stdout);
		evidence_json(&p->evidence, &p->state, stdout);
		fputs("}\n", stdout);
		return;
	}
	planning_print(p, stdout);
	evidence_print(&p->evidence, &p->state, stdout);
	audit_say_torn(p->walk.torn);
	audit_say_withdrawn(p->walk.withdrawn);
	audit_say_unrecorded(p->walk.unrecorded);
	audit_say_maillog(p->walk.maillog, p->walk.untold, p->walk.delivered);
	audit_say_unread(p->walk.unread);
}

static int
look(const struct context *context, char **operands, bool json)
{
	struct planning *p = malloc(sizeof *p);
	struct audit_files files;
	struct fault f;
	int status;

	if (p == NULL) {
		fault_no_memory(&f);
		return command_fail(&f);
	}
	if (!planning_open(context, p, &f) ||
	    !audit_files(context, operands, &files, &f)) {
		status = command_fail(&f);
		if (json)
			puts("{\"plan\":null}");
	} else {
		if (planning_look(p, &files, (int64_t)time(NULL), &f)) {
			print(p, json);
			status = p->is_applied ? EXIT_FINE :
			    evidence_status(&p->evidence, &p->state);
		} else {
			status = command_fail(&f);
			if (json)
				puts("{\"plan\":null}");
		}
		audit_files_free(&files);
	}
	planning_close(p);
	free(p);
	return status;
}

static int
run(struct context *context, int argc, char **argv)
{
	bool json = false;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c != OPTION_JSON)
			return status;
		json = true;
	}
	return look(context, argv + optind, json);
}

const struct command command_plan_status = {
	"plan status", "[AUDIT...]",
	"Whom the plan would break, and how sure that is", options, run,
	"tlspolicy-plan(1)"
};
