/* Requirements in the words of Postfix and of sendmail, and what has none. */
#include <stdio.h>

#include "policy/facts/suite.h"
#include "policy/outbound/translate.h"
#include "t/unit.h"

static const struct {
	const char *rule, *want; /* "POLICY", or "POLICY | LOST" */
} postfix[] = {
	{ "OK", "may" },
	{ "WARN+VERIFY", "secure match=nexthop:dot-nexthop" },
	{ "ENCR:0", "may" },
	{ "ENCR:1", "encrypt" },
	{ "ENCR:2", "encrypt ciphers=high" },
	{ "VERIFY:1", "secure match=nexthop:dot-nexthop" },
	{ "TEMP+ENCR:128", "encrypt ciphers=high" },
	{ "ENCR:129", "encrypt ciphers=high | ENCR:129" },
	{ "VERIFY", "secure match=nexthop:dot-nexthop" },
	{ "VERIFY:112",
	    "secure match=nexthop:dot-nexthop ciphers=high" },
	{ "VERIFY:256", "secure match=nexthop:dot-nexthop "
	    "ciphers=high | VERIFY:256" },
	/*
	 * The class (PERM, HOLD ...) is no demand on TLS: Postfix is told the
	 * same.
	 */
	{ "PERM+ENCR:1", "encrypt" },
	{ "HOLD+ENCR:1", "encrypt" },
	/* Names count only in a certificate that verified. */
	{ "ENCR:0+CN", "secure match=hostname" },
	{ "VERIFY+CN:mx.example.org", "secure match=mx.example.org" },
	{ "VERIFY+CN:mx+2Eexample.org", "secure match=mx.example.org" },
	{ "VERIFY+CN:+2Eexample.org", "secure match=nexthop:dot-nexthop | "
	    "CN:+2Eexample.org" },
	{ "VERIFY+CN:a++CN:b", "secure match=a:b" },
	{ "VERIFY+CN:a++CN:.b.c++CN", "secure match=a:.b.c:hostname" },
	{ "VERIFY+CN:a++CN:*.b", "secure match=a | CN:*.b" },
	{ "DANE", "dane-only" },
	{ "DANE:may", "dane" },
	{ "DANE+VER:1.2", "dane-only protocols=>=TLSv1.2" },
	{ "PERM+DANE", "dane-only" },
	/*
	 * A name that the rule pins is kept beside DANE; a bare CN pins none.
	 */
	{ "DANE+CN:a", "secure match=a" },
	{ "DANE+CN:a++CN", "secure match=a" },
	{ "DANE+CN", "dane-only | CN beside DANE" },
	{ "DANE:may+CN", "secure match=hostname" },
	/* With VER clear text is not enough, so DANE:may becomes dane-only. */
	{ "DANE:may+VER:1.2", "dane-only protocols=>=TLSv1.2" },
	/* Nothing in a name may be taken for Postfix's syntax. */
	{ "VERIFY+CN:a:b", "secure match=nexthop:dot-nexthop | "
	    "CN:a:b" },
	{ "VERIFY+CN:a+20protocols=x",
	    "secure match=nexthop:dot-nexthop | "
	    "CN:a+20protocols=x" },
	{ "VERIFY+CN:nexthop", "secure match=nexthop:dot-nexthop | "
	    "CN:nexthop" },
	{ "VERIFY+CN:.example.org", "secure match=.example.org" },
	{ "VERIFY+CN:.", "secure match=nexthop:dot-nexthop | CN:." },
	{ "VERIFY+CN:*.example.org",
	    "secure match=nexthop:dot-nexthop | CN:*.example.org" },
	{ "VERIFY+CS:/CN=x", "secure match=nexthop:dot-nexthop | "
	    "CS:/CN=x" },
	{ "ENCR:0+CITag:MyCA++ICN:y",
	    "secure match=nexthop:dot-nexthop | CITag:MyCA, ICN:y" },
	{ "ENCR:0+VER:1.2", "encrypt protocols=>=TLSv1.2" },
	{ "ENCR:0+VER:1.0", "encrypt protocols=>=TLSv1" },
	{ "ENCR:0+VER:1.3++VER:1.2", "encrypt protocols=>=TLSv1.3" },
	{ "ENCR:0+PFS", "encrypt exclude=kRSA:kPSK:kRSAPSK:kSRP:aNULL" },
	{ "ENCR:0+AEAD", "encrypt exclude=SHA1:SHA256:SHA384:MD5:aNULL" },
	{ "ENCR:0+PFS++AEAD", "encrypt exclude="
	    "kRSA:kPSK:kRSAPSK:kSRP:SHA1:SHA256:SHA384:MD5:aNULL" },
	{ "ENCR:0+CIPHER:HIGH", "encrypt | CIPHER:HIGH" },
	{ "ENCR:0+FP:00112233445566778899aabbccddeeff++FP:"
	    "ff:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff",
	    "fingerprint match=00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
	    " match=FF:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF" },
	{ "VERIFY+FP:00112233445566778899aabbccddeeff",
	    "fingerprint match=00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF" },
	{ "DANE+FP:00112233445566778899aabbccddeeff",
	    "fingerprint match=00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF" },
	{ "VERIFY+CN:a++FP:00112233445566778899aabbccddeeff",
	    "fingerprint match=00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
	    " | CN beside FP" },
	/* Notes and dates are no tests. */
	{ "ENCR:0+BY:me++UNTIL:2099-01-01++MSG:a b", "may" },
};

