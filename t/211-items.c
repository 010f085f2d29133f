/* Needs and items: what each wants, sees, and answers. */
#include <stdio.h>
#include <string.h>

#include "t/unit.h"

#define TLS12 "tls_version=TLSv1.2 cipher=ECDHE-RSA-AES256-GCM-SHA384 "       \
	"cipher_bits=256 client_name=mail.example.com "
#define TLS13 "tls_version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 "            \
	"cipher_bits=256 client_name=mail.example.com "
#define OK_CERT TLS12 "verify=OK cn_subject=mail.example.com "                \
	"cn_issuer=My+20CA cert_subject=/C=DE/CN=mail.example.com "           \
	"cert_issuer=/C=DE/CN=My+20CA "                                       \
	"cert_md5=00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF "
#define ANON "cipher=ADH-AES256-GCM-SHA384 cipher_bits=256"
#define OLD "tls_version=TLSv1 cipher=AES128-SHA cipher_bits=128 "
#define OF_SUITE "tls_version=TLSv1/SSLv3 cipher_bits=256 cipher="
#define UNTOLD "cannot tell whether TLS policy is met: wanted TLS 1.2 or "      \
	"later, found TLSv1/SSLv3"
#define PF "v=Postfix "

struct row {
	const char *requirement, *macros;
	/* "ok", or "reason: wanted W, found F" of the reply's first line. */
	const char *want;
};

/*
 * "ok" if the verdict is accept; else the first line of the text, without
 * codes.
 */
static const char *
answer(const char *requirement, const char *macros)
{
	static char buf[1024];
	char rules[2048];
	const char *verdict, *end;

	snprintf(rules, sizeof rules, "TLS_Clt: %s\nMyCA:/c=de/cn=my+20ca OK\n"
	    "TLS_Srv: VERIFY+CITag:MyCA\n", requirement);
	verdict = unit_judge(rules, macros, TAG_CLT, "", 0);
	if (strcmp(verdict, "accept") == 0)
		return "ok";
	for (int blanks = 0; blanks < 3; blanks++)
		verdict = strchr(verdict, ' ') + 1;
	end = strstr(verdict, " / ");
	snprintf(buf, sizeof buf, "%.*s", end == NULL ? (int)strlen(verdict) :
	    (int)(end - verdict), verdict);
	return buf;
}

static void
ask(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char row[1024];

		snprintf(row, sizeof row, "%s <- %s", rows[i].requirement,
		    rows[i].macros);
		unit_same(row, rows[i].want, answer(rows[i].requirement,
		    rows[i].macros));
	}
	unit_end();
}

#define CLEAR "encryption required: wanted "
#define VERIFIED "certificate not verified: wanted "
#define WRONG "wrong certificate: wanted "
#define WEAK "encryption too weak: wanted "
#define UNKNOWN "cannot tell whether TLS policy is met: wanted "

static void
test_needs(void **state)
{
	static const struct row rows[] = {
		{ "OK", "", "ok" },
		{ "ENCR:0", "", "ok" }, { "ENCR:1", OLD, "ok" },
		{ "ENCR:1", "", CLEAR "at least 1 bits, found a session in "
		    "clear" },
		{ "ENCR:129", OLD, WEAK "at least 129 bits, found 128 bits" },
		{ "ENCR:128", OLD, "ok" },
		{ "ENCR:256", OLD "auth_ssf=256", "ok" },
		{ "VERIFY", OK_CERT, "ok" },
		{ "VERIFY", TLS12 "verify=TRUSTED", "ok" },
		{ "VERIFY", "", CLEAR "a verified certificate, found a "
		    "session in clear" },
		{ "VERIFY", TLS12 "verify=FAIL", VERIFIED "a verified "
		    "certificate, found verify=FAIL" },
		{ "VERIFY", TLS12 "verify=NO", VERIFIED "a verified "
		    "certificate, found verify=NO" },
		{ "VERIFY", TLS12 "verify=\r\n250\xff", VERIFIED "a verified "
		    "certificate, found verify=??250?" },
		{ "ENCR:1+CN:x", TLS12 "verify=\x07", VERIFIED "CN:x, found "
		    "no verified certificate (verify=?)" },
		{ "VERIFY", PF TLS12, VERIFIED "a verified certificate, found "
		    "verify=NO-OR-FAIL" },
		{ "VERIFY", PF TLS12 "cert_subject=x", "ok" },
		{ "VERIFY:512", OK_CERT, WEAK "at least 512 bits, found 256 "
		    "bits" },
		{ "OK", TLS12 "verify=SOFTWARE", VERIFIED "a completed TLS "
		    "handshake, found verify=SOFTWARE" },
		{ "ENCR:0", TLS12 "verify=PROTOCOL", VERIFIED "a completed "
		    "TLS handshake, found verify=PROTOCOL" },
		{ "ENCR:0", TLS12 "verify=DANE_FAIL", VERIFIED "a completed "
		    "TLS handshake, found verify=DANE_FAIL" },
		{ "ENCR:0", TLS12 "verify=CONFIG", VERIFIED "a completed "
		    "TLS handshake, found verify=CONFIG" }
	};

	(void)state;
	ask(rows, UNIT_COUNT(rows));
}

