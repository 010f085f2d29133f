/*
 * mapanswer.h - from "tlspolicy dest.test" to "OK encrypt".
 *
 * What a request gets is decided by policy/outbound; here the store and the
 * settings of the moment are had, the answer is recorded, counted and logged,
 * and written in the words of the protocol (socketmap_table(5)):
 *
 *	OK <value>, NOTFOUND <nothing>, TEMP <reason>, PERM <reason>
 *
 * An answer that the audit log cannot take is not given: nothing may leave.
 *
 * sendmail passes over a map that it cannot open, and takes a lost connection
 * for "not found".  So its rulesets (scripts/sendmail-outbound.mc) ask a question
 * to which there is always an answer, NONE where there is no rule.  Those of
 * before asked first whether there is a daemon: the key "tlspolicy:alive" gives
 * ALIVE, which is neither recorded nor counted.
 *
 * Threads: any.
 */
#ifndef TLSPOLICY_MILTER_SOCKETMAP_MAPANSWER_H
#define TLSPOLICY_MILTER_SOCKETMAP_MAPANSWER_H

#include "milter/daemon.h"

enum { MAPANSWER_MAX = 4096 + 16 };

/*
 * What a resolver has to be asked for first; false: it has no part in this
 * request.  Empty: the name is none that it can be asked for.
 */
bool mapanswer_asks_resolver(struct slice request, struct text *key) MUST_CHECK;

/*
 * `resolved`: what a resolver said, NULL where there is none.  An empty reply:
 * no memory, or the daemon stops; the link is closed.
 */
void mapanswer(struct daemon *, struct slice request, const struct resolved *,
    struct text *reply);

#endif
