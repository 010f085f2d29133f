/*
 * swap.so: something else has a name just when LMDB opens it or when a socket was
 * made there.  Loaded by LD_PRELOAD, mdb_env_open(3) first puts what lies at
 * SWAP_WITH in the place of SWAP_NAME, once, as somebody would who owns the
 * folder and has waited for the looks that were taken before to be over; where
 * SWAP_NAME ends in .sock, bind(2) does so afterwards.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

typedef int open_env(MDB_env *, const char *, unsigned, mdb_mode_t);
typedef int bind_call(int, const struct sockaddr *, socklen_t);

static bool
is_socket(const char *name)
{
	const char *end = name == NULL ? NULL : strrchr(name, '.');

	return end != NULL && strcmp(end, ".sock") == 0;
}

static void
swap(void)
{
	const char *with = getenv("SWAP_WITH"), *name = getenv("SWAP_NAME");

	if (with == NULL || name == NULL)
		return;
	/* Exchanging also works where a folder has the name. */
	if (renameat2(AT_FDCWD, with, AT_FDCWD, name, RENAME_EXCHANGE) == 0)
		unlink(with);
	else
		rename(with, name);
}

int
mdb_env_open(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode)
{
	open_env *next = (open_env *)dlsym(RTLD_NEXT, "mdb_env_open");

	if (!is_socket(getenv("SWAP_NAME")))
		swap();
	return next(env, path, flags, mode);
}

int
bind(int fd, const struct sockaddr *address, socklen_t length)
{
	bind_call *next = (bind_call *)dlsym(RTLD_NEXT, "bind");
	const char *name = getenv("SWAP_NAME");
	int result = next(fd, address, length);

	if (result == 0 && is_socket(name) && address->sa_family == AF_UNIX &&
	    strcmp(((const struct sockaddr_un *)address)->sun_path, name) == 0)
		swap();
	return result;
}
