/*
 * Handlers only write a byte into a pipe; a full pipe has a byte in it
 * already, so that nothing is lost by not waiting.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "milter/log.h"
#include "milter/signals.h"

static int tube[2] = { -1, -1 };

static void
wake(char what)
{
	int error = errno;

	if (write(tube[1], &what, 1) == -1)
		errno = error;
}

static void
handle(int signal)
{
	wake(signal == SIGHUP ? 'h' : 't');
}

static void
mask(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
}

void
signals_block(void)
{
	sigset_t set;

	mask(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void
unblock(void)
{
	sigset_t set;

	mask(&set);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

bool
signals_init(struct fault *f)
{
	struct sigaction action;

	if (pipe2(tube, O_CLOEXEC | O_NONBLOCK) == -1)
		return fault_errno(f, FAULT_UNAVAILABLE, errno, "pipe");
	memset(&action, 0, sizeof action);
	sigemptyset(&action.sa_mask);
	action.sa_flags = SA_RESTART;
	action.sa_handler = handle;
	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	/* By default these two end the process. */
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
	unblock();
	return true;
}

/*
 * In the place of libc's, for libmilter, which alone in this process calls it:
 * its signal thread waits here for ever, without a signal being waited for.
 * The kernel hands on a signal when the main thread is just being given
 * another one, so that blocking alone leaves one HUP in some 30,000 to it.
 */
int
sigwait(const sigset_t *set, int *signal)
{
	(void)set;
	*signal = 0;
	for (;;)
		poll(NULL, 0, -1);
}

static void *
milter_thread(void *none)
{
	(void)none;
	/*
	 * Not around pthread_create(3) in the main thread: a signal that came
	 * while that one had it blocked would go to libmilter.
	 */
	signals_block();
	if (smfi_main() != MI_SUCCESS)
		log_warnx("libmilter ended with a failure");
	wake('e');
	return NULL;
}

bool
signals_start_milter(struct fault *f)
{
	pthread_t thread;
	int error;

	error = pthread_create(&thread, NULL, milter_thread, NULL);
	if (error != 0)
		return fault_errno(f, FAULT_UNAVAILABLE, error,
		    "cannot start libmilter's thread");
	pthread_detach(thread);
	return true;
}

/* Several HUPs count as one; TERM goes before HUP. */
static enum signals_event
drain(void)
{
	enum signals_event event = SIGNALS_NONE;
	char c;

	while (read(tube[0], &c, 1) == 1) {
		if (c == 't')
			event = SIGNALS_STOP;
		else if (c == 'e' && event != SIGNALS_STOP)
			event = SIGNALS_ENDED;
		else if (c == 'h' && event == SIGNALS_NONE)
			event = SIGNALS_RELOAD;
	}
	return event;
}

enum signals_event
signals_wait(int ms)
{
	struct pollfd wait = { .fd = tube[0], .events = POLLIN };

	if (poll(&wait, 1, ms) <= 0)
		return SIGNALS_NONE;
	return drain();
}
