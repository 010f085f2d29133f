/*
 * Bits change in a store that is open, anywhere: a look-up gives what it gave
 * before, or fails.  It never finds another rule, and never none.  So do pages
 * that are as they were some commits ago.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/store/format.h"
#include "policy/store/layout.h"
#include "policy/store/rebuild.h"
#include "policy/store/search.h"
#include "policy/store/watch.h"
#include "t/unit.h"

enum {
	RULES = 2000,
	QUERIES = 20,
	FLIPS = 12000,
	PAGE = 4096,
	FILE_MAX = 4 << 20,
	ANSWER = 512
};

/* What stands on the page that was changed. */
enum place { HEADER, BRANCH, LEAF_HEAD, LEAF, FILTER, PLACES };
static const char *const places[] = { "headers", "branches",
	"heads and offsets of leaves", "keys and rules", "filter" };
static struct {
	unsigned changes, right, failed;
} counts[PLACES];

static unsigned char good[FILE_MAX], older[FILE_MAX];
static size_t size;
static char want[QUERIES][ANSWER];
static int fd;

/* Query i, by name or address: some have a rule, some a parent's, some none. */
static void
make_query(unsigned i, struct key *key)
{
	static const char *const shapes[][2] = {
		{ "mail.h", ".example" }, { "10.0.", ".1" },
		{ "h", ".example" }, { "none", ".sub.example" },
		{ "h", ".test" }
	};
	const char *const *shape = shapes[i % UNIT_COUNT(shapes)];
	struct fault fault;
	char text[128];

	snprintf(text, sizeof text, "TLS_Clt:%s%u%s", shape[0], i * 11,
	    shape[1]);
	assert_true(key_parse(slice_of(text), key, &fault));
}

static void
print_found(struct search *search, struct text *text)
{
	struct slice rules;
	struct stored_rule rule;
	enum lookup_result result;

	text_puts(text, "found:");
	while ((result = search_next(search, &rules)) == LOOKUP_FOUND)
		while (store_next(search->reader, &rules, &rule))
			text_printf(text, " %.*s %.*s %u %.*s %u",
			    SLICE_ARG(rule.key), SLICE_ARG(rule.requirement),
			    (unsigned)rule.line, SLICE_ARG(store_source(
			    search->reader, rule.source)),
			    (unsigned)rule.flags);
	if (result == LOOKUP_FAILED)
		unit_number("failed why", FAULT_DATA,
		    search->reader->fault.kind);
}

/* All rules that cover the query; "": failed. */
static void
ask(struct store *store, unsigned i, char answer[ANSWER])
{
	struct store_reader reader;
	struct search search;
	struct fault fault;
	struct text text;
	struct key key;

	make_query(i, &key);
	text_init(&text, answer, ANSWER);
	if (!store_begin(store, &reader, &fault))
		return;
	search_start(&search, &reader, &key);
	print_found(&search, &text);
	assert_false(text.cut);
	if (reader.fault.kind != FAULT_NONE)
		text_clear(&text);
	store_end(&reader);
}

static size_t
read_file(unsigned char *into)
{
	ssize_t n = pread(fd, into, FILE_MAX, 0);

	assert_in_range(n, 16 * PAGE, FILE_MAX - 1);
	return (size_t)n;
}

/* A build, and commits of one rule each, that leave old pages about. */
static const char *
make_store(void)
{
	static char rules[RULES * 64];
	char line[64], *p = rules;
	const char *path;
	struct rulefile file;
	struct fault fault;

	p += sprintf(p, "TLS_Clt:example ENCR:1\n");
	for (unsigned i = 0; i < RULES; i++)
		p += i < 256 ? sprintf(p, "TLS_Clt:10.0.%u.0/24 ENCR:1\n", i) :
		    sprintf(p, "TLS_Clt:h%u.example VERIFY:%u\n", i - 256,
		    i);
	path = unit_build("flips", rules, 1);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	for (unsigned i = 0; i < 2 * QUERIES; i++) {
		snprintf(line, sizeof line, "TLS_Clt:%s%u%s PERM+VERIFY\n",
		    i % 2 == 0 ? "h" : "10.0.", i / 2 * 11,
		    i % 2 == 0 ? ".example" : ".0/24");
		if (i == QUERIES)
			read_file(older);
		unit_read_rules(&file, line);
		assert_true(rebuild_set(path, &file,
	    &(struct authorship){ .now = 2 }, NULL, NULL, &fault));
		rulefile_free(&file);
	}
	size = read_file(good);
	return path;
}

