/*
 * failing.h - a call that fails once, by its name, in a test that wraps calls by
 * the linker's --wrap (Makefile.am).
 *
 * For one test program: everything here is its own.
 */
#ifndef TLSPOLICY_T_FAILING_H
#define TLSPOLICY_T_FAILING_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const char *failing; /* the call that fails, once; NULL: none */
static int after;	    /* so many that do not */
static int error;

static bool
fails(const char *name)
{
	if (failing == NULL || strcmp(failing, name) != 0 || after-- > 0)
		return false;
	failing = NULL;
	errno = error;
	return true;
}

static inline void
let_fail(const char *name, int nth, int with)
{
	failing = name;
	after = nth;
	error = with;
}

/* Defines __wrap_NAME(), which returns `bad` when the call is to fail. */
#define WRAP(type, bad, name, parameters, arguments)                          \
	type __real_##name parameters;                                        \
	type __wrap_##name parameters;                                        \
	type __wrap_##name parameters                                         \
	{                                                                     \
		return fails(#name) ? (bad) : __real_##name arguments;        \
	}

#endif
