/*
 * reload.h - reading the settings, at the start and on HUP.
 *
 * Threads: the main thread only.
 */
#ifndef TLSPOLICY_RELOAD_H
#define TLSPOLICY_RELOAD_H

#include "milter/daemon.h"
#include "milter/options.h"

/*
 * Every bad line is logged; `fault` says what became of it all.  From then on a
 * file that was there is expected.
 */
bool reload_read(struct options *, struct settings *, struct fault *)
    MUST_CHECK NONNULL;

/*
 * HUP: read again, take over what can change in flight, open the audit file
 * anew.  With a bad file everything stays as it was, and with one that looks
 * half written.  `settings` are the ones in force and follow.
 */
void reload_settings(struct daemon *, struct options *, struct settings *)
    NONNULL;

#endif
