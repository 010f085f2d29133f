/* pool_take() and pool_put() of several threads: each thing has one owner. */
#include <pthread.h>

#include "policy/base/pool.h"
#include "t/unit.h"

enum { THREADS = 4, ROUNDS = 100000 };

static struct pool pool;

struct thing {
	unsigned long uses; /* not atomic: only the thread that has the thing touches it */
};

static void
test_places(void **state)
{
	struct thing things[POOL_PLACES + 1];
	unsigned n = 0;

	(void)state;
	pool_init(&pool);
	assert_null(pool_take(&pool));
	for (int i = 0; i < POOL_PLACES; i++)
		assert_true(pool_put(&pool, &things[i]));
	assert_false(pool_put(&pool, &things[POOL_PLACES]));
	while (pool_take(&pool) != NULL)
		n++;
	assert_int_equal(n, POOL_PLACES);
	assert_true(pool_put(&pool, &things[0]));
	assert_ptr_equal(pool_take(&pool), &things[0]);
}

static void *
use_things(void *arg)
{
	unsigned long *used = arg;

	for (int i = 0; i < ROUNDS; i++) {
		struct thing *t = pool_take(&pool);

		if (t == NULL)
			continue;
		t->uses++;
		++*used;
		/*
		 * The pool has a place for each thing, so pool_put() succeeds
		 * in the end.
		 */
		while (!pool_put(&pool, t))
			;
	}
	return NULL;
}

static void
test_threads(void **state)
{
	static struct thing things[THREADS / 2];
	unsigned long used[THREADS] = { 0 }, all = 0, seen = 0;
	pthread_t threads[THREADS];
	struct thing *t;

	(void)state;
	pool_init(&pool);
	for (int i = 0; i < THREADS / 2; i++)
		assert_true(pool_put(&pool, &things[i]));
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, use_things, &used[i]);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		all += used[i];
	}
	while ((t = pool_take(&pool)) != NULL)
		seen += t->uses;
	assert_true(all > 0);
	assert_int_equal(seen, all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_threads),
	};

	return unit_main(tests);
}
