/* From the root downwards: the first folder that closes the way is named. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/doctor/access.h"

enum { PATH_BYTES = 4096 };

static const struct passwd *
find_passwd(const char *user)
{
	const struct passwd *found = getpwnam(user);
	unsigned long number;

	if (found == NULL && text_number(slice_of(user), 0x7fffffff, &number))
		found = getpwuid((uid_t)number);
	return found;
}

bool
access_find(const char *user, struct access *a)
{
	const struct passwd *found = find_passwd(user);

	if (found == NULL)
		return false;
	a->uid = found->pw_uid;
	a->ngroups = ACCESS_GROUPS_MAX;
	if (getgrouplist(found->pw_name, found->pw_gid, a->groups,
	    &a->ngroups) == -1)
		a->ngroups = ACCESS_GROUPS_MAX; /* as many as there is room */
	return true;
}

static bool
is_member(const struct access *a, gid_t group)
{
	for (int i = 0; i < a->ngroups; i++)
		if (a->groups[i] == group)
			return true;
	return false;
}

bool
access_is_member(const struct access *a, const char *group)
{
	const struct group *g = getgrnam(group);

	return g != NULL && is_member(a, g->gr_gid);
}

/* The first of owner, group and others that fits counts, alone. */
static bool
permits(const struct access *a, const struct stat *file, int what)
{
	int bits = (int)file->st_mode;

	if (a->uid == 0)
		return true;
	if (a->uid == file->st_uid)
		bits >>= 6;
	else if (is_member(a, file->st_gid))
		bits >>= 3;
	return (bits & what) == what;
}

static const char *
user_name(uid_t uid, char *memory, size_t size)
{
	const struct passwd *p = getpwuid(uid);

	snprintf(memory, size, "%lu", (unsigned long)uid);
	return p != NULL ? p->pw_name : memory;
}

static const char *
group_name(gid_t gid, char *memory, size_t size)
{
	const struct group *g = getgrgid(gid);

	snprintf(memory, size, "%lu", (unsigned long)gid);
	return g != NULL ? g->gr_name : memory;
}

static bool
check(const struct access *a, const char *path, int what, struct text *why)
{
	char user[24], group[24];
	struct stat file;

	if (stat(path, &file) == -1) {
		text_printf(why, "%s: %s", path, strerror(errno));
		return false;
	}
	if (permits(a, &file, what))
		return true;
	text_printf(why, "%s belongs to %s, group %s, and has mode %04o", path,
	    user_name(file.st_uid, user, sizeof user),
	    group_name(file.st_gid, group, sizeof group),
	    (unsigned)file.st_mode & 07777);
	return false;
}

bool
access_may(const struct access *a, const char *path, int what,
    struct text *why)
{
	char folder[PATH_BYTES];

	if (strlen(path) >= sizeof folder) {
		text_printf(why, "%s: %s", path, strerror(ENAMETOOLONG));
		return false;
	}
	for (const char *slash = strchr(path, '/'); slash != NULL;
	    slash = strchr(slash + 1, '/')) {
		size_t n = slash == path ? 1 : (size_t)(slash - path);

		memcpy(folder, path, n);
		folder[n] = '\0';
		if (!check(a, folder, ACCESS_SEARCH, why))
			return false;
	}
	return check(a, path, what, why);
}
