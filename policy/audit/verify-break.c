/*
 * What was done to the line that does not fit.  Only here are the lines behind
 * it looked at, to tell one kind from another.
 */
#include <stdio.h>
#include <string.h>

#include "policy/audit/verify-internal.h"

bool
verify_has_failed(const struct verification *v)
{
	return v->keys != NULL ? keyring_has_failed(v->keys) :
	    chain_has_failed(v->chain);
}

bool
verify_failed(struct verify_place *p)
{
	p->failed = true;
	return fault_set(p->fault, FAULT_SOFTWARE, "cannot verify %s: OpenSSL "
	    "or memory failed", p->path);
}

bool
verify_broken(struct verify_place *p, enum verify_break kind, const char *what)
{
	struct verification *v = p->v;

	/* After verify_file() it has not, and nothing is computed any more. */
	if (p->fault != NULL && verify_has_failed(v))
		return verify_failed(p);
	v->kind = kind;
	v->line = p->line;
	snprintf(v->file, sizeof v->file, "%s", p->path);
	snprintf(v->what, sizeof v->what, "%s", what);
	return false;
}

static bool
follows(struct verification *v, const struct chain_head *head,
    struct slice line)
{
	struct chain_line parts;
	char hex[CHAIN_HEX + 1];

	return chain_split(line, &parts) && parts.seq == head->seq + 1 &&
	    chain_compute(v->chain, head->hex, parts.body, hex) &&
	    memcmp(hex, parts.hex.p, CHAIN_HEX) == 0;
}

/* Is the line with number `seq` further down in this file? */
static bool
stands_below(struct verify_place *p, uint64_t seq, struct slice first)
{
	struct verify_line line = { .text = first };
	struct chain_line parts;
	struct fault fault;

	do
		if (chain_split(line.text, &parts) && parts.seq == seq)
			return true;
	while (verify_next(p, &line, &fault) == SOURCE_LINE);
	return false;
}

bool
verify_out_of_sequence(struct verify_place *p, const struct chain_line *parts,
    struct slice next)
{
	uint64_t want = p->v->head.seq + 1;
	char what[128];

	if (parts->seq < want)
		return verify_broken(p, BREAK_ADDED,
		    "a line with a number that was there before");
	if (stands_below(p, want, next)) {
		snprintf(what, sizeof what,
		    "line number %llu stands below number %llu",
		    (unsigned long long)want, (unsigned long long)parts->seq);
		return verify_broken(p, BREAK_REORDERED, what);
	}
	snprintf(what, sizeof what, "%llu line(s) before this one are missing",
	    (unsigned long long)(parts->seq - want));
	return verify_broken(p, BREAK_DROPPED, what);
}

/* Does the chain go on with `line` and the one behind it? */
static bool
goes_on(struct verify_place *p, struct slice line)
{
	struct chain_head head = p->v->head;
	struct verify_line next;
	struct chain_line parts;
	struct fault fault;

	if (!follows(p->v, &head, line) || !chain_split(line, &parts))
		return false;
	memcpy(head.hex, parts.hex.p, CHAIN_HEX);
	head.seq = parts.seq;
	return verify_next(p, &next, &fault) != SOURCE_LINE ||
	    follows(p->v, &head, next.text);
}

/* The sealed line at p->line does not fit: why? */
bool
verify_diagnose(struct verify_place *p, const struct chain_line *line)
{
	/* Looking at the next line overwrites its text: only seq stays. */
	struct chain_line broken_line = *line;
	uint64_t want = p->v->head.seq + 1;
	struct slice next = { "", 0 };
	struct verify_line below;
	struct chain_line parts;
	struct fault fault;
	bool next_follows;

	if (verify_next(p, &below, &fault) == SOURCE_LINE)
		next = below.text;
	next_follows = follows(p->v, &p->v->head, next);
	/* A number that was changed too does not make the next one wrong. */
	if (!next_follows && broken_line.seq != want &&
	    !(chain_split(next, &parts) && parts.seq == want + 1))
		return verify_out_of_sequence(p, &broken_line, next);
	if (!next_follows)
		return verify_broken(p, BREAK_CHANGED,
		    "the digest does not fit the line");
	if (broken_line.seq > want && !goes_on(p, next))
		return verify_broken(p, BREAK_REORDERED,
		    "the line below belongs before this one");
	return verify_broken(p, BREAK_ADDED, "without this line the chain goes on");
}

