/*
 * disk.so: a disk that fails or does not answer.  Loaded by LD_PRELOAD, it
 * stands before write(2) and fdatasync(2) for the file that FAULT_DISK_FILE
 * names, and for those whose names begin like that, as the numbers in the file
 * FAULT_DISK say.
 *
 * A sync that fails may lose what it should have saved, and the next one knows
 * nothing of it: so do file systems that mark such pages as clean.
 */
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "t/fault/control.h"

struct control {
	_Atomic int64_t write_errno, sync_errno; /* 0: all is well */
	_Atomic int64_t hold;	/* not 0: calls do not return */
	_Atomic int64_t lose;	/* not 0: see above */
	_Atomic int64_t held;	/* calls that wait now */
};

static struct control *control;
static const char *name;
static off_t synced;

__attribute__((constructor)) static void
find_control(void)
{
	name = getenv("FAULT_DISK_FILE");
	if (name != NULL)
		control = control_map("FAULT_DISK", sizeof *control);
}

static bool
is_ours(int fd)
{
	char link[64], path[4096];
	ssize_t n;

	if (control == NULL)
		return false;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path);
	return n >= (ssize_t)strlen(name) &&
	    memcmp(path, name, strlen(name)) == 0;
}

static void
wait_for_answer(void)
{
	const struct timespec tick = { 0, 1000000 };

	atomic_fetch_add(&control->held, 1);
	while (atomic_load(&control->hold) != 0)
		nanosleep(&tick, NULL);
	atomic_fetch_sub(&control->held, 1);
}

ssize_t
write(int fd, const void *buf, size_t n)
{
	if (is_ours(fd)) {
		wait_for_answer();
		errno = (int)atomic_load(&control->write_errno);
		if (errno != 0)
			return -1;
	}
	return syscall(SYS_write, fd, buf, n);
}

/* Bytes written since the last sync become zeros. */
static void
lose(int fd)
{
	static const char zeros[65536];
	char path[64];
	struct stat st;
	int other;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	other = open(path, O_WRONLY | O_CLOEXEC);
	if (other == -1 || fstat(other, &st) == -1)
		abort();
	for (off_t at = synced; at < st.st_size;) {
		size_t n = (size_t)(st.st_size - at);

		at += pwrite(other, zeros, n < sizeof zeros ? n :
		    sizeof zeros, at);
	}
	close(other);
}

int
fdatasync(int fd)
{
	struct stat st;
	int error;

	if (!is_ours(fd))
		return (int)syscall(SYS_fdatasync, fd);
	wait_for_answer();
	error = (int)atomic_load(&control->sync_errno);
	if (error != 0) {
		if (atomic_load(&control->lose) != 0)
			lose(fd);
		errno = error;
		return -1;
	}
	if (fstat(fd, &st) == 0)
		synced = st.st_size;
	return (int)syscall(SYS_fdatasync, fd);
}
