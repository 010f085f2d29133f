/*
 * Where a service listens, which ones are none of ours, and what its trial has
 * to know.
 */
#include <stdio.h>
#include <string.h>

#include "policy/base/netaddr.h"
#include "policy/doctor/postfix.h"
#include "policy/doctor/trial.h"

/* "25", "smtp", "192.0.2.1:25", "[::1]:25", "host:smtp". */
void
postfix_split_name(const struct postfix_service *s, struct slice *host,
    struct slice *port)
{
	size_t colon = s->name.n;

	while (colon > 0 && s->name.p[colon - 1] != ':')
		colon--;
	*port = slice_from(s->name, colon);
	*host = slice_make(s->name.p, colon > 0 ? colon - 1 : 0);
	if (host->n > 2 && host->p[0] == '[')
		*host = slice_make(host->p + 1, host->n - 2);
}

static bool
is_loopback(struct slice host)
{
	struct netaddr a;

	if (slice_is_nocase(host, "localhost"))
		return true;
	if (!netaddr_parse(host, &a))
		return false;
	return a.family == 4 ? a.bytes[0] == 127 : memcmp(a.bytes,
	    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16) == 0;
}

/* A parameter is set for some service, or in main.cf. */
static bool
in_use(const struct postfix *p, const char *name)
{
	if (postfix_parameter(p, name).n > 0)
		return true;
	for (unsigned i = 0; i < p->n; i++)
		if (postfix_value(p, &p->services[i], name, NULL).n > 0)
			return true;
	return false;
}

/* The restrictions are "permit_mynetworks, reject": no other client gets in. */
static bool
only_mynetworks(const struct postfix *p, const struct postfix_service *s,
    const char *restrictions)
{
	struct slice list = postfix_value(p, s, restrictions, NULL);
	struct slice word[3] = { { NULL, 0 } };
	size_t n = 0;

	while (n < 3 && slice_next_of(&list, ", \t", &word[n]))
		n += word[n].n > 0;
	return n == 2 && slice_is_nocase(word[0], "permit_mynetworks") &&
	    slice_is_nocase(word[1], "reject");
}

/* mynetworks are this machine alone: "127.0.0.0/8 [::1]/128". */
static bool
only_this_machine(const struct postfix *p, const struct postfix_service *s)
{
	struct slice list = postfix_value(p, s, "mynetworks", NULL), word;
	bool any = false;

	while (slice_next_of(&list, ", \t", &word)) {
		size_t slash = slice_find(word, '/');
		struct slice host = slice_make(word.p, slash);
		unsigned long bits = 128;

		if (word.n == 0)
			continue;
		if (host.n > 2 && host.p[0] == '[')
			host = slice_make(host.p + 1, host.n - 2);
		if (!is_loopback(host) || (slash < word.n &&
		    !text_number(slice_from(word, slash + 1), 128, &bits)) ||
		    bits < (slice_find(host, ':') < host.n ? 104 : 8))
			return false;
		any = true;
	}
	return any;
}

/* From outside nobody gets there: by its address, or by who is let in. */
static bool
is_inside(const struct postfix *p, const struct postfix_service *s)
{
	struct slice host, port;

	if (!slice_is(s->type, "inet"))
		return true;
	postfix_split_name(s, &host, &port);
	return is_loopback(host) || only_this_machine(p, s);
}

bool
postfix_is_way_back(const struct postfix *p, const struct postfix_service *s)
{
	struct slice host, port, milters;
	bool own;

	if (s->command != POSTFIX_SMTPD)
		return false;
	milters = postfix_value(p, s, "smtpd_milters", &own);
	if (own && milters.n == 0 &&
	    (only_mynetworks(p, s, "smtpd_client_restrictions") ||
	    only_mynetworks(p, s, "smtpd_recipient_restrictions")))
		return is_inside(p, s);
	postfix_split_name(s, &host, &port);
	if (!is_loopback(host))
		return false;
	/*
	 * A filter's way back has to switch the filter off, or mail would
	 * circle.
	 */
	if (in_use(p, "content_filter") &&
	    postfix_value(p, s, "content_filter", &own).n == 0 && own)
		return true;
	postfix_value(p, s, "smtpd_milters", &own);
	return in_use(p, "smtpd_proxy_filter") &&
	    postfix_value(p, s, "smtpd_proxy_filter", NULL).n == 0 &&
	    ((own && milters.n == 0) || postfix_value(p, s,
	    "smtpd_authorized_xforward_hosts", NULL).n > 0);
}

