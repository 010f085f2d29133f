/*
 * audit.h - what the sub-commands of `tlspolicy audit` share.
 *
 * To add one: cmd-audit-NAME.c with its row, the row's name in cmd-audit.c and
 * below.
 */
#ifndef TLSPOLICY_COMMANDS_AUDIT_H
#define TLSPOLICY_COMMANDS_AUDIT_H

#include <glob.h>

#include "policy/audit/keyring.h"
#include "policy/audit/print.h"
#include "policy/audit/source.h"
#include "policy/commands/audit-people.h"
#include "policy/commands/command.h"
#include "policy/fleet/fleet.h"

extern const struct command command_audit_show, command_audit_why,
    command_audit_verify, command_audit_head, command_audit_key,
    command_audit_prove, command_audit_from_log, command_audit_erase;

/* Files to read: operands, or the log and what it was rotated to. */
struct audit_files {
	char **paths;
	size_t n, doubled; /* packed files left out, beside the unpacked */
	const struct context *context;
	glob_t found;
	bool globbed;
};

/*
 * `operands` as left by getopt(3).  Without any: the setting audit-file, and
 * files beside it whose names go on with a dot or hyphen, but no X.gz or X.zst
 * beside X, which is told.  False with a fault when there is none, or they
 * cannot be looked for.
 */
bool audit_files(const struct context *, char **operands, struct audit_files *,
    struct fault *) MUST_CHECK;
void audit_files_free(struct audit_files *);
/* False with a fault: the setting names a stream, which nobody can read again. */
bool audit_can_read(const struct context *, struct fault *) MUST_CHECK;

/* Letters of options that have none, behind those of command.h. */
enum { OPTION_HEAD = 320, OPTION_SINCE, OPTION_UNTIL, OPTION_DOMAIN,
	OPTION_CLIENT, OPTION_TO, OPTION_CLEAR, OPTION_VERDICT, OPTION_RULE, OPTION_REASON,
	OPTION_REPORT, OPTION_SUGGEST = OPTION_REPORT };

/* Key files, of options -k. */
enum { AUDIT_KEYS_MAX = 64 };
struct audit_keys {
	const char *path[AUDIT_KEYS_MAX];
	size_t n;
};
bool audit_key_option(const struct context *, struct audit_keys *,
    const char *path); /* false, having said why: too many */
/* The keys of -k, else that of the setting, if any; NULL with a fault. */
struct keyring *audit_keyring(const struct context *,
    const struct audit_keys *, struct fault *) MUST_CHECK;

#define AUDIT_OPTION_SINCE \
	{ OPTION_SINCE, "since", "TIME", "from this day or time on, UTC; 7d: ago" }
#define AUDIT_OPTION_UNTIL \
	{ OPTION_UNTIL, "until", "TIME", \
	    "before this time, or to the end of this day, UTC" }
/*
 * Values of --since, --until, in microseconds; `end`: a day is its end, as with
 * UNTIL in rules.  "7d", "24h" and "30m" are so long ago.
 */
bool audit_time(const char *word, bool end, int64_t *us);
/* "example.com", as --domain wants it. */
bool audit_is_domain(const char *word);

/*
 * Reads record after record, those of messages for `each` (NULL: nobody), those
 * of what an MTA was told for `outbound` (NULL: counted as notes); `note` (or
 * NULL) is for the log's lines about itself, `look` for each line.  False from any
 * of these stops: out of memory, or standard output is at its end.  Torn and (but
 * for `withdrawn_too`) withdrawn ones are counted, bad ones reported.
 */
struct audit_walk {
	int64_t since, until; /* only records of that time; 0: no end to it */
	bool (*each)(void *arg, struct reader_record *, const struct reader *);
	bool (*outbound)(void *arg, const struct reader_record *);
	bool (*note)(void *arg, const struct reader_record *);
	bool (*look)(void *arg, const struct fleet_line *);
	void *arg;
	bool withdrawn_too, at_once; /* the latter: see reader_open() */
	bool again;	/* another walk has reported bad lines already */
	bool no_salts;	/* leave people hidden */
	size_t records; /* read so far; for progress_start() */
	uint64_t outside; /* of another time, counted nowhere else */
	uint64_t notes, torn, bad, withdrawn;
	uint64_t unrecorded; /* refusals, as the log says */
	uint64_t maillog, untold; /* from a mail log; of these without TLS told */
	uint64_t delivered;	  /* and mail that left, among the notes */
	uint64_t unread; /* files that could not be read, or not to the end */
	enum fault_kind unread_kind; /* of the first */
	struct audit_hidden hidden;
};

/*
 * A file that cannot be read, or not to its end, is reported and counted; what
 * can be read counts.  False with a fault: nothing could be, or memory ran out.
 */
bool audit_walk(struct audit_walk *, const struct audit_files *,
    struct fault *) MUST_CHECK;
int audit_status(uint64_t unread, enum fault_kind, uint64_t bad); /* exit code */
void audit_say_unread(uint64_t unread); /* if any, on standard error */
void audit_add_unread(struct audit_walk *, const struct audit_walk *first);
bool audit_has_pipe(const struct audit_files *); /* which is read but once */
bool audit_is_twice_readable(const struct context *, const struct audit_files *); /* says why */
void audit_say_torn(uint64_t torn); /* as do these */
void audit_say_empty(const char *const *paths, size_t n);
void audit_say_outside(uint64_t outside, uint64_t records); /* of no record */
void audit_say_withdrawn(uint64_t withdrawn);
void audit_say_unrecorded(uint64_t refusals);
void audit_say_maillog(uint64_t maillog, uint64_t untold, uint64_t delivered);

#endif
