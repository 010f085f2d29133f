#include <err.h>
#include <string.h>
#include <sysexits.h>

#include "t/bench/milter.h"

int
milter_serve(const char *socket, struct smfiDesc *desc)
{
	char address[256];

	if (strlen(socket) >= sizeof(address))
		errx(EX_USAGE, "socket name too long");
	strcpy(address, socket);
	if (smfi_setconn(address) != MI_SUCCESS ||
	    smfi_register(*desc) != MI_SUCCESS ||
	    smfi_opensocket(1) != MI_SUCCESS)
		errx(EX_UNAVAILABLE, "cannot listen on %s", socket);
	return smfi_main() == MI_SUCCESS ? EX_OK : EX_SOFTWARE;
}
