/*
 * A store whose pages and sums are sound and whose entries are not: someone
 * forged it.  Searching, judging and listing never leave the records, and a
 * look-up that failed is never "no rule".
 */
#include "t/fuzz/fuzz.h"

#include "policy/eval/eval.h"
#include "policy/facts/macro.h"
#include "policy/store/format.h"

static const char *path;
static MDB_env *env;
static MDB_dbi dbi;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	path = fuzz_path("forged");
	FUZZ_CHECK(mdb_env_create(&env) == 0);
	mdb_env_set_mapsize(env, (size_t)64 << 20);
	/*
	 * MDB_NOLOCK: with locks LMDB opens a file only once in a process, and
	 * closing it drops all its locks.
	 */
	FUZZ_CHECK(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOSYNC |
	    MDB_NOTLS | MDB_NOLOCK, 0600) == 0);
	return 0;
}

static void
put(MDB_txn *txn, struct slice key, struct slice value, uint64_t *sum)
{
	MDB_val k = { key.n, (void *)(uintptr_t)key.p };
	MDB_val v = { value.n, (void *)(uintptr_t)value.p };

	/* The info comes last, in place of any other. */
	if (key.n == 0 || key.n > 511 ||
	    (key.n == 2 && format_is(key, FORMAT_INFO)) ||
	    mdb_put(txn, dbi, &k, &v, MDB_NOOVERWRITE) != 0)
		return;
	if (!format_is_apart(key))
		*sum += format_sum(&k, &v);
}

/* Entries: length of key, length of value, key, value. */
static void
put_entries(MDB_txn *txn, struct slice rest, uint64_t *sum)
{
	while (rest.n > 2) {
		size_t key = (unsigned char)rest.p[0];
		size_t value = (unsigned char)rest.p[1];

		rest = slice_from(rest, 2);
		if (key + value > rest.n)
			return;
		put(txn, slice_make(rest.p, key), slice_make(rest.p + key,
		    value), sum);
		rest = slice_from(rest, key + value);
	}
}

/* The keys of all entries. */
static void
put_filter(MDB_txn *txn, struct format_info *info)
{
	static char name[] = { FORMAT_SYSTEM, FORMAT_FILTER };
	unsigned char filter[65536];
	MDB_val key, value;
	MDB_cursor *cursor;
	MDB_stat stat;

	FUZZ_CHECK(mdb_stat(txn, dbi, &stat) == 0 &&
	    filter_size(stat.ms_entries) <= sizeof filter);
	filter_make(&info->filter, filter, stat.ms_entries, 1);
	FUZZ_CHECK(mdb_cursor_open(txn, dbi, &cursor) == 0);
	while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0)
		FUZZ_RUN(filter_add(&info->filter, filter, filter_announce(
		    &info->filter, filter, key.mv_data, key.mv_size),
		    format_sum(&key, &value)));
	mdb_cursor_close(cursor);
	filter_seal(&info->filter, filter);
	put(txn, slice_make(name, sizeof name), slice_make((char *)filter,
	    filter_size(stat.ms_entries)), &info->sum);
}

static void
forge(struct slice entries)
{
	static char name[] = { FORMAT_SYSTEM, FORMAT_INFO };
	struct format_info info = { .version = FORMAT_VERSION,
		.order = FORMAT_ORDER, .info = { .generation = 1 } };
	MDB_val key = { sizeof name, name }, value = { sizeof info, &info };
	MDB_val nothing = { 0, NULL };
	MDB_txn *txn;

	FUZZ_CHECK(mdb_txn_begin(env, NULL, 0, &txn) == 0);
	FUZZ_CHECK(mdb_dbi_open(txn, NULL, 0, &dbi) == 0);
	FUZZ_CHECK(mdb_drop(txn, dbi, 0) == 0);
	memcpy(info.magic, FORMAT_MAGIC, sizeof info.magic);
	memset(info.info.count, 1, sizeof info.info.count);
	info.txnid = mdb_txn_id(txn);
	/* The info's key is put first, so that the filter holds it. */
	FUZZ_CHECK(mdb_put(txn, dbi, &key, &nothing, 0) == 0);
	put_entries(txn, entries, &info.sum);
	put_filter(txn, &info);
	info.check = format_check(&info, sizeof info);
	FUZZ_CHECK(mdb_put(txn, dbi, &key, &value, 0) == 0);
	FUZZ_CHECK(mdb_txn_commit(txn) == 0);
}

static bool
add_rule(void *arg, const struct stored_rule *rule)
{
	size_t *bytes = arg;

	for (size_t i = 0; i < rule->key.n; i++)
		*bytes += rule->key.p[i] != '\0';
	for (size_t i = 0; i < rule->requirement.n; i++)
		*bytes += rule->requirement.p[i] != '\0';
	return true;
}

static void
judge(struct store_reader *reader)
{
	static const char *const macros[][2] = {
		{ "client_name", "a.b" }, { "client_addr", "10.0.0.1" },
		{ "mail_addr", "u+t@a.b" }, { "auth_authen", "u" },
		{ "daemon_name", "d" }, { "daemon_port", "25" },
		{ "verify", "OK" }, { "cert_issuer", "/CN=x" },
		{ "cipher", "AES128-SHA" }, { "rcpt_addr", "u@a.b" }
	};
	const struct eval_options options = { .default_class = CLASS_PERM };
	struct question q = { .options = &options, .reader = reader };
	struct verdict verdict;
	struct facts facts;

	facts_init(&facts, DIALECT_SENDMAIL);
	for (size_t i = 0; i < sizeof macros / sizeof macros[0]; i++)
		FUZZ_RUN(macro_set(&facts, slice_of(macros[i][0]),
		    slice_of(macros[i][1])));
	FUZZ_CHECK(macro_finish(&facts));
	q.facts = &facts;
	for (int scope = EVAL_MAIL; scope < EVAL_TAG; scope++) {
		q.scope = (enum eval_scope)scope;
		eval_session(&q, &verdict);
		for (unsigned i = 0; i < verdict.nresults; i++)
			FUZZ_CHECK(!verdict.results[i].lookup_failed ||
			    verdict.kind != VERDICT_ACCEPT);
	}
	facts_free(&facts);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store_reader reader;
	struct fault fault;
	struct store *store;
	size_t bytes = 0;

	forge(slice_make((const char *)data, size));
	store = store_open(path, &fault);
	FUZZ_CHECK(store != NULL);
	/* The filter may be forged, too. */
	if (store_begin(store, &reader, &fault)) {
		judge(&reader);
		store_each(&reader, add_rule, &bytes);
		store_end(&reader);
	} else
		FUZZ_CHECK(fault.kind == FAULT_DATA);
	store_close(store);
	return 0;
}
