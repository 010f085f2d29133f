/*
 * memo.h - what sessions came to that are judged again and again.
 *
 * A session is known by all that is judged of it: its facts, recipients and
 * mode, and the day, since rules count by days.  What it is compared by is kept
 * whole, so that no session is taken for another.  All of one memo is judged by
 * one generation and the same settings.
 *
 * Limits: 8 MB; the oldest go first.
 * Threads: each belongs to one.
 */
#ifndef TLSPOLICY_REPLAY_MEMO_H
#define TLSPOLICY_REPLAY_MEMO_H

#include "policy/replay/replay.h"

struct replay_memo;

/*
 * For what replay_judge() makes of `replay`, whose reader has begun.  NULL: out
 * of memory, or its records are not judged by one generation; then nothing is
 * remembered.
 */
struct replay_memo *replay_memo_new(const struct replay *) MUST_CHECK NONNULL;
void replay_memo_free(struct replay_memo *);

/* True: replay_judge() would say so of this record, and find it so. */
bool replay_memo_recall(struct replay_memo *, const struct reader_record *,
    enum replay_outcome *, bool *header_missing);
/* What came of the record that was not recalled last. */
void replay_memo_note(struct replay_memo *, const struct replay *);

#endif
