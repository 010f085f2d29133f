/*
 * A store in which one number of its pages is another one: 0, too large, odd,
 * next door.  The check refuses the file, or it says what it said before; and
 * who looks things up without a check never leaves the file.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/store/check.h"
#include "policy/store/format.h"
#include "policy/store/layout.h"
#include "policy/store/snapshot.h"
#include "t/unit.h"

enum { PAGE = 4096, FILE_MAX = 1 << 20 };

static unsigned char good[FILE_MAX], *bad; /* `bad` ends where the file does */
static size_t size;
static uint64_t txnid;
static char want[FILE_MAX], got[FILE_MAX];
static size_t nwant;
static unsigned refused, taken;

static bool
inside(struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	return s.n <= size && p >= bad && p <= bad + size - s.n;
}

static bool
add_entry(void *arg, struct slice key, struct slice value)
{
	assert_true(inside(key) && inside(value));
	text_put(arg, key);
	text_put(arg, value);
	return true;
}

static bool
stop(void *arg, struct slice key, struct slice value)
{
	(void)arg;
	return key.n + value.n == 0;
}

/* Prints all entries into `buf`; false: they cannot be read. */
static bool
read_all(char *buf, size_t *n)
{
	bool read;
	struct snapshot s;
	struct text out;

	text_init(&out, buf, FILE_MAX);
	read = snapshot_find(&s, bad, size, txnid) &&
	    snapshot_each(&s, add_entry, &out) && !out.cut;
	*n = out.n;
	return read;
}

/*
 * Looks up keys that are there, and keys before, between and behind all of
 * them.
 */
static void
look_up(const char *what)
{
	static const char *const keys[] = { "", "\1", "\1\1example\1h7",
		"\3info", "\377\377\377" };
	struct snapshot s;
	struct slice value;

	if (!snapshot_find(&s, bad, size, txnid))
		return;
	for (size_t i = 0; i < UNIT_COUNT(keys); i++)
		if (snapshot_get(&s, keys[i], strlen(keys[i]), &value) ==
		    LOOKUP_FOUND)
			unit_number(what, true, inside(value));
	if (!snapshot_each(&s, stop, NULL))
		refused++;
}

static void
look(const char *what)
{
	struct fault f;
	size_t n;
	bool gone, whole = store_check_mapped("store", bad, size, txnid, &gone,
	    &f);

	look_up(what);
	if (whole && !gone) {
		taken++;
		unit_same(what, "read", read_all(got, &n) ? "read" :
		    "not read");
		unit_number(what, 0, n == nwant ? memcmp(want, got, n) : -1);
	} else if (!whole) {
		refused++;
		unit_number(what, FAULT_DATA, f.kind);
		read_all(got, &n);
	}
}

static void
patch(size_t at, size_t width, uint64_t value, const char *name)
{
	char what[80];

	assert_true(at + width <= size);
	memcpy(bad, good, size);
	memcpy(bad + at, &value, width); /* of a little-endian machine */
	snprintf(what, sizeof what, "%s at %zu is %llu", name, at,
	    (unsigned long long)value);
	look(what);
}

/* Tries other values for the number of `n` bytes at `at`. */
static void
patches(size_t at, size_t n, const char *name)
{
	static const uint64_t others[] = { 0, 1, 2, 3, 4, 15, 16, 17, 18, 33,
		500, 512, 513, 1000, PAGE - 8, PAGE - 2, PAGE, PAGE + 2,
		131072, UINT64_MAX / 2, UINT64_MAX };
	uint64_t now = 0;

	memcpy(&now, good + at, n);
	for (size_t i = 0; i < UNIT_COUNT(others); i++)
		patch(at, n, others[i], name);
	patch(at, n, now + 1, name);
	patch(at, n, now + 2, name);
	patch(at, n, now - 1, name);
	patch(at, n, now - 2, name);
}

