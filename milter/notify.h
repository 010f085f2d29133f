/*
 * notify.h - telling the service manager how far the daemon is.
 *
 * notify-systemd.c where libsystemd was found, notify-none.c elsewhere.
 * Threads: the main thread only.
 */
#ifndef TLSPOLICY_NOTIFY_H
#define TLSPOLICY_NOTIFY_H

#include "policy/policy.h"

void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);
/* One line for `systemctl status`. */
void notify_status(const char *) NONNULL;

/* For -V: "sd_notify" or "no sd_notify". */
const char *notify_kind(void);

#endif
