/* What a report warns of: the peer that was better before, and no other. */
#include <stdio.h>
#include <string.h>

#include "policy/report/report.h"
#include "policy/report/report-internal.h"
#include "t/unit.h"

#define OK(cn, issuer, fp)                                                    \
	"verify=OK cn_subject=" cn " cert_issuer=" issuer " cert_fp=" fp
#define ONE OK("mx", "/CN=Own", "AA")
#define CLEAR NULL
/* Macros of one certificate as each MTA tells them. */
#define SENDMAIL(cn, o, issuer, fp)                                           \
	OK(cn, "/O=" o "/CN=" issuer, fp) " cn_issuer=" issuer
#define POSTFIX(cn, issuer)                                                   \
	"v=Postfix cert_subject=" cn " cert_issuer=" issuer
#define MAILLOG "verify=OK"

/* `mails` mails on day `day`; tls NULL: in clear. */
struct step {
	unsigned mails;
	int day;
	const char *tls;
	bool refused;
};

struct story {
	const char *name, *client; /* macros of the client */
	struct step steps[8];
	const char *want; /* alarms, each ended by " | " */
};

#define HOST "client_name=mx.bank.example client_addr=192.0.2.1 client_resolve=OK"
#define ELSE "client_name=relay.example client_addr=192.0.2.1 client_resolve=OK"
#define FORGED "client_name=mx.bank.example client_addr=192.0.2.1 " \
	"client_resolve=FORGED"
#define UNKNOWN "client_name=[192.0.2.1] client_addr=192.0.2.1"

