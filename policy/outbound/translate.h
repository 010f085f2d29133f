/*
 * translate.h - what of a requirement an MTA can be told in its own words.
 *
 * Outbound the milter sees nothing: the MTA itself enforces what it was told,
 * Postfix by a policy of smtp_tls_policy_maps (postconf(5),
 * smtp_tls_policy_maps), sendmail by a line of its access map (cf/README,
 * "STARTTLS").  Neither language has a word for everything.  What has none is
 * named in `lost`, and what was written without it demands less than the rule;
 * whether that is good enough is the caller's affair (setting inexpressible).
 *
 * The class says what becomes of mail and is no demand: a WARN rule is
 * translated as if it had none, whoever passes it over does that before.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_OUTBOUND_TRANSLATE_H
#define TLSPOLICY_OUTBOUND_TRANSLATE_H

#include "policy/outbound/resolved.h"
#include "policy/rules/requirement.h"

struct translate_options {
	bool default_perm;	 /* default-class = perm */
	bool believe_unverified; /* compat = sendmail */
};

/*
 * A policy for Postfix that grows with each rule that has to be satisfied.
 * The level (postconf(5), smtp_tls_security_level) follows from what is set.
 */
struct postfix_policy {
	bool encrypt;
	bool verify;	   /* a certificate that a trusted CA signed */
	bool high_ciphers; /* 128 bits and more */
	bool authenticated, pfs, aead;
	int protocol;	   /* at least this one, suite_protocol(); 0: any */
	struct slice version; /* its name in the rule */
	bool dane;	   /* by TLSA records, where there are any */
	bool dane_only;
	struct slice names[REQUIREMENT_ITEMS_MAX]; /* empty: the host's own */
	unsigned nnames;
	struct slice fingerprints[REQUIREMENT_ITEMS_MAX];
	unsigned nfingerprints;
	enum outbound_level site; /* what Postfix does by itself */
	enum outbound_match site_match; /* names that `verify` is told with */
	bool servername;	  /* SNI where a certificate matters */
	/*
	 * protocols= and exclude= take the place of what main.cf has: its
	 * oldest version, 0: 1.0, to 3: 1.3, and its list; NULL: none.
	 */
	int site_version;
	const char *site_exclude;
	const struct resolved *resolved; /* a policy; NULL: there is none */
};

/* Demands nothing. */
void translate_postfix_init(struct postfix_policy *);

/*
 * Make the policy demand what `r` demands, too, and name in `lost` what it
 * cannot.  The policy points into the text of `r`.
 */
void translate_postfix_add(struct postfix_policy *, const struct requirement *r,
    struct text *lost);

/* The rules demand nothing: a session in clear would do. */
bool translate_postfix_is_empty(const struct postfix_policy *);

/*
 * No answer demands less than the site's own level, nor than what a resolver
 * says (NULL or without a policy: nothing).
 */
void translate_postfix_join(struct postfix_policy *, enum outbound_level,
    const struct resolved *);

/* Joined with the site's level alone: what a resolver says changes nothing. */
bool translate_postfix_suffices(const struct postfix_policy *);

/*
 * A name that match= can be told with, and Postfix compares as a rule does: a
 * pattern such as *.name is to Postfix the certificate with just that name.
 */
bool translate_postfix_has_name(struct slice name);

/*
 * When all is added: of demands that exclude each other the stronger stays, and
 * the other is named in `lost`.  With `weaken` less will do where more would
 * have to be said.
 */
void translate_postfix_finish(struct postfix_policy *, bool weaken,
    struct text *lost);

/* "secure match=hostname ciphers=high". */
void translate_postfix_print(const struct postfix_policy *, struct text *out);

/*
 * `r` as a line of sendmail's access map.  Names are written in sendmail's
 * encoding, whatever their spelling in the rule, so that nothing in them can
 * be taken for syntax.  Notes and dates are left out, they are no tests.
 */
void translate_sendmail(const struct requirement *r,
    const struct translate_options *, struct text *out, struct text *lost);

/* Of a rule for a host or recipient: it lets mail leave in clear. */
bool translate_is_exception(const struct requirement *);

/*
 * A requirement that no session can meet and that keeps the mail in the queue.
 */
#define SENDMAIL_NEVER_MET "TEMP+VERIFY:65535"

/* For the parts of this module: one more thing that is lost. */
void translate_lose(struct text *lost, const char *what, struct slice value);

#endif
