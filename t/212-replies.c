/*
 * The whole verdict: codes of both profiles, classes, waivers, combination
 * of classes, dates, extra lines.
 */
#include <stdio.h>
#include <string.h>

#include "t/unit.h"

#define TLS "tls_version=TLSv1.2 cipher=AES128-SHA cipher_bits=128 "
#define CERT TLS "verify=OK cn_subject=mail.x "

struct row {
	const char *rules, *macros;
	enum tag tag;
	const char *options, *want;
};

static void
judge(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char row[512];

		snprintf(row, sizeof row, "%s<- %s (%s)", rows[i].rules,
		    rows[i].macros, rows[i].options);
		unit_same(row, rows[i].want, unit_judge(rows[i].rules,
		    rows[i].macros, rows[i].tag, rows[i].options, 0));
	}
	unit_end();
}

#define HANDSHAKE "certificate not verified: wanted a completed TLS "     \
	"handshake, found verify="
#define IN_CLEAR "encryption required: wanted at least 1 bits, found a "      \
	"session in clear / rule TLS_Clt: "

static void
test_codes(void **state)
{
	static const struct row rows[] = {
		{ "TLS_Clt: TEMP+ENCR:1\n", "", TAG_CLT, "",
		    "tempfail 451 4.7.10 " IN_CLEAR "TEMP+ENCR:1" },
		{ "TLS_Clt: PERM+ENCR:1\n", "", TAG_CLT, "",
		    "reject 550 5.7.10 " IN_CLEAR "PERM+ENCR:1" },
		{ "TLS_Clt: ENCR:1\n", "", TAG_CLT, "",
		    "tempfail 451 4.7.10 " IN_CLEAR "ENCR:1" },
		{ "TLS_Clt: ENCR:1\n", "", TAG_CLT, "perm",
		    "reject 550 5.7.10 " IN_CLEAR "ENCR:1" },
		{ "TLS_Clt: HOLD+ENCR:1\n", "", TAG_CLT, "",
		    "hold " IN_CLEAR "HOLD+ENCR:1" },
		{ "TLS_Clt: TEMP+ENCR:256\n", TLS, TAG_CLT, "perm",
		    "tempfail 451 4.7.10 encryption too weak: wanted at least "
		    "256 bits, found 128 bits / rule TLS_Clt: TEMP+ENCR:256" },
		{ "TLS_Clt: PERM+ENCR:256\n", TLS, TAG_CLT, "",
		    "reject 554 5.7.10 encryption too weak: wanted at least "
		    "256 bits, found 128 bits / rule TLS_Clt: PERM+ENCR:256" },
		{ "TLS_Clt: PERM+VERIFY\n", TLS "verify=FAIL", TAG_CLT, "",
		    "reject 554 5.7.1 certificate not verified: wanted a "
		    "verified certificate, found verify=FAIL / rule TLS_Clt: "
		    "PERM+VERIFY" },
		{ "TLS_Clt: VERIFY\n", TLS "verify=FAIL", TAG_CLT, "",
		    "tempfail 451 4.7.1 certificate not verified: wanted a "
		    "verified certificate, found verify=FAIL / rule TLS_Clt: "
		    "VERIFY" },
		{ "TLS_Clt: PERM+VERIFY+CN:y\n", CERT, TAG_CLT, "",
		    "reject 554 5.7.1 wrong certificate: wanted CN:y, found "
		    "mail.x / rule TLS_Clt: PERM+VERIFY+CN:y" },
		{ "TLS_Clt: VERIFY+CN:y\n", CERT, TAG_CLT, "",
		    "tempfail 451 4.7.1 wrong certificate: wanted CN:y, found "
		    "mail.x / rule TLS_Clt: VERIFY+CN:y" },
		{ "TLS_Auth: PERM+ENCR:1\n", "auth_authen=jane", TAG_AUTH, "",
		    "reject 550 5.7.11 encryption required for authentication: "
		    "wanted at least 1 bits, found a session in clear / rule "
		    "TLS_Auth: PERM+ENCR:1" },
		{ "TLS_Auth: ENCR:1\n", "auth_authen=jane", TAG_AUTH, "",
		    "tempfail 451 4.7.11 encryption required for "
		    "authentication: wanted at least 1 bits, found a session "
		    "in clear / rule TLS_Auth: ENCR:1" },
		{ "TLS_Clt: PERM+ENCR:1+PFS\n", "cipher=NEW cipher_bits=1",
		    TAG_CLT, "perm", "tempfail 451 4.3.0 cannot tell whether "
		    "TLS policy is met: wanted forward secrecy, found NEW, a "
		    "suite that OpenSSL does not know / rule TLS_Clt: "
		    "PERM+ENCR:1+PFS" },
		{ "Try_TLS:x NO\n", "server_name=mx.x server_addr=192.0.2.1",
		    TAG_TRY, "", "reject 550 5.7.1 do not try TLS with mx.x "
		    "[192.0.2.1]" },
		{ "", TLS "verify=SOFTWARE", TAG_CLT, "", "tempfail 451 4.7.1 "
		    "certificate not verified: wanted a completed TLS "
		    "handshake, found verify=SOFTWARE" },
		{ "", TLS "verify=SOFTWARE", TAG_FROM, "", "accept" }
	};

	(void)state;
	judge(rows, UNIT_COUNT(rows));
}