static enum place
place_of(size_t at)
{
	struct page_head head;

	if (at / PAGE < 2)
		return HEADER;
	memcpy(&head, good + at / PAGE * PAGE, sizeof head);
	if ((head.flags & FLAG_BRANCH) != 0 && head.number == at / PAGE)
		return BRANCH;
	if ((head.flags & FLAG_LEAF) == 0 || head.number != at / PAGE)
		return FILTER;
	return at % PAGE < head.lower ? LEAF_HEAD : LEAF;
}

/* A byte to change: each kind of place as often as the others. */
static size_t
choose(uint64_t *seed, enum place place)
{
	size_t at;

	do
		at = unit_random(seed) % size;
	while (place_of(at) != place);
	/* LMDB uses about 160 bytes of each header page; the rest is unused. */
	return place == HEADER ? at / PAGE * PAGE + at % 160 : at;
}

/*
 * Every query, where the store knows its snapshot and where it does not yet:
 * what is known rests in transactions, of which one is taken.
 */
static void
look(struct store *store, enum place place, const char *what)
{
	struct store_reader taken;
	char got[ANSWER];
	struct fault fault;
	bool new = counts[place].changes++ % 2 == 0 &&
	    store_begin(store, &taken, &fault);

	for (unsigned i = 0; i < QUERIES; i++) {
		ask(store, i, got);
		if (got[0] == '\0') {
			counts[place].failed++;
			continue;
		}
		unit_same(what, want[i], got);
		counts[place].right++;
	}
	if (new)
		store_end(&taken);
}

static void
put(const unsigned char *bytes, size_t at, size_t n)
{
	assert_int_equal(pwrite(fd, bytes, n, (off_t)at), n);
}

static void
tell(const char *what)
{
	for (int i = 0; i < PLACES; i++) {
		printf("# %s, %s: %u changes, answers: %u right, %u failed, "
		    "0 wrong\n", what, places[i], counts[i].changes,
		    counts[i].right, counts[i].failed);
		counts[i].changes = counts[i].right = counts[i].failed = 0;
	}
}

static void
test_flips(void **state)
{
	struct fault fault;
	struct store *store = store_open(make_store(), &fault);
	uint64_t seed = 17;
	char what[64];

	(void)state;
	assert_non_null(store);
	for (unsigned i = 0; i < QUERIES; i++)
		ask(store, i, want[i]);
	for (unsigned i = 0; i < FLIPS; i++) {
		enum place place = i % PLACES;
		size_t at = choose(&seed, place), n = 1;
		unsigned char bytes[8];

		if (i % 7 == 0)
			n = 1 + unit_random(&seed) % sizeof bytes;
		if (n > size - at)
			n = size - at;
		memcpy(bytes, good + at, n);
		bytes[0] ^= (unsigned char)(1U << unit_random(&seed) % 8);
		for (size_t j = 1; j < n; j++)
			bytes[j] = (unsigned char)unit_random(&seed);
		put(bytes, at, n);
		snprintf(what, sizeof what, "%zu bytes at %zu, %s", n, at,
		    places[place]);
		look(store, place, what);
		put(good + at, at, n);
	}
	for (int i = 0; i < PLACES; i++)
		assert_in_range(counts[i].failed, 1, counts[i].right);
	tell("flipped");
	store_close(store);
	close(fd);
	unit_end();
}

/*
 * A page has its contents of some commits ago, as after a write that a disk
 * lost.
 */
static void
test_old_pages(void **state)
{
	struct fault fault;
	struct store *store = store_open(make_store(), &fault);
	unsigned failed = 0;
	char what[64];

	(void)state;
	assert_non_null(store);
	for (size_t at = 0; at < size; at += PAGE) {
		enum place place = place_of(at);

		if (memcmp(good + at, older + at, PAGE) == 0)
			continue;
		put(older + at, at, PAGE);
		snprintf(what, sizeof what, "page %zu as it was", at / PAGE);
		look(store, place, what);
		look(store, place, what);
		put(good + at, at, PAGE);
	}
	for (int i = 0; i < PLACES; i++)
		failed += counts[i].failed;
	assert_true(failed > 0);
	tell("old");
	store_close(store);
	close(fd);
	unit_end();
}

