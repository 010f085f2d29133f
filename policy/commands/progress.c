/*
 * The handler does only what signal-safety(7) allows, so it writes its own
 * number.
 */
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "policy/commands/progress.h"

static struct {
	const char *what;
	const volatile size_t *count;
	volatile sig_atomic_t shown;
} current;

static size_t
put_number(char *out, size_t value)
{
	char digits[24];
	size_t n = 0, used = 0;

	do
		digits[n++] = (char)('0' + value % 10);
	while ((value /= 10) > 0);
	while (n > 0)
		out[used++] = digits[--n];
	out[used++] = ' ';
	return used;
}

static void
show(int signal_number)
{
	char line[128] = "\r";
	size_t n = 1, length = strlen(current.what);

	(void)signal_number;
	if (current.count != NULL)
		n += put_number(line + n, *current.count);
	if (length > sizeof line - n)
		length = sizeof line - n;
	memcpy(line + n, current.what, length);
	current.shown = 1;
	if (write(STDERR_FILENO, line, n + length) == -1)
		current.shown = 0;
}

static void
set_timer(time_t first, suseconds_t interval)
{
	struct itimerval timer = { .it_interval = { 0, interval },
		.it_value = { first, 0 } };

	setitimer(ITIMER_REAL, &timer, NULL);
}

void
progress_start(const char *what, const size_t *count)
{
	struct sigaction action = { .sa_flags = SA_RESTART };

	if (!isatty(STDERR_FILENO))
		return;
	current.what = what;
	current.count = count;
	current.shown = 0;
	action.sa_handler = show;
	sigaction(SIGALRM, &action, NULL);
	set_timer(1, 500000);
}

void
progress_wipe(void)
{
	static const char wipe[] = "\r\033[K";

	if (current.shown &&
	    write(STDERR_FILENO, wipe, sizeof wipe - 1) != -1)
		current.shown = 0;
}

void
progress_stop(void)
{
	if (current.what == NULL)
		return;
	set_timer(0, 0);
	signal(SIGALRM, SIG_DFL);
	progress_wipe();
	current.what = NULL;
}
