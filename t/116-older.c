/*
 * The store of an older version: its rules are taken over as they are, or it is
 * left alone.  A changed bit in it makes no rule vanish, and no other one.
 *
 * Format 4 is made here of a store of today: what came later taken out, and an
 * info of that time put in.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy/store/format.h"
#include "policy/store/history.h"
#include "policy/store/older.h"
#include "policy/store/rebuild.h"
#include "t/unit.h"

enum { NOW = 1700000000, FILE_MAX = 1 << 20, PRINT = 64 * 1024 };

struct info_4 {
	char magic[8];
	uint32_t version, order;
	uint64_t generation;
	int64_t built_at;
	uint64_t rules;
	uint32_t sources, count[11 * 7];
	uint64_t filter[6];
	uint64_t txnid, sum, check;
};

static const char rules_text[] =
	"TLS_Clt:one.example\tPERM+ENCR:128\n"
	"TLS_Clt:192.0.2\tOK\n"
	"two.example\tTEMP+VERIFY:112+CIPHER:HIGH\n"
	"TLS_From:three.example\tPERM+VERIFY:112+CITag:bank++UNTIL:2030-01-01\n"
	"bank:/CN=a\tOK\n"
	"Profile:p\tPERM+VERIFY\n"
	"TLS_To:joe@four.example\tAS:p\n";

static void
put(MDB_txn *txn, MDB_dbi dbi, const char *name, const void *p, size_t n)
{
	MDB_val key = { 2, (void *)(uintptr_t)name };
	MDB_val value = { n, (void *)(uintptr_t)p };

	assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
}

/* Takes out what format 4 has not; the sum of the rest. */
static uint64_t
drop_newer(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	uint64_t sum = 0;

	assert_int_equal(mdb_cursor_open(txn, dbi, &cursor), 0);
	while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
		struct slice name = slice_make(key.mv_data, key.mv_size);

		if (format_is(name, FORMAT_GENERATION) ||
		    format_is(name, FORMAT_SETTINGS))
			assert_int_equal(mdb_cursor_del(cursor, 0), 0);
		else if (!format_is(name, FORMAT_INFO))
			sum += format_sum(&key, &value);
	}
	mdb_cursor_close(cursor);
	return sum;
}

