/*
 * access.h - may that user do this to that file?
 *
 * By owner, groups and mode of the file and of each folder above it, as the
 * kernel decides without access control lists and security modules.  Root may
 * do everything.
 *
 * Threads: not safe, uses getpwnam(3).
 */
#ifndef TLSPOLICY_DOCTOR_ACCESS_H
#define TLSPOLICY_DOCTOR_ACCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "policy/base/text.h"

enum { ACCESS_READ = 4, ACCESS_WRITE = 2, ACCESS_SEARCH = 1,
	ACCESS_GROUPS_MAX = 256 };

struct access {
	uid_t uid;
	gid_t groups[ACCESS_GROUPS_MAX];
	int ngroups;
};

/* By name or number.  False: there is no such user. */
bool access_find(const char *user, struct access *);

/* Of a group by its name. */
bool access_is_member(const struct access *, const char *group);

/*
 * False: `why` says which file or folder forbids it, or that it is not there.
 */
bool access_may(const struct access *, const char *path, int what,
    struct text *why);

#endif
