/*
 * remote.h - the directory of the settings as what is changed, in place of the
 * store: `build --ldap` and its like.
 *
 *     remote_open() reads all entries, before the rules are judged
 *     remote_edit() makes the rules that are wanted of those that are there
 *     remote_compare() or remote_write()
 *     remote_close(), in any case
 *
 * Who may write there, and as whom, is for the settings `directory-bind' and its
 * like and for the directory's access rules.
 *
 * Threads: as commands.
 */
#ifndef TLSPOLICY_COMMANDS_REMOTE_H
#define TLSPOLICY_COMMANDS_REMOTE_H

#include "policy/commands/credentials.h"
#include "policy/commands/difference.h"
#include "policy/commands/scratch.h"
#include "policy/sync/compile.h"

/* The option --ldap, for a command's list. */
#define REMOTE_OPTION \
	{ OPTION_LDAP, "ldap", NULL, "in the directory that nodes follow" }

/* What -m beside it is answered by. */
#define REMOTE_NO_MESSAGE "--ldap takes no message: the directory keeps none"

struct remote {
	struct credentials credentials;
	char uri[SETTINGS_STRING_MAX];
	struct directory *directory;
	struct sync_entries entries;
	struct sync_compiled has; /* what stands there as rules */
	bool broken;		  /* they are no policy: `has` has none */
};

/* The first server of the setting that answers. */
bool remote_open(const struct context *, struct remote *, struct fault *)
    MUST_CHECK NONNULL;
void remote_close(struct remote *) NONNULL;

/* The wanted rules, finished, to be freed in any case. */
bool remote_edit(const struct context *, struct remote *,
    const struct scratch_edit *, struct rulefile *, struct fault *)
    MUST_CHECK NONNULL;
/* What writing them would change, on standard output; *changes: entries. */
bool remote_compare(struct remote *, const struct rulefile *, bool json,
    size_t *changes, struct fault *) MUST_CHECK NONNULL;
/* Only if the claims hold; what was changed is told on standard error. */
bool remote_write(const struct context *, struct remote *,
    const struct rulefile *, struct fault *) MUST_CHECK NONNULL;

#endif
