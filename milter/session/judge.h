/*
 * judge.h - asking the policy about what is in the facts.
 *
 * Threads: the session's.  Never fails: what goes wrong is a verdict, by
 * on-error.
 */
#ifndef TLSPOLICY_MILTER_SESSION_JUDGE_H
#define TLSPOLICY_MILTER_SESSION_JUDGE_H

#include "milter/session/session.h"

/*
 * The sender: fills the message's verdict, but for tags that the facts feed has
 * to tell of, which it tells at RCPT: m->awaits.
 */
void judge_mail(struct session *) NONNULL;
/*
 * judge_mail() again, for all tags, with what the feed has told by now.  It is
 * counted by a call of its own: where no recipient came nobody was told of it.
 */
void judge_mail_late(struct session *) NONNULL;
void judge_mail_counted(struct session *) NONNULL;
/* The recipient in the facts. */
void judge_rcpt(struct session *, struct verdict *) NONNULL;
/*
 * The From fields in the facts.  What comes of it is counted by a call of its
 * own: it may turn out that there was nothing to judge.
 */
void judge_header(struct session *, struct verdict *) NONNULL;
void judge_header_counted(struct session *, const struct verdict *) NONNULL;

#endif
