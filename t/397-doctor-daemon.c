/*
 * Who listens at the daemon's socket, what it answers, who gets at it; and what
 * the service manager knows of it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/doctor/doctor.h"
#include "policy/doctor/run.h"
#include "t/unit.h"

#define INSTALL "install -d /etc/systemd/system/tlspolicy-milter."

static const char *socket_says, *service_says; /* NULL: systemctl fails */
static bool no_sockets;

/* By the linker's --wrap (Makefile.am). */
bool __wrap_capture(char *const argv[], struct text *, struct fault *);
int __real_socket(int, int, int);
int __wrap_socket(int, int, int);

bool
__wrap_capture(char *const argv[], struct text *out, struct fault *f)
{
	const char *says = strstr(argv[2], "milter.socket") != NULL ?
	    socket_says : service_says;

	if (says == NULL)
		return fault_set(f, FAULT_UNAVAILABLE, "sh failed");
	text_puts(out, says);
	return true;
}

int
__wrap_socket(int domain, int type, int protocol)
{
	errno = EMFILE;
	return no_sockets ? -1 : __real_socket(domain, type, protocol);
}

/* What is found, and the lines that mend it. */
static const char *
found(void (*look)(const struct doctor *), const char *spec,
    const char *group, const struct doctor_unit *unit)
{
	static const struct doctor_unit none;
	static char memory[16384];
	struct findings list;
	struct doctor d = { .conf = "conf", .socket = spec, .set_group = group,
		.unit = unit != NULL ? unit : &none, .findings = &list };
	struct text out;

	findings_init(&list);
	text_init(&out, memory, sizeof memory);
	look(&d);
	for (size_t i = 0; i < list.n; i++)
		text_printf(&out, "%s: %s\n%s:\n%s\n%s\n",
		    list.all[i].kind->name, list.all[i].what,
		    list.all[i].place, list.all[i].lines, list.all[i].then);
	findings_free(&list);
	return memory;
}

static int
listen_at(const char *path, mode_t mode)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address),
	    0);
	assert_int_equal(chmod(path, mode), 0);
	assert_int_equal(listen(fd, 5), 0);
	return fd;
}

static int
listen_on(int family, unsigned *port)
{
	struct sockaddr_in four = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_ANY) } };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_ANY_INIT };
	struct sockaddr_in6 got;
	socklen_t n = sizeof got;
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd == -1 || (family == AF_INET ? bind(fd, (struct sockaddr *)&four,
	    sizeof four) : bind(fd, (struct sockaddr *)&six, sizeof six)) == -1)
		return -1;
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&got, &n), 0);
	*port = ntohs(got.sin6_port); /* sin_port has the same place in sockaddr_in */
	return fd;
}

/* A milter: reads what a client of `fd` sends and answers these bytes. */
static pid_t
milter(int fd, const char *answer, size_t n)
{
	pid_t child = fork();
	char offer[17];
	int link;

	assert_true(child != -1);
	if (child != 0)
		return child;
	alarm(60);
	link = accept(fd, NULL, NULL);
	(void)!recv(link, offer, sizeof offer, MSG_WAITALL);
	(void)!send(link, answer, n, MSG_NOSIGNAL);
	_exit(memcmp(offer, "\0\0\0\015O\0\0\0\006", 9) != 0);
}

static void
is_sent_an_offer(pid_t child)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

#define PLAIN "\0\0\0\015O\0\0\0\006\0\0\0\0\0\0\0\0"
#define NO_DATA "\0\0\0\015O\0\0\0\006\0\0\0\0\0\0\002\0"
#define SILENT "daemon-silent: who listens on %s does not answer as a milter " \
	"within 5 s\nrun:\nsystemctl restart tlspolicy-milter\n\n"

static void
test_answers(void **state)
{
	static const struct {
		const char *name, *bytes;
		size_t n;
		bool good;
	} rows[] = {
		{ "a milter", PLAIN, 17, true },
		{ "one that has more to say", "\0\0\0\016O\0\0\0\006\0\0\0\0\0\0"
		    "\0\0x", 18, true },
		{ "nothing", "", 0, false },
		{ "half of it", PLAIN, 9, false },
		{ "too short by its length", "\0\0\0\014O\0\0\0\006\0\0\0\0\0"
		    "\0\0\0", 17, false },
		{ "another letter", "\0\0\0\015C\0\0\0\006\0\0\0\0\0\0\0\0",
		    17, false },
		{ "a mail server", "220 mx.test ESMTP Postfix\r\n", 27, false },
	};
	const char *path = unit_path("sock");
	char spec[600], silent[1000];
	int fd = listen_at(path, 0660);

	(void)state;
	snprintf(spec, sizeof spec, "unix:%s", path);
	snprintf(silent, sizeof silent, SILENT, spec);
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		pid_t child = milter(fd, rows[i].bytes, rows[i].n);

		unit_same(rows[i].name, rows[i].good ? "" : silent,
		    found(doctor_daemon, spec, "", NULL));
		is_sent_an_offer(child);
	}
	close(fd);
	unit_end();
}

