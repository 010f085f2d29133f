/*
 * A library to be preloaded: what a program tells syslog(3) goes to the file
 * that SYSLOG_FILE names, in the form of a syslog daemon.  For programs that
 * run where there is none.  With SYSLOG_NUMBERS in the environment each line
 * begins with its facility and priority, <16> and the like.
 */
/* With _FORTIFY_SOURCE <syslog.h> defines syslog(3) itself. */
#undef _FORTIFY_SOURCE

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static const char *tag = "unknown", *path;
static int facility = LOG_USER;
static int numbers; /* not 0: SYSLOG_NUMBERS was given */

/* Read at once: sendmail clears its environment later. */
__attribute__((constructor)) static void
find_path(void)
{
	const char *found = getenv("SYSLOG_FILE");

	if (found != NULL)
		path = strdup(found);
	numbers = getenv("SYSLOG_NUMBERS") != NULL;
}

void
openlog(const char *ident, int option, int of)
{
	(void)option;
	facility = of;
	if (ident != NULL)
		tag = ident;
}

__attribute__((format(printf, 2, 0))) static void
put(int priority, const char *format, va_list args)
{
	char host[64] = "", when[32] = "", line[4096];
	int n = 0;
	time_t now = time(NULL);
	struct tm tm;
	int fd;

	if (path == NULL || localtime_r(&now, &tm) == NULL)
		return;
	gethostname(host, sizeof host - 1);
	strftime(when, sizeof when, "%b %e %H:%M:%S", &tm);
	if (numbers != 0)
		n = snprintf(line, sizeof line, "<%d>", priority > LOG_DEBUG ?
		    priority : facility | priority);
	n += snprintf(line + n, sizeof line - (size_t)n, "%s %s %s[%ld]: ",
	    when, host, tag, (long)getpid());
	n += vsnprintf(line + n, sizeof line - (size_t)n, format, args);
	if (n > (int)sizeof line - 2)
		n = (int)sizeof line - 2;
	line[n++] = '\n';
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (fd == -1)
		return;
	if (write(fd, line, (size_t)n) != n)
		abort();
	close(fd);
}

void
vsyslog(int priority, const char *format, va_list args)
{
	put(priority, format, args);
}

void
syslog(int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put(priority, format, args);
	va_end(args);
}

/* The names of syslog(3) in a program built with _FORTIFY_SOURCE. */
void __vsyslog_chk(int, int, const char *, va_list)
    __attribute__((format(printf, 3, 0)));
void __syslog_chk(int, int, const char *, ...)
    __attribute__((format(printf, 3, 4)));

void
__vsyslog_chk(int priority, int flag, const char *format, va_list args)
{
	(void)flag;
	put(priority, format, args);
}

void
__syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list args;

	(void)flag;
	va_start(args, format);
	put(priority, format, args);
	va_end(args);
}
