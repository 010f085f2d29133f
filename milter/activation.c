/*
 * libmilter listens on nothing but what it opens itself.  So it opens a socket
 * of the same family that nobody knows of, and the inherited one is put over
 * its descriptor: libmilter uses the number, and asks what is behind it only
 * for its family.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "milter/activation.h"
#include "milter/log.h"

/* The milter's, the facts feed's, and that of TLSRPT. */
enum { FIRST_FD = 3, FDS_MAX = 3 };

static bool
refuse(int fd, struct fault *f, const char *expected, const char *found)
{
	return fault_set(f, FAULT_UNAVAILABLE, "the service manager's socket, "
	    "descriptor %d: expected %s, found %s", fd, expected, found);
}

/* LISTEN_PID is somebody else's where a parent handed its environment on. */
static bool
count_announced(unsigned long *count, struct fault *f)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
	unsigned long number;

	*count = 0;
	if (pid == NULL)
		return true;
	if (!text_number(slice_of(pid), INT_MAX, &number))
		return fault_set(f, FAULT_UNAVAILABLE, "LISTEN_PID: expected "
		    "a process id, found \"%s\"", pid);
	if (number != (unsigned long)getpid())
		return true;
	if (n == NULL || !text_number(slice_of(n), FDS_MAX, count) ||
	    *count == 0)
		return fault_set(f, FAULT_UNAVAILABLE, "LISTEN_FDS: expected "
		    "one socket of the service manager, and those that are "
		    "called facts and tlsrpt, found \"%s\"",
		    n != NULL ? n : "");
	return true;
}

/* The name that LISTEN_FDNAMES gives the socket; empty: none. */
static struct slice
name_of(unsigned long which)
{
	const char *names = getenv("LISTEN_FDNAMES");
	struct slice rest = slice_of(names);

	for (; which > 0; which--) {
		size_t colon = slice_find(rest, ':');

		if (colon == rest.n)
			return slice_make("", 0);
		rest = slice_from(rest, colon + 1);
	}
	return slice_make(rest.p, slice_find(rest, ':'));
}

static int
option(int fd, int name)
{
	int value = -1;
	socklen_t n = sizeof value;

	return getsockopt(fd, SOL_SOCKET, name, &value, &n) == 0 ? value : -1;
}

static bool
is_usable(int fd, bool datagram, struct fault *f)
{
	int family = option(fd, SO_DOMAIN);
	struct stat file;

	if (fstat(fd, &file) == -1)
		return refuse(fd, f, "a socket", "no open file");
	if (!S_ISSOCK(file.st_mode))
		return refuse(fd, f, "a socket", "another kind of file");
	if (family != AF_UNIX && family != AF_INET && family != AF_INET6)
		return refuse(fd, f, "a unix or TCP socket", "another family");
	if (datagram)
		return (family == AF_UNIX && option(fd, SO_TYPE) ==
		    SOCK_DGRAM) || refuse(fd, f, "a unix datagram socket for "
		    "tlsrpt (ListenDatagram=)", "another type");
	if (option(fd, SO_TYPE) != SOCK_STREAM)
		return refuse(fd, f, "a stream socket (ListenStream=)",
		    "another type");
	if (option(fd, SO_ACCEPTCONN) != 1)
		return refuse(fd, f, "a listening socket",
		    "one that does not listen (Accept=yes?)");
	return true;
}

static void
print_inet(struct listen *l, const struct sockaddr_storage *address)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
	const struct sockaddr_in *four = (const struct sockaddr_in *)address;
	bool ipv6 = address->ss_family == AF_INET6;
	char host[INET6_ADDRSTRLEN] = "";

	inet_ntop(address->ss_family, ipv6 ? (const void *)&six->sin6_addr :
	    (const void *)&four->sin_addr, host, sizeof host);
	snprintf(l->spec, sizeof l->spec, "%s:%u@[%s]",
	    ipv6 ? "inet6" : "inet",
	    (unsigned)ntohs(ipv6 ? six->sin6_port : four->sin_port), host);
}

/* An abstract name begins with a NUL; only a path ends with one. */
static void
print_unix(struct listen *l, const struct sockaddr_un *address, socklen_t n)
{
	int length = n > offsetof(struct sockaddr_un, sun_path) ?
	    (int)(n - offsetof(struct sockaddr_un, sun_path)) : 0;
	bool abstract = length > 0 && address->sun_path[0] == '\0';

	snprintf(l->spec, sizeof l->spec, "unix:%s%.*s", abstract ? "@" : "",
	    abstract ? length - 1 : length, address->sun_path + abstract);
}

