/*
 * reload.h - reading the settings, at the start and on HUP.
 *
 * Threads: the main thread only.
 */
#ifndef TLSPOLICY_RELOAD_H
#define TLSPOLICY_RELOAD_H

#include "milter/daemon.h"
#include "milter/options.h"

/* Every bad line is logged; `fault` says what became of it all. */
bool reload_read(const struct options *, struct settings *, struct fault *)
    MUST_CHECK NONNULL;

/*
 * HUP: read again, take over what can change in flight, open the audit file
 * anew.  With a bad file everything stays as it was.  `settings` are the ones
 * in force and follow.
 */
void reload_settings(struct daemon *, const struct options *,
    struct settings *) NONNULL;

#endif
