/* The store: built, replaced, changed by one rule, refused when it is none. */
#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/facts/suite.h"
#include "policy/store/rebuild.h"
#include "policy/store/watch.h"
#include "t/unit.h"

static bool
add_rule(void *arg, const struct stored_rule *rule)
{
	text_printf(arg, "%.*s %.*s:%u\n", SLICE_ARG(rule->key),
	    SLICE_ARG(rule->requirement), (unsigned)rule->line);
	return true;
}

/* "GENERATION RULES BUILT" and the rules, or the reason of a failure. */
static const char *
contents(const char *path)
{
	static char buf[8192];
	struct store_reader reader;
	struct store *store;
	struct fault fault;
	struct text out;

	text_init(&out, buf, sizeof buf);
	store = store_open(path, &fault);
	if (store == NULL) {
		text_printf(&out, "%d %s", fault.kind, fault.text);
		return buf;
	}
	assert_true(store_begin(store, &reader, &fault));
	text_printf(&out, "%llu %llu %lld\n",
	    (unsigned long long)reader.info.generation,
	    (unsigned long long)reader.info.rules,
	    (long long)reader.info.built_at);
	assert_true(store_each(&reader, add_rule, &out));
	store_end(&reader);
	store_close(store);
	return buf;
}

static void
set(const char *path, const char *rule, int64_t now)
{
	struct store_info info;
	struct rulefile file;
	struct fault fault;

	unit_read_rules(&file, rule);
	assert_true(rebuild_set(path, &file,
	    &(struct authorship){ .now = now }, &info, NULL, &fault));
	rulefile_free(&file);
}

static bool
delete(const char *path, const char *key_text, bool *found,
    struct fault *fault)
{
	struct store_info info;
	struct key key;

	assert_true(key_parse(slice_of(key_text), &key, fault));
	return rebuild_delete(path, &key, 1,
	    &(struct authorship){ .now = 9 }, found, &info, fault);
}

static void
test_build_and_change(void **state)
{
	const char *path = unit_build("store", "TLS_Clt:b.example OK\n"
	    "TLS_Clt: VERIFY\nTLS_Clt:a.example ENCR:1\n", 5);
	struct fault fault;
	bool found;

	(void)state;
	unit_same("built", "1 3 5\nTLS_Clt: VERIFY:2\n"
	    "TLS_Clt:a.example ENCR:1:3\nTLS_Clt:b.example OK:1\n",
	    contents(path));
	unit_build("store", "TLS_Clt:c.example OK\n", 6);
	unit_same("replaced", "2 1 6\nTLS_Clt:c.example OK:1\n",
	    contents(path));
	set(path, "TLS_Clt:d.example ENCR:1\n", 7);
	set(path, "TLS_Clt:c.example ENCR:256\n", 8);
	unit_same("set", "4 2 8\nTLS_Clt:c.example ENCR:256:1\n"
	    "TLS_Clt:d.example ENCR:1:1\n", contents(path));
	assert_true(delete(path, "tls_clt:C.example.", &found, &fault));
	assert_true(found);
	assert_true(delete(path, "TLS_Clt:x.example", &found, &fault));
	assert_false(found);
	unit_same("deleted", "5 1 9\nTLS_Clt:d.example ENCR:1:1\n",
	    contents(path));
	set(path, "e.example ENCR:1\n", 10);
	unit_same("two for one", "6 3 10\nTLS_Clt:d.example ENCR:1:1\n"
	    "TLS_Clt:e.example ENCR:1:1\nTLS_Srv:e.example ENCR:1:1\n",
	    contents(path));
	unit_build("store", "", 11);
	unit_same("empty", "7 0 11\n", contents(path));
	unit_end();
}

static void
test_lookup(void **state)
{
	const char *path = unit_build("lookup",
	    "TLS_Clt:a ENCR:1+UNTIL:2026-01-01\nTLS_Clt:a ENCR:2\n", 1);
	struct store_reader reader;
	struct slice rules;
	struct stored_rule rule;
	struct fault fault;
	struct store *store = store_open(path, &fault);
	struct key key;

	(void)state;
	assert_true(store_begin(store, &reader, &fault));
	assert_true(key_parse(slice_of("TLS_Clt:A."), &key, &fault));
	assert_int_equal(store_get(&reader, &key, &rules), LOOKUP_FOUND);
	assert_true(store_next(&reader, &rules, &rule));
	unit_slice("first", "ENCR:1+UNTIL:2026-01-01", rule.requirement);
	assert_int_equal(rule.flags, RULE_DATED);
	unit_slice("source", "rules", store_source(&reader, rule.source));
	unit_slice("no source", "", store_source(&reader, 77));
	assert_true(store_next(&reader, &rules, &rule));
	unit_slice("second", "ENCR:2", rule.requirement);
	assert_false(store_next(&reader, &rules, &rule));
	assert_int_equal(reader.fault.kind, FAULT_NONE);
	assert_true(key_parse(slice_of("TLS_Clt:b"), &key, &fault));
	assert_int_equal(store_get(&reader, &key, &rules), LOOKUP_ABSENT);
	store_end(&reader);
	store_close(store);
	unit_end();
}

