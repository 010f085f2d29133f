/*
 * Files are put in the order of the chain: a shell gives "audit.jsonl" before
 * "audit.jsonl.1", which is older.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/audit/reader.h"
#include "policy/audit/verify.h"

struct reader_input {
	const char *path;
	uint64_t seq; /* of its first sealed line */
};

struct reader {
	struct reader_input *inputs;
	size_t n, at; /* at: of the open one */
	struct source *source;
	uint64_t line;
	uint64_t before; /* bytes of the files that were read */
};

static int
compare(const void *pa, const void *pb)
{
	const struct reader_input *a = pa, *b = pb;

	return (a->seq > b->seq) - (a->seq < b->seq);
}

/* Standard input cannot be looked at beforehand, and needs not. */
static bool
put_in_order(struct reader *r, struct fault *fault)
{
	for (size_t i = 0; i < r->n && r->n > 1; i++)
		if (!verify_first_seq(r->inputs[i].path, &r->inputs[i].seq,
		    fault))
			return false;
	qsort(r->inputs, r->n, sizeof r->inputs[0], compare);
	return true;
}

struct reader *
reader_open(char *const *paths, size_t n, struct fault *fault)
{
	struct reader *r = calloc(1, sizeof *r);

	if (r != NULL)
		r->inputs = calloc(n == 0 ? 1 : n, sizeof r->inputs[0]);
	if (r == NULL || r->inputs == NULL) {
		fault_errno(fault, FAULT_UNAVAILABLE, errno, "audit log");
		reader_close(r);
		return NULL;
	}
	r->n = n == 0 ? 1 : n;
	r->inputs[0].path = "-";
	for (size_t i = 0; i < n; i++)
		r->inputs[i].path = paths[i];
	if (put_in_order(r, fault) &&
	    (r->source = source_open(r->inputs[0].path, fault)) != NULL)
		return r;
	reader_close(r);
	return NULL;
}

void
reader_close(struct reader *r)
{
	if (r == NULL)
		return;
	source_close(r->source);
	free(r->inputs);
	free(r);
}

/* False: that was the last file, or the next cannot be opened. */
static bool
next_file(struct reader *r, struct fault *fault)
{
	fault_clear(fault);
	if (r->at + 1 == r->n)
		return false;
	r->before += source_position(r->source);
	source_close(r->source);
	r->line = 0;
	r->source = source_open(r->inputs[++r->at].path, fault);
	return r->source != NULL;
}

enum reader_result
reader_next(struct reader *r, struct reader_record *record,
    struct fault *fault)
{
	enum reader_result result;
	struct slice line;
	bool ended;

	for (;;) {
		if (r->source == NULL)
			return READER_FAILED;
		switch (source_next(r->source, &line, &ended, fault)) {
		case SOURCE_FAILED:
			return READER_FAILED;
		case SOURCE_END:
			if (next_file(r, fault))
				continue;
			return fault->kind == FAULT_NONE ? READER_END :
			    READER_FAILED;
		case SOURCE_LINE:
			break;
		}
		r->line++;
		if (slice_trim(line).n == 0)
			continue;
		result = reader_parse(record, line, fault);
		if (result == READER_BAD)
			fault_at(fault, source_name(r->source), r->line,
			    fault->column);
		return result;
	}
}

const char *
reader_file(const struct reader *r)
{
	return r->source == NULL ? "" : source_name(r->source);
}

uint64_t
reader_line(const struct reader *r)
{
	return r->line;
}

uint64_t
reader_position(const struct reader *r)
{
	return r->before + (r->source == NULL ? 0 :
	    source_position(r->source));
}

uint64_t
reader_size(const struct reader *r)
{
	return r->n > 1 || r->source == NULL ? 0 : source_size(r->source);
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
