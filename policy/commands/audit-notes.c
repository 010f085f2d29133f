#include "policy/commands/audit-notes.h"

bool
audit_notes_option(const struct context *context, struct audit_notes *notes,
    int c, const char *path)
{
	const char **list = c == OPTION_CHECKPOINTS ? notes->path :
	    notes->verifier;
	size_t n = 0;

	while (list[n] != NULL)
		n++;
	if (n == AUDIT_NOTES_MAX) {
		command_usage(context, "too many files: expected %d at most",
		    AUDIT_NOTES_MAX);
		return false;
	}
	list[n] = path;
	return true;
}
