/*
 * logfile-internal.h - what the files of logfile.h share; private to them.
 */
#ifndef TLSPOLICY_MILTER_AUDITLOG_LOGFILE_INTERNAL_H
#define TLSPOLICY_MILTER_AUDITLOG_LOGFILE_INTERNAL_H

#include "milter/auditlog/logfile.h"

/* Opens and locks; fd, dev, ino and stream are set.  False with a fault. */
bool logfile_take(struct logfile *, const char *path, struct fault *)
    MUST_CHECK NONNULL;

/*
 * The file that is open gets a name as logrotate's example gives, and `path` is
 * made anew.  False with a fault.
 */
bool logfile_set_aside(struct logfile *, const char *path, int64_t now_us,
    struct fault *) MUST_CHECK NONNULL;

/*
 * A line about the file, as chain.h formats it, for the reason f->why; the end
 * of one that has none.  False: as logfile_seal().
 */
bool logfile_seal_line(struct logfile *, int64_t now_us,
    void (*format)(const struct chain_head *, int64_t, struct text *))
    NONNULL;
bool logfile_seal_newline(struct logfile *) MUST_CHECK NONNULL;

#endif
