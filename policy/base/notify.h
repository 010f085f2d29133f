/*
 * notify.h - telling the service manager how far a service is.
 *
 * notify-systemd.c where libsystemd was found, notify-none.c elsewhere.
 * Threads: the main thread only.
 */
#ifndef TLSPOLICY_NOTIFY_H
#define TLSPOLICY_NOTIFY_H

#include <stdint.h>

void notify_ready(void);
/* `since_us`: when, in microseconds of CLOCK_MONOTONIC, which nobody sets. */
void notify_reloading(int64_t since_us);
void notify_stopping(void);
/* For `systemctl status`; bytes that are no line's are spelled out. */
void notify_status(const char *);

#endif
