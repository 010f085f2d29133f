/*
 * Opened while the process still has its privileges: the folder or the port
 * may need them.  The socket is made without any permission for others and
 * gets its owner, group and mode afterwards, so that at no time more may
 * connect than the settings say.
 */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "milter/endpoint.h"
#include "milter/listen.h"
#include "milter/log.h"

static bool
bad_path(struct fault *f, const char *expected, const char *found)
{
	fault_set(f, FAULT_SETTINGS, "expected %s, found \"%s\"", expected,
	    found);
	fault_at_setting(f, "socket");
	return false;
}

static bool
parse_unix(const char *path, struct listen *l, struct fault *f)
{
	struct sockaddr_un address;

	if (path[0] != '/')
		return bad_path(f, "unix: and an absolute path", path);
	if (strlen(path) >= sizeof address.sun_path)
		return bad_path(f, "a path of at most 107 bytes", path);
	snprintf(l->spec, sizeof l->spec, "unix:%s", path);
	l->path = l->spec + strlen("unix:");
	l->tcp = false;
	return true;
}

static bool
parse_inet(const char *value, struct listen *l, struct fault *f)
{
	struct endpoint e;

	if (!endpoint_parse(value, "socket", &e, f))
		return false;
	snprintf(l->spec, sizeof l->spec, "%s:%u@[%s]",
	    e.ipv6 ? "inet6" : "inet", (unsigned)e.port, e.address);
	l->tcp = true;
	l->path = NULL;
	return true;
}

static bool
find_group(const char *name, gid_t *gid, struct fault *f)
{
	const struct group *group;
	unsigned long number;

	if (name[0] == '\0')
		return true;
	group = getgrnam(name);
	if (group == NULL && text_number(slice_of(name), INT_MAX, &number))
		group = getgrgid((gid_t)number);
	if (group == NULL) {
		fault_set(f, FAULT_SETTINGS, "there is no group \"%s\"", name);
		fault_at_setting(f, "socket-group");
		return false;
	}
	*gid = group->gr_gid;
	return true;
}

bool
listen_parse(const struct settings *s, uid_t owner, gid_t group,
    struct listen *l, struct fault *f)
{
	memset(l, 0, sizeof *l);
	l->owner = owner;
	l->group = group;
	l->mode = (mode_t)s->socket_mode;
	if (!find_group(s->socket_group, &l->group, f))
		return false;
	if (slice_starts_nocase(slice_of(s->socket), "unix:"))
		return parse_unix(s->socket + 5, l, f);
	return parse_inet(s->socket, l, f);
}

static bool
somebody_listens(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes;

	if (fd == -1)
		return true; /* when in doubt, leave it alone */
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	yes = connect(fd, (const struct sockaddr *)&address,
	    sizeof address) == 0 || errno != ECONNREFUSED;
	close(fd);
	return yes;
}

static bool
make_room(const char *path, struct fault *f)
{
	struct stat found;

	if (lstat(path, &found) == -1 && errno == ENOENT)
		return true;
	if (!S_ISSOCK(found.st_mode))
		return fault_set(f, FAULT_UNAVAILABLE,
		    "%s is in the way: it is not a socket", path);
	if (somebody_listens(path))
		return fault_set(f, FAULT_UNAVAILABLE,
		    "%s: another process listens there", path);
	if (unlink(path) == -1)
		return fault_errno(f, FAULT_UNAVAILABLE, errno,
		    "cannot remove the old socket %s", path);
	log_info("removed the socket that a dead process left: %s", path);
	return true;
}

static bool
give_away(struct listen *l, struct fault *f)
{
	struct stat made;

	if (lchown(l->path, l->owner, l->group) == -1)
		return fault_errno(f, FAULT_UNAVAILABLE, errno,
		    "cannot change the owner of %s", l->path);
	if (chmod(l->path, l->mode) == -1 || lstat(l->path, &made) == -1)
		return fault_errno(f, FAULT_UNAVAILABLE, errno,
		    "cannot change the mode of %s", l->path);
	l->device = made.st_dev;
	l->inode = made.st_ino;
	return true;
}

bool
listen_open(struct listen *l, struct fault *f)
{
	mode_t old;
	int result;

	if (l->path != NULL && !make_room(l->path, f))
		return false;
	if (smfi_setconn(l->spec) != MI_SUCCESS)
		return fault_set(f, FAULT_SOFTWARE,
		    "libmilter does not take the socket %s", l->spec);
	old = umask(0177);
	errno = 0;
	result = smfi_opensocket(false);
	umask(old);
	if (result != MI_SUCCESS) {
		fault_errno(f, FAULT_UNAVAILABLE, errno, "cannot listen on %s",
		    l->spec);
		fault_at_setting(f, "socket");
		return false;
	}
	return l->path == NULL || give_away(l, f);
}

void
listen_remove(const struct listen *l)
{
	struct stat found;

	if (l->path == NULL || lstat(l->path, &found) == -1 ||
	    found.st_dev != l->device || found.st_ino != l->inode)
		return;
	if (unlink(l->path) == -1)
		log_warn("cannot remove the socket %s", l->path);
}