/* Any one of a kind will do, and each kind must. */
static void
test_alternatives(void **state)
{
	static const struct row rows[] = {
		{ "VERIFY+CN:a++CN:mail.example.com", OK_CERT, "ok" },
		{ "VERIFY+CN:mail.example.com++CN:a", OK_CERT, "ok" },
		{ "VERIFY+CN:a++ICN:My+20CA++CN:b", OK_CERT, WRONG
		    "CN:a or CN:b, found mail.example.com" },
		{ "VERIFY+CN:a++CN:mail.example.com++ICN:x", OK_CERT, WRONG
		    "ICN:x, found My CA" },
		{ "VERIFY+ICN:x++ICN:My+20CA", OK_CERT, "ok" },
		{ "VERIFY+CI:/CN=x++CI:/C=DE/CN=My+20CA", OK_CERT, "ok" },
		{ "VERIFY+CITag:None++CITag:MyCA", OK_CERT, "ok" },
		{ "VERIFY+CN:.example.com", OK_CERT, "ok" },
		{ "VERIFY+CN:.com", OK_CERT, "ok" },
		{ "VERIFY+CN:.ample.com", OK_CERT, WRONG
		    "CN:.ample.com, found mail.example.com" },
		{ "VERIFY+CN:.mail.example.com", OK_CERT, WRONG
		    "CN:.mail.example.com, found mail.example.com" },
		{ "VERIFY+CN:.example.com", TLS12 "verify=OK "
		    "cn_subject=.example.com", "ok" },
		{ "VERIFY+CN:.example.com", TLS12 "verify=OK "
		    "cn_subject=a.b.EXAMPLE.com", "ok" }
	};

	(void)state;
	ask(rows, UNIT_COUNT(rows));
}

/*
 * What stands in front of a pattern's name is labels: a mailbox, or a name with
 * another one behind a NUL, is no host below it.
 */
static void
test_labels(void **state)
{
#define CN "verify=OK cn_subject="
#define IN_VAIN(pattern, name) WRONG "CN:" pattern ", found " name
	static const struct row rows[] = {
		{ "VERIFY+CN:*.x.test", TLS12 CN "joe@mail.x.test",
		    IN_VAIN("*.x.test", "joe@mail.x.test") },
		{ "VERIFY+CN:.x.test", TLS12 CN "joe@mail.x.test",
		    IN_VAIN(".x.test", "joe@mail.x.test") },
		{ "VERIFY+CN:.x.test", TLS12 CN "j.doe@a.b.x.test",
		    IN_VAIN(".x.test", "j.doe@a.b.x.test") },
		{ "VERIFY+CN:*.x.test", TLS12 CN "joe+2Bmail.x.test",
		    IN_VAIN("*.x.test", "joe+mail.x.test") },
		{ "VERIFY+CN:.x.test", TLS12 CN "a.other.test+00.x.test",
		    IN_VAIN(".x.test", "a.other.test?.x.test") },
		{ "VERIFY+CN:*.x.test", TLS12 CN "other/a.x.test",
		    IN_VAIN("*.x.test", "other/a.x.test") },
		{ "VERIFY+CN:.x.test", TLS12 CN "Joe+20Doe.x.test",
		    IN_VAIN(".x.test", "Joe Doe.x.test") },
		{ "VERIFY+CN:.x.test", TLS12 CN "a..x.test",
		    IN_VAIN(".x.test", "a..x.test") },
		{ "VERIFY+CN:.x.test", TLS12 CN ".a.x.test",
		    IN_VAIN(".x.test", ".a.x.test") },
		{ "VERIFY+CN:.x.test", TLS12 CN "a.*.x.test",
		    IN_VAIN(".x.test", "a.*.x.test") },
		{ "VERIFY+CN:.x.test", TLS12 CN "*a.x.test",
		    IN_VAIN(".x.test", "*a.x.test") },
		{ "VERIFY+CN:.x.test", TLS12 CN "*.a.x.test", "ok" },
		{ "VERIFY+CN:*.x.test", TLS12 CN "*.x.test", "ok" },
		{ "VERIFY+CN:.x.test", TLS12 CN "a_b-c.xn--d.x.test", "ok" },
		{ "VERIFY+CN:.x.test", PF TLS12 "cert_issuer=CA "
		    "cert_subject=b\xc3\xbc" "cher.x.test", "ok" },
		{ "VERIFY+CN:.x.test", PF TLS12 "cert_issuer=CA "
		    "cert_subject=joe@mail.x.test",
		    IN_VAIN(".x.test", "joe@mail.x.test") }
	};
#undef IN_VAIN
#undef CN

	(void)state;
	ask(rows, UNIT_COUNT(rows));
}

