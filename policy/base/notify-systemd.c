#include <inttypes.h>

#include <systemd/sd-daemon.h>

#include "policy/base/notify.h"
#include "policy/base/text.h"

enum { STATUS_MAX = 600 };

void
notify_ready(void)
{
	sd_notify(0, "READY=1");
}

/*
 * systemd wants to know when reloading began (systemd.service(5),
 * Type=notify-reload).
 */
void
notify_reloading(int64_t since_us)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, since_us);
}

void
notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

/* What a server said may have lines, which would be words to the manager. */
void
notify_status(const char *status)
{
	char line_text[STATUS_MAX];
	struct text line;

	text_init(&line, line_text, sizeof line_text);
	text_put_printable(&line, slice_of(status));
	sd_notifyf(0, "STATUS=%s", line.buf);
}
