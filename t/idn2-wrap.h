/*
 * idn2-wrap.h - libidn2, as the library under test calls it, without memory.
 *
 * For one file of a test program, since it defines idn2_lookup_u8().
 */
#ifndef TLSPOLICY_IDN2_WRAP_H
#define TLSPOLICY_IDN2_WRAP_H

#include <dlfcn.h>
#include <idn2.h>
#include <stddef.h>
#include <stdint.h>

/* The calls from this one on have no memory; 0: all have. */
static int no_memory;

int
idn2_lookup_u8(const uint8_t *name, uint8_t **ascii, int flags)
{
	static int (*real)(const uint8_t *, uint8_t **, int);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "idn2_lookup_u8");
	if (no_memory == 1)
		return IDN2_MALLOC;
	no_memory -= no_memory > 0;
	return real(name, ascii, flags);
}

#endif
