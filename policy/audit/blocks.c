/*
 * Notes are looked for while lines are counted, which has to be done anyway:
 * one memchr(3) a line, and only a line too short for most records is looked
 * into.
 */
#include "config.h" /* for memmem(3) */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/audit/blocks.h"

/* A piece that waits; its `withdrawn` are the notes that stand in it. */
struct waiting {
	struct waiting *next;
	size_t input;
	struct blocks_piece piece;
	struct fault *fault; /* in place of a piece: its file cannot be read */
};

struct blocks {
	const struct logset_file *inputs;
	size_t n, at; /* index of the file that is open */
	struct source *source; /* NULL: between two files */
	uint64_t line; /* line number of the next piece */
	size_t window, behind; /* bytes to read behind a piece; those read */
	struct waiting *first, **last, *spare;
	bool at_end, failed;
	struct fault fault;
	struct reader_record note;
};

struct blocks *
blocks_open(const struct logset_file *files, size_t n, bool at_once,
    struct fault *fault)
{
	struct blocks *a = calloc(1, sizeof *a);

	if (a == NULL) {
		fault_errno(fault, FAULT_UNAVAILABLE, errno, "audit log");
		return NULL;
	}
	reader_record_init(&a->note);
	a->last = &a->first;
	a->inputs = files;
	a->n = n;
	a->window = at_once ? 0 : BLOCKS_BYTES;
	return a;
}

void
blocks_piece_free(struct blocks_piece *piece)
{
	free(piece->text);
	free(piece->withdrawn.seqs);
}

static void
free_waiting(struct waiting *w)
{
	while (w != NULL) {
		struct waiting *next = w->next;

		blocks_piece_free(&w->piece);
		free(w->fault);
		free(w);
		w = next;
	}
}

void
blocks_close(struct blocks *a)
{
	if (a == NULL)
		return;
	source_close(a->source);
	free_waiting(a->first);
	free_waiting(a->spare);
	reader_record_free(&a->note);
	free(a);
}

static bool
add_seq(struct blocks_seqs *s, uint64_t seq, struct fault *fault)
{
	if (s->n == s->room) {
		size_t room = s->room == 0 ? 64 : 2 * s->room;
		uint64_t *seqs = realloc(s->seqs, room * sizeof *seqs);

		if (seqs == NULL)
			return fault_no_memory(fault);
		s->seqs = seqs;
		s->room = room;
	}
	s->seqs[s->n++] = seq;
	return true;
}

/* Notes this line if it is a withdrawal. */
static bool
look_at(struct blocks *a, struct waiting *w, struct slice line,
    struct fault *fault)
{
	static const char word[] = "\"withdrawn\"";
	enum reader_result result;
	struct fault bad;

	if (line.n > BLOCKS_NOTE_MAX ||
	    memmem(line.p, line.n, word, sizeof word - 1) == NULL)
		return true;
	result = reader_parse(&a->note, line, &bad);
	if (result == READER_FAILED)
		return fault_no_memory(fault);
	if (result != READER_NOTE || a->note.of == 0)
		return true;
	return add_seq(&w->piece.withdrawn, a->note.of, fault);
}

static bool
look_at_lines(struct blocks *a, struct waiting *w, struct fault *fault)
{
	struct slice rest = slice_make(w->piece.text, w->piece.n), line;

	while (slice_next(&rest, '\n', &line)) {
		if (!look_at(a, w, line, fault))
			return false;
		a->line++;
	}
	return true;
}

static bool
copy(struct blocks_piece *piece, struct slice text, struct fault *fault)
{
	if (text.n > piece->room) {
		free(piece->text);
		piece->room = 0;
		piece->n = 0;
		if ((piece->text = malloc(text.n)) == NULL)
			return fault_no_memory(fault);
		piece->room = text.n;
	}
	memcpy(piece->text, text.p, text.n);
	piece->n = text.n;
	return true;
}

/*
 * A line of many megabytes is one record: it counts as BLOCKS_RECORD_BYTES of
 * the window.
 */
static size_t
weight(const struct waiting *w)
{
	return w->piece.n < BLOCKS_RECORD_BYTES ? w->piece.n :
	    BLOCKS_RECORD_BYTES;
}

/* Adds a piece at the end; NULL: out of memory. */
static struct waiting *
put_waiting(struct blocks *a)
{
	struct waiting *w = a->spare;

	if (w != NULL)
		a->spare = w->next;
	else if ((w = calloc(1, sizeof *w)) == NULL)
		return NULL;
	w->next = NULL;
	w->input = a->at;
	*a->last = w;
	a->last = &w->next;
	w->piece.file = strcmp(a->inputs[a->at].path, "-") == 0 ? "<stdin>" :
	    a->inputs[a->at].path;
	w->piece.line = a->line;
	w->piece.withdrawn.n = 0;
	w->piece.n = 0;
	return w;
}

