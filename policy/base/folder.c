/*
 * The way is walked part by part, as the kernel does, with a descriptor for
 * each folder, since realpath(3) would hide whose links were followed.
 */
#include "config.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy/base/folder.h"

enum { LINKS_MAX = 40 };

struct way {
	const char *path;	/* for messages */
	int dir;
	uid_t owner;
	unsigned links;
	bool reading;		/* the last name is to be read, not made */
	char rest[2 * PATH_MAX]; /* path components not walked yet, from dir */
	struct fault *fault;
};

static bool
meet(struct way *w, uid_t uid)
{
	if (uid == 0 || uid == w->owner)
		return true;
	if (w->owner != 0)
		return fault_set(w->fault, FAULT_SETTINGS, "%s: root does not "
		    "go there: both user %lu and user %lu own folders or links "
		    "on the way", w->path, (unsigned long)w->owner,
		    (unsigned long)uid);
	w->owner = uid;
	return true;
}

static bool
enter(struct way *w, int at, const char *name, int flags)
{
	struct stat st;
	int fd = openat(at, name, O_PATH | O_DIRECTORY | O_CLOEXEC | flags);

	if (fd == -1 || fstat(fd, &st) == -1) {
		fault_errno(w->fault, FAULT_NOINPUT, errno, "%s", w->path);
		if (fd != -1)
			close(fd);
		return false;
	}
	if (w->dir != -1)
		close(w->dir);
	w->dir = fd;
	return meet(w, st.st_uid);
}

/*
 * May others put what they like under a name in this folder of root's?  Where
 * the sticky bit is, names that are taken stay whose they are.
 */
static bool
check_writers(struct way *w, bool taken)
{
	struct stat st;
	bool others;

	if (fstat(w->dir, &st) == -1)
		return fault_errno(w->fault, FAULT_IO, errno, "%s", w->path);
	others = (st.st_mode & S_IWOTH) != 0 ||
	    ((st.st_mode & S_IWGRP) != 0 && st.st_gid != 0);
	if (st.st_uid != 0 || !others ||
	    (taken && (st.st_mode & S_ISVTX) != 0))
		return true;
	return fault_set(w->fault, FAULT_SETTINGS, "%s: root does not go "
	    "there: a folder on the way is root's, but others may write to it",
	    w->path);
}

static bool
follow(struct way *w, const char *name, const struct stat *st)
{
	char target[PATH_MAX], rest[sizeof w->rest];
	ssize_t n = readlinkat(w->dir, name, target, sizeof target - 1);
	int length;

	if (n == -1 || w->links++ == LINKS_MAX)
		return fault_errno(w->fault, FAULT_NOINPUT, n == -1 ? errno :
		    ELOOP, "%s", w->path);
	target[n] = '\0';
	length = snprintf(rest, sizeof rest, "%s/%s", target, w->rest);
	/* A slash at the end would make a file a folder. */
	if (length > 0 && w->rest[0] == '\0')
		rest[length - 1] = '\0';
	if (length < 0 || (size_t)length >= sizeof rest)
		return fault_errno(w->fault, FAULT_NOINPUT, ENAMETOOLONG, "%s",
		    w->path);
	memcpy(w->rest, rest, (size_t)length + 1);
	return meet(w, st->st_uid) &&
	    (target[0] != '/' || enter(w, AT_FDCWD, "/", 0));
}

/* Cuts the first part off w->rest; false: there is none that can exist. */
static bool
next_part(struct way *w, char name[NAME_MAX + 1])
{
	const char *p = w->rest + strspn(w->rest, "/");
	size_t n = strcspn(p, "/");

	if (n == 0 || n > NAME_MAX)
		return false;
	snprintf(name, NAME_MAX + 1, "%.*s", (int)n, p);
	p += n;
	p += strspn(p, "/");
	memmove(w->rest, p, strlen(p) + 1);
	return true;
}

