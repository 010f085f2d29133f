/*
 * progress.h - a line on the terminal while something takes long.
 *
 * Shown on standard error when that is a terminal, from the first second on,
 * twice a second; wiped away at the end.  By SIGALRM, so that the work itself
 * need not know; one at a time in a process.
 */
#ifndef TLSPOLICY_PROGRESS_H
#define TLSPOLICY_PROGRESS_H

#include <stddef.h>

/*
 * `count`, when not NULL, is read while the work goes on, and shown before
 * `what`: "120000 rules read".  Both must last until progress_stop().
 */
void progress_start(const char *what, const size_t *count);
void progress_stop(void);
/* Before anything else is written there; the line comes again. */
void progress_wipe(void);

#endif
