#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "policy/base/stdfile.h"

bool
stdfile_keep(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) == -1 && errno == EBADF &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY :
		    O_RDONLY) != fd)
			return false;
	return true;
}