static bool
append(struct blocks *a, struct slice text, struct fault *fault)
{
	struct waiting *w = put_waiting(a);

	if (w == NULL)
		return fault_no_memory(fault);
	if (!copy(&w->piece, text, fault))
		return false;
	if (a->first != w)
		a->behind += weight(w);
	return look_at_lines(a, w, fault);
}

static void
end_input(struct blocks *a)
{
	source_close(a->source);
	a->source = NULL;
	a->at_end = ++a->at == a->n;
}

/*
 * The fault comes behind all that was read of its file.  False: out of memory.
 */
static bool
give_up_input(struct blocks *a)
{
	struct waiting *w;

	if (a->fault.kind == FAULT_UNAVAILABLE)
		return false;
	w = put_waiting(a);
	if (w == NULL || (w->fault = malloc(sizeof *w->fault)) == NULL)
		return fault_no_memory(&a->fault);
	*w->fault = a->fault;
	end_input(a);
	return true;
}

/* False: a->failed with a fault. */
static bool
read_piece(struct blocks *a)
{
	struct slice text;

	if (a->source == NULL) {
		a->line = 1;
		a->source = source_open(a->inputs[a->at].path, &a->fault);
		if (a->source == NULL)
			return give_up_input(a);
	}
	switch (source_block(a->source, &text, &a->fault)) {
	case SOURCE_LINE:
		return append(a, text, &a->fault);
	case SOURCE_FAILED:
		return give_up_input(a);
	default:
		end_input(a);
		return true;
	}
}

static int
compare_seqs(const void *pa, const void *pb)
{
	const uint64_t *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

/*
 * Collects the notes in the first piece and behind it.  A note in another file
 * is of a line before that file: logs of two machines do not touch each other.
 */
static bool
collect_withdrawn(const struct blocks *a, struct blocks_seqs *seqs, struct fault *fault)
{
	seqs->n = 0;
	for (const struct waiting *w = a->first; w != NULL; w = w->next)
		for (size_t i = 0; i < w->piece.withdrawn.n; i++) {
			uint64_t seq = w->piece.withdrawn.seqs[i];

			if ((w->input == a->first->input ||
			    seq < a->inputs[w->input].seq) &&
			    !add_seq(seqs, seq, fault))
				return false;
		}
	if (seqs->n > 1)
		qsort(seqs->seqs, seqs->n, sizeof seqs->seqs[0], compare_seqs);
	return true;
}

/* The first of those that wait becomes a spare. */
static void
drop_first(struct blocks *a)
{
	struct waiting *w = a->first;

	if ((a->first = w->next) == NULL)
		a->last = &a->first;
	else
		a->behind -= weight(a->first);
	w->next = a->spare;
	a->spare = w;
}

/* The first piece goes out, the caller's old one becomes a spare. */
static enum source_result
hand_out(struct blocks *a, struct blocks_piece *piece, struct fault *fault)
{
	struct waiting *w = a->first;
	struct blocks_piece old = *piece;

	if (w->fault != NULL) {
		*fault = *w->fault;
		free(w->fault);
		w->fault = NULL;
		drop_first(a);
		return SOURCE_FAILED;
	}
	if (!collect_withdrawn(a, &old.withdrawn, fault)) {
		*piece = old;
		return SOURCE_FAILED;
	}
	*piece = w->piece;
	piece->withdrawn = old.withdrawn;
	old.withdrawn = w->piece.withdrawn;
	drop_first(a);
	w->piece = old;
	return SOURCE_LINE;
}

enum source_result
blocks_next(struct blocks *a, struct blocks_piece *piece, struct fault *fault)
{
	while (!a->at_end && !a->failed &&
	    (a->first == NULL || a->behind < a->window))
		a->failed = !read_piece(a);
	if (a->first != NULL)
		return hand_out(a, piece, fault);
	if (!a->failed)
		return SOURCE_END;
	*fault = a->fault;
	return SOURCE_FAILED;
}

enum reader_result
blocks_parse(const struct blocks_piece *piece, struct reader_record *record,
    struct slice line, struct fault *fault)
{
	enum reader_result result = reader_parse(record, line, fault);
	const struct blocks_seqs *w = &piece->withdrawn;

	record->withdrawn = w->n > 0 &&
	    (result == READER_RECORD || result == READER_OUTBOUND) &&
	    bsearch(&record->seq, w->seqs, w->n, sizeof w->seqs[0],
	    compare_seqs) != NULL;
	return result;
}
