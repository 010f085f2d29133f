/*
 * Pages first: each is what its parent says, and all are there.  Then what they
 * hold: LMDB keeps no checksums, and a changed byte in a key would make a rule
 * vanish without a trace.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/store/check.h"
#include "policy/store/format.h"
#include "policy/store/keysorder.h"
#include "policy/store/layout.h"

struct file {
	const char *path;
	const unsigned char *map;
	size_t size, page_size;
	size_t pages;
	unsigned char *seen; /* a bit for each page */
	bool free_list;	     /* this is the free list's tree, not the
			      * database's */
	struct keysorder order;
	struct tree counted; /* what was found in this tree */
	uint64_t sum;	     /* of all entries but the info */
	struct slice info;
	struct fault *fault;
};

static bool
damaged(const struct file *f, size_t page, const char *what)
{
	return fault_set(f->fault, FAULT_DATA, "%s: damaged (page %zu: %s); "
	    "remove it and build the store again", f->path, page, what);
}

static bool
map_file(struct file *f)
{
	struct stat st;
	int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool good = false;

	if (fd < 0 && errno == ENOENT)
		return fault_set(f->fault, FAULT_NOINPUT, "%s: no such store; "
		    "make it with tlspolicy build", f->path);
	if (fd < 0 || fstat(fd, &st) != 0)
		fault_errno(f->fault, FAULT_NOINPUT, errno, "%s", f->path);
	else if (!S_ISREG(st.st_mode))
		fault_set(f->fault, FAULT_DATA, "%s: not a regular file",
		    f->path);
	else if (st.st_size < 2 * 512)
		fault_set(f->fault, FAULT_DATA, "%s: not a tlspolicy store "
		    "(%lld bytes)", f->path, (long long)st.st_size);
	else {
		void *map = mmap(NULL, (size_t)st.st_size, PROT_READ,
		    MAP_SHARED, fd, 0);

		good = map != MAP_FAILED;
		f->map = map;
		f->size = (size_t)st.st_size;
		if (!good)
			fault_errno(f->fault, FAULT_IO, errno, "%s", f->path);
	}
	if (fd >= 0)
		close(fd);
	return good;
}

static bool
read_meta(const struct file *f, size_t at, struct meta *meta)
{
	struct page_head head;

	if (at + PAGE_HEAD + sizeof *meta > f->size)
		return false;
	memcpy(&head, f->map + at, sizeof head);
	memcpy(meta, f->map + at + PAGE_HEAD, sizeof *meta);
	return (head.flags & FLAG_META) != 0 &&
	    meta->magic == (uint32_t)LMDB_MAGIC &&
	    meta->version == LMDB_VERSION;
}

/* LMDB's magic in the other byte order, or of another word size. */
static bool
is_foreign(const struct file *f)
{
	static const unsigned char magic[2][4] = {
		{ 0xbe, 0xef, 0xc0, 0xde }, { 0xde, 0xc0, 0xef, 0xbe }
	};

	for (size_t at = 12; at <= 16; at += 4)
		for (int order = 0; order < 2; order++)
			if (memcmp(f->map + at, magic[order],
			    sizeof magic[order]) == 0)
				return true;
	return false;
}

/* Fills page_size; both headers must be there. */
static bool
read_metas(struct file *f, struct meta metas[2])
{
	if (!read_meta(f, 0, &metas[0]))
		return fault_set(f->fault, FAULT_DATA, is_foreign(f) ?
		    "%s: not a store of this kind of machine, or damaged; "
		    "remove it and build the store again" :
		    "%s: not a tlspolicy store", f->path);
	f->page_size = metas[0].free.pad;
	if (f->page_size < 512 || f->page_size > 65536 ||
	    (f->page_size & (f->page_size - 1)) != 0)
		return damaged(f, 0, "impossible page size");
	if (!read_meta(f, f->page_size, &metas[1]) ||
	    metas[1].free.pad != f->page_size)
		return damaged(f, 1, "no header");
	return true;
}

