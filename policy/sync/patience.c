/*
 * The signal comes each second and counts: a call to the kernel for each message,
 * to set the time anew, would cost as much as the message.
 */
#include <string.h>
#include <sys/socket.h>

#include "policy/sync/patience.h"

static void
count(int signo, siginfo_t *info, void *context)
{
	struct patience *p = info->si_value.sival_ptr;

	(void)signo;
	(void)context;
	/* SIGALRM of another origin comes without the pointer. */
	if (info->si_code == SI_TIMER && p != NULL && p->left > 0 &&
	    --p->left == 0)
		(void)shutdown(p->fd, SHUT_RDWR);
}

static void
tick(struct patience *p, bool on)
{
	const struct itimerspec when = { .it_value.tv_sec = on,
		.it_interval.tv_sec = on };

	(void)timer_settime(p->timer, 0, &when, NULL);
}

bool
patience_start(struct patience *p, int fd, int seconds)
{
	struct sigaction action;
	struct sigevent event;

	memset(&action, 0, sizeof action);
	action.sa_sigaction = count;
	action.sa_flags = SA_SIGINFO | SA_RESTART;
	memset(&event, 0, sizeof event);
	event.sigev_notify = SIGEV_SIGNAL;
	event.sigev_signo = SIGALRM;
	event.sigev_value.sival_ptr = p;
	patience_end(p);
	if (sigaction(SIGALRM, &action, NULL) == -1 ||
	    timer_create(CLOCK_MONOTONIC, &event, &p->timer) == -1)
		return false;
	p->fd = fd;
	p->seconds = seconds;
	p->begun = true;
	patience_again(p);
	return true;
}

void
patience_again(struct patience *p)
{
	bool rested = p->left == 0;

	if (!p->begun)
		return;
	p->left = p->seconds;
	if (rested)
		tick(p, true);
}

void
patience_rest(struct patience *p)
{
	p->left = 0;
	if (p->begun)
		tick(p, false);
}

void
patience_end(struct patience *p)
{
	p->left = 0;
	if (p->begun)
		(void)timer_delete(p->timer);
	p->begun = false;
}