#define PATCHES(at, type, field)                                              \
	patches((at) + offsetof(type, field), sizeof((type *)0)->field, #field)

static void
make_store(void)
{
	static char rules[FILE_MAX];
	const char *path;
	struct fault f;
	FILE *file;
	int n = 0;

	for (int i = 0; i < 300; i++)
		n += snprintf(rules + n, sizeof rules - (size_t)n,
		    "TLS_Clt:h%d.example VERIFY:112+CN:mail%d.example\n", i,
		    i);
	/* Three commits: a list of free pages, two headers in use. */
	for (int i = 0; i < 3; i++)
		path = unit_build("store", rules, 1000 + i);
	file = fopen(path, "r");
	assert_non_null(file);
	size = fread(good, 1, sizeof good, file);
	fclose(file);
	assert_in_range(size, 8 * PAGE, sizeof good - 1);
	assert_int_equal(size % PAGE, 0);
	assert_true(store_check_number(path, &txnid, &f));
	bad = malloc(size);
	assert_non_null(bad);
	memcpy(bad, good, size);
	assert_true(read_all(want, &nwant));
	look("the store as it is");
	assert_int_equal(taken, 1);
	refused = 0;
}

static void
test_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		size_t at = i * PAGE + PAGE_HEAD;

		PATCHES(i * PAGE, struct page_head, flags);
		PATCHES(at, struct meta, magic);
		PATCHES(at, struct meta, version);
		PATCHES(at, struct meta, last_page);
		PATCHES(at, struct meta, txnid);
		PATCHES(at, struct meta, free.pad);
		PATCHES(at, struct meta, free.flags);
		PATCHES(at, struct meta, free.depth);
		PATCHES(at, struct meta, free.root);
		PATCHES(at, struct meta, free.entries);
		PATCHES(at, struct meta, main.flags);
		PATCHES(at, struct meta, main.depth);
		PATCHES(at, struct meta, main.root);
		PATCHES(at, struct meta, main.branches);
		PATCHES(at, struct meta, main.leaves);
		PATCHES(at, struct meta, main.overflows);
		PATCHES(at, struct meta, main.entries);
	}
	assert_true(refused > 200);
	unit_end();
}

static void
patch_node(size_t page, const struct page_head *head, unsigned i)
{
	size_t slot = page * PAGE + PAGE_HEAD + i * sizeof(uint16_t), at;
	struct node_head node;
	uint16_t offset;

	memcpy(&offset, good + slot, sizeof offset);
	at = page * PAGE + offset;
	memcpy(&node, good + at, sizeof node);
	patches(slot, sizeof offset, "offset");
	PATCHES(at, struct node_head, low);
	PATCHES(at, struct node_head, high);
	PATCHES(at, struct node_head, key_size);
	/*
	 * A value may begin with a number: of a page, or of how many are free.
	 */
	if (head->flags == FLAG_LEAF && node.low >= sizeof(size_t))
		patches(at + NODE_HEAD + node.key_size, sizeof(size_t),
		    "value");
}

static void
test_pages(void **state)
{
	unsigned seen = 0;

	(void)state;
	refused = 0;
	for (size_t page = 2; page < size / PAGE; page++) {
		struct page_head head;
		unsigned n;

		memcpy(&head, good + page * PAGE, sizeof head);
		if (head.number != page)
			continue; /* a page inside a long value has no head */
		PATCHES(page * PAGE, struct page_head, number);
		PATCHES(page * PAGE, struct page_head, flags);
		PATCHES(page * PAGE, struct page_head, lower);
		PATCHES(page * PAGE, struct page_head, upper);
		seen |= head.flags;
		n = head.flags == FLAG_OVERFLOW || head.lower < PAGE_HEAD ?
		    0 : (head.lower - PAGE_HEAD) / 2U;
		for (unsigned i = 0; i < n && i < 2; i++)
			patch_node(page, &head, i);
		if (n > 2)
			patch_node(page, &head, n - 1);
	}
	assert_true((seen & FLAG_BRANCH) != 0 && (seen & FLAG_LEAF) != 0 &&
	    (seen & FLAG_OVERFLOW) != 0);
	assert_true(refused > 1000);
	unit_end();
}

/* Files shorter than a header, than two pages, or than their header says. */
static void
test_short(void **state)
{
	static const size_t sizes[] = { 0, 1, PAGE_HEAD, PAGE_HEAD +
		sizeof(struct meta), PAGE, 2 * PAGE - 1, 2 * PAGE };
	size_t whole = size;

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(sizes); i++) {
		struct snapshot s;

		free(bad);
		bad = malloc(sizes[i] + 1);
		assert_non_null(bad);
		memcpy(bad, good, sizes[i]);
		assert_false(snapshot_find(&s, bad, sizes[i], txnid));
	}
	free(bad);
	size = whole;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers), cmocka_unit_test(test_pages),
		cmocka_unit_test(test_short)
	};

	make_store();
	return unit_main(tests);
}