static bool
check_length(struct file *f, const struct meta *meta)
{
	size_t there = f->size / f->page_size;

	f->pages = meta->last_page + 1;
	if (meta->last_page < there)
		return true;
	return fault_set(f->fault, FAULT_DATA, "%s: cut off (%zu of %zu "
	    "pages); remove it and build the store again", f->path, there,
	    f->pages);
}

/* Commits write the headers in turn, each a number higher. */
static bool
check_turns(const struct file *f, const struct meta metas[2])
{
	size_t a = metas[0].txnid, b = metas[1].txnid;

	return (a == 0 && b == 0) ||
	    (a % 2 == 0 && (b == a + 1 || b == a - 1)) ||
	    damaged(f, 0, "two headers that do not fit");
}

bool
store_check_file(const char *path, struct fault *fault)
{
	struct file f = { .path = path, .fault = fault };
	struct meta metas[2];
	bool good;

	if (!map_file(&f))
		return false;
	good = read_metas(&f, metas) &&
	    check_length(&f, &metas[metas[1].txnid > metas[0].txnid]);
	munmap((void *)(uintptr_t)f.map, f.size);
	return good;
}

static bool
mark(struct file *f, size_t page, size_t count)
{
	if (page < 2 || page >= f->pages || count > f->pages - page)
		return damaged(f, page, "not in the file");
	for (size_t p = page; p < page + count; p++) {
		if (f->seen[p / 8] & 1U << p % 8)
			return damaged(f, p, "used twice");
		f->seen[p / 8] |= (unsigned char)(1U << p % 8);
	}
	return true;
}

static bool
check_overflow(struct file *f, size_t page, size_t size)
{
	size_t count = (PAGE_HEAD - 1 + size) / f->page_size + 1;
	struct page_head head;

	if (!mark(f, page, count))
		return false;
	memcpy(&head, f->map + page * f->page_size, sizeof head);
	if (head.number != page || head.flags != FLAG_OVERFLOW)
		return damaged(f, page, "not a page of long values");
	f->counted.overflows += count;
	return true;
}

/*
 * A value of the free list: how many pages, then their numbers, falling.  A
 * writer overwrites them, so they must not be in use.
 */
static bool
check_free_pages(struct file *f, size_t page, const unsigned char *value,
    size_t size)
{
	size_t n, number, last = NO_PAGE;

	if (size < sizeof n)
		return damaged(f, page, "a list of free pages cut short");
	memcpy(&n, value, sizeof n);
	if (n > size / sizeof n - 1)
		return damaged(f, page, "a list of free pages cut short");
	for (size_t i = 1; i <= n; i++, last = number) {
		memcpy(&number, value + i * sizeof number, sizeof number);
		if (number >= last)
			return damaged(f, page, "free pages out of order");
		if (!mark(f, number, 1))
			return false;
	}
	return true;
}

struct node {
	struct slice_of_key {
		const unsigned char *p;
		size_t n;
	} key;
	size_t child; /* of a branch */
	size_t size;	/* in the page */
	const unsigned char *value; /* of a leaf */
	size_t value_size;
};

/* The value behind a leaf's key, in the page or on pages of its own. */
static bool
read_value(struct file *f, size_t page, unsigned flags, size_t size,
    size_t room, struct node *node)
{
	const unsigned char *value = node->key.p + node->key.n;
	size_t first;

	if (flags == NODE_BIGDATA) {
		if (room < sizeof first || size > f->size)
			return damaged(f, page, "a value outside the page");
		memcpy(&first, value, sizeof first);
		if (!check_overflow(f, first, size))
			return false;
		value = f->map + first * f->page_size + PAGE_HEAD;
		node->size += sizeof first;
	} else if (flags != 0 || size > room)
		return damaged(f, page, "a value outside the page");
	else
		node->size += size;
	node->value = value;
	node->value_size = size;
	return !f->free_list || check_free_pages(f, page, value, size);
}

