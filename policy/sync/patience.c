/* The descriptor travels with the signal, so that nothing is kept here. */
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "policy/sync/patience.h"

static void
give_up(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	/* Another one's SIGALRM has no descriptor. */
	if (info->si_code == SI_TIMER)
		(void)shutdown(info->si_value.sival_int, SHUT_RDWR);
}

bool
patience_start(struct patience *p, int fd, int seconds)
{
	struct sigaction action;
	struct sigevent event;

	memset(&action, 0, sizeof action);
	action.sa_sigaction = give_up;
	action.sa_flags = SA_SIGINFO | SA_RESTART;
	memset(&event, 0, sizeof event);
	event.sigev_notify = SIGEV_SIGNAL;
	event.sigev_signo = SIGALRM;
	event.sigev_value.sival_int = fd;
	p->seconds = 0;
	if (sigaction(SIGALRM, &action, NULL) == -1 ||
	    timer_create(CLOCK_MONOTONIC, &event, &p->timer) == -1)
		return false;
	p->seconds = seconds;
	patience_again(p);
	return true;
}

void
patience_again(const struct patience *p)
{
	struct itimerspec when;

	if (p->seconds == 0)
		return;
	memset(&when, 0, sizeof when);
	when.it_value.tv_sec = p->seconds;
	(void)timer_settime(p->timer, 0, &when, NULL);
}

void
patience_end(struct patience *p)
{
	if (p->seconds > 0)
		(void)timer_delete(p->timer);
	p->seconds = 0;
}
