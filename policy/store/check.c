/*
 * The layout of LMDB 0.9's file, as its mdb.c describes it: pages of one
 * size, the first two of them with a copy of the header each, of which the one
 * with the larger transaction number is in force.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/store/check.h"

enum {
	LMDB_MAGIC = (int)0xBEEFC0DE,
	LMDB_VERSION = 1,
	PAGE_HEAD = 16,
	NODE_HEAD = 8,
	DEPTH_MAX = 32,
	FLAG_BRANCH = 0x01,
	FLAG_LEAF = 0x02,
	FLAG_OVERFLOW = 0x04,
	FLAG_META = 0x08,
	NODE_BIGDATA = 0x01,
	TREE_INTEGERKEY = 0x08,
	KEY_SIZE_MAX = 511
};

#define NO_PAGE UINT64_MAX

struct page_head {
	uint64_t number;
	uint16_t pad, flags;
	uint16_t lower, upper; /* of overflow pages: their number, 32 bits */
};

struct tree {
	uint32_t pad; /* of the free list's tree: the page size */
	uint16_t flags, depth;
	uint64_t branches, leaves, overflows, entries, root;
};

struct meta {
	uint32_t magic, version;
	uint64_t address, map_size;
	struct tree free, main;
	uint64_t last_page, txnid;
};

struct file {
	const char *path;
	const unsigned char *map;
	size_t size, page_size;
	uint64_t pages;
	unsigned char *seen; /* a bit for each page */
	bool ordered;	     /* keys are in memcmp order */
	struct fault *fault;
};

static bool
damaged(const struct file *f, uint64_t page, const char *what)
{
	return fault_set(f->fault, FAULT_DATA, "%s: damaged (page %llu: %s); "
	    "remove it and build the store again", f->path,
	    (unsigned long long)page, what);
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

/* Fills page_size; both headers must be there. */
static bool
read_metas(struct file *f, struct meta metas[2])
{
	if (!read_meta(f, 0, &metas[0]))
		return fault_set(f->fault, FAULT_DATA,
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
	f->pages = f->size / f->page_size;
	if (meta->last_page < f->pages)
		return true;
	return fault_set(f->fault, FAULT_DATA, "%s: cut off (%llu of %llu "
	    "pages); remove it and build the store again", f->path,
	    (unsigned long long)f->pages,
	    (unsigned long long)meta->last_page + 1);
}

bool
check_file(const char *path, struct fault *fault)
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
mark(struct file *f, uint64_t page, uint64_t count)
{
	if (page < 2 || page >= f->pages || count > f->pages - page)
		return damaged(f, page, "not in the file");
	for (uint64_t p = page; p < page + count; p++) {
		if (f->seen[p / 8] & 1U << p % 8)
			return damaged(f, p, "used twice");
		f->seen[p / 8] |= (unsigned char)(1U << p % 8);
	}
	return true;
}

static bool
check_overflow(struct file *f, uint64_t page, size_t size)
{
	size_t count = (PAGE_HEAD - 1 + size) / f->page_size + 1;
	struct page_head head;

	if (!mark(f, page, count))
		return false;
	memcpy(&head, f->map + page * f->page_size, sizeof head);
	if (head.number != page || head.flags != FLAG_OVERFLOW)
		return damaged(f, page, "not a page of long values");
	return true;
}

struct node {
	struct slice_of_key {
		const unsigned char *p;
		size_t n;
	} key;
	uint64_t child; /* of a branch */
};

/* The node at `offset` of a page; follows a long value. */
static bool
read_node(struct file *f, uint64_t page, bool leaf, size_t offset,
    struct node *node)
{
	const unsigned char *at = f->map + page * f->page_size + offset;
	uint16_t part[4];
	size_t size, room = f->page_size - offset;

	if (offset < PAGE_HEAD || offset + NODE_HEAD > f->page_size)
		return damaged(f, page, "a node outside the page");
	memcpy(part, at, sizeof part);
	node->key.p = at + NODE_HEAD;
	node->key.n = part[3];
	size = (size_t)part[0] | (size_t)part[1] << 16;
	node->child = size | (uint64_t)part[2] << 32;
	if (node->key.n > KEY_SIZE_MAX || NODE_HEAD + node->key.n > room)
		return damaged(f, page, "a key outside the page");
	if (!leaf)
		return true;
	room -= NODE_HEAD + node->key.n;
	if (part[2] == NODE_BIGDATA) {
		uint64_t first;

		if (room < sizeof first)
			return damaged(f, page, "a value outside the page");
		memcpy(&first, node->key.p + node->key.n, sizeof first);
		return check_overflow(f, first, size);
	}
	if (part[2] != 0 || size > room)
		return damaged(f, page, "a value outside the page");
	return true;
}

static bool
in_order(const struct node *a, const struct node *b)
{
	size_t n = a->key.n < b->key.n ? a->key.n : b->key.n;
	int order = n == 0 ? 0 : memcmp(a->key.p, b->key.p, n);

	return order < 0 || (order == 0 && a->key.n < b->key.n);
}

static bool check_page(struct file *, uint64_t page, unsigned left);

static bool
check_nodes(struct file *f, uint64_t page, bool leaf, unsigned n,
    unsigned left)
{
	const unsigned char *at = f->map + page * f->page_size + PAGE_HEAD;
	struct node node, last = { { NULL, 0 }, 0 };

	for (unsigned i = 0; i < n; i++) {
		uint16_t offset;

		memcpy(&offset, at + i * sizeof offset, sizeof offset);
		if (!read_node(f, page, leaf, offset, &node))
			return false;
		/* The first key of a branch page stands for "below all". */
		if (f->ordered && i > (leaf ? 0 : 1) &&
		    !in_order(&last, &node))
			return damaged(f, page, "keys out of order");
		last = node;
		if (!leaf && !check_page(f, node.child, left - 1))
			return false;
	}
	return true;
}

/* `left`: levels from here to the leaves, 1 on a leaf. */
static bool
check_page(struct file *f, uint64_t page, unsigned left)
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
	return check_nodes(f, page, leaf, (head.lower - PAGE_HEAD) / 2U,
	    left);
}

static bool
check_tree(struct file *f, const struct tree *tree, bool free_list)
{
	/* The keys of the free list are numbers in the machine's order. */
	f->ordered = !free_list;
	/* Above the low byte LMDB keeps flags of the environment there. */
	if ((tree->flags & 0xff) != (free_list ? TREE_INTEGERKEY : 0) ||
	    tree->depth > DEPTH_MAX)
		return damaged(f, 0, "impossible tree");
	if (tree->root == NO_PAGE || tree->depth == 0)
		return (tree->root == NO_PAGE && tree->depth == 0) ||
		    damaged(f, 0, "impossible root");
	return check_page(f, tree->root, tree->depth);
}

static bool
check_snapshot(struct file *f, uint64_t txnid, bool *gone)
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
		return fault_set(f->fault, FAULT_UNAVAILABLE, "out of memory");
	good = check_length(f, meta) && check_tree(f, &meta->free, true) &&
	    check_tree(f, &meta->main, false);
	free(f->seen);
	return good;
}

bool
check_pages(const char *path, uint64_t txnid, bool *gone,
    struct fault *fault)
{
	struct file f = { .path = path, .fault = fault };
	bool good;

	*gone = false;
	if (!map_file(&f))
		return false;
	good = check_snapshot(&f, txnid, gone);
	munmap((void *)(uintptr_t)f.map, f.size);
	return good;
}
