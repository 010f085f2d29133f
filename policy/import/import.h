/*
 * import.h - other people's policy as rules.
 *
 * The law: each line of a foreign policy becomes a rule of equal force, or is
 * named with its line and why.  An importer (import-*.c) reads its format and
 * hands over keys and requirements; here they are checked by the rules' own
 * grammar, get a BY item that says where they came from, and are printed in
 * the order of the file.  The same file gives the same rules.
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
	bool of_mta;	  /* an MTA's own file, to the byte */
	/* False with a fault when the file cannot be read as this format. */
	bool (*read)(struct import *, struct slice text, struct fault *);
};

/* Ended by a row with name NULL. */
const struct import_format *import_formats(void);

/* What became of a line; of two that apply the later one stands. */
enum import_force {
	IMPORT_EQUAL,
	IMPORT_STRICTER,
	IMPORT_WEAKER,
	IMPORT_NOT_TAKEN
};

struct import_rule {
	struct slice key, requirement, key_bytes;
	const char *path;
	unsigned long line; /* 0: made to keep another line's meaning */
	enum tag tag;
	enum key_kind kind;
	bool exact;	 /* a domain without what is below it */
	bool superseded; /* the key was there before */
	bool of_port;	 /* Postfix has other keys for other ports */
	bool conditional; /* for some clients or days; its key has more lines */
	size_t row;	 /* of the table, from 1; 0: it has none */
};

/* One row of the table. */
struct import_row {
	const char *path;
	unsigned long line;
	enum import_force force;
	struct slice rule; /* "KEY REQUIREMENT", or what was found */
	struct slice why;  /* empty: equal */
};

struct import {
	const struct import_format *format;
	const char *path; /* of the file that is being read */
	bool with_as;	  /* `as` was said by --as */
	enum tag as;
	bool compat_sendmail; /* the setting: names are believed unverified */
	bool first_wins;      /* a key's first line stands, as in this format */
	const char *beyond;   /* what a domain that no line names wants, or NULL */
	unsigned long reaching; /* rules that count below, for want of it */
	struct import_rule *rules;
	size_t n, allocated;
	struct import_row *rows;
	size_t nrows, rows_allocated;
	struct arena memory;
	unsigned long line;	/* that is being read; 0: no lines */
	unsigned long whole;	/* an inline table's, all on it; 0: none is read */
	enum import_force force; /* of that line, so far */
	struct slice why;
	unsigned long bad;	/* lines that are not of equal force */
	unsigned long left;	/* lines that are not about TLS */
	unsigned long outbound; /* rules that the milter does not judge */
	bool of_port;		/* the line being read is for one port */
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
/* config.c: the tables that a Postfix's main.cf and master.cf name. */
bool import_config(struct import *, const char *dir, struct fault *);
/*
 * The requirement that a level of smtp_tls_security_level stands for, "ENCR:1"
 * of "encrypt"; NULL: there is no such level.
 */
const char *import_level(struct slice level);
/*
 * smtp_tls_mandatory_protocols: 0: from TLS 1.0 on, to 3: 1.3; -1: it is no
 * lowest version.
 */
int import_least_protocol(struct slice list);
/* Prints the rules; returns how many. */
unsigned long import_print(const struct import *, FILE *out);
/* table.c: what became of each line, for people or a script. */
void import_print_table(const struct import *, FILE *out);
void import_print_json(const struct import *, FILE *out);

#endif
