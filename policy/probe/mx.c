/*
 * libresolv sends the query and takes the answer apart; what is ours is the
 * meaning: no such domain, no MX, a null MX and no answer are four things.
 */
#include <netinet/in.h>
#include <arpa/nameser.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/probe/mx.h"

struct exchange {
	unsigned preference;
	char host[MX_NAME_MAX];
};

static int
by_preference(const void *a, const void *b)
{
	const struct exchange *x = a, *y = b;

	if (x->preference != y->preference)
		return x->preference < y->preference ? -1 : 1;
	return strcasecmp(x->host, y->host);
}

static size_t
read_exchanges(ns_msg *message, struct exchange *list, size_t size)
{
	size_t n = 0;

	for (int i = 0; i < ns_msg_count(*message, ns_s_an) && n < size; i++) {
		ns_rr record;

		if (ns_parserr(message, ns_s_an, i, &record) != 0 ||
		    ns_rr_type(record) != ns_t_mx || ns_rr_rdlen(record) < 3)
			continue;
		list[n].preference = ns_get16(ns_rr_rdata(record));
		if (ns_name_uncompress(ns_msg_base(*message),
		    ns_msg_end(*message), ns_rr_rdata(record) + 2,
		    list[n].host, sizeof list[n].host) >= 0)
			n++;
	}
	return n;
}

/* The names come from the DNS and go into log lines and SNI. */
static bool
is_host_name(const char *name)
{
	for (const char *p = name; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("-_.", *p) == NULL)
			return false;
	return name[0] != '\0';
}

static bool
take_exchanges(const char *domain, struct exchange *list, size_t n,
    struct mx *mx, struct fault *f)
{
	if (n == 1 && (list[0].host[0] == '\0' ||
	    strcmp(list[0].host, ".") == 0))
		return fault_set(f, FAULT_UNAVAILABLE, "%s takes no mail "
		    "(null MX, RFC 7505)", domain);
	qsort(list, n, sizeof *list, by_preference);
	for (size_t i = 0; i < n; i++)
		if (is_host_name(list[i].host))
			memcpy(mx->host[mx->n++], list[i].host, MX_NAME_MAX);
	if (mx->n == 0 && n > 0)
		return fault_set(f, FAULT_UNAVAILABLE, "%s: its MX records "
		    "name no host", domain);
	return true;
}

static bool
no_answer(const char *domain, int error, struct mx *mx, struct fault *f)
{
	if (error == HOST_NOT_FOUND)
		return fault_set(f, FAULT_UNAVAILABLE, "%s: no such domain",
		    domain);
	if (error != NO_DATA)
		return fault_set(f, FAULT_UNAVAILABLE, "%s: MX records: %s",
		    domain, hstrerror(error));
	mx->implicit = true;
	mx->n = 1;
	strncpy(mx->host[0], domain, MX_NAME_MAX - 1);
	mx->host[0][MX_NAME_MAX - 1] = '\0';
	return true;
}

static bool
query(res_state state, const char *domain, struct mx *mx, struct fault *f)
{
	unsigned char answer[NS_MAXMSG];
	struct exchange list[MX_HOSTS_MAX];
	ns_msg message;
	size_t found;
	int n = res_nquery(state, domain, ns_c_in, ns_t_mx, answer,
	    sizeof answer);

	if (n < 0)
		return no_answer(domain, state->res_h_errno, mx, f);
	if (n > (int)sizeof answer || ns_initparse(answer, n, &message) != 0)
		return fault_set(f, FAULT_UNAVAILABLE, "%s: MX records: a "
		    "malformed answer", domain);
	found = read_exchanges(&message, list, MX_HOSTS_MAX);
	/* A CNAME alone, for example. */
	if (found == 0)
		return no_answer(domain, NO_DATA, mx, f);
	return take_exchanges(domain, list, found, mx, f);
}

bool
mx_lookup(const char *domain, int seconds, struct mx *mx, struct fault *f)
{
	struct __res_state state;
	bool good;

	memset(mx, 0, sizeof *mx);
	memset(&state, 0, sizeof state);
	if (res_ninit(&state) != 0)
		return fault_set(f, FAULT_UNAVAILABLE, "the resolver cannot be "
		    "started");
	state.retry = 2;
	state.retrans = seconds / (2 * (state.nscount > 0 ? state.nscount : 1));
	if (state.retrans < 1)
		state.retrans = 1;
	good = query(&state, domain, mx, f);
	res_nclose(&state);
	return good;
}
