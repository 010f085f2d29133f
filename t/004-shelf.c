/* A thing is with one owner at a time, whoever puts and takes. */
#include <pthread.h>

#include "policy/base/shelf.h"
#include "t/unit.h"

enum { THREADS = 4, ROUNDS = 100000 };

static struct shelf shelf;

struct thing {
	unsigned long uses; /* not atomic: its owner's alone */
};

static void
test_places(void **state)
{
	struct thing things[SHELF_PLACES + 1];
	unsigned n = 0;

	(void)state;
	shelf_init(&shelf);
	assert_null(shelf_take(&shelf));
	for (int i = 0; i < SHELF_PLACES; i++)
		assert_true(shelf_put(&shelf, &things[i]));
	assert_false(shelf_put(&shelf, &things[SHELF_PLACES]));
	while (shelf_take(&shelf) != NULL)
		n++;
	assert_int_equal(n, SHELF_PLACES);
	assert_true(shelf_put(&shelf, &things[0]));
	assert_ptr_equal(shelf_take(&shelf), &things[0]);
}

static void *
use_things(void *arg)
{
	unsigned long *used = arg;

	for (int i = 0; i < ROUNDS; i++) {
		struct thing *t = shelf_take(&shelf);

		if (t == NULL)
			continue;
		t->uses++;
		++*used;
		/* There is room for all: nobody may be turned away. */
		while (!shelf_put(&shelf, t))
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
	shelf_init(&shelf);
	for (int i = 0; i < THREADS / 2; i++)
		assert_true(shelf_put(&shelf, &things[i]));
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, use_things, &used[i]);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		all += used[i];
	}
	while ((t = shelf_take(&shelf)) != NULL)
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
