/* OpenSSL tells a lack of memory as a reason, and a call's errno as a library. */
#include <openssl/err.h>

#include <errno.h>

#include "policy/cert/certerror.h"

int
certerror_take(void)
{
	unsigned long code;
	int error = 0;

	while ((code = ERR_get_error()) != 0) {
		if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE)
			error = ENOMEM;
		else if (ERR_SYSTEM_ERROR(code) && error == 0)
			error = ERR_GET_REASON(code);
	}
	return error;
}