static void
test_names(void **state)
{
	static const struct row rows[] = {
		{ "VERIFY+CN", OK_CERT, "ok" },
		{ "VERIFY+CN:Mail.Example.COM", OK_CERT, "ok" },
		{ "VERIFY+CN:other", OK_CERT, WRONG "CN:other, found "
		    "mail.example.com" },
		{ "VERIFY+CN:*.example.com", OK_CERT, "ok" },
		{ "VERIFY+CN:*.com", OK_CERT, WRONG "CN:*.com, found "
		    "mail.example.com" },
		{ "VERIFY+CN:*.mail.example.com", OK_CERT, WRONG
		    "CN:*.mail.example.com, found mail.example.com" },
		{ "VERIFY+CN:*.x", TLS12 "verify=OK cn_subject=*.x", "ok" },
		{ "VERIFY+CN:*.x", TLS12 "verify=OK cn_subject=.x", WRONG
		    "CN:*.x, found .x" },
		{ "ENCR:1+CN:mail.example.com", TLS12 "verify=FAIL "
		    "cn_subject=mail.example.com", VERIFIED "CN:mail.example"
		    ".com, found no verified certificate (verify=FAIL)" },
		{ "ENCR:0+CN:x", "", CLEAR "CN:x, found a session in clear" },
		{ "VERIFY+CN:BadCertificateUnknown", TLS12 "verify=OK "
		    "cn_subject=BadCertificateUnknown", WRONG
		    "CN:BadCertificateUnknown, found BadCertificateUnknown" },
		{ "VERIFY+CN", TLS12 "verify=OK cn_subject=", WRONG
		    "CN mail.example.com, found none" },
		{ "VERIFY+CN:J+C3+BCrgen", TLS12 "verify=OK "
		    "cn_subject=J+c3+bcrgen", "ok" },
		{ "VERIFY+CN:J+C3+BCrgen", PF TLS12
		    "cert_subject=J\xc3\xbcrgen", "ok" },
		{ "VERIFY+ICN:my+20ca", OK_CERT, "ok" },
		{ "VERIFY+ICN:other", OK_CERT, WRONG "ICN:other, found "
		    "My CA" },
		{ "VERIFY+ICN:CA", PF TLS12 "cert_issuer=CA", "ok" },
		{ "VERIFY+CS:/C=DE/CN=mail.example.com", OK_CERT, "ok" },
		{ "VERIFY+CS:/C=DE", OK_CERT, WRONG "CS:/C=DE, found "
		    "/C=DE/CN=mail.example.com" },
		{ "VERIFY+CI:/C=DE/CN=My+20CA", OK_CERT, "ok" },
		{ "VERIFY+CS:/C=DE", PF TLS12 "cert_subject=x", UNKNOWN
		    "CS:/C=DE, found that Postfix does not tell "
		    "{cert_subject}" },
		{ "VERIFY+CITag:MyCA", OK_CERT, "ok" },
		{ "VERIFY+CITag:Other", OK_CERT, WRONG "CITag:Other, found "
		    "/C=DE/CN=My CA" },
		{ "VERIFY+CITag:MyCA", TLS12 "verify=OK cert_issuer=", WRONG
		    "CITag:MyCA, found none" },
		{ "VERIFY+CN++CI:/x", OK_CERT, WRONG "CI:/x, found "
		    "/C=DE/CN=My CA" }
	};

	(void)state;
	ask(rows, UNIT_COUNT(rows));
}

#define MD5 "00112233445566778899aabbccddeeff"
#define OTHER "ff112233445566778899aabbccddeeff"
#define THIRD "aa112233445566778899aabbccddeeff"

