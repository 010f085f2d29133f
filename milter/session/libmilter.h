/*
 * libmilter.h - libmilter, and text of ours for it.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_MILTER_SESSION_LIBMILTER_H
#define TLSPOLICY_MILTER_SESSION_LIBMILTER_H

#include <libmilter/mfapi.h>
#include <stdint.h>

/* Its prototypes are from 1999 and lack const; it writes to none of these. */
static inline char *
libmilter_text(const char *s)
{
	return (char *)(uintptr_t)s;
}

#endif
