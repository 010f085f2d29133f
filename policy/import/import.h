/*
 * import.h - other people's policy as rules.
 *
 * An importer (import-*.c) reads its format and hands over keys and
 * requirements; here they are checked by the rules' own grammar, get a BY item
 * that says where they came from, and are printed in the order of the file.
 * The same file gives the same rules: no dates, no line numbers.
 *
 * What cannot be said in rules is never dropped silently: it is reported with
 * its line, and counted.
 *
 * To add a format: import-NAME.c and a row in import.c.
 * Threads: no state but the struct's.
 */
#ifndef TLSPOLICY_IMPORT_IMPORT_H
#define TLSPOLICY_IMPORT_IMPORT_H

#include <stdio.h>

#include "policy/base/arena.h"
#include "policy/base/fault.h"
#include "policy/rules/key.h"
#include "policy/rules/requirement.h"

struct import;

struct import_format {
	const char *name; /* "sendmail" */
	const char *what; /* for people */
	/* False with a fault when the file cannot be read as this format. */
	bool (*read)(struct import *, struct slice text, struct fault *);
};

/* Ended by a row with name NULL. */
const struct import_format *import_formats(void);

struct import_rule {
	struct slice key, requirement, key_bytes;
	unsigned long line;
	bool superseded; /* the key was there before */
};

struct import {
	const struct import_format *format;
	const char *path;
	struct import_rule *rules;
	size_t n, allocated;
	struct arena memory;
	unsigned long line;	/* that is being read; 0: no lines */
	unsigned long bad;	/* what was reported as not taken */
	unsigned long notes;	/* what was taken with a reservation */
	unsigned long outbound; /* rules that the milter does not judge */
	bool no_memory;
	void (*report)(void *, const struct fault *);
	void *arg;
};

void import_init(struct import *, const struct import_format *,
    const char *path, void (*report)(void *, const struct fault *), void *arg);
void import_free(struct import *);

/*
 * Reads all of `file`; false with a fault when that was not possible.  Lines
 * that are not taken over are no failure here.
 */
bool import_read(struct import *, FILE *file, struct fault *);
/* Prints the rules; returns how many. */
unsigned long import_print(const struct import *, FILE *out);

/* For importers. */

/*
 * Takes one rule over; reports it when it is none.  `need` is the requirement
 * up to its items ("PERM+VERIFY:128"), `items` what stands behind ("CN++PFS"),
 * or empty.  Copies its arguments.
 */
void import_add(struct import *, struct slice key, struct slice need,
    struct slice items);
/* Something that cannot be taken over; `column` from 1, or 0. */
void import_refuse(struct import *, unsigned long column, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Something that was taken over, but not all of it. */
void import_note(struct import *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The next line of *text, which moves behind it; false at the end. */
bool import_line(struct import *, struct slice *text, struct slice *line);
/* The word at the start of *rest, which moves behind it and blanks. */
struct slice import_word(struct slice *rest);

/* Adds "NAME:VALUE" to a list of items, the value encoded. */
void import_item(struct text *items, const char *name, struct slice value);
/* A CN item for "mx.example.com", or ".example.com": any host in there. */
void import_cn(struct text *items, struct slice name);

/* The importers. */
bool import_sendmail(struct import *, struct slice text, struct fault *);
bool import_postfix(struct import *, struct slice text, struct fault *);
bool import_csv(struct import *, struct slice text, struct fault *);
bool import_everywhere(struct import *, struct slice text, struct fault *);

#endif
