/*
 * The search against a reference that tries every key in sendmail's order:
 * the name, ".parent", "parent" and so on; of networks the longest.
 */
#include <stdio.h>
#include <string.h>

#include "policy/base/domain.h"
#include "policy/store/rebuild.h"
#include "policy/store/search.h"
#include "t/unit.h"

enum { SETS = 1500, QUERIES = 40, RULES_MAX = 40 };

struct rules {
	char text[RULES_MAX * 80];
	char what[RULES_MAX][64]; /* without tag */
	unsigned n;
};

static void
make_name(uint64_t *seed, char *out)
{
	static const char *const labels[] = { "a", "b", "ab", "com", "x-y",
		"mail" };
	unsigned n = 1 + unit_random(seed) % 4;

	*out = '\0';
	while (n-- > 0)
		out += sprintf(out, "%s%s", labels[unit_random(seed) %
		    UNIT_COUNT(labels)], n > 0 ? "." : "");
}

static void
make_v4(uint64_t *seed, char *out, bool network)
{
	unsigned bits = network ? unit_random(seed) % 33 : 32;
	uint32_t addr = 0x0a000000;

	/* Few different bits, so that networks lie in one another. */
	for (int i = 0; i < 5; i++)
		addr ^= (unit_random(seed) % 2) << (unit_random(seed) % 8 * 4);
	if (bits < 32)
		addr &= ~(0xffffffffU >> bits);
	out += sprintf(out, "%u.%u.%u.%u", addr >> 24, addr >> 16 & 255,
	    addr >> 8 & 255, addr & 255);
	if (network)
		sprintf(out, "/%u", bits);
}

static void
make_v6(uint64_t *seed, char *out, bool network)
{
	unsigned groups = 1 + unit_random(seed) % 4;

	out += sprintf(out, "2001");
	for (unsigned i = 1; i < groups; i++)
		out += sprintf(out, ":%x", unit_random(seed) % 2);
	sprintf(out, network ? "::/%u" : "::%u", network ? groups * 16 : 1);
}

static void
make_what(uint64_t *seed, char *out, bool rule)
{
	switch (unit_random(seed) % 4) {
	case 0:
		make_v4(seed, out, rule);
		break;
	case 1:
		make_v6(seed, out, rule);
		break;
	default:
		if (rule && unit_random(seed) % 3 == 0)
			*out++ = '.';
		make_name(seed, out);
	}
}

static void
make_rules(uint64_t *seed, struct rules *rules)
{
	unsigned n = 1 + unit_random(seed) % RULES_MAX;
	char *at = rules->text;

	rules->n = 0;
	*at = '\0';
	while (n-- > 0) {
		char *what = rules->what[rules->n];
		bool again = false;

		make_what(seed, what, true);
		for (unsigned i = 0; i < rules->n; i++)
			again = again || strcmp(rules->what[i], what) == 0;
		if (!again)
			at += sprintf(at, "TLS_Clt:%s ENCR:%u\n", what,
			    rules->n++);
	}
}

static int
find(const struct rules *rules, const char *what)
{
	for (unsigned i = 0; i < rules->n; i++)
		if (strcmp(rules->what[i], what) == 0)
			return (int)i;
	return -1;
}

/* The rules for a name, in order, into hits. */
static unsigned
name_reference(const struct rules *rules, const char *name, int *hits)
{
	unsigned n = 0;

	while (name != NULL) {
		int hit = find(rules, name);

		if (hit >= 0)
			hits[n++] = hit;
		name = strchr(name, '.');
		if (name == NULL)
			break;
		if ((hit = find(rules, name)) >= 0)
			hits[n++] = hit;
		name++;
	}
	return n;
}

static unsigned
address_reference(const struct rules *rules, const struct netaddr *addr,
    int *hits)
{
	unsigned n = 0;

	for (int bits = 128; bits >= 0; bits--)
		for (unsigned i = 0; i < rules->n; i++) {
			struct netprefix prefix;

			if (netprefix_parse(slice_of(rules->what[i]),
			    &prefix) == NETPREFIX_OK &&
			    (int)prefix.bits == bits &&
			    netprefix_covers(&prefix, addr))
				hits[n++] = (int)i;
		}
	return n;
}

/* The numbers of the rules in the order in which they were found. */
static void
print_search(struct store_reader *reader, const struct key *key,
    struct text *out)
{
	enum lookup_result result;
	struct slice rules;
	struct stored_rule rule;
	struct search search;

	text_clear(out);
	search_start(&search, reader, key);
	while ((result = search_next(&search, &rules)) == LOOKUP_FOUND) {
		assert_true(store_next(reader, &rules, &rule));
		text_char(out, ' ');
		text_put(out, slice_from(rule.requirement, 5));
	}
	assert_int_equal(result, LOOKUP_ABSENT);
}

static void
compare(struct store_reader *reader, const struct rules *rules,
    const char *what)
{
	char want_text[256], got_text[256], row[256];
	struct netaddr addr;
	struct text want, got;
	int hits[2 * RULES_MAX];
	unsigned n;
	struct key key;

	text_init(&want, want_text, sizeof want_text);
	text_init(&got, got_text, sizeof got_text);
	if (netaddr_parse(slice_of(what), &addr)) {
		key_address(TAG_CLT, KEY_ADDRESS, &addr, netaddr_bits(&addr),
		    &key);
		n = address_reference(rules, &addr, hits);
	} else {
		key_name(TAG_CLT, slice_of(what), false, &key);
		n = name_reference(rules, what, hits);
	}
	for (unsigned i = 0; i < n; i++)
		text_printf(&want, " %d", hits[i]);
	print_search(reader, &key, &got);
	if (strcmp(want_text, got_text) != 0)
		print_message("# rules:\n%s", rules->text);
	snprintf(row, sizeof row, "query %s", what);
	unit_same(row, want_text, got_text);
}

static void
test_reference(void **state)
{
	static struct rules rules;
	uint64_t seed = 42;

	(void)state;
	for (int i = 0; i < SETS; i++) {
		struct store_reader reader;
		struct fault fault;
		struct store *store;

		make_rules(&seed, &rules);
		store = store_open(unit_build("search", rules.text, 1),
		    &fault);
		assert_non_null(store);
		assert_true(store_begin(store, &reader, &fault));
		for (int q = 0; q < QUERIES; q++) {
			char what[80];

			make_what(&seed, what, false);
			compare(&reader, &rules, what);
		}
		store_end(&reader);
		store_close(store);
	}
	unit_end();
}

/* Names that no MTA should send find nothing that is not theirs. */
static void
test_odd_names(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" }, { ".", "" }, { "b", " 2" }, { "..", "" },
		{ "a..b", " 1 2" }, { ".b", " 2" }, { "x\1b", "" },
		{ "\1.b", " 1 2" }, { "x.", "" }
	};
	struct store_reader reader;
	struct fault fault;
	struct store *store = store_open(unit_build("odd",
	    "TLS_Clt:. ENCR:0\nTLS_Clt:.b ENCR:1\nTLS_Clt:b ENCR:2\n", 1),
	    &fault);

	(void)state;
	assert_true(store_begin(store, &reader, &fault));
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		char buf[64];
		struct text out;
		struct key key;

		text_init(&out, buf, sizeof buf);
		key_name(TAG_CLT, slice_of(rows[i][0]), false, &key);
		print_search(&reader, &key, &out);
		unit_same(rows[i][0], rows[i][1], buf);
	}
	store_end(&reader);
	store_close(store);
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_odd_names),
	};

	return unit_main(tests);
}
