/* What a log has under way is kept in bounded memory, and the oldest goes. */
#include "policy/maillog/sessions.h"
#include "t/unit.h"

enum { ROOM = 4 };

static struct session *
put(struct sessions *t, const char *key)
{
	return sessions_put(t, slice_of(key));
}

static bool
has(struct sessions *t, const char *key)
{
	return sessions_find(t, slice_of(key)) != NULL;
}

static void
test_oldest_goes(void **state)
{
	struct sessions *t = sessions_new(ROOM);

	(void)state;
	assert_non_null(t);
	for (int i = 0; i < ROOM; i++) {
		char key[] = { (char)('a' + i), '\0' };

		assert_non_null(put(t, key));
	}
	assert_true(has(t, "a")); /* sessions_find() makes a the newest, so b is the oldest */
	assert_string_equal(sessions_oldest(t)->key, "b");
	assert_non_null(put(t, "e"));
	assert_false(has(t, "b"));
	assert_true(has(t, "a") && has(t, "c") && has(t, "d") && has(t, "e"));
	assert_int_equal(sessions_count(t), ROOM);
	assert_int_equal(sessions_forgotten(t), 1);
	sessions_free(t);
}

static void
test_removed_makes_room(void **state)
{
	struct sessions *t = sessions_new(ROOM);

	(void)state;
	for (int i = 0; i < 100 * ROOM; i++) {
		char key[8];

		snprintf(key, sizeof key, "k%d", i);
		assert_non_null(put(t, "stays"));
		assert_non_null(put(t, key));
		sessions_remove(t, sessions_find(t, slice_of(key)));
		assert_false(has(t, key));
		assert_true(has(t, "stays"));
		assert_int_equal(sessions_count(t), 1);
	}
	assert_int_equal(sessions_forgotten(t), 0);
	sessions_remove(t, sessions_oldest(t));
	assert_null(sessions_oldest(t));
	sessions_free(t);
}

static void
test_anew(void **state)
{
	struct sessions *t = sessions_new(ROOM);
	char key[SESSIONS_KEY_MAX + 1] = { 0 };
	struct session *s = put(t, "a");

	(void)state;
	s->tls = SESSION_TLS;
	assert_int_equal(put(t, "a")->tls, SESSION_UNTOLD);
	assert_int_equal(sessions_count(t), 1);
	sessions_forget(t);
	assert_false(has(t, "a"));
	assert_int_equal(sessions_count(t), 0);
	assert_non_null(sessions_put(t, slice_make(key, sizeof key - 1)));
	assert_null(sessions_put(t, slice_make(key, sizeof key)));
	assert_null(sessions_put(t, slice_make(key, 0)));
	sessions_free(t);
}

static void
test_copy(void **state)
{
	char field[4] = "xyz";

	(void)state;
	assert_true(sessions_copy(field, sizeof field, slice_of("abc")));
	assert_string_equal(field, "abc");
	assert_false(sessions_copy(field, sizeof field, slice_of("abcd")));
	assert_string_equal(field, "");
	assert_false(sessions_copy(field, sizeof field,
	    slice_make("a\0b", 3)));
	assert_string_equal(field, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oldest_goes),
		cmocka_unit_test(test_removed_makes_room),
		cmocka_unit_test(test_anew),
		cmocka_unit_test(test_copy),
	};

	return unit_main(tests);
}
