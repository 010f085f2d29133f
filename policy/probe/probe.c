/*
 * The steps of a dialogue, each a function that says whether the next one may
 * follow; the first that cannot go on has filled outcome and detail.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/base/netaddr.h"
#include "policy/probe/handshake.h"
#include "policy/probe/probe.h"

/* Milliseconds for QUIT: the result is complete by then. */
enum { QUIT_TIMEOUT = 1000 };

enum { IMPLICIT_TLS_PORT = 465 };

struct dialogue {
	const struct probe *probe;
	SSL_CTX *ctx;
	const char *address; /* NULL: any of the host's */
	bool named;	     /* the server is told which host is meant */
	struct smtp smtp;
	struct smtp_reply reply;
	struct probe_result *result;
};

/* {verify} is what sendmail would say; doc/op, "{verify}". */
static const struct {
	const char *name, *verify;
} outcomes[PROBE_OUTCOME_COUNT] = {
	[PROBE_TLS] = { "tls", "FAIL" },
	[PROBE_NO_ADDRESS] = { "no-address", "NONE" },
	[PROBE_NO_CONNECTION] = { "no-connection", "NONE" },
	[PROBE_TIMEOUT] = { "timeout", "NONE" },
	[PROBE_CLOSED] = { "closed", "NONE" },
	[PROBE_NOT_SMTP] = { "not-smtp", "NONE" },
	[PROBE_TURNED_AWAY] = { "turned-away", "NONE" },
	[PROBE_NOT_OFFERED] = { "not-offered", "NONE" },
	[PROBE_STRIPPED] = { "stripped", "NONE" },
	[PROBE_REFUSED] = { "refused", "PROTOCOL" },
	[PROBE_INJECTED] = { "injected", "PROTOCOL" },
	[PROBE_HANDSHAKE_FAILED] = { "handshake-failed", "SOFTWARE" },
};

const char *
probe_outcome_name(enum probe_outcome outcome)
{
	return outcomes[outcome].name;
}

bool
probe_open(struct probe *probe, const struct probe_settings *settings,
    struct fault *f)
{
	probe->settings = *settings;
	probe->ctx = handshake_context(settings, false, f);
	probe->anonymous = probe->ctx == NULL ? NULL :
	    handshake_context(settings, true, f);
	if (probe->anonymous == NULL)
		probe_close(probe);
	return probe->ctx != NULL;
}

void
probe_close(struct probe *probe)
{
	SSL_CTX_free(probe->ctx);
	SSL_CTX_free(probe->anonymous);
	probe->ctx = probe->anonymous = NULL;
}