/* Lines without a chain, and no mark that says that they were torn. */
bool
verify_not_acknowledged(struct verify_place *p, struct slice line)
{
	struct verification *v = p->v;
	struct slice previous;
	uint64_t torn = 0;
	bool told = chain_is_link(line, &previous, &torn) ||
	    chain_is_mark(line, &torn);
	bool added = torn == 0 && follows(v, &v->before, line);

	p->line = v->torn_line;
	if (p->start.torn > 0)
		p->path = v->last_file; /* they stand at its end */
	return verify_broken(p, added ? BREAK_ADDED : BREAK_CHANGED, added ?
	    "without this line the chain goes on" : told && torn > 0 ?
	    "there are not as many torn bytes as the line behind them tells" :
	    "the line has no chain, and no mark says that it was torn");
}

/* The link is not to where the file before ended. */
bool
verify_not_linked(struct verify_place *p, uint64_t seq)
{
	struct verification *v = p->v;
	uint64_t missing = seq - 1 - p->start.seq;
	char what[160];

	if (seq <= p->start.seq + 1)
		return verify_broken(p, BREAK_CHANGED,
		    "the link is not to the end of the file before");
	snprintf(what, sizeof what, "%llu line(s) are missing between its end "
	    "and the start of %.80s", (unsigned long long)missing, p->path);
	p->path = v->last_file;
	p->line = v->last_line;
	return verify_broken(p, BREAK_CUT, what);
}

/* The noted head was not found: is its line missing, and where? */
bool
verify_without_head(struct verify_place *p)
{
	struct verification *v = p->v;
	unsigned long long seq = v->noted_seq, first = v->first,
	    last = v->head.seq;
	char what[200];

	if (seq > last || (seq == 0 && first <= 1)) {
		snprintf(what, sizeof what, "the noted head does not occur: the "
		    "lines up to it are missing at the end");
		return verify_broken(p, BREAK_CUT, what);
	}
	if (seq >= first && seq != 0) {
		snprintf(what, sizeof what, "line %llu is here, and its head is "
		    "not the noted one: the log is another", seq);
		return verify_broken(p, BREAK_CHANGED, what);
	}
	snprintf(what, sizeof what, "the noted head is of no line here: the "
	    "lines before number %llu are not here%s", first, seq != 0 ? "" :
	    ", or some are missing at the end");
	return verify_broken(p, BREAK_MISSING, what);
}

/* Nothing is wrong with what could be looked at. */
bool
verify_not_read(struct verify_place *p)
{
	struct verification *v = p->v;
	uint64_t epoch = v->keys == NULL || v->key[0] == '\0' ? 0 :
	    keyring_begins(v->keys, v->key);
	char what[200];

	if (v->sure > 0 && epoch > 0)
		snprintf(what, sizeof what, "the first %llu of %llu lines were "
		    "not verified: the key given is of epoch %llu, and theirs "
		    "are older", (unsigned long long)(v->unread + v->plain),
		    (unsigned long long)v->lines, (unsigned long long)epoch);
	else
		snprintf(what, sizeof what, "%llu of %llu lines were not "
		    "verified: %s", (unsigned long long)(v->unread + v->plain),
		    (unsigned long long)v->lines, v->unread > 0 ?
		    "they are sealed with a key that was not given" :
		    "they are sealed without a key, and no file with one of "
		    "the keys given is linked to them");
	p->path = v->plain_file;
	p->line = 1;
	return verify_broken(p, BREAK_UNREAD, what);
}

bool
verify_agreed(struct verify_place *p)
{
	char memory[256];
	struct text what;

	text_init(&what, memory, sizeof memory);
	return agree_end(p->v->agree, p->v->head.seq, &what) ||
	    verify_broken(p, BREAK_CUT, memory);
}
