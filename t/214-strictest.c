/* Of the tags that fail the strictest decides, whatever their order. */
#include <stdio.h>
#include <string.h>

#include "t/unit.h"

/* One rule of each tag that is judged at MAIL, which this session fails. */
static const struct {
	const char *key, *macros;
} tags[] = {
	{ "TLS_Daemon:MTA", "daemon_name=MTA" },
	{ "TLS_Clt:h.example", "client_name=h.example client_addr=192.0.2.1" },
	{ "TLS_Auth:joe", "auth_authen=joe auth_type=PLAIN" },
	{ "TLS_From:bank.example", "mail_addr=<a@bank.example>" },
};

/* From the strictest to the mildest; what cannot be told is as strict as TEMP. */
static const struct {
	const char *requirement, *verdict;
	int severity;
} classes[] = {
	{ "PERM+ENCR:128", "reject", 4 },
	{ "TEMP+ENCR:128", "tempfail", 3 },
	{ "ENCR:128", "tempfail", 3 },
	{ "HOLD+ENCR:128", "hold", 2 },
	{ "WARN+ENCR:128", "accept", 1 },
	{ "OK", "accept", 0 },
};

static void
put_rule(struct text *rules, size_t tag, size_t class)
{
	text_printf(rules, "%s %s", tags[tag].key, classes[class].requirement);
	if (classes[class].severity > 0)
		text_printf(rules, "+MSG:%s", tags[tag].key);
	text_char(rules, '\n');
}

static const char *
session(void)
{
	static char macros[512];

	snprintf(macros, sizeof macros, "%s %s %s %s", tags[0].macros,
	    tags[1].macros, tags[2].macros, tags[3].macros);
	return macros;
}

static void
pair_is(size_t first, size_t a, size_t second, size_t b)
{
	char rules_text[1024], row[64], key[64];
	size_t decides = classes[b].severity > classes[a].severity ? b : a;
	size_t tag = decides == a ? first : second;
	struct text rules;
	const char *got;

	text_init(&rules, rules_text, sizeof rules_text);
	put_rule(&rules, first, a);
	put_rule(&rules, second, b);
	got = unit_judge(rules_text, session(), TAG_CLT, "mail", 0);
	snprintf(row, sizeof row, "%.24s", rules_text);
	snprintf(row + strlen(row), sizeof row - strlen(row), ", then %.24s",
	    strchr(rules_text, '\n') + 1);
	unit_slice(row, classes[decides].verdict, slice_make(got,
	    strcspn(got, " ")));
	if (classes[decides].severity == 0)
		return;
	/* The reply names the strictest tag's rule, and not the other's. */
	snprintf(key, sizeof key, " / %s", tags[tag].key);
	unit_number(row, 1, strstr(got, key) != NULL);
	snprintf(key, sizeof key, " / %s", tags[tag == first ? second :
	    first].key);
	unit_number(row, 0, strstr(got, key) != NULL);
}

static void
test_pairs(void **state)
{
	(void)state;
	for (size_t first = 0; first < UNIT_COUNT(tags); first++)
		for (size_t second = first + 1; second < UNIT_COUNT(tags);
		    second++)
			for (size_t a = 0; a < UNIT_COUNT(classes); a++)
				for (size_t b = 0; b < UNIT_COUNT(classes); b++)
					pair_is(first, a, second, b);
	unit_end();
}

/* Adding a rule for another tag never weakens: every subset of four rules. */
static void
test_adding(void **state)
{
	static const char *const names[] = { "accept", "warn", "hold",
		"tempfail", "reject" };

	(void)state;
	for (size_t code = 0; code < 6 * 6 * 6 * 6; code++) {
		size_t class[] = { code % 6, code / 6 % 6, code / 36 % 6,
			code / 216 };
		int strictest = 0;
		char rules_text[1024], row[32];
		struct text rules;
		const char *got;

		text_init(&rules, rules_text, sizeof rules_text);
		for (size_t i = 0; i < 4; i++) {
			put_rule(&rules, i, class[i]);
			if (classes[class[i]].severity > strictest)
				strictest = classes[class[i]].severity;
		}
		got = unit_judge(rules_text, session(), TAG_CLT, "mail", 0);
		snprintf(row, sizeof row, "%zu", code);
		unit_slice(row, strictest == 1 ? "accept" : names[strictest],
		    slice_make(got, strcspn(got, " ")));
		unit_number(row, strictest == 1, strstr(got, "| warn:") !=
		    NULL);
	}
	unit_end();
}

/* on-error = accept for one tag does not hide the refusal by another. */
static void
test_on_error(void **state)
{
	static const struct {
		const char *rules, *want;
	} rows[] = {
		/* Postfix never tells CS. */
		{ "TLS_Clt:h.example PERM+ENCR:1+CS:/CN=x\n"
		    "TLS_From:bank.example HOLD+ENCR:256\n", "hold" },
		{ "TLS_Clt:h.example HOLD+ENCR:256\n"
		    "TLS_From:bank.example PERM+ENCR:1+CS:/CN=x\n", "hold" },
		{ "TLS_Clt:h.example WARN+ENCR:256\n"
		    "TLS_From:bank.example PERM+ENCR:1+CS:/CN=x\n", "accept" },
		{ "TLS_Clt:h.example PERM+ENCR:1+CS:/CN=x\n"
		    "TLS_From:bank.example PERM+ENCR:256\n", "reject" },
	};
	static const char macros[] = "v=Postfix client_name=h.example "
	    "client_addr=192.0.2.1 tls_version=TLSv1.2 cipher_bits=128 "
	    "cipher=ECDHE-RSA-AES128-GCM-SHA256 cert_subject=x cert_issuer=y "
	    "mail_addr=a@bank.example";

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		const char *got = unit_judge(rows[i].rules, macros, TAG_CLT,
		    "mail accept", 0);

		unit_slice(rows[i].rules, rows[i].want, slice_make(got,
		    strcspn(got, " ")));
	}
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_adding),
		cmocka_unit_test(test_on_error),
	};

	return unit_main(tests);
}