static void
test_compat(void **state)
{
	static const struct row rows[] = {
		{ "TLS_Clt: TEMP+VERIFY\n", TLS "verify=FAIL", TAG_CLT,
		    "compat", "tempfail 403 4.7.0 authentication failed" },
		{ "TLS_Clt: PERM+VERIFY\n", TLS "verify=NO", TAG_CLT,
		    "compat", "reject 503 5.7.0 not authenticated" },
		{ "TLS_Clt: VERIFY\n", "", TAG_CLT, "compat",
		    "tempfail 454 4.7.0 authentication required" },
		{ "TLS_Clt: VERIFY\n", "verify=NONE", TAG_CLT, "compat perm",
		    "reject 554 5.7.0 other side does not support STARTTLS" },
		{ "TLS_Clt: ENCR:256\n", TLS, TAG_CLT, "compat",
		    "tempfail 454 4.7.0 encryption too weak 128 less than "
		    "256" },
		{ "TLS_Clt: VERIFY+CN:a+20b\n", TLS "verify=OK "
		    "cn_subject=c+20d", TAG_CLT, "compat", "tempfail 454 "
		    "4.7.0 CN c+20d does not match a+20b" },
		/*
		 * As sendmail does, compat believes the name in an unverified
		 * certificate.
		 */
		{ "TLS_Clt: ENCR:1+CN:a\n", TLS "verify=FAIL cn_subject=a",
		    TAG_CLT, "compat", "accept" },
		{ "TLS_Clt: ENCR:1+VER:1.3\n", TLS, TAG_CLT, "compat",
		    "tempfail 454 4.7.0 encryption too weak: wanted TLS 1.3 or "
		    "later, found TLSv1.2 / rule TLS_Clt: ENCR:1+VER:1.3" },
		{ "TLS_Clt: PERM+ENCR:1+PFS\n", "cipher=NEW cipher_bits=1",
		    TAG_CLT, "compat", "tempfail 451 4.3.0 cannot tell whether "
		    "TLS policy is met: wanted forward secrecy, found NEW, a "
		    "suite that OpenSSL does not know / rule TLS_Clt: "
		    "PERM+ENCR:1+PFS" }
	};

	(void)state;
	judge(rows, UNIT_COUNT(rows));
}

