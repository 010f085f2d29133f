/*
 * alloc.so: the n-th call of some kinds fails, in a daemon of many threads that
 * goes on.  Loaded by LD_PRELOAD, it is told by the numbers in the file that
 * FAULT_ALLOC names which kinds, from where, and when; nth.so is for programs
 * that are started anew for each n.
 *
 * What a library inside libc calls by its own names (stdio's write, the open of
 * fopen) does not pass here.
 */
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <lmdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/fault/control.h"

/* The bits of `kinds`, in the order of Fault.pm. */
enum kind {
	MEMORY, WRITE, SYNC, OPEN, ACCEPT, THREAD, POLL, MDB, MAP, EPOLL,
};

enum from { ANYBODY, PROGRAM, NOT_LIBC };

struct control {
	_Atomic int64_t kinds;	/* a bit for each that fails; 0: none */
	_Atomic int64_t nth;	/* the call that fails */
	_Atomic int64_t onward;	/* not 0: and all behind it */
	_Atomic int64_t from;	/* whose calls: enum from */
	_Atomic int64_t calls;	/* so many came */
	_Atomic int64_t failed;	/* so many failed */
};

static const int errors[] = {
	[MEMORY] = ENOMEM, [WRITE] = ENOSPC, [SYNC] = EIO, [OPEN] = EMFILE,
	[ACCEPT] = ENOMEM, [THREAD] = EAGAIN, [POLL] = ENOMEM, [MDB] = ENOMEM,
	[MAP] = ENOMEM, [EPOLL] = ENOSPC,
};

static struct control *control;

struct range {
	uintptr_t start, end;
};

static struct range program, libc;

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static struct range
range_of(const struct dl_phdr_info *info)
{
	struct range r = { UINTPTR_MAX, 0 };

	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t at = info->dlpi_addr + p->p_vaddr;

		if (p->p_type != PT_LOAD)
			continue;
		if (at < r.start)
			r.start = at;
		if (at + p->p_memsz > r.end)
			r.end = at + p->p_memsz;
	}
	return r;
}

/* The first object is the program. */
static int
find_object(struct dl_phdr_info *info, size_t size, void *none)
{
	(void)size;
	(void)none;
	if (program.end == 0)
		program = range_of(info);
	else if (strstr(info->dlpi_name, "/libc.so.") != NULL)
		libc = range_of(info);
	return 0;
}

static bool
is_in(const struct range *r, const void *caller)
{
	return (uintptr_t)caller >= r->start && (uintptr_t)caller < r->end;
}

static bool
is_meant(const void *caller)
{
	switch (atomic_load(&control->from)) {
	case PROGRAM:
		return is_in(&program, caller);
	case NOT_LIBC:
		return !is_in(&libc, caller);
	default:
		return true;
	}
}

__attribute__((constructor)) static void
find_control(void)
{
	dl_iterate_phdr(find_object, NULL);
	control = control_map("FAULT_ALLOC", sizeof *control);
}

/* Must this call fail?  Leaves errno as a failed one does. */
static bool
fails(enum kind kind, const void *caller)
{
	int64_t n;

	if (control == NULL || (atomic_load(&control->kinds) >> kind & 1) == 0)
		return false;
	if (!is_meant(caller))
		return false;
	n = atomic_fetch_add(&control->calls, 1) + 1;
	if (atomic_load(&control->onward) != 0 ?
	    n < atomic_load(&control->nth) : n != atomic_load(&control->nth))
		return false;
	atomic_fetch_add(&control->failed, 1);
	errno = errors[kind];
	return true;
}

#define FAILS(kind) fails(kind, __builtin_return_address(0))

void *
malloc(size_t n)
{
	return FAILS(MEMORY) ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return FAILS(MEMORY) ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	return n > 0 && FAILS(MEMORY) ? NULL : __libc_realloc(p, n);
}

int
posix_memalign(void **p, size_t alignment, size_t n)
{
	void *memory = FAILS(MEMORY) ? NULL : __libc_memalign(alignment, n);

	if (memory == NULL)
		return ENOMEM;
	*p = memory;
	return 0;
}

void *
aligned_alloc(size_t alignment, size_t n)
{
	return FAILS(MEMORY) ? NULL : __libc_memalign(alignment, n);
}

/* strdup(3) of libc would call malloc() from libc, not from the program. */
char *
strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = FAILS(MEMORY) ? NULL : __libc_malloc(n);

	return copy == NULL ? NULL : memcpy(copy, s, n);
}

