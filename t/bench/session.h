/*
 * One milter connection as an MTA drives it: negotiation, CONNECT, HELO, then
 * for each message MAIL, RCPT and, if wanted, the rest of the message, then
 * QUIT.  Steps that the milter negotiated away are left out, and no reply is
 * awaited where it promised none.
 */
#ifndef T_BENCH_SESSION_H
#define T_BENCH_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "t/bench/mta.h"
#include "t/bench/stats.h"

/* What a whole run does and has counted; shared by its sessions. */
struct session_run {
	uint64_t seed;
	uint32_t rules;
	unsigned refused;	/* sessions in a thousand: see plan_session() */
	unsigned messages;	/* on one connection */
	bool data;		/* go on after RCPT to the end of the message */
	bool each;		/* pause before each command, not only before MAIL */
	struct mta_terms terms;

	uint64_t next;		/* number of the next session */
	uint64_t sessions;	/* ended as they should */
	uint64_t sent;		/* messages that came to their last step */
	uint64_t broken;	/* the milter closed, or answered nonsense */
	uint64_t verdict[3][256];	/* replies at MAIL, RCPT, end of message */
	struct stats mail;	/* from writing MAIL to reading the reply */
	struct stats rcpt;
	struct stats eom;
};

enum session_state {
	SESSION_WAITS,	/* for a reply */
	SESSION_PAUSES,	/* before a command; go on with session_go() */
	SESSION_RESTS,	/* an idle session, after HELO */
	SESSION_ENDED
};

struct session {
	struct session_run *run;
	int fd;
	bool idle;		/* stay idle after HELO */
	bool pause;		/* before MAIL; with run->each before each */
	unsigned step;
	unsigned message;
	uint64_t since;		/* stats_clock() when the last step was sent */
	struct plan plan;
	struct mta_session mta;
	struct wire_in in;
};

/* Begin a session on a connected blocking socket, which stays the caller's. */
enum session_state session_start(struct session *, struct session_run *, int fd);

/* After a pause. */
enum session_state session_go(struct session *);

/* The socket is readable. */
enum session_state session_read(struct session *);

#endif