static void
test_waivers(void **state)
{
	static const struct row rows[] = {
		{ "TLS_Clt: WARN+ENCR:1\n", "", TAG_CLT, "", "accept | warn: "
		    "tempfail 451 4.7.10 " IN_CLEAR "WARN+ENCR:1" },
		{ "TLS_Clt: WARN+ENCR:1\n", "", TAG_CLT, "perm", "accept | "
		    "warn: reject 550 5.7.10 " IN_CLEAR "WARN+ENCR:1" },
		{ "TLS_Clt: WARN+ENCR:1\n", TLS, TAG_CLT, "", "accept" },
		{ "TLS_Clt: PERM+ENCR:1\n", "", TAG_CLT, "monitor", "accept | "
		    "monitor: reject 550 5.7.10 " IN_CLEAR "PERM+ENCR:1" },
		{ "TLS_Clt: HOLD+ENCR:1\n", "", TAG_CLT, "exempt", "accept | "
		    "exempt: hold " IN_CLEAR "HOLD+ENCR:1" },
		{ "TLS_Clt: PERM+ENCR:1\n", "", TAG_CLT, "exempt monitor",
		    "accept | exempt: reject 550 5.7.10 " IN_CLEAR
		    "PERM+ENCR:1" },
		{ "TLS_Clt: ENCR:1\n", TLS, TAG_CLT, "exempt monitor",
		    "accept" },
		{ "TLS_Clt: VERIFY+CS:x\n", "v=Postfix cert_subject=x " TLS,
		    TAG_CLT, "accept", "accept | on-error: tempfail 451 4.3.0 "
		    "cannot tell whether TLS policy is met: wanted CS:x, found "
		    "that Postfix does not tell {cert_subject} / rule "
		    "TLS_Clt: VERIFY+CS:x" },
		/* A failed handshake is refused under WARN, too. */
		{ "TLS_Clt: WARN+ENCR:1\n", TLS "verify=PROTOCOL", TAG_CLT, "",
		    "tempfail 451 4.7.1 certificate not verified: wanted a "
		    "completed TLS handshake, found verify=PROTOCOL / rule "
		    "TLS_Clt: WARN+ENCR:1" },
		/* A failed handshake gets the rule's class; OK has none. */
		{ "TLS_Clt: PERM+ENCR:1\n", TLS "verify=SOFTWARE", TAG_CLT, "",
		    "reject 554 5.7.1 " HANDSHAKE "SOFTWARE / rule "
		    "TLS_Clt: PERM+ENCR:1" },
		{ "TLS_Clt: HOLD+ENCR:1\n", TLS "verify=SOFTWARE", TAG_CLT, "",
		    "hold " HANDSHAKE "SOFTWARE / rule TLS_Clt: HOLD+ENCR:1" },
		{ "TLS_Clt: OK\n", TLS "verify=SOFTWARE", TAG_CLT, "",
		    "tempfail 451 4.7.1 " HANDSHAKE "SOFTWARE / rule "
		    "TLS_Clt: OK" },
		{ "TLS_Clt: WARN+ENCR:1\n", TLS "verify=SOFTWARE", TAG_CLT,
		    "perm", "reject 554 5.7.1 " HANDSHAKE "SOFTWARE / rule "
		    "TLS_Clt: WARN+ENCR:1" },
		{ "TLS_To: OK\n", TLS "verify=SOFTWARE", TAG_CLT, "perm",
		    "reject 554 5.7.1 " HANDSHAKE "SOFTWARE" },
		/* Under WARN what cannot be told is accepted with a warning. */
		{ "TLS_Clt: WARN+VERIFY+CS:x\n", "v=Postfix cert_subject=x "
		    TLS, TAG_CLT, "", "accept | warn: tempfail 451 4.3.0 "
		    "cannot tell whether TLS policy is met: wanted CS:x, found "
		    "that Postfix does not tell {cert_subject} / rule "
		    "TLS_Clt: WARN+VERIFY+CS:x" },
		{ "TLS_Clt: PERM+VERIFY+CS:x\n", "v=Postfix cert_subject=x "
		    TLS, TAG_CLT, "", "tempfail 451 4.3.0 cannot tell whether "
		    "TLS policy is met: wanted CS:x, found that Postfix does "
		    "not tell {cert_subject} / rule TLS_Clt: PERM+VERIFY+CS:x" }
	};

	(void)state;
	judge(rows, UNIT_COUNT(rows));
}

#define ALL "daemon_name=MTA client_name=h.x auth_authen=j mail_addr=a@x "
#define FAILED(rule) "encryption required: wanted at least 1 bits, found a "  \
	"session in clear / rule " rule