/* Names compare byte for byte, but A to Z as a to z. */
static void
test_names_beyond_ascii(void **state)
{
	static const struct row rows[] = {
		{ "VERIFY+CN:J\xc3\xbcrgen", TLS12 "verify=OK "
		    "cn_subject=J+C3+BCRGEN", "ok" },
		{ "VERIFY+CN:j\xc3\xbcrgen", TLS12 "verify=OK "
		    "cn_subject=J+C3+9CRGEN", WRONG
		    "CN:j\\x{FC}rgen, found J\\x{DC}RGEN" },
		{ "VERIFY+CN:j\xc3\xbcrgen", TLS12 "verify=OK "
		    "cn_subject=ju+CC+88rgen", WRONG
		    "CN:j\\x{FC}rgen, found ju\\x{308}rgen" },
		{ "VERIFY+CN:b\xc3\xbc" "cher.example", TLS12 "verify=OK "
		    "cn_subject=xn--bcher-kva.example", WRONG
		    "CN:b\\x{FC}cher.example, found xn--bcher-kva.example" },
		{ "VERIFY+CN:boss", TLS12 "verify=OK cn_subject=bo+C5+BFs",
		    WRONG "CN:boss, found bo\\x{17F}s" }
	};

	(void)state;
	ask(rows, UNIT_COUNT(rows));
}

