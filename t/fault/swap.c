/*
 * swap.so: something else has a name just when LMDB opens it.  Loaded by
 * LD_PRELOAD, mdb_env_open(3) first puts what lies at SWAP_WITH in the place of
 * SWAP_NAME, once, as somebody would who owns the folder and has waited for the
 * looks that were taken before to be over.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef int open_env(MDB_env *, const char *, unsigned, mdb_mode_t);

static void
swap(void)
{
	const char *with = getenv("SWAP_WITH"), *name = getenv("SWAP_NAME");

	if (with == NULL || name == NULL)
		return;
	/* What is there goes the other way, whatever its kind. */
	if (renameat2(AT_FDCWD, with, AT_FDCWD, name, RENAME_EXCHANGE) == 0)
		unlink(with);
	else
		rename(with, name);
}

int
mdb_env_open(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode)
{
	open_env *next = (open_env *)dlsym(RTLD_NEXT, "mdb_env_open");

	swap();
	return next(env, path, flags, mode);
}
