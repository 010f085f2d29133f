/*
 * The table of items.  sendmail's own come first; the order has no other
 * meaning, as rules are tested in the order in which they are written.
 */
#include "policy/facts/suite.h"
#include "policy/rules/predicate.h"

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

/*
 * Each row gives its fact, FACT_COUNT if none, as the first fact is 0; what it
 * leaves out is false or NULL.
 */
static const struct item_row rows[ITEM_COUNT + 1] = {
	[ITEM_CN] = {
		.id = ITEM_CN,
		.name = "CN",
		.value = VALUE_OPTIONAL,
		.test = predicate_cn,
		.fact = FACT_CN_SUBJECT,
		.believes_names = true,
		.from_sendmail = true,
		.expected = "CN, CN:name, CN:*.name or CN:.name",
	},
	[ITEM_CS] = {
		.id = ITEM_CS,
		.name = "CS",
		.value = VALUE_REQUIRED,
		.test = predicate_cs,
		.fact = FACT_CERT_SUBJECT,
		.believes_names = true,
		.from_sendmail = true,
		.expected = "CS:dn, the subject's distinguished name",
	},
	[ITEM_CI] = {
		.id = ITEM_CI,
		.name = "CI",
		.value = VALUE_REQUIRED,
		.test = predicate_ci,
		.fact = FACT_CERT_ISSUER,
		.believes_names = true,
		.from_sendmail = true,
		.expected = "CI:dn, the issuer's distinguished name",
	},
	[ITEM_CITAG] = {
		.id = ITEM_CITAG,
		.name = "CITag",
		.value = VALUE_REQUIRED,
		.check = check_ca_tag,
		.test = predicate_citag,
		.fact = FACT_CERT_ISSUER,
		.believes_names = true,
		.from_sendmail = true,
		.expected = "CITag:Tag, and rows Tag:issuer-dn OK",
	},
	[ITEM_ICN] = {
		.id = ITEM_ICN,
		.name = "ICN",
		.value = VALUE_REQUIRED,
		.test = predicate_icn,
		.fact = FACT_CN_ISSUER,
		.believes_names = true,
		.expected = "ICN:name, the issuer's common name",
	},
	[ITEM_FP] = {
		.id = ITEM_FP,
		.name = "FP",
		.value = VALUE_REQUIRED,
		.check = check_fingerprint,
		.test = predicate_fp,
		.fact = FACT_FINGERPRINT,
		.expected = "FP:hex",
	},
	[ITEM_PKFP] = {
		.id = ITEM_PKFP,
		.name = "PKFP",
		.value = VALUE_REQUIRED,
		.check = check_fingerprint,
		.test = predicate_pkfp,
		.fact = FACT_KEY_FINGERPRINT,
		.expected = "PKFP:hex",
	},
	[ITEM_VER] = {
		.id = ITEM_VER,
		.name = "VER",
		.value = VALUE_REQUIRED,
		.check = check_version,
		.test = predicate_ver,
		.fact = FACT_TLS_VERSION,
		.expected = "VER:1.2 or the like",
	},
	[ITEM_AUTHENTICATED] = {
		.id = ITEM_AUTHENTICATED,
		.name = "AUTHENTICATED",
		.value = VALUE_NONE,
		.test = predicate_authenticated,
		.fact = FACT_CIPHER,
		.expected = "AUTHENTICATED without a value",
	},
	[ITEM_PFS] = {
		.id = ITEM_PFS,
		.name = "PFS",
		.value = VALUE_NONE,
		.test = predicate_pfs,
		.fact = FACT_CIPHER,
		.expected = "PFS without a value",
	},
	[ITEM_AEAD] = {
		.id = ITEM_AEAD,
		.name = "AEAD",
		.value = VALUE_NONE,
		.test = predicate_aead,
		.fact = FACT_CIPHER,
		.expected = "AEAD without a value",
	},
	/* The list is checked once, when rules are read: rulefile-add.c. */
	[ITEM_CIPHER] = {
		.id = ITEM_CIPHER,
		.name = "CIPHER",
		.value = VALUE_REQUIRED,
		.test = predicate_cipher,
		.fact = FACT_CIPHER,
		.expected = "CIPHER:list",
	},
	/* Values of these two are looked at in rulefile-add.c, too. */
	[ITEM_CLIENT] = {
		.id = ITEM_CLIENT,
		.name = "CLIENT",
		.value = VALUE_REQUIRED,
		.test = predicate_client,
		.fact = FACT_CLIENT_ADDR,
		.inbound = true,
		.expected = "CLIENT:network or CLIENT:name",
	},
	[ITEM_WHEN] = {
		.id = ITEM_WHEN,
		.name = "WHEN",
		.value = VALUE_REQUIRED,
		.fact = FACT_CLIENT_ADDR,
		.inbound = true,
		.expected = "WHEN:network or WHEN:name",
	},
	[ITEM_FROM] = {
		.id = ITEM_FROM,
		.name = "FROM",
		.value = VALUE_REQUIRED,
		.check = check_day,
		.fact = FACT_COUNT,
		.expected = "FROM:YYYY-MM-DD",
	},
	[ITEM_UNTIL] = {
		.id = ITEM_UNTIL,
		.name = "UNTIL",
		.value = VALUE_REQUIRED,
		.check = check_day,
		.fact = FACT_COUNT,
		.expected = "UNTIL:YYYY-MM-DD",
	},
	[ITEM_BY] = {
		.id = ITEM_BY,
		.name = "BY",
		.value = VALUE_REQUIRED,
		.fact = FACT_COUNT,
		.expected = "BY:text",
	},
	[ITEM_MSG] = {
		.id = ITEM_MSG,
		.name = "MSG",
		.value = VALUE_REQUIRED,
		.fact = FACT_COUNT,
		.last = true,
		.expected = "MSG:text, the last item",
	},
	[ITEM_COUNT] = { .id = ITEM_COUNT, .fact = FACT_COUNT },
};

static const char *const reason_names[REASON_COUNT] = {
	[REASON_NONE] = "",
	[REASON_PLAINTEXT] = "plaintext",
	[REASON_TOO_WEAK] = "too-weak",
	[REASON_NOT_VERIFIED] = "not-verified",
	[REASON_WRONG_CERTIFICATE] = "wrong-certificate",
	[REASON_AUTH_IN_CLEAR] = "auth-in-clear",
	[REASON_WRONG_CLIENT] = "wrong-client",
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

void
item_print_names(struct text *out)
{
	for (int i = 0; i < ITEM_COUNT; i++)
		text_printf(out, "%s%s%s", i == 0 ? "" : i + 1 < ITEM_COUNT ?
		    ", " : " or ", rows[i].name,
		    rows[i].value == VALUE_REQUIRED ? ":" : "");
}

bool
item_is_name(const struct item_row *row)
{
	return row->believes_names && row->id != ITEM_CITAG;
}

bool
item_is_fingerprint(const struct item_row *row)
{
	return row->id == ITEM_FP || row->id == ITEM_PKFP;
}

bool
item_is_alternative(const struct item_row *row, bool compat_sendmail)
{
	return (row->believes_names || item_is_fingerprint(row) ||
	    row->id == ITEM_CLIENT) && !(compat_sendmail && row->from_sendmail);
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
