/*
 * How a test tells a preloaded library what to do: numbers of 64 bits in a
 * file that both map or write, so that a change counts at once.
 */
#ifndef T_FAULT_CONTROL_H
#define T_FAULT_CONTROL_H

#include <sys/mman.h>

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

/* The file that the environment names, of `size` bytes; NULL: there is none. */
static inline void *
control_map(const char *variable, size_t size)
{
	const char *path = getenv(variable);
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
	void *p;

	if (fd == -1)
		return NULL;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

#endif
