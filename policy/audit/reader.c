#include <errno.h>
#include <stdlib.h>

#include "policy/audit/blocks.h"

struct reader {
	struct blocks *blocks;
	struct blocks_piece piece;
	struct slice rest; /* of the piece */
	uint64_t line;
};

struct reader *
reader_open(char *const *paths, size_t n, bool at_once, struct fault *fault)
{
	struct reader *r = calloc(1, sizeof *r);

	if (r == NULL) {
		fault_errno(fault, FAULT_UNAVAILABLE, errno, "audit log");
		return NULL;
	}
	r->blocks = blocks_open(paths, n, at_once, fault);
	if (r->blocks != NULL)
		return r;
	reader_close(r);
	return NULL;
}

void
reader_close(struct reader *r)
{
	if (r == NULL)
		return;
	blocks_close(r->blocks);
	blocks_piece_free(&r->piece);
	free(r);
}

enum reader_result
reader_next(struct reader *r, struct reader_record *record,
    struct fault *fault)
{
	enum reader_result result;
	struct slice line;

	do {
		while (!slice_next(&r->rest, '\n', &line)) {
			switch (blocks_next(r->blocks, &r->piece, fault)) {
			case SOURCE_FAILED:
				return READER_FAILED;
			case SOURCE_END:
				return READER_END;
			case SOURCE_LINE:
				break;
			}
			r->rest = slice_make(r->piece.text, r->piece.n);
			r->line = r->piece.line - 1;
		}
		r->line++;
	} while (slice_trim(line).n == 0);
	result = blocks_parse(&r->piece, record, line, fault);
	if (result == READER_BAD)
		fault_at(fault, r->piece.file, r->line, fault->column);
	return result;
}

const char *
reader_file(const struct reader *r)
{
	return r->piece.file == NULL ? "" : r->piece.file;
}

uint64_t
reader_line(const struct reader *r)
{
	return r->line;
}
