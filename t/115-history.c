/*
 * Generations: what each was, found by undoing what came after it; which of
 * them stay; and that a changed byte is never taken for history.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy/store/history-internal.h"
#include "policy/store/rebuild.h"
#include "t/unit.h"

enum { DAY = 86400, TEXT = 16 * 1024, ROUNDS = 120 };

static struct authorship
author(int64_t now, const char *message)
{
	return (struct authorship){ .now = now, .uid = 7,
		.login = slice_of("alice"), .host = slice_of("mx1"),
		.message = slice_of(message),
		.settings = slice_of("mode = enforce\n") };
}

static bool
build(const char *path, const char *rules, const struct authorship *by,
    struct store_info *info)
{
	struct rulefile file;
	struct fault fault;
	bool changed;

	unit_read_rules(&file, rules);
	assert_true(rebuild_store(path, &file, by, 0, info, &changed,
	    &fault));
	rulefile_free(&file);
	return changed;
}

static bool
set(const char *path, const char *rule, const struct authorship *by)
{
	struct rulefile file;
	struct fault fault;
	bool changed;

	unit_read_rules(&file, rule);
	assert_true(rebuild_set(path, &file, by, NULL, &changed, &fault));
	rulefile_free(&file);
	return changed;
}

static bool
delete(const char *path, const char *text, const struct authorship *by)
{
	struct fault fault;
	struct key key;
	bool found;

	assert_true(key_parse(slice_of(text), &key, &fault));
	assert_true(rebuild_delete(path, &key, 1, by, &found, NULL, &fault));
	return found;
}

struct opened {
	struct store *store;
	struct store_reader reader;
};

static void
open_store(const char *path, struct opened *o)
{
	struct fault fault;

	o->store = store_open(path, &fault);
	if (o->store == NULL)
		print_message("# %s\n", fault.text);
	assert_non_null(o->store);
	assert_true(store_begin(o->store, &o->reader, &fault));
}

static void
close_store(struct opened *o)
{
	store_end(&o->reader);
	store_close(o->store);
}

static bool
put_rule(void *arg, const struct stored_rule *rule)
{
	text_printf(arg, "%.*s\t%.*s\n", SLICE_ARG(rule->key),
	    SLICE_ARG(rule->requirement));
	return true;
}

static void
put_rulefile(const struct rulefile *file, struct text *out)
{
	for (size_t i = 0; i < file->n; i++)
		text_printf(out, "%.*s\t%.*s\n",
		    SLICE_ARG(rule_key(&file->rules[i])),
		    SLICE_ARG(rule_requirement(&file->rules[i])));
}

/* "NUMBER TIME HOW +ADDED -REMOVED ~CHANGED RULES MESSAGE", newest first. */
static const char *
list(const char *path)
{
	static char buf[TEXT];
	struct generation g;
	struct opened o;
	struct history h;
	struct text out;

	text_init(&out, buf, sizeof buf);
	open_store(path, &o);
	assert_true(history_start(&h, &o.reader));
	while (history_next(&h, &g) == LOOKUP_FOUND)
		text_printf(&out, "%llu %lld %s +%llu -%llu ~%llu %llu %.*s%s\n",
		    (unsigned long long)g.number, (long long)g.time,
		    history_how_name(g.how), (unsigned long long)g.added,
		    (unsigned long long)g.removed,
		    (unsigned long long)g.changed, (unsigned long long)g.rules,
		    SLICE_ARG(g.message), g.first ? " first" : "");
	assert_int_equal(o.reader.fault.kind, FAULT_NONE);
	close_store(&o);
	return buf;
}

