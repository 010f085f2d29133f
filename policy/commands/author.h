/*
 * author.h - who changes the policy, and why: what a generation tells of it.
 *
 * Ownership: strings belong to the struct, but for the message.
 * Threads: as commands.
 */
#ifndef TLSPOLICY_COMMANDS_AUTHOR_H
#define TLSPOLICY_COMMANDS_AUTHOR_H

#include "policy/commands/command.h"
#include "policy/store/history.h"

/* The option -m, for the list of a command that changes the policy. */
#define AUTHOR_OPTION_MESSAGE \
	{ 'm', "message", "MESSAGE", "why, for `tlspolicy log'" }

struct author {
	struct authorship by;
	char login[256], host[256];
	char settings[SETTINGS_TEXT_MAX];
};

/*
 * To be called before command_enter_folder(), which may make another user of
 * root.  The uid is the process's; the login is that of the session which the
 * kernel (loginuid) or sudo tells of, else the uid's.  `message` NULL: none;
 * one that is empty, too long or not UTF-8 is a usage fault.
 */
bool author_init(struct author *, const struct context *, enum generation_how,
    const char *message, struct fault *) MUST_CHECK;

/* After a change by hand: the directory that the store follows will undo it. */
void author_say_followed(const struct context *) NONNULL;

#endif
