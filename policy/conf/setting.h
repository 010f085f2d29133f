/*
 * setting.h - one setting: a row of the table, and the types of values.
 *
 * To add a type: a struct setting_type in setting-type.c and its name here.
 * Threads: constant data only.
 */
#ifndef TLSPOLICY_SETTING_H
#define TLSPOLICY_SETTING_H

#include "policy/base/text.h"
#include "policy/conf/settings.h"

struct setting;

struct setting_type {
	const char *expects; /* for people: "an absolute path" */
	/* Parses into the field; fills only the text of the fault. */
	bool (*parse)(const struct setting *, struct slice, void *field,
	    struct fault *);
	/* Lists only: adds to what the field holds (continuation lines). */
	bool (*add)(const struct setting *, struct slice, void *field,
	    struct fault *);
	/* As it is written in the settings file. */
	void (*print)(const struct setting *, const void *field, struct text *);
};

struct setting {
	const char *name;
	const struct setting_type *type;
	size_t offset, size;	  /* of the field in struct settings */
	const char *default_text; /* NULL: empty */
	const char *const *words; /* the words of an enumeration, then NULL */
	unsigned long max;	  /* greatest number; of a text that must be
				   * shorter than its field the bytes */
	bool may_be_empty;
	bool reloadable;	  /* SIGHUP brings it into force */
	bool verdict;		  /* bears on verdicts and outbound answers */
	const char *help;	  /* one sentence, for people */
};

/* All rows, in the order of the manual; the end has name NULL. */
const struct setting *setting_table(void);
/* NULL: no such setting; then `f` names the nearest one. */
const struct setting *setting_find(struct slice name, struct fault *f)
    MUST_CHECK;

extern const struct setting_type setting_type_socket; /* unix:, inet:, inet6: */
extern const struct setting_type setting_type_listener; /* off, inet:, inet6: */
extern const struct setting_type setting_type_map_listener; /* off or those */
extern const struct setting_type setting_type_unix_listener; /* off, unix:PATH */
extern const struct setting_type setting_type_resolver; /* off, ADDRESS NAME */
extern const struct setting_type setting_type_path;
extern const struct setting_type setting_type_paths; /* by commas */
extern const struct setting_type setting_type_account;
extern const struct setting_type setting_type_url;
extern const struct setting_type setting_type_mode;
extern const struct setting_type setting_type_days; /* 400, 400d */
extern const struct setting_type setting_type_kept; /* off, days:30 */
extern const struct setting_type setting_type_word;
extern const struct setting_type setting_type_duration; /* "30s", in seconds */
extern const struct setting_type setting_type_prefixes;
extern const struct setting_type setting_type_domains; /* names, by commas */
extern const struct setting_type setting_type_names; /* words, by commas */
extern const struct setting_type setting_type_directories; /* URIs, by blanks */
extern const struct setting_type setting_type_entry; /* a distinguished name */
extern const struct setting_type setting_type_suites; /* OpenSSL's words */

/* Where the value is. */
static inline void *
setting_field(struct settings *s, const struct setting *row)
{
	return (char *)s + row->offset;
}

static inline const void *
setting_field_in(const struct settings *s, const struct setting *row)
{
	return (const char *)s + row->offset;
}

static inline const char *
setting_default(const struct setting *row)
{
	return row->default_text == NULL ? "" : row->default_text;
}

/* settings-print.c: both print as the same. */
bool setting_is_same(const struct setting *, const struct settings *,
    const struct settings *) MUST_CHECK NONNULL;

/* For types: setting-place.c's. */
bool setting_expected(const struct setting *, struct slice value,
    struct fault *) MUST_CHECK NONNULL;
bool setting_store_string(const struct setting *, struct slice value,
    void *field, struct fault *) MUST_CHECK NONNULL;
void setting_print_string(const struct setting *, const void *field,
    struct text *) NONNULL;
bool setting_is_one_word(struct slice) MUST_CHECK;
bool setting_is_host(struct slice, bool ipv6) MUST_CHECK;

#endif
