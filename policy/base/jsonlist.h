/*
 * jsonlist.h - a list of JSON values as they come, one a line:
 *
 *     [
 *     {"key":"TLS_Clt:example.com"},
 *     {"key":"TLS_Clt:example.org"}
 *     ]
 *
 * It is whole only behind its end; an empty one is "[]".
 * Threads: one at a time.  Errors: those of the stream.
 */
#ifndef TLSPOLICY_JSONLIST_H
#define TLSPOLICY_JSONLIST_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "policy/base/slice.h"

struct jsonlist {
	FILE *out; /* NULL: nothing is printed */
	bool begun;
};

void jsonlist_start(struct jsonlist *, FILE *);
/* Frees the value; NULL, a value that there was no memory for, is left out. */
void jsonlist_add(struct jsonlist *, json_t *);
/* A value that is JSON already. */
void jsonlist_put(struct jsonlist *, struct slice);
void jsonlist_end(struct jsonlist *);

#endif
