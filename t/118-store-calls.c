/*
 * A store written and read while each call on the way fails: memory, files, what
 * is called of LMDB.  It is what it was, or what it was to become, and whoever
 * was told that it failed can do the same again; a reader is told that he cannot
 * read, never of a rule or a generation that is not there.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <lmdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy/store/buildnote.h"
#include "policy/store/history.h"
#include "policy/store/plan.h"
#include "policy/store/rebuild.h"
#include "policy/store/synced.h"
#include "t/nth.h"
#include "t/unit.h"

enum { TEXT = 64 * 1024, STORE_MAX = 1 << 20, NOW = 1000 };

static const char first_rules[] = "TLS_Clt:a.example\tENCR:112\n"
	"TLS_Clt:b.example\tPERM+VERIFY+CIPHER:ECDHE+AESGCM\n"
	"TLS_Clt:192.0.2.0/24\tTEMP+ENCR:1\n"
	"Profile:p\tPERM+VERIFY\nTLS_Srv:d.example\tAS:p\n";
static const char next_rules[] = "TLS_Clt:a.example\tENCR:1+UNTIL:2030-01-01\n"
	"TLS_Clt:a.example\tENCR:128\n"
	"TLS_Clt:c.example\tTEMP+VERIFY+CIPHER:CHACHA20\n"
	"TLS_Clt:192.0.2.0/24\tTEMP+ENCR:1\n"
	"Profile:p\tPERM+VERIFY\nTLS_Srv:d.example\tAS:p\n";

/* Rules, read before any call fails. */
static struct rulefile first, next, one, strict, some;

static char path[256];
static char was[STORE_MAX]; /* the store that each writer begins with */
static size_t nwas;
static const struct plan plan = { .id = 0x1234, .started = 5, .days = 2,
	.budget = 3 };
static const struct synced_entry entries[] = {
	{ .uuid = "aaaaaaaaaaaaaaa1", .name = { "cn=a", 4 },
	    .line = { "TLS_Clt:a.example\tENCR:112", 26 } },
	{ .uuid = "aaaaaaaaaaaaaaa2", .name = { "cn=b", 4 } },
};

static struct authorship
author(int64_t now, enum generation_how how, const char *settings)
{
	return (struct authorship){ .now = now, .how = how, .uid = 7,
		.login = slice_of("alice"), .host = slice_of("mx1"),
		.message = slice_of("why"), .settings = slice_of(settings),
		.keep_s = 500 };
}

static bool
build(const struct rulefile *rules, const struct authorship *by,
    struct fault *fault)
{
	return rebuild_store(path, rules, by, 0, NULL, NULL, fault);
}

static void
copy(bool save)
{
	FILE *file = fopen(path, save ? "r" : "w");
	char lock[sizeof path + 8];

	assert_non_null(file);
	if (save)
		nwas = fread(was, 1, sizeof was, file);
	else
		assert_int_equal(fwrite(was, 1, nwas, file), nwas);
	assert_int_equal(fclose(file), 0);
	assert_in_range(nwas, 4096, sizeof was - 1);
	snprintf(lock, sizeof lock, "%s-lock", path);
	(void)unlink(lock);
}

/*
 * All that can be read, one after the other, in words; false: some of it could
 * not, and `out` ends where that began.
 */
static bool
put_rule(void *arg, const struct stored_rule *rule)
{
	text_printf(arg, "%.*s %.*s %u\n", SLICE_ARG(rule->key),
	    SLICE_ARG(rule->requirement), rule->line);
	return true;
}

static bool
put_entry(void *arg, const struct synced_entry *e)
{
	text_printf(arg, "%.16s %.*s %.*s\n", e->uuid, SLICE_ARG(e->name),
	    SLICE_ARG(e->line));
	return true;
}

static bool
put_change(void *arg, const struct history_change *change)
{
	text_printf(arg, " %zu>%zu", change->old.n, change->new.n);
	return true;
}

static bool
put_history(struct store_reader *r, struct text *out)
{
	enum lookup_result result;
	struct generation g;
	struct history h;

	if (!history_start(&h, r))
		return false;
	while ((result = history_next(&h, &g)) == LOOKUP_FOUND) {
		text_printf(out, "%llu %s %.*s %.*s", (unsigned long long)
		    g.number, history_how_name(g.how), SLICE_ARG(g.message),
		    SLICE_ARG(g.settings));
		if (!history_changes(r, &g, put_change, out))
			return false;
		text_puts(out, "\n");
	}
	return result == LOOKUP_ABSENT;
}

