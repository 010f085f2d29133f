#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "policy/doctor/socket.h"

static bool
keep(struct slice from, char *to, size_t size)
{
	int n = snprintf(to, size, "%.*s", SLICE_ARG(from));

	return n > 0 && (size_t)n < size;
}

/* "[::1]" without its brackets. */
static struct slice
bare(struct slice host)
{
	return host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']' ?
	    slice_make(host.p + 1, host.n - 2) : host;
}

static bool
parse_path(struct slice s, struct socket_address *a)
{
	size_t n = slice_starts_nocase(s, "unix:") ? 5 :
	    slice_starts_nocase(s, "local:") ? 6 : 0;

	return n > 0 && keep(slice_from(s, n), a->path, sizeof a->path);
}

bool
socket_parse(struct slice s, struct socket_address *a)
{
	size_t at;

	memset(a, 0, sizeof *a);
	s = slice_trim(s);
	if (parse_path(s, a))
		return true;
	a->ipv6 = slice_starts_nocase(s, "inet6:");
	if (!a->ipv6 && !slice_starts_nocase(s, "inet:"))
		return false;
	s = slice_from(s, slice_find(s, ':') + 1);
	at = slice_find(s, '@');
	if (at == s.n)
		return keep(s, a->port, sizeof a->port) &&
		    keep(slice_of(a->ipv6 ? "::" : "0.0.0.0"), a->host,
		    sizeof a->host);
	return keep(slice_make(s.p, at), a->port, sizeof a->port) &&
	    keep(bare(slice_from(s, at + 1)), a->host, sizeof a->host);
}

bool
socket_parse_postfix(struct slice s, struct socket_address *a)
{
	size_t colon;

	memset(a, 0, sizeof *a);
	s = slice_trim(s);
	if (slice_starts_nocase(s, "unix:"))
		return parse_path(s, a);
	if (!slice_starts_nocase(s, "inet:"))
		return false;
	s = slice_from(s, 5);
	for (colon = s.n; colon > 0 && s.p[colon - 1] != ':'; colon--)
		continue;
	if (colon == 0)
		return false;
	a->ipv6 = slice_find(slice_make(s.p, colon - 1), ':') < colon - 1;
	return keep(slice_from(s, colon), a->port, sizeof a->port) &&
	    keep(bare(slice_make(s.p, colon - 1)), a->host, sizeof a->host);
}

static struct addrinfo *
look_up(const struct socket_address *a)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;

	return getaddrinfo(a->host, a->port, &hints, &found) == 0 ? found :
	    NULL;
}

/* One address is reached by the other: the same, or one that is any. */
static bool
reaches(const struct addrinfo *to, const struct addrinfo *at)
{
	const struct sockaddr_in *t = (void *)to->ai_addr;
	const struct sockaddr_in *a = (void *)at->ai_addr;
	const struct sockaddr_in6 *t6 = (void *)to->ai_addr;
	const struct sockaddr_in6 *a6 = (void *)at->ai_addr;

	if (to->ai_family != at->ai_family || t->sin_port != a->sin_port)
		return false;
	if (to->ai_family == AF_INET)
		return t->sin_addr.s_addr == a->sin_addr.s_addr ||
		    a->sin_addr.s_addr == htonl(INADDR_ANY);
	return to->ai_family == AF_INET6 &&
	    (memcmp(&t6->sin6_addr, &a6->sin6_addr, 16) == 0 ||
	    memcmp(&a6->sin6_addr, &in6addr_any, 16) == 0);
}

static bool
same_inet(const struct socket_address *to, const struct socket_address *at)
{
	struct addrinfo *t, *a;
	bool same;

	if (strcasecmp(to->host, at->host) == 0 &&
	    strcmp(to->port, at->port) == 0)
		return true;
	t = look_up(to);
	a = look_up(at);
	same = false;
	for (struct addrinfo *i = t; i != NULL && !same; i = i->ai_next)
		for (struct addrinfo *j = a; j != NULL && !same;
		    j = j->ai_next)
			same = reaches(i, j);
	if (t != NULL)
		freeaddrinfo(t);
	if (a != NULL)
		freeaddrinfo(a);
	return same;
}

bool
socket_same(const struct socket_address *to, const struct socket_address *at)
{
	struct stat t, a;

	if ((to->path[0] == '\0') != (at->path[0] == '\0'))
		return false;
	if (to->path[0] == '\0')
		return same_inet(to, at);
	return strcmp(to->path, at->path) == 0 ||
	    (stat(to->path, &t) == 0 && stat(at->path, &a) == 0 &&
	    t.st_dev == a.st_dev && t.st_ino == a.st_ino);
}

void
socket_print_postfix(const struct socket_address *a, struct text *out)
{
	bool colons = strchr(a->host, ':') != NULL;

	if (a->path[0] != '\0')
		text_printf(out, "unix:%s", a->path);
	else
		text_printf(out, "inet:%s%s%s:%s", colons ? "[" : "", a->host,
		    colons ? "]" : "", a->port);
}

void
socket_print_sendmail(const struct socket_address *a, struct text *out)
{
	if (a->path[0] != '\0')
		text_printf(out, "local:%s", a->path);
	else
		text_printf(out, "%s:%s@%s", a->ipv6 ? "inet6" : "inet",
		    a->port, a->host);
}
