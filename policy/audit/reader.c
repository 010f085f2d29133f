/*
 * Runs of files are read side by side, and the record that is earliest comes
 * next.  A run is opened when its time has come, and closed at its end, so that
 * only those are open that were written at the same time.
 */
#include <errno.h>
#include <stdlib.h>

#include "policy/audit/blocks.h"

struct run {
	const struct logset_run *files;
	struct blocks *blocks;
	struct blocks_piece piece;
	struct slice rest; /* of the piece */
	uint64_t line;
	bool piped;
	bool at_end, ahead; /* `ahead`: the next line is in what follows */
	enum reader_result result;
	struct reader_record record;
	struct fault fault;
	int64_t time_us; /* of that line, or that of the one before */
};

struct reader {
	struct logset set;
	struct run *runs;
	size_t failures; /* of the set; told so far */
	struct run *last; /* the one whose line was handed out */
	bool at_once;
};

struct reader *
reader_open(char *const *paths, size_t n, bool at_once, struct fault *fault)
{
	struct reader *r = calloc(1, sizeof *r);

	if (r == NULL) {
		fault_errno(fault, FAULT_UNAVAILABLE, errno, "audit log");
		return NULL;
	}
	if (!logset_open(&r->set, paths, n, fault)) {
		free(r);
		return NULL;
	}
	r->at_once = at_once;
	r->runs = calloc(r->set.nruns + 1, sizeof *r->runs);
	if (r->runs == NULL) {
		fault_errno(fault, FAULT_UNAVAILABLE, errno, "audit log");
		reader_close(r);
		return NULL;
	}
	for (size_t i = 0; i < r->set.nruns; i++) {
		r->runs[i].files = &r->set.runs[i];
		r->runs[i].piped = logset_is_pipe(
		    r->set.files[r->set.runs[i].first].path);
		r->runs[i].time_us = r->set.runs[i].first_us;
		reader_record_init(&r->runs[i].record);
	}
	return r;
}

static void
close_run(struct run *run)
{
	blocks_close(run->blocks);
	run->blocks = NULL;
	blocks_piece_free(&run->piece);
	run->piece = (struct blocks_piece){ .file = run->piece.file };
	run->at_end = true;
}

void
reader_close(struct reader *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; r->runs != NULL && i < r->set.nruns; i++) {
		close_run(&r->runs[i]);
		reader_record_free(&r->runs[i].record);
	}
	free(r->runs);
	logset_close(&r->set);
	free(r);
}

static enum reader_result
next_line(struct run *run, struct reader_record *record, struct fault *fault)
{
	enum reader_result result;
	struct slice line;

	do {
		while (!slice_next(&run->rest, '\n', &line)) {
			switch (blocks_next(run->blocks, &run->piece, fault)) {
			case SOURCE_FAILED:
				return fault->kind == FAULT_UNAVAILABLE ?
				    READER_FAILED : READER_UNREAD;
			case SOURCE_END:
				return READER_END;
			case SOURCE_LINE:
				break;
			}
			run->rest = slice_make(run->piece.text, run->piece.n);
			run->line = run->piece.line - 1;
		}
		run->line++;
	} while (slice_trim(line).n == 0);
	result = blocks_parse(&run->piece, record, line, fault);
	if (result == READER_BAD)
		fault_at(fault, run->piece.file, run->line, fault->column);
	return result;
}

/* False: out of memory. */
static bool
open_run(struct reader *r, struct run *run, struct fault *fault)
{
	if (run->blocks == NULL)
		run->blocks = blocks_open(r->set.files + run->files->first,
		    run->files->n, r->at_once, fault);
	return run->blocks != NULL;
}

/* Reads the next line of the run, to be compared with those of others. */
static void
read_ahead(struct run *run)
{
	run->result = next_line(run, &run->record, &run->fault);
	run->ahead = true;
	if ((run->result == READER_RECORD || run->result == READER_OUTBOUND ||
	    run->result == READER_NOTE) && run->record.time_us != 0)
		run->time_us = run->record.time_us;
	if (run->result == READER_END)
		close_run(run);
}

static struct run *
earliest(struct reader *r)
{
	struct run *first = NULL;

	for (size_t i = 0; i < r->set.nruns; i++) {
		struct run *run = &r->runs[i];

		if (!run->at_end && (first == NULL ||
		    run->time_us < first->time_us))
			first = run;
	}
	return first;
}

/* Hands out the line that `run` has read ahead; its memory is used again. */
static enum reader_result
hand_out(struct run *run, struct reader_record *record, struct fault *fault)
{
	struct reader_record old = *record;

	*record = run->record;
	run->record = old;
	*fault = run->fault;
	run->ahead = false;
	return run->result;
}

enum reader_result
reader_next(struct reader *r, struct reader_record *record,
    struct fault *fault)
{
	struct run *run;

	if (r->failures < r->set.nfailures) {
		*fault = r->set.failures[r->failures++];
		return READER_UNREAD;
	}
	if (r->set.nruns == 1) {
		r->last = r->runs;
		return open_run(r, r->runs, fault) ?
		    next_line(r->runs, record, fault) : READER_FAILED;
	}
	if (r->last != NULL && !r->last->at_end && !r->last->ahead) {
		r->last->record.salts = record->salts;
		read_ahead(r->last);
	}
	while ((run = earliest(r)) != NULL && !run->ahead) {
		if (!open_run(r, run, fault))
			return READER_FAILED;
		run->record.salts = record->salts;
		read_ahead(run);
	}
	r->last = run;
	return run == NULL ? READER_END : hand_out(run, record, fault);
}

const char *
reader_file(const struct reader *r)
{
	return r->last == NULL || r->last->piece.file == NULL ? "" :
	    r->last->piece.file;
}

uint64_t
reader_line(const struct reader *r)
{
	return r->last == NULL ? 0 : r->last->line;
}

size_t
reader_log(const struct reader *r, bool *piped)
{
	*piped = r->last != NULL && r->last->piped;
	return r->last == NULL ? 0 : (size_t)(r->last - r->runs);
}

bool
reader_within(const struct reader_record *record, int64_t since, int64_t until)
{
	return (since == 0 || record->time_us >= since) &&
	    (until == 0 || record->time_us < until);
}
