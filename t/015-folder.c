/*
 * Whose is the way to a file: links, dots, folders that others may write to;
 * and each call on the way failing, after which root has become nobody by
 * mistake, and goes nowhere that it does not know.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/base/folder.h"
#include "t/nth-wrap.h"
#include "t/unit.h"

enum { USER = 60001, OTHER = 60002 };

static uid_t became;
static gid_t group;
static bool comes_back;

WRAP(int, -1, fstat, (int fd, struct stat *st), (fd, st))
WRAP(int, -1, stat, (const char *path, struct stat *st), (path, st))
WRAP(int, -1, fstatat, (int dir, const char *name, struct stat *st, int flags),
    (dir, name, st, flags))
WRAP(ssize_t, -1, readlinkat, (int dir, const char *name, char *p, size_t n),
    (dir, name, p, n))
WRAP(int, -1, openat, (int dir, const char *name, int flags),
    (dir, name, flags))
WRAP(int, -1, open, (const char *name, int flags), (name, flags))
WRAP(int, -1, fsync, (int fd), (fd))

/* The test's root only pretends to become somebody else. */
#define PRETEND(name, parameters, does)                                       \
	int __wrap_##name parameters;                                         \
	int __wrap_##name parameters                                          \
	{                                                                     \
		if (fails())                                                  \
			return -1;                                            \
		does;                                                         \
		return 0;                                                     \
	}

PRETEND(initgroups, (const char *user, gid_t g), ((void)user, group = g))
PRETEND(setgroups, (size_t n, const gid_t *list), ((void)n, (void)list))
PRETEND(setresgid, (gid_t r, gid_t e, gid_t s), ((void)e, (void)s, group = r))
PRETEND(setresuid, (uid_t r, uid_t e, uid_t s), ((void)e, (void)s, became = r))

int __wrap_setuid(uid_t uid);
struct passwd *__wrap_getpwuid(uid_t uid);

int
__wrap_setuid(uid_t uid)
{
	(void)uid;
	return comes_back ? 0 : -1;
}

struct passwd *
__wrap_getpwuid(uid_t uid)
{
	static char name[] = "user";
	static struct passwd entry = { .pw_name = name, .pw_gid = 70001 };

	entry.pw_uid = uid;
	return uid != USER || fails() ? NULL : &entry;
}

static void
folder(const char *name, uid_t owner, gid_t gid, mode_t mode)
{
	assert_int_equal(mkdir(unit_path(name), 0700), 0);
	assert_int_equal(chown(unit_path(name), owner, gid), 0);
	assert_int_equal(chmod(unit_path(name), mode), 0);
}

static void
file(const char *name, uid_t owner)
{
	FILE *f = fopen(unit_path(name), "w");

	assert_non_null(f);
	assert_int_equal(fchown(fileno(f), owner, owner), 0);
	fclose(f);
}

static void
a_link(const char *name, const char *target, uid_t owner)
{
	assert_int_equal(symlink(target, unit_path(name)), 0);
	assert_int_equal(lchown(unit_path(name), owner, owner), 0);
}

/* "first/" and so many dots. */
static const char *
dots(const char *first, size_t n)
{
	static char path[PATH_MAX];
	size_t at = (size_t)snprintf(path, sizeof path, "%s", first);

	for (; n > 0 && at + 3 < sizeof path; n--, at += 2)
		memcpy(path + at, "/.", 3);
	return path;
}

static int
make(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	folder("root", 0, 0, 0755);
	folder("user", USER, 0, 0755);
	folder("user/other", OTHER, 0, 0755);
	folder("group", 0, 5, 0775);
	folder("sticky", 0, 0, 01777);
	folder("roots-group", 0, 0, 0775);
	file("root/file", 0);
	file("user/file", USER);
	file("user/root", 0);
	file("sticky/file", USER);
	file("group/file", OTHER);
	a_link("relative", "user", 0);
	a_link("absolute", unit_path("user"), 0);
	a_link("slash", "user/", 0);
	a_link("users", "root", USER);
	a_link("user/others", "../root", OTHER);
	a_link("loop", "loop", 0);
	a_link("long-b", dots("nowhere", 1900), 0);
	a_link("long-a", dots("long-b", 1900), 0);
	return 0;
}

static const struct {
	const char *path;
	long owner; /* -1: none */
	const char *said;
} ways[] = {
	{ "root/file", 0, NULL }, { "user/file", USER, NULL },
	{ "root/../user/./file", USER, NULL }, { "root//file", 0, NULL },
	{ "relative/file", USER, NULL }, { "absolute/file", USER, NULL },
	{ "slash", 0, NULL }, { "users/file", USER, NULL },
	{ "root/none", 0, NULL }, { "root/none/file", 0, NULL },
	{ "root/file/none", 0, NULL }, { "user/none", USER, NULL },
	{ "roots-group/none", 0, NULL }, { "roots-group/..", 0, NULL },
	{ "sticky/file/x", 0, NULL },
	{ "user/other/file", -1, "both user 60001 and user 60002" },
	{ "user/others/file", -1, "both user 60001 and user 60002" },
	{ "group/file", -1, "others may write to it" },
	{ "sticky/file", -1, "others may write to it" },
	{ "sticky/none", -1, "others may write to it" },
	{ "loop", -1, "Too many levels of symbolic links" },
	{ "loop/file", -1, "Too many levels of symbolic links" },
};