static void
test_down(void **state)
{
	static const char *const rows[][2] = {
		{ "unix:/nonexistent/s", "No such file or directory" },
		{ "nonsense", "Invalid argument" },
		{ "inet:x@127.0.0.1", "Cannot assign requested address" },
		{ "inet6:1@::1", "Connection refused" },
		{ "inet:1@127.0.0.1", "Connection refused" },
	};
	char want[1000];

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		snprintf(want, sizeof want, "daemon-down: nobody listens on "
		    "%s: %s\nrun:\nsystemctl enable --now tlspolicy-milter\n\n",
		    rows[i][0], rows[i][1]);
		unit_same(rows[i][0], want,
		    found(doctor_daemon, rows[i][0], "", NULL));
		assert_false(doctor_answers(rows[i][0]));
	}
	no_sockets = true;
	unit_same("no descriptors", "daemon-down: nobody listens on "
	    "unix:/x: Too many open files\nrun:\nsystemctl enable --now "
	    "tlspolicy-milter\n\n", found(doctor_daemon, "unix:/x", "", NULL));
	no_sockets = false;
	unit_end();
}

#define ON_NETWORK "socket-on-network: the daemon listens on %s\nconf:\n"      \
	"socket = unix:/run/tlspolicy/milter.sock\n"                           \
	"systemctl restart tlspolicy-milter\n"
#define SLOW "slow-tcp: the milter on %s declines DATA\nconf:\n"               \
	"socket = unix:/run/tlspolicy/milter.sock\n"                           \
	"systemctl restart tlspolicy-milter\n"

static void
test_tcp(void **state)
{
	static const struct {
		int family;
		const char *host, *answer, *want;
	} rows[] = {
		{ AF_INET, "127.0.0.1", PLAIN, "" },
		{ AF_INET, "127.1.2.3", PLAIN, "" },
		{ AF_INET, "localhost", PLAIN, "" },
		{ AF_INET, "127.0.0.1", NO_DATA, SLOW },
		{ AF_INET, "0.0.0.0", PLAIN, ON_NETWORK },
		{ AF_INET6, "::1", PLAIN, "" },
		{ AF_INET6, "::", PLAIN, ON_NETWORK },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		char spec[300], want[1000];
		unsigned port;
		int fd = listen_on(rows[i].family, &port);
		pid_t child;

		if (fd == -1)
			continue; /* no IPv6 here */
		snprintf(spec, sizeof spec, "inet%s:%u@%s",
		    rows[i].family == AF_INET ? "" : "6", port, rows[i].host);
		/* The format is a row's, with one %s or none. */
		want[0] = '\0';
		if (rows[i].want[0] != '\0')
			snprintf(want, sizeof want, strstr(rows[i].want,
			    "slow") != NULL ? SLOW : ON_NETWORK, spec);
		assert_true(doctor_answers(spec));
		close(accept(fd, NULL, NULL));
		child = milter(fd, rows[i].answer, 17);
		unit_same(spec, want, found(doctor_daemon, spec, "", NULL));
		is_sent_an_offer(child);
		close(fd);
	}
	unit_end();
}

static void
for_nobody(const struct doctor *d)
{
	doctor_socket_for(d, "nobody");
}

static void
for_stranger(const struct doctor *d)
{
	doctor_socket_for(d, "no-such-user");
}

/* A folder closes the way to the MTA's user, or the socket itself. */
static void
test_closed(void **state)
{
	static const struct doctor_unit active = { .socket = "unix:/x" },
	    unit = { .service_there = true, .user = "daemon" };
	const char *path = unit_path("sock2");
	char spec[600], reached[600];
	const char *got;
	int fd = listen_at(path, 0600);

	(void)state;
	snprintf(spec, sizeof spec, "unix:%s", path);
	snprintf(reached, sizeof reached, "%s", unit_path("."));
	assert_int_equal(chmod(reached, 0755), 0);
	got = found(for_nobody, spec, "", NULL);
	assert_non_null(strstr(got, "socket-closed-to-mta: nobody may not "));
	assert_non_null(strstr(got, "conf:\nsocket-group = "));
	assert_null(strstr(got, INSTALL));
	got = found(for_nobody, spec, "", &unit);
	assert_non_null(strstr(got, INSTALL "service.d"));
	got = found(for_nobody, spec, "", &active);
	assert_non_null(strstr(got, INSTALL "socket.d"));
	assert_int_equal(chmod(path, 0666), 0);
	unit_same("open", "", found(for_nobody, spec, "", NULL));
	assert_int_equal(chmod(reached, 0700), 0);
	got = found(for_nobody, spec, "", NULL);
	assert_non_null(strstr(got, "\nrun:\nchmod o+x /"));
	unit_same("nobody of that name", "",
	    found(for_stranger, spec, "", NULL));
	unit_same("no path", "", found(for_nobody, "inet:1@x", "", NULL));
	unit_same("no such file", "",
	    found(for_nobody, "unix:/nonexistent", "", NULL));
	close(fd);
	unit_end();
}

