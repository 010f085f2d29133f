/*
 * Macros that get lost let nobody in: each session is judged by each policy with
 * all its macros, and then without every one, every two, and all but v and j.
 * What was refused stays refused (be it as "cannot tell"), what was held or
 * warned of is at least that.
 *
 * Two losses cannot be noticed, and are left out: of all macros of a login (a
 * session without one looks the same), and of a {verify} that tells of a
 * handshake that failed, in a session that is in clear for that reason.
 */
#include <stdio.h>
#include <string.h>

#include "policy/facts/macro.h"
#include "t/unit.h"

enum { MACROS_MAX = 32 };

#define SENDMAIL "v=8.17.1 j=mx.test i=Q1 client_resolve=OK daemon_name=MTA " \
	"daemon_port=25 daemon_addr=192.0.2.25 "
#define POSTFIX "v=Postfix j=mx.test i=Q1 daemon_name=mx.test " \
	"daemon_port=25 daemon_addr=192.0.2.25 "
#define EVIL "client_name=mx.evil.example client_addr=192.0.2.1 " \
	"mail_addr=<boss@evil.example> rcpt_addr=<pay@home.example> "
#define GOOD "client_name=mx.good.example client_addr=198.51.100.1 " \
	"mail_addr=<joe@good.example> rcpt_addr=<joe@home.example> "
#define NAMELESS "client_addr=192.0.2.1 mail_addr=<> rcpt_addr=<pay@home.example> "
#define BARE "client_name=mx.other.example client_addr=192.0.2.1 " \
	"mail_addr=<ceo> rcpt_addr=<pay@mx.test> "
#define TLS12 "tls_version=TLSv1.2 cipher=ECDHE-RSA-AES128-GCM-SHA256 " \
	"cipher_bits=128 "
#define WEAK "tls_version=TLSv1 cipher=AES128-SHA cipher_bits=128 "
#define ANONYMOUS "tls_version=TLSv1.2 cipher=ADH-AES128-SHA cipher_bits=128 "
#define CERTIFICATE "cn_subject=mx.good.example cn_issuer=CA " \
	"cert_subject=/CN=mx.good.example cert_issuer=/CN=CA " \
	"cert_fp=aa112233445566778899aabbccddeeff "
#define LOGIN "auth_type=PLAIN auth_authen=joe "

static const char *const sessions[] = {
	SENDMAIL EVIL "verify=NONE",
	SENDMAIL EVIL TLS12 "verify=NO",
	SENDMAIL EVIL TLS12 "verify=FAIL " CERTIFICATE,
	SENDMAIL EVIL TLS12 "verify=OK " CERTIFICATE,
	SENDMAIL EVIL WEAK "verify=NO",
	SENDMAIL EVIL ANONYMOUS "verify=NO " LOGIN,
	SENDMAIL EVIL "verify=NONE " LOGIN "auth_ssf=56",
	SENDMAIL GOOD TLS12 "verify=OK " CERTIFICATE,
	SENDMAIL "client_name=[192.0.2.1] " NAMELESS "verify=NONE",
	SENDMAIL EVIL "verify=SOFTWARE",
	SENDMAIL BARE "verify=NONE",
	POSTFIX EVIL,
	POSTFIX EVIL TLS12,
	POSTFIX EVIL WEAK LOGIN,
	POSTFIX EVIL TLS12 "cert_subject=mx.evil.example cert_issuer=CA",
	POSTFIX EVIL TLS12 "cert_subject=unknown cert_issuer=CA",
	POSTFIX BARE,
	POSTFIX BARE TLS12,
	POSTFIX GOOD TLS12 "cert_subject=mx.good.example cert_issuer=CA",
	POSTFIX "client_name=unknown " NAMELESS,
	POSTFIX "client_name=unknown " NAMELESS TLS12
	    "cert_subject=unknown cert_issuer=CA",
};

