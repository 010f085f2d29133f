/*
 * Lines are judged in rounds: those that one read(2) brought, as far as a round
 * holds so many.  Threads meet at the end of each, which costs little beside
 * judging a hundred sessions, and keeps answers in order and memory bounded.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/check/batch-workers.h"
#include "policy/check/batch.h"

enum { BATCH_BUFFER = 256 * 1024 };

struct batch {
	struct batch_workers *workers;
	int in;
	char *buffer;
	size_t from, to;     /* input that no line was taken from yet */
	size_t searched;     /* of it, without a newline */
	bool too_long;	     /* the buffer begins in the middle of a line */
	bool at_end;
	struct batch_lines lines;
};

/* Makes room and reads more; what is ready for the reader goes out first. */
static enum batch_result
fill(struct batch *b, int *error)
{
	ssize_t n;

	memmove(b->buffer, b->buffer + b->from, b->to - b->from);
	b->to -= b->from;
	b->from = 0;
	if (b->to == BATCH_BUFFER) {
		b->too_long = true;
		b->to = b->searched = 0;
	}
	if (fflush(stdout) == EOF)
		return BATCH_NOT_WRITTEN;
	do
		n = read(b->in, b->buffer + b->to, BATCH_BUFFER - b->to);
	while (n == -1 && errno == EINTR);
	*error = n == -1 ? errno : 0;
	b->to += n > 0 ? (size_t)n : 0;
	b->at_end = n == 0;
	return BATCH_JUDGED;
}

/* The next line that is whole; the last one need have no newline. */
static bool
take_line(struct batch *b, struct slice *line, bool *too_long)
{
	char *start = b->buffer + b->from;
	size_t n = b->to - b->from;
	char *end = memchr(start + b->searched, '\n', n - b->searched);

	if (end == NULL && (!b->at_end || (n == 0 && !b->too_long))) {
		b->searched = n;
		return false;
	}
	*line = slice_make(start, end != NULL ? (size_t)(end - start) : n);
	*too_long = b->too_long;
	b->from += line->n + (end != NULL);
	b->searched = 0;
	b->too_long = false;
	return true;
}

static void
take_lines(struct batch *b)
{
	struct batch_lines *lines = &b->lines;

	lines->first += lines->n;
	for (lines->n = 0; lines->n < BATCH_ROUND_MAX; lines->n++)
		if (!take_line(b, &lines->line[lines->n],
		    &lines->too_long[lines->n]))
			break;
}

/* Until the end of the input. */
static enum batch_result
run_rounds(struct batch *b, int *error)
{
	enum batch_result result = BATCH_JUDGED;

	b->lines.first = 1;
	*error = 0;
	while (result == BATCH_JUDGED && *error == 0) {
		take_lines(b);
		if (b->lines.n > 0)
			result = batch_workers_round(b->workers, &b->lines,
			    stdout);
		else if (b->at_end)
			break;
		else
			result = fill(b, error);
	}
	return result;
}

static int
no_memory(void)
{
	fprintf(stderr, "tlspolicy: out of memory\n");
	return FAULT_UNAVAILABLE;
}

static int
run(struct batch *b)
{
	bool unjudged;
	uint64_t bad;
	int error;

	switch (run_rounds(b, &error)) {
	case BATCH_NOT_WRITTEN: /* main() tells about the output */
		return FAULT_IO;
	case BATCH_NO_MEMORY:
		return no_memory();
	case BATCH_JUDGED:
		break;
	}
	if (error != 0) {
		fprintf(stderr, "tlspolicy: reading sessions: %s\n",
		    strerror(error));
		return FAULT_IO;
	}
	bad = batch_workers_bad(b->workers, &unjudged);
	if (bad > 0)
		fprintf(stderr, "tlspolicy: %llu of %llu sessions could not be "
		    "judged\n", (unsigned long long)bad,
		    (unsigned long long)(b->lines.first + b->lines.n - 1));
	if (unjudged)
		return FAULT_UNAVAILABLE;
	return bad > 0 ? FAULT_DATA : EXIT_FINE;
}

int
batch_run(const struct check *judge, int in)
{
	struct batch *b = calloc(1, sizeof *b);
	int status;

	if (b != NULL) {
		b->in = in;
		b->buffer = malloc(BATCH_BUFFER);
		b->workers = batch_workers_new(judge);
	}
	status = b != NULL && b->buffer != NULL && b->workers != NULL ? run(b) :
	    no_memory();
	if (b != NULL) {
		batch_workers_free(b->workers);
		free(b->buffer);
	}
	free(b);
	return status;
}
