/* The macros of both MTAs: names, and their values in a planned session. */
#ifndef T_BENCH_MACRO_H
#define T_BENCH_MACRO_H

#include <stddef.h>

#include "t/bench/mta.h"

#define MACRO_VALUE 512

/* The number of a macro spelt "i" or "{verify}" (size characters), or -1. */
int macro_find(const char *name, size_t size);
const char *macro_name(int macro);

/*
 * What the MTA sends for it now, in buf or static; NULL where this MTA leaves
 * it undefined at this stage.
 */
const char *macro_value(int macro, enum mta, int stage,
    const struct mta_session *, char buf[MACRO_VALUE]);

#endif
