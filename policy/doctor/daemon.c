/*
 * The handshake of the milter protocol: a packet is its length in four bytes,
 * big-endian, a letter, and data.  'O' offers version, actions and steps as
 * three numbers; the milter answers with those that it takes.  'Q' ends it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "policy/base/netaddr.h"
#include "policy/doctor/access.h"
#include "policy/doctor/doctor.h"
#include "policy/doctor/socket.h"

enum {
	PROTOCOL_VERSION = 6,
	ACTIONS_ALL = 0x1ff,
	STEPS_ALL = 0x1fffff,
	STEP_NO_DATA = 0x200, /* declines DATA */
	WAIT_S = 5
};

const char *
doctor_socket_path(const struct doctor *d)
{
	return strncmp(d->socket, "unix:", 5) == 0 ? d->socket + 5 : NULL;
}

static int
timed_socket(int family)
{
	const struct timeval wait = { WAIT_S, 0 };
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	return fd;
}

static int
try_connect(int family, const struct sockaddr *address, socklen_t size)
{
	int fd = timed_socket(family), error;

	if (fd == -1 || connect(fd, address, size) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int
connect_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	return try_connect(AF_UNIX, (struct sockaddr *)&address,
	    sizeof address);
}

static int
connect_inet(const char *spec)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_family = slice_starts_nocase(slice_of(spec), "inet6:") ?
		    AF_INET6 : AF_INET };
	struct socket_address at;
	struct addrinfo *found;
	int fd, error;

	errno = EINVAL;
	if (!socket_parse(slice_of(spec), &at))
		return -1;
	error = getaddrinfo(at.host, at.port, &hints, &found);
	if (error != 0) {
		if (error != EAI_SYSTEM)
			errno = EADDRNOTAVAIL;
		return -1;
	}
	fd = try_connect(found->ai_family, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return fd;
}

static bool
read_all(int fd, unsigned char *to, size_t n)
{
	while (n > 0) {
		ssize_t got = recv(fd, to, n, 0);

		if (got <= 0)
			return false;
		to += got;
		n -= (size_t)got;
	}
	return true;
}

