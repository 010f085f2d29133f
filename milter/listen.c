/*
 * Opened while the process still has its privileges: the folder or the port
 * may need them.  A socket is made with the mode that it keeps, since a mode
 * cannot be changed but by a name, which the folder's owner may turn to another
 * file; its owner and group it gets by a descriptor.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
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
bad_path(const struct listen *l, struct fault *f, const char *expected,
    const char *found)
{
	fault_set(f, FAULT_SETTINGS, "expected %s, found \"%s\"", expected,
	    found);
	fault_at_setting(f, l->setting);
	return false;
}

static bool
parse_unix(const char *path, struct listen *l, struct fault *f)
{
	struct sockaddr_un address;

	if (path[0] != '/')
		return bad_path(l, f, "unix: and an absolute path", path);
	if (strlen(path) >= sizeof address.sun_path)
		return bad_path(l, f, "a path of at most 107 bytes", path);
	snprintf(l->spec, sizeof l->spec, "unix:%s", path);
	l->path = l->spec + strlen("unix:");
	l->tcp = false;
	return true;
}

static bool
parse_inet(const char *value, struct listen *l, struct fault *f)
{
	const struct endpoint *e = &l->endpoint;

	if (!endpoint_parse(value, l->setting, &l->endpoint, f))
		return false;
	snprintf(l->spec, sizeof l->spec, "%s:%u@[%s]",
	    e->ipv6 ? "inet6" : "inet", (unsigned)e->port, e->address);
	l->tcp = true;
	l->path = NULL;
	return true;
}

static bool
find_group(const char *name, const char *setting, gid_t *gid, struct fault *f)
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
		fault_at_setting(f, setting);
		return false;
	}
	*gid = group->gr_gid;
	return true;
}

static bool
parse_spec(const char *spec, struct listen *l, struct fault *f)
{
	if (slice_starts_nocase(slice_of(spec), "unix:"))
		return parse_unix(spec + 5, l, f);
	return parse_inet(spec, l, f);
}

bool
listen_parse(const struct settings *s, uid_t owner, gid_t group,
    struct listen *l, struct fault *f)
{
	*l = (struct listen){ .setting = "socket", .owner = owner,
		.group = group, .mode = (mode_t)s->socket_mode };
	return find_group(s->socket_group, "socket-group", &l->group, f) &&
	    parse_spec(s->socket, l, f);
}

bool
listen_parse_map(const struct settings *s, uid_t owner, gid_t group,
    struct listen *l, struct fault *f)
{
	*l = (struct listen){ .setting = "socketmap", .owner = owner,
		.group = group, .mode = (mode_t)s->socketmap_mode };
	return find_group(s->socketmap_group, "socketmap-group", &l->group,
	    f) && parse_spec(s->socketmap, l, f);
}

bool
listen_parse_facts(const struct settings *s, uid_t owner, gid_t group,
    struct listen *l, struct fault *f)
{
	*l = (struct listen){ .setting = "facts-socket", .owner = owner,
		.group = group, .mode = (mode_t)s->facts_socket_mode };
	return find_group(s->facts_socket_group, "facts-socket-group",
	    &l->group, f) && parse_spec(s->facts_socket, l, f);
}

bool
listen_parse_tlsrpt(const struct settings *s, uid_t owner, gid_t group,
    struct listen *l, struct fault *f)
{
	*l = (struct listen){ .setting = "tlsrpt-socket", .owner = owner,
		.group = group, .mode = (mode_t)s->tlsrpt_socket_mode,
		.datagram = true };
	return find_group(s->tlsrpt_socket_group, "tlsrpt-socket-group",
	    &l->group, f) && parse_spec(s->tlsrpt_socket, l, f);
}

/*
 * A listener of another type (SOCK_DGRAM) answers connect(2) with EPROTOTYPE:
 * only ECONNREFUSED says that nobody has the socket open.
 */