static const struct story stories[] = {
	{ "all is well", HOST, { { 20, 1, ONE, false } }, "" },
	{ "always in clear", HOST, { { 20, 1, CLEAR, false } }, "" },
	{ "no habit yet", HOST, { { 9, 1, ONE, false },
	    { 1, 2, CLEAR, false } }, "" },
	{ "one in clear", HOST, { { 10, 1, ONE, false },
	    { 1, 2, CLEAR, false } },
	    "fallback: its hosts came in clear after TLS: 1 time, first "
	    "1970-01-03, last 1970-01-03. TLS has not come back. | " },
	{ "two, one refused, and back", HOST, { { 10, 1, ONE, false },
	    { 1, 2, CLEAR, true }, { 1, 3, CLEAR, false },
	    { 1, 4, ONE, false } },
	    "fallback: its hosts came in clear after TLS: 2 times, first "
	    "1970-01-03, last 1970-01-04, 1 refused. Back to TLS since. | " },
	{ "all refused, another's host", ELSE, { { 10, 1, "verify=NO", false },
	    { 2, 2, CLEAR, true } },
	    "fallback: relay.example came in clear after TLS: 2 times, first "
	    "1970-01-03, last 1970-01-03, all refused. TLS has not come back. "
	    "| " },
	{ "a name that the DNS denies", FORGED, { { 10, 1, "verify=NO", false },
	    { 1, 2, CLEAR, false } },
	    "fallback: 192.0.2.1 came in clear after TLS: 1 time, first "
	    "1970-01-03, last 1970-01-03. TLS has not come back. | " },
	{ "no name", UNKNOWN, { { 10, 1, "verify=NO", false },
	    { 1, 2, CLEAR, false } },
	    "fallback: 192.0.2.1 came in clear after TLS: 1 time, first "
	    "1970-01-03, last 1970-01-03. TLS has not come back. | " },
	{ "both all the time", HOST, { { 10, 1, CLEAR, false },
	    { 20, 1, "verify=NO", false }, { 5, 2, CLEAR, false } }, "" },
	{ "verifies no more", HOST, { { 10, 1, ONE, false },
	    { 1, 2, "verify=FAIL", false } },
	    "unverified: the certificate of its hosts verified until "
	    "1970-01-02; since 1970-01-03 the certificate shown does not "
	    "verify (1 mail). | " },
	{ "shows none, a public issuer", ELSE, { { 10, 1,
	    OK("mx", "/O=Let's+20Encrypt/CN=R3", "AA"), false },
	    { 2, 2, "verify=NO", false } },
	    "unverified: the certificate of relay.example verified until "
	    "1970-01-02; since 1970-01-03 none is shown (2 mails). Its issuer "
	    "was /O=Let's Encrypt/CN=R3, a public authority: those stopped "
	    "issuing the clientAuth purpose in 2026, and a certificate renewed "
	    "without it no longer verifies as a client's. Agree on a private "
	    "CA, or pin it with an FP item. | " },
	{ "is not asked for one", HOST, { { 10, 1, ONE, false },
	    { 1, 2, "verify=NOT", false } },
	    "unverified: the certificate of its hosts verified until "
	    "1970-01-02; since 1970-01-03 none is shown (1 mail). | " },
	{ "another failure", HOST, { { 10, 1, ONE, false },
	    { 1, 2, "verify=TEMP", false } },
	    "unverified: the certificate of its hosts verified until "
	    "1970-01-02; since 1970-01-03 no certificate is verified "
	    "(1 mail). | " },
	{ "verifies again", HOST, { { 10, 1, ONE, false },
	    { 1, 2, "verify=FAIL", false }, { 1, 3, ONE, false } }, "" },
	{ "renewed", HOST, { { 1, 1, ONE, false },
	    { 1, 2, OK("mx", "/CN=Own", "BB"), false } },
	    "renewed: since 1970-01-03 a new certificate for mx, same "
	    "issuer. | " },
	{ "renewed, without a name", HOST, { { 1, 1,
	    "verify=OK cert_issuer=/CN=Own cert_fp=AA", false },
	    { 1, 2, "verify=OK cert_issuer=/CN=Own cert_fp=BB", false } },
	    "renewed: since 1970-01-03 a new certificate for the same name, "
	    "same issuer. | " },
	{ "another issuer", HOST, { { 1, 1, ONE, false },
	    { 1, 2, OK("mx", "/CN=Other", "BB"), false } },
	    "issuer: since 1970-01-03 the certificate of mx is issued by "
	    "/CN=Other; before: /CN=Own. | " },
	{ "another issuer, and back to a new one", HOST, { { 1, 1, ONE, false },
	    { 1, 2, OK("b", "/CN=Own", "CC"), false },
	    { 1, 3, OK("mx", "/CN=Other", "BB"), false },
	    { 1, 4, OK("mx", "/CN=Own", "DD"), false } },
	    "issuer: since 1970-01-04 the certificate of mx is issued by "
	    "/CN=Other; before: /CN=Own. | "
	    "renewed: since 1970-01-05 a new certificate for mx, same "
	    "issuer. | " },
	{ "both MTAs see it", HOST, {
	    { 1, 1, SENDMAIL("mx", "A+20Ltd", "Own_CA", "AA"), false },
	    { 1, 2, POSTFIX("mx", "Own_CA"), false },
	    { 1, 20, SENDMAIL("mx", "A+20Ltd", "Own_CA", "AA"), false },
	    { 1, 30, MAILLOG, false },
	    { 1, 40, POSTFIX("mx", "Own_CA"), false } }, "" },
	{ "Postfix first, and no CN of its issuer", HOST, {
	    { 1, 1, POSTFIX("mx", "J+\xc3\xbc/g"), false },
	    { 1, 20, OK("mx", "/O=A/CN=J+5C+2B+5CxC3+5CxBC+5C/g/L=x", "AA"),
	    false } }, "" },
	{ "a sendmail that notes other fingerprints", HOST, {
	    { 1, 1, ONE, false },
	    { 1, 20, OK("mx", "/CN=Own", "AABB"), false } }, "" },
	{ "no name, in two words", HOST, {
	    { 1, 1, OK("BadCertificateUnknown", "/CN=Own", "AA"), false },
	    { 1, 20, POSTFIX("", "Own"), false } }, "" },
	{ "renewed, and Postfix in between", HOST, {
	    { 1, 1, SENDMAIL("mx", "A", "Own", "AA"), false },
	    { 1, 2, POSTFIX("mx", "Own"), false },
	    { 1, 20, SENDMAIL("mx", "A", "Own", "BB"), false } },
	    "renewed: since 1970-01-21 a new certificate for mx, same "
	    "issuer. | " },
	{ "another issuer of that CN, and Postfix in between", HOST, {
	    { 1, 1, SENDMAIL("mx", "A", "Own", "AA"), false },
	    { 1, 2, POSTFIX("mx", "Own"), false },
	    { 1, 20, SENDMAIL("mx", "B", "Own", "BB"), false } },
	    "issuer: since 1970-01-21 the certificate of mx is issued by "
	    "/O=B/CN=Own; before: /O=A/CN=Own. | " },
	{ "another issuer, that Postfix saw first", HOST, {
	    { 1, 1, SENDMAIL("mx", "A", "R3", "AA"), false },
	    { 1, 20, POSTFIX("mx", "R10"), false },
	    { 1, 21, SENDMAIL("mx", "A", "R10", "BB"), false } },
	    "issuer: since 1970-01-21 the certificate of mx is issued by "
	    "R10; before: /O=A/CN=R3. | " },
	{ "another name, and other certificates", HOST, {
	    { 1, 1, SENDMAIL("mx", "A", "Own", "AA"), false },
	    { 1, 2, SENDMAIL("b", "A", "Own", "CC"), false },
	    { 1, 20, POSTFIX("b", "Own"), false },
	    { 1, 30, POSTFIX("c", "Own"), false },
	    { 1, 31, SENDMAIL("c", "A", "Own", "DD"), false } },
	    "name: since 1970-01-31 a certificate with the name c, issued by "
	    "Own; known before: b. | " },
	{ "the mail log does not tell the issuer", ELSE, { { 10, 1,
	    OK("mx", "/O=Let's+20Encrypt/CN=R3", "AA"), false },
	    { 1, 2, MAILLOG, false }, { 2, 3, "verify=NO", false } },
	    "unverified: the certificate of relay.example verified until "
	    "1970-01-03; since 1970-01-04 none is shown (2 mails). Its issuer "
	    "was /O=Let's Encrypt/CN=R3, a public authority: those stopped "
	    "issuing the clientAuth purpose in 2026, and a certificate renewed "
	    "without it no longer verifies as a client's. Agree on a private "
	    "CA, or pin it with an FP item. | " },
	{ "another name at once", HOST, { { 1, 1, ONE, false },
	    { 1, 7, OK("b", "/CN=Own", "CC"), false } }, "" },
	{ "another name later", HOST, { { 1, 1, ONE, false },
	    { 1, 9, OK("b", "/CN=Own", "CC"), false } },
	    "name: since 1970-01-10 a certificate with the name b, issued by "
	    "/CN=Own; known before: mx. | " },
};