/* store_verify() reads every rule and finds damage that no look-up met. */
static void
test_verify(void **state)
{
	struct fault fault;
	struct store *store = store_open(make_store(), &fault);
	unsigned char byte;
	size_t at = size;

	(void)state;
	assert_true(store_verify(store, &fault));
	assert_false(store_is_suspect(store));
	/* Damage in a rule that no query finds. */
	for (size_t i = 0; i + 20 < size; i++)
		if (memcmp(good + i, "TLS_Clt:h1500.exampl", 20) == 0 &&
		    memcmp(older + i, "TLS_Clt:h1500.exampl", 20) == 0)
			at = i;
	assert_true(at < size);
	byte = good[at + 9] ^ 1;
	put(&byte, at + 9, 1);
	assert_false(store_verify(store, &fault));
	unit_number("kind", FAULT_DATA, fault.kind);
	assert_non_null(strstr(fault.text, "damaged"));
	put(good + at, at, 20);
	assert_true(store_verify(store, &fault));
	store_close(store);
	close(fd);
	unit_end();
}

static bool
never_called(void *arg, const struct stored_rule *rule)
{
	(void)arg;
	(void)rule;
	fail();
	return true;
}

/* A store opened for single keys reports damage when a look-up meets it. */
static void
test_for_keys(void **state)
{
	static const char names[][20] = { "h1500.example", "h1501.example" };
	const char *path = make_store();
	struct store_reader reader;
	struct store *store;
	struct fault fault;
	size_t at = size;

	(void)state;
	for (size_t i = 0; i + 20 < size; i++)
		if (memcmp(good + i, "TLS_Clt:h1500.exampl", 20) == 0)
			at = i;
	assert_true(at < size);
	put((const unsigned char *)"TLS_Clt:h1509.exampl", at, 20);
	store = store_open_for_keys(path, &fault);
	assert_non_null(store);
	assert_true(store_begin(store, &reader, &fault));
	for (int i = 1; i >= 0; i--) {
		struct slice rules;
		struct key key;

		assert_true(key_of(TAG_CLT, slice_of(names[i]), &key, &fault));
		unit_number(names[i], i == 1 ? LOOKUP_FOUND : LOOKUP_FAILED,
		    store_get(&reader, &key, &rules));
	}
	assert_non_null(strstr(reader.fault.text, "damaged"));
	fault_clear(&reader.fault);
	assert_false(store_each(&reader, never_called, NULL));
	assert_non_null(strstr(reader.fault.text, "for keys only"));
	store_end(&reader);
	assert_null(store_open(path, &fault)); /* store_open() reads the whole store */
	put(good + at, at, 20);
	store_close(store);
	close(fd);
	unit_end();
}

static struct store *cut_off;

static void
lose_page(int number, siginfo_t *info, void *context)
{
	(void)context;
	if (!store_lose_page(cut_off, info->si_addr))
		signal(number, SIG_DFL);
}

/*
 * Cut off in the moment between a transaction's begin and its look-ups: at each
 * page, those look-ups are right or fail, and nothing ends the process.
 */
static void
test_cut_off(void **state)
{
	struct sigaction action = { .sa_sigaction = lose_page,
		.sa_flags = SA_SIGINFO };
	const char *path = make_store();
	unsigned right = 0, failed = 0;
	struct fault fault;

	(void)state;
	sigaction(SIGBUS, &action, NULL);
	for (size_t to = 0; to < size; to += PAGE) {
		struct store_reader reader;
		struct store *store = store_open(path, &fault);

		assert_non_null(store);
		cut_off = store;
		assert_true(store_begin(store, &reader, &fault));
		assert_int_equal(ftruncate(fd, (off_t)to), 0);
		for (unsigned i = 0; i < QUERIES; i++) {
			char got[ANSWER];
			struct search search;
			struct text text;
			struct key key;

			make_query(i, &key);
			text_init(&text, got, sizeof got);
			fault_clear(&reader.fault);
			search_start(&search, &reader, &key);
			print_found(&search, &text);
			if (reader.fault.kind == FAULT_NONE) {
				unit_same("cut off", want[i], got);
				right++;
			} else
				failed++;
		}
		put(good, 0, size);
		store_end(&reader);
		store_close(store);
	}
	printf("# cut off: %u right, %u failed\n", right, failed);
	assert_in_range(failed, 100, right + failed - 100);
	signal(SIGBUS, SIG_DFL);
	close(fd);
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flips),
		cmocka_unit_test(test_old_pages),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_for_keys),
		cmocka_unit_test(test_cut_off),
	};

	return unit_main(tests);
}
