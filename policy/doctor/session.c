/*
 * STARTTLS that fails may leave a server that does not speak any more: then the
 * session is had once more without it, since mail would come so, too.
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "policy/base/clock.h"
#include "policy/doctor/session.h"
#include "policy/probe/handshake.h"
#include "policy/probe/smtp.h"

enum { SESSION_MS = 30000, CONNECT_MS = 10000 };

struct dialogue {
	const struct trial *trial;
	const char *helo;
	struct session *session;
	struct smtp smtp;
	struct smtp_reply reply;
	struct probe_result seen; /* OpenSSL's callback writes here until the
				   * SSL is freed */
};

static bool
broken(struct dialogue *d, const char *at)
{
	snprintf(d->session->reply, sizeof d->session->reply, "%s: %s", at,
	    d->smtp.error);
	d->session->end = SESSION_BROKEN;
	return false;
}

/* A reply that is not this one ends the session. */
static bool
expect(struct dialogue *d, enum smtp_result result, int code, const char *at)
{
	struct slice line = smtp_first_line(&d->reply);

	if (result != SMTP_OK)
		return broken(d, at);
	if (d->reply.code == code)
		return true;
	snprintf(d->session->reply, sizeof d->session->reply,
	    "%s: %d %.*s", at, d->reply.code, SLICE_ARG(line));
	d->session->end = SESSION_BROKEN;
	return false;
}

static bool
ehlo(struct dialogue *d)
{
	char line[128];

	snprintf(line, sizeof line, "EHLO %s", d->helo);
	return expect(d, smtp_command(&d->smtp, line, &d->reply), 250,
	    "EHLO");
}

static bool
connect_to(struct dialogue *d)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	const struct trial *t = d->trial;
	struct addrinfo *found = NULL;
	int error = getaddrinfo(t->host, t->port, &hints, &found);
	bool good = false;

	snprintf(d->smtp.error, sizeof d->smtp.error, "%s",
	    error == 0 ? "" : gai_strerror(error));
	for (struct addrinfo *a = found; a != NULL && !good; a = a->ai_next) {
		smtp_close(&d->smtp);
		good = smtp_connect(&d->smtp, a->ai_addr, a->ai_addrlen,
		    clock_ms() + CONNECT_MS) == SMTP_OK;
	}
	if (found != NULL)
		freeaddrinfo(found);
	if (!good) {
		broken(d, "no connection");
		d->session->end = SESSION_UNREACHABLE;
	}
	return good;
}

static bool
handshake(struct dialogue *d)
{
	const struct probe_settings settings = { .helo = d->helo };
	struct session *s = d->session;
	struct fault f;
	SSL_CTX *ctx = handshake_context(&settings, false, &f);
	bool good;

	if (ctx == NULL) {
		snprintf(d->smtp.error, sizeof d->smtp.error, "%.200s", f.text);
		return false;
	}
	good = handshake_run(ctx, "localhost", false, &d->smtp,
		    &d->seen) == SMTP_OK;
	s->tls = good;
	s->asked = d->seen.asked_for_certificate;
	snprintf(s->version, sizeof s->version, "%s", d->seen.version);
	SSL_CTX_free(ctx);
	return good;
}

/* STARTTLS, where it is offered.  False: the session is over. */
static bool
starttls(struct dialogue *d)
{
	struct session *s = d->session;

	s->offered = smtp_offers(&d->reply, "STARTTLS");
	if (!s->offered)
		return true;
	if (smtp_command(&d->smtp, "STARTTLS", &d->reply) != SMTP_OK) {
		snprintf(s->tls_error, sizeof s->tls_error, "STARTTLS: %s",
		    d->smtp.error);
		return false;
	}
	if (d->reply.code != 220) {
		struct slice line = smtp_first_line(&d->reply);

		snprintf(s->tls_error, sizeof s->tls_error,
		    "STARTTLS: %d %.*s", d->reply.code, SLICE_ARG(line));
		return true;
	}
	if (handshake(d))
		return ehlo(d);
	snprintf(s->tls_error, sizeof s->tls_error, "TLS: %s", d->smtp.error);
	return false;
}

static bool
begin(struct dialogue *d)
{
	/* The PROXY protocol, version 1: a client on this machine. */
	static const char proxy[] = "PROXY TCP4 127.0.0.1 127.0.0.1 65000 25";
	enum smtp_result result;

	if (!connect_to(d))
		return false;
	if (d->trial->implicit) {
		d->session->offered = true;
		if (!handshake(d)) {
			snprintf(d->session->tls_error,
			    sizeof d->session->tls_error, "TLS: %s",
			    d->smtp.error);
			return broken(d, "TLS");
		}
	}
	/* Behind a proxy the greeting is the answer to the PROXY line. */
	result = d->trial->proxy ? smtp_command(&d->smtp, proxy, &d->reply) :
	    smtp_read_reply(&d->smtp, &d->reply);
	return expect(d, result, 220, "greeting") && ehlo(d);
}

static void
mail(struct dialogue *d)
{
	struct session *s = d->session;
	enum smtp_result result = smtp_command(&d->smtp, "MAIL FROM:<>",
	    &d->reply);
	struct slice line = smtp_first_line(&d->reply);

	if (result != SMTP_OK) {
		broken(d, "MAIL");
		return;
	}
	s->end = SESSION_MAIL;
	s->code = d->reply.code;
	snprintf(s->reply, sizeof s->reply, "%d %.*s", s->code,
	    SLICE_ARG(line));
	if (smtp_command(&d->smtp, "RSET", &d->reply) == SMTP_OK)
		(void)smtp_command(&d->smtp, "QUIT", &d->reply);
}

static void
run(struct dialogue *d, bool with_tls)
{
	smtp_init(&d->smtp, clock_ms() + SESSION_MS, clock_ms);
	if (begin(d) && (!with_tls || d->trial->implicit || starttls(d)))
		mail(d);
	smtp_close(&d->smtp);
	probe_result_free(&d->seen);
	memset(&d->seen, 0, sizeof d->seen);
}

void
session_run(const struct trial *trial, const char *helo,
    struct session *session)
{
	struct dialogue d = { .trial = trial, .helo = helo,
		.session = session };

	memset(session, 0, sizeof *session);
	session->end = SESSION_BROKEN;
	run(&d, true);
	if (session->end != SESSION_MAIL && session->tls_error[0] != '\0' &&
	    !trial->implicit) {
		session->tls = false;
		run(&d, false);
	}
}