/* The node at `offset` of a page, not below `lowest`. */
static bool
read_node(struct file *f, size_t page, bool leaf, size_t lowest,
    size_t offset, struct node *node)
{
	const unsigned char *at = f->map + page * f->page_size + offset;
	struct node_head head;
	size_t room = f->page_size - offset;

	if (offset < lowest || offset % 2 != 0 ||
	    offset + NODE_HEAD > f->page_size)
		return damaged(f, page, "a node outside the page");
	memcpy(&head, at, sizeof head);
	node->key.p = at + NODE_HEAD;
	node->key.n = head.key_size;
	node->child = node_child(&head);
	if (node->key.n > KEY_SIZE_MAX || NODE_HEAD + node->key.n > room)
		return damaged(f, page, "a key outside the page");
	node->size = NODE_HEAD + node->key.n;
	return !leaf || read_value(f, page, head.high, head.low,
	    room - node->size, node);
}

static void
add_entry(struct file *f, const struct node *node)
{
	MDB_val key = { node->key.n, (void *)(uintptr_t)node->key.p };
	MDB_val value = { node->value_size, (void *)(uintptr_t)node->value };
	struct slice name = slice_make(key.mv_data, key.mv_size);

	if (f->free_list || format_is_apart(name))
		return;
	if (name.n == 2 && format_is(name, FORMAT_INFO))
		f->info = slice_make(value.mv_data, value.mv_size);
	else
		f->sum += format_sum(&key, &value);
}

static bool check_page(struct file *, size_t page, unsigned left);

static bool
check_nodes(struct file *f, size_t page, const struct page_head *head,
    unsigned left)
{
	const unsigned char *at = f->map + page * f->page_size + PAGE_HEAD;
	struct node node = { { NULL, 0 }, 0, 0, NULL, 0 };
	unsigned n = (head->lower - PAGE_HEAD) / 2U;
	size_t used = head->upper;
	bool leaf = left == 1;

	for (unsigned i = 0; i < n; i++) {
		uint16_t offset;

		memcpy(&offset, at + i * sizeof offset, sizeof offset);
		if (!read_node(f, page, leaf, head->upper, offset, &node))
			return false;
		used += node.size + node.size % 2;
		/* The first key of a branch page stands for "below all". */
		if ((leaf || i > 0) && !keysorder_next(&f->order, slice_make(
		    (const char *)node.key.p, node.key.n), leaf))
			return damaged(f, page, "keys out of order");
		if (leaf)
			add_entry(f, &node);
		else if (!check_page(f, node.child, left - 1))
			return false;
	}
	f->counted.entries += leaf ? n : 0;
	/* Nodes stand side by side, so that none lies over another. */
	return used == f->page_size ||
	    damaged(f, page, "nodes that do not fill it");
}

/* `left`: levels from here to the leaves, 1 on a leaf. */
static bool
check_page(struct file *f, size_t page, unsigned left)
{
	struct page_head head;
	bool leaf = left == 1;

	if (!mark(f, page, 1))
		return false;
	memcpy(&head, f->map + page * f->page_size, sizeof head);
	if (head.number != page ||
	    head.flags != (leaf ? FLAG_LEAF : FLAG_BRANCH))
		return damaged(f, page, "not what its parent says");
	if (head.lower < PAGE_HEAD || head.lower > head.upper ||
	    head.upper > f->page_size || head.lower % 2 != 0)
		return damaged(f, page, "impossible bounds");
	if (!leaf && head.lower < PAGE_HEAD + 2 * sizeof(uint16_t))
		return damaged(f, page, "a branch without two children");
	*(leaf ? &f->counted.leaves : &f->counted.branches) += 1;
	return check_nodes(f, page, &head, left);
}

