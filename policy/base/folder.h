/*
 * folder.h - whose is the way to a file, becoming that user, and keeping its
 * name.
 *
 * Who owns a folder can put a link, a FIFO or another user's file under any
 * name in it, at any moment: no look at the name before helps root.  So root
 * does not open anything there; it becomes the owner, whose own files are all
 * that such a trick can reach.
 *
 * Threads: folder_become_owner() changes the whole process; call it while
 * there is one thread.
 */
#ifndef TLSPOLICY_FOLDER_H
#define TLSPOLICY_FOLDER_H

#include <stdbool.h>
#include <sys/types.h>

#include "policy/base/fault.h"

/*
 * The one user but root who can change where `path` leads: the owner of the
 * folders and links on the way, 0 when all are root's.  False with a fault,
 * FAULT_SETTINGS, when there are several, or a folder of root's can be written
 * by others.  A part that is missing ends the way.
 */
bool folder_owner(const char *path, uid_t *owner, struct fault *)
    MUST_CHECK NONNULL;

/*
 * For root: false with a fault unless nobody else can change where `path` and
 * `path`-lock lead.  True for everybody else, who has nothing to lose.
 */
bool folder_is_ours(const char *path, struct fault *) MUST_CHECK NONNULL;
/*
 * As folder_is_ours(), for a folder in which something is kept and erased:
 * FAULT_IO, "root keeps WHAT there".
 */
bool folder_root_keeps(const char *folder, const char *what, struct fault *)
    MUST_CHECK NONNULL;

/*
 * For root: takes on the user who folder_owner() finds for `path` and
 * `path`-lock, with that user's groups, for good.  *changed: it did, which
 * people are to be told.
 */
bool folder_become_owner(const char *path, bool *changed, struct fault *)
    MUST_CHECK NONNULL;

/*
 * The same for a file that is only read.  Where several users, or a group, can
 * change the way, it is the file's owner that root becomes; root's own file is
 * not read there.
 */
bool folder_become_reader(const char *path, bool *changed, struct fault *)
    MUST_CHECK NONNULL;

/*
 * Brings the folder of `path` to the disk.  The name of a file is there, not in
 * the file: without it one that was just made, and synced, is gone when the
 * power is.  Whoever made it may not have come that far: to be called whenever
 * such a file is opened.  A file system that has no such thing (EINVAL) is
 * taken at its word.
 */
bool folder_sync(const char *path, struct fault *) MUST_CHECK NONNULL;

#endif
