/*
 * session.h - an SMTP session, and the message that is being judged in it.
 *
 * Most sessions of a busy server are idle: a session is as small as can be,
 * and what judging needs is had at MAIL and given back with the message, for
 * the next one of any session.
 * Nothing that was told before MAIL counts but the HELO argument, so nothing of
 * the time before STARTTLS can be left over.
 *
 * Threads: the callbacks of one session run one after another, but on
 * different threads.
 */
#ifndef TLSPOLICY_MILTER_SESSION_SESSION_H
#define TLSPOLICY_MILTER_SESSION_SESSION_H

#include "milter/daemon.h"
#include "milter/engine/engine.h"
#include "milter/session/beside.h"

/* The From fields so far, parted by line breaks; see facts/fromfield.h. */
struct author_fields {
	char *bytes; /* in facts.memory; NULL: there was none */
	size_t n, room;
	bool judged; /* the From fields are facts, and message.later is the
		      * verdict on them */
	bool beyond; /* too many bytes, which were not kept */
	bool lost;   /* for one of them there was no memory */
};

struct message {
	struct settings_in_force *settings; /* held until the end */
	/* when MAIL came; microseconds since 1970, UTC */
	int64_t judged_us;
	bool exempt;
	struct announcement *announcements; /* before its first record */
	bool unannounced; /* for one of them there was no memory */
	struct record_rcpt *rcpts; /* accepted recipients, in facts.memory */
	size_t nrcpts, room;
	bool awaits; /* tags of MAIL that the facts feed has to tell of */
	uint64_t fed_since; /* feedtable_mark() at MAIL: what was told before
			     * is of others */
	int forged; /* header fields that pretend to be ours */
	struct author_fields author;
	struct facts facts;
	struct verdict verdict;	 /* at MAIL */
	/* Of the latest recipient; behind the last one, at the header's end. */
	struct verdict later;
	struct beside beside;	 /* what a plan's policy says */
};

struct session {
	struct daemon *daemon;
	struct message *message; /* NULL between messages */
	char *helo;		 /* NULL: none yet, or lost */
	bool lost_helo;		 /* HELO came, and strdup() failed */
	uint64_t number;
	/* What the MTA was asked for when it connected: */
	bool header;		 /* that add-header can change the header */
	bool author;		 /* and that TLS_Header sees it */
	bool utf8;		 /* MAIL came with SMTPUTF8 (RFC 6531) */
	/* Where the engine keeps the macros of the latest MAIL and RCPT. */
	const char *mail_macros, *rcpt_macros;
	/* With an engine that parks: records that are not settled. */
	struct writer_ticket ticket;
	SMFICTX *ctx;
	bool parked;
	bool ending; /* the message is accepted, once it is recorded */
	bool closed; /* on_close() has come: freed once it is settled */
};

/* NULL: out of memory. */
struct session *session_new(struct daemon *) MUST_CHECK;
void session_free(struct session *);

/* Records of this session are handed over from now on, and not waited for. */
void session_watch(struct session *, SMFICTX *) NONNULL;
/* Some of its records are not settled. */
bool session_is_open(const struct session *) MUST_CHECK NONNULL;

/*
 * HELO has no answer: one that does not fit into memory is a policy error at
 * MAIL, until there is another.
 */
void session_set_helo(struct session *, const char *helo) NONNULL;

/* Facts are empty, nothing is judged.  NULL: out of memory. */
struct message *session_begin_message(struct session *) MUST_CHECK;
void session_end_message(struct session *) NONNULL;

/*
 * From what the MTA told at MAIL, and at RCPT, to the facts of the message; all
 * of it anew for each, since a client that sends no EHLO after STARTTLS never
 * triggers the macros of HELO.  The queue id as it is now: Postfix has none
 * before the first recipient.  False: out of memory.
 */
bool session_tell_mail(SMFICTX *, struct session *, const char *sender)
    MUST_CHECK;
bool session_tell_rcpt(SMFICTX *, struct session *, const char *recipient)
    MUST_CHECK;
bool session_tell_queue_id(SMFICTX *, struct session *) MUST_CHECK NONNULL;

/*
 * Remember the recipient that is in the facts, with the tag whose rules
 * spoke of it.  False: out of memory.
 */
bool session_add_rcpt(struct session *, const struct verdict *)
    MUST_CHECK NONNULL;
/* The recipient as the record shows it, without <>. */
struct slice session_rcpt_address(const struct facts *) NONNULL;
/* A recipient's rule holds the whole message. */
void session_adopt_hold(struct session *, const struct verdict *) NONNULL;

enum { SESSION_ID_MAX = 40 };
/* Unique over restarts: the daemon's start, the session's number. */
void session_id(const struct session *, struct text *) NONNULL;

#endif
