/*
 * readahead.h - what a worker of libmilter's has read of its session.
 *
 * libmilter reads a packet by two read(2), each behind a poll(2), and asks
 * before both, by another poll(2), whether to stay with the session at all.
 * Here one recv(2) takes what there is; poll(), read() and close() are ours,
 * for libmilter, and answer from it.  Only sockets are read ahead, and only the
 * one that libmilter asked about by that first poll(2); every other descriptor
 * of the process passes through.
 *
 * A thread has at most one such socket, from that poll(2) until it is told that
 * nothing is there, when nothing is left here either, or closes the socket.
 *
 * Threads: each has its own; nothing is shared.
 */
#ifndef TLSPOLICY_READAHEAD_H
#define TLSPOLICY_READAHEAD_H

#include "policy/policy.h"

enum readahead {
	READAHEAD_READY,   /* there are bytes, or the end */
	READAHEAD_EMPTY,   /* nothing has come yet */
	READAHEAD_NOT_HERE /* no socket, or broken: read(2) will tell */
};

/* Makes `fd` this thread's socket and looks what has come. */
enum readahead readahead_fill(int fd) MUST_CHECK;
/* This thread's socket is another one, or none. */
bool readahead_is_new(int fd) MUST_CHECK;
/* A read() of `fd` in this thread has no need to wait. */
bool readahead_holds(int fd) MUST_CHECK;
/* This thread is done with its socket; READAHEAD_EMPTY was the last word. */
void readahead_leave(void);
/*
 * Milliseconds that this thread has waited for the other end within one
 * command; 0 again for the next command, and once a socket was closed.
 */
int64_t *readahead_waited(void) MUST_CHECK;

#endif
