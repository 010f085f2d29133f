#include <inttypes.h>

#include <systemd/sd-daemon.h>

#include "milter/clock.h"
#include "milter/notify.h"

void
notify_ready(void)
{
	sd_notify(0, "READY=1");
}

/* systemd.service(5), Type=notify-reload, wants to know since when. */
void
notify_reloading(void)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
	    clock_ns() / 1000);
}

void
notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

void
notify_status(const char *status)
{
	sd_notifyf(0, "STATUS=%s", status);
}

const char *
notify_kind(void)
{
	return "sd_notify";
}
