#include <errno.h>
#include <stdlib.h>

#include "policy/audit/blocks.h"

struct reader {
	struct blocks *ahead;
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
	r->ahead = blocks_open(paths, n, at_once, fault);
	if (r->ahead != NULL)
		return r;
	reader_close(r);
	return NULL;
}

void
reader_close(struct reader *r)
{
	if (r == NULL)
		return;
	blocks_close(r->ahead);
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
			switch (blocks_next(r->ahead, &r->piece, fault)) {
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

/* "2026-03-01" as a slice of digits and hyphens. */
static bool
number_at(struct slice s, size_t at, size_t n, unsigned long max,
    unsigned long *value)
{
	return at + n <= s.n && text_number(slice_make(s.p + at, n), max, value);
}

static bool
read_fraction(struct slice s, int64_t *us)
{
	int64_t unit = 100000;

	if (s.n < 3 || s.p[0] != '.' || s.p[s.n - 1] != 'Z')
		return slice_is(s, "Z");
	for (size_t i = 1; i < s.n - 1; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		*us += (s.p[i] - '0') * unit;
		unit /= 10;
	}
	return true;
}

bool
reader_time(struct slice s, int64_t *time_us)
{
	unsigned long hour, minute, second;
	int64_t fraction = 0;
	int32_t day;

	if (s.n < 10 || !day_parse(slice_make(s.p, 10), &day))
		return false;
	*time_us = (int64_t)day * 86400 * 1000000;
	if (s.n == 10)
		return true;
	if ((s.p[10] != 'T' && s.p[10] != 't') ||
	    !number_at(s, 11, 2, 23, &hour) || s.n < 20 || s.p[13] != ':' ||
	    !number_at(s, 14, 2, 59, &minute) || s.p[16] != ':' ||
	    !number_at(s, 17, 2, 60, &second) ||
	    !read_fraction(slice_from(s, 19), &fraction))
		return false;
	*time_us += (int64_t)(hour * 3600 + minute * 60 + second) * 1000000 +
	    fraction;
	return true;
}
