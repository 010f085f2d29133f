/*
 * credentials.h - the directory of the settings, and as whom it is asked.
 *
 * Ownership: the strings are the settings'; the struct must not be moved.
 * Threads: one.
 */
#ifndef TLSPOLICY_COMMANDS_CREDENTIALS_H
#define TLSPOLICY_COMMANDS_CREDENTIALS_H

#include "policy/commands/command.h"
#include "policy/sync/directory.h"

struct credentials {
	struct directory_access access;
	char password[DIRECTORY_PASSWORD_MAX];
};

/*
 * To be called before command_enter_folder(): the password may be root's alone.
 * False: a setting is missing, or the password is nobody's secret.  From then on
 * SIGPIPE is ignored.
 */
bool credentials_read(const struct context *, struct credentials *, struct fault *)
    MUST_CHECK NONNULL;
void credentials_forget(struct credentials *) NONNULL;

#endif