static void
test_combination(void **state)
{
	static const struct row rows[] = {
		{ "TLS_Clt: OK\nTLS_From:x PERM+ENCR:1\n", ALL, TAG_CLT,
		    "mail", "reject 550 5.7.10 " FAILED("TLS_From:x "
		    "PERM+ENCR:1") },
		{ "TLS_From: PERM+ENCR:1\nTLS_Clt: TEMP+ENCR:1\n", ALL,
		    TAG_CLT, "mail", "reject 550 5.7.10 " FAILED("TLS_From: "
		    "PERM+ENCR:1") },
		{ "TLS_From: TEMP+ENCR:1\nTLS_Clt: TEMP+ENCR:1\n", ALL,
		    TAG_CLT, "mail", "tempfail 451 4.7.10 " FAILED("TLS_Clt: "
		    "TEMP+ENCR:1") },
		{ "TLS_Clt: TEMP+ENCR:1\nTLS_Daemon: PERM+ENCR:1\n", ALL,
		    TAG_CLT, "mail", "reject 550 5.7.10 " FAILED("TLS_Daemon: "
		    "PERM+ENCR:1") },
		{ "TLS_Clt: WARN+ENCR:1\nTLS_From: PERM+ENCR:1\n", ALL,
		    TAG_CLT, "mail", "reject 550 5.7.10 " FAILED("TLS_From: "
		    "PERM+ENCR:1") },
		{ "TLS_Clt: WARN+ENCR:1\nTLS_From: WARN+VERIFY\n", ALL,
		    TAG_CLT, "mail", "accept | warn: tempfail 451 4.7.10 "
		    FAILED("TLS_Clt: WARN+ENCR:1") },
		{ "TLS_Clt: HOLD+ENCR:1\nTLS_From: PERM+ENCR:1\n", ALL,
		    TAG_CLT, "mail", "reject 550 5.7.10 " FAILED("TLS_From: "
		    "PERM+ENCR:1") },
		{ "TLS_Clt: HOLD+ENCR:1\nTLS_From: ENCR:1\n", ALL,
		    TAG_CLT, "mail", "tempfail 451 4.7.10 " FAILED("TLS_From: "
		    "ENCR:1") },
		{ "TLS_Clt: WARN+ENCR:1\nTLS_From: HOLD+ENCR:1\n", ALL,
		    TAG_CLT, "mail", "hold " FAILED("TLS_From: HOLD+ENCR:1") },
		{ "TLS_To: PERM+ENCR:1\nTLS_Srv: PERM+ENCR:1\n", ALL
		    "rcpt_addr=b@y server_name=s", TAG_CLT, "mail", "accept" },
		{ "TLS_Clt: VERIFY+CS:x\nTLS_From: PERM+VERIFY:512\n",
		    "v=Postfix mail_addr=a@x cert_subject=x " TLS, TAG_CLT,
		    "mail accept", "reject 554 5.7.10 encryption too weak: "
		    "wanted at least 512 bits, found 128 bits / rule TLS_From: "
		    "PERM+VERIFY:512" }
	};

	(void)state;
	judge(rows, UNIT_COUNT(rows));
}

static void
test_extra_lines(void **state)
{
	static const struct row rows[] = {
		{ "TLS_Clt: PERM+ENCR:1+BY:me++MSG:call us: 100% free\n", "",
		    TAG_CLT, "help", "reject 550 5.7.10 " IN_CLEAR
		    "PERM+ENCR:1 / call us: 100% free / see "
		    "https://example.org/tls" },
		{ "TLS_Clt: ENCR:1+MSG:J\xc3\xbcrgen\n", "", TAG_CLT,
		    "compat", "tempfail 454 4.7.0 encryption too weak 0 less "
		    "than 1 / J\\x{FC}rgen" },
		{ "TLS_Clt: VERIFY+CN:y\n", TLS "verify=OK "
		    "cn_subject=a+0D+0A550+20x", TAG_CLT, "", "tempfail 451 "
		    "4.7.1 wrong certificate: wanted CN:y, found a??550 x / "
		    "rule TLS_Clt: VERIFY+CN:y" }
	};

	(void)state;
	judge(rows, UNIT_COUNT(rows));
}

/* An exception ends at midnight UTC with nobody doing anything. */
static void
test_dates(void **state)
{
	static const char rules[] =
	    "TLS_Clt:x ENCR:0+FROM:2026-03-01++UNTIL:2026-03-31\n"
	    "TLS_Clt:x PERM+ENCR:1\n";
	static const struct {
		int64_t now;
		const char *want;
	} rows[] = {
		{ 1772323199, "reject" }, /* 2026-02-28T23:59:59Z */
		{ 1772323200, "accept" }, { 1775001599, "accept" },
		{ 1775001600, "reject" }, { 0, "reject" }, { -1, "reject" },
		{ INT64_C(253402300800), "reject" } /* year 10000 */
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		char row[32];

		snprintf(row, sizeof row, "%lld", (long long)rows[i].now);
		unit_slice(row, rows[i].want, slice_make(unit_judge(rules,
		    "client_name=x", TAG_CLT, "", rows[i].now), 6));
	}
	/* Outside its dates the search goes on, to the parent's rule. */
	unit_same("parent", "accept", unit_judge(
	    "TLS_Clt:a.x PERM+ENCR:1+UNTIL:1970-01-01\nTLS_Clt:x OK\n",
	    "client_name=a.x", TAG_CLT, "", 86400));
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_compat),
		cmocka_unit_test(test_waivers),
		cmocka_unit_test(test_combination),
		cmocka_unit_test(test_extra_lines),
		cmocka_unit_test(test_dates),
	};

	return unit_main(tests);
}
