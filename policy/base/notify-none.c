/* Built without libsystemd: the service manager is told nothing. */
#include "policy/base/notify.h"

void
notify_ready(void)
{
}

void
notify_reloading(int64_t since_us)
{
	(void)since_us;
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