static bool end(struct probe_result *, enum probe_outcome, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static bool
end(struct probe_result *result, enum probe_outcome outcome, const char *fmt,
    ...)
{
	va_list ap;

	result->outcome = outcome;
	result->verify = outcomes[outcome].verify;
	va_start(ap, fmt);
	vsnprintf(result->detail, sizeof result->detail, fmt, ap);
	va_end(ap);
	return false;
}

/* A dialogue that broke off: which outcome that is. */
static bool
broken(struct dialogue *d, enum smtp_result how, const char *where)
{
	static const enum probe_outcome outcome[] = {
		[SMTP_TIMEOUT] = PROBE_TIMEOUT,
		[SMTP_CLOSED] = PROBE_CLOSED,
		[SMTP_NOT_SMTP] = PROBE_NOT_SMTP,
		[SMTP_FAILED] = PROBE_CLOSED,
	};

	return end(d->result, outcome[how], "%s: %s", where, d->smtp.error);
}

static void
keep_first_line(const struct smtp_reply *reply, char *buf, size_t size)
{
	struct text out;

	text_init(&out, buf, size);
	text_put(&out, smtp_first_line(reply));
}

static bool
connect_one(struct dialogue *d, const struct addrinfo *a, int64_t deadline)
{
	struct probe_result *result = d->result;
	enum smtp_result how;

	if (getnameinfo(a->ai_addr, a->ai_addrlen, result->address,
	    sizeof result->address, NULL, 0, NI_NUMERICHOST) != 0)
		snprintf(result->address, sizeof result->address, "?");
	how = smtp_connect(&d->smtp, a->ai_addr, a->ai_addrlen, deadline);
	if (how == SMTP_OK) {
		/* detail may still be that of an address that failed before. */
		result->detail[0] = '\0';
		return true;
	}
	end(result, how == SMTP_TIMEOUT ? PROBE_TIMEOUT : PROBE_NO_CONNECTION,
	    how == SMTP_TIMEOUT ? "connect: %s" : "%s", d->smtp.error);
	smtp_close(&d->smtp);
	return false;
}

/* Each address in turn, as an MTA does, each with its share of the time. */
static bool
connect_host(struct dialogue *d)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	const struct addrinfo *a;
	char port[8];
	int error, left = 0;
	bool connected = false;

	snprintf(port, sizeof port, "%u", d->result->port);
	error = getaddrinfo(d->address != NULL ? d->address : d->result->host,
	    port, &hints, &list);
	if (error != 0)
		return end(d->result, PROBE_NO_ADDRESS, "%s",
		    gai_strerror(error));
	for (a = list; a != NULL; a = a->ai_next)
		left++;
	for (a = list; a != NULL && !connected; a = a->ai_next) {
		int64_t now = d->smtp.now();

		connected = connect_one(d, a,
		    now + (d->smtp.deadline - now) / left--);
	}
	freeaddrinfo(list);
	return connected;
}

static bool
read_greeting(struct dialogue *d)
{
	enum smtp_result how = smtp_read_reply(&d->smtp, &d->reply);

	if (how != SMTP_OK)
		return broken(d, how, "greeting");
	keep_first_line(&d->reply, d->result->greeting,
	    sizeof d->result->greeting);
	if (d->reply.code / 100 != 2)
		return end(d->result, PROBE_TURNED_AWAY, "greeting: %d %s",
		    d->reply.code, d->result->greeting);
	return true;
}

static bool
send_ehlo(struct dialogue *d)
{
	char line[512];
	enum smtp_result how;

	snprintf(line, sizeof line, "EHLO %s", d->probe->settings.helo);
	how = smtp_command(&d->smtp, line, &d->reply);
	if (how != SMTP_OK)
		return broken(d, how, "EHLO");
	if (d->reply.code / 100 != 2)
		return end(d->result, PROBE_TURNED_AWAY, "EHLO: %d %.*s",
		    d->reply.code, SLICE_ARG(smtp_first_line(&d->reply)));
	return true;
}

/*
 * Firewalls that take STARTTLS out overwrite it with X of the same length, so
 * that the packet stays as long ("250-XXXXXXXA" of Cisco's SMTP fixup).
 */
static bool
is_masked(struct slice text)
{
	size_t run = 0;

	for (size_t i = 0; i < text.n; i++) {
		run = text.p[i] == 'X' ? run + 1 : 0;
		if (run >= 4)
			return true;
	}
	return false;
}

/*
 * Not in the EHLO reply.  Ask all the same: a server that then agrees has
 * offered it, and somebody on the way has taken the offer out.
 */
static bool
not_offered(struct dialogue *d)
{
	if (is_masked(slice_make(d->reply.text.buf, d->reply.text.n)))
		return end(d->result, PROBE_STRIPPED, "STARTTLS is overwritten "
		    "with X in the EHLO reply: a firewall on the way takes it "
		    "out");
	if (smtp_command(&d->smtp, "STARTTLS", &d->reply) == SMTP_OK) {
		if (d->reply.code == 220)
			return end(d->result, PROBE_STRIPPED, "the server "
			    "agrees to STARTTLS, but its offer is missing from "
			    "the EHLO reply: somebody on the way takes it out");
		if (is_masked(smtp_first_line(&d->reply)))
			return end(d->result, PROBE_STRIPPED, "STARTTLS arrives "
			    "overwritten with X: a firewall on the way takes it "
			    "out");
	}
	return end(d->result, PROBE_NOT_OFFERED, "STARTTLS is not offered: mail "
	    "to this server goes in clear");
}