static const char *const policies[] = {
	"TLS_Clt:evil.example PERM+VERIFY\nTLS_Clt: OK\n",
	"TLS_Clt:evil.example PERM+ENCR:256\nTLS_Clt:192.0.2.0/24 OK\n",
	"TLS_Clt:192.0.2.0/24 PERM+VERIFY:256\nTLS_Clt: OK\n",
	"TLS_Clt:192.0.2.1 TEMP+ENCR:128\nTLS_Clt:good.example OK\n",
	"TLS_Clt:[192.0.2.1] PERM+VERIFY\nTLS_Clt: OK\n",
	"TLS_Clt:[192.0.2] PERM+VERIFY\nTLS_Clt:192.0.2.1 OK\n",
	"TLS_Clt: PERM+VERIFY\nTLS_Clt:good.example OK\n",
	"TLS_Clt: PERM+VERIFY\nTLS_Clt:198.51.100.1 OK\n",
	"TLS_Clt: PERM+ENCR:128\n",
	"TLS_Clt: PERM+ENCR:0+PFS\n",
	"TLS_Clt: PERM+ENCR:0+AEAD\n",
	"TLS_Clt: PERM+ENCR:0+AUTHENTICATED\n",
	"TLS_Clt: PERM+ENCR:0+VER:1.2\n",
	"TLS_Clt: PERM+ENCR:0+CIPHER:HIGH@SECLEVEL=2\n",
	"TLS_Clt: PERM+VERIFY+CN\n",
	"TLS_Clt: PERM+ENCR:0+CN\n",
	"TLS_Clt: PERM+VERIFY+CN:mx.good.example\n",
	"TLS_Clt: PERM+VERIFY+CS:/CN=mx.other.example\n",
	"TLS_Clt: PERM+VERIFY+CI:/CN=OtherCA\n",
	"TLS_Clt: PERM+VERIFY+ICN:OtherCA\n",
	"TLS_Clt: PERM+VERIFY+CITag:MyCA\nMyCA:/CN=OtherCA OK\n",
	"TLS_Clt: PERM+ENCR:0+FP:00112233445566778899aabbccddeeff\n",
	"TLS_Clt:evil.example HOLD+VERIFY\nTLS_Clt: OK\n",
	"TLS_Clt:evil.example WARN+VERIFY\nTLS_Clt: OK\n",
	"TLS_Auth:joe PERM+VERIFY:256\nTLS_Auth: OK\n",
	"TLS_Auth: PERM+ENCR:256\nTLS_Auth:ann OK\n",
	"TLS_Daemon:25 PERM+VERIFY:256\nTLS_Daemon: OK\n",
	"TLS_Daemon:MTA PERM+VERIFY:256\nTLS_Daemon:25 OK\n",
	"TLS_Daemon: PERM+VERIFY:256\nTLS_Daemon:587 OK\n",
	"TLS_From:evil.example PERM+VERIFY:256\nTLS_From: OK\n",
	"TLS_From:boss@evil.example PERM+VERIFY:256\nTLS_From:example OK\n",
	"TLS_From:<> PERM+VERIFY\nTLS_From: OK\n",
	"TLS_To:pay@home.example PERM+VERIFY:256\nTLS_To: OK\n",
	"TLS_To:pay@mx.test PERM+VERIFY:256\nTLS_To: OK\n",
	"TLS_From:ceo@mx.test PERM+VERIFY:256\nTLS_From: OK\n",
	"TLS_To:home.example HOLD+VERIFY:256\nTLS_To: OK\n",
	("TLS_Clt:evil.example HOLD+ENCR:256\nTLS_From:evil.example "
	    "PERM+VERIFY:256\nTLS_From: OK\nTLS_Clt: OK\n"),
};

struct session {
	char text[1024];
	const char *macro[MACROS_MAX];
	unsigned n;
	bool failed_handshake;
};

static void
take_apart(struct session *s, const char *macros)
{
	snprintf(s->text, sizeof s->text, "%s", macros);
	s->failed_handshake = strstr(macros, "verify=SOFTWARE") != NULL;
	s->n = 0;
	for (char *m = strtok(s->text, " "); m != NULL; m = strtok(NULL, " ")) {
		assert_true(s->n < MACROS_MAX);
		s->macro[s->n++] = m;
	}
}

