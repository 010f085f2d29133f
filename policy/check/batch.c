#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/audit/jsonput.h"
#include "policy/check/batch.h"

enum { BATCH_BUFFER = 256 * 1024, BATCH_NUMBER_MAX = 24 };

struct batch {
	struct check *judge;
	int in;
	char *buffer;
	size_t from, to;     /* input that no line was taken from yet */
	unsigned long line;
	unsigned long bad;
	bool no_memory;	     /* some line was not judged for want of memory */
	bool too_long;	     /* the buffer begins in the middle of a line */
	struct text out, trace;
};

enum got { GOT_LINE, GOT_TOO_LONG, GOT_END, GOT_FAILED };

/* Makes room and reads more; what is ready for the reader goes out first. */
static enum got
fill(struct batch *b)
{
	ssize_t n;

	memmove(b->buffer, b->buffer + b->from, b->to - b->from);
	b->to -= b->from;
	b->from = 0;
	if (b->to == BATCH_BUFFER) {
		b->too_long = true;
		b->to = 0;
	}
	if (fflush(stdout) == EOF)
		return GOT_FAILED;
	do
		n = read(b->in, b->buffer + b->to, BATCH_BUFFER - b->to);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return GOT_FAILED;
	b->to += (size_t)n;
	return n == 0 ? GOT_END : GOT_LINE;
}

static enum got
get_line(struct batch *b, struct slice *line)
{
	size_t searched = 0;
	enum got got = GOT_LINE;
	char *end;

	for (;;) {
		size_t have = b->to - b->from;

		end = memchr(b->buffer + b->from + searched, '\n',
		    have - searched);
		if (end != NULL)
			break;
		searched = have;
		got = fill(b);
		if (got == GOT_FAILED)
			return got;
		if (got == GOT_END) {
			if (b->to == b->from && !b->too_long)
				return GOT_END;
			break;
		}
		if (b->to - b->from < searched)
			searched = 0;
	}
	*line = slice_make(b->buffer + b->from, end != NULL ?
	    (size_t)(end - (b->buffer + b->from)) : b->to - b->from);
	b->from += line->n + (end != NULL ? 1 : 0);
	got = b->too_long ? GOT_TOO_LONG : GOT_LINE;
	b->too_long = false;
	return got;
}

static bool
put_out(struct batch *b)
{
	return fwrite(b->out.buf, 1, b->out.n, stdout) == b->out.n &&
	    putchar('\n') != EOF;
}

static bool
put_error(struct batch *b, const char *text)
{
	struct jsonput j;

	b->bad++;
	text_clear(&b->out);
	jsonput_start(&j, &b->out);
	JSONPUT_LITERAL(&j, "{\"line\":");
	jsonput_number(&j, b->line);
	JSONPUT_LITERAL(&j, ",\"error\":");
	jsonput_string(&j, slice_of(text));
	JSONPUT_LITERAL(&j, "}");
	jsonput_finish(&j);
	return put_out(b);
}

/* The macros of one line; numbers are taken, an MTA's macro is its digits. */
static bool
macros_of(const json_t *object, struct check_macro *macros,
    char (*numbers)[BATCH_NUMBER_MAX], size_t *n, struct fault *f)
{
	const char *name;
	json_t *value;

	*n = 0;
	json_object_foreach((json_t *)object, name, value) {
		struct check_macro *m = &macros[*n];

		if (json_is_null(value))
			continue;
		if (*n == CHECK_MACROS_MAX)
			return fault_set(f, FAULT_DATA,
			    "more than %d macros", CHECK_MACROS_MAX);
		m->name = slice_of(name);
		if (json_is_string(value)) {
			m->value = slice_make(json_string_value(value),
			    json_string_length(value));
		} else if (json_is_integer(value)) {
			snprintf(numbers[*n], BATCH_NUMBER_MAX, "%lld",
			    (long long)json_integer_value(value));
			m->value = slice_of(numbers[*n]);
		} else {
			return fault_set(f, FAULT_DATA,
			    "macro %s is neither a string nor a whole number",
			    name);
		}
		(*n)++;
	}
	return true;
}

static bool
check_object(struct batch *b, const json_t *object)
{
	struct check_macro macros[CHECK_MACROS_MAX];
	char numbers[CHECK_MACROS_MAX][BATCH_NUMBER_MAX];
	struct trace trace = { check_json_trace, &b->trace };
	struct fault f;
	size_t n;

	if (!macros_of(object, macros, numbers, &n, &f) ||
	    !check_facts(b->judge, macros, n, &f)) {
		b->no_memory = b->no_memory || f.kind == FAULT_UNAVAILABLE;
		return put_error(b, f.text);
	}
	text_clear(&b->out);
	text_clear(&b->trace);
	check_session(b->judge, &trace);
	if (!check_json(b->judge, &b->trace, &b->out))
		return put_error(b, "the verdict is too long to be printed");
	return put_out(b);
}

static bool
check_line(struct batch *b, struct slice line)
{
	char text[JSON_ERROR_TEXT_LENGTH + 64];
	json_error_t error;
	json_t *object;
	bool good;

	object = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, &error);
	if (object == NULL) {
		snprintf(text, sizeof text, "not JSON: %s at column %d",
		    error.text, error.column);
		return put_error(b, text);
	}
	if (json_is_object(object))
		good = check_object(b, object);
	else
		good = put_error(b, "not a JSON object of macros");
	json_decref(object);
	return good;
}

static int
run_lines(struct batch *b)
{
	struct slice line;
	bool good = true;
	enum got got;

	while (good && (got = get_line(b, &line)) != GOT_END) {
		if (got == GOT_FAILED) {
			fprintf(stderr, "tlspolicy: reading sessions: %s\n",
			    strerror(errno));
			return FAULT_IO;
		}
		b->line++;
		good = got == GOT_TOO_LONG ? put_error(b, "line is too long") :
		    check_line(b, line);
	}
	if (!good) /* main() tells about the output */
		return FAULT_IO;
	if (b->bad > 0)
		fprintf(stderr, "tlspolicy: %lu of %lu sessions could not be "
		    "judged\n", b->bad, b->line);
	if (b->no_memory)
		return FAULT_UNAVAILABLE;
	return b->bad > 0 ? FAULT_DATA : EXIT_FINE;
}

int
batch_run(struct check *judge, int in)
{
	struct batch b = { .judge = judge, .in = in,
		.buffer = malloc(BATCH_BUFFER + 2 * CHECK_JSON_MAX) };
	int status;

	if (b.buffer == NULL) {
		fprintf(stderr, "tlspolicy: out of memory\n");
		return FAULT_UNAVAILABLE;
	}
	text_init(&b.out, b.buffer + BATCH_BUFFER, CHECK_JSON_MAX);
	text_init(&b.trace, b.out.buf + CHECK_JSON_MAX, CHECK_JSON_MAX);
	status = run_lines(&b);
	free(b.buffer);
	return status;
}
