/*
 * One pass; the common line costs one digest.  Only at a break are the lines
 * behind it looked at, to tell one kind from another.
 */
#include <stdio.h>
#include <string.h>

#include "policy/audit/record.h"
#include "policy/audit/verify.h"

struct place {
	struct verification *v;
	const char *path;
	struct source *source;
	uint64_t line;
	bool linked;		 /* the file's first sealed line was seen */
	struct chain_head start; /* at the start of the file */
};

static const char *const names[] = {
	[BREAK_NONE] = "none",
	[BREAK_CHANGED] = "changed",
	[BREAK_DROPPED] = "dropped",
	[BREAK_ADDED] = "added",
	[BREAK_REORDERED] = "reordered",
	[BREAK_CUT] = "cut",
};

const char *
verify_break_name(enum verify_break kind)
{
	return names[kind];
}

void
verify_init(struct verification *v, struct chain *chain)
{
	memset(v, 0, sizeof *v);
	v->chain = chain;
	chain_head_init(&v->head);
}

static bool
broken(struct place *p, enum verify_break kind, const char *what)
{
	struct verification *v = p->v;

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
	    chain_compute(v->chain, head->hex, &parts, hex) &&
	    memcmp(hex, parts.hex.p, CHAIN_HEX) == 0;
}

/* Is the line with number `seq` further down in this file? */
static bool
stands_below(struct place *p, uint64_t seq, struct slice first)
{
	struct chain_line parts;
	struct slice line = first;
	struct fault fault;
	bool ended;

	do
		if (chain_split(line, &parts) && parts.seq == seq)
			return true;
	while (source_next(p->source, &line, &ended, &fault) == SOURCE_LINE);
	return false;
}

static bool
out_of_sequence(struct place *p, const struct chain_line *parts,
    struct slice next)
{
	uint64_t want = p->v->head.seq + 1;
	char what[128];

	if (parts->seq < want)
		return broken(p, BREAK_ADDED,
		    "a line with a number that was there before");
	if (stands_below(p, want, next)) {
		snprintf(what, sizeof what,
		    "line number %llu stands below number %llu",
		    (unsigned long long)want, (unsigned long long)parts->seq);
		return broken(p, BREAK_REORDERED, what);
	}
	snprintf(what, sizeof what, "%llu line(s) before this one are missing",
	    (unsigned long long)(parts->seq - want));
	return broken(p, BREAK_DROPPED, what);
}

/* Does the chain go on with `line` and the one behind it? */
static bool
goes_on(struct place *p, struct slice line)
{
	struct chain_head head = p->v->head;
	struct chain_line parts;
	struct fault fault;
	bool ended;

	if (!follows(p->v, &head, line) || !chain_split(line, &parts))
		return false;
	memcpy(head.hex, parts.hex.p, CHAIN_HEX);
	head.seq = parts.seq;
	return source_next(p->source, &line, &ended, &fault) != SOURCE_LINE ||
	    follows(p->v, &head, line);
}

/* The sealed line at p->line does not fit: why? */
static bool
diagnose(struct place *p, const struct chain_line *line)
{
	/* Looking at the next line overwrites its text: only seq stays. */
	struct chain_line broken_line = *line;
	uint64_t want = p->v->head.seq + 1;
	struct slice next = { "", 0 };
	struct chain_line parts;
	struct fault fault;
	bool ended, next_follows;

	if (source_next(p->source, &next, &ended, &fault) != SOURCE_LINE)
		next.n = 0;
	next_follows = follows(p->v, &p->v->head, next);
	/* A number that was changed too does not make the next one wrong. */
	if (!next_follows && broken_line.seq != want &&
	    !(chain_split(next, &parts) && parts.seq == want + 1))
		return out_of_sequence(p, &broken_line, next);
	if (!next_follows)
		return broken(p, BREAK_CHANGED,
		    "the digest does not fit the line");
	if (broken_line.seq > want && !goes_on(p, next))
		return broken(p, BREAK_REORDERED,
		    "the line below belongs before this one");
	return broken(p, BREAK_ADDED, "without this line the chain goes on");
}

/* Lines without a chain, and no mark that says that they were torn. */
static bool
not_acknowledged(struct place *p, struct slice line)
{
	bool added = follows(p->v, &p->v->before, line);

	p->line = p->v->torn_line;
	return broken(p, added ? BREAK_ADDED : BREAK_CHANGED, added ?
	    "without this line the chain goes on" :
	    "the line has no chain, and no mark says that it was torn");
}

/* The link is not to where the file before ended. */
static bool
not_linked(struct place *p, uint64_t seq)
{
	struct verification *v = p->v;
	uint64_t missing = seq - 1 - p->start.seq;
	char what[160];

	if (seq <= p->start.seq + 1)
		return broken(p, BREAK_CHANGED,
		    "the link is not to the end of the file before");
	snprintf(what, sizeof what, "%llu line(s) are missing between its end "
	    "and the start of %.80s", (unsigned long long)missing, p->path);
	p->path = v->last_file;
	p->line = v->last_line;
	return broken(p, BREAK_CUT, what);
}

