/*
 * postfix-internal.h - lines of Postfix's tables, for the files that read them.
 */
#ifndef TLSPOLICY_IMPORT_POSTFIX_INTERNAL_H
#define TLSPOLICY_IMPORT_POSTFIX_INTERNAL_H

#include "policy/import/import-internal.h"
#include "policy/import/spared.h"

/* table.c: walks logical lines as postmap(1) does. */
struct import_lines {
	struct slice rest;
	unsigned long line, next; /* of what was given, of what comes */
	char text[16 * 1024];
};
void import_lines_init(struct import_lines *, struct slice text);
/* Import NULL: only to look at them. */
bool import_lines_next(struct import *, struct import_lines *,
    struct slice *line);

/* policy.c: a line of smtp_tls_policy_maps. */
struct import_policy {
	const char *verify_match, *secure_match; /* NULL: Postfix's defaults */
	const char *fingerprints;
	bool medium_ciphers; /* smtp_tls_mandatory_ciphers */
};
extern const struct import_policy import_policy_defaults;
/* False: `value` does not begin with a level. */
bool import_policy_line(struct import *, const struct import_policy *,
    struct slice key, struct slice value);
bool import_is_level(struct slice word);
bool import_per_site_line(struct import *, struct slice key,
    struct slice value);

/* access.c: a line of an access(5) table. */
struct import_access {
	enum tag tag;
	bool ordered;	     /* the first line that matches counts */
	bool extensions;     /* user+x@domain is looked for as user@domain */
	bool other_delimiter; /* user-x@domain or the like, too */
	bool exact_domains;  /* parent_domain_matches_subdomains without us */
	const char *behind;  /* the demand on all of the tag that follows */
	const struct import_spared *spared_behind; /* not asked `behind` */
	bool shared;	     /* another table judges the same tag */
	bool warn;	     /* warn_if_reject stands before the table */
	/* Some line of it: */
	bool has_demand, has_permit, has_domains;
	const char *frees;   /* what else OK frees from; NULL: nothing */
	const struct import_spared *spared; /* who does not get there */
	struct slice networks; /* mynetworks; empty: not known */
	const char *demand;  /* "TEMP+ENCR:1", by plaintext_reject_code */
	bool refused_for_now; /* by "reject": reject_code, soft_bounce */
	struct slice null_key; /* of the null sender, unless it is <> */
	size_t first;	     /* rule of the table */
	/* The members of a restriction class; empty: it is none. */
	struct slice (*class_of)(void *, struct slice name);
	const char *(*class_at)(void *, struct slice name, unsigned long *line);
	/* The text of a table; NULL: none is looked into. */
	bool (*load)(void *, struct slice spec, struct slice *type,
	    struct slice *text);
	/* A table within a list asks for TLS, or cannot be told; or NULL. */
	bool (*asks)(void *, struct slice spec);
	void *arg;
};

enum import_action {
	ACTION_NONE,   /* not about TLS; what follows is still asked */
	ACTION_PERMIT, /* OK: the list ends */
	ACTION_REJECT, /* refused for another reason */
	ACTION_WARN,
	ACTION_DEMAND
};

struct import_actions {
	enum import_action what;
	bool nested; /* another table decides */
	bool nested_asks; /* and asks for TLS, or cannot be told */
	bool too_deep;	/* classes within classes: not all was gone through */
	struct slice unknown; /* a word that is no restriction */
	struct import_spared spared; /* who passes before it asks for TLS */
	struct import_spared passed; /* who passes, as far as was gone through */
	bool bound;	   /* all but these clients are refused */
	bool bound_by_tls; /* and these in clear */
	bool bound_otherwise; /* to clients, not by a list of them alone */
	struct text clients; /* items CLIENT */
	char clients_text[REQUIREMENT_TEXT_MAX];
};

/* What a list of actions comes to for a session in clear. */
void import_actions(const struct import_access *, struct slice list,
    struct import_actions *);
/* clients.c: the list binds to clients; these are filled in. */
bool import_clients(const struct import_access *, struct slice list,
    struct import_actions *);
/* reject_plaintext_session stands somewhere in the list. */
bool import_demands(const struct import_access *, struct slice list);
/* The list lets somebody pass without TLS. */
bool import_lets_pass(const struct import_access *, struct slice list);
/* The next word or {group} of a list. */
bool import_list_next(struct slice *list, struct slice *word);
/* Postfix knows the word; the word takes one more behind it. */
bool import_is_restriction(struct slice word);
bool import_takes_word(struct slice word);
/* A restriction permit_...; *who: whom it lets pass in clear; NULL: nobody. */
bool import_permits(struct slice word, const char **who);
void import_access_line(struct import *, const struct import_access *,
    struct slice key, struct slice value);

/* pattern.c: "^a\.example$" as a key; false: it is none. */
bool import_pattern(enum tag, struct slice pattern, struct text *key,
    bool *exact);
/* The key of a line, which of a regexp table is "/.../flags". */
bool import_split(struct slice line, bool patterns, struct slice *key,
    struct slice *value);

/* postfix.c: all lines of a table of a type ("hash", "cidr"). */
void import_access_table(struct import *, struct import_access *,
    struct slice type, struct slice text);

#endif
