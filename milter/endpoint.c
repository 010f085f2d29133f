/*
 * An address comes out for sure: neither libmilter nor libevent needs to look
 * up a name later, with other rights or in another place.
 */
#include <netdb.h>
#include <sys/socket.h>

#include "milter/endpoint.h"

static bool
bad(const char *setting, const char *expected, const char *found,
    struct fault *f)
{
	fault_set(f, FAULT_SETTINGS, "expected %s, found \"%s\"", expected,
	    found);
	fault_at_setting(f, setting);
	return false;
}

static bool
resolve(const char *host, const char *setting, struct endpoint *e,
    struct fault *f)
{
	const struct addrinfo hints = {
		.ai_family = e->ipv6 ? AF_INET6 : AF_INET,
		.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	struct addrinfo *found;
	int error;

	error = getaddrinfo(host, NULL, &hints, &found);
	if (error == 0) {
		error = getnameinfo(found->ai_addr, found->ai_addrlen,
		    e->address, sizeof e->address, NULL, 0, NI_NUMERICHOST);
		freeaddrinfo(found);
	}
	if (error == 0)
		return true;
	fault_set(f, FAULT_SETTINGS, "host \"%s\": %s", host,
	    gai_strerror(error));
	fault_at_setting(f, setting);
	return false;
}

bool
endpoint_parse(const char *value, const char *setting, struct endpoint *e,
    struct fault *f)
{
	struct slice all = slice_of(value), port;
	size_t colon = slice_find(all, ':'), at = slice_find(all, '@');
	unsigned long number;

	e->ipv6 = slice_starts_nocase(all, "inet6:");
	if ((!e->ipv6 && !slice_starts_nocase(all, "inet:")) ||
	    at == all.n || at < colon)
		return bad(setting, "inet:PORT@HOST", value, f);
	port = slice_make(value + colon + 1, at - colon - 1);
	if (!text_number(port, 65535, &number) || number == 0)
		return bad(setting, "a port of 1 to 65535", value, f);
	e->port = (uint16_t)number;
	return resolve(value + at + 1, setting, e, f);
}