static void
test_list(void **state)
{
	const char *path = unit_path("list");
	struct authorship by = author(1, "one");

	(void)state;
	assert_true(build(path, "TLS_Clt:a ENCR:1\nTLS_Clt:b ENCR:1\n", &by,
	    NULL));
	by = author(2, "two");
	assert_false(build(path, "TLS_Clt:a ENCR:1\nTLS_Clt:b ENCR:1\n", &by,
	    NULL));
	assert_false(set(path, "TLS_Clt:b ENCR:1\n", &by));
	by.how = GENERATION_SET;
	assert_true(set(path, "TLS_Clt:b ENCR:2\n", &by));
	by = author(3, "\xff\x1b[31m");
	by.how = GENERATION_DEL;
	assert_true(delete(path, "TLS_Clt:a", &by));
	assert_false(delete(path, "TLS_Clt:a", &by));
	by = author(4, "");
	assert_true(build(path, "TLS_Clt:c ENCR:1\nTLS_Clt:b ENCR:3\n", &by,
	    NULL));
	by.settings = slice_of("mode = monitor\n");
	assert_true(build(path, "TLS_Clt:c ENCR:1\nTLS_Clt:b ENCR:3\n", &by,
	    NULL));
	unit_same("all of them", "5 4 build +0 -0 ~0 2 \n"
	    "4 4 build +1 -0 ~1 2 \n3 3 del +0 -1 ~0 1 \xff\x1b[31m\n"
	    "2 2 set +0 -0 ~1 2 two\n1 1 build +0 -0 ~0 2 one first\n",
	    list(path));
	unit_end();
}

/* What each key of a policy asks for; 0: it has no rule. */
struct model {
	unsigned bits[40];
};

static void
print_model(const struct model *m, struct text *out)
{
	for (unsigned i = 0; i < UNIT_COUNT(m->bits); i++)
		if (m->bits[i] != 0)
			text_printf(out, "TLS_Clt:h%02u\tENCR:%u\n", i,
			    m->bits[i]);
}

/* One commit of any kind; false: it changed nothing. */
static bool
change(const char *path, struct model *m, uint64_t *seed, int64_t now)
{
	struct authorship by = author(now, "");
	unsigned i = unit_random(seed) % UNIT_COUNT(m->bits);
	char text[TEXT];
	struct text out;

	text_init(&out, text, sizeof text);
	switch (unit_random(seed) % 4) {
	case 0:
		m->bits[i] = 0;
		text_printf(&out, "TLS_Clt:h%02u", i);
		return delete(path, text, &by);
	case 1:
		for (i = 0; i < UNIT_COUNT(m->bits); i++)
			if (unit_random(seed) % 3 == 0)
				m->bits[i] = unit_random(seed) % 3;
		print_model(m, &out);
		return build(path, text, &by, NULL);
	default:
		m->bits[i] = 1 + unit_random(seed) % 4;
		text_printf(&out, "TLS_Clt:h%02u ENCR:%u\n", i, m->bits[i]);
		return set(path, text, &by);
	}
}

static void
compare_generation(struct store_reader *reader, uint64_t number,
    const char *want)
{
	unsigned char digest[DIGEST_BYTES];
	static char text[TEXT];
	struct rulefile file;
	struct generation g;
	struct fault fault;
	struct text out;

	text_init(&out, text, sizeof text);
	if (!history_rules(reader, number, &file, &g, &fault))
		text_puts(&out, fault.text);
	put_rulefile(&file, &out);
	unit_same("rules", want, text);
	unit_number("number", (long long)number, (long long)g.number);
	assert_true(digest_of(slice_of(want), digest, &fault));
	unit_number("digest", 0, memcmp(digest, g.rules_digest,
	    DIGEST_BYTES));
	rulefile_free(&file);
}

/* Each generation can be read as it was, whatever came after it. */
static void
test_undone(void **state)
{
	static char want[ROUNDS + 2][2048];
	const char *path = unit_path("undone");
	struct authorship by = author(0, "");
	struct model m = { { 1, 2 } };
	uint64_t seed = 3, n = 1;
	struct text out;
	struct opened o;

	(void)state;
	text_init(&out, want[1], sizeof want[1]);
	print_model(&m, &out);
	build(path, want[1], &by, NULL);
	for (int round = 1; round <= ROUNDS; round++) {
		if (!change(path, &m, &seed, round))
			continue;
		text_init(&out, want[++n], sizeof want[0]);
		print_model(&m, &out);
	}
	open_store(path, &o);
	unit_number("generations", (long long)n,
	    (long long)o.reader.info.generation);
	assert_in_range(n, ROUNDS / 2, ROUNDS + 1);
	for (uint64_t number = 1; number <= n; number++)
		compare_generation(&o.reader, number, want[number]);
	close_store(&o);
	unit_end();
}

static void
refused(const char *path, uint64_t number, const char *want)
{
	struct rulefile file;
	struct generation g;
	struct fault fault;
	struct opened o;

	open_store(path, &o);
	assert_false(history_rules(&o.reader, number, &file, &g, &fault));
	assert_non_null(strstr(fault.text, want));
	unit_number("kind", FAULT_NOINPUT, fault.kind);
	rulefile_free(&file);
	close_store(&o);
}