static bool
begins(const char *macro, const char *name)
{
	return strncmp(macro, name, strlen(name)) == 0;
}

/* Whether a macro whose name begins so was kept, or the session had none. */
static bool
still_told(const struct session *s, const char *name, uint32_t kept)
{
	bool any = false;

	for (unsigned i = 0; i < s->n; i++)
		if (begins(s->macro[i], name)) {
			if ((kept >> i & 1) != 0)
				return true;
			any = true;
		}
	return !any;
}

/* A loss that looks like another session, of which nothing is missing. */
static bool
unnoticeable(const struct session *s, const char *policy, uint32_t kept)
{
	return (strstr(policy, "TLS_Auth") != NULL &&
	    !still_told(s, "auth_", kept)) ||
	    (s->failed_handshake && !still_told(s, "verify=", kept));
}

/* As the daemon asks at MAIL and at RCPT; the strictest of both. */
static unsigned
judge(struct store_reader *reader, const struct session *s, uint32_t kept,
    bool compat)
{
	static struct verdict verdict;
	struct eval_options options = { .default_class = CLASS_TEMP,
		.compat_sendmail = compat };
	struct question q = { .options = &options };
	char macros[1024] = "";
	struct facts facts;
	unsigned mail, rcpt;

	for (unsigned i = 0; i < s->n; i++)
		if ((kept >> i & 1) != 0) {
			strcat(macros, s->macro[i]);
			strcat(macros, " ");
		}
	unit_facts_told(&facts, macros);
	q.facts = &facts;
	q.reader = reader;
	q.untold = !facts_arrived(&facts);
	q.exempt = facts_local(&facts);
	q.scope = EVAL_MAIL;
	eval_session(&q, &verdict);
	mail = verdict_severity(verdict.kind, verdict.waiver);
	q.scope = EVAL_RCPT;
	eval_session(&q, &verdict);
	rcpt = verdict_severity(verdict.kind, verdict.waiver);
	facts_free(&facts);
	return mail > rcpt ? mail : rcpt;
}

/* "Cannot tell" is a refusal for now: as good as one for good. */
static unsigned
rank(unsigned severity)
{
	return severity > 3 ? 3 : severity;
}

static void
lose(struct store_reader *reader, const struct session *s, const char *policy,
    uint32_t kept, unsigned whole, bool compat)
{
	char row[2048];
	unsigned got;

	if (unnoticeable(s, policy, kept))
		return;
	got = judge(reader, s, kept, compat);
	if (rank(got) >= rank(whole))
		return;
	snprintf(row, sizeof row, "%s%s%s %s..., without", compat ?
	    "compat: " : "", policy, s->macro[0], s->macro[5]);
	for (unsigned i = 0; i < s->n; i++)
		if ((kept >> i & 1) == 0)
			snprintf(row + strlen(row), sizeof row - strlen(row),
			    " %s", s->macro[i]);
	unit_number(row, whole, got);
}

static void
lose_each(struct store_reader *reader, const struct session *s,
    const char *policy, bool compat)
{
	uint32_t all = (UINT32_C(1) << s->n) - 1;
	unsigned whole = judge(reader, s, all, compat);

	for (unsigned i = 0; i < s->n; i++)
		for (unsigned k = i; k < s->n; k++)
			lose(reader, s, policy, all & ~(UINT32_C(1) << i |
			    UINT32_C(1) << k), whole, compat);
	lose(reader, s, policy, 3, whole, compat); /* all but v and j are lost */
	lose(reader, s, policy, 0, whole, compat);
}

static void
lose_under(bool compat)
{
	for (size_t p = 0; p < UNIT_COUNT(policies); p++) {
		struct store_reader reader;
		struct fault fault;
		struct store *store = store_open(unit_build("missing",
		    policies[p], 1), &fault);

		assert_non_null(store);
		assert_true(store_begin(store, &reader, &fault));
		for (size_t i = 0; i < UNIT_COUNT(sessions); i++) {
			struct session s;

			take_apart(&s, sessions[i]);
			lose_each(&reader, &s, policies[p], compat);
		}
		store_end(&reader);
		store_close(store);
	}
	unit_end();
}