static bool
put_then(struct store_reader *r, uint64_t number, struct text *out)
{
	struct rulefile rules;
	struct generation g;
	struct fault fault;
	bool good = history_rules(r, number, &rules, &g, &fault);

	for (size_t i = 0; good && i < rules.n; i++)
		text_printf(out, "then %.*s %.*s\n",
		    SLICE_ARG(rule_key(&rules.rules[i])),
		    SLICE_ARG(rule_requirement(&rules.rules[i])));
	rulefile_free(&rules);
	return good || fault.kind == FAULT_NOINPUT;
}

static bool
put_lookup(struct store_reader *r, const char *text, struct text *out)
{
	enum lookup_result result;
	struct slice rules;
	struct stored_rule rule;
	struct fault fault;
	struct key key;

	/*
	 * The key is parsed before the look-up, whose result must not depend on
	 * memory.
	 */
	if (!key_parse(slice_of(text), &key, &fault))
		return false;
	result = store_get(r, &key, &rules);
	if (result == LOOKUP_FAILED)
		return false;
	text_printf(out, "%s: %s\n", text, result == LOOKUP_FOUND ? "found" :
	    "absent");
	while (result == LOOKUP_FOUND && store_next(r, &rules, &rule))
		text_printf(out, "%.*s %.*s\n", SLICE_ARG(rule.requirement),
		    SLICE_ARG(store_source(r, rule.source)));
	return r->fault.kind == FAULT_NONE;
}

static bool
put_own(struct store_reader *r, struct text *out)
{
	struct slice settings = { "", 0 }, cookie = { "", 0 };
	const uint16_t *ids;
	struct plan found;
	size_t n = 0;

	if (store_settings(r, &settings) == LOOKUP_FAILED)
		return false;
	text_printf(out, "settings %.*s\n", SLICE_ARG(settings));
	if (store_suites(r, slice_of("ECDHE+AESGCM"), &ids, &n) ==
	    LOOKUP_FAILED)
		return false;
	text_printf(out, "suites %d\n", n > 0);
	if (synced_read(r, &cookie, put_entry, out) == LOOKUP_FAILED)
		return false;
	text_printf(out, "cookie %.*s\n", SLICE_ARG(cookie));
	if (plan_read(r, &found) == LOOKUP_FAILED)
		return false;
	text_printf(out, "plan %llx\n", (unsigned long long)found.id);
	return true;
}

static bool
put_all(struct store_reader *r, struct text *out)
{
	return put_own(r, out) && put_lookup(r, "TLS_Clt:a.example", out) &&
	    put_lookup(r, "TLS_Clt:none.example", out) &&
	    store_each(r, put_rule, out) && put_history(r, out) &&
	    put_then(r, r->info.oldest, out);
}

static bool
read_store(struct text *out)
{
	struct store_reader reader;
	struct fault fault;
	struct store *store;
	bool good;

	fault_clear(&fault);
	store = store_open(path, &fault);
	if (store == NULL)
		return fault.text[0] == '\0';
	if (!store_begin(store, &reader, &fault)) {
		store_close(store);
		return fault.text[0] == '\0';
	}
	good = put_all(&reader, out);
	store_end(&reader);
	store_close(store);
	return good;
}

static const char *
state_now(void)
{
	static char memory[4][TEXT];
	static unsigned used;
	struct text out;

	text_init(&out, memory[used % 4], TEXT);
	assert_true(read_store(&out));
	return memory[used++ % 4];
}

/* Each do_ function changes the store; false with a fault. */
static bool
do_build(struct fault *fault)
{
	struct authorship by = author(NOW, GENERATION_BUILD, "mode = monitor\n");

	return build(&next, &by, fault);
}

static bool
do_plan(struct fault *fault)
{
	struct authorship by = author(NOW, GENERATION_BUILD, "");

	by.plan = &plan;
	return build(&next, &by, fault);
}

static bool
do_set(struct fault *fault)
{
	struct authorship by = author(NOW, GENERATION_SET, "mode = enforce\n");
	bool changed;

	return rebuild_set(path, &strict, &by, NULL, &changed, fault);
}

