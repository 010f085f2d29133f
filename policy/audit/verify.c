/* One pass; the common line costs one digest. */
#include <stdio.h>
#include <string.h>

#include "policy/audit/record-maillog.h"
#include "policy/audit/record.h"
#include "policy/audit/verify-internal.h"

static const char *const names[] = {
	[BREAK_NONE] = "none",
	[BREAK_CHANGED] = "changed",
	[BREAK_DROPPED] = "dropped",
	[BREAK_ADDED] = "added",
	[BREAK_REORDERED] = "reordered",
	[BREAK_CUT] = "cut",
	[BREAK_MISSING] = "missing",
	[BREAK_UNREAD] = "not verified",
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

/* A file before which nothing was seen: what is missing there is told. */
static bool
begin_here(struct verify_place *p, uint64_t seq, uint64_t torn)
{
	struct verification *v = p->v;
	char what[128];

	v->head.seq = seq - 1;
	v->head.torn = torn;
	v->first = seq;
	if (v->from == 0 || seq <= v->from)
		return true;
	snprintf(what, sizeof what, "lines %llu to %llu are missing before "
	    "this one", (unsigned long long)v->from,
	    (unsigned long long)seq - 1);
	return verify_broken(p, BREAK_DROPPED, what);
}

/*
 * Torn bytes at the end of a file count with that file's key.  Who begins a
 * file with another key may not have had that one: then the link is to the last
 * whole line, and tells how many bytes came behind.
 */
static bool
joins(const struct verify_place *p, const struct chain_link *link)
{
	const struct verification *v = p->v;

	return memcmp(link->previous, p->start.hex, CHAIN_HEX) == 0 ||
	    (p->start.torn > 0 && strcmp(p->key, link->key) != 0 &&
	    memcmp(link->previous, v->before.hex, CHAIN_HEX) == 0);
}

/* The first sealed line of a file. */
static bool
take_first(struct verify_place *p, struct slice line, const struct chain_line *parts)
{
	struct verification *v = p->v;
	struct chain_link link;
	bool is_link = chain_parse_link(line, &link);

	p->linked = true;
	if (!is_link && v->head.torn > p->start.torn)
		return verify_not_acknowledged(p, line);
	if (!is_link && parts->seq == p->start.seq + 1)
		return verify_broken(p, BREAK_CHANGED, "a link should be here");
	if (!is_link)
		return verify_broken(p, BREAK_DROPPED, "the file does not begin with a "
		    "link: lines before this one are missing");
	if (v->started && !joins(p, &link))
		return verify_not_linked(p, parts->seq);
	if ((v->started || (parts->seq == 1 && !chain_is_stream(line))) &&
	    !verify_link_epoch(p, &link, v->started))
		return false;
	if (!v->started && !begin_here(p, parts->seq, link.torn))
		return false;
	v->started = true;
	memcpy(v->head.hex, link.previous, CHAIN_HEX);
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

/* A link in the middle of a file: its epoch is that of the line before. */
static bool
is_in_epoch(struct verify_place *p, struct slice line)
{
	struct verification *v = p->v;
	struct chain_link link;

	if (!chain_parse_link(line, &link) || v->epoch == 0 ||
	    strcmp(link.key, v->key) != 0)
		return true;
	memcpy(p->key, v->key, sizeof p->key);
	p->epoch = v->epoch;
	return verify_link_epoch(p, &link, true);
}

/*
 * Begins a new chain behind one that ended whole.  Whether something was cut
 * off its end shows from a noted head only.
 */
static bool
begin_anew(struct verify_place *p, struct slice line)
{
	struct verification *v = p->v;

	if (!is_in_epoch(p, line))
		return false;
	v->anew++;
	chain_head_init(&v->head);
	p->linked = true;
	if (v->begins_anew != NULL)
		v->begins_anew(v->arg, p->path, p->line);
	return true;
}

static void
note_node(struct verification *v, struct slice line)
{
	struct slice node = chain_node(line);

	/* Nearly always the node is that of the line before. */
	for (size_t i = v->nodes; i > 0; i--)
		if (slice_is(node, v->node[i - 1]))
			return;
	if (node.n == 0 || node.n >= VERIFY_NODE_MAX || v->nodes == VERIFY_NODES)
		return;
	memcpy(v->node[v->nodes], node.p, node.n);
	v->node[v->nodes++][node.n] = '\0';
}

static bool
is_noted(const struct verification *v, const char *hex)
{
	return v->noted_head != NULL &&
	    memcmp(v->noted_head, hex, CHAIN_HEX) == 0;
}

/* The line belongs here, and what it tells can be told. */
static void
note_line(struct verification *v, struct slice line,
    const struct chain_line *parts)
{
	struct slice time = chain_time(line);
	struct chain_link link;
	uint64_t refusals;

	memcpy(v->head.hex, parts->hex.p, CHAIN_HEX);
	v->head.seq = parts->seq;
	v->head.torn = 0;
	v->lines++;
	v->last_epoch = v->epoch;
	v->unread += v->is_unread;
	v->plain += v->is_plain;
	if (v->is_unread || v->is_plain)
		v->sure = 0;
	else if (v->sure == 0)
		v->sure = parts->seq;
	if (time.n > 0)
		memcpy(v->until, time.p, time.n);
	if (v->since[0] == '\0')
		memcpy(v->since, v->until, sizeof v->since);
	note_node(v, line);
	if (chain_is_gap(line, &refusals))
		v->unrecorded += refusals;
	if (chain_parse_link(line, &link)) {
		v->head_seen = v->head_seen || is_noted(v, link.previous);
		/*
		 * A file sealed with a key, and linked to the one before, tells
		 * how that ended.
		 */
		if (!v->is_plain && !v->is_unread) {
			v->plain = 0;
			v->sure = v->unread == 0 ? v->first : v->sure;
		}
	}
	v->head_seen = v->head_seen || is_noted(v, v->head.hex);
}

/*
 * A worker has computed the line's digest, behind this very head with this key.
 */
static bool
is_computed(const struct verification *v, const struct verify_line *line)
{
	return line->before != NULL &&
	    memcmp(line->before, v->head.hex, CHAIN_HEX) == 0 &&
	    line->seal->epoch == chain_epoch(v->chain) &&
	    strcmp(line->seal->id, chain_id(v->chain)) == 0;
}

/*
 * Of what cannot be read the numbers must be right all the same.  False with
 * p->failed: not known.
 */
static bool
fits(struct verify_place *p, const struct verify_line *line,
    const struct chain_line *parts)
{
	struct verification *v = p->v;
	char hex[CHAIN_HEX + 1];

	if (parts->seq != v->head.seq + 1)
		return false;
	if (v->is_unread || is_computed(v, line))
		return true;
	if (!chain_compute(v->chain, v->head.hex, parts->body, hex))
		return verify_failed(p);
	return memcmp(hex, parts->hex.p, CHAIN_HEX) == 0;
}

/* Does the line agree with the checkpoints that were kept elsewhere? */
static bool
agrees(struct verify_place *p, struct slice line,
    const struct chain_line *parts)
{
	char memory[256];
	struct text what;

	text_init(&what, memory, sizeof memory);
	if (agree_line(p->v->agree, line, parts, &what))
		return true;
	return p->v->agree->failed ? verify_failed(p) :
	    verify_broken(p, BREAK_CHANGED, memory);
}

static bool
take_sealed(struct verify_place *p, const struct verify_line *whole,
    const struct chain_line *parts)
{
	struct verification *v = p->v;
	struct slice line = whole->text;

	if (v->started && v->head.torn == 0 && parts->seq == 1 &&
	    chain_is_stream(line)) {
		if (!begin_anew(p, line))
			return false;
		verify_choose_key(v, p->path, line, parts, v->head.hex);
	}
	if (!p->linked)
		verify_choose_key(v, p->path, line, parts, v->head.hex);
	else if (!is_in_epoch(p, line))
		return false;
	if (!p->linked && !take_first(p, line, parts))
		return false;
	if (v->head.torn > 0 && !acknowledged(v, line))
		return verify_not_acknowledged(p, line);
	if (!fits(p, whole, parts)) {
		if (p->failed)
			return false;
		return v->is_unread ? verify_out_of_sequence(p, parts,
		    slice_make("", 0)) : verify_diagnose(p, parts);
	}
	note_line(v, line, parts);
	return (v->agree == NULL || agrees(p, line, parts)) &&
	    verify_end_epoch(p, line);
}

/* A record of a mail log is a break here, sealed or not, by whatever key. */
static bool
not_ours(struct verify_place *p)
{
	return verify_broken(p, BREAK_ADDED, "a record made of a mail log, which is "
	    "never evidence and never in a chain");
}

static bool
take_torn(struct verify_place *p, struct slice line, bool ended)
{
	struct verification *v = p->v;

	if (v->head.torn == 0) {
		v->before = v->head;
		v->torn_line = p->line;
	}
	v->torn_ended = ended;
	v->torn_lines++;
	return chain_torn(v->chain, &v->head, line) || verify_failed(p);
}

static enum source_result
take_lines(struct verify_place *p, struct fault *fault)
{
	struct verification *v = p->v;
	enum source_result result;
	struct chain_line parts;
	struct verify_line line;

	while ((result = verify_next(p, &line, fault)) == SOURCE_LINE) {
		p->line++;
		v->bytes += line.text.n + 1;
		if (record_maillog_is(line.text) ? !not_ours(p) :
		    !(chain_split(line.text, &parts) ?
		    take_sealed(p, &line, &parts) :
		    take_torn(p, line.text, line.ended)))
			break;
		if (v->progress != NULL && p->line % VERIFY_PROGRESS == 0)
			v->progress(v->progress_arg);
	}
	return result;
}

static void *
open_source(void *arg, const char *path, struct fault *fault)
{
	(void)arg;
	return source_open(path, fault);
}

static enum source_result
next_of_source(void *file, struct verify_line *line, struct fault *fault)
{
	line->before = NULL;
	return source_next(file, &line->text, &line->ended, fault);
}

static void
close_source(void *file)
{
	source_close(file);
}

bool
verify_file(struct verification *v, const char *path, struct fault *fault)
{
	static const struct verify_lines plain = { .open = open_source,
		.next = next_of_source, .close = close_source };
	struct verify_place p = { .v = v, .path = path, .start = v->head,
		.epoch = v->epoch, .fault = fault,
		.lines = v->reads == NULL ? &plain : v->reads };
	enum source_result result;

	fault_clear(fault);
	memcpy(p.key, v->key, sizeof p.key);
	v->kind = BREAK_NONE;
	verify_resume_key(v);
	if (v->chain == NULL)
		v->chain = keyring_plain(v->keys);
	if ((p.file = p.lines->open(p.lines->arg, path, fault)) == NULL)
		return false;
	result = take_lines(&p, fault);
	p.lines->close(p.file);
	v->files++;
	v->last_line = p.line;
	snprintf(v->last_file, sizeof v->last_file, "%s", path);
	return result == SOURCE_END && (!verify_has_failed(v) ||
	    verify_failed(&p));
}

bool
verify_finish(struct verification *v)
{
	struct verify_place p = { .v = v, .path = v->last_file, .line = v->last_line };

	v->kind = BREAK_NONE;
	if (v->head.torn > 0 && v->torn_ended)
		return verify_not_acknowledged(&p, slice_make("", 0));
	if (v->head.torn > 0 && !v->open_end) {
		p.line = v->torn_line;
		return verify_broken(&p, BREAK_CUT, "the last line is not whole");
	}
	if (v->noted_head != NULL && !v->head_seen)
		return verify_without_head(&p);
	if (v->agree != NULL && !verify_agreed(&p))
		return false;
	return v->unread + v->plain == 0 || verify_not_read(&p);
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