static void
test_others(void **state)
{
	static const struct row rows[] = {
		{ "ENCR:1+FP:" MD5, OK_CERT, "ok" },
		{ "ENCR:1+FP:" OTHER "++FP:" MD5, OK_CERT, "ok" },
		/* In any order, and all are told. */
		{ "ENCR:1+FP:" MD5 "++FP:" OTHER, OK_CERT, "ok" },
		{ "ENCR:1+FP:" OTHER "++FP:" THIRD, TLS12, WRONG "FP:" OTHER
		    " or FP:" THIRD ", found none" },
		{ "ENCR:1+FP:" OTHER, OK_CERT, WRONG "FP:" OTHER ", found "
		    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF" },
		{ "ENCR:0+FP:" MD5, "", CLEAR "FP:" MD5 ", found none" },
		{ "ENCR:1+FP:" MD5, TLS12, WRONG "FP:" MD5 ", found none" },
		{ "ENCR:1+FP:" MD5, PF TLS12, UNKNOWN "FP:" MD5 ", found that "
		    "Postfix does not tell {cert_fp}, nor has the facts feed" },
		{ "ENCR:1+FP:" MD5, PF TLS12 "ccert_fingerprint=" MD5 " ",
		    "ok" },
		{ "ENCR:1+FP:" MD5, PF TLS12 "ccert_fingerprint= ",
		    WRONG "FP:" MD5 ", found none" },
		{ "ENCR:0+FP:" MD5, PF, CLEAR "FP:" MD5 ", found none" },
		{ "ENCR:1+PKFP:" MD5, PF TLS12 "ccert_pubkey_fingerprint="
		    MD5 " ", "ok" },
		{ "ENCR:1+PKFP:" OTHER "++PKFP:" MD5, PF TLS12
		    "ccert_pubkey_fingerprint=" MD5 " ", "ok" },
		{ "ENCR:1+PKFP:" MD5, PF TLS12 "ccert_pubkey_fingerprint="
		    OTHER " ", WRONG "PKFP:" MD5 ", found " OTHER },
		{ "ENCR:1+PKFP:" MD5, OK_CERT, UNKNOWN "PKFP:" MD5 ", found "
		    "that sendmail does not tell {pubkey_fp}" },
		{ "ENCR:1+VER:1.2", TLS12, "ok" },
		{ "ENCR:1+VER:1.2", TLS13, "ok" },
		{ "ENCR:1+VER:1.3", TLS12, WEAK "TLS 1.3 or later, found "
		    "TLSv1.2" },
		{ "ENCR:1+VER:1.0", OLD, "ok" },
		{ "ENCR:0+VER:1.0", "", CLEAR "TLS 1.0 or later, found none" },
		/*
		 * Old sendmails tell the version of the suite in {tls_version},
		 * not of the session.
		 */
		{ "ENCR:1+VER:1.2", OF_SUITE "ECDHE-RSA-AES256-GCM-SHA384",
		    "ok" },
		{ "ENCR:1+VER:1.2", OF_SUITE "AES128-SHA256", "ok" },
		{ "ENCR:1+VER:1.3", OF_SUITE "ECDHE-RSA-AES256-GCM-SHA384",
		    WEAK "TLS 1.3 or later, found TLSv1/SSLv3" },
		{ "ENCR:1+VER:1.2", OF_SUITE "AES256-SHA", UNTOLD },
		{ "ENCR:1+VER:1.1", OF_SUITE "AES256-SHA", "cannot tell "
		    "whether TLS policy is met: wanted TLS 1.1 or later, "
		    "found TLSv1/SSLv3" },
		{ "ENCR:1+VER:1.2", OF_SUITE "NO-SUCH-SUITE", UNTOLD },
		{ "ENCR:1+VER:1.0", "cipher_bits=128 tls_version=QUIC",
		    UNKNOWN "TLS 1.0 or later, found QUIC" }
	};

	(void)state;
	ask(rows, UNIT_COUNT(rows));
}

static void
test_suites(void **state)
{
	static const struct row rows[] = {
		{ "ENCR:1+PFS", TLS12, "ok" }, { "ENCR:1+PFS", TLS13, "ok" },
		{ "ENCR:1+AUTHENTICATED", TLS12, "ok" },
		{ "ENCR:1+AUTHENTICATED", TLS13, "ok" },
		{ "ENCR:1+AUTHENTICATED", OLD, "ok" },
		{ "ENCR:0+AUTHENTICATED", "", CLEAR
		    "a suite that is not anonymous, found none" },
		{ "ENCR:1+AUTHENTICATED", "cipher=NEW cipher_bits=1", UNKNOWN
		    "a suite that is not anonymous, found NEW, a suite that "
		    "OpenSSL does not know" },
		{ "ENCR:1+AUTHENTICATED", ANON, WEAK "a suite that is not "
		    "anonymous, found ADH-AES256-GCM-SHA384, which is "
		    "anonymous" },
		{ "ENCR:1+PFS", ANON, WEAK "forward secrecy, found "
		    "ADH-AES256-GCM-SHA384, which is anonymous" },
		{ "ENCR:1+AEAD", ANON, WEAK "authenticated encryption (AEAD), "
		    "found ADH-AES256-GCM-SHA384, which is anonymous" },
		{ "ENCR:1+PFS", OLD, WEAK "forward secrecy, found "
		    "AES128-SHA" },
		{ "ENCR:0+PFS", "", CLEAR "forward secrecy, found none" },
		{ "ENCR:1+PFS", "cipher=NEW cipher_bits=1", UNKNOWN "forward "
		    "secrecy, found NEW, a suite that OpenSSL does not know" },
		{ "ENCR:1+AEAD", TLS12, "ok" },
		{ "ENCR:1+AEAD", OLD, WEAK "authenticated encryption (AEAD), "
		    "found AES128-SHA" },
		{ "ENCR:1+CIPHER:AES128-SHA", OLD, "ok" },
		{ "ENCR:1+CIPHER:ECDHE+AESGCM", TLS12, "ok" },
		{ "ENCR:1+CIPHER:ECDHE+AESGCM", TLS13, WEAK "a cipher of "
		    "ECDHE+AESGCM, found TLS_AES_256_GCM_SHA384" },
		{ "ENCR:1+CIPHER:ECDHE+AESGCM:TLS_AES_256_GCM_SHA384", TLS13,
		    "ok" },
		{ "ENCR:0+CIPHER:HIGH", "", CLEAR "a cipher of HIGH, found "
		    "none" },
		{ "ENCR:1+BY:me++MSG:no test", TLS12, "ok" }
	};

	(void)state;
	ask(rows, UNIT_COUNT(rows));
}

static void
test_names_without(void **state)
{
	static const struct row rows[] = {
		/*
		 * In clear there is no certificate, so it is told that there is
		 * none.
		 */
		{ "ENCR:0+CS:/x", PF, CLEAR "CS:/x, found a session in clear" },
		{ "ENCR:0+CI:/x", PF, CLEAR "CI:/x, found a session in clear" },
		{ "ENCR:0+CITag:MyCA", PF, CLEAR "CITag:MyCA, found a session "
		    "in clear" },
		{ "ENCR:0+CITag:MyCA", PF TLS12, UNKNOWN "CITag:MyCA, found "
		    "that Postfix does not tell {cert_issuer}" },
		/*
		 * A name counts only in a verified certificate, with ENCR, too.
		 */
		{ "ENCR:1+CN:mail.example.com", TLS12 "verify=FAIL "
		    "cn_subject=mail.example.com", VERIFIED
		    "CN:mail.example.com, found no verified certificate "
		    "(verify=FAIL)" },
		{ "ENCR:1+CN:mail.example.com", OK_CERT, "ok" }
	};

	(void)state;
	ask(rows, UNIT_COUNT(rows));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_names_without),
		cmocka_unit_test(test_alternatives),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_names_beyond_ascii),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_suites),
	};

	return unit_main(tests);
}