/*
 * The address at which the trial meets a service: this machine's own, if it
 * listens on all or on that.
 */
static void
find_host(const struct postfix *p, struct slice host, char *out)
{
	struct slice all = postfix_parameter(p, "inet_interfaces"), one, first;
	bool six = slice_is_nocase(postfix_parameter(p, "inet_protocols"),
	    "ipv6");

	first = host;
	while (host.n == 0 && slice_next_of(&all, ", \t", &one)) {
		if (one.n > 2 && one.p[0] == '[')
			one = slice_make(one.p + 1, one.n - 2);
		if (slice_is_nocase(one, "all") ||
		    slice_is_nocase(one, "loopback-only"))
			host = slice_of(six ? "::1" : "127.0.0.1");
		else if (is_loopback(one))
			host = one;
		else if (first.n == 0)
			first = one;
	}
	snprintf(out, TRIAL_HOST_MAX, "%.*s",
	    SLICE_ARG(host.n > 0 ? host : first));
}

/* The smtpd that a postscreen hands its clients to. */
static const struct postfix_service *
behind(const struct postfix *p, const struct postfix_service *s)
{
	struct slice name = postfix_value(p, s, "smtpd_service_name", NULL);

	if (s->command != POSTFIX_POSTSCREEN)
		return s;
	for (unsigned i = 0; i < p->n; i++)
		if (p->services[i].command == POSTFIX_SMTPD &&
		    slice_is(p->services[i].type, "pass") &&
		    slice_equal(p->services[i].name, name))
			return &p->services[i];
	return s;
}

bool
postfix_offers_tls(const struct postfix *p, const struct postfix_service *s)
{
	struct slice level = postfix_value(p, s, "smtpd_tls_security_level",
	    NULL);

	if (postfix_is_yes(p, s, "smtpd_tls_wrappermode"))
		return true;
	return level.n > 0 ? !slice_is_nocase(level, "none") :
	    postfix_is_yes(p, s, "smtpd_use_tls") ||
	    postfix_is_yes(p, s, "smtpd_enforce_tls");
}

void
postfix_trial(const struct postfix *p, const struct postfix_service *s)
{
	const struct postfix_service *smtpd = behind(p, s);
	bool screen = s->command == POSTFIX_POSTSCREEN;
	struct trial *t = trial_add(p->d);
	struct slice host, port;

	if (t == NULL)
		return;
	postfix_split_name(s, &host, &port);
	find_host(p, host, t->host);
	snprintf(t->port, sizeof t->port, "%.*s", SLICE_ARG(port));
	snprintf(t->label, sizeof t->label, "service %.*s/%.*s of %s",
	    SLICE_ARG(s->name), SLICE_ARG(s->type), p->dir);
	snprintf(t->reload, sizeof t->reload, "%s", p->reload);
	snprintf(t->start, sizeof t->start, strcmp(p->dir, "/etc/postfix") == 0 ?
	    "postfix stop; postfix start" :
	    "postfix -c %s stop; postfix -c %s start", p->dir, p->dir);
	t->implicit = postfix_is_yes(p, s, screen ?
	    "postscreen_tls_wrappermode" : "smtpd_tls_wrappermode");
	t->proxy = postfix_value(p, s, screen ?
	    "postscreen_upstream_proxy_protocol" :
	    "smtpd_upstream_proxy_protocol", NULL).n > 0;
	t->tls = postfix_offers_tls(p, smtpd);
	t->asks = postfix_is_yes(p, smtpd, "smtpd_tls_ask_ccert") ||
	    postfix_is_yes(p, smtpd, "smtpd_tls_req_ccert");
	t->explained = smtpd->unjudged;
	t->tls_explained = smtpd->tls_broken;
}
