/* Memory given out piece by piece, and errors as one struct. */
#include <errno.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#include "policy/base/arena.h"
#include "t/unit.h"

static void
test_pieces(void **state)
{
	struct arena arena;
	char *pieces[200];

	(void)state;
	arena_init(&arena, 256);
	for (size_t i = 0; i < UNIT_COUNT(pieces); i++) {
		size_t n = i * 7 % 700;

		pieces[i] = arena_alloc(&arena, n);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t),
		    0);
		memset(pieces[i], (int)i, n);
	}
	for (size_t i = 0; i < UNIT_COUNT(pieces); i++)
		for (size_t j = 0; j < i * 7 % 700; j++)
			assert_int_equal((unsigned char)pieces[i][j], i);
	arena_free(&arena);
	assert_non_null(arena_alloc(&arena, 1));
	arena_free(&arena);
}

static void
test_copies(void **state)
{
	struct arena arena;
	struct slice copy;

	(void)state;
	arena_init(&arena, 64);
	copy = arena_copy(&arena, slice_make("ab\0c", 4));
	assert_int_equal(copy.n, 4);
	assert_memory_equal(copy.p, "ab\0c", 5);
	copy = arena_copy(&arena, slice_make(NULL, 0));
	assert_non_null(copy.p);
	assert_string_equal(copy.p, "");
	arena_reset(&arena);
	arena_reset(&arena);
	copy = arena_copy(&arena, slice_of("again"));
	assert_string_equal(copy.p, "again");
	arena_free(&arena);
	arena_reset(&arena);
	arena_free(&arena);
}

/* arena_alloc() of nearly SIZE_MAX fails: rounding it up must not overflow. */
static void
test_too_much(void **state)
{
	struct arena arena;

	(void)state;
	arena_init(&arena, 64);
	assert_non_null(arena_alloc(&arena, 8));
	assert_null(arena_alloc(&arena, SIZE_MAX));
	assert_null(arena_alloc(&arena, SIZE_MAX - 16));
	assert_non_null(arena_alloc(&arena, 8));
	arena_free(&arena);
}

static void
test_fault_lines(void **state)
{
	struct fault fault;
	char line[1200];

	(void)state;
	assert_false(fault_set(&fault, FAULT_DATA, "found \"%s\"", "x"));
	assert_int_equal(fault.kind, 65);
	assert_string_equal(fault_print(&fault, line, sizeof line),
	    "found \"x\"");
	fault_at(&fault, "rules", 3, 7);
	assert_string_equal(fault_print(&fault, line, sizeof line),
	    "rules:3:7: found \"x\"");
	fault_at(&fault, "rules", 3, 0);
	assert_string_equal(fault_print(&fault, line, sizeof line),
	    "rules:3: found \"x\"");
	fault_at_setting(&fault, "mode");
	assert_string_equal(fault_print(&fault, line, sizeof line),
	    "setting mode: found \"x\"");
	assert_false(fault_errno(&fault, FAULT_NOINPUT, ENOENT, "open %d", 1));
	assert_string_equal(fault_print(&fault, line, sizeof line),
	    "open 1: No such file or directory");
	fault_set(&fault, FAULT_DATA, "a\r\nb\x1b[2J\x7f");
	assert_string_equal(fault_print(&fault, line, sizeof line),
	    "a??b?[2J?");
	fault_clear(&fault);
	assert_int_equal(fault.kind, FAULT_NONE);
}

static void
test_fault_is_cut(void **state)
{
	char name[1000], line[2000];
	struct fault fault;

	(void)state;
	memset(name, 'x', sizeof name);
	name[sizeof name - 1] = '\0';
	for (size_t n = FAULT_TEXT_MAX - 40; n < FAULT_TEXT_MAX + 40; n++) {
		fault_errno(&fault, FAULT_IO, EIO, "%.*s", (int)n, name);
		assert_true(strlen(fault.text) < FAULT_TEXT_MAX);
		if (n > FAULT_TEXT_MAX - 10)
			assert_string_equal(fault.text + FAULT_TEXT_MAX - 4,
			    "...");
	}
	fault_at(&fault, name, 1, 1);
	assert_string_equal(fault.where + FAULT_WHERE_MAX - 4, "...");
	fault_print(&fault, line, sizeof line);
	assert_non_null(strstr(line, "...:1:1: xxx"));
	fault_print(&fault, line, 20);
	assert_string_equal(line, "xxxxxxxxxxxxxxxx...");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_fault_lines),
		cmocka_unit_test(test_fault_is_cut),
	};

	return unit_main(tests);
}
