#include <errno.h>
#include <unistd.h>

#include "policy/base/write.h"

bool
write_whole(int fd, struct slice s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n == 0 ? ENOSPC : errno;
			return false;
		}
		s = slice_from(s, (size_t)n);
	}
	return true;
}
