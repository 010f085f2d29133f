/*
 * tag.h - the tags of rules, one row each.
 *
 * The order of the first four is the order in which they are judged at MAIL.
 * Names and meaning of TLS_Clt, TLS_Srv, TLS_Rcpt and Try_TLS are sendmail's
 * (cf/README, "STARTTLS").
 * Threads: constant data only.
 */
#ifndef TLSPOLICY_TAG_H
#define TLSPOLICY_TAG_H

#include <stdbool.h>

#include "policy/base/nearest.h"
#include "policy/base/text.h"

enum tag {
	TAG_DAEMON, /* the listener */
	TAG_CLT,    /* the client host */
	TAG_AUTH,   /* the identity that logged in */
	TAG_FROM,   /* the envelope sender */
	TAG_TO,	    /* an inbound recipient */
	TAG_HEADER, /* a mailbox of the header's From field */
	TAG_SRV,    /* outbound: the server */
	TAG_RCPT,   /* outbound: a recipient */
	TAG_TRY,    /* outbound: whether to try TLS at all */
	TAG_PROFILE, /* what lines AS:name ask for */
	TAG_CA,	    /* MyCA: and what else CITag names */
	TAG_COUNT
};

/* What stands behind the colon of a key, and so how it is looked up. */
enum tag_subject {
	SUBJECT_HOST,	  /* host name, address */
	SUBJECT_MAILBOX,  /* mail address, domain */
	SUBJECT_IDENTITY, /* compared as a whole */
	SUBJECT_LISTENER, /* name, then port */
	SUBJECT_PROFILE,  /* its name */
	SUBJECT_ISSUER	  /* distinguished name */
};

/* In the order in which they come: up to STAGE_HEADER a milter judges. */
enum tag_stage {
	STAGE_MAIL,
	STAGE_RCPT,
	STAGE_HEADER, /* at the end of the header */
	STAGE_OUTBOUND,
	STAGE_NONE
};

struct tag_row {
	const char *name; /* "TLS_Clt" */
	enum tag_subject subject;
	enum tag_stage stage;
	const char *what; /* for people: "the client" */
};

extern const struct tag_row tag_rows[TAG_COUNT];

static inline const struct tag_row *
tag_row(enum tag tag)
{
	return &tag_rows[tag];
}

/* Without regard to case.  TAG_CA is not found by name: its names are free. */
bool tag_by_name(struct slice name, enum tag *) NONNULL;

/* The tag that `name` may be a slip of the pen for. */
void tag_nearest(struct slice name, struct nearest *) NONNULL;

/* Letters, digits, - and _. */
bool tag_is_word(struct slice);
/* A word that may follow CITag: no tag's name. */
bool tag_is_ca_name(struct slice);

#endif
