/*
 * settings.h - the settings file of both programs.
 *
 * One table (settings.c) holds for each setting its name, type, default,
 * limits, whether a running daemon can change it, and its sentence of help;
 * parser, messages, `tlspolicy settings`, `check -o` and the check of the
 * manual page live off it.  To add a setting: see policy/README.
 *
 * Ownership: strings belong to the struct (fixed size).  Threads: no state.
 */
#ifndef TLSPOLICY_SETTINGS_H
#define TLSPOLICY_SETTINGS_H

#include <stdbool.h>

#include "policy/base/fault.h"
#include "policy/conf/setting-words.h"
#include "policy/eval/eval.h"

#define SETTINGS_DEFAULT_FILE TLSPOLICY_SYSCONFDIR "/tlspolicy.conf"
#define SETTINGS_DEFAULT_CLAIMS TLSPOLICY_SYSCONFDIR "/rules.d"

enum {
	SETTINGS_STRING_MAX = 512,
	SETTINGS_PATHS_MAX = 16,
	SETTINGS_PATHS_BYTES = 2048,
	SETTINGS_VALUE_MAX = 4096, /* any value as text */
	SETTINGS_TEXT_MAX = 3 * SETTINGS_VALUE_MAX
};

struct settings {
	char socket[SETTINGS_STRING_MAX]; /* unix:PATH, inet:PORT@HOST */
	int socket_mode;		  /* permission bits, octal in the file */
	char socket_group[SETTINGS_STRING_MAX];
	char user[SETTINGS_STRING_MAX];
	char store[SETTINGS_STRING_MAX];
	char rules[SETTINGS_PATHS_BYTES]; /* by ", " */
	char claims[SETTINGS_STRING_MAX];
	int engine, mode, default_class, on_error, compat;
	struct settings_prefixes exempt;
	char local_domains[SETTINGS_STRING_MAX];
	int history; /* days */
	char audit_file[SETTINGS_STRING_MAX];
	int audit_sync, audit_full;
	int privacy; /* days that people can be told; 0: in the log itself */
	char audit_key_file[SETTINGS_STRING_MAX];
	char checkpoint_key_file[SETTINGS_STRING_MAX];
	char checkpoint_file[SETTINGS_STRING_MAX];
	int checkpoint_interval; /* seconds */
	char state_folder[SETTINGS_STRING_MAX]; /* "": that of the store */
	char help_url[SETTINGS_STRING_MAX];
	int add_header, header_from;	  /* 0 or 1 */
	char metrics[SETTINGS_STRING_MAX]; /* "off", inet:PORT@HOST */
	char watch_certificates[SETTINGS_PATHS_BYTES]; /* by ", " */
	char socketmap[SETTINGS_STRING_MAX]; /* "off", or as `socket` */
	int socketmap_mode;
	char socketmap_group[SETTINGS_STRING_MAX];
	char facts_socket[SETTINGS_STRING_MAX]; /* "off", unix:PATH */
	int facts_socket_mode;
	char facts_socket_group[SETTINGS_STRING_MAX];
	char tlsrpt_socket[SETTINGS_STRING_MAX]; /* "off", unix:PATH */
	int tlsrpt_socket_mode;
	char tlsrpt_socket_group[SETTINGS_STRING_MAX];
	char tlsrpt_forward[SETTINGS_STRING_MAX]; /* "off", unix:PATH */
	int inexpressible, outbound_default, outbound_servername, outbound_match;
	int outbound_version; /* 0: 1.0, to 3: 1.3 */
	char outbound_exclude[SETTINGS_STRING_MAX]; /* suites of Postfix */
	char outbound_resolver[SETTINGS_STRING_MAX]; /* "off", ADDRESS NAME */
	char directory[SETTINGS_STRING_MAX]; /* URIs, by blanks; "": none */
	char directory_base[SETTINGS_STRING_MAX];
	char directory_bind[SETTINGS_STRING_MAX]; /* a name, "external", "" */
	char directory_password_file[SETTINGS_STRING_MAX];
	char directory_ca_file[SETTINGS_STRING_MAX];
	char directory_certificate_file[SETTINGS_STRING_MAX];
	char directory_key_file[SETTINGS_STRING_MAX];
	int log_level;
	char silence[SETTINGS_STRING_MAX]; /* names of doctor's findings */
	bool unended; /* no setting: the file is empty, or its end is cut off */
};

void settings_init(struct settings *) NONNULL; /* all defaults */

/*
 * Read `path` into `s` (which holds defaults or earlier values for what the
 * file does not name).  Each bad line is reported; false when there was one
 * (FAULT_SETTINGS) or the file could not be read (FAULT_NOINPUT).
 */
bool settings_read(struct settings *s, const char *path,
    void (*report)(void *, const struct fault *), void *arg, struct fault *)
    MUST_CHECK;

/* "NAME=VALUE", as `check -o` takes it.  On failure `s` stays as it was. */
bool settings_assign(struct settings *s, struct slice assignment,
    struct fault *) MUST_CHECK NONNULL;

/*
 * For SIGHUP: takes over from `fresh` what may change in flight.  Calls
 * `refused` with the name of each setting that differs and may not.
 */
void settings_adopt(struct settings *s, const struct settings *fresh,
    void (*refused)(void *, const char *name), void *arg);

/* What the evaluator wants to know; help_url points into `s`. */
void settings_eval_options(const struct settings *s, struct eval_options *)
    NONNULL;
/* Never refused: local submission, and the clients of exempt-clients. */
bool settings_exempt(const struct settings *s, const struct facts *) NONNULL;
/* The setting state-folder, or the folder of the store. */
void settings_state_folder(const struct settings *s,
    char folder[SETTINGS_STRING_MAX]) NONNULL;

#endif
