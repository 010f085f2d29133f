/*
 * Opened while the process still has its privileges: the folder or the port
 * may need them.  The socket is made without any permission for others and
 * gets its owner, group and mode afterwards, so that at no time more may
 * connect than the settings say.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "milter/listen.h"
#include "milter/log.h"

static bool
bad_socket(struct fault *f, const char *expected, const char *found)
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
		return bad_socket(f, "unix: and an absolute path", path);
	if (strlen(path) >= sizeof address.sun_path)
		return bad_socket(f, "a path of at most 107 bytes", path);
	snprintf(l->spec, sizeof l->spec, "unix:%s", path);
	l->path = l->spec + strlen("unix:");
	l->tcp = false;
	return true;
}

/* An address for sure, so that libmilter need not look up names. */
static bool
resolve(const char *host, unsigned long port, struct listen *l,
    struct fault *f)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	struct addrinfo *found;
	char address[NI_MAXHOST];
	int error;

	error = getaddrinfo(host, NULL, &hints, &found);
	if (error == 0) {
		error = getnameinfo(found->ai_addr, found->ai_addrlen, address,
		    sizeof address, NULL, 0, NI_NUMERICHOST);
		if (error == 0 && strlen(address) < INET6_ADDRSTRLEN)
			snprintf(l->spec, sizeof l->spec, "%s:%lu@[%.*s]",
			    found->ai_family == AF_INET6 ? "inet6" : "inet",
			    port, INET6_ADDRSTRLEN, address);
		freeaddrinfo(found);
	}
	if (error == 0)
		return true;
	fault_set(f, FAULT_SETTINGS, "host \"%s\": %s", host,
	    gai_strerror(error));
	fault_at_setting(f, "socket");
	return false;
}

static bool
parse_inet(const char *spec, struct listen *l, struct fault *f)
{
	struct slice all = slice_of(spec);
	struct slice port = slice_make(spec, slice_find(all, '@')), host;
	char name[SETTINGS_STRING_MAX];
	unsigned long number;

	if (port.n == all.n || port.n + 1 == all.n)
		return bad_socket(f, "inet:PORT@HOST", spec);
	if (!text_number(port, 65535, &number) || number == 0)
		return bad_socket(f, "a port of 1 to 65535", spec);
	host = slice_from(all, port.n + 1);
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = slice_make(host.p + 1, host.n - 2);
	snprintf(name, sizeof name, "%.*s", SLICE_ARG(host));
	l->tcp = true;
	l->path = NULL;
	return resolve(name, number, l, f);
}

static bool
find_group(const char *name, gid_t *gid, struct fault *f)
{
	const struct group *group;

	if (name[0] == '\0')
		return true;
	group = getgrnam(name);
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
	if (strncmp(s->socket, "unix:", 5) == 0)
		return parse_unix(s->socket + 5, l, f);
	if (strncmp(s->socket, "inet:", 5) == 0)
		return parse_inet(s->socket + 5, l, f);
	return bad_socket(f, "unix:/PATH or inet:PORT@HOST", s->socket);
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
