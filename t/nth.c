#include "config.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <lmdb.h>
#include <openssl/evp.h>

#include "t/nth.h"

static atomic_long calls, first, last;
static atomic_int error;
static _Atomic(const char *) only, failed = "";

void
nth_arm(const char *call, long from, long to, int with)
{
	only = call;
	error = with;
	last = to;
	first = from;
	atomic_store(&calls, 0);
}

long
nth_disarm(void)
{
	long n = atomic_load(&calls);

	first = last = 0;
	return n;
}

const char *
nth_failed(void)
{
	return failed;
}

/* "memory": a compiler may call one allocation function for another. */
static bool
is_meant(const char *name)
{
	const char *wanted = only;

	if (wanted == NULL || strcmp(wanted, name) == 0)
		return true;
	return strcmp(wanted, "memory") == 0 && (strstr(name, "alloc") != NULL ||
	    strcmp(name, "strdup") == 0 || strcmp(name, "strndup") == 0);
}

static bool
fails(const char *name)
{
	long n;

	if (last == 0 || !is_meant(name))
		return false;
	n = atomic_fetch_add(&calls, 1) + 1;
	if (n < first || n > last)
		return false;
	failed = name;
	errno = error;
	return true;
}

/* By the linker's --wrap. */
#define NTH(type, bad, name, parameters, arguments)                           \
	type __real_##name parameters;                                        \
	type __wrap_##name parameters;                                        \
	type __wrap_##name parameters                                         \
	{                                                                     \
		return fails(#name) ? (bad) : __real_##name arguments;        \
	}
/* The call's name under _FORTIFY_SOURCE counts as the call. */
#define CHECKED(type, bad, name, parameters, arguments)                       \
	type __real___##name##_chk parameters;                                \
	type __wrap___##name##_chk parameters;                                \
	type __wrap___##name##_chk parameters                                 \
	{                                                                     \
		return fails(#name) ? (bad) : __real___##name##_chk arguments; \
	}

NTH(void *, NULL, malloc, (size_t n), (n))
NTH(void *, NULL, calloc, (size_t n, size_t size), (n, size))
NTH(void *, NULL, realloc, (void *p, size_t n), (p, n))
NTH(char *, NULL, strdup, (const char *s), (s))
NTH(char *, NULL, strndup, (const char *s, size_t n), (s, n))
NTH(FILE *, NULL, open_memstream, (char **p, size_t *n), (p, n))

NTH(ssize_t, -1, read, (int fd, void *p, size_t n), (fd, p, n))
CHECKED(ssize_t, -1, read, (int fd, void *p, size_t n, size_t room),
    (fd, p, n, room))
NTH(ssize_t, -1, pread, (int fd, void *p, size_t n, off_t at), (fd, p, n, at))
CHECKED(ssize_t, -1, pread, (int fd, void *p, size_t n, off_t at,
    size_t room), (fd, p, n, at, room))
NTH(ssize_t, -1, write, (int fd, const void *p, size_t n), (fd, p, n))
NTH(ssize_t, -1, pwrite, (int fd, const void *p, size_t n, off_t at),
    (fd, p, n, at))
NTH(int, -1, fstat, (int fd, struct stat *st), (fd, st))
NTH(int, -1, stat, (const char *name, struct stat *st), (name, st))
NTH(int, -1, lstat, (const char *name, struct stat *st), (name, st))
NTH(int, -1, fstatat, (int dir, const char *name, struct stat *st, int flags),
    (dir, name, st, flags))
NTH(int, -1, statvfs, (const char *name, struct statvfs *st), (name, st))
NTH(int, -1, fstatvfs, (int fd, struct statvfs *st), (fd, st))
NTH(int, -1, ftruncate, (int fd, off_t n), (fd, n))
NTH(int, -1, fchmod, (int fd, mode_t mode), (fd, mode))
NTH(int, -1, fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid))
NTH(int, -1, rename, (const char *from, const char *to), (from, to))
NTH(int, -1, renameat, (int a, const char *from, int b, const char *to),
    (a, from, b, to))
NTH(int, -1, link, (const char *from, const char *to), (from, to))
NTH(int, -1, unlink, (const char *name), (name))
NTH(int, -1, unlinkat, (int dir, const char *name, int flags),
    (dir, name, flags))
NTH(int, -1, mkdir, (const char *name, mode_t mode), (name, mode))
NTH(int, -1, mkdirat, (int dir, const char *name, mode_t mode),
    (dir, name, mode))
NTH(int, -1, dup, (int fd), (fd))
NTH(int, -1, flock, (int fd, int how), (fd, how))
NTH(DIR *, NULL, opendir, (const char *name), (name))
NTH(DIR *, NULL, fdopendir, (int fd), (fd))
NTH(struct dirent *, NULL, readdir, (DIR *dir), (dir))
NTH(FILE *, NULL, fopen, (const char *name, const char *how), (name, how))
NTH(FILE *, NULL, fdopen, (int fd, const char *how), (fd, how))
NTH(ssize_t, -1, getrandom, (void *p, size_t n, unsigned flags), (p, n, flags))
NTH(void *, (void *)-1, mmap, (void *at, size_t n, int how, int flags, int fd,
    off_t offset), (at, n, how, flags, fd, offset))

NTH(int, -1, epoll_create1, (int flags), (flags))
NTH(int, -1, epoll_ctl, (int epoll, int op, int fd, struct epoll_event *e),
    (epoll, op, fd, e))
NTH(int, -1, epoll_wait, (int epoll, struct epoll_event *e, int n, int ms),
    (epoll, e, n, ms))
NTH(int, -1, eventfd, (unsigned n, int flags), (n, flags))
NTH(int, -1, accept4, (int fd, struct sockaddr *a, socklen_t *n, int flags),
    (fd, a, n, flags))
NTH(ssize_t, -1, send, (int fd, const void *p, size_t n, int flags),
    (fd, p, n, flags))
NTH(ssize_t, -1, recv, (int fd, void *p, size_t n, int flags),
    (fd, p, n, flags))
CHECKED(ssize_t, -1, recv, (int fd, void *p, size_t n, size_t room, int flags),
    (fd, p, n, room, flags))
NTH(int, -1, poll, (struct pollfd *p, nfds_t n, int ms), (p, n, ms))
CHECKED(int, -1, poll, (struct pollfd *p, nfds_t n, int ms, size_t room),
    (p, n, ms, room))
NTH(int, error, pthread_create, (pthread_t *t, const pthread_attr_t *a,
    void *(*run)(void *), void *arg), (t, a, run, arg))
NTH(int, error, pthread_timedjoin_np, (pthread_t t, void **result,
    const struct timespec *until), (t, result, until))
NTH(int, -1, sched_getaffinity, (pid_t pid, size_t n, cpu_set_t *set),
    (pid, n, set))

NTH(OSSL_LIB_CTX *, NULL, OSSL_LIB_CTX_get0_global_default, (void), ())
NTH(EVP_MAC *, NULL, EVP_MAC_fetch, (OSSL_LIB_CTX *c, const char *name,
    const char *properties), (c, name, properties))
NTH(EVP_MAC_CTX *, NULL, EVP_MAC_CTX_new, (EVP_MAC *mac), (mac))
NTH(EVP_MAC_CTX *, NULL, EVP_MAC_CTX_dup, (const EVP_MAC_CTX *c), (c))
NTH(int, 0, EVP_MAC_init, (EVP_MAC_CTX *c, const unsigned char *key, size_t n,
    const OSSL_PARAM *p), (c, key, n, p))
NTH(int, 0, EVP_MAC_update, (EVP_MAC_CTX *c, const unsigned char *p,
    size_t n), (c, p, n))
NTH(int, 0, EVP_MAC_final, (EVP_MAC_CTX *c, unsigned char *out, size_t *n,
    size_t room), (c, out, n, room))
NTH(EVP_MD *, NULL, EVP_MD_fetch, (OSSL_LIB_CTX *c, const char *name,
    const char *properties), (c, name, properties))
NTH(EVP_MD_CTX *, NULL, EVP_MD_CTX_new, (void), ())
NTH(int, 0, EVP_DigestInit_ex, (EVP_MD_CTX *c, const EVP_MD *md, ENGINE *e),
    (c, md, e))
NTH(int, 0, EVP_DigestInit_ex2, (EVP_MD_CTX *c, const EVP_MD *md,
    const OSSL_PARAM *p), (c, md, p))
NTH(int, 0, EVP_DigestUpdate, (EVP_MD_CTX *c, const void *p, size_t n),
    (c, p, n))
NTH(int, 0, EVP_DigestFinal_ex, (EVP_MD_CTX *c, unsigned char *out,
    unsigned *n), (c, out, n))
NTH(int, 0, EVP_Digest, (const void *p, size_t size, unsigned char *out,
    unsigned *n, const EVP_MD *md, ENGINE *e), (p, size, out, n, md, e))
NTH(int, 0, EVP_DigestSignInit, (EVP_MD_CTX *c, EVP_PKEY_CTX **pc,
    const EVP_MD *md, ENGINE *e, EVP_PKEY *key), (c, pc, md, e, key))
NTH(int, 0, EVP_DigestSign, (EVP_MD_CTX *c, unsigned char *out, size_t *nout,
    const unsigned char *p, size_t n), (c, out, nout, p, n))
NTH(int, 0, EVP_DigestVerifyInit, (EVP_MD_CTX *c, EVP_PKEY_CTX **pc,
    const EVP_MD *md, ENGINE *e, EVP_PKEY *key), (c, pc, md, e, key))
NTH(int, -1, EVP_DigestVerify, (EVP_MD_CTX *c, const unsigned char *sig,
    size_t nsig, const unsigned char *p, size_t n), (c, sig, nsig, p, n))
NTH(EVP_PKEY *, NULL, EVP_PKEY_new_raw_public_key_ex, (OSSL_LIB_CTX *c,
    const char *type, const char *properties, const unsigned char *p,
    size_t n), (c, type, properties, p, n))
NTH(int, 0, EVP_PKEY_get_raw_public_key, (const EVP_PKEY *key,
    unsigned char *p, size_t *n), (key, p, n))

NTH(int, error, mdb_env_create, (MDB_env **env), (env))
NTH(int, error, mdb_env_open, (MDB_env *env, const char *path, unsigned flags,
    mdb_mode_t mode), (env, path, flags, mode))
NTH(int, error, mdb_env_set_mapsize, (MDB_env *env, size_t n), (env, n))
NTH(int, error, mdb_env_set_maxreaders, (MDB_env *env, unsigned n), (env, n))
NTH(int, error, mdb_env_get_fd, (MDB_env *env, mdb_filehandle_t *fd),
    (env, fd))
NTH(int, error, mdb_env_info, (MDB_env *env, MDB_envinfo *info), (env, info))
NTH(int, error, mdb_env_stat, (MDB_env *env, MDB_stat *st), (env, st))
NTH(int, error, mdb_reader_check, (MDB_env *env, int *dead), (env, dead))
NTH(int, error, mdb_txn_begin, (MDB_env *env, MDB_txn *parent, unsigned flags,
    MDB_txn **txn), (env, parent, flags, txn))
NTH(int, error, mdb_txn_renew, (MDB_txn *txn), (txn))
NTH(int, error, mdb_dbi_open, (MDB_txn *txn, const char *name, unsigned flags,
    MDB_dbi *dbi), (txn, name, flags, dbi))
NTH(int, error, mdb_stat, (MDB_txn *txn, MDB_dbi dbi, MDB_stat *st),
    (txn, dbi, st))
NTH(int, error, mdb_get, (MDB_txn *txn, MDB_dbi dbi, MDB_val *key,
    MDB_val *value), (txn, dbi, key, value))
NTH(int, error, mdb_put, (MDB_txn *txn, MDB_dbi dbi, MDB_val *key,
    MDB_val *value, unsigned flags), (txn, dbi, key, value, flags))
NTH(int, error, mdb_del, (MDB_txn *txn, MDB_dbi dbi, MDB_val *key,
    MDB_val *value), (txn, dbi, key, value))
NTH(int, error, mdb_drop, (MDB_txn *txn, MDB_dbi dbi, int del),
    (txn, dbi, del))
NTH(int, error, mdb_cursor_open, (MDB_txn *txn, MDB_dbi dbi, MDB_cursor **c),
    (txn, dbi, c))
NTH(int, error, mdb_cursor_get, (MDB_cursor *c, MDB_val *key, MDB_val *value,
    MDB_cursor_op op), (c, key, value, op))
NTH(int, error, mdb_cursor_put, (MDB_cursor *c, MDB_val *key, MDB_val *value,
    unsigned flags), (c, key, value, flags))
NTH(int, error, mdb_cursor_del, (MDB_cursor *c, unsigned flags), (c, flags))

/* fsync(2) that does not fail is left out: no power fails here. */
int __wrap_fsync(int);
int
__wrap_fsync(int fd)
{
	return fails("fsync") ? -1 : fd == -1 ? -1 : 0;
}

int __wrap_fdatasync(int);
int
__wrap_fdatasync(int fd)
{
	return fails("fdatasync") ? -1 : fd == -1 ? -1 : 0;
}

/* A failed commit ends the transaction, too. */
int __real_mdb_txn_commit(MDB_txn *);
int __wrap_mdb_txn_commit(MDB_txn *);
int
__wrap_mdb_txn_commit(MDB_txn *txn)
{
	if (!fails("mdb_txn_commit"))
		return __real_mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return error;
}

/* A failed fclose(3) closes the stream, too. */
int __real_fclose(FILE *);
int __wrap_fclose(FILE *);
int
__wrap_fclose(FILE *file)
{
	bool bad = fails("fclose");
	int result = __real_fclose(file);

	if (bad)
		errno = error;
	return bad ? EOF : result;
}

int __real_fcntl(int, int, ...);
int __wrap_fcntl(int, int, ...);
int
__wrap_fcntl(int fd, int command, ...)
{
	va_list ap;
	void *argument;

	va_start(ap, command);
	argument = va_arg(ap, void *);
	va_end(ap);
	return fails("fcntl") ? -1 : __real_fcntl(fd, command, argument);
}

int __real_open(const char *, int, ...);
int __wrap_open(const char *, int, ...);
int
__wrap_open(const char *name, int flags, ...)
{
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	return fails("open") ? -1 : __real_open(name, flags, mode);
}

int __real_openat(int, const char *, int, ...);
int __wrap_openat(int, const char *, int, ...);
int
__wrap_openat(int dir, const char *name, int flags, ...)
{
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	return fails("openat") ? -1 : __real_openat(dir, name, flags, mode);
}
