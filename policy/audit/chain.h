/*
 * chain.h - each line of the audit log carries a digest over all before it.
 *
 * A sealed line ends in
 *
 *	,"seq":N,"chain":"C"}
 *
 * N counts the sealed lines from 1 on, over all files.  C is 64 lower-case hex
 * digits: the SHA-256, or with a key the HMAC-SHA-256 (RFC 2104), over the 64
 * of the line before followed by this line without ,"chain":"C" and newline.
 * Before the first line of all C is 64 zeros.
 *
 * A line that is not sealed is one that was torn (power, kill -9, full disk).
 * It stays, counts in the chain as a line without C, and the next sealed line
 * is a mark that tells how many such bytes there are:
 *
 *	{"v":1,"event":"torn","time":T,"torn":BYTES,"seq":N,"chain":"C"}
 *
 * A file begins with a link, which carries the C at the end of the file before
 * and starts the file's chain from it:
 *
 *	{"v":1,"event":"link","time":T,"previous":"C","torn":BYTES,...}
 *
 * What went to a stream cannot be read back: its first line is a link to zeros,
 * of number 1 and "why":"stream", wherever it comes to stand.
 *
 * A record whose submitter was told 451 after all, since it was on the disk too
 * late, stays as well; a later line names it by its number:
 *
 *	{"v":1,"event":"withdrawn","time":T,"of":SEQ,...}
 *
 * Without a key the chain shows accidents and clumsy hands; who can write the
 * file can compute it anew.  With a key, or with a head noted elsewhere, it
 * shows those too.
 *
 * Threads: a chain belongs to one thread at a time.
 */
#ifndef TLSPOLICY_CHAIN_H
#define TLSPOLICY_CHAIN_H

#include <stdint.h>

#include "policy/base/fault.h"
#include "policy/base/text.h"

/* The schema of all lines, field "v": grows when a reader has to know. */
#define CHAIN_SCHEMA 1
#define CHAIN_TEXT_(x) #x
#define CHAIN_TEXT(x) CHAIN_TEXT_(x)
/* How each line begins: then its event, as a string. */
#define CHAIN_START "{\"v\":" CHAIN_TEXT(CHAIN_SCHEMA) ",\"event\":"

enum {
	CHAIN_ROUND_BYTES = 1024 * 1024, /* sealed and written at once */
	CHAIN_HEX = 64,
	CHAIN_SEAL_MAX = 128, /* what sealing adds to a line at most */
	CHAIN_KEY_MAX = 4096,
	CHAIN_ID = 16, /* hex digits: see chain-key.h */
	CHAIN_EPOCH_MAX = 10000000, /* of a minute each: 19 years */
	CHAIN_LINE_MAX = 256  /* a line that is no record, unsealed */
};

/* The end of a chain: what the next line is chained to. */
struct chain_head {
	char hex[CHAIN_HEX + 1];
	uint64_t seq;	/* of the last sealed line; 0: none */
	uint64_t torn;	/* bytes since then that are not sealed */
};

struct chain;

/* An empty key: plain SHA-256.  NULL with a fault: OpenSSL failed. */
struct chain *chain_new(struct slice key, struct fault *) MUST_CHECK;
void chain_free(struct chain *);

void chain_head_init(struct chain_head *) NONNULL; /* the beginning: zeros */

/*
 * Seals `record`, an object as record_format() gives it, into `out` with its
 * newline, and moves the head.  False: no room, or OpenSSL failed; the head
 * and `out` are as they were.
 */
bool chain_seal(struct chain *, struct chain_head *, struct slice record,
    struct text *out) MUST_CHECK NONNULL;

/* A torn line, without newline: moves the head over it. */
bool chain_torn(struct chain *, struct chain_head *, struct slice bytes);

/* Lines without their seal: a link, a mark. */
void chain_format_link(const struct chain_head *, int64_t time_us,
    struct text *out) NONNULL;
void chain_format_mark(const struct chain_head *, int64_t time_us,
    struct text *out) NONNULL;
/* A withdrawal: the record with number `seq` counts for nothing. */
void chain_format_withdrawal(uint64_t seq, int64_t time_us, struct text *out);
/* A gap: so many refusals between two times were not recorded. */
void chain_format_gap(uint64_t refusals, int64_t since, int64_t until,
    int64_t time_us, struct text *out) NONNULL;

/* A line taken apart. */
struct chain_line {
	struct slice body; /* up to the chain field; "}" is to be added */
	struct slice hex;
	uint64_t seq;
};

/* False: not sealed. */
bool chain_split(struct slice line, struct chain_line *) NONNULL;
/* The chain of a line with this body that follows `before`. */
bool chain_compute(struct chain *, const char before[CHAIN_HEX],
    struct slice body, char hex[CHAIN_HEX + 1]) MUST_CHECK NONNULL;

/* The link at the start of a file, and what else it tells: chain-link.h. */
bool chain_is_link(struct slice line, struct slice *previous, uint64_t *torn);
bool chain_is_stream(struct slice line); /* such a link: a new chain */
bool chain_is_mark(struct slice line, uint64_t *torn) NONNULL;
bool chain_is_gap(struct slice line, uint64_t *refusals) NONNULL;

#endif