/* Writes to standard error do not fail: it is not on the disk that does. */
ssize_t
write(int fd, const void *p, size_t n)
{
	return fd != STDERR_FILENO && FAILS(WRITE) ? -1 : syscall(SYS_write, fd, p, n);
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	return FAILS(WRITE) ? -1 : syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t
pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	return FAILS(WRITE) ? -1 : syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t
writev(int fd, const struct iovec *v, int n)
{
	return FAILS(WRITE) ? -1 : syscall(SYS_writev, fd, v, n);
}

int
ftruncate(int fd, off_t n)
{
	return FAILS(WRITE) ? -1 : (int)syscall(SYS_ftruncate, fd, n);
}

int
fsync(int fd)
{
	return FAILS(SYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	return FAILS(SYNC) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

static mode_t
mode_of(int flags, va_list ap)
{
	return (flags & (O_CREAT | O_TMPFILE)) != 0 ?
	    (mode_t)va_arg(ap, unsigned) : 0;
}

#define OPEN_BODY(dir)                                                        \
	va_list ap;                                                           \
	mode_t mode;                                                          \
	va_start(ap, flags);                                                  \
	mode = mode_of(flags, ap);                                            \
	va_end(ap);                                                           \
	return FAILS(OPEN) ? -1 : (int)syscall(SYS_openat, dir, path, flags,  \
	    mode)

int
open(const char *path, int flags, ...)
{
	OPEN_BODY(AT_FDCWD);
}

int
open64(const char *path, int flags, ...)
{
	OPEN_BODY(AT_FDCWD);
}

int
openat(int dir, const char *path, int flags, ...)
{
	OPEN_BODY(dir);
}

int __open_2(const char *, int);

/* open(2) without a mode under _FORTIFY_SOURCE. */
int
__open_2(const char *path, int flags)
{
	return FAILS(OPEN) ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path,
	    flags, 0);
}

/* fopen(3) of libc does not call the open() of this library. */
FILE *
fopen(const char *path, const char *mode)
{
	static FILE *(*real)(const char *, const char *);

	if (real == NULL)
		real = (FILE *(*)(const char *, const char *))
		    dlsym(RTLD_NEXT, "fopen");
	return FAILS(OPEN) ? NULL : real(path, mode);
}

int
accept4(int fd, struct sockaddr *address, socklen_t *n, int flags)
{
	return FAILS(ACCEPT) ? -1 : (int)syscall(SYS_accept4, fd, address, n,
	    flags);
}

int
pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
    void *(*run)(void *), void *argument)
{
	static int (*real)(pthread_t *, const pthread_attr_t *,
	    void *(*)(void *), void *);

	if (real == NULL)
		real = (int (*)(pthread_t *, const pthread_attr_t *,
		    void *(*)(void *), void *))dlsym(RTLD_NEXT,
		    "pthread_create");
	return FAILS(THREAD) ? errors[THREAD] :
	    real(thread, attributes, run, argument);
}

int
poll(struct pollfd *fds, nfds_t n, int ms)
{
	return FAILS(POLL) ? -1 : (int)syscall(SYS_poll, fds, n, ms);
}

int
ppoll(struct pollfd *fds, nfds_t n, const struct timespec *limit,
    const sigset_t *mask)
{
	static int (*real)(struct pollfd *, nfds_t, const struct timespec *,
	    const sigset_t *);

	if (real == NULL)
		real = (int (*)(struct pollfd *, nfds_t,
		    const struct timespec *, const sigset_t *))
		    dlsym(RTLD_NEXT, "ppoll");
	return FAILS(POLL) ? -1 : real(fds, n, limit, mask);
}

/* EPOLL_CTL_DEL needs no memory and does not fail. */
int
epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
	return what != EPOLL_CTL_DEL && FAILS(EPOLL) ? -1 :
	    (int)syscall(SYS_epoll_ctl, epoll, what, fd, event);
}

void *
mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
	return FAILS(MAP) ? MAP_FAILED : (void *)syscall(SYS_mmap, at, n,
	    protection, flags, fd, offset);
}

/* Each call of LMDB by which the daemon reads, and that can fail. */
#define MDB_CALL(name, parameters, arguments)                                 \
	int name parameters                                                   \
	{                                                                     \
		static int (*real) parameters;                                \
		if (real == NULL)                                             \
			real = (int (*) parameters)dlsym(RTLD_NEXT, #name);   \
		return FAILS(MDB) ? errors[MDB] : real arguments;             \
	}

MDB_CALL(mdb_env_create, (MDB_env **env), (env))
MDB_CALL(mdb_env_open, (MDB_env *env, const char *path, unsigned flags,
    mdb_mode_t mode), (env, path, flags, mode))
MDB_CALL(mdb_env_set_mapsize, (MDB_env *env, size_t n), (env, n))
MDB_CALL(mdb_env_set_maxreaders, (MDB_env *env, unsigned n), (env, n))
MDB_CALL(mdb_env_get_fd, (MDB_env *env, mdb_filehandle_t *fd), (env, fd))
MDB_CALL(mdb_env_info, (MDB_env *env, MDB_envinfo *info), (env, info))
MDB_CALL(mdb_txn_begin, (MDB_env *env, MDB_txn *parent, unsigned flags,
    MDB_txn **txn), (env, parent, flags, txn))
MDB_CALL(mdb_txn_renew, (MDB_txn *txn), (txn))
MDB_CALL(mdb_dbi_open, (MDB_txn *txn, const char *name, unsigned flags,
    MDB_dbi *dbi), (txn, name, flags, dbi))
MDB_CALL(mdb_get, (MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value),
    (txn, dbi, key, value))
MDB_CALL(mdb_cursor_open, (MDB_txn *txn, MDB_dbi dbi, MDB_cursor **cursor),
    (txn, dbi, cursor))
MDB_CALL(mdb_cursor_get, (MDB_cursor *cursor, MDB_val *key, MDB_val *value,
    MDB_cursor_op op), (cursor, key, value, op))
