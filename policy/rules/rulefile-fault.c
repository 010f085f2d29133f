/* What is wrong with a line, for all who find it. */
#include "policy/rules/rulefile-internal.h"

void
rulefile_bad_line(struct rulefile *file, unsigned source, uint32_t number,
    struct fault *fault)
{
	char name[FAULT_WHERE_MAX];
	unsigned long column = fault->column;

	snprintf(name, sizeof name, "%.*s", SLICE_ARG(file->sources[source]));
	fault_at(fault, name, number, column);
	file->bad_lines++;
	if (fault->kind == FAULT_UNAVAILABLE)
		file->no_memory = true;
	if (file->report != NULL)
		file->report(file->arg, fault);
}

void
rulefile_unknown_tag(struct slice name, struct fault *fault)
{
	struct nearest nearest;
	struct text hint;
	char buf[80];

	tag_nearest(name, &nearest);
	text_init(&hint, buf, sizeof buf);
	nearest_print(&nearest, &hint);
	fault_set(fault, FAULT_DATA, "found the tag \"%.*s\"; expected "
	    "TLS_Clt, TLS_From, TLS_To, TLS_Header, TLS_Auth, TLS_Daemon, "
	    "TLS_Srv, TLS_Rcpt, Try_TLS, Profile, or one that a CITag item "
	    "names%s",
	    SLICE_ARG(name), hint.buf);
}