static void
test_lost(void **state)
{
	(void)state;
	lose_under(false);
}

static void
test_lost_compat(void **state)
{
	(void)state;
	lose_under(true);
}

/* The missing macro is named; rules that do not need it are judged. */
static void
test_named(void **state)
{
	static const struct {
		const char *rules, *macros;
		enum tag tag;
		const char *want; /* the macro that is missed; or the whole verdict */
	} rows[] = {
		{ "TLS_Clt:a.example OK\n", "v=8 j=x client_addr=192.0.2.1",
		    TAG_CLT, "{client_name}" },
		{ "TLS_Clt:[192] OK\n", "v=8 j=x client_addr=192.0.2.1",
		    TAG_CLT, "{client_name}" },
		{ "TLS_Clt:192.0.2.1 OK\n", "v=8 j=x client_name=a.example",
		    TAG_CLT, "{client_addr}" },
		{ "TLS_Clt:192.0.2.1 OK\n", "v=8 j=x client_name=a.example "
		    "client_addr=junk", TAG_CLT, "{client_addr} junk" },
		{ "TLS_Clt:192.0.2.1 OK\n", "v=Postfix j=x client_addr=unknown "
		    "client_name=unknown", TAG_CLT, "{client_addr} unknown" },
		{ "TLS_Clt:a.example OK\nTLS_Clt:192.0.2.1 PERM+VERIFY\n",
		    "v=8 j=x client_name=a.example", TAG_CLT, "accept" },
		{ "TLS_Clt:192.0.2.1 PERM+VERIFY\n", "v=8 j=x "
		    "client_addr=192.0.2.2", TAG_CLT, "accept" },
		{ "TLS_Clt: OK\nTLS_From:a.example PERM+VERIFY\n", "v=8 j=x",
		    TAG_CLT, "accept" },
		{ "TLS_Clt:a.example PERM+VERIFY\n", "v=8 j=x client_addr=0",
		    TAG_CLT, "accept" },
		{ "TLS_Daemon:MTA OK\n", "v=8 j=x daemon_port=25", TAG_DAEMON,
		    "{daemon_name}" },
		{ "TLS_Daemon:MSA OK\n", "v=8 j=x daemon_name=MTA", TAG_DAEMON,
		    "{daemon_port}" },
		{ "TLS_Daemon:MSA OK\n", "v=8 j=x client_addr=0", TAG_DAEMON,
		    "accept" },
		{ "TLS_Auth:joe OK\n", "v=8 j=x auth_type=PLAIN", TAG_AUTH,
		    "{auth_authen}" },
		{ "TLS_Auth:joe OK\n", "v=8 j=x", TAG_AUTH, "accept" },
		{ "TLS_From:a.example OK\n", "v=8 j=x", TAG_FROM,
		    "{mail_addr}" },
		{ "TLS_From:a.example OK\n", "v=8 j=x mail_addr=<>", TAG_FROM,
		    "accept" },
		{ "TLS_To:a@ OK\n", "v=8 j=x", TAG_TO, "{rcpt_addr}" },
		{ "TLS_Srv:a.example PERM+VERIFY\n", "server_addr=192.0.2.1",
		    TAG_SRV, "accept" },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		const char *got = unit_judge(rows[i].rules, rows[i].macros,
		    rows[i].tag, "perm", 0);
		char want[256];

		snprintf(want, sizeof want, "%s%s%s", rows[i].want[0] == '{' ?
		    "tempfail 451 4.3.0 cannot tell whether TLS policy is "
		    "met: wanted what the MTA tells of the session, found " :
		    "", rows[i].want[0] == '{' && strchr(rows[i].want, ' ') ==
		    NULL ? "no macro " : "", rows[i].want);
		unit_same(rows[i].rules, want, got);
	}
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_lost_compat),
		cmocka_unit_test(test_named),
	};

	return unit_main(tests);
}
