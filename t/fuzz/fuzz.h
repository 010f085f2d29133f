/*
 * fuzz.h - what the fuzz targets share.
 *
 * A target is a file with LLVMFuzzerTestOneInput(): it feeds the input to one
 * part and checks what must hold whatever the input is.  A check that fails
 * aborts, which libFuzzer reports with the input.
 */
#ifndef TLSPOLICY_FUZZ_H
#define TLSPOLICY_FUZZ_H

#define _GNU_SOURCE /* memfd_create(2) */

#include <sys/mman.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/base/fault.h"
#include "policy/base/text.h"
#include "policy/rules/rulefile.h"
#include "policy/store/rebuild.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* A call whose result may be anything, but which must come back. */
#define FUZZ_RUN(call)                                                        \
	do {                                                                  \
		if (call)                                                     \
			(void)0;                                              \
	} while (0)

#define FUZZ_CHECK(holds)                                                     \
	do {                                                                  \
		if (!(holds))                                                 \
			fuzz_failed(__FILE__, __LINE__, #holds);              \
	} while (0)

static inline void
fuzz_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

/* A file with these bytes, in memory; `path` opens it. */
static inline int
fuzz_file(const void *data, size_t size, char path[32])
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	FUZZ_CHECK(fd >= 0);
	FUZZ_CHECK(write(fd, data, size) == (ssize_t)size);
	FUZZ_CHECK(lseek(fd, 0, SEEK_SET) == 0);
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

/* A path in the folder that run made for this process and clears away. */
static inline const char *
fuzz_path(const char *name)
{
	const char *folder = getenv("TLSPOLICY_FUZZ_DIR");
	static char path[512];

	snprintf(path, sizeof path, "%s/%s-%ld", folder != NULL ? folder :
	    "/tmp", name, (long)getpid());
	return path;
}

static inline void
fuzz_build(const char *path, const char *rules)
{
	struct rulefile file;
	struct fault fault;

	rulefile_init(&file, NULL, NULL);
	FUZZ_CHECK(rulefile_read_text(&file, slice_of(rules), "rules",
	    &fault));
	FUZZ_CHECK(rulefile_finish(&file));
	FUZZ_CHECK(rebuild_store(path, &file,
	    &(struct authorship){ .now = 1 }, REBUILD_SCRATCH, NULL, NULL,
	    &fault));
	rulefile_free(&file);
}

#endif
