/*
 * The table of items.  sendmail's own come first; the order has no other
 * meaning, as rules are tested in the order in which they are written.
 */
#include "policy/facts/suite.h"
#include "policy/rules/item.h"

static const char *
check_ca_tag(struct slice value)
{
	return tag_is_ca_name(value) ? NULL :
	    "the name of a CITag: letters, digits, - and _";
}

static const char *
check_fingerprint(struct slice value)
{
	size_t digits = 0;

	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == ':' && i > 0 && digits % 2 == 0)
			continue;
		if (text_hex_digit(value.p[i]) < 0)
			return "a fingerprint in hex, with or without colons";
		digits++;
	}
	switch (digits / 2) {
	case 16: /* MD5, sendmail's default */
	case 20: /* SHA-1 */
	case 32: /* SHA-256 */
	case 48:
	case 64:
		return digits % 2 == 0 ? NULL : "an even number of hex digits";
	}
	return "a fingerprint of 16, 20, 32, 48 or 64 bytes in hex";
}

static const char *
check_version(struct slice value)
{
	if (value.n == 3 && suite_protocol(value) > 0)
		return NULL;
	return "1.0, 1.1, 1.2 or 1.3";
}

static const char *
check_day(struct slice value)
{
	int32_t day;

	return day_parse(value, &day) ? NULL : "a date, YYYY-MM-DD";
}

static const struct item_row rows[] = {
	{ "CN", VALUE_OPTIONAL, NULL, predicate_cn, FACT_CN_SUBJECT,
	    true, true, false, "CN, CN:name, CN:*.name or CN:.name" },
	{ "CS", VALUE_REQUIRED, NULL, predicate_cs, FACT_CERT_SUBJECT, true,
	    true, false, "CS:dn, the subject's distinguished name" },
	{ "CI", VALUE_REQUIRED, NULL, predicate_ci, FACT_CERT_ISSUER, true,
	    true, false, "CI:dn, the issuer's distinguished name" },
	{ "CITag", VALUE_REQUIRED, check_ca_tag, predicate_citag,
	    FACT_CERT_ISSUER, true, true, false,
	    "CITag:Tag, and rows Tag:issuer-dn OK" },
	{ "ICN", VALUE_REQUIRED, NULL, predicate_icn, FACT_CN_ISSUER, true,
	    false, false, "ICN:name, the issuer's common name" },
	{ "FP", VALUE_REQUIRED, check_fingerprint, predicate_fp,
	    FACT_FINGERPRINT, false, false, false, "FP:hex" },
	{ "VER", VALUE_REQUIRED, check_version, predicate_ver,
	    FACT_TLS_VERSION, false, false, false, "VER:1.2 or the like" },
	{ "PFS", VALUE_NONE, NULL, predicate_pfs, FACT_CIPHER, false, false,
	    false, "PFS without a value" },
	{ "AEAD", VALUE_NONE, NULL, predicate_aead, FACT_CIPHER, false, false,
	    false, "AEAD without a value" },
	/* Its list is checked once, when the store is built: rulefile.c. */
	{ "CIPHER", VALUE_REQUIRED, NULL, predicate_cipher,
	    FACT_CIPHER, false, false, false, "CIPHER:list" },
	{ "FROM", VALUE_REQUIRED, check_day, NULL, FACT_COUNT, false, false,
	    false, "FROM:YYYY-MM-DD" },
	{ "UNTIL", VALUE_REQUIRED, check_day, NULL, FACT_COUNT, false, false,
	    false, "UNTIL:YYYY-MM-DD" },
	{ "BY", VALUE_REQUIRED, NULL, NULL, FACT_COUNT, false, false, false,
	    "BY:text" },
	{ "MSG", VALUE_REQUIRED, NULL, NULL, FACT_COUNT, false, false, true,
	    "MSG:text, the last item" },
	{ NULL, VALUE_NONE, NULL, NULL, FACT_COUNT, false, false, false, NULL }
};

static const char *const reason_names[REASON_COUNT] = {
	[REASON_NONE] = "",
	[REASON_PLAINTEXT] = "plaintext",
	[REASON_TOO_WEAK] = "too-weak",
	[REASON_NOT_VERIFIED] = "not-verified",
	[REASON_WRONG_CERTIFICATE] = "wrong-certificate",
	[REASON_AUTH_IN_CLEAR] = "auth-in-clear",
	[REASON_POLICY_ERROR] = "policy-error",
	[REASON_NO_TLS] = "no-tls",
};

const struct item_row *
item_table(void)
{
	return rows;
}

const struct item_row *
item_find(struct slice name)
{
	for (const struct item_row *row = rows; row->name != NULL; row++)
		if (slice_is_nocase(name, row->name))
			return row;
	return NULL;
}

bool
item_is_name(const struct item_row *row)
{
	return row->believes_names && row->test != predicate_citag;
}

bool
item_is_alternative(const struct item_row *row, bool compat_sendmail)
{
	return (row->believes_names || row->test == predicate_fp) &&
	    !(compat_sendmail && row->from_sendmail);
}

struct slice
item_sendmail_value(struct slice value)
{
	for (size_t i = 0; i + 1 < value.n; i++)
		if (value.p[i] == '+' && value.p[i + 1] == '+')
			value.n = i;
	return value;
}

const char *
reason_name(enum reason reason)
{
	return reason_names[reason];
}

void
observation_init(struct observation *f)
{
	f->reason = REASON_NONE;
	text_init(&f->wanted, f->wanted_text, sizeof f->wanted_text);
	text_init(&f->found, f->found_text, sizeof f->found_text);
}
