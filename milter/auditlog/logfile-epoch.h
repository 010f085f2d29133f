/*
 * logfile-epoch.h - the epochs of a log whose key is a ratchet.
 *
 * The last line of an epoch says so and is brought to the disk; then the next
 * key takes the place of this one, on the disk first; then come the next lines.
 * So the log may be one epoch ahead of the key file, never behind it.  One that
 * is has lost lines, the last of an epoch among them.
 *
 * Threads: as logfile.h.
 */
#ifndef TLSPOLICY_MILTER_AUDITLOG_LOGFILE_EPOCH_H
#define TLSPOLICY_MILTER_AUDITLOG_LOGFILE_EPOCH_H

#include "milter/auditlog/logfile.h"

/*
 * For a file that was just taken: turns the ratchet to where the log ends, and
 * makes the chain.  *behind: the log ends in an epoch before, without its end.
 * False with a fault.
 */
bool logfile_catch_up(struct logfile *, const char *path, bool *behind,
    struct fault *) MUST_CHECK NONNULL;

/*
 * When f->ended (the last line of the epoch is sealed), and all is written and
 * as safe as can be: the next key in the place of this one.  False with a fault:
 * to be tried again, and nothing may be sealed before.
 */
bool logfile_begin_epoch(struct logfile *, struct fault *) MUST_CHECK NONNULL;

#endif
