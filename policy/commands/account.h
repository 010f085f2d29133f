/*
 * account.h - the directory of the settings, and as whom it is spoken to.
 *
 * Ownership: the strings are the settings'; the account must not be moved.
 * Threads: one.
 */
#ifndef TLSPOLICY_COMMANDS_ACCOUNT_H
#define TLSPOLICY_COMMANDS_ACCOUNT_H

#include "policy/commands/command.h"
#include "policy/sync/directory.h"

struct account {
	struct directory_access access;
	char password[DIRECTORY_PASSWORD_MAX];
};

/*
 * To be called before command_enter_folder(): the password may be root's alone.
 * False: a setting is missing, or the password is nobody's secret.  From then on
 * SIGPIPE is ignored.
 */
bool account_read(const struct context *, struct account *, struct fault *)
    MUST_CHECK NONNULL;
void account_forget(struct account *) NONNULL;

#endif