static bool
walk(struct way *w)
{
	char name[NAME_MAX + 1];
	struct stat st;

	while (next_part(w, name)) {
		bool dots = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
		bool last = w->rest[0] == '\0', there;

		there = fstatat(w->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
		/*
		 * Any other error leaves the owner unknown: not the same as
		 * none.
		 */
		if (!there && errno != ENOENT)
			return fault_errno(w->fault, FAULT_NOINPUT, errno,
			    "%s", w->path);
		/* The last name is that of a file, which may be made anew. */
		if (!dots && !check_writers(w, there &&
		    (w->reading || !last)))
			return false;
		if (!there)
			/* a missing file is the caller's to report */
			return true;
		if (S_ISLNK(st.st_mode)) {
			if (!follow(w, name, &st))
				return false;
		} else if (last || !S_ISDIR(st.st_mode))
			return true;
		else if (!enter(w, w->dir, name, O_NOFOLLOW))
			return false;
	}
	return true;
}

static bool
go(const char *path, bool reading, uid_t *owner, struct fault *fault)
{
	struct way w = { .path = path, .dir = -1, .owner = *owner,
		.reading = reading, .fault = fault };
	int n = snprintf(w.rest, sizeof w.rest, "%s", path);
	bool good;

	if (n < 0 || n >= PATH_MAX)
		return fault_errno(fault, FAULT_NOINPUT, ENAMETOOLONG, "%s",
		    path);
	good = enter(&w, AT_FDCWD, path[0] == '/' ? "/" : ".", 0) && walk(&w);
	if (w.dir != -1)
		close(w.dir);
	*owner = w.owner;
	return good;
}

bool
folder_owner(const char *path, uid_t *owner, struct fault *fault)
{
	return go(path, false, owner, fault);
}

/*
 * The owner of the ways to a store and to its lock file: two names that may
 * have two owners, or links.
 */
static bool
owner_of_both(const char *path, uid_t *owner, struct fault *fault)
{
	char lock[PATH_MAX];

	*owner = 0;
	if (snprintf(lock, sizeof lock, "%s-lock", path) >= (int)sizeof lock)
		return fault_errno(fault, FAULT_NOINPUT, ENAMETOOLONG, "%s",
		    path);
	return folder_owner(path, owner, fault) &&
	    folder_owner(lock, owner, fault);
}

bool
folder_is_ours(const char *path, struct fault *fault)
{
	uid_t owner;

	if (geteuid() != 0)
		return true;
	if (!owner_of_both(path, &owner, fault))
		return false;
	return owner == 0 || fault_set(fault, FAULT_SETTINGS, "%s: root does "
	    "not open it: its folder, or a link on the way, is user %lu's",
	    path, (unsigned long)owner);
}

bool
folder_root_keeps(const char *folder, const char *what, struct fault *fault)
{
	char inside[PATH_MAX + 2];
	uid_t owner = 0;

	snprintf(inside, sizeof inside, "%s/.", folder);
	return geteuid() != 0 || (folder_owner(inside, &owner, fault) &&
	    (owner == 0 || fault_set(fault, FAULT_IO, "%s: root keeps %s "
	    "there: the folder, or a link on the way, is user %lu's", folder,
	    what, (unsigned long)owner)));
}

/* The rights of the owner, no more: not even the folder's group. */
static bool
become(uid_t uid)
{
	const struct passwd *entry = getpwuid(uid);
	gid_t gid = entry != NULL ? entry->pw_gid : (gid_t)uid;
	int groups = entry != NULL ? initgroups(entry->pw_name, gid) :
	    setgroups(0, NULL);

	return groups == 0 && setresgid(gid, gid, gid) == 0 &&
	    setresuid(uid, uid, uid) == 0 && setuid(0) == -1;
}

/* Root becomes whom `find` names; `whose` is that user, for a message. */
static bool
become_owner(const char *path, bool (*find)(const char *, uid_t *,
    struct fault *), const char *whose, bool *changed, struct fault *fault)
{
	uid_t owner;

	*changed = false;
	if (geteuid() != 0)
		return true;
	if (!find(path, &owner, fault))
		return false;
	if (owner == 0)
		return true;
	*changed = true;
	return become(owner) || fault_errno(fault, FAULT_UNAVAILABLE, errno,
	    "%s: cannot become user %lu, %s", path, (unsigned long)owner,
	    whose);
}

bool
folder_become_owner(const char *path, bool *changed, struct fault *fault)
{
	return become_owner(path, owner_of_both, "its folder's owner", changed,
	    fault);
}

/*
 * /var/log may belong to a group.  Whoever swaps files there can have another
 * one read, but only as the user who owns the one that is there now.
 */
static bool
owner_to_read(const char *path, uid_t *owner, struct fault *fault)
{
	struct stat st;

	*owner = 0;
	if (go(path, true, owner, fault))
		return true;
	if (fault->kind != FAULT_SETTINGS || stat(path, &st) == -1 ||
	    st.st_uid == 0)
		return false;
	*owner = st.st_uid;
	return true;
}

bool
folder_become_reader(const char *path, bool *changed, struct fault *fault)
{
	return become_owner(path, owner_to_read, "its owner", changed, fault);
}

bool
folder_sync(const char *path, struct fault *fault)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	bool good;
	int fd;

	snprintf(folder, sizeof folder, "%.*s",
	    slash == NULL ? 1 : (int)(slash - path) + 1,
	    slash == NULL ? "." : path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return fault_errno(fault, FAULT_IO, errno,
		    "cannot open the folder of %s", path);
	good = fsync(fd) == 0 || errno == EINVAL || fault_errno(fault, FAULT_IO,
	    errno, "cannot bring the folder of %s to disk", path);
	close(fd);
	return good;
}