static bool
somebody_listens(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes;

	if (fd == -1)
		return true; /* not known: the socket is left alone */
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

	if (lstat(path, &found) == -1)
		return errno == ENOENT || fault_errno(f, FAULT_UNAVAILABLE,
		    errno, "cannot look at %s", path);
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

/*
 * Who owns the folder can put another file under the socket's name: only what
 * is held by a descriptor and is a socket of ours, with no second name, is
 * given away.
 */
static bool
give_away(struct listen *l, struct fault *f)
{
	int fd = open(l->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat made;
	bool good;

	if (fd == -1 || fstat(fd, &made) == -1) {
		fault_errno(f, FAULT_UNAVAILABLE, errno, "cannot look at %s",
		    l->path);
		if (fd != -1)
			close(fd);
		return false;
	}
	good = S_ISSOCK(made.st_mode) && made.st_nlink == 1 &&
	    made.st_uid == geteuid();
	if (good) {
		/* listen_remove() unlinks the file with this inode, no other. */
		l->device = made.st_dev;
		l->inode = made.st_ino;
	}
	if (!good)
		fault_set(f, FAULT_UNAVAILABLE, "%s is not the socket that was "
		    "made there: who else writes to this folder?", l->path);
	else if (fchownat(fd, "", l->owner, l->group, AT_EMPTY_PATH) == -1)
		good = fault_errno(f, FAULT_UNAVAILABLE, errno,
		    "cannot change the owner of %s", l->path);
	close(fd);
	return good;
}

/* systemd's RuntimeDirectory= makes it: without the unit it may be missing. */
static bool
folder_is_there(const struct listen *l, struct fault *f)
{
	const char *end = strrchr(l->path, '/');
	const struct passwd *user = getpwuid(l->owner);
	char folder[LISTEN_SPEC_MAX];
	struct stat found;

	if (end == NULL || end == l->path)
		return true;
	snprintf(folder, sizeof folder, "%.*s", (int)(end - l->path), l->path);
	if (stat(folder, &found) == 0 || errno != ENOENT)
		return true;
	fault_set(f, FAULT_UNAVAILABLE, "there is no folder %s for the socket; "
	    "systemd makes that of the unit, others are made by: install -d "
	    "-o %s -m 755 %s", folder,
	    user != NULL ? user->pw_name : "USER", folder);
	fault_at_setting(f, l->setting);
	return false;
}

/* The folder may be the daemon's user's, but nobody else's. */
static bool
check_folder(const struct listen *l, struct fault *f)
{
	uid_t owner = 0;

	if (!folder_is_there(l, f))
		return false;
	if (geteuid() != 0)
		return true;
	if (!folder_owner(l->path, &owner, f))
		return false;
	return owner == 0 || owner == l->owner || fault_set(f, FAULT_SETTINGS,
	    "%s: the folder, or a link on the way, is user %lu's, who is not "
	    "the daemon's user", l->path, (unsigned long)owner);
}

static bool
cannot_listen(const struct listen *l, struct fault *f)
{
	fault_errno(f, FAULT_UNAVAILABLE, errno, "cannot listen on %s",
	    l->spec);
	fault_at_setting(f, l->setting);
	return false;
}

bool
listen_open(struct listen *l, struct fault *f)
{
	mode_t old;
	int result;

	if (l->path != NULL && (!check_folder(l, f) || !make_room(l->path, f)))
		return false;
	if (smfi_setconn(l->spec) != MI_SUCCESS)
		return fault_set(f, FAULT_SOFTWARE,
		    "libmilter does not take the socket %s", l->spec);
	old = umask(0777 & ~l->mode);
	errno = 0;
	result = smfi_opensocket(false);
	umask(old);
	if (result != MI_SUCCESS)
		return cannot_listen(l, f);
	return l->path == NULL || give_away(l, f);
}

static int
open_unix(const struct listen *l)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int type = l->datagram ? SOCK_DGRAM : SOCK_STREAM;
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t old;
	int result;

	if (fd == -1)
		return -1;
	snprintf(address.sun_path, sizeof address.sun_path, "%s", l->path);
	old = umask(0777 & ~l->mode);
	result = bind(fd, (const struct sockaddr *)&address, sizeof address);
	umask(old);
	if (result == 0)
		return fd;
	close(fd);
	return -1;
}

static socklen_t
socket_address(const struct endpoint *e, struct sockaddr_storage *out)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
	struct sockaddr_in *four = (struct sockaddr_in *)out;

	memset(out, 0, sizeof *out);
	if (e->ipv6) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(e->port);
		inet_pton(AF_INET6, e->address, &six->sin6_addr);
		return sizeof *six;
	}
	four->sin_family = AF_INET;
	four->sin_port = htons(e->port);
	inet_pton(AF_INET, e->address, &four->sin_addr);
	return sizeof *four;
}

static int
open_tcp(const struct listen *l)
{
	struct sockaddr_storage address;
	socklen_t length = socket_address(&l->endpoint, &address);
	int fd = socket(address.ss_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

	if (fd == -1)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (const struct sockaddr *)&address, length) == 0)
		return fd;
	close(fd);
	return -1;
}

bool
listen_open_fd(struct listen *l, int *fd, struct fault *f)
{
	if (l->path != NULL && (!check_folder(l, f) || !make_room(l->path, f)))
		return false;
	*fd = l->path != NULL ? open_unix(l) : open_tcp(l);
	if (*fd == -1)
		return cannot_listen(l, f);
	if (l->path != NULL && !give_away(l, f)) {
		close(*fd);
		return false;
	}
	if (l->datagram || listen(*fd, SOMAXCONN) == 0)
		return true;
	cannot_listen(l, f);
	close(*fd);
	return false;
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

static bool
look(const struct listen *l, struct stat *found)
{
	static const char prefix[] = "unix:/";

	errno = 0;
	return strncmp(l->spec, prefix, sizeof prefix - 1) == 0 &&
	    lstat(l->spec + strlen("unix:"), found) == 0;
}

void
listen_note(struct listen *l)
{
	struct stat found;

	if (!look(l, &found))
		return;
	l->device = found.st_dev;
	l->inode = found.st_ino;
}

bool
listen_is_there(const struct listen *l)
{
	struct stat found;

	if (l->inode == 0)
		return true;
	/* A folder that was closed to us may be open to the MTA. */
	if (!look(l, &found))
		return errno != ENOENT && errno != ENOTDIR;
	return found.st_dev == l->device && found.st_ino == l->inode;
}