static void
add(struct report *r, const char *client, const struct step *s)
{
	char macros[512];

	snprintf(macros, sizeof macros, "v=8.18.1 j=mx.example.net "
	    "mail_addr=a@bank.example %s %s%s", client, s->tls == NULL ? "" :
	    "tls_version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 "
	    "cipher_bits=256 ", s->tls == NULL ? "" : s->tls);
	for (unsigned i = 0; i < s->mails; i++) {
		struct reader_record record;

		reader_record_init(&record);
		record.event = s->refused ? RECORD_REFUSED_MAIL :
		    RECORD_MESSAGE;
		record.verdict = s->refused ? VERDICT_REJECT : VERDICT_ACCEPT;
		record.time_us = s->day * REPORT_DAY_US + i;
		unit_facts(&record.facts, macros);
		assert_true(report_add(r, &record));
		reader_record_free(&record);
	}
}

static void
print_alarms(const struct report *r, struct text *out)
{
	struct report_alarm *list;
	size_t n = report_alarms(r, &list);

	for (size_t i = 0; i < n; i++) {
		text_printf(out, "%s: ", report_alarm_name(list[i].kind));
		report_alarm_print(&list[i], report_today(r), out);
		text_puts(out, " | ");
	}
	free(list);
}

static void
test_stories(void **state)
{
	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(stories); i++) {
		const struct story *s = &stories[i];
		char buf[4096];
		struct report r;
		struct text out;

		report_init(&r);
		r.steady = 10;
		for (size_t k = 0; s->steps[k].mails > 0; k++)
			add(&r, s->client, &s->steps[k]);
		report_finish(&r);
		text_init(&out, buf, sizeof buf);
		print_alarms(&r, &out);
		unit_same(s->name, s->want, buf);
		report_free(&r);
	}
	unit_end();
}

/* sendmail writes an IPv6 address out, Postfix does not. */
static void
test_spelling(void **state)
{
	char buf[1024];
	struct report r;
	struct text out;

	(void)state;
	report_init(&r);
	r.steady = 10;
	add(&r, "client_name=[IPv6:2001:DB8:0:0:0:0:0:1] "
	    "client_addr=IPv6:2001:DB8:0:0:0:0:0:1",
	    &(struct step){ 10, 1, "verify=NO", false });
	add(&r, "v=Postfix client_name=unknown client_addr=IPv6:2001:db8::1",
	    &(struct step){ 1, 2, CLEAR, false });
	report_finish(&r);
	unit_number("one client", 1, r.domains[0]->nclients);
	text_init(&out, buf, sizeof buf);
	print_alarms(&r, &out);
	unit_same("its alarm", "fallback: 2001:db8::1 came in clear after TLS: "
	    "1 time, first 1970-01-03, last 1970-01-03. TLS has not come back."
	    " | ", buf);
	report_free(&r);
	unit_end();
}

