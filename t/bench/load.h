/* The loop that keeps a number of sessions going: see load.c. */
#ifndef T_BENCH_LOAD_H
#define T_BENCH_LOAD_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stdint.h>

struct session_run;

struct load_options {
	struct sockaddr_storage address;
	socklen_t address_size;
	bool reset;		/* end TCP connections without TIME_WAIT */
	unsigned parallel;	/* sessions at a time */
	unsigned idle;		/* sessions that say nothing after HELO */
	uint64_t think;		/* ms before each MAIL, or command */
	uint64_t seconds;	/* start no session after that; or, if not 0, */
	uint64_t sessions;	/* after this many */
	int timeout;		/* seconds that an MTA waits for an answer */
	void (*ready)(void);	/* called once all have been started, if set */
};

/*
 * Run; returns the seconds that it took, without the starting of the idle
 * sessions.  Ends the program if the milter cannot be reached at all.
 */
double load_run(const struct load_options *, struct session_run *);

#endif
