/*
 * Every byte of a small store is changed: the file must be refused, or give
 * the answers that it gave before; never other ones, never a crash.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy/store/format.h"
#include "policy/store/rebuild.h"
#include "t/unit.h"

enum { FILE_MAX = 1 << 20 };

static unsigned char good[FILE_MAX], bad[FILE_MAX];
static size_t size;
static char want[65536];

static bool
add_rule(void *arg, const struct stored_rule *rule)
{
	text_printf(arg, "%.*s %.*s %u %u %u\n", SLICE_ARG(rule->key),
	    SLICE_ARG(rule->requirement), (unsigned)rule->line,
	    (unsigned)rule->source, (unsigned)rule->flags);
	return true;
}

/* Puts all that the store says into `out`; false: the store was refused. */
static bool
read_store(const char *path, struct text *out, struct fault *fault)
{
	struct store *store = store_open(path, fault);
	struct store_reader reader;
	bool read;

	text_clear(out);
	if (store == NULL)
		return false;
	read = store_begin(store, &reader, fault);
	if (read) {
		text_printf(out, "%llu %lld\n",
		    (unsigned long long)reader.info.generation,
		    (long long)reader.info.built_at);
		assert_true(store_each(&reader, add_rule, out));
		store_end(&reader);
	}
	store_close(store);
	return read;
}

static void
make_store(unsigned rules)
{
	static char text[FILE_MAX];
	const char *path = unit_path("good");
	struct fault fault;
	struct text out;
	int fd;

	text[0] = '\0';
	for (unsigned i = 0; i < rules; i++)
		sprintf(text + strlen(text), "TLS_Clt:h%u.example "
		    "VERIFY:112+CN:mail%u.example++BY:ticket-%u\n", i, i, i);
	strcat(text, "TLS_Clt:192.0.2.0/24 ENCR:1+CIPHER:HIGH:!aNULL\n");
	/* Three commits: a list of free pages, two headers in use. */
	for (int i = 0; i < 3; i++)
		unit_build("good", text, 1000 + i);
	fd = open(path, O_RDONLY);
	size = (size_t)read(fd, good, sizeof good);
	close(fd);
	assert_in_range(size, 4096, sizeof good - 1);
	text_init(&out, want, sizeof want);
	assert_true(read_store(path, &out, &fault));
	assert_false(out.cut);
}

static void
write_bad(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_int_equal(write(fd, bad, size), size);
	close(fd);
}

/* Reads the changed file: it must be refused, or say what it said before. */
static void
look(const char *path, const char *what, unsigned *refused)
{
	static char got[sizeof want];
	struct fault fault;
	struct text out;

	write_bad(path);
	text_init(&out, got, sizeof got);
	if (read_store(path, &out, &fault))
		unit_same(what, want, got);
	else {
		unit_number(what, FAULT_DATA, fault.kind);
		++*refused;
	}
}

static void
change_bytes(size_t from, size_t to, size_t step, unsigned *refused)
{
	static const unsigned char masks[] = { 0x01, 0x80, 0xff, 0x10 };
	char what[64];

	for (size_t i = from; i < to; i += step) {
		unsigned char mask = masks[i / step % 4];

		memcpy(bad, good, size);
		bad[i] ^= mask;
		snprintf(what, sizeof what, "byte %zu ^ %02x", i, mask);
		look(unit_path("bad"), what, refused);
	}
}

/* One page of rules: each byte of each page. */
static void
test_one_leaf(void **state)
{
	unsigned refused = 0;

	(void)state;
	make_store(12);
	for (size_t page = 0; page < size / 4096; page++) {
		change_bytes(page * 4096, page * 4096 + 200, 1, &refused);
		change_bytes(page * 4096 + 200, page * 4096 + 4096, 5,
		    &refused);
	}
	assert_in_range(refused, 100, size);
	unit_end();
}

/* A tree with branches, a sample of all bytes. */
static void
test_branches(void **state)
{
	unsigned refused = 0;

	(void)state;
	make_store(300);
	for (size_t page = 0; page < size / 4096; page++)
		change_bytes(page * 4096, page * 4096 + 64, 3, &refused);
	change_bytes(0, size, 401, &refused);
	assert_in_range(refused, 100, size);
	unit_end();
}

/* Random noise over parts of it, and cut at any length. */
static void
test_noise(void **state)
{
	uint64_t seed = 7;
	unsigned refused = 0;
	size_t whole;

	(void)state;
	make_store(60);
	for (int i = 0; i < 400; i++) {
		size_t at = unit_random(&seed) % size;
		size_t n = 1 + unit_random(&seed) % 64;

		memcpy(bad, good, size);
		for (size_t j = at; j < at + n && j < size; j++)
			bad[j] = (unsigned char)unit_random(&seed);
		look(unit_path("bad"), "noise", &refused);
	}
	whole = size;
	memcpy(bad, good, size);
	for (size = 0; size < whole; size += 997) {
		unlink(unit_path("cut"));
		look(unit_path("cut"), "cut", &refused);
	}
	assert_in_range(refused, 100, 10000);
	unit_end();
}

