/*
 * layout.h - the layout of LMDB 0.9's file, as its mdb.c describes it; only for
 * the files of policy/store.
 *
 * Pages of one size, the first two of them with a copy of the header each, of
 * which the one with the larger transaction number is in force.  Numbers are
 * as the machine has them, in its order of bytes and, those of pages, in the
 * width of its addresses.
 */
#ifndef TLSPOLICY_LAYOUT_H
#define TLSPOLICY_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

enum {
	LMDB_MAGIC = (int)0xBEEFC0DE,
	LMDB_VERSION = 1,
	DEPTH_MAX = 32,
	FLAG_BRANCH = 0x01,
	FLAG_LEAF = 0x02,
	FLAG_OVERFLOW = 0x04,
	FLAG_META = 0x08,
	NODE_BIGDATA = 0x01,
	TREE_INTEGERKEY = 0x08,
	KEY_SIZE_MAX = 511
};

#define NO_PAGE SIZE_MAX

struct page_head {
	size_t number;
	uint16_t pad, flags;
	uint16_t lower, upper; /* of overflow pages: their number, 32 bits */
};

struct tree {
	uint32_t pad; /* of the free list's tree: the page size */
	uint16_t flags, depth;
	size_t branches, leaves, overflows, entries, root;
};

struct meta {
	uint32_t magic, version;
	void *address;
	size_t map_size;
	struct tree free, main;
	size_t last_page, txnid;
};

struct node_head {
	uint32_t low; /* size of a value, or low half of a page's number */
	uint16_t high; /* flags, or high half */
	uint16_t key_size;
};

enum {
	PAGE_HEAD = sizeof(struct page_head),
	NODE_HEAD = sizeof(struct node_head)
};

static inline size_t
node_child(const struct node_head *head)
{
	size_t child = head->low;

	if (sizeof child > sizeof head->low)
		child |= (size_t)((uint64_t)head->high << 32);
	return child;
}

#endif
