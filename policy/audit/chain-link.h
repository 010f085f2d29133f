/*
 * chain-link.h - what the first line of a file tells of the chain.
 *
 *	{"v":1,"event":"link","time":T,"previous":"C","torn":BYTES
 *	    [,"why":"WORD"][,"key":"ID"[,"epoch":N]],...}
 *
 * "key" is the id of the key that this line and the rest of the file are
 * sealed with.  A file without one was sealed with no key, or before there
 * were ids.  "epoch" is that of a ratchet, and of the link; it goes on until a
 * line that says so, which is the last one sealed with its key:
 *
 *	{"v":1,"event":"epoch","time":T,"ends":N,...}
 *
 * Without that line nobody could tell an epoch that was cut short later on, by
 * who has the key of the next, from one that ended there.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_CHAIN_LINK_H
#define TLSPOLICY_CHAIN_LINK_H

#include "policy/audit/chain.h"

enum { CHAIN_TIME = sizeof "2026-03-01T12:00:00.000000Z" - 1 };

struct chain_link {
	char previous[CHAIN_HEX + 1];
	uint64_t torn;
	struct slice why;	/* into the line; empty: none */
	char key[CHAIN_ID + 1]; /* "": none */
	uint64_t epoch;		/* 0: the key is no ratchet */
};

/* False: the line is no link. */
bool chain_parse_link(struct slice line, struct chain_link *) NONNULL;
/* Adds to a link, as chain_format_link() has made it. */
void chain_format_why(const char *why, struct text *link) NONNULL;
void chain_format_key(const struct chain *, struct text *link) NONNULL;

/* The last line of an epoch. */
void chain_format_epoch(uint64_t epoch, int64_t time_us, struct text *out)
    NONNULL;
bool chain_ends_epoch(struct slice line, uint64_t *epoch) NONNULL;

/* The time of a line of ours, CHAIN_TIME bytes; empty: it has none. */
struct slice chain_time(struct slice line);
/*
 * The node of a record, as long as it is made of the characters of host names:
 * a file may come from anywhere.  Empty: none.
 */
struct slice chain_node(struct slice line);

#endif
