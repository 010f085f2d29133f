/*
 * macro.h - how each MTA tells the facts: which macros, spelt how, when.
 *
 * Each dialect has a table.  The daemon asks for the macros of these tables
 * and for no others; `tlspolicy check` fills facts through the same rows, so
 * that what is judged on the command line is what the daemon would judge.
 *
 * To add a macro: see policy/README.
 * Threads: constant data only.
 */
#ifndef TLSPOLICY_MACRO_H
#define TLSPOLICY_MACRO_H

#include <stdbool.h>

#include "policy/facts/facts.h"

enum macro_stage {
	MACRO_AT_MAIL,
	MACRO_AT_EOM,
	MACRO_BY_CALLBACK, /* comes as the argument of a callback */
	MACRO_FED,	   /* no macro: an attribute of the facts feed */
	MACRO_OUTBOUND	   /* never told to a milter; only `tlspolicy check` */
};

enum macro_set {
	MACRO_SET,
	MACRO_IGNORED, /* a macro of the other MTA, or one that is not needed */
	MACRO_UNKNOWN, /* no such macro */
	MACRO_NO_MEMORY
};

struct macro {
	const char *name;	 /* as smfi_getsymval() takes it: "{verify}", "i" */
	enum fact_id fact;
	enum macro_stage stage;	 /* where it is asked for first */
	bool xtext;		 /* MACRO_XTEXT: carries sendmail's +XX */
};

enum { MACRO_PLAIN = false, MACRO_XTEXT = true };

/*
 * The macros of a dialect, ended by a row with name NULL.  When two rows carry
 * one fact the first that is there counts ({cert_fp} before {cert_md5}).
 */
const struct macro *macro_table(enum dialect_id);

/*
 * By macro v: "Postfix 3.7.11" is Postfix; whatever no dialect takes for its own
 * speaks sendmail's.
 */
enum dialect_id macro_dialect(struct slice v);

/*
 * The blank-separated list that smfi_setsymlist() takes for a stage, of all
 * dialects (the MTA is not known when macros are asked for), each macro once.
 * Appends to `out`.
 */
void macro_list(enum macro_stage, struct text *out) NONNULL;

/*
 * Put in one macro, its name without braces ("client_name", "i").  Of several
 * macros that carry one fact the first one counts.
 */
enum macro_set macro_set(struct facts *, struct slice name,
    struct slice value) MUST_CHECK NONNULL;

/*
 * To be called once all macros of a message are in: marks as not told what
 * this MTA never tells, and derives what it tells in another way (Postfix:
 * {verify} from the presence of certificate macros, never from a {verify}
 * that an administrator made up).  A From field becomes its mailboxes.
 * False: out of memory.
 */
bool macro_finish(struct facts *) MUST_CHECK NONNULL;

/* This MTA can tell the fact at all, by macros. */
bool macro_told(enum dialect_id, enum fact_id);
/*
 * The fact is not told by macros but by the facts feed, where there is one and
 * it knows the session: else it stays as not told.
 */
bool macro_fed(enum dialect_id, enum fact_id);

#endif
