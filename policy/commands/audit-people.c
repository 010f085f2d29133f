/*
 * Who reads a log need not have the right to read its salts, nor be where they
 * are: what they would tell is left out then, and that is said.
 */
#include <string.h>
#include <unistd.h>

#include "policy/base/folder.h"
#include "policy/commands/audit-people.h"

bool
audit_salts_folder(const struct context *context, char folder[AUDIT_PATH_MAX])
{
	char state[SETTINGS_STRING_MAX];

	settings_state_folder(&context->settings, state);
	return snprintf(folder, AUDIT_PATH_MAX, "%s/" SALTS_FOLDER, state) <
	    AUDIT_PATH_MAX;
}

/* Root reads no salts in a folder that another user can replace. */
static bool
add(struct salts *salts, const char *folder, struct fault *fault)
{
	char inside[AUDIT_PATH_MAX + 2];
	uid_t owner = 0;

	snprintf(inside, sizeof inside, "%s/.", folder);
	if (geteuid() == 0 && access(folder, F_OK) == 0) {
		if (folder_owner(inside, &owner, fault) && owner != 0)
			fault_set(fault, FAULT_NOINPUT, "%s is user %lu's: to "
			    "be read as that user", folder,
			    (unsigned long)owner);
		if (owner != 0) {
			salts_refuse(salts, fault);
			return true;
		}
	}
	return salts_add(salts, folder, fault);
}

struct salts *
audit_salts_open(const struct context *context, struct fault *fault)
{
	struct salts *salts = salts_open(fault);
	char folder[AUDIT_PATH_MAX];
	bool good = salts != NULL;

	for (unsigned i = 0; good && context->salts[i] != NULL; i++)
		good = add(salts, context->salts[i], fault);
	if (good && audit_salts_folder(context, folder))
		good = add(salts, folder, fault);
	if (good)
		return salts;
	salts_close(salts);
	return NULL;
}

void
audit_count_hidden(struct audit_hidden *h, const struct reader_record *r)
{
	for (int i = 0; i < SALTS_ANSWERS; i++)
		h->records[i] += (r->hidden >> i & 1) != 0;
}

void
audit_note_why(struct audit_hidden *h, const struct salts *salts)
{
	if (salts != NULL)
		snprintf(h->why, sizeof h->why, "%s", salts_why(salts));
}

void
audit_say_hidden(const struct audit_hidden *h)
{
	for (int i = 0; i < SALTS_ANSWERS; i++) {
		uint64_t n = h->records[i];
		bool why = i == SALTS_UNREADABLE && h->why[0] != '\0';

		if (n > 0)
			fprintf(stderr, "%llu record%s hide%s people: %s%s%s\n",
			    (unsigned long long)n, n == 1 ? "" : "s",
			    n == 1 ? "s" : "", salts_answer_text(
			    (enum salts_answer)i), why ? ": " : "",
			    why ? h->why : "");
	}
}
