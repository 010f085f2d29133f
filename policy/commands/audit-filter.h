/*
 * audit-filter.h - which records are asked for.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_COMMANDS_AUDIT_FILTER_H
#define TLSPOLICY_COMMANDS_AUDIT_FILTER_H

#include "policy/audit/reader.h"
#include "policy/commands/command.h"

/* A name, address or network, as --client wants it; whether one is meant. */
#define AUDIT_CLIENT_WANTED "a client: want mail.example.com, 192.0.2.1, " \
	"192.0.2.0/24 or 2001:db8::/32"
bool audit_is_client(const char *word);
bool audit_from_client(const char *client, const struct facts *);
/* "user@example.com" or a domain, as --to wants it; whether one is meant. */
bool audit_is_recipient(const char *word);
bool audit_is_to(const char *word, const struct reader_record *,
    const char *local_domains);
/* The sender's address, in any spelling, is of the domain. */
bool audit_is_from(struct slice domain, const struct reader_record *,
    const char *local_domains);
/* One of its From field's mailboxes, in any spelling, is of the domain. */
bool audit_header_covers(struct slice domain, const struct facts *);

/* False: the name is no reason, and the user was told. */
bool audit_is_reason(const struct context *, const char *name);
bool audit_is_verdict(const struct context *, const char *name);

#endif
