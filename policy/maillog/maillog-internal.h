/*
 * maillog-internal.h - between the reading of lines and the two MTAs; private
 * to maillog/.
 */
#ifndef TLSPOLICY_MAILLOG_MAILLOG_INTERNAL_H
#define TLSPOLICY_MAILLOG_MAILLOG_INTERNAL_H

#include "policy/facts/facts.h"
#include "policy/maillog/logline.h"
#include "policy/maillog/maillog.h"
#include "policy/maillog/sessions.h"

struct maillog {
	struct maillog_options options;
	struct maillog_counts counts;
	struct sessions *processes; /* by host, service and process id */
	struct sessions *messages;  /* by host, instance and queue id */
	struct sessions *services;  /* those that log TLS: host and program */
	struct logtime time;
	struct arena memory; /* of one line */
	struct facts facts;
	int64_t last_us;     /* of all lines so far */
	bool failed;	     /* a record could not be written */
	bool no_memory;	     /* ... could not be made */
};

/* A message of the program, if it is one of that MTA; else false. */
bool maillog_postfix(struct maillog *, const struct logline *);
bool maillog_sendmail(struct maillog *, const struct logline *);
/* At the end of the log: messages whose outcome it does not have. */
void maillog_sendmail_end(struct maillog *);

/* Parts of lines that mail in and mail out have in common. */
bool maillog_postfix_peer(struct slice *, struct session *);
bool maillog_postfix_trust(struct slice *, const char **verify);
bool maillog_postfix_suite(struct slice, struct session *);
void maillog_postfix_delivery(struct maillog *, const struct logline *);
bool maillog_sendmail_relay(struct slice, struct session *);
bool maillog_sendmail_suite(struct slice, struct session *);
void maillog_sendmail_client(struct maillog *, const struct logline *,
    struct slice);
void maillog_sendmail_delivery(struct maillog *, const struct logline *,
    struct slice queue_id, struct slice);

/* The process that logged the line; NULL: not known.  `anew`: begun with it. */
struct session *maillog_process(struct maillog *, const struct logline *,
    bool anew);
/* The process's session is over. */
void maillog_process_end(struct maillog *, const struct logline *);

/* HOST, NUL, PROGRAM, NUL, ID into `buf`; empty: too long. */
struct slice maillog_key(char buf[SESSIONS_KEY_MAX], struct slice host,
    struct slice program, struct slice id);

/* This service has lines about TLS in its log; has it had any up to here? */
void maillog_tls_is_logged(struct maillog *, const struct logline *);
bool maillog_logs_tls(struct maillog *, const struct logline *);

/*
 * The message `s`, whose key has host and queue id, was taken in from this
 * sender (p == NULL: not told).
 */
void maillog_message(struct maillog *, const struct session *s, enum dialect_id,
    struct slice sender);

/* The MTA has handed a message over to this server, for one recipient. */
void maillog_delivery(struct maillog *, const struct logline *,
    struct session *server, enum dialect_id, struct slice queue_id,
    struct slice rcpt);

/*
 * kept.c: mail stays in the queue, for want of TLS if `reason` (sendmail: the
 * reply) begins as the MTA then says.
 */
void maillog_kept_postfix(struct maillog *, const struct logline *,
    const struct session *server, struct slice queue_id, struct slice rcpt,
    struct slice reason);
void maillog_kept_sendmail(struct maillog *, const struct logline *,
    const struct session *server, struct slice queue_id, struct slice rcpt,
    struct slice reply);
void maillog_kept_ruleset(struct maillog *, const struct logline *,
    struct slice queue_id, struct slice);

struct record_handshake;
void maillog_put_handshake(struct maillog *, const struct record_handshake *);

/* "<ADDRESS>", whose quoted part may hold anything, is eaten. */
bool maillog_take_address(struct slice *, struct slice *address);
/* `s` begins with `word`, which is eaten. */
bool maillog_take(struct slice *s, const char *word);
/* NAME and its value up to the next comma are eaten, where `s` begins so. */
bool maillog_take_value(struct slice *s, const char *name,
    struct slice *value);
/* Where the last `word` of `s` begins; s.n: there is none. */
size_t maillog_find_last(struct slice s, const char *word);
/* Letters and digits. */
bool maillog_is_queue_id(struct slice);

#endif
