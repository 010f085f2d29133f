/*
 * command.h - the sub-commands of tlspolicy, one file and one row each.
 *
 * To add a command: cmd-NAME.c with its row, the row's name in the table of
 * command.c and below, a section in tlspolicy(1).
 * Results go to standard output, messages to standard error; one thread.
 */
#ifndef TLSPOLICY_COMMAND_H
#define TLSPOLICY_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#include "policy/base/fault.h"
#include "policy/conf/settings.h"
#include "policy/store/store.h"

/* One option of a command; the end of a list has letter 0. */
struct command_option {
	int letter;	      /* 'r', or OPTION_... for a word only */
	const char *word;     /* "json" for --json, or NULL */
	const char *argument; /* what it takes, "RULES"; NULL: nothing */
	const char *help;
};

/* Letters of options that have none. */
enum { OPTION_JSON = 256, OPTION_BATCH, OPTION_MTA, OPTION_POSTFIX, OPTION_LDAP,
	OPTION_SENDMAIL, OPTION_AT, OPTION_GENERATION, OPTION_CANONICAL,
	OPTION_AS_THEN, OPTION_UPGRADE, OPTION_SALTS, OPTION_FROM_STORE,
	COMMAND_SALTS_MAX = 32 };

/* The option --json, for a command's list. */
#define COMMAND_OPTION_JSON \
	{ OPTION_JSON, "json", NULL, "print JSON for scripts" }

struct context {
	const struct command *command;
	struct settings settings; /* of -c CONF, or of the default file */
	bool no_settings_file;	  /* the default file is missing */
	const char *conf;	  /* -c CONF, or the default file */
	const char *store;	  /* -d STORE, else the setting `store` */
	const char *salts[COMMAND_SALTS_MAX + 1]; /* --salts; the end is NULL */
};

struct command {
	const char *name;
	const char *operands; /* "MACRO=VALUE..." or "" */
	const char *summary;  /* one line, for the list of commands */
	const struct command_option *options; /* without -c, -d and -h */
	/* argv[0] is the name.  Reports its faults; the exit code. */
	int (*run)(struct context *, int argc, char **argv);
	const char *page; /* that tells more than tlspolicy(1), or NULL */
};

/* All commands, those of "audit"; the end is NULL. */
extern const struct command *const command_table[], *const command_audit_table[];
extern const struct command command_apply, command_audit, command_build, command_cert,
    command_check, command_del, command_diff, command_doctor, command_export, command_import,
    command_lint, command_log, command_outbound, command_plan, command_probe, command_prove,
    command_replay, command_report, command_rollback, command_set, command_settings, command_show,
    command_suggest, command_sync;

/*
 * getopt_long(3) by the command's list of options.  Takes care of -c, -d and
 * -h itself.  At the end of the options reads the settings, then returns -1.
 * '?': stop and return *status.
 */
int command_getopt(struct context *, int argc, char **argv, int *status);
/* optarg, of the option `letter`, as a number; false, having said why. */
bool command_number(const struct context *, int letter, unsigned long least,
    unsigned long most, unsigned long *value);

/* A line of help for each; NULL: those that every command takes. */
void command_print_options(const struct command_option *);
void command_print_table(void); /* for completion, as tlspolicy(1) tells */

/* "tlspolicy: ..." on standard error, fit for a terminal. */
void command_say(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Reports `f` on standard error; returns its kind as the exit code. */
int command_fail(const struct fault *f);
/* Says what, points to --help; returns 64. */
int command_usage(const struct context *, const char *fmt, ...)
    PRINTF_LIKE(2, 3);
/* For functions that report faults one by one; `arg` is not used. */
void command_report_fault(void *arg, const struct fault *f);

/* Index of the sub-command's word, behind options of all commands; or argc. */
int command_first_operand(int argc, char **argv);
/* Operands that were not asked for, or missing: false, having said so. */
bool command_operands(const struct context *, int have, int least, int most);

/* What KEY means: one key, or those of TLS_Clt and TLS_Srv without a tag. */
enum { COMMAND_KEYS_MAX = 2 };
bool command_keys(struct slice word, struct key keys[COMMAND_KEYS_MAX],
    size_t *n, struct fault *) MUST_CHECK;

/*
 * Before anything in the store's folder is opened: root becomes the folder's
 * owner and says so (folder.h).  Files that only root may read are read before.
 */
bool command_enter_folder(const struct context *, struct fault *) MUST_CHECK;
/* The same for a file of others that is only read, as an audit log is. */
bool command_enter_to_read(const char *path, struct fault *) MUST_CHECK;
/* Enters it and opens the store, or for a few keys (store.h); NULL: a fault. */
struct store *command_store(const struct context *, struct fault *) MUST_CHECK;
struct store *command_store_for_keys(const struct context *, struct fault *)
    MUST_CHECK;

/* command_store() or its like, and begins to read; false with a fault. */
bool command_open_store(const struct context *, struct store **,
    struct store_reader *, struct fault *) MUST_CHECK;
bool command_open_for_keys(const struct context *, struct store **,
    struct store_reader *, struct fault *) MUST_CHECK;
void command_close_store(struct store *, struct store_reader *);

/* "STORE: generation 7, 1234 rules"; with "unchanged, " no new one was made. */
void command_say_generation(const struct context *, const struct store_info *,
    bool changed);

#endif