static bool
ask_starttls(struct dialogue *d)
{
	enum smtp_result how;

	if (!smtp_offers(&d->reply, "STARTTLS"))
		return not_offered(d);
	how = smtp_command(&d->smtp, "STARTTLS", &d->reply);
	if (how != SMTP_OK)
		return broken(d, how, "STARTTLS");
	if (d->reply.code != 220) {
		end(d->result, is_masked(smtp_first_line(&d->reply)) ?
		    PROBE_STRIPPED : PROBE_REFUSED, "STARTTLS was offered and "
		    "then refused: %d %.*s", d->reply.code,
		    SLICE_ARG(smtp_first_line(&d->reply)));
		if (d->reply.code / 100 == 4)
			d->result->verify = "TEMP";
		return false;
	}
	if (smtp_has_input(&d->smtp))
		return end(d->result, PROBE_INJECTED, "the server sent bytes in "
		    "clear behind its 220: they could be anybody's "
		    "(CVE-2011-0411)");
	return true;
}

static bool
start_tls(struct dialogue *d)
{
	enum smtp_result how = handshake_run(d->ctx, d->result->host, d->named,
	    &d->smtp, d->result);

	if (how != SMTP_OK)
		return end(d->result, how == SMTP_TIMEOUT ? PROBE_TIMEOUT :
		    PROBE_HANDSHAKE_FAILED, "handshake: %s", d->smtp.error);
	d->result->outcome = PROBE_TLS;
	d->result->verify = d->result->certificate == NULL ? "NO" :
	    d->result->verify_result == X509_V_OK ? "OK" : "FAIL";
	return true;
}

/*
 * Under TLS 1.3 a server refuses our certificate only after the handshake.  Its
 * alert may be lost when it closes on the EHLO that was already on its way.
 */
static bool
refused_after_handshake(struct dialogue *d)
{
	const struct probe_result *result = d->result;

	return end(d->result, PROBE_HANDSHAKE_FAILED,
	    "after the handshake: %s%s", d->smtp.error,
	    !result->asked_for_certificate ? "" :
	    result->presented_certificate ?
	    " (the certificate presented may not suit it)" :
	    " (it asks for a certificate and was shown none)");
}

static bool
say(struct dialogue *d, const char *command, const char *line)
{
	struct probe_reply *kept = &d->result->replies[d->result->nreplies];
	enum smtp_result how = smtp_command(&d->smtp, line, &d->reply);

	if (d->result->nreplies == 0 &&
	    (how == SMTP_FAILED || how == SMTP_CLOSED))
		return refused_after_handshake(d);
	if (how != SMTP_OK)
		return broken(d, how, command);
	kept->command = command;
	kept->code = d->reply.code;
	keep_first_line(&d->reply, kept->text, sizeof kept->text);
	d->result->nreplies++;
	return d->reply.code / 100 == 2;
}

static bool
say_envelope(struct dialogue *d)
{
	const struct probe_settings *settings = &d->probe->settings;
	char line[1024];

	snprintf(line, sizeof line, "EHLO %s", settings->helo);
	if (!say(d, "EHLO", line))
		return false;
	if (settings->from == NULL)
		return true;
	snprintf(line, sizeof line, "MAIL FROM:<%s>", settings->from);
	if (!say(d, "MAIL", line))
		return false;
	if (settings->to == NULL)
		return true;
	snprintf(line, sizeof line, "RCPT TO:<%s>", settings->to);
	return say(d, "RCPT", line);
}

/* The server is waiting for a command, so that QUIT is polite. */
static bool
is_listening(enum probe_outcome outcome)
{
	return outcome == PROBE_TLS || outcome == PROBE_NOT_OFFERED ||
	    outcome == PROBE_REFUSED || outcome == PROBE_TURNED_AWAY;
}

