/*
 * A plan: what its store says, damage found, whom a canary takes, and that
 * rules come only over those that they were planned against.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy/store/history.h"
#include "policy/store/plan.h"
#include "policy/store/rebuild.h"
#include "t/unit.h"

static struct authorship
author(const struct plan *plan)
{
	return (struct authorship){ .now = 1000, .uid = 7,
		.login = slice_of("alice"), .message = slice_of("why"),
		.plan = plan };
}

static bool
build(const char *path, const char *rules, const struct authorship *by,
    struct fault *fault)
{
	struct rulefile file;
	bool changed, good;

	unit_read_rules(&file, rules);
	good = rebuild_store(path, &file, by, 0, NULL, &changed, fault);
	rulefile_free(&file);
	return good;
}

static enum lookup_result
read_plan(const char *path, struct plan *plan, uint64_t *generation)
{
	struct store_reader reader;
	enum lookup_result result;
	struct store *store;
	struct fault fault;

	store = store_open(path, &fault);
	if (store == NULL)
		return LOOKUP_FAILED;
	assert_true(store_begin(store, &reader, &fault));
	result = plan_read(&reader, plan);
	*generation = reader.info.generation;
	store_end(&reader);
	store_close(store);
	return result;
}

static void
test_kept_with_its_rules(void **state)
{
	struct plan plan = { .id = 0x0123456789abcdef, .started = 5,
		.days = 14, .budget = 20 }, found;
	const char *path = unit_path("policy.mdb.plan");
	struct authorship by = author(&plan);
	struct fault fault;
	uint64_t generation;

	(void)state;
	memset(plan.base, 0xa5, sizeof plan.base);
	assert_true(build(path, "TLS_Clt:a.example PERM+VERIFY\n", &by, &fault));
	assert_int_equal(read_plan(path, &found, &generation), LOOKUP_FOUND);
	assert_memory_equal(&plan, &found, sizeof plan);
	assert_int_equal(generation, 1);
	/* The same rules with a larger canary are another plan. */
	plan.canary = 10;
	assert_true(build(path, "TLS_Clt:a.example PERM+VERIFY\n", &by, &fault));
	assert_int_equal(read_plan(path, &found, &generation), LOOKUP_FOUND);
	assert_int_equal(found.canary, 10);
	assert_int_equal(generation, 2);
	/* The same rules and canary again make no generation. */
	assert_true(build(path, "TLS_Clt:a.example PERM+VERIFY\n", &by, &fault));
	assert_int_equal(read_plan(path, &found, &generation), LOOKUP_FOUND);
	assert_int_equal(generation, 2);
	assert_true(plan_remove(path, &fault));
	assert_true(plan_remove(path, &fault));
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_no_plan(void **state)
{
	const char *path = unit_path("policy.mdb");
	struct authorship by = author(NULL);
	struct plan found = { .id = 9 };
	struct fault fault;
	uint64_t generation;

	(void)state;
	assert_true(build(path, "TLS_Clt:a.example OK\n", &by, &fault));
	assert_int_equal(read_plan(path, &found, &generation), LOOKUP_ABSENT);
	assert_int_equal(found.id, 0);
}

/*
 * With any bit changed the plan is read as it was or refused, never as another
 * plan.
 */
static void
test_damaged(void **state)
{
	struct plan plan = { .id = 0x1122334455667788, .days = 14,
		.budget = 20, .canary = 1 }, found;
	const char *path = unit_path("damaged.plan");
	struct authorship by = author(&plan);
	unsigned char bytes[64 * 1024], *at;
	struct fault fault;
	uint64_t generation;
	ssize_t n;
	int fd;

	(void)state;
	assert_true(build(path, "TLS_Clt:a.example PERM+VERIFY\n", &by, &fault));
	fd = open(path, O_RDWR);
	assert_true(fd != -1);
	n = read(fd, bytes, sizeof bytes);
	assert_true(n > 0);
	for (at = bytes; memcmp(at, &plan, sizeof plan) != 0; at++)
		assert_true(at < bytes + n - sizeof plan);
	for (size_t i = 0; i < sizeof plan; i++) {
		unsigned char other = at[i] ^ (unsigned char)(1 << i % 8);
		off_t place = at - bytes + (off_t)i;

		assert_int_equal(pwrite(fd, &other, 1, place), 1);
		assert_int_equal(read_plan(path, &found, &generation),
		    LOOKUP_FAILED);
		assert_int_equal(pwrite(fd, &at[i], 1, place), 1);
	}
	assert_int_equal(read_plan(path, &found, &generation), LOOKUP_FOUND);
	close(fd);
}

