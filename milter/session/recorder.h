/*
 * recorder.h - one line of the audit log for each message and each refusal.
 *
 * False: the record could not be taken, and no mail may be accepted on it.
 * Threads: the session's.
 */
#ifndef TLSPOLICY_MILTER_SESSION_RECORDER_H
#define TLSPOLICY_MILTER_SESSION_RECORDER_H

#include "milter/session/session.h"

/* Records the message with the recipients accepted so far. */
bool recorder_message(struct session *, enum record_event) NONNULL;
/* Records the recipient in the facts as refused. */
bool recorder_refused_rcpt(struct session *, const struct verdict *,
    int64_t now_us) NONNULL;

enum recorder_settled {
	RECORDER_NOT_YET, /* woken too early */
	RECORDER_TAKEN,
	RECORDER_REFUSED  /* a message that was to be accepted is not recorded */
};

/*
 * With an engine that parks the two above return true for what was handed over;
 * this tells what became of all that was.
 */
enum recorder_settled recorder_settled(struct session *) MUST_CHECK NONNULL;

#endif
