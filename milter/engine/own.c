/*
 * The loops, which outlive all sessions; they are never freed, as one that does
 * not come to its end may still run when the process goes.
 */
#include "config.h"

#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "milter/engine/engine-internal.h"
#include "milter/engine/loop.h"
#include "milter/engine/own.h"
#include "milter/log.h"
#include "policy/policy.h"

/* Two, so that one that waits for a page of the store is not alone. */
enum { LOOPS_MIN = 2, LOOPS_MAX = 64, LEAVE_MS = 1000, STOP_S = 1 };

static struct context_callbacks callbacks;
static struct loop *loops[LOOPS_MAX];
static unsigned nloops;
static int listening = -1;

/* A milter with a callback that this engine never calls is not taken. */
static bool
enlist(const struct smfiDesc *milter, engine_settled *settled)
{
	if (milter->xxfi_connect != NULL || milter->xxfi_body != NULL ||
	    milter->xxfi_unknown != NULL || milter->xxfi_negotiate == NULL ||
	    milter->xxfi_helo == NULL || milter->xxfi_envfrom == NULL ||
	    milter->xxfi_envrcpt == NULL || milter->xxfi_header == NULL ||
	    milter->xxfi_eoh == NULL || milter->xxfi_eom == NULL ||
	    milter->xxfi_abort == NULL || milter->xxfi_close == NULL)
		return false;
	callbacks.milter = *milter;
	callbacks.settled = settled;
	return true;
}

static void
wake(SMFICTX *ctx)
{
	loop_wake((struct peer *)ctx);
}

const struct engine_calls engine_own = {
	.enlist = enlist,
	.setsymlist = context_setsymlist,
	.setpriv = context_setpriv,
	.getpriv = context_getpriv,
	.getsymval = context_getsymval,
	.setreply = context_setreply,
	.quarantine = context_quarantine,
	.chgheader = context_chgheader,
	.insheader = context_insheader,
	.park = context_park,
	.wake = wake,
};

static unsigned
processors(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof set, &set) == -1)
		return LOOPS_MIN;
	n = CPU_COUNT(&set);
	return n < LOOPS_MIN ? LOOPS_MIN : n > LOOPS_MAX ? LOOPS_MAX :
	    (unsigned)n;
}

void
own_stop(void)
{
	struct timespec until;

	for (unsigned i = 0; i < nloops; i++)
		loop_end(loops[i]);
	until = clock_date_in(STOP_S);
	for (unsigned i = 0; i < nloops; i++)
		if (pthread_timedjoin_np(loops[i]->thread, NULL, &until) != 0)
			log_warnx("a thread for MTAs is still running");
}

static bool
open_loops(int fd, bool tcp, struct fault *f)
{
	unsigned n = processors();

	for (; nloops < n; nloops++) {
		struct loop *l = calloc(1, sizeof *l);

		if (l == NULL)
			return fault_no_memory(f);
		loops[nloops] = l;
		if (!loop_open(l, fd, tcp, &callbacks, f))
			return false;
	}
	return true;
}

/* Opens all loops before the first one runs. */
bool
own_start(int fd, bool tcp, struct fault *f)
{
	listening = fd;
	if (!open_loops(fd, tcp, f))
		return false;
	for (unsigned i = 0; i < nloops; i++)
		if (!loop_start(loops[i], f)) {
			nloops = i;
			own_stop();
			return false;
		}
	return true;
}

void
own_leave(void)
{
	const struct timespec tick = { 0, 1000000 };
	unsigned left = 0;

	for (unsigned i = 0; i < nloops; i++)
		loop_leave(loops[i]);
	for (int ms = 0; ms < LEAVE_MS && left < nloops; ms++) {
		while (left < nloops && atomic_load(&loops[left]->left))
			left++;
		if (left < nloops)
			nanosleep(&tick, NULL);
	}
	if (listening != -1)
		close(listening);
	listening = -1;
}
