/*
 * audit-people.h - who is hidden in records, told where the salts are at hand.
 */
#ifndef TLSPOLICY_COMMANDS_AUDIT_PEOPLE_H
#define TLSPOLICY_COMMANDS_AUDIT_PEOPLE_H

#include "policy/audit/reader.h"
#include "policy/commands/command.h"

/* For a command's list; command_getopt() takes it. */
#define AUDIT_OPTION_SALTS \
	{ OPTION_SALTS, "salts", "FOLDER", "salts of another node" }

/*
 * The daemon's salts and those of options --salts; what cannot be read is told
 * by the records that need it.  NULL with a fault.
 */
struct salts *audit_salts_open(const struct context *, struct fault *)
    MUST_CHECK;
/* The folder of the daemon's salts.  False: its path is too long. */
enum { AUDIT_PATH_MAX = SETTINGS_STRING_MAX + 16 };
bool audit_salts_folder(const struct context *, char folder[AUDIT_PATH_MAX])
    MUST_CHECK;

/* Records in which people could not be told. */
struct audit_hidden {
	uint64_t records[SALTS_ANSWERS]; /* by why */
	char why[FAULT_TEXT_MAX];	 /* salts could not be read */
};
void audit_count_hidden(struct audit_hidden *, const struct reader_record *);
void audit_note_why(struct audit_hidden *, const struct salts *);
void audit_say_hidden(const struct audit_hidden *); /* if any */

#endif
