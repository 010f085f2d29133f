/*
 * rulefile.h - rules as text: lines, comments, keys and requirements.
 *
 * Reads one or more files and reports every bad line, not only the first.
 * Holds the parsed rules in memory, for building a store, for lint and diff.
 *
 * Limits: a line of at most RULEFILE_LINE_MAX bytes, in UTF-8; no NUL and no
 * other control or invisible characters but tab.  A byte order mark and CR at line ends are
 * taken for blanks.  A file of more than RULEFILE_BYTES_MAX bytes, with a NUL or
 * with a line without end is not read on.
 * Threads: no state but the struct's.  Of a long text threads of its own read
 * pieces; report is called in the caller's.
 */
#ifndef TLSPOLICY_RULEFILE_H
#define TLSPOLICY_RULEFILE_H

#include <stdio.h>

#include "policy/base/arena.h"
#include "policy/base/fault.h"
#include "policy/rules/key.h"
#include "policy/rules/requirement.h"
#include "policy/rules/rule.h"

enum {
	RULEFILE_LINE_MAX = 2048,
	RULEFILE_ENDLESS = 1024 * 1024, /* a line that is not read to its end */
	RULEFILE_BYTES_MAX = 512 * 1024 * 1024,
	RULEFILE_SOURCES_MAX = 1024,
	RULEFILE_LISTS_MAX = 8
};

/* A line AS:profile: which of the rules, and where its requirement begins. */
struct rulefile_as {
	size_t rule, column;
};

struct rulefile {
	struct rule *rules; /* in the order read */
	size_t n, allocated;
	struct slice sources[RULEFILE_SOURCES_MAX];
	unsigned nsources;
	unsigned long bad_lines; /* lines that were reported */
	bool no_memory;		 /* a line is bad for want of memory */
	unsigned long untagged;	 /* lines that stood for two rules */
	bool has_text;		 /* some file has a byte */
	bool partial;		 /* an addition: CITag may stand elsewhere */
	bool entries;		 /* each line is somebody's: none is dropped */
	bool as_sendmail;	 /* takes what sendmail takes, see never.h */
	struct arena memory;
	struct rulefile_as *as; /* until rulefile_finish() */
	size_t nas, as_allocated;
	bool bad_profile; /* among the bad lines is one of a profile */
	/* CIPHER lists found good, the latest ones: OpenSSL takes 0.3 ms. */
	struct slice lists[RULEFILE_LISTS_MAX];
	unsigned nlists;
	/* Called for each bad line; NULL: only counted. */
	void (*report)(void *arg, const struct fault *);
	/*
	 * Called for what is no error, as an issuer that no rule names; NULL:
	 * nobody.
	 */
	void (*warn)(void *arg, const struct fault *);
	void *arg;
};

void rulefile_init(struct rulefile *,
    void (*report)(void *, const struct fault *), void *arg);
/* Leaves one without rules. */
void rulefile_free(struct rulefile *);

/*
 * Read one more file ("-": standard input), or all *.rules of a folder in the
 * order of their names.  False with a fault when it cannot be opened or read, is
 * no text, or memory runs out, or when a folder has none or one of somebody
 * else's.  Bad lines are reported and counted, and are no failure here.
 */
bool rulefile_read(struct rulefile *, const char *path, struct fault *)
    MUST_CHECK NONNULL;
/* rulefile_read() from memory; `name` stands for the file's ("set", a test). */
bool rulefile_read_text(struct rulefile *, struct slice text,
    const char *name, struct fault *) MUST_CHECK NONNULL;
/* Room for `n` more rules, for who has them from elsewhere than from text. */
bool rulefile_reserve(struct rulefile *, size_t n, struct fault *) MUST_CHECK
    NONNULL;
/*
 * After the last file: sorts by key, keeping file order within a key, and
 * reports what only the whole can show: a key given twice, a tag or profile that
 * is none.
 * True when no line was bad.
 */
bool rulefile_finish(struct rulefile *) MUST_CHECK NONNULL;

/*
 * Of finished rules: what the rule asks for, its profile put in.  It points into
 * the rules' texts.
 */
bool rulefile_requirement(const struct rulefile *, const struct rule *,
    struct requirement *, struct fault *) MUST_CHECK NONNULL;

/* "found the tag NAME; expected ...", with the nearest one. */
void rulefile_unknown_tag(struct slice name, struct fault *) NONNULL;

#endif
