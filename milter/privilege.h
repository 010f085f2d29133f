/*
 * privilege.h - whom the daemon runs as.
 *
 * Threads: before any other thread runs.
 */
#ifndef TLSPOLICY_PRIVILEGE_H
#define TLSPOLICY_PRIVILEGE_H

#include <sys/types.h>

#include "policy/policy.h"

struct privilege {
	char user[SETTINGS_STRING_MAX];
	uid_t uid;
	gid_t gid;
	bool drop; /* the process is root and is to become `user` */
};

/* What the setting `user` means for this process; changes nothing. */
bool privilege_find(const struct settings *, struct privilege *,
    struct fault *) MUST_CHECK NONNULL;

/* Become the user for good. */
bool privilege_drop(const struct privilege *, struct fault *) MUST_CHECK;

#endif