static void
test_over(void **state)
{
	const char *path = unit_path("over.mdb");
	struct authorship by = author(NULL);
	struct store_reader reader;
	unsigned char base[DIGEST_BYTES];
	struct generation g;
	struct history h;
	struct store *store;
	struct fault fault;

	(void)state;
	memset(base, 1, sizeof base);
	by.over = base;
	assert_false(build(path, "TLS_Clt:a.example OK\n", &by, &fault));
	assert_int_equal(fault.kind, FAULT_DATA);
	by.over = NULL;
	assert_true(build(path, "TLS_Clt:a.example OK\n", &by, &fault));
	store = store_open(path, &fault);
	assert_non_null(store);
	assert_true(store_begin(store, &reader, &fault));
	assert_true(history_start(&h, &reader));
	assert_int_equal(history_next(&h, &g), LOOKUP_FOUND);
	memcpy(base, g.rules_digest, sizeof base);
	store_end(&reader);
	store_close(store);
	by.over = base;
	by.how = GENERATION_APPLY;
	by.back_to = 77;
	assert_true(build(path, "TLS_Clt:b.example OK\n", &by, &fault));
	/* The rules in force have changed since the plan was made. */
	assert_false(build(path, "TLS_Clt:c.example OK\n", &by, &fault));
	assert_int_equal(fault.kind, FAULT_DATA);
	assert_non_null(strstr(fault.text, "planned against"));
	store = store_open(path, &fault);
	assert_non_null(store);
	assert_true(store_begin(store, &reader, &fault));
	assert_int_equal(reader.info.generation, 2);
	assert_true(history_start(&h, &reader));
	assert_int_equal(history_next(&h, &g), LOOKUP_FOUND);
	assert_string_equal(history_how_name(g.how), "apply");
	assert_int_equal(g.back_to, 77);
	store_end(&reader);
	store_close(store);
}

static bool
picks(const struct plan *plan, const char *address)
{
	struct facts facts;
	bool picked;

	facts_init(&facts, DIALECT_SENDMAIL);
	if (address != NULL)
		assert_true(facts_set(&facts, FACT_CLIENT_ADDR,
		    slice_of(address), false));
	picked = plan_picks(plan, &facts);
	facts_free(&facts);
	return picked;
}

static void
test_canary(void **state)
{
	/* Per cent, and five standard deviations of a fair choice. */
	static const struct {
		unsigned share, off;
	} rows[] = { { 1, 70 }, { 10, 212 }, { 50, 354 }, { 90, 212 } };
	enum { CLIENTS = 20000 };
	struct plan plan = { .id = 0x0123456789abcdef }, other = { .id = 5 };
	char address[64];
	unsigned differ = 0;

	(void)state;
	plan.canary = 100;
	assert_true(picks(&plan, "192.0.2.1"));
	assert_false(picks(&plan, NULL));
	assert_false(picks(&plan, "0"));
	assert_false(picks(&plan, "unknown"));
	plan.canary = 0;
	assert_false(picks(&plan, "192.0.2.1"));
	for (size_t k = 0; k < UNIT_COUNT(rows); k++) {
		unsigned n = 0, n6 = 0, want = CLIENTS * rows[k].share / 100;

		plan.canary = rows[k].share;
		for (unsigned i = 0; i < CLIENTS; i++) {
			snprintf(address, sizeof address, "10.%u.%u.%u",
			    i >> 16, i >> 8 & 255, i & 255);
			n += picks(&plan, address);
			snprintf(address, sizeof address,
			    "IPv6:2001:db8:%x::1", i);
			n6 += picks(&plan, address);
		}
		assert_in_range(n, want - rows[k].off, want + rows[k].off);
		assert_in_range(n6, want - rows[k].off, want + rows[k].off);
	}
	/*
	 * A client of the canary of 10 % is in that of 50 %, too, in every
	 * spelling of its address, and so is its whole /64.
	 */
	for (unsigned i = 0; i < 2000; i++) {
		char mapped[80], neighbour[80];
		bool few;

		snprintf(address, sizeof address, "198.51.%u.%u", i >> 8,
		    i & 255);
		snprintf(mapped, sizeof mapped, "IPv6:::ffff:%s", address);
		plan.canary = 10;
		few = picks(&plan, address);
		assert_int_equal(few, picks(&plan, mapped));
		plan.canary = 50;
		assert_true(!few || picks(&plan, address));
		other.canary = 50;
		differ += picks(&other, address) != picks(&plan, address);
		snprintf(address, sizeof address, "2001:db8:1:%x::1", i);
		snprintf(neighbour, sizeof neighbour,
		    "2001:0db8:0001:%x:ffff::%x", i, i);
		assert_int_equal(picks(&plan, address),
		    picks(&plan, neighbour));
	}
	assert_in_range(differ, 700, 1300); /* another plan begins with other clients */
}

static void
test_ids(void **state)
{
	char buf[40];
	struct text out;
	uint64_t id;

	(void)state;
	text_init(&out, buf, sizeof buf);
	plan_print_id(0x00ff, &out);
	assert_string_equal(buf, "00000000000000ff");
	assert_true(plan_read_id(slice_of(buf), &id));
	assert_int_equal(id, 0xff);
	assert_false(plan_read_id(slice_of("0000000000000000"), &id));
	assert_false(plan_read_id(slice_of("ff"), &id));
	assert_false(plan_read_id(slice_of("00000000000000fg"), &id));
	assert_false(plan_read_id(slice_of("00000000000000ff0"), &id));
	assert_false(plan_read_id(slice_make("0000000\0000000ff", 16), &id));
}

static void
test_paths(void **state)
{
	char path[PLAN_PATH_MAX], store[PLAN_PATH_MAX];

	(void)state;
	assert_true(plan_path("/x/policy.mdb", path));
	assert_string_equal(path, "/x/policy.mdb.plan");
	memset(store, 'a', sizeof store);
	store[sizeof store - 1] = '\0';
	assert_false(plan_path(store, path));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept_with_its_rules),
		cmocka_unit_test(test_no_plan),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_over),
		cmocka_unit_test(test_canary),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_paths),
	};

	return unit_main(tests);
}
