/*
 * Sorted by the numbers of their first lines the files of every chain come in
 * its order, whichever files of others stand between them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/audit/chains.h"

/* A node's first record stands near the link, or is not looked for. */
enum { LINES_MAX = 4096 };

struct file {
	const char *path;
	uint64_t seq; /* of the first sealed line; UINT64_MAX: there is none */
	struct chain_link link;
	bool linked, empty;
	char node[VERIFY_NODE_MAX]; /* of the first record, or "" */
};

static void
look_at(struct file *f, struct slice line)
{
	struct slice node = chain_node(line);
	struct chain_line parts;

	if (!chain_split(line, &parts))
		return;
	if (f->seq == UINT64_MAX) {
		f->seq = parts.seq;
		f->linked = chain_parse_link(line, &f->link);
		f->link.why = slice_make("", 0);
	}
	if (node.n > 0 && node.n < sizeof f->node)
		snprintf(f->node, sizeof f->node, "%.*s", (int)node.n, node.p);
}

/* Standard input cannot be looked at beforehand, and needs not. */
static bool
look(struct file *f, struct fault *fault)
{
	enum source_result result = SOURCE_LINE;
	struct source *source;
	struct slice line;
	int lines = 0;
	bool ended;

	f->seq = UINT64_MAX;
	if (strcmp(f->path, "-") == 0)
		return true;
	if ((source = source_open(f->path, fault)) == NULL)
		return false;
	for (; lines < LINES_MAX && f->node[0] == '\0' &&
	    (result = source_next(source, &line, &ended, fault)) ==
	    SOURCE_LINE; lines++)
		look_at(f, line);
	f->empty = lines == 0 && result == SOURCE_END;
	source_close(source);
	return result != SOURCE_FAILED;
}

/*
 * By number; a new file whose first line was torn is the last.  Of several nodes
 * then by name, so that the order in which they were named tells nothing.
 */
static int
compare(const void *pa, const void *pb)
{
	const struct file *a = pa, *b = pb;
	int order = (a->seq > b->seq) - (a->seq < b->seq);

	if (order == 0)
		order = strcmp(a->node, b->node);
	return order != 0 ? order : strcmp(a->path, b->path);
}

/*
 * Notes a file that cannot be read; the others are verified all the same.
 * False: there are none, or no memory.
 */
static bool
note_unread(struct chains *c, const struct fault *fault, size_t n)
{
	if (c->unread++ == 0)
		c->unread_kind = fault->kind;
	return n > 1 && fault->kind != FAULT_UNAVAILABLE;
}

/* Those of `n` files that can be opened, in order; *good is how many. */
static struct file *
in_order(struct chains *c, void (*unreadable)(const struct fault *),
    char *const *paths, size_t n, size_t *good, struct fault *fault)
{
	struct file *list = calloc(n, sizeof *list);

	*good = 0;
	if (list == NULL) {
		fault_no_memory(fault);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		struct file *f = &list[*good];

		*f = (struct file){ .path = paths[i] };
		if (look(f, fault)) {
			++*good;
			continue;
		}
		if (!note_unread(c, fault, n)) {
			free(list);
			return NULL;
		}
		unreadable(fault);
	}
	qsort(list, *good, sizeof *list, compare);
	return list;
}

static bool
are_of_one(const struct file *list, size_t n)
{
	const char *node = "";

	for (size_t i = 0; i < n; i++) {
		if (node[0] != '\0' && list[i].node[0] != '\0' &&
		    strcmp(node, list[i].node) != 0)
			return false;
		if (list[i].node[0] != '\0')
			node = list[i].node;
	}
	return true;
}

static bool
has_node(const struct verification *v, const char *node)
{
	for (size_t i = 0; i < v->nodes; i++)
		if (strcmp(v->node[i], node) == 0)
			return true;
	return false;
}

/* Does the file's link lead to where the chain is? */
static bool
goes_on(const struct verification *v, const struct file *f)
{
	return v->kind == BREAK_NONE && f->linked &&
	    (memcmp(v->head.hex, f->link.previous, CHAIN_HEX) == 0 ||
	    (v->head.torn > 0 &&
	    memcmp(v->before.hex, f->link.previous, CHAIN_HEX) == 0));
}

/* The chain that the file belongs to; NULL: it begins another. */
static struct verification *
chain_of(const struct chains *c, const struct file *f)
{
	for (size_t i = 0; i < c->n; i++)
		if (goes_on(&c->list[i], f))
			return &c->list[i];
	for (size_t i = 0; i < c->n; i++)
		if (f->node[0] != '\0' && has_node(&c->list[i], f->node))
			return &c->list[i];
	return c->n == 1 && (f->node[0] == '\0' || c->list[0].nodes == 0) ?
	    &c->list[0] : NULL;
}

/* NULL: out of memory. */
static struct verification *
begin(struct chains *c, const struct verification *model, const struct file *f)
{
	struct verification *v = &c->list[c->n];

	*v = *model;
	if (model->checkpoints != NULL && (v->agree = agree_new(
	    model->checkpoints, keyring_plain(model->keys), f->node,
	    c->alone)) == NULL)
		return NULL;
	c->n++;
	/*
	 * A chain that breaks before its first record is known by its node all
	 * the same.
	 */
	if (f->node[0] != '\0')
		snprintf(v->node[v->nodes++], VERIFY_NODE_MAX, "%s", f->node);
	return v;
}

static void
count(void *arg)
{
	struct chains *c = arg;

	c->lines += VERIFY_PROGRESS;
}

/* False: as note_unread(). */
static bool
verify_one(struct chains *c, struct verification *v, const char *path,
    size_t n, struct fault *fault)
{
	if (verify_file(v, path, fault) || v->kind != BREAK_NONE)
		return true;
	v->kind = BREAK_UNREAD;
	v->line = v->last_line + 1;
	snprintf(v->file, sizeof v->file, "%s", path);
	snprintf(v->what, sizeof v->what, "cannot be read on: %.200s",
	    fault->text);
	return note_unread(c, fault, n);
}

bool
chains_verify(struct chains *c, const struct verification *model,
    void (*unreadable)(const struct fault *), char *const *paths, size_t n,
    struct fault *fault)
{
	struct file *files;
	size_t opened;
	bool good;

	memset(c, 0, sizeof *c);
	files = in_order(c, unreadable, paths, n, &opened, fault);
	good = files != NULL;
	c->alone = good && are_of_one(files, opened);
	if (good && ((c->list = calloc(n, sizeof *c->list)) == NULL ||
	    (c->empty = calloc(n, sizeof *c->empty)) == NULL))
		good = fault_no_memory(fault);
	for (size_t i = 0; good && i < opened; i++) {
		struct verification *v = chain_of(c, &files[i]);

		if (files[i].empty)
			c->empty[c->nempty++] = files[i].path;
		if (v == NULL && (v = begin(c, model, &files[i])) == NULL) {
			good = fault_no_memory(fault);
			break;
		}
		if (v->kind != BREAK_NONE)
			continue;
		v->progress = count;
		v->progress_arg = c;
		good = verify_one(c, v, files[i].path, n, fault);
	}
	free(files);
	return good;
}

void
chains_free(struct chains *c)
{
	for (size_t i = 0; i < c->n; i++)
		agree_free(c->list[i].agree);
	free(c->list);
	free(c->empty);
}
