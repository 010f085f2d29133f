/*
 * audit-line.h - records of the audit log as lines for people.
 *
 * Threads: commands run in one.
 */
#ifndef TLSPOLICY_COMMANDS_AUDIT_LINE_H
#define TLSPOLICY_COMMANDS_AUDIT_LINE_H

#include "policy/audit/reader.h"

/*
 * In this order: an outbound record; RECORD_POLICY, _SETTINGS and _PLAN; a
 * plan's word.
 */
void audit_outbound_print(const struct reader_record *, struct text *out);
void audit_policy_print(const struct reader_record *, struct text *out);
void audit_plan_print(const struct record_plan *, struct text *out);
/* Of RECORD_DELIVERED and RECORD_HANDSHAKE. */
void audit_leaving_print(const struct reader_record *, struct text *out);
/* " tls=TLSv1.3 cipher=...", " in clear". */
void audit_tls_print(const struct facts *, struct text *out);

#endif