static void
add(struct postfix_policy *policy, const char *rule, struct text *lost)
{
	struct requirement r;
	struct fault fault;

	assert_true(requirement_parse(slice_of(rule), TAG_SRV, &r, &fault));
	translate_postfix_add(policy, &r, lost);
}

static void
finish(struct postfix_policy *policy, struct text *lost, struct text *out)
{
	translate_postfix_finish(policy, false, lost);
	translate_postfix_print(policy, out);
	if (lost->n > 0)
		text_printf(out, " | %s", lost->buf);
}

static void
test_postfix(void **state)
{
	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(postfix); i++) {
		char buf[2048], lost_buf[512];
		struct postfix_policy policy;
		struct text out, lost;

		text_init(&out, buf, sizeof buf);
		text_init(&lost, lost_buf, sizeof lost_buf);
		translate_postfix_init(&policy);
		add(&policy, postfix[i].rule, &lost);
		finish(&policy, &lost, &out);
		unit_same(postfix[i].rule, postfix[i].want, buf);
	}
	unit_end();
}

#define FP_A "FP:00112233445566778899aabbccddeeff"
#define FP_B "FP:ff112233445566778899aabbccddeeff"

static const struct {
	const char *first, *second, *want;
} pairs[] = {
	{ "ENCR:128", "VERIFY", "secure match=nexthop:dot-nexthop "
	    "ciphers=high" },
	{ "ENCR:0+VER:1.2", "ENCR:0+VER:1.3", "encrypt protocols=>=TLSv1.3" },
	{ "VERIFY+CN:a", "VERIFY+CN:b", "secure match=a | CN of both rules" },
	{ "VERIFY+CN:a++CN:b", "VERIFY+CN:B++CN:c", "secure match=b" },
	{ "VERIFY", "DANE", "dane-only" },
	{ "ENCR:1", "DANE", "dane-only" },
	{ "OK", "DANE:may", "dane" },
	{ "DANE", "DANE:may", "dane-only" },
	{ "ENCR:1", "DANE:may", "dane-only" },
	{ "VERIFY", "DANE:may", "secure match=nexthop:dot-nexthop" },
	{ "ENCR:0+" FP_A, "DANE", "fingerprint "
	    "match=00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF" },
	{ "VERIFY+CN:a", "OK", "secure match=a" },
	{ "ENCR:0+" FP_A "++" FP_B, "ENCR:0+" FP_B, "fingerprint "
	    "match=FF:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF" },
	{ "ENCR:0+" FP_A, "ENCR:0+" FP_B, "fingerprint "
	    "match=00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF | "
	    "FP of both rules" },
	{ "ENCR:0+" FP_A, "VERIFY", "fingerprint "
	    "match=00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF" },
	{ "ENCR:0+" FP_A, "VERIFY+CN", "fingerprint "
	    "match=00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF | "
	    "CN beside FP" },
};

