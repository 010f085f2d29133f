/*
 * nth-wrap.h - the n-th of all wrapped calls fails, in a test that wraps calls
 * of its own choice by the linker's --wrap (Makefile.am); nth.h has a fixed set.
 *
 * For one test program, whose threads may call: everything here is its own.
 */
#ifndef TLSPOLICY_T_NTH_WRAP_H
#define TLSPOLICY_T_NTH_WRAP_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>

static atomic_long ncalls, failing; /* the call that fails; 0: none */
static int error = ENOMEM;

static bool
fails(void)
{
	if (atomic_load(&failing) == 0 ||
	    atomic_fetch_add(&ncalls, 1) + 1 != atomic_load(&failing))
		return false;
	errno = error;
	return true;
}

static inline void
arm(long n)
{
	atomic_store(&ncalls, 0);
	atomic_store(&failing, n);
}

/* Whether the call that was to fail came. */
static inline bool
disarm(void)
{
	bool hit = atomic_load(&ncalls) >= atomic_load(&failing);

	atomic_store(&failing, 0);
	return hit;
}

/* Defines __wrap_NAME(), which returns `bad` when the call is to fail. */
#define WRAP(type, bad, name, parameters, arguments)                          \
	type __real_##name parameters;                                        \
	type __wrap_##name parameters;                                        \
	type __wrap_##name parameters                                         \
	{                                                                     \
		return fails() ? (bad) : __real_##name arguments;             \
	}

#endif
