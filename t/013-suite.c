/* What OpenSSL says of suites and versions. */
#include <stdio.h>
#include <string.h>

#include "policy/facts/suite.h"
#include "t/unit.h"

static void
test_suites(void **state)
{
	static const struct {
		const char *name;
		unsigned id;
		bool pfs, aead, tls13, anonymous;
	} rows[] = {
		{ "TLS_AES_256_GCM_SHA384", 0x1302, true, true, true, false },
		{ "TLS_AES_128_CCM_8_SHA256", 0x1305, true, true, true, false },
		{ "TLS_CHACHA20_POLY1305_SHA256", 0x1303, true, true, true, false },
		{ "ECDHE-RSA-AES256-GCM-SHA384", 0xc030, true, true, false, false },
		{ "ECDHE-RSA-AES256-SHA", 0xc014, true, false, false, false },
		{ "DHE-RSA-CHACHA20-POLY1305", 0xccaa, true, true, false, false },
		{ "AES256-GCM-SHA384", 0x009d, false, true, false, false },
		{ "AES128-SHA", 0x002f, false, false, false, false },
		{ "ADH-AES256-GCM-SHA384", 0x00a7, true, true, false,
		    true },
		{ "AECDH-AES256-SHA", 0xc019, true, false, false, true },
		{ "NULL-SHA256", 0x003b, false, false, false, false }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		const struct suite *suite = suite_find(slice_of(rows[i].name));

		if (suite == NULL)
			fail_msg("%s is not known", rows[i].name);
		unit_number(rows[i].name, rows[i].id, suite->id);
		unit_number(rows[i].name, rows[i].pfs, suite->pfs);
		unit_number(rows[i].name, rows[i].aead, suite->aead);
		unit_number(rows[i].name, rows[i].tls13, suite->tls13);
		unit_number(rows[i].name, !rows[i].anonymous,
		    suite->authenticated);
	}
	unit_end();
}

static void
test_unknown(void **state)
{
	char name[200];

	(void)state;
	memset(name, 'A', sizeof name);
	assert_null(suite_find(slice_of("")));
	assert_null(suite_find(slice_of("AES128")));
	assert_null(suite_find(slice_of("aes128-sha")));
	assert_null(suite_find(slice_of("AES128-SHAX")));
	assert_null(suite_find(slice_make(name, sizeof name)));
}

static bool
listed(const uint16_t *ids, size_t n, const char *name)
{
	const struct suite *suite = suite_find(slice_of(name));

	assert_non_null(suite);
	for (size_t i = 0; i < n; i++)
		if (ids[i] == suite->id)
			return true;
	return false;
}

/* "+" before a name: it must be in the list; "-": it must not. */
static void
test_lists(void **state)
{
	static const struct {
		const char *list, *names[5];
	} rows[] = {
		{ "HIGH:!aNULL", { "+ECDHE-RSA-AES256-GCM-SHA384",
		    "-ADH-AES256-GCM-SHA384", "-TLS_AES_256_GCM_SHA384" } },
		{ "ECDHE+AESGCM:TLS_AES_128_GCM_SHA256",
		    { "+ECDHE-RSA-AES128-GCM-SHA256",
		    "+TLS_AES_128_GCM_SHA256", "-TLS_AES_256_GCM_SHA384",
		    "-AES128-GCM-SHA256" } },
		{ "TLS_AES_256_GCM_SHA384", { "+TLS_AES_256_GCM_SHA384",
		    "-TLS_AES_128_GCM_SHA256",
		    "-ECDHE-RSA-AES256-GCM-SHA384" } },
		{ "AES128-SHA", { "+AES128-SHA", "-AES256-SHA" } },
		{ "NULL-SHA256:AES128-SHA", { "+NULL-SHA256", "+AES128-SHA" } }
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		uint16_t ids[SUITE_LIST_MAX];
		struct fault fault;
		size_t n;

		assert_true(suite_list(slice_of(rows[i].list), ids, &n,
		    &fault));
		for (size_t j = 1; j < n; j++)
			assert_true(ids[j - 1] < ids[j]);
		for (int k = 0; k < 5 && rows[i].names[k] != NULL; k++)
			unit_number(rows[i].names[k],
			    rows[i].names[k][0] == '+',
			    listed(ids, n, rows[i].names[k] + 1));
	}
	unit_end();
}

static void
test_bad_lists(void **state)
{
	static const char *const rows[] = { "", "NOSUCHSUITE", ":", "!ALL" };
	char buf[2000];

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		uint16_t ids[SUITE_LIST_MAX];
		struct fault fault;
		size_t n;

		unit_number(rows[i], false, suite_list(slice_of(rows[i]), ids,
		    &n, &fault));
		snprintf(buf, sizeof buf, "\"%s\" is not a cipher list that "
		    "OpenSSL knows", rows[i]);
		unit_same(rows[i], buf, fault.text);
	}
	unit_end();
}

/* What OpenSSL passes over in silence when the list has another word. */
static void
test_unknown_words(void **state)
{
	static const struct {
		const char *list, *unknown;
	} rows[] = {
		{ "HIGH:@STRENGTH", "" }, { "HIGH:@SECLEVEL=2", "" },
		{ "DEFAULT@SECLEVEL=0", "" }, { "HIGH:@SECLEVEL=5", "" },
		{ "HIGH:@SECLEVEL=6", "@SECLEVEL=6" },
		{ "HIGH:@SECLEVEL=/", "@SECLEVEL=/" },
		{ "HIGH:@SECLEVELS2", "@SECLEVELS2" },
		{ "HIGH:@SECLEVEL=", "@SECLEVEL=" },
		{ "HIGH:@strength", "@strength" },
		{ "HIGH:+AES", "" }, { "HIGH:!aNULL:-SHA1", "" },
		{ "HIGH:AESGCN", "AESGCN" }, { "HIGH:+AESGCN", "AESGCN" },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct nearest nearest;
		bool unknown = suite_list_words(slice_of(rows[i].list),
		    &nearest);

		unit_number(rows[i].list, rows[i].unknown[0] != '\0',
		    unknown);
		if (unknown)
			unit_slice(rows[i].list, rows[i].unknown,
			    nearest.wanted);
	}
	unit_end();
}

static void
test_protocols(void **state)
{
	static const struct {
		const char *name;
		int want;
	} rows[] = { { "SSLv3", 1 }, { "TLSv1", 2 }, { "TLSv1.0", 2 },
		{ "TLSv1.1", 3 }, { "TLSv1.2", 4 }, { "TLSv1.3", 5 },
		{ "tlsv1.3", 5 }, { "1.2", 4 }, { "1", 0 }, { "TLSv1.4", 0 },
		{ "TLS", 0 }, { "", 0 }, { "TLSv1.2 ", 0 } };

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		unit_number(rows[i].name, rows[i].want,
		    suite_protocol(slice_of(rows[i].name)));
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_suites),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_bad_lists),
		cmocka_unit_test(test_unknown_words),
		cmocka_unit_test(test_protocols),
	};

	return unit_main(tests);
}
