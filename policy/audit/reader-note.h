/*
 * reader-note.h - what is read of records that are of no message that came in.
 *
 * For reader.h.  Ownership: as there.  Threads: no state.
 */
#ifndef TLSPOLICY_AUDIT_READER_NOTE_H
#define TLSPOLICY_AUDIT_READER_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/slice.h"

/* Of READER_OUTBOUND, which also has time, generation, rules and monitor. */
struct reader_outbound {
	struct slice map, query, answer, result, inexpressible, warned,
	    resolver;
};

/* Of RECORD_HANDSHAKE; the rest is of its first failure, empty: none. */
struct reader_handshake {
	struct slice domain, policy_type;
	bool failed;
	struct slice result_type, server, addr, reason;
};

/*
 * Of RECORD_POLICY; `known` false: the daemon could not tell.  Any other record
 * has rules_sha256 alone, its beginning.
 */
struct reader_policy {
	bool known;
	struct slice node, version; /* or empty: not told */
	int64_t made_us;
	uint64_t uid, back_to, rules;
	struct slice how, login, host, message, rules_sha256, settings_sha256,
	    plan;
};

struct reader_settings {
	struct slice digest; /* whole of RECORD_SETTINGS, else its beginning */
	struct slice values; /* of RECORD_SETTINGS: "name = value" lines */
};

#endif
