#include "milter/engine/trouble.h"
#include "milter/log.h"

static struct log_seldom seldom;

void
trouble_tell(const char *why)
{
	log_seldom(&seldom, LOG_LEVEL_WARNING,
	    "a connection from an MTA was closed: %s", why);
}
