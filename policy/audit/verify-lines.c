/*
 * Which key comes next is told by links and by the lines that end an epoch,
 * which are few, and known by their first bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/audit/verify-lines.h"

/* Most pieces: what an unusual one had is given back. */
enum { PIECE_KEEP = 2 * 1024 * 1024 };

static bool
begins(struct slice line, const char *with, size_t n)
{
	return line.n >= n && memcmp(line.p, with, n) == 0;
}

#define BEGINS(line, literal) begins(line, literal, sizeof literal - 1)

/* Finds the key of a link without a key's id: the one that seals it. */
static void
guess_by_seal(struct verify_guess *g, struct keyring *keys, struct slice line,
    const struct chain_link *link)
{
	struct chain_line parts;
	struct chain *chain;

	g->known = chain_split(line, &parts) && (chain = keyring_of_line(keys,
	    link->previous, &parts)) != NULL;
	if (!g->known)
		return;
	memcpy(g->seal.id, chain_id(chain), sizeof g->seal.id);
	g->seal.epoch = chain_epoch(chain);
}

static void
guess_by_link(struct verify_guess *g, struct keyring *keys, struct slice line)
{
	struct chain_link link;

	if (!chain_parse_link(line, &link))
		return;
	if (link.key[0] == '\0') {
		guess_by_seal(g, keys, line, &link);
		return;
	}
	g->known = true;
	memcpy(g->seal.id, link.key, sizeof g->seal.id);
	g->seal.epoch = link.epoch;
}

static bool
same_seal(const struct verify_seal *a, const struct verify_seal *b)
{
	return a->epoch == b->epoch && strcmp(a->id, b->id) == 0;
}

/* NULL: not known, or there are too many in this piece. */
static const struct verify_seal *
seal_of(struct verify_piece *p, const struct verify_guess *g)
{
	if (!g->known)
		return NULL;
	if (p->nseals > 0 && same_seal(&p->seals[p->nseals - 1], &g->seal))
		return &p->seals[p->nseals - 1];
	if (p->nseals == VERIFY_SEALS)
		return NULL;
	p->seals[p->nseals] = g->seal;
	return &p->seals[p->nseals++];
}

static bool
add_line(struct verify_piece *p, const struct verify_line *line,
    struct fault *fault)
{
	if (p->nlines == p->lines_room) {
		size_t room = p->lines_room == 0 ? 1024 : 2 * p->lines_room;
		struct verify_line *lines = realloc(p->lines,
		    room * sizeof *lines);

		if (lines == NULL)
			return fault_no_memory(fault);
		p->lines = lines;
		p->lines_room = room;
	}
	p->lines[p->nlines++] = *line;
	return true;
}

static bool
copy(struct verify_piece *p, struct slice text, struct fault *fault)
{
	if (text.n > p->room || p->room > PIECE_KEEP) {
		free(p->text);
		p->room = 0;
		if ((p->text = malloc(text.n)) == NULL)
			return fault_no_memory(fault);
		p->room = text.n;
	}
	memcpy(p->text, text.p, text.n);
	p->n = text.n;
	p->nlines = p->nseals = 0;
	return true;
}

bool
verify_piece_fill(struct verify_piece *p, struct verify_guess *g,
    struct keyring *keys, struct slice text, struct fault *fault)
{
	struct chain_line parts;
	struct verify_line line = { .before = NULL };
	struct slice rest;
	uint64_t ends;

	if (!copy(p, text, fault))
		return false;
	memcpy(p->before, g->before, CHAIN_HEX);
	rest = slice_make(p->text, p->n);
	while (slice_next(&rest, '\n', &line.text)) {
		if (BEGINS(line.text, CHAIN_START "\"link\""))
			guess_by_link(g, keys, line.text);
		line.ended = line.text.p + line.text.n < p->text + p->n;
		line.seal = seal_of(p, g);
		if (!add_line(p, &line, fault))
			return false;
		if (BEGINS(line.text, CHAIN_START "\"epoch\"") &&
		    chain_ends_epoch(line.text, &ends) &&
		    ends == g->seal.epoch)
			g->seal.epoch++;
	}
	memset(g->before, '\0', CHAIN_HEX);
	if (p->nlines > 0 && chain_split(p->lines[p->nlines - 1].text, &parts))
		memcpy(g->before, parts.hex.p, CHAIN_HEX);
	return true;
}

/* NULL: the key is not here. */
static struct chain *
chain_for(struct keyring *keys, const struct verify_seal *seal)
{
	struct chain_link link = { .epoch = seal->epoch };

	if (seal->id[0] == '\0')
		return keyring_plain(keys);
	memcpy(link.key, seal->id, sizeof link.key);
	return keyring_of_link(keys, &link);
}

void
verify_piece_compute(struct verify_piece *p, struct keyring *keys)
{
	const char *before = p->before[0] == '\0' ? NULL : p->before;
	const struct verify_seal *seal = NULL;
	struct chain *chain = NULL;
	char hex[CHAIN_HEX + 1];

	for (size_t i = 0; i < p->nlines; i++) {
		struct verify_line *line = &p->lines[i];
		struct chain_line parts;
		struct slice previous;
		uint64_t torn;

		if (!chain_split(line->text, &parts)) {
			before = NULL;
			continue;
		}
		if (BEGINS(line->text, CHAIN_START "\"link\"") &&
		    chain_is_link(line->text, &previous, &torn))
			before = previous.p;
		if (line->seal != seal) {
			seal = line->seal;
			chain = seal == NULL ? NULL : chain_for(keys, seal);
		}
		if (chain != NULL && before != NULL &&
		    chain_compute(chain, before, parts.body, hex) &&
		    memcmp(hex, parts.hex.p, CHAIN_HEX) == 0)
			line->before = before;
		before = parts.hex.p;
	}
}

void
verify_piece_free(struct verify_piece *p)
{
	free(p->text);
	free(p->lines);
}