static bool
check_counts(const struct file *f, const struct tree *tree)
{
	return (tree->branches == f->counted.branches &&
	    tree->leaves == f->counted.leaves &&
	    tree->overflows == f->counted.overflows &&
	    tree->entries == f->counted.entries) ||
	    damaged(f, 0, "pages or entries are missing");
}

static bool
check_tree(struct file *f, const struct tree *tree, bool free_list)
{
	f->free_list = free_list;
	keysorder_init(&f->order, free_list);
	memset(&f->counted, 0, sizeof f->counted);
	/* Above the low byte LMDB keeps flags of the environment there. */
	if ((tree->flags & 0xff) != (free_list ? TREE_INTEGERKEY : 0) ||
	    tree->depth > DEPTH_MAX)
		return damaged(f, 0, "impossible tree");
	if ((tree->root == NO_PAGE) != (tree->depth == 0))
		return damaged(f, 0, "impossible root");
	return (tree->depth == 0 ||
	    check_page(f, tree->root, tree->depth)) &&
	    check_counts(f, tree);
}

/* The sum of all entries is the one in the info. */
static bool
check_contents(struct file *f, uint64_t txnid)
{
	struct format_info info;

	return format_read_info(f->info, f->path, &info, f->fault) &&
	    ((info.check == format_check(&info, sizeof info) &&
	    info.sum == f->sum && info.txnid == txnid) || fault_set(f->fault, FAULT_DATA,
	    "%s: damaged (its contents are not what was written); remove it "
	    "and build the store again", f->path));
}

static bool
check_snapshot(struct file *f, uint64_t txnid, bool contents, bool *gone)
{
	struct meta metas[2];
	const struct meta *meta;
	bool good;

	if (!read_metas(f, metas))
		return false;
	meta = &metas[txnid % 2]; /* LMDB writes header txnid & 1 */
	if (meta->txnid != txnid) {
		*gone = true;
		return true;
	}
	f->seen = calloc(1, f->size / f->page_size / 8 + 1);
	if (f->seen == NULL)
		return fault_no_memory(f->fault);
	good = check_turns(f, metas) && check_length(f, meta) &&
	    check_tree(f, &meta->free, true) &&
	    check_tree(f, &meta->main, false) &&
	    (!contents || check_contents(f, txnid));
	free(f->seen);
	return good;
}

static bool
check(const char *path, uint64_t txnid, bool contents, bool *gone,
    struct fault *fault)
{
	struct file f = { .path = path, .fault = fault };
	bool good;

	*gone = false;
	if (!map_file(&f))
		return false;
	good = check_snapshot(&f, txnid, contents, gone);
	munmap((void *)(uintptr_t)f.map, f.size);
	return good;
}

bool
store_check_pages(const char *path, uint64_t txnid, bool *gone,
    struct fault *fault)
{
	return check(path, txnid, false, gone, fault);
}

bool
store_check_mapped(const char *path, const unsigned char *map, size_t size,
    uint64_t txnid, bool *gone, struct fault *fault)
{
	struct file f = { .path = path, .map = map, .size = size,
		.fault = fault };

	*gone = false;
	return check_snapshot(&f, txnid, true, gone);
}

bool
store_check_number(const char *path, uint64_t *txnid, struct fault *fault)
{
	struct file f = { .path = path, .fault = fault };
	struct meta metas[2];
	bool good;

	if (!map_file(&f))
		return false;
	good = read_metas(&f, metas);
	if (good)
		*txnid = metas[metas[1].txnid > metas[0].txnid].txnid;
	munmap((void *)(uintptr_t)f.map, f.size);
	return good;
}

bool
store_check_newest(const char *path, uint64_t *txnid, struct fault *fault)
{
	bool gone;

	return store_check_number(path, txnid, fault) &&
	    check(path, *txnid, true, &gone, fault) &&
	    (!gone || fault_set(fault, FAULT_UNAVAILABLE,
	    "%s: written to while it was checked", path));
}