/* The store is as an older version left it, as generation 41. */
static void
make_old(const char *path, uint32_t version)
{
	struct info_4 info = { .version = version,
		.order = FORMAT_ORDER, .generation = 41 };
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	memcpy(info.magic, FORMAT_MAGIC, sizeof info.magic);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_open(env, path, MDB_NOSUBDIR, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
	info.sum = drop_newer(txn, dbi);
	info.txnid = mdb_txn_id(txn);
	info.check = format_check(&info, sizeof info);
	put(txn, dbi, "\0i", &info, sizeof info);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

/*
 * Prints "older" or "today" and the rules with their places, or the exit code
 * of the fault.
 */
static const char *
read_old(const char *path)
{
	static char line[PRINT];
	struct rulefile rules;
	struct fault fault;
	struct text text;
	bool older;

	text_init(&text, line, sizeof line);
	if (!older_rules(path, &rules, &older, &fault))
		text_printf(&text, "%d", (int)fault.kind);
	else {
		text_puts(&text, older ? "older" : "today");
		for (size_t i = 0; i < rules.n; i++)
			text_printf(&text, "\n%.*s %.*s (%.*s:%u %x)",
			    SLICE_ARG(rule_key(&rules.rules[i])),
			    SLICE_ARG(rule_requirement(&rules.rules[i])),
			    SLICE_ARG(rules.sources[rules.rules[i].source]),
			    (unsigned)rules.rules[i].line,
			    (unsigned)rules.rules[i].flags);
	}
	rulefile_free(&rules);
	return line;
}

static bool
add_one(void *arg, const struct stored_rule *rule)
{
	text_printf(arg, "%.*s %.*s %u\n", SLICE_ARG(rule->key),
	    SLICE_ARG(rule->requirement), (unsigned)rule->line);
	return true;
}

/* Prints the rules of a store of today's format, and its generation. */
static void
print_today(const char *path, struct text *text)
{
	struct store_reader reader;
	struct fault fault;
	struct store *store = store_open(path, &fault);

	if (store == NULL || !store_begin(store, &reader, &fault)) {
		text_puts(text, fault.text);
		if (store != NULL)
			store_close(store);
		return;
	}
	text_printf(text, "generation %llu of %llu\n",
	    (unsigned long long)reader.info.generation,
	    (unsigned long long)reader.info.oldest);
	assert_true(store_each(&reader, add_one, text));
	store_end(&reader);
	store_close(store);
}

static void
test_taken_over(void **state)
{
	const struct authorship by = { .now = NOW + 1 };
	static char before[PRINT], after[PRINT];
	const char *path = unit_build("a", rules_text, NOW);
	struct text text;
	struct rulefile rules;
	struct fault fault;
	bool changed;

	(void)state;
	unit_same("of today", "today", read_old(path));
	text_init(&text, before, sizeof before);
	print_today(path, &text);
	make_old(path, 4);
	assert_null(store_open(path, &fault));
	unit_number("kind", FAULT_DATA, fault.kind);
	assert_non_null(strstr(fault.text, "format version 4, of an older "
	    "version of this program; `tlspolicy build --upgrade' takes its "
	    "rules over"));
	assert_non_null(strstr(read_old(path), "\nTLS_Clt:one.example "
	    "PERM+ENCR:128 (rules:1 0)"));

	/*
	 * Without REBUILD_OLDER a build refuses the older store and leaves it.
	 */
	unit_read_rules(&rules, rules_text);
	assert_false(rebuild_store(path, &rules, &by, 0, NULL, NULL, &fault));
	assert_true(rebuild_store(path, &rules, &by, REBUILD_OLDER, NULL,
	    &changed, &fault));
	assert_true(changed);
	text_init(&text, after, sizeof after);
	print_today(path, &text);
	/*
	 * The store taken over has the next number; generations before it are
	 * gone.
	 */
	assert_int_equal(strncmp(after, "generation 42 of 42\n", 20), 0);
	unit_same("the rules", strchr(before, '\n'), strchr(after, '\n'));
	rulefile_free(&rules);
	unit_end();
}

/*
 * A store of format 4 with another version in it is refused, be that too old or
 * too new.
 */
static void
test_others(void **state)
{
	static const uint32_t versions[] = { 0, 1, FORMAT_OLDEST - 1,
		FORMAT_VERSION + 1, 77 };
	const char *path;

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(versions); i++) {
		path = unit_build("b", rules_text, NOW + (int64_t)i);
		make_old(path, versions[i]);
		unit_same("another version", "65", read_old(path));
		unlink(path);
	}
	unit_same("none", "66", read_old(unit_path("none")));
	/* Today's number and another size: a program between two versions. */
	path = unit_build("b", rules_text, NOW);
	make_old(path, FORMAT_VERSION);
	assert_int_equal(strncmp(read_old(path), "older\n", 6), 0);
	unit_end();
}

/*
 * Each byte of a store of format 4 is changed: it is refused, or says what it
 * said.
 */
static void
test_flips(void **state)
{
	static unsigned char good[FILE_MAX];
	static char want[PRINT];
	const char *path = unit_build("c", rules_text, NOW);
	unsigned wrong = 0, refused = 0;
	ssize_t size;
	int fd;

	(void)state;
	make_old(path, 4);
	strcpy(want, read_old(path));
	fd = open(path, O_RDWR);
	size = pread(fd, good, sizeof good, 0);
	assert_true(size > 4096 && size < (ssize_t)sizeof good);
	for (ssize_t i = 0; i < size; i++) {
		unsigned char byte = good[i] ^ (unsigned char)(1 << i % 8);
		const char *got;

		/*
		 * Zero bytes are mostly free room in a page: a sixteenth of
		 * them is tried.
		 */
		if (good[i] == 0 && i % 16 != 0)
			continue;
		assert_int_equal(pwrite(fd, &byte, 1, i), 1);
		got = read_old(path);
		/* 69: which header is the newer one cannot be told. */
		if (strcmp(got, "65") == 0 || strcmp(got, "69") == 0)
			refused++;
		else if (strcmp(got, want) != 0 && ++wrong < 10)
			print_message("# byte %zd: %.60s\n", i, got);
		assert_int_equal(pwrite(fd, &good[i], 1, i), 1);
	}
	close(fd);
	unit_number("other rules", 0, wrong);
	assert_true(refused > 100);
	unit_same("put right", want, read_old(path));
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken_over),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_flips),
	};

	return unit_main(tests);
}
