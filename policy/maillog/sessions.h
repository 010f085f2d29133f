/*
 * sessions.h - what a log has told so far of sessions and messages under way.
 *
 * A table of fixed size; when it is full, what was longest not asked for is
 * forgotten.  A log in which nothing ever ends costs no more memory than one
 * that is in order.
 *
 * Threads: a table belongs to one.
 */
#ifndef TLSPOLICY_MAILLOG_SESSIONS_H
#define TLSPOLICY_MAILLOG_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/slice.h"

enum {
	SESSIONS_KEY_MAX = 160,
	SESSIONS_NAME_MAX = 256,
	SESSIONS_ADDR_MAX = 64,
	SESSIONS_WORD_MAX = 64,
	SESSIONS_LOGIN_MAX = 128
};

enum session_tls {
	SESSION_UNTOLD, /* the log does not tell whether it was encrypted */
	SESSION_CLEAR,
	SESSION_TLS
};

struct session {
	char key[SESSIONS_KEY_MAX];
	unsigned char nkey; /* 0: a free one */
	struct session *next, *newer, *older;

	int64_t time_us;
	bool begun;   /* Postfix: its connect was seen */
	bool refused; /* sendmail: a milter refused the message, or */
	bool sent;    /* its line from= was seen, and these are of it: */
	bool has_sender;
	char sender[SESSIONS_NAME_MAX], daemon[SESSIONS_WORD_MAX];
	bool login_untold; /* AUTH is not told: somebody may have logged in */
	enum session_tls tls;
	/* As logged, NUL-terminated; empty: not told. */
	char name[SESSIONS_NAME_MAX], addr[SESSIONS_ADDR_MAX];
	char version[SESSIONS_WORD_MAX], cipher[SESSIONS_WORD_MAX];
	char bits[SESSIONS_WORD_MAX], verify[SESSIONS_WORD_MAX];
	char login[SESSIONS_LOGIN_MAX], login_type[SESSIONS_WORD_MAX];
	bool forged; /* the name does not lead back to the address */
	bool matched; /* a server's certificate was the one asked for */
};

struct sessions;

/* Room for `n`, a power of two; NULL: no memory. */
struct sessions *sessions_new(size_t n);
void sessions_free(struct sessions *);

/* NULL: none.  Makes it the newest. */
struct session *sessions_find(struct sessions *, struct slice key);
/* A new one in place of any that was there; NULL: the key is too long. */
struct session *sessions_put(struct sessions *, struct slice key);
void sessions_remove(struct sessions *, struct session *);
struct session *sessions_oldest(const struct sessions *); /* NULL: none */
void sessions_forget(struct sessions *); /* all of them */

/* How many there are, and how many were forgotten for others, in all. */
size_t sessions_count(const struct sessions *);
uint64_t sessions_forgotten(const struct sessions *);

/*
 * Puts `s` in a field of `size` bytes; false: it is too long or holds a NUL, and
 * the field is empty.
 */
bool sessions_copy(char *field, size_t size, struct slice s);
/* Copies what the other session has of TLS. */
void sessions_copy_tls(struct session *, const struct session *from);
/* The same client: name and address as they were logged. */
bool sessions_same_client(const struct session *, const struct session *);

#endif