/* Lists of every length: LMDB puts values right behind their keys. */
static void
test_cipher_lists(void **state)
{
	static const char *const lists[] = { "AES128-SHA", "AES256-SHA256",
		"HIGH", "HIGH:!aNULL", "TLS_AES_128_GCM_SHA256" };
	char rules[1024] = "";
	struct store_reader reader;
	struct fault fault;
	struct store *store;
	const char *path;

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(lists); i++)
		sprintf(rules + strlen(rules), "TLS_Clt:h%zu ENCR:1+CIPHER:%s"
		    "\nTLS_Srv:h%zu ENCR:1+CIPHER:%s\n", i, lists[i], i,
		    lists[i]);
	path = unit_build("lists", rules, 1);
	set(path, "TLS_Clt:h0 ENCR:2+CIPHER:AES128-SHA\n", 2);
	assert_non_null(store = store_open(path, &fault));
	assert_true(store_begin(store, &reader, &fault));
	for (size_t i = 0; i < UNIT_COUNT(lists); i++) {
		uint16_t want[SUITE_LIST_MAX];
		const uint16_t *got;
		size_t nwant, ngot;

		assert_true(suite_list(slice_of(lists[i]), want, &nwant,
		    &fault));
		assert_int_equal(store_suites(&reader, slice_of(lists[i]),
		    &got, &ngot), LOOKUP_FOUND);
		assert_int_equal((uintptr_t)got % sizeof *got, 0);
		assert_int_equal(nwant, ngot);
		assert_memory_equal(got, want, nwant * sizeof *got);
	}
	store_end(&reader);
	store_close(store);
}

/* OpenSSL is asked once for a list, not once for a rule: 20 s else. */
static void
test_many_rules_with_a_list(void **state)
{
	enum { RULES = 30000 };
	char *rules = malloc(RULES * 64), *at = rules;
	struct timespec begin, end;

	(void)state;
	for (int i = 0; i < RULES; i++)
		at += sprintf(at, "TLS_Clt:h%d ENCR:1+CIPHER:%s\n", i,
		    i % 2 ? "HIGH:!aNULL" : "ECDHE+AESGCM");
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	unit_build("many", rules, 1);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	assert_in_range(end.tv_sec - begin.tv_sec, 0, 8);
	free(rules);
}

static void
write_file(const char *path, const void *data, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, n), n);
	close(fd);
}

/* An LMDB file with one entry. */
static void
write_lmdb(const char *path, const char *key, const char *value, size_t n)
{
	MDB_val k = { 2, (void *)(uintptr_t)key };
	MDB_val v = { n, (void *)(uintptr_t)value };
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_open(env, path, MDB_NOSUBDIR, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
	assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

/* What contents() says of a file: kind, its path, and why. */
static void
refused(const char *name, int kind, const char *why)
{
	const char *path = unit_path(name), *got = contents(path);
	char wanted[512];

	snprintf(wanted, sizeof wanted, "%d %s%s", kind, path, why);
	unit_same(name, wanted, got);
}

static void
test_foreign(void **state)
{
	static char noise[8192], old[400] = "tlspolcy\1\0\0\0\4\3\2\1";
	const char *swapped;
	int one = 1;

	(void)state;
	memset(noise, 'x', sizeof noise);
	refused("missing", 66, ": no such store; make it with tlspolicy "
	    "build");
	write_file(unit_path("empty"), "", 0);
	refused("empty", 65, ": not a tlspolicy store (0 bytes)");
	write_file(unit_path("noise"), noise, sizeof noise);
	refused("noise", 65, ": not a tlspolicy store");
	/* As a machine with the other order of bytes would write the magic. */
	swapped = *(char *)&one == 1 ? "\xbe\xef\xc0\xde" : "\xde\xc0\xef\xbe";
	memcpy(noise + 16, swapped, 4);
	write_file(unit_path("swapped"), noise, sizeof noise);
	refused("swapped", 65, ": not a store of this kind of machine, or "
	    "damaged; remove it and build the store again");
	mkdir(unit_path("folder"), 0700);
	refused("folder", 65, ": not a regular file");
	rmdir(unit_path("folder"));
	mkfifo(unit_path("fifo"), 0600);
	refused("fifo", 65, ": not a regular file");
	write_lmdb(unit_path("other"), "ab", "value", 5);
	refused("other", 65, ": an LMDB file, but not a tlspolicy store");
	write_lmdb(unit_path("older"), "\0i", old, sizeof old);
	refused("older", 65, ": format version 1 of another program or "
	    "machine; expected 7 (remove it and build again)");
	unit_build("short", "TLS_Clt: OK\n", 1);
	assert_int_equal(truncate(unit_path("short"), 2 * 4096), 0);
	refused("short", 65, ": cut off (2 of 3 pages); remove it and build "
	    "the store again");
	unit_end();
}

/* A writer refuses an LMDB file of another program and does not change it. */
static void
test_foreign_written(void **state)
{
	const struct authorship by = { .now = 1 };
	struct rulefile file;
	struct fault fault;
	bool found;

	(void)state;
	unit_read_rules(&file, "TLS_Clt: OK\n");
	write_lmdb(unit_path("theirs"), "ab", "value", 5);
	assert_false(rebuild_store(unit_path("theirs"), &file, &by, 0, NULL,
	    NULL, &fault));
	refused("theirs", 65, ": an LMDB file, but not a tlspolicy store");
	assert_false(rebuild_set(unit_path("theirs"), &file, &by, NULL, NULL,
	    &fault));
	assert_false(delete(unit_path("theirs"), "TLS_Clt:", &found, &fault));
	/*
	 * del on a missing store fails and makes no file: mdb_env_open() would.
	 */
	assert_false(delete(unit_path("none"), "TLS_Clt:", &found, &fault));
	assert_int_equal(fault.kind, FAULT_NOINPUT);
	assert_false(found);
	assert_int_equal(access(unit_path("none"), F_OK), -1);
	rulefile_free(&file);
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build_and_change),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_cipher_lists),
		cmocka_unit_test(test_many_rules_with_a_list),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_foreign_written),
	};

	return unit_main(tests);
}