/* Alarms of worse kinds come first, within a kind the latest. */
static void
test_order(void **state)
{
	static const struct step steps[] = { { 10, 1, ONE, false },
		{ 1, 2, "verify=FAIL", false }, { 1, 3, CLEAR, false } };
	char buf[4096];
	struct report r;
	struct text out;

	(void)state;
	report_init(&r);
	r.steady = 5;
	for (size_t i = 0; i < UNIT_COUNT(steps); i++)
		add(&r, HOST, &steps[i]);
	add(&r, ELSE, &steps[0]);
	add(&r, ELSE, &(struct step){ 1, 4, CLEAR, false });
	report_finish(&r);
	text_init(&out, buf, sizeof buf);
	print_alarms(&r, &out);
	unit_number("another host first", 0, strncmp(buf,
	    "fallback: relay.example", 23));
	unit_number("then its hosts", 1, strstr(buf,
	    "| fallback: its hosts") != NULL);
	unit_number("then what does not verify", 1, strstr(buf,
	    "last 1970-01-04. TLS has not come back. | unverified: ") != NULL);
	report_free(&r);
	unit_end();
}

/*
 * With too many hosts and certificates the one with the least mail is dropped;
 * alarms stay.
 */
static void
test_room(void **state)
{
	struct report r;
	char client[128], tls[128], buf[8192];
	struct text out;

	(void)state;
	report_init(&r);
	r.steady = 10;
	add(&r, ELSE, &(struct step){ 10, 1, "verify=NO", false });
	add(&r, ELSE, &(struct step){ 1, 2, CLEAR, false });
	for (unsigned i = 0; i < REPORT_CLIENTS_MAX + 20; i++) {
		snprintf(client, sizeof client, "client_name=h%u.example "
		    "client_addr=192.0.2.2", i);
		add(&r, client, &(struct step){ 1 + i % 3, 3, "verify=NO",
		    false });
	}
	for (unsigned i = 0; i < REPORT_CERTIFICATES_MAX + 20; i++) {
		snprintf(tls, sizeof tls, "verify=OK cn_subject=c%u "
		    "cn_issuer=Own cert_fp=%02X", i, i);
		add(&r, HOST, &(struct step){ 1, 3, tls, false });
	}
	report_finish(&r);
	unit_number("one domain", 1, (long long)r.ndomains);
	unit_number("clients", REPORT_CLIENTS_MAX,
	    r.domains[0]->nclients);
	unit_number("clients left out", 22, (long long)
	    r.domains[0]->clients_left_out);
	unit_number("certificates", REPORT_CERTIFICATES_MAX,
	    r.domains[0]->ncertificates);
	unit_number("certificates left out", 20, (long long)
	    r.domains[0]->certificates_left_out);
	text_init(&out, buf, sizeof buf);
	print_alarms(&r, &out);
	unit_same("the alarm stays", "fallback: relay.example came in clear "
	    "after TLS: 1 time, first 1970-01-03, last 1970-01-03. TLS has "
	    "not come back. | ", buf);
	report_free(&r);
	unit_end();
}

static void
test_authorities(void **state)
{
	static const struct {
		const char *issuer;
		bool public;
	} rows[] = {
		{ "/C=US/O=Let's Encrypt/CN=R10", true }, { "R3", true },
		{ "E5", true }, { "YR1", true }, { "YE2", true },
		{ "digicert global", true }, { "R", false }, { "R0", false },
		{ "R123", false }, { "Rx", false }, { "R1x", false },
		{ "Y1", false }, { "X1", false }, { "", false },
		{ "Own CA", false }, { "Amazon", true }, { "Amazo", false },
		{ "R:", false }, { "YR/", false },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		unit_number(rows[i].issuer, rows[i].public,
		    report_is_public_authority(rows[i].issuer));
	unit_end();
}

/* A long name is cut between characters, and still compared as it was. */
static void
test_copies(void **state)
{
	char text[400];
	char *copy;

	(void)state;
	for (size_t n = 236; n < 244; n++) {
		memset(text, 'a', sizeof text);
		memcpy(text + n, "\xe2\x82\xac", 3);
		copy = report_copy(slice_make(text, 300));
		assert_non_null(copy);
		unit_number("cut", n + 3 > 240 && n < 240 ? (long)n + 3 : 243,
		    (long)strlen(copy));
		unit_same("cut", "...", copy + strlen(copy) - 3);
		free(copy);
	}
	copy = report_copy(slice_make(NULL, 0));
	unit_same("nothing", "", copy);
	free(copy);
	memset(text, 0x80, sizeof text);
	copy = report_copy(slice_make(text, 300));
	unit_same("no character at all", "...", copy);
	free(copy);
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_spelling),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_authorities),
		cmocka_unit_test(test_copies),
	};

	return unit_main(tests);
}