/*
 * A generation that was in force within `history` is kept; a wrong clock drops
 * none.
 */
static void
test_kept(void **state)
{
	const char *path = unit_path("kept");
	struct authorship by = author(0, "");

	(void)state;
	build(path, "TLS_Clt:a ENCR:1\n", &by, NULL);
	for (int day = 1; day <= 20; day++) {
		char rule[64];

		by = author(day * DAY, "");
		by.keep_s = 5 * DAY;
		snprintf(rule, sizeof rule, "TLS_Clt:a ENCR:%d\n", day + 1);
		set(path, rule, &by);
	}
	/* 21 on day 20: 20 (day 19) - 5 days; 15 was in force until then. */
	unit_same("oldest", "15 ", strstr(list(path), "\n15 ") == NULL ? "" :
	    "15 ");
	refused(path, 14, "generation 14 is not kept; it holds 15 to 21");
	refused(path, 22, "generation 22 is not kept; it holds 15 to 21");
	by = author(90000 * (int64_t)DAY, "the clock is wrong");
	by.keep_s = 5 * DAY;
	set(path, "TLS_Clt:a ENCR:1\n", &by);
	assert_non_null(strstr(list(path), "\n16 "));
	unit_end();
}

static void
test_scratch(void **state)
{
	const char *path = unit_build("scratch", "TLS_Clt: OK\n", 1);
	struct authorship by = author(2, "the first that is kept");

	(void)state;
	unit_same("none", "", list(path));
	refused(path, 1, "no generations are kept");
	build(path, "TLS_Clt:a OK\n", &by, NULL);
	unit_same("then one", "2 2 build +0 -0 ~0 1 the first that is kept "
	    "first\n", list(path));
	unit_end();
}

/* Prints all of the store's history; false: with a fault of damage. */
static bool
tell(const char *path, struct text *out)
{
	struct store_reader reader;
	struct fault fault;
	struct store *store = store_open(path, &fault);
	bool good = store != NULL;

	if (good && !store_begin(store, &reader, &fault)) {
		store_close(store);
		return false;
	}
	if (!good)
		return false;
	for (uint64_t n = 1; good && n <= 6; n++) {
		struct rulefile file;
		struct generation g;

		good = history_rules(&reader, n, &file, &g, &fault);
		if (good) {
			text_printf(out, "%.*s %.*s\n", SLICE_ARG(g.login),
			    SLICE_ARG(g.message));
			put_rulefile(&file, out);
		} else
			unit_number("kind", FAULT_DATA, fault.kind);
		rulefile_free(&file);
	}
	good = good && store_each(&reader, put_rule, out);
	store_end(&reader);
	store_close(store);
	return good;
}

static void
test_damage(void **state)
{
	static unsigned char good[1 << 20], bad[1 << 20];
	static char want[TEXT], got[TEXT];
	const char *path = unit_path("damage");
	struct authorship by = author(1, "a message to look for");
	unsigned refused_ = 0, same = 0;
	struct text out;
	size_t size;
	int fd;

	(void)state;
	build(path, "TLS_Clt:a ENCR:1\nTLS_Clt:b ENCR:1\n", &by, NULL);
	for (int i = 0; i < 5; i++) {
		char rule[64];

		by = author(2 + i, i == 3 ? "" : "another message");
		snprintf(rule, sizeof rule, "TLS_Clt:%c ENCR:%d\n", 'a' + i,
		    7 + i);
		set(path, rule, &by);
	}
	fd = open(path, O_RDWR);
	size = (size_t)read(fd, good, sizeof good);
	text_init(&out, want, sizeof want);
	assert_true(tell(path, &out));
	for (size_t at = 0; at < size; at += 1 + at % 3) {
		memcpy(bad, good, size);
		bad[at] ^= (unsigned char)(1U << at % 8);
		assert_int_equal(pwrite(fd, bad, size, 0), size);
		text_init(&out, got, sizeof got);
		if (!tell(path, &out)) {
			refused_++;
			continue;
		}
		same++;
		unit_same("changed byte", want, got);
	}
	close(fd);
	assert_in_range(refused_, 500, size);
	assert_in_range(same, 500, size);
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_undone),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_scratch),
		cmocka_unit_test(test_damage),
	};

	return unit_main(tests);
}
