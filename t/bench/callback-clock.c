/*
 * callback-clock.so: how long a milter's callbacks take, measured the same way
 * in every milter.  Loaded by LD_PRELOAD, it stands in front of libmilter's
 * smfi_register(3) and puts a clock around the MAIL, RCPT, end-of-message and
 * close callbacks.  The histograms lie in the file that CALLBACK_CLOCK names,
 * one after the other (struct stats), and can be read while the milter runs.
 */
#include <sys/mman.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <libmilter/mfapi.h>
#include <stdlib.h>
#include <unistd.h>

#include "t/bench/stats.h"

enum { CLOCK_MAIL, CLOCK_RCPT, CLOCK_EOM, CLOCK_CLOSE, CLOCKS };

static struct stats *clocks;
static struct smfiDesc inner;

static sfsistat
timed_mail(SMFICTX *ctx, char **arguments)
{
	uint64_t start = stats_clock();
	sfsistat verdict = inner.xxfi_envfrom(ctx, arguments);

	stats_add_shared(&clocks[CLOCK_MAIL], stats_clock() - start);
	return verdict;
}

static sfsistat
timed_rcpt(SMFICTX *ctx, char **arguments)
{
	uint64_t start = stats_clock();
	sfsistat verdict = inner.xxfi_envrcpt(ctx, arguments);

	stats_add_shared(&clocks[CLOCK_RCPT], stats_clock() - start);
	return verdict;
}

static sfsistat
timed_eom(SMFICTX *ctx)
{
	uint64_t start = stats_clock();
	sfsistat verdict = inner.xxfi_eom(ctx);

	stats_add_shared(&clocks[CLOCK_EOM], stats_clock() - start);
	return verdict;
}

static sfsistat
timed_close(SMFICTX *ctx)
{
	uint64_t start = stats_clock();
	sfsistat verdict = inner.xxfi_close(ctx);

	stats_add_shared(&clocks[CLOCK_CLOSE], stats_clock() - start);
	return verdict;
}

static struct stats *
map_clocks(const char *path)
{
	size_t size = sizeof(*clocks) * CLOCKS;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	void *p;

	if (fd == -1)
		return NULL;
	if (ftruncate(fd, (off_t)size) == -1) {
		close(fd);
		return NULL;
	}
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

/* Without the file of CALLBACK_CLOCK the milter runs unmeasured. */
int
smfi_register(struct smfiDesc desc)
{
	const char *path = getenv("CALLBACK_CLOCK");
	union {
		void *symbol;
		int (*call)(struct smfiDesc);
	} libmilter = { .symbol = dlsym(RTLD_NEXT, "smfi_register") };

	clocks = path == NULL ? NULL : map_clocks(path);
	if (clocks == NULL)
		return libmilter.call(desc);
	inner = desc;
	if (desc.xxfi_envfrom != NULL)
		desc.xxfi_envfrom = timed_mail;
	if (desc.xxfi_envrcpt != NULL)
		desc.xxfi_envrcpt = timed_rcpt;
	if (desc.xxfi_eom != NULL)
		desc.xxfi_eom = timed_eom;
	if (desc.xxfi_close != NULL)
		desc.xxfi_close = timed_close;
	return libmilter.call(desc);
}