/* The whole machine may talk to the milter. */
static void
test_open(void **state)
{
	static const struct doctor_unit active = { .socket = "unix:/x" };
	const char *path = unit_path("sock3");
	int fd = listen_at(path, 0666);
	char spec[600];
	const char *got;
	pid_t child;

	(void)state;
	snprintf(spec, sizeof spec, "unix:%s", path);
	child = milter(fd, PLAIN, 17);
	got = found(doctor_daemon, spec, "", NULL);
	is_sent_an_offer(child);
	assert_non_null(strstr(got, "socket-open-to-all: "));
	assert_non_null(strstr(got, " has mode 0666\nconf:\nsocket-"));
	child = milter(fd, PLAIN, 17);
	got = found(doctor_daemon, spec, "", &active);
	is_sent_an_offer(child);
	assert_non_null(strstr(got, "SocketMode=0660\\nSocketGroup="));
	close(fd);
}

/* As whom the unit runs, against the group that the socket is to have. */
static void
test_group(void **state)
{
	static const struct {
		const char *name, *spec, *group;
		struct doctor_unit unit;
		bool refused;
	} rows[] = {
		{ "not in it", "unix:/x", "mail", { .service_there = true,
		    .user = "nobody" }, true },
		{ "by its groups", "unix:/x", "mail", { .service_there = true,
		    .user = "nobody", .groups = "x, mail" }, false },
		{ "by itself", "unix:/x", "nogroup", { .service_there = true,
		    .user = "nobody" }, false },
		{ "of no such user", "unix:/x", "mail", {
		    .service_there = true, .user = "no-such-user" }, false },
		{ "of no such group", "unix:/x", "no-such-group", {
		    .service_there = true, .user = "nobody" }, true },
		{ "root may", "unix:/x", "mail", { .service_there = true },
		    false },
		{ "no unit", "unix:/x", "mail", { .user = "nobody" }, false },
		{ "no group", "unix:/x", "", { .service_there = true,
		    .user = "nobody" }, false },
		{ "the socket unit's", "unix:/x", "mail", {
		    .service_there = true, .user = "nobody",
		    .socket = "unix:/x" }, false },
		{ "no path", "inet:1@127.0.0.1", "mail", {
		    .service_there = true, .user = "nobody" }, false },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		const char *got = found(doctor_daemon, rows[i].spec,
		    rows[i].group, &rows[i].unit);

		unit_number(rows[i].name, rows[i].refused,
		    strstr(got, "socket-group-refused: socket-group is ") !=
		    NULL);
	}
	unit_end();
}

static void
test_unit(void **state)
{
	static const struct {
		const char *name, *socket, *service, *want;
	} rows[] = {
		{ "no systemd", NULL, NULL, "|0|0||" },
		{ "a socket, no service", "LoadState=loaded\nActiveState="
		    "active\nListen=/x (Stream)\n", NULL, "unix:/x|1|0||" },
		{ "not active", "LoadState=loaded\nActiveState=inactive\n"
		    "Listen=/x (Stream)\n", "LoadState=not-found\n",
		    "|1|0|| " },
		{ "not installed", "LoadState=not-found\nActiveState=inactive\n",
		    "LoadState=loaded\nUser=u\nGroup=g\n"
		    "SupplementaryGroups=a b\n", "|0|1|u|g a b" },
		{ "on a port", "LoadState=loaded\nActiveState=active\n"
		    "Listen=25 (Stream)\n", "", "|1|0|| " },
		{ "on nothing", "LoadState=loaded\nActiveState=active\n"
		    "Listen=\nx\n", "", "|1|0|| " },
	};
	char got[2048];

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct doctor_unit unit;

		socket_says = rows[i].socket;
		service_says = rows[i].service;
		doctor_unit_ask(&unit);
		snprintf(got, sizeof got, "%s|%d|%d|%s|%s", unit.socket,
		    unit.socket_there, unit.service_there, unit.user,
		    unit.groups);
		unit_same(rows[i].name, rows[i].want, got);
	}
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_down),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_unit),
	};

	return unit_main(tests);
}