static bool
do_delete(struct fault *fault)
{
	struct authorship by = author(NOW, GENERATION_DEL, "mode = enforce\n");
	struct key key;
	bool found;

	return key_parse(slice_of("TLS_Clt:b.example"), &key, fault) &&
	    rebuild_delete(path, &key, 1, &by, &found, NULL, fault);
}

static bool
do_sync(struct fault *fault)
{
	struct authorship by = author(NOW, GENERATION_SYNC, "");
	struct synced directory = { slice_of("rid=1"), entries, 2 };
	struct store_info info;
	bool changed;

	return rebuild_synced(path, &first, &by, &directory, &info, &changed,
	    fault);
}

static bool
do_sync_keys(struct fault *fault)
{
	static unsigned char gone[1][SYNCED_UUID];
	struct authorship by = author(NOW + 1, GENERATION_SYNC, "");
	struct synced directory = { slice_of("rid=2"), entries, 1 };
	struct synced_change change = { .nkeys = 2, .gone = gone, .ngone = 1 };
	struct slice keys[2];
	struct store_reader reader;
	struct store *store = store_open(path, fault);
	bool changed;
	struct store_info info;

	if (store == NULL)
		return false;
	if (!store_begin(store, &reader, fault)) {
		store_close(store);
		return false;
	}
	change.over = reader.info;
	store_end(&reader);
	store_close(store);
	memcpy(gone[0], entries[1].uuid, SYNCED_UUID);
	for (size_t i = 0; i < 2; i++)
		keys[i] = rule_key_bytes(&some.rules[i]);
	change.keys = keys;
	return rebuild_synced_keys(path, &some, &by, &directory, &change,
	    &info, &changed, fault);
}

static const struct writer {
	const char *name;
	bool (*act)(struct fault *);
	bool (*before)(struct fault *); /* done once before; NULL: nothing */
} writers[] = {
	{ "build", do_build, NULL },
	{ "plan", do_plan, NULL },
	{ "set", do_set, NULL },
	{ "delete", do_delete, NULL },
	{ "sync", do_sync, NULL },
	{ "sync of keys", do_sync_keys, do_sync },
};

/* A store of three generations; a writer drops the oldest of them. */
static void
make_store(const struct writer *w)
{
	struct authorship by = author(1, GENERATION_BUILD, "mode = monitor\n");
	struct fault fault;
	bool changed;

	(void)unlink(path);
	assert_true(build(&next, &by, &fault));
	by = author(2, GENERATION_BUILD, "mode = enforce\n");
	assert_true(build(&first, &by, &fault));
	by = author(900, GENERATION_SET, "mode = enforce\n");
	assert_true(rebuild_set(path, &one, &by, NULL, &changed, &fault));
	if (w->before != NULL)
		assert_true(w->before(&fault));
	copy(true);
}

static const int errors[] = { EIO, ENOMEM, MDB_CORRUPTED, ENOSPC };

static bool
try(const struct writer *w, const char *before, const char *after, long n,
    bool onward)
{
	struct fault fault;
	const char *now;
	bool good, hit;

	copy(false);
	fault_clear(&fault);
	nth_arm(NULL, n, onward ? LONG_MAX : n, errors[n % 4]);
	good = w->act(&fault);
	hit = nth_disarm() >= n;
	now = state_now();
	if (good)
		unit_same(w->name, after, now);
	else if (strcmp(now, after) != 0)
		unit_same(w->name, before, now);
	if (!good)
		unit_number("a reason", true, fault.text[0] != '\0');
	if (!good) {
		unit_number("again", true, w->act(&fault));
		unit_same("then", after, state_now());
	}
	return hit;
}

static void
test_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(writers); i++) {
		const struct writer *w = &writers[i];
		static char before[TEXT], after[TEXT];
		struct fault fault;

		make_store(w);
		snprintf(before, sizeof before, "%s", state_now());
		assert_true(w->act(&fault));
		snprintf(after, sizeof after, "%s", state_now());
		assert_string_not_equal(before, after);
		for (int onward = 0; onward < 2; onward++) {
			long n = 1;

			while (try(w, before, after, n, onward != 0))
				n += onward ? 3 : 1;
			assert_in_range(n, 20, 3000);
		}
		unit_end();
	}
}