/* A writer on a damaged file: refused, or what it writes is sound. */
static void
test_written(void **state)
{
	uint64_t seed = 99;
	const char *path = unit_path("written");
	struct rulefile file;
	unsigned refused = 0;

	(void)state;
	make_store(60);
	unit_read_rules(&file, "TLS_Clt:new.example ENCR:1\n");
	for (int i = 0; i < 600; i++) {
		static char got[sizeof want];
		struct fault fault;
		struct text out;

		memcpy(bad, good, size);
		bad[i < 300 ? (size_t)i : unit_random(&seed) % size] ^=
		    (unsigned char)(1U << i % 8);
		unlink(path);
		write_bad(path);
		text_init(&out, got, sizeof got);
		if (!rebuild_set(path, &file,
	    &(struct authorship){ .now = 1 }, NULL, NULL, &fault)) {
			unit_number("kind", FAULT_DATA, fault.kind);
			refused++;
		} else {
			assert_true(read_store(path, &out, &fault));
			assert_non_null(strstr(got, "new.example"));
		}
		unlink(path);
		write_bad(path);
		if (rebuild_store(path, &file,
	    &(struct authorship){ .now = 1 }, REBUILD_SCRATCH, NULL, NULL,
		    &fault))
			assert_true(read_store(path, &out, &fault));
	}
	rulefile_free(&file);
	assert_in_range(refused, 50, 600);
	unit_end();
}

/*
 * One key, byte for byte, has become another one: that of its neighbour, which
 * is then there twice, in one page or in two.  Readers refuse it; a writer comes
 * to an end, and what it made can be read.
 */
static void
test_another_key(void **state)
{
	static const char prefix[] = "example\1h";
	const char *path;
	struct rulefile file;
	unsigned changed = 0;

	(void)state;
	make_store(200);
	path = unit_path("twice");
	unit_read_rules(&file, "TLS_Clt:new.example ENCR:1\n");
	for (size_t at = 0; at + sizeof prefix + 4 < size; at++) {
		const size_t digits = at + sizeof prefix - 1;
		static char got[sizeof want];
		struct fault fault;
		struct text out;

		if (memcmp(good + at, prefix, sizeof prefix - 1) != 0 ||
		    good[digits + 2] < '0' || good[digits + 2] >= '9')
			continue;
		memcpy(bad, good, size);
		bad[digits + 2]++;
		unlink(path);
		write_bad(path);
		text_init(&out, got, sizeof got);
		if (read_store(path, &out, &fault))
			unit_same("in a page that counts no more", want, got);
		else
			unit_number("kind", FAULT_DATA, fault.kind);
		alarm(20);
		if (rebuild_set(path, &file, &(struct authorship){ .now = 1 },
		    NULL, NULL, &fault))
			assert_true(read_store(path, &out, &fault));
		else
			unit_number("kind", FAULT_DATA, fault.kind);
		alarm(0);
		changed++;
	}
	rulefile_free(&file);
	assert_in_range(changed, 100, size);
	unit_end();
}

/*
 * A file has two headers, and the one with the larger number counts.  With a
 * smaller number in it the store is what it was one commit before, whole.
 */
static void
test_older_header(void **state)
{
	static char got[sizeof want];
	const char *path = unit_path("older");
	struct fault fault;
	struct text out;
	size_t at = 16 + 128; /* of the number: struct meta in check.c */

	(void)state;
	make_store(12);
	if (good[at + 4096] > good[at])
		at += 4096;
	memcpy(bad, good, size);
	bad[at] = (unsigned char)(bad[at] - 2);
	write_bad(path);
	text_init(&out, got, sizeof got);
	assert_true(read_store(path, &out, &fault));
	/* "GENERATION TIME", then the rules, which all commits had. */
	assert_non_null(strstr(want, " 1002\n"));
	assert_non_null(strstr(got, " 1001\n"));
	unit_same("rules", strchr(want, '\n'), strchr(got, '\n'));
	unit_end();
}

/*
 * A writer believes the numbers that a store has of itself no more than a
 * reader does: by a wrong one it would look for, or make room for, billions.
 */
static void
test_wrong_numbers(void **state)
{
	static const size_t numbers[] = {
		offsetof(struct format_info, info.sources) + 3,
		offsetof(struct format_info, info.rules) + 7,
		offsetof(struct format_info, info.count) + 3,
	};
	const char *path = unit_path("numbers");
	struct rulefile file;
	struct fault fault;

	(void)state;
	make_store(12);
	unit_read_rules(&file, "TLS_Clt:new.example ENCR:1\n");
	for (size_t n = 0; n < UNIT_COUNT(numbers); n++) {
		memcpy(bad, good, size);
		/*
		 * The info records of older commits in free pages are changed
		 * as well.
		 */
		for (size_t at = 0; at + sizeof(struct format_info) < size;
		    at++)
			if (memcmp(bad + at, FORMAT_MAGIC, 8) == 0)
				bad[at + numbers[n]] ^= 0x40;
		unlink(path);
		write_bad(path);
		fault_clear(&fault);
		assert_false(rebuild_set(path, &file,
	    &(struct authorship){ .now = 1 }, NULL, NULL, &fault));
		unit_number("kind", FAULT_DATA, fault.kind);
		assert_non_null(strstr(fault.text, "damaged"));
	}
	rulefile_free(&file);
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_leaf),
		cmocka_unit_test(test_branches),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_another_key),
		cmocka_unit_test(test_older_header),
		cmocka_unit_test(test_wrong_numbers),
	};

	return unit_main(tests);
}
