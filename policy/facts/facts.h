/*
 * facts.h - what is known of one message's session when it is judged.
 *
 * A fact is named after the macro that carries it.  Each is known (with a
 * value, which may be empty), absent (this MTA tells it when there is
 * something to tell, and has not), or not told (this MTA never tells it).
 * The difference decides between "the certificate has no such name" and
 * "cannot tell".
 *
 * Values are kept twice: `raw` in the MTA's own spelling, which sendmail's
 * texts print, and `value` with sendmail's +XX decoded, which everything else
 * uses.  Both point to one copy where nothing was encoded.
 *
 * Ownership: facts own copies of what is put in, until facts_reset().
 * Threads: facts belong to one session, whose callbacks never overlap.
 */
#ifndef TLSPOLICY_FACTS_H
#define TLSPOLICY_FACTS_H

#include <stdbool.h>

#include "policy/base/arena.h"
#include "policy/base/netaddr.h"
#include "policy/base/text.h"
#include "policy/facts/dialect.h"
#include "policy/facts/fact.h"

struct fact {
	enum fact_state state;
	struct slice raw, value; /* NUL-terminated when known, else empty */
};

/*
 * The words of {verify}, see sendmail's doc/op, "{verify}", and RELEASE_NOTES
 * 8.16 for DANE.  VERIFY_NO_OR_FAIL is ours: Postfix does not tell whether a
 * certificate was missing or did not verify.
 */
enum verify {
	VERIFY_EMPTY, /* known and empty */
	VERIFY_OK,
	VERIFY_TRUSTED, /* DANE */
	VERIFY_NO,
	VERIFY_NOT,
	VERIFY_FAIL,
	VERIFY_NONE,
	VERIFY_CLEAR,
	VERIFY_TEMP,
	VERIFY_PROTOCOL,
	VERIFY_CONFIG,
	VERIFY_SOFTWARE,
	VERIFY_DANE_FAIL,
	VERIFY_NO_OR_FAIL,
	VERIFY_OTHER,
	VERIFY_COUNT
};

struct facts {
	enum dialect_id dialect; /* the MTA that speaks, told by macro v */
	enum verify verify; /* what its fact says */
	struct fact fact[FACT_COUNT];
	struct arena memory;
};

/* All facts absent.  Takes no memory yet; reset keeps some. */
void facts_init(struct facts *, enum dialect_id) NONNULL;
void facts_reset(struct facts *, enum dialect_id) NONNULL;
void facts_free(struct facts *);

/*
 * Make `id` known with a copy of `raw`; with `xtext` its value is decoded.
 * False: out of memory.
 */
bool facts_set(struct facts *, enum fact_id, struct slice raw, bool xtext)
    MUST_CHECK NONNULL;
void facts_set_state(struct facts *, enum fact_id, enum fact_state) NONNULL;

/* The decoded value; empty when the fact is not known. */
struct slice facts_value(const struct facts *, enum fact_id) NONNULL;
struct slice facts_raw(const struct facts *, enum fact_id) NONNULL;
bool facts_known(const struct facts *, enum fact_id) NONNULL;
/* the MTA tells it, but not in this session */
bool facts_absent(const struct facts *, enum fact_id) NONNULL;
/* Known and not empty. */
bool facts_filled(const struct facts *, enum fact_id) NONNULL;

/*
 * The number a value begins with, 0 when it begins with none; at most 65535.
 * MTAs send plain decimal; anything behind the digits does not count.
 */
unsigned facts_number(const struct facts *, enum fact_id) NONNULL;

/* The larger of {cipher_bits} and {auth_ssf}, as in cf/m4/proto.m4, "max". */
unsigned facts_bits(const struct facts *) NONNULL;

/* An absent {verify} is VERIFY_NONE. */
enum verify facts_verify(const struct facts *) NONNULL;
/* The macro's word: "OK"; "NONE" for an absent one. */
struct slice facts_verify_word(const struct facts *) NONNULL;
/* OK or TRUSTED: names in the certificate may be believed. */
bool facts_verified(const struct facts *) NONNULL;
/* No TLS; also when a mail log tells nothing of it. */
bool facts_in_clear(const struct facts *) NONNULL;
bool facts_tls_told(const struct facts *) NONNULL;

/* macro.c: v is there, of an MTA that is known, or empty: taken as given. */
bool facts_arrived(const struct facts *) NONNULL;
/* submission, as its MTA says */
bool facts_local(const struct facts *) NONNULL;

/* The client's (or with `server` the server's) address, if it is one. */
bool facts_address(const struct facts *, bool server, struct netaddr *)
    MUST_CHECK NONNULL;

/* The name of a fact: that of its macro without braces, "client_name". */
const char *fact_name(enum fact_id);
bool fact_by_name(struct slice name, enum fact_id *) MUST_CHECK NONNULL;

#endif