static bool
is_implicit(const struct dialogue *d)
{
	return d->probe->settings.implicit_tls ||
	    d->result->port == IMPLICIT_TLS_PORT;
}

static void
run(struct dialogue *d)
{
	const struct probe_settings *settings = &d->probe->settings;

	smtp_init(&d->smtp, settings->now() + settings->timeout,
	    settings->now);
	if (connect_host(d) && (is_implicit(d) ?
	    start_tls(d) && read_greeting(d) :
	    read_greeting(d) && send_ehlo(d) && ask_starttls(d) &&
	    start_tls(d)))
		say_envelope(d);
	if (is_listening(d->result->outcome)) {
		d->smtp.deadline = settings->now() + QUIT_TIMEOUT;
		smtp_command(&d->smtp, "QUIT", &d->reply);
	}
	smtp_close(&d->smtp);
}

/* The same host once more, at the address that answered. */
static void
run_again(const struct dialogue *first, SSL_CTX *ctx, bool named,
    struct probe_result *result)
{
	struct dialogue d = { .probe = first->probe, .ctx = ctx,
		.address = first->result->address, .named = named,
		.result = result };

	memset(result, 0, sizeof *result);
	memcpy(result->host, first->result->host, sizeof result->host);
	result->port = first->result->port;
	run(&d);
}

/* True: there was TLS.  An address is no name that can be told. */
static bool
ask_by_name(const struct dialogue *first)
{
	struct probe_result *result = first->result, named;
	struct netaddr address;
	bool tls;

	if (netaddr_parse(slice_of(result->host), &address))
		return false;
	run_again(first, first->probe->ctx, true, &named);
	tls = named.outcome == PROBE_TLS;
	if (tls || result->outcome == PROBE_TLS) {
		result->named_verify = named.verify;
		result->named_matches = named.name_matches;
		result->named_certificate = named.certificate;
		named.certificate = NULL;
	}
	probe_result_free(&named);
	return tls;
}

/* A server without a certificate agrees to anonymous suites alone. */
static void
ask_anonymously(const struct dialogue *first)
{
	struct probe_result again;

	run_again(first, first->probe->anonymous, false, &again);
	if (again.outcome == PROBE_TLS) {
		again.anonymous = true;
		*first->result = again;
	} else {
		probe_result_free(&again);
	}
}

void
probe_host(const struct probe *probe, const char *host, const char *address,
    uint16_t port, struct probe_result *result)
{
	struct dialogue d = { .probe = probe, .ctx = probe->ctx,
		.address = address, .result = result };

	memset(result, 0, sizeof *result);
	snprintf(result->host, sizeof result->host, "%s", host);
	result->port = port;
	run(&d);
	if (result->outcome == PROBE_HANDSHAKE_FAILED) {
		if (!ask_by_name(&d))
			ask_anonymously(&d);
	} else if (result->outcome == PROBE_TLS && (!result->name_matches ||
	    result->verify_result != X509_V_OK)) {
		ask_by_name(&d);
	}
}

unsigned
probe_addresses(const char *host, char addresses[PROBE_ADDRESSES_MAX][64])
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	unsigned n = 0;

	if (getaddrinfo(host, NULL, &hints, &list) != 0)
		return 0;
	for (const struct addrinfo *a = list; a != NULL &&
	    n < PROBE_ADDRESSES_MAX; a = a->ai_next)
		n += getnameinfo(a->ai_addr, a->ai_addrlen, addresses[n],
		    sizeof addresses[n], NULL, 0, NI_NUMERICHOST) == 0;
	freeaddrinfo(list);
	return n;
}

void
probe_result_free(struct probe_result *result)
{
	X509_free(result->certificate);
	X509_free(result->named_certificate);
	result->certificate = result->named_certificate = NULL;
}