/* The first sealed line of a file. */
static bool
take_first(struct place *p, struct slice line, const struct chain_line *parts)
{
	struct verification *v = p->v;
	struct slice previous;
	uint64_t torn;

	p->linked = true;
	if (!chain_is_link(line, &previous, &torn) &&
	    v->head.torn > p->start.torn)
		return not_acknowledged(p, line);
	if (!chain_is_link(line, &previous, &torn) &&
	    parts->seq == p->start.seq + 1)
		return broken(p, BREAK_CHANGED, "a link should be here");
	if (!chain_is_link(line, &previous, &torn))
		return broken(p, BREAK_DROPPED, "the file does not begin with a "
		    "link: lines before this one are missing");
	if (v->started && memcmp(previous.p, p->start.hex, CHAIN_HEX) != 0)
		return not_linked(p, parts->seq);
	if (!v->started) {
		v->head.seq = parts->seq - 1;
		v->head.torn = torn;
	}
	v->started = true;
	memcpy(v->head.hex, previous.p, CHAIN_HEX);
	return true;
}

static bool
acknowledged(struct verification *v, struct slice line)
{
	struct slice previous;
	uint64_t torn;

	return (chain_is_link(line, &previous, &torn) ||
	    chain_is_mark(line, &torn)) && torn == v->head.torn;
}

/*
 * Behind a chain that ended whole.  That nothing was cut off its end is not to
 * be seen from here, but from a head that was noted.
 */
static void
begin_anew(struct place *p)
{
	struct verification *v = p->v;

	v->anew++;
	chain_head_init(&v->head);
	p->linked = true;
	if (v->begins_anew != NULL)
		v->begins_anew(v->arg, p->path, p->line);
}

static bool
take_sealed(struct place *p, struct slice line, const struct chain_line *parts)
{
	struct verification *v = p->v;
	char hex[CHAIN_HEX + 1];
	uint64_t refusals;

	if (v->started && v->head.torn == 0 && parts->seq == 1 &&
	    chain_is_stream(line))
		begin_anew(p);
	if (!p->linked && !take_first(p, line, parts))
		return false;
	if (v->head.torn > 0 && !acknowledged(v, line))
		return not_acknowledged(p, line);
	if (parts->seq != v->head.seq + 1 ||
	    !chain_compute(v->chain, v->head.hex, parts, hex) ||
	    memcmp(hex, parts->hex.p, CHAIN_HEX) != 0)
		return diagnose(p, parts);
	memcpy(v->head.hex, hex, sizeof hex);
	v->head.seq = parts->seq;
	v->head.torn = 0;
	v->lines++;
	if (chain_is_gap(line, &refusals))
		v->unrecorded += refusals;
	if (v->noted_head != NULL &&
	    memcmp(v->noted_head, hex, CHAIN_HEX) == 0)
		v->head_seen = true;
	return true;
}

/* Sealed or not, and whoever sealed it. */
static bool
not_ours(struct place *p)
{
	return broken(p, BREAK_ADDED, "a record made of a mail log, which is "
	    "never evidence and never in a chain");
}

static bool
take_torn(struct place *p, struct slice line, bool ended)
{
	struct verification *v = p->v;

	if (v->head.torn == 0) {
		v->before = v->head;
		v->torn_line = p->line;
	}
	v->torn_ended = ended;
	v->torn_lines++;
	return chain_torn(v->chain, &v->head, line);
}

static enum source_result
take_lines(struct place *p, struct fault *fault)
{
	struct verification *v = p->v;
	enum source_result result;
	struct chain_line parts;
	struct slice line;
	bool ended;

	while ((result = source_next(p->source, &line, &ended, fault)) ==
	    SOURCE_LINE) {
		p->line++;
		v->bytes += line.n + 1;
		if (record_is_maillog(line) ? !not_ours(p) :
		    !(chain_split(line, &parts) ?
		    take_sealed(p, line, &parts) : take_torn(p, line, ended)))
			break;
		if (v->progress != NULL && p->line % 65536 == 0)
			v->progress(v->arg, p->source);
	}
	return result;
}

bool
verify_file(struct verification *v, const char *path, struct fault *fault)
{
	struct place p = { .v = v, .path = path, .start = v->head };
	enum source_result result;

	fault_clear(fault);
	v->kind = BREAK_NONE;
	if ((p.source = source_open(path, fault)) == NULL)
		return false;
	result = take_lines(&p, fault);
	source_close(p.source);
	v->files++;
	v->last_line = p.line;
	snprintf(v->last_file, sizeof v->last_file, "%s", path);
	return result == SOURCE_END;
}

bool
verify_finish(struct verification *v)
{
	struct place p = { .v = v, .path = v->last_file, .line = v->last_line };

	v->kind = BREAK_NONE;
	if (v->head.torn > 0 && v->torn_ended)
		return not_acknowledged(&p, slice_make("", 0));
	if (v->head.torn > 0 && !v->open_end) {
		p.line = v->torn_line;
		return broken(&p, BREAK_CUT, "the last line is not whole");
	}
	if (v->noted_head == NULL || v->head_seen)
		return true;
	return broken(&p, BREAK_CUT, "the noted head does not occur: the lines "
	    "up to it are missing at the end");
}

bool
verify_first_seq(const char *path, uint64_t *seq, struct fault *fault)
{
	struct source *source = source_open(path, fault);
	enum source_result result;
	struct chain_line parts;
	struct slice line;
	bool ended;

	if (source == NULL)
		return false;
	*seq = 0;
	while ((result = source_next(source, &line, &ended, fault)) ==
	    SOURCE_LINE && !chain_split(line, &parts))
		;
	if (result == SOURCE_LINE)
		*seq = parts.seq;
	source_close(source);
	return result != SOURCE_FAILED;
}
