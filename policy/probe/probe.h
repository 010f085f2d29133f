/*
 * probe.h - how a server answers STARTTLS, as an MTA would see it.
 *
 * One host is one dialogue: greeting, EHLO, STARTTLS, the handshake, EHLO
 * again, and when asked to MAIL and RCPT; never DATA, so no mail is sent.  On
 * port 465 the handshake comes first (RFC 8314).  The server's certificate is
 * looked at whether it verifies or not, as MTAs do when TLS is opportunistic:
 * old protocol versions and weak suites are accepted here in order to be seen.
 *
 * As MTAs do, no server name is told (SNI).  Where that gives no certificate
 * that verifies and is for the host, a second dialogue tells it; where the
 * handshake fails with it, too, one more offers the suites without certificates.
 *
 * Threads: a struct probe is shared and not changed once opened; each dialogue
 * belongs to one thread.
 */
#ifndef TLSPOLICY_PROBE_PROBE_H
#define TLSPOLICY_PROBE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "policy/base/fault.h"
#include "policy/probe/smtp.h"

struct probe_settings {
	const char *ca;		 /* PEM file or hashed directory; NULL: OpenSSL's */
	const char *certificate; /* to present; NULL: none */
	const char *key;	 /* NULL: in the certificate's file */
	const char *helo;	 /* our name in EHLO */
	const char *from, *to;	 /* NULL: not asked */
	int64_t timeout;	 /* milliseconds for one dialogue */
	bool implicit_tls;	 /* on any port as on 465 */
	bool each_address;	 /* not only the first that answers */
	int64_t (*now)(void);	 /* a monotonic clock in milliseconds */
};

struct probe {
	struct probe_settings settings;
	SSL_CTX *ctx, *anonymous;
};

/* False with a fault: a file cannot be used. */
bool probe_open(struct probe *, const struct probe_settings *, struct fault *)
    MUST_CHECK;
void probe_close(struct probe *);

enum probe_outcome {
	PROBE_TLS,	       /* the handshake was done */
	PROBE_NO_ADDRESS,
	PROBE_NO_CONNECTION,
	PROBE_TIMEOUT,
	PROBE_CLOSED,
	PROBE_NOT_SMTP,
	PROBE_TURNED_AWAY,     /* the greeting or EHLO was refused */
	PROBE_NOT_OFFERED,
	PROBE_STRIPPED,	       /* offered, but a stranger takes it out */
	PROBE_REFUSED,	       /* offered, then refused */
	PROBE_INJECTED,	       /* bytes in clear behind the 220 */
	PROBE_HANDSHAKE_FAILED,
	PROBE_OUTCOME_COUNT
};

const char *probe_outcome_name(enum probe_outcome); /* "not-offered" */

enum { PROBE_TEXT_MAX = 512, PROBE_REPLIES_MAX = 3 };

/* A command after the handshake and its answer. */
struct probe_reply {
	const char *command; /* "EHLO", "MAIL", "RCPT" */
	int code;
	char text[PROBE_TEXT_MAX];
};

struct probe_result {
	char host[256], address[64];
	uint16_t port;
	enum probe_outcome outcome;
	const char *verify;	       /* sendmail's {verify} */
	char detail[PROBE_TEXT_MAX];   /* why, for people; "" with PROBE_TLS */
	char greeting[PROBE_TEXT_MAX]; /* "" before there was one */
	/* When there was a handshake: */
	char version[32], cipher[64];
	char key_exchange[64];	       /* "X25519", "EC P-256", "RSA"; "" */
	int bits;
	X509 *certificate;	       /* NULL: the server has shown none */
	int chain;		       /* certificates that it has sent */
	long verify_result;	       /* X509_V_* */
	bool name_matches;	       /* the host stands in the certificate */
	bool anonymous;		       /* by suites without a certificate only */
	/* With its name told: {verify}; NULL: no need, or no handshake. */
	const char *named_verify;
	bool named_matches;
	X509 *named_certificate;
	bool asked_for_certificate;    /* by the server, of us */
	bool presented_certificate;
	unsigned nreplies;
	struct probe_reply replies[PROBE_REPLIES_MAX];
};

/*
 * Always fills the result: that a host cannot be reached is one.  `address`
 * NULL: the first of the host's that answers.  The result is to be
 * given back with probe_result_free().
 */
void probe_host(const struct probe *, const char *host, const char *address,
    uint16_t port, struct probe_result *);
void probe_result_free(struct probe_result *);

enum { PROBE_ADDRESSES_MAX = 16 };

/* The host's addresses, in the order in which they are tried; 0: none. */
unsigned probe_addresses(const char *host,
    char addresses[PROBE_ADDRESSES_MAX][64]);

#endif