/* Both rules have to be satisfied. */
static void
test_conjunction(void **state)
{
	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(pairs); i++) {
		char buf[2048], lost_buf[512];
		struct postfix_policy policy;
		struct text out, lost;

		text_init(&out, buf, sizeof buf);
		text_init(&lost, lost_buf, sizeof lost_buf);
		translate_postfix_init(&policy);
		add(&policy, pairs[i].first, &lost);
		add(&policy, pairs[i].second, &lost);
		finish(&policy, &lost, &out);
		unit_same(pairs[i].first, pairs[i].want, buf);
	}
	unit_end();
}

static bool
is_listed(const uint16_t *ids, size_t n, uint16_t id)
{
	while (n > 0 && ids[n - 1] != id)
		n--;
	return n > 0;
}

/*
 * What exclude= leaves of all suites before TLS 1.3, asked of OpenSSL, which
 * Postfix asks, too: those with the property, each of them, and none else.
 */
static void
excluded_are(const char *rule, bool pfs, bool aead)
{
	char policy_text[512], list_text[512], lost_text[80];
	uint16_t ids[SUITE_LIST_MAX];
	struct postfix_policy policy;
	struct text out, list, lost;
	struct fault fault;
	size_t n;

	text_init(&out, policy_text, sizeof policy_text);
	text_init(&list, list_text, sizeof list_text);
	text_init(&lost, lost_text, sizeof lost_text);
	translate_postfix_init(&policy);
	add(&policy, rule, &lost);
	finish(&policy, &lost, &out);
	text_puts(&list, "ALL:COMPLEMENTOFALL");
	for (char *word = strtok(strstr(policy_text, "exclude=") + 8, ":");
	    word != NULL; word = strtok(NULL, ":"))
		text_printf(&list, ":!%s", word);
	assert_true(suite_list(slice_of(list_text), ids, &n, &fault));
	assert_in_range(n, 1, SUITE_LIST_MAX - 1);
	for (size_t i = 0; i < suite_count(); i++) {
		const struct suite *s = suite_at(i);

		if (!s->tls13)
			unit_number(s->name, s->authenticated && (!pfs || s->pfs) &&
			    (!aead || s->aead), is_listed(ids, n, s->id));
	}
}

static void
test_excluded(void **state)
{
	(void)state;
	assert_in_range(suite_count(), 20, SUITE_LIST_MAX - 1);
	excluded_are("ENCR:0+AUTHENTICATED", false, false);
	excluded_are("ENCR:0+PFS", true, false);
	excluded_are("ENCR:0+AEAD", false, true);
	excluded_are("ENCR:0+PFS++AEAD", true, true);
	unit_end();
}

