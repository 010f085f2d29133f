#include <stdlib.h>
#include <string.h>

#include "policy/audit/agree.h"
#include "policy/audit/merkle.h"

struct agree_side {
	const struct checkpoints_origin *origin;
	size_t next;	     /* of origin->list, to be compared */
	struct merkle *tree; /* of the lines from `first` on; NULL: none */
	uint64_t first;
	uint64_t older;
	bool known; /* the log is one of its */
};

/* How a line stands to the checkpoints of an origin. */
enum side_result { SIDE_FITS, SIDE_DIFFERS, SIDE_FAILED };

static bool
is_of(const char *node, const char *origin)
{
	size_t n = strlen(node);

	return n > 0 && strncmp(origin, node, n) == 0 &&
	    (origin[n] == '\0' || origin[n] == '/');
}

static void
know(struct agree *a, struct agree_side *s)
{
	a->known += !s->known;
	s->known = true;
}

static void
note_agreed(struct agree *a, const struct checkpoint *c)
{
	a->agreed++;
	if (a->last == NULL || c->head.seq > a->last->head.seq)
		a->last = c;
}

struct agree *
agree_new(const struct checkpoints *all, struct chain *hasher,
    const char *node, bool alone)
{
	struct agree *a = calloc(1, sizeof *a);
	bool named = false, all_known;

	if (a == NULL || (a->sides = calloc(all->norigins,
	    sizeof *a->sides)) == NULL) {
		free(a);
		return NULL;
	}
	a->hasher = hasher;
	for (size_t i = 0; i < all->norigins; i++)
		named = named || is_of(node, all->origins[i].list[0].origin);
	for (size_t i = 0; i < all->norigins; i++)
		if (!named || is_of(node, all->origins[i].list[0].origin))
			a->sides[a->n++].origin = &all->origins[i];
	all_known = named || (alone && a->n == 1);
	for (size_t i = 0; all_known && i < a->n; i++)
		know(a, &a->sides[i]);
	return a;
}

void
agree_free(struct agree *a)
{
	for (size_t i = 0; a != NULL && i < a->n; i++)
		free(a->sides[i].tree);
	if (a != NULL)
		free(a->sides);
	free(a);
}

static const struct checkpoint *
next(const struct agree_side *s)
{
	return s->next < s->origin->n ? &s->origin->list[s->next] : NULL;
}

static enum side_result
differs(const struct checkpoint *c, struct text *what, const char *how)
{
	text_clear(what);
	text_printf(what, "line %llu is not what the checkpoint of %s has "
	    "signed: %s", (unsigned long long)c->head.seq, c->time, how);
	return SIDE_DIFFERS;
}

/*
 * Before the first line: its link's head can be compared with older
 * checkpoints.
 */
static enum side_result
pass_older(struct agree *a, struct agree_side *s, struct slice line,
    uint64_t seq, struct text *what)
{
	const struct checkpoint *c;
	struct chain_link link;
	bool is_link = chain_parse_link(line, &link);

	for (; (c = next(s)) != NULL && c->head.seq < seq; s->next++) {
		if (!is_link || link.torn > 0 || c->head.seq != seq - 1) {
			s->older++;
			continue;
		}
		if (memcmp(link.previous, c->head.hex, CHAIN_HEX) != 0)
			return differs(c, what, "the link is to another line");
		know(a, s);
		note_agreed(a, c);
	}
	return SIDE_FITS;
}

static bool
start_tree(struct agree_side *s, uint64_t seq)
{
	if (s->tree == NULL && (s->tree = malloc(sizeof *s->tree)) == NULL)
		return false;
	merkle_init(s->tree);
	s->first = seq;
	return true;
}

/* Lines of the next checkpoint's tree; `leaf` is made once for all sides. */
static bool
grow(struct agree *a, struct agree_side *s, struct slice line, uint64_t seq,
    char leaf[CHAIN_HEX + 1])
{
	const struct checkpoint *c = next(s);

	if (c != NULL && c->first == seq) {
		if (!start_tree(s, seq))
			return false;
	} else if (s->tree == NULL)
		return true;
	if (leaf[0] == '\0' && !merkle_leaf(a->hasher, line, leaf))
		return false;
	return merkle_add(s->tree, a->hasher, leaf);
}

static enum side_result
compare_line(struct agree *a, struct agree_side *s,
    const struct chain_line *parts, struct text *what)
{
	const struct checkpoint *c;
	char root[CHAIN_HEX + 1];

	for (; (c = next(s)) != NULL && c->head.seq == parts->seq; s->next++) {
		if (memcmp(c->head.hex, parts->hex.p, CHAIN_HEX) != 0)
			return differs(c, what, "it has another head");
		know(a, s);
		if (s->tree != NULL && s->first == c->first &&
		    !merkle_root(s->tree, a->hasher, root))
			return SIDE_FAILED;
		if (s->tree != NULL && s->first == c->first &&
		    strcmp(root, c->root) != 0)
			return differs(c, what, "one of the lines up to it was "
			    "changed");
		note_agreed(a, c);
	}
	return SIDE_FITS;
}

static enum side_result
side_line(struct agree *a, struct agree_side *s, struct slice line,
    const struct chain_line *parts, char leaf[CHAIN_HEX + 1], struct text *what)
{
	if (pass_older(a, s, line, parts->seq, what) == SIDE_DIFFERS)
		return SIDE_DIFFERS;
	if (!grow(a, s, line, parts->seq, leaf))
		return SIDE_FAILED;
	return compare_line(a, s, parts, what);
}

static void
drop(struct agree *a, size_t i)
{
	free(a->sides[i].tree);
	memmove(a->sides + i, a->sides + i + 1,
	    (--a->n - i) * sizeof *a->sides);
}

bool
agree_line(struct agree *a, struct slice line, const struct chain_line *parts,
    struct text *what)
{
	char leaf[CHAIN_HEX + 1] = "";

	a->older = 0;
	for (size_t i = 0; i < a->n; ) {
		struct agree_side *s = &a->sides[i];
		enum side_result r = side_line(a, s, line, parts, leaf, what);

		a->failed = r == SIDE_FAILED;
		if (a->failed || (r == SIDE_DIFFERS && s->known))
			return false;
		if (r == SIDE_DIFFERS) {
			drop(a, i);
			continue;
		}
		a->older += s->known ? s->older : 0;
		i++;
	}
	return true;
}

bool
agree_end(struct agree *a, uint64_t last, struct text *what)
{
	const struct checkpoint *c;

	for (size_t i = 0; i < a->n; i++) {
		if (!a->sides[i].known || next(&a->sides[i]) == NULL)
			continue;
		c = &a->sides[i].origin->list[a->sides[i].origin->n - 1];
		text_printf(what, "lines %llu to %llu are missing at the end: "
		    "the checkpoint of %s has signed them",
		    (unsigned long long)last + 1,
		    (unsigned long long)c->head.seq, c->time);
		return false;
	}
	return true;
}

bool
agree_is_of(const struct agree *a, const struct checkpoints_origin *origin)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->sides[i].origin == origin)
			return a->sides[i].known;
	return false;
}
