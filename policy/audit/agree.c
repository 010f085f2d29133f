#include <string.h>

#include "policy/audit/agree.h"

void
agree_init(struct agree *a, const struct checkpoints *all,
    struct chain *hasher)
{
	memset(a, 0, sizeof *a);
	a->all = all;
	a->hasher = hasher;
}

static const struct checkpoint *
next(const struct agree *a)
{
	return a->next < a->all->n ? &a->all->list[a->next] : NULL;
}

static bool
differs(const struct checkpoint *c, struct text *what, const char *how)
{
	text_printf(what, "line %llu is not what the checkpoint of %s has "
	    "signed: %s", (unsigned long long)c->head.seq, c->time, how);
	return false;
}

/* In front of the first line: what its link leads to can be compared. */
static bool
pass_older(struct agree *a, struct slice line, uint64_t seq, struct text *what)
{
	const struct checkpoint *c;
	struct chain_link link;
	bool is_link = chain_parse_link(line, &link);

	for (; (c = next(a)) != NULL && c->head.seq < seq; a->next++) {
		if (!is_link || link.torn > 0 || c->head.seq != seq - 1) {
			a->older++;
			continue;
		}
		if (memcmp(link.previous, c->head.hex, CHAIN_HEX) != 0)
			return differs(c, what, "the link is to another line");
		a->agreed++;
		a->last = c;
	}
	return true;
}

/* Lines of the next checkpoint's tree. */
static bool
grow(struct agree *a, struct slice line, uint64_t seq)
{
	const struct checkpoint *c = next(a);
	char leaf[CHAIN_HEX + 1];

	if (c != NULL && c->first == seq) {
		merkle_init(&a->tree);
		a->first = seq;
	} else if (a->tree.n == 0)
		return true;
	return merkle_leaf(a->hasher, line, leaf) &&
	    merkle_add(&a->tree, a->hasher, leaf);
}

bool
agree_line(struct agree *a, struct slice line, const struct chain_line *parts,
    struct text *what)
{
	const struct checkpoint *c;
	char root[CHAIN_HEX + 1];

	if (!pass_older(a, line, parts->seq, what))
		return false;
	if (!grow(a, line, parts->seq)) {
		text_puts(what, "OpenSSL failed");
		return false;
	}
	for (; (c = next(a)) != NULL && c->head.seq == parts->seq; a->next++) {
		if (memcmp(c->head.hex, parts->hex.p, CHAIN_HEX) != 0)
			return differs(c, what, "it has another head");
		if (a->tree.n > 0 && a->first == c->first &&
		    (!merkle_root(&a->tree, a->hasher, root) ||
		    strcmp(root, c->root) != 0))
			return differs(c, what, "one of the lines up to it was "
			    "changed");
		a->agreed++;
		a->last = c;
	}
	return true;
}

bool
agree_end(struct agree *a, uint64_t last, struct text *what)
{
	const struct checkpoint *c = next(a);

	if (c == NULL)
		return true;
	c = &a->all->list[a->all->n - 1];
	text_printf(what, "lines %llu to %llu are missing at the end: the "
	    "checkpoint of %s has signed them", (unsigned long long)last + 1,
	    (unsigned long long)c->head.seq, c->time);
	return false;
}