static const struct {
	const char *rule, *want;
} sendmail[] = {
	{ "OK", "OK" },
	{ "WARN+VERIFY:256", "TEMP+VERIFY:256" },
	{ "VERIFY", "TEMP+VERIFY" },
	{ "PERM+VERIFY:256", "PERM+VERIFY:256" },
	{ "HOLD+ENCR:1", "TEMP+ENCR:1" },
	{ "ENCR:128", "TEMP+ENCR:128" },
	{ "VERIFY:128+CN:a++CS:/C=DE/CN=x++CI:/CN=y++CITag:MyCA",
	    "TEMP+VERIFY:128+CN:a++CS:/C=DE/CN=x++CI:/CN=y++CITag:MyCA" },
	/* sendmail would believe the name in any certificate. */
	{ "ENCR:128+CN:a", "TEMP+VERIFY:128+CN:a" },
	/*
	 * sendmail gets no BY, UNTIL or MSG, and no item that it does not know.
	 */
	{ "VERIFY+BY:me++CN:a++UNTIL:2099-01-01++MSG:x y", "TEMP+VERIFY+CN:a" },
	{ "VERIFY+VER:1.2++CN:a", "TEMP+VERIFY+CN:a | VER:1.2" },
	{ "ENCR:0+PFS", "TEMP+ENCR:1 | PFS" },
	/*
	 * sendmail wants all CNs of a rule, tlspolicy any one: such are not
	 * told.
	 */
	{ "VERIFY+CN:a++CN:b", "TEMP+VERIFY | CN:a, CN:b" },
	{ "VERIFY+CITag:A++CN:c++CITag:B",
	    "TEMP+VERIFY+CN:c | CITag:A, CITag:B" },
	{ "VERIFY+CN:.a", "TEMP+VERIFY | CN:.a" },
	{ "DANE", "TEMP+VERIFY | DANE" },
	{ "DANE:may", "TEMP+ENCR:0 | DANE:may" },
	{ "VERIFY+CN:a++b", "TEMP+VERIFY | CN:a++b" },
	{ "VERIFY+CN:*.example.org", "TEMP+VERIFY | CN:*.example.org" },
	{ "ENCR:0+ICN:y", "TEMP+VERIFY:1 | ICN:y" },
	/* In sendmail's encoding, however the rule spelt it. */
	{ "VERIFY+CN:<x>(y)", "TEMP+VERIFY+CN:+3Cx+3E+28y+29" },
	{ "VERIFY+CN:Darth+20Mail", "TEMP+VERIFY+CN:Darth+20Mail" },
};

static void
test_sendmail(void **state)
{
	const struct translate_options options = { false, false };

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(sendmail); i++) {
		char buf[4096], lost_buf[512];
		struct requirement r;
		struct text out, lost;
		struct fault fault;

		text_init(&out, buf, sizeof buf);
		text_init(&lost, lost_buf, sizeof lost_buf);
		assert_true(requirement_parse(slice_of(sendmail[i].rule),
		    TAG_SRV, &r, &fault));
		translate_sendmail(&r, &options, &out, &lost);
		if (lost.n > 0)
			text_printf(&out, " | %s", lost_buf);
		unit_same(sendmail[i].rule, sendmail[i].want, buf);
	}
	unit_end();
}

static void
test_sendmail_options(void **state)
{
	const struct translate_options options = { true, true };
	char buf[4096], lost_buf[512], rule[1024];
	struct requirement r;
	struct text out, lost;
	struct fault fault;

	(void)state;
	text_init(&out, buf, sizeof buf);
	text_init(&lost, lost_buf, sizeof lost_buf);
	assert_true(requirement_parse(slice_of("ENCR:1+CN:a"), TAG_SRV, &r,
	    &fault));
	translate_sendmail(&r, &options, &out, &lost);
	unit_same("default-class = perm, compat = sendmail",
	    "PERM+ENCR:1+CN:a", buf);
	snprintf(rule, sizeof rule, "VERIFY+CN:%0950d", 0);
	text_clear(&out);
	assert_true(requirement_parse(slice_of(rule), TAG_SRV, &r, &fault));
	translate_sendmail(&r, &options, &out, &lost);
	unit_same("longer than sendmail reads", SENDMAIL_NEVER_MET, buf);
	unit_same("and told", "more than sendmail reads", lost_buf);
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_postfix),
		cmocka_unit_test(test_conjunction),
		cmocka_unit_test(test_excluded),
		cmocka_unit_test(test_sendmail),
		cmocka_unit_test(test_sendmail_options),
	};

	return unit_main(tests);
}
