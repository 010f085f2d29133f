/* Built without libsystemd: the service manager is told nothing. */
#include "milter/notify.h"

void
notify_ready(void)
{
}

void
notify_reloading(void)
{
}

void
notify_stopping(void)
{
}

void
notify_status(const char *status)
{
	(void)status;
}

const char *
notify_kind(void)
{
	return "no sd_notify";
}