static bool
take_handed(int fd, struct listen *l, struct fault *f)
{
	struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
	socklen_t n = sizeof address;

	if (!is_usable(fd, l->datagram, f))
		return false;
	if (l->inherited)
		return fault_set(f, FAULT_UNAVAILABLE, "the service manager's "
		    "sockets: of several, expected all but the milter's to be "
		    "called facts or tlsrpt (FileDescriptorName=), and each "
		    "once");
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 ||
	    getsockname(fd, (struct sockaddr *)&address, &n) == -1)
		return fault_errno(f, FAULT_UNAVAILABLE, errno,
		    "the service manager's socket");
	l->inherited = true;
	l->fd = fd;
	l->tcp = address.ss_family != AF_UNIX;
	if (l->tcp)
		print_inet(l, &address);
	else
		print_unix(l, (const struct sockaddr_un *)&address, n);
	listen_note(l);
	return true;
}

bool
activation_unblock(const struct listen *l, struct fault *f)
{
	int flags = fcntl(l->fd, F_GETFL);

	if (flags == -1 || fcntl(l->fd, F_SETFL, flags | O_NONBLOCK) == -1)
		return fault_errno(f, FAULT_UNAVAILABLE, errno,
		    "the service manager's socket");
	return true;
}

/* Whoever can connect to these sockets is believed: no TCP socket. */
static bool
prepare_named(const struct listen *l, struct fault *f)
{
	if (l->tcp)
		return refuse(l->fd, f, "a unix socket for facts", l->spec);
	return activation_unblock(l, f);
}

bool
activation_find(struct listen *milter, struct listen *facts,
    struct listen *tlsrpt, struct fault *f)
{
	unsigned long count;

	if (!count_announced(&count, f))
		return false;
	tlsrpt->datagram = true;
	for (unsigned long i = 0; i < count; i++)
		if (!take_handed(FIRST_FD + (int)i,
		    slice_is(name_of(i), "facts") ? facts :
		    slice_is(name_of(i), "tlsrpt") ? tlsrpt : milter, f))
			return false;
	return (!facts->inherited || prepare_named(facts, f)) &&
	    (!tlsrpt->inherited || prepare_named(tlsrpt, f));
}

/*
 * The lowest free number is the one that libmilter's socket gets, as no other
 * thread runs yet; what is there afterwards shows whether it did.
 */
static bool
take_place(struct listen *l, char *spec, struct fault *f)
{
	int place = fcntl(l->fd, F_DUPFD_CLOEXEC, 0);

	if (place == -1)
		return fault_errno(f, FAULT_UNAVAILABLE, errno,
		    "cannot copy the service manager's socket");
	close(place);
	errno = 0;
	if (smfi_setconn(spec) != MI_SUCCESS ||
	    smfi_opensocket(false) != MI_SUCCESS)
		return fault_errno(f, FAULT_UNAVAILABLE, errno, "libmilter "
		    "cannot listen on %s, to be replaced by %s", spec, l->spec);
	if (option(place, SO_ACCEPTCONN) != 1 ||
	    option(place, SO_DOMAIN) != option(l->fd, SO_DOMAIN))
		return fault_set(f, FAULT_SOFTWARE,
		    "libmilter's socket is not descriptor %d", place);
	if (dup3(l->fd, place, O_CLOEXEC) == -1)
		return fault_errno(f, FAULT_UNAVAILABLE, errno,
		    "cannot hand %s to libmilter", l->spec);
	close(l->fd);
	l->fd = place;
	return true;
}

static bool
take_unix(struct listen *l, struct fault *f)
{
	char folder[] = "/tmp/tlspolicy-XXXXXX", path[64], spec[80];
	mode_t old;
	bool good;

	if (mkdtemp(folder) == NULL)
		return fault_errno(f, FAULT_UNAVAILABLE, errno,
		    "cannot make a folder in /tmp");
	old = umask(0177);
	snprintf(path, sizeof path, "%s/socket", folder);
	snprintf(spec, sizeof spec, "unix:%s", path);
	good = take_place(l, spec, f);
	umask(old);
	if ((unlink(path) == -1 && errno != ENOENT) || rmdir(folder) == -1)
		log_warn("cannot remove %s", folder);
	return good;
}

bool
activation_open(struct listen *l, struct fault *f)
{
	char four[] = "inet:0@127.0.0.1", six[] = "inet6:0@[::1]";

	if (!l->tcp)
		return take_unix(l, f);
	return take_place(l, option(l->fd, SO_DOMAIN) == AF_INET6 ?
	    six : four, f);
}

/*
 * libmilter goes on polling its descriptor: a socket that nobody connects to is
 * put there.
 */
void
activation_leave(const struct listen *l)
{
	int nobody = eventfd(0, EFD_CLOEXEC);

	if (l->inherited && nobody != -1 &&
	    dup3(nobody, l->fd, O_CLOEXEC) == -1)
		log_warn("cannot leave %s", l->spec);
	if (nobody != -1)
		close(nobody);
}