static uint32_t
number_at(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

/* False: no answer of a milter came in time. */
static bool
shake_hands(int fd, uint32_t *steps)
{
	const uint32_t offer[3] = { htonl(PROTOCOL_VERSION),
		htonl(ACTIONS_ALL), htonl(STEPS_ALL) };
	unsigned char packet[17] = { 0, 0, 0, 13, 'O' }, answer[17];
	static const unsigned char quit[] = { 0, 0, 0, 1, 'Q' };

	memcpy(packet + 5, offer, sizeof offer);
	if (send(fd, packet, sizeof packet, MSG_NOSIGNAL) !=
	    (ssize_t)sizeof packet || !read_all(fd, answer, sizeof answer) ||
	    number_at(answer) < 13 || answer[4] != 'O')
		return false;
	*steps = number_at(answer + 13);
	send(fd, quit, sizeof quit, MSG_NOSIGNAL);
	return true;
}

static bool
is_loopback(const char *spec)
{
	struct socket_address at;
	struct netaddr a;

	if (!socket_parse(slice_of(spec), &at))
		return false;
	if (!netaddr_parse(slice_of(at.host), &a))
		return strcmp(at.host, "localhost") == 0;
	return a.family == 4 ? a.bytes[0] == 127 :
	    a.bytes[15] == 1 && memcmp(a.bytes, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
	    14) == 0 && a.bytes[14] == 0;
}

static void
look_at_tcp(const struct doctor *d, uint32_t steps)
{
	struct finding *f;

	if ((steps & STEP_NO_DATA) != 0) {
		f = doctor_add(d, DOCTOR_SLOW_TCP,
		    "the milter on %s declines DATA", d->socket);
		finding_mend(f, d->conf,
		    "socket = unix:/run/tlspolicy/milter.sock");
		finding_then(f, "systemctl restart tlspolicy-milter");
	}
	if (!is_loopback(d->socket)) {
		f = doctor_add(d, DOCTOR_SOCKET_ON_NETWORK,
		    "the daemon listens on %s", d->socket);
		finding_mend(f, d->conf,
		    "socket = unix:/run/tlspolicy/milter.sock");
		finding_then(f, "systemctl restart tlspolicy-milter");
	}
}

/*
 * The group of a socket unit stands there, else in the settings.  NULL: none but
 * root, which sendmail is, has to connect.
 */
static void
mend_group(const struct doctor *d, const char *group, struct finding *f)
{
	static const char folder[] =
	    "/etc/systemd/system/tlspolicy-milter.socket.d";
	char lines[FINDING_LINES_MAX];

	if (d->unit->socket[0] != '\0') {
		finding_mend(f, "run", "install -d %s\n"
		    "printf '[Socket]\\nSocketMode=0660\\nSocketGroup=%s\\n' "
		    "> %s/group.conf\nsystemctl daemon-reload\n"
		    "systemctl stop tlspolicy-milter\n"
		    "systemctl restart tlspolicy-milter.socket\n"
		    "systemctl start tlspolicy-milter", folder,
		    group != NULL ? group : "root", folder);
		return;
	}
	if (group == NULL) {
		finding_mend(f, d->conf, "socket-mode = 0660");
		finding_then(f, "systemctl restart tlspolicy-milter");
		return;
	}
	finding_mend(f, d->conf, "socket-group = %s\nsocket-mode = 0660",
	    group);
	doctor_unit_add_group(group, lines, sizeof lines);
	if (doctor_unit_lacks_group(d->unit, group))
		finding_then(f, "%s", lines);
	finding_then(f, "systemctl restart tlspolicy-milter");
}

static void
look_at_mode(const struct doctor *d, const char *path)
{
	struct stat file;

	if (stat(path, &file) == -1 || (file.st_mode & S_IWOTH) == 0)
		return;
	mend_group(d, getgrnam("postfix") != NULL ? "postfix" : NULL,
	    doctor_add(d, DOCTOR_SOCKET_OPEN_TO_ALL, "%s has mode %04o", path,
	    (unsigned)file.st_mode & 07777));
}

/* Started by the unit, the daemon is its user from the first moment on. */
static void
look_at_group(const struct doctor *d)
{
	char lines[FINDING_LINES_MAX];
	struct finding *f;

	if (doctor_socket_path(d) == NULL || d->unit->socket[0] != '\0' ||
	    !doctor_unit_lacks_group(d->unit, d->set_group))
		return;
	f = doctor_add(d, DOCTOR_SOCKET_GROUP_REFUSED,
	    "socket-group is %s, and %s, as whom tlspolicy-milter.service runs, "
	    "is not in it", d->set_group, d->unit->user);
	doctor_unit_add_group(d->set_group, lines, sizeof lines);
	finding_mend(f, "run", "%s", lines);
	finding_then(f, "systemctl restart tlspolicy-milter");
}

bool
doctor_answers(const char *address)
{
	int fd = strncmp(address, "unix:", 5) == 0 ? connect_unix(address + 5) :
	    connect_inet(address);

	if (fd != -1)
		close(fd);
	return fd != -1;
}

void
doctor_daemon(const struct doctor *d)
{
	const char *path = doctor_socket_path(d);
	int fd = path != NULL ? connect_unix(path) : connect_inet(d->socket);
	uint32_t steps = 0;
	bool answers;

	look_at_group(d);
	if (fd == -1) {
		finding_mend(doctor_add(d, DOCTOR_DAEMON_DOWN,
		    "nobody listens on %s: %s", d->socket, strerror(errno)),
		    "run", "systemctl enable --now tlspolicy-milter");
		return;
	}
	answers = shake_hands(fd, &steps);
	close(fd);
	if (!answers)
		finding_mend(doctor_add(d, DOCTOR_DAEMON_SILENT,
		    "who listens on %s does not answer as a milter within "
		    "%d s", d->socket, WAIT_S), "run",
		    "systemctl restart tlspolicy-milter");
	else if (path == NULL)
		look_at_tcp(d, steps);
	if (path != NULL)
		look_at_mode(d, path);
}

static void
group_of(const char *user, char *group, size_t size)
{
	const struct passwd *u = getpwnam(user);
	const struct group *g = u == NULL ? NULL : getgrgid(u->pw_gid);

	snprintf(group, size, "%s", g != NULL ? g->gr_name : user);
}

void
doctor_socket_for(const struct doctor *d, const char *user)
{
	const char *path = doctor_socket_path(d);
	char memory[FINDING_WHAT_MAX], group[128];
	struct access mta;
	struct finding *f;
	struct text why;

	text_init(&why, memory, sizeof memory);
	if (path == NULL || access(path, F_OK) == -1 ||
	    !access_find(user, &mta) ||
	    access_may(&mta, path, ACCESS_READ | ACCESS_WRITE, &why))
		return;
	f = doctor_add(d, DOCTOR_SOCKET_CLOSED_TO_MTA,
	    "%s may not connect to %s: %s", user, path, why.buf);
	group_of(user, group, sizeof group);
	if (strncmp(why.buf, path, strlen(path)) == 0)
		mend_group(d, group, f);
	else
		finding_mend(f, "run", "chmod o+x %.*s",
		    (int)strcspn(why.buf, " "), why.buf);
}