/* A reader has all, or is told that it failed; what it has is true. */
static void
test_read(void **state)
{
	static char good[TEXT], got[TEXT];
	const struct writer *w = &writers[UNIT_COUNT(writers) - 1];
	struct text out;

	(void)state;
	make_store(w);
	snprintf(good, sizeof good, "%s", state_now());
	for (int onward = 0; onward < 2; onward++)
		for (long n = 1;; n++) {
			bool whole;

			text_init(&out, got, sizeof got);
			nth_arm(NULL, n, onward ? LONG_MAX : n,
			    errors[n % 4]);
			whole = read_store(&out);
			if (nth_disarm() < n)
				break;
			if (whole)
				unit_same("whole", good, got);
			else
				unit_number("as far as it goes", 0,
				    strncmp(good, got, strlen(got)));
			assert_in_range(n, 1, 5000);
		}
	unit_end();
}

static void
test_notes(void **state)
{
	struct fault fault;
	int64_t at;

	(void)state;
	(void)unlink(path);
	assert_int_equal(buildnote_read(path, BUILDNOTE_BUILD, &at),
	    BUILDNOTE_NONE);
	for (int onward = 0; onward < 2; onward++)
		for (long n = 1;; n++) {
			enum buildnote note;
			bool good;

			assert_true(buildnote_write(path, BUILDNOTE_BUILD, 5,
			    NULL, &fault));
			fault_clear(&fault);
			nth_arm(NULL, n, onward ? LONG_MAX : n, n % 2 == 0 ?
			    EIO : EEXIST);
			good = buildnote_write(path, BUILDNOTE_BUILD, 9,
			    "a reason", &fault);
			if (nth_disarm() < n)
				break;
			if (!good)
				assert_string_not_equal(fault.text, "");
			note = buildnote_read(path, BUILDNOTE_BUILD, &at);
			if (note == BUILDNOTE_FAILED)
				unit_number("at", 9, at);
			else
				unit_number("before", 5, note ==
				    BUILDNOTE_GOOD && !good ? at : -1);
			nth_arm(NULL, n, LONG_MAX, EIO);
			note = buildnote_read(path, BUILDNOTE_BUILD, &at);
			(void)nth_disarm();
			if (note != BUILDNOTE_FAILED && note != BUILDNOTE_GOOD)
				unit_number("unknown", BUILDNOTE_UNKNOWN,
				    note);
			assert_in_range(n, 1, 100);
		}
	unit_end();
}

/*
 * plan_remove() with each call failing: a file that could not be removed is
 * still there, and told.
 */
static void
test_plan_removed(void **state)
{
	struct fault fault;

	(void)state;
	for (int onward = 0; onward < 2; onward++)
		for (long n = 1;; n++) {
			bool good;

			copy(false);
			nth_arm(NULL, n, onward ? LONG_MAX : n, EACCES);
			good = plan_remove(path, &fault);
			if (nth_disarm() < n)
				break;
			if (good)
				unit_number("gone", -1, access(path, F_OK));
			else
				unit_number("told", true,
				    fault.text[0] != '\0');
			assert_in_range(n, 1, 100);
		}
	unit_end();
}

static void
clean(const char *place)
{
	DIR *dir = opendir(place);
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir != NULL)
		closedir(dir);
	(void)rmdir(place);
}

int
main(void)
{
	/* A transaction's sync costs nothing there. */
	char folder[] = "/dev/shm/tlspolicy-118-XXXXXX", *place;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_plan_removed),
	};
	int failed;

	place = mkdtemp(folder);
	snprintf(path, sizeof path, "%s", place == NULL ? unit_path("store") :
	    "");
	if (place != NULL)
		snprintf(path, sizeof path, "%s/store", place);
	unit_read_rules(&first, first_rules);
	unit_read_rules(&next, next_rules);
	unit_read_rules(&one, "TLS_Clt:a.example\tENCR:1\n");
	unit_read_rules(&strict, "TLS_Clt:a.example\tENCR:1+CIPHER:AES+AESGCM\n");
	unit_read_rules(&some, "TLS_Clt:a.example\tENCR:256\n"
	    "TLS_Clt:new.example\tOK\n");
	failed = unit_main(tests);
	rulefile_free(&first);
	rulefile_free(&next);
	rulefile_free(&one);
	rulefile_free(&strict);
	rulefile_free(&some);
	if (place == NULL)
		return failed;
	clean(place);
	return failed;
}