static void
test_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(ways); i++) {
		uid_t owner = 0;
		struct fault f;
		bool good;

		fault_clear(&f);
		good = folder_owner(unit_path(ways[i].path), &owner, &f);
		unit_number(ways[i].path, ways[i].owner, good ? (long)owner :
		    -1);
		if (ways[i].said != NULL && strstr(f.text, ways[i].said) == NULL)
			unit_same(ways[i].path, ways[i].said, f.text);
	}
	unit_end();
}

static void
too_long(const char *what, bool good, const struct fault *f)
{
	unit_number(what, false, good);
	/*
	 * The message has the path alone, which leaves no room for the reason.
	 */
	unit_number(what, FAULT_NOINPUT, f->kind);
}

static void
test_long(void **state)
{
	char path[2 * PATH_MAX];
	struct fault f;
	bool changed;
	uid_t owner = 0;

	(void)state;
	snprintf(path, sizeof path, "%s", unit_path("long-a"));
	snprintf(path, sizeof path, "%s", dots(path, 1900));
	too_long("links", folder_owner(path, &owner, &f), &f);
	memset(path, 'x', sizeof path);
	path[PATH_MAX + 1] = '\0';
	too_long("a path", folder_owner(path, &owner, &f), &f);
	path[PATH_MAX - 3] = '\0';
	too_long("its lock", folder_is_ours(path, &f), &f);
	too_long("its lock", folder_become_owner(path, &changed, &f), &f);
	/*
	 * A name longer than NAME_MAX cannot exist: no file is there, and it is
	 * no fault.
	 */
	path[NAME_MAX + 1] = '\0';
	unit_number("a name", true, folder_owner(path, &owner, &f));
	unit_number("a name", 0, owner);
	unit_end();
}

/*
 * Readers may go through a folder that a group can write to, as the file's
 * owner; writers may not.
 */
static void
test_become(void **state)
{
	static const struct {
		const char *path;
		bool reader, good;
		uid_t uid;
	} rows[] = {
		{ "root/file", false, true, 0 },
		{ "user/file", false, true, USER },
		{ "user/other/file", false, false, 0 },
		{ "root/file", true, true, 0 },
		{ "user/file", true, true, USER },
		{ "group/file", true, true, OTHER },
		{ "group/none", true, false, 0 },
		{ "sticky/file", true, true, 0 },
		{ "loop", true, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		const char *path = unit_path(rows[i].path);
		bool changed, good;
		struct fault f;

		fault_clear(&f);
		became = 0;
		good = rows[i].reader ? folder_become_reader(path, &changed,
		    &f) : folder_become_owner(path, &changed, &f);
		unit_number(path, rows[i].good, good);
		unit_number(path, rows[i].uid, became);
		if (good)
			unit_number(path, rows[i].uid != 0, changed);
		if (good && became != 0)
			unit_number(path, became == USER ? 70001 : OTHER,
			    group);
	}
	unit_number("root's", true, folder_is_ours(unit_path("root/file"),
	    &(struct fault){ .line = 0 }));
	unit_number("the user's", false, folder_is_ours(unit_path("user/file"),
	    &(struct fault){ .line = 0 }));
	/* When setuid(2) could be undone, folder_become_owner() fails. */
	comes_back = true;
	unit_number("comes back", false, folder_become_owner(
	    unit_path("user/file"), &(bool){ false },
	    &(struct fault){ .line = 0 }));
	comes_back = false;
	unit_end();
}

/* The n-th call fails: either a fault is told or the right user was found. */
static bool
once(long n, bool reader, const char *path)
{
	bool changed, good;
	struct fault f;

	fault_clear(&f);
	became = 0;
	ncalls = 0;
	failing = n;
	good = reader ? folder_become_reader(path, &changed, &f) :
	    folder_become_owner(path, &changed, &f);
	failing = 0;
	if (good)
		unit_number(path, USER, became);
	else
		unit_number(path, true, f.text[0] != '\0' &&
		    f.kind != FAULT_NONE);
	return ncalls >= n;
}

static void
test_each_call(void **state)
{
	static const int errors[] = { EIO, ENOMEM, EMFILE, EACCES };

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(errors); i++) {
		long n = 1, m = 1;

		error = errors[i];
		while (once(n, false, unit_path("absolute/file")))
			n++;
		assert_in_range(n, 20, 400);
		while (once(m, true, unit_path("user/file")))
			m++;
		assert_in_range(m, 8, 200);
	}
	unit_end();
}

static void
test_sync(void **state)
{
	static const struct {
		int error;
		long n;
		bool good;
	} rows[] = {
		{ EIO, 0, true }, { EIO, 1, false }, { EIO, 2, false },
		{ EINVAL, 2, true }, { ENOSPC, 2, false },
	};
	struct fault f;

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		error = rows[i].error;
		ncalls = 0;
		failing = rows[i].n;
		unit_number("sync", rows[i].good,
		    folder_sync(unit_path("root/file"), &f));
		failing = 0;
	}
	unit_number("here", true, folder_sync("file", &f));
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_become),
		cmocka_unit_test(test_each_call),
		cmocka_unit_test(test_sync),
	};

	if (geteuid() != 0) {
		puts("1..0 # SKIP not root");
		return 0;
	}
	make(NULL);
	return unit_main(tests);
}
