/*
 * Plain appending under one mutex.  A record that a full disk cut in two ends
 * in a newline of its own as soon as there is room: what follows is not glued
 * to it, and a reader sees that it was torn.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "milter/audit.h"
#include "milter/log.h"

struct audit {
	pthread_mutex_t lock;
	int fd;		/* -1: off */
	bool each;	/* audit-sync = each */
	bool torn;	/* the file ends in the middle of a line */
	bool failing;	/* logged already */
};

static bool
open_file(const struct settings *settings, int *fd, struct fault *fault)
{
	*fd = -1;
	if (settings->audit_file[0] == '\0')
		return true;
	*fd = open(settings->audit_file,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	if (*fd != -1)
		return true;
	fault_errno(fault, FAULT_IO, errno, "cannot append to %s",
	    settings->audit_file);
	fault_at_setting(fault, "audit-file");
	return false;
}

struct audit *
audit_open(const struct settings *settings, struct fault *fault)
{
	struct audit *a = calloc(1, sizeof *a);

	if (a == NULL) {
		fault_errno(fault, FAULT_UNAVAILABLE, errno, "audit log");
		return NULL;
	}
	if (!open_file(settings, &a->fd, fault)) {
		free(a);
		return NULL;
	}
	a->each = settings->audit_sync == AUDIT_SYNC_EACH;
	pthread_mutex_init(&a->lock, NULL);
	return a;
}

static bool
append(struct audit *a, struct slice record)
{
	char newline[] = "\n";
	struct iovec parts[3];
	size_t wanted = record.n + 1 + (a->torn ? 1 : 0);
	ssize_t written;

	parts[0] = (struct iovec){ newline, a->torn ? 1 : 0 };
	parts[1] = (struct iovec){ (void *)(uintptr_t)record.p, record.n };
	parts[2] = (struct iovec){ newline, 1 };
	written = writev(a->fd, parts, 3);
	if (written == (ssize_t)wanted) {
		a->torn = false;
		return !a->each || fdatasync(a->fd) == 0;
	}
	if (written > 0) {
		a->torn = true;
		errno = ENOSPC;
	}
	return false;
}

bool
audit_submit(struct audit *a, struct slice record)
{
	bool taken = true;

	pthread_mutex_lock(&a->lock);
	if (a->fd != -1)
		taken = append(a, record);
	if (!taken && !a->failing)
		log_warn("audit log: cannot write");
	if (taken && a->failing)
		log_info("audit log: writing again");
	a->failing = !taken;
	pthread_mutex_unlock(&a->lock);
	return taken;
}

bool
audit_reopen(struct audit *a, const struct settings *settings,
    struct fault *fault)
{
	int fd, old;

	if (!open_file(settings, &fd, fault))
		return false;
	pthread_mutex_lock(&a->lock);
	old = a->fd;
	a->fd = fd;
	a->each = settings->audit_sync == AUDIT_SYNC_EACH;
	a->torn = false;
	pthread_mutex_unlock(&a->lock);
	if (old != -1)
		close(old);
	return true;
}

void
audit_close(struct audit *a)
{
	if (a->fd != -1) {
		fdatasync(a->fd);
		close(a->fd);
	}
	pthread_mutex_destroy(&a->lock);
	free(a);
}
