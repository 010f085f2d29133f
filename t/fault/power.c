/*
 * power.so: what a disk has when the power fails.  Loaded by LD_PRELOAD, it
 * stands before the calls that bring files of the folder FAULT_POWER_FOLDER to
 * the disk, and keeps in the folder FAULT_POWER_DISK what they brought there:
 * in "names" the entries of the folder, an inode and a name a line, as of its
 * last fsync(2); and in a file for each inode its bytes, as of its own.  That
 * much POSIX promises, and a machine that starts again may find no more.
 *
 * The numbers in the file that FAULT_POWER names tell at which call the process
 * is to be killed, and whether syncs return.
 */
#include <sys/stat.h>
#include <sys/syscall.h>

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "t/fault/control.h"

struct control {
	_Atomic int64_t die_at;	/* the write or sync not made; 0: none */
	_Atomic int64_t calls;	/* writes and syncs so far */
	_Atomic int64_t hold;	/* not 0: syncs do not return */
	_Atomic int64_t written; /* bytes, to files of the folder */
	_Atomic int64_t safe;	/* of these, before the last whole sync began */
};

static struct control *control;
static const char *folder, *disk;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void
find_control(void)
{
	folder = getenv("FAULT_POWER_FOLDER");
	disk = getenv("FAULT_POWER_DISK");
	if (folder != NULL && disk != NULL)
		control = control_map("FAULT_POWER", sizeof *control);
}

enum what { OTHERS, FILE_OF_FOLDER, FOLDER };

static enum what
look(int fd, struct stat *st)
{
	char link[64], path[4096];
	size_t n = control == NULL ? 0 : strlen(folder);
	ssize_t length;

	if (control == NULL || fstat(fd, st) == -1)
		return OTHERS;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof path - 1);
	if (length < (ssize_t)n || memcmp(path, folder, n) != 0)
		return OTHERS;
	if (S_ISDIR(st->st_mode) && (size_t)length == n)
		return FOLDER;
	return S_ISREG(st->st_mode) && path[n] == '/' ? FILE_OF_FOLDER : OTHERS;
}

static void
count(void)
{
	int64_t n = atomic_fetch_add(&control->calls, 1) + 1;

	if (n == atomic_load(&control->die_at))
		kill(getpid(), SIGKILL);
}

/*
 * The file is written under another name and renamed: the process may be killed
 * meanwhile.
 */
static void
keep(const char *name, const char *data, size_t n)
{
	char path[4096], fresh[4096 + 8];
	int fd;

	snprintf(path, sizeof path, "%s/%s", disk, name);
	snprintf(fresh, sizeof fresh, "%s.new", path);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd == -1 || syscall(SYS_write, fd, data, n) != (long)n ||
	    close(fd) == -1 || rename(fresh, path) == -1)
		abort();
}

static void
keep_names(void)
{
	static char names[65536];
	DIR *dir = opendir(folder);
	struct dirent *entry;
	size_t n = 0;

	if (dir == NULL)
		abort();
	while ((entry = readdir(dir)) != NULL && n < sizeof names - 300)
		n += (size_t)snprintf(names + n, sizeof names - n, "%llu %s\n",
		    (unsigned long long)entry->d_ino, entry->d_name);
	closedir(dir);
	keep("names", names, n);
}

static void
keep_file(int fd, const struct stat *st)
{
	size_t n = (size_t)st->st_size;
	char name[32], *data = malloc(n + 1);

	snprintf(name, sizeof name, "%llu", (unsigned long long)st->st_ino);
	if (data == NULL || pread(fd, data, n, 0) != (ssize_t)n)
		abort();
	keep(name, data, n);
	free(data);
}

static int
sync_to_disk(int fd)
{
	const struct timespec tick = { 0, 1000000 };
	struct stat st;
	enum what what = look(fd, &st);
	int64_t written;

	if (what == OTHERS)
		return 0;
	count();
	written = atomic_load(&control->written);
	while (atomic_load(&control->hold) != 0)
		nanosleep(&tick, NULL);
	pthread_mutex_lock(&lock);
	if (what == FOLDER)
		keep_names();
	else
		keep_file(fd, &st);
	pthread_mutex_unlock(&lock);
	if (what == FILE_OF_FOLDER)
		atomic_store(&control->safe, written);
	return 0;
}

int
fsync(int fd)
{
	return sync_to_disk(fd);
}

int
fdatasync(int fd)
{
	return sync_to_disk(fd);
}

ssize_t
write(int fd, const void *p, size_t n)
{
	struct stat st;
	bool ours = look(fd, &st) == FILE_OF_FOLDER;
	ssize_t done;

	if (ours)
		count();
	done = syscall(SYS_write, fd, p, n);
	if (ours && done > 0)
		atomic_fetch_add(&control->written, done);
	return done;
}
