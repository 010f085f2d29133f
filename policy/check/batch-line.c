/*
 * A line is scanned in place.  What the scanner does not take is given to
 * jansson, whose words for what is wrong are told: it takes all of RFC 8259,
 * line ends of other systems and negative numbers, too.
 */
#include <jansson.h>
#include <stdlib.h>

#include "policy/audit/scan.h"
#include "policy/base/jsonput.h"
#include "policy/check/batch-line.h"

enum { NUMBER_MAX = 24, CHUNK = 8192 };

/* Macros and what their slices point into. */
struct macros {
	struct check_macro list[CHECK_MACROS_MAX];
	char numbers[CHECK_MACROS_MAX][NUMBER_MAX];
	size_t n;
};

bool
batch_judge_init(struct batch_judge *b, const struct check *like)
{
	check_init(&b->check, like->settings, like->store);
	b->check.options = like->options;
	b->check.by_tag = like->by_tag;
	b->check.tag = like->tag;
	b->check.traced = like->traced;
	b->check.now = like->now;
	arena_init(&b->memory, CHUNK);
	b->trace = malloc(CHECK_JSON_MAX);
	b->room = 2 * CHECK_JSON_MAX;
	b->out = malloc(b->room);
	b->n = 0;
	b->bad = 0;
	b->no_memory = false;
	return b->trace != NULL && b->out != NULL;
}

void
batch_judge_free(struct batch_judge *b)
{
	check_free(&b->check);
	arena_free(&b->memory);
	free(b->trace);
	free(b->out);
}

static bool
put_error(struct batch_judge *b, struct text *out, uint64_t number,
    const char *text)
{
	struct jsonput j;

	b->bad++;
	text_clear(out);
	jsonput_start(&j, out);
	JSONPUT_LITERAL(&j, "{\"line\":");
	jsonput_number(&j, number);
	JSONPUT_LITERAL(&j, ",\"error\":");
	jsonput_string(&j, slice_of(text));
	JSONPUT_LITERAL(&j, "}");
	return jsonput_finish(&j);
}

static bool
is_utf8(struct slice s)
{
	uint32_t code;
	size_t n;

	for (; s.n > 0; s = slice_from(s, n)) {
		n = (unsigned char)s.p[0] < 0x80 ? 1 : text_utf8(s, &code);
		if (n == 0)
			return false;
	}
	return true;
}

static bool
has_nul(struct slice s)
{
	return s.n > 0 && memchr(s.p, '\0', s.n) != NULL;
}

static bool
is_among(const struct slice *names, size_t n, struct slice name)
{
	for (size_t i = 0; i < n; i++)
		if (slice_equal(names[i], name))
			return true;
	return false;
}

/* A value that is no string, null or whole number fails the scan. */
static bool
scan_value(struct scan *s, struct slice *value)
{
	char c = scan_peek(s);
	const char *start;
	uint64_t number;

	if (c == '"' || c == 'n')
		return scan_string_or_null(s, value) && !has_nul(*value);
	start = s->p;
	if (!scan_number(s, &number))
		return false;
	*value = slice_make(start, (size_t)(s->p - start));
	return true;
}

/*
 * False: jansson has to say what is wrong, or to take what this scanner does
 * not.
 */
static bool
scan_macros(struct arena *memory, struct slice line, struct macros *m)
{
	struct slice names[CHECK_MACROS_MAX], name, value;
	bool first = true;
	struct scan s;
	size_t n = 0;

	m->n = 0;
	scan_init(&s, line, memory);
	if (!is_utf8(line) || !scan_object(&s))
		return false;
	while (scan_member(&s, &first, &name)) {
		if (n == CHECK_MACROS_MAX || has_nul(name) ||
		    is_among(names, n, name) || !scan_value(&s, &value))
			return false;
		names[n++] = name;
		if (value.p != NULL)
			m->list[m->n++] = (struct check_macro){ name, value };
	}
	return scan_end(&s);
}

/* Numbers are taken: an MTA's macro is its digits. */
static bool
take_macros(const json_t *object, struct macros *m, struct fault *f)
{
	const char *name;
	json_t *value;

	m->n = 0;
	json_object_foreach((json_t *)object, name, value) {
		struct check_macro *macro = &m->list[m->n];

		if (json_is_null(value))
			continue;
		if (m->n == CHECK_MACROS_MAX)
			return fault_set(f, FAULT_DATA,
			    "more than %d macros", CHECK_MACROS_MAX);
		macro->name = slice_of(name);
		if (json_is_string(value)) {
			macro->value = slice_make(json_string_value(value),
			    json_string_length(value));
		} else if (json_is_integer(value)) {
			snprintf(m->numbers[m->n], NUMBER_MAX, "%lld",
			    (long long)json_integer_value(value));
			macro->value = slice_of(m->numbers[m->n]);
		} else {
			return fault_set(f, FAULT_DATA,
			    "macro %s is neither a string nor a whole number",
			    name);
		}
		m->n++;
	}
	return true;
}

static bool
judge_macros(struct batch_judge *b, const struct macros *m, uint64_t number,
    struct text *out)
{
	struct text text;
	struct trace trace = { check_json_trace, &text };
	struct fault f;

	if (!check_facts(&b->check, m->list, m->n, &f)) {
		b->no_memory = b->no_memory || f.kind == FAULT_UNAVAILABLE;
		return put_error(b, out, number, f.text);
	}
	text_init(&text, b->trace, CHECK_JSON_MAX);
	check_session(&b->check, &trace);
	return check_json(&b->check, &text, out) ||
	    put_error(b, out, number, "the verdict is too long to be printed");
}

static bool
judge_object(struct batch_judge *b, const json_t *object, uint64_t number,
    struct text *out)
{
	struct macros macros;
	struct fault f;

	if (!json_is_object(object))
		return put_error(b, out, number,
		    "not a JSON object of macros");
	return take_macros(object, &macros, &f) ?
	    judge_macros(b, &macros, number, out) :
	    put_error(b, out, number, f.text);
}

static bool
judge_by_jansson(struct batch_judge *b, struct slice line, uint64_t number,
    struct text *out)
{
	char text[JSON_ERROR_TEXT_LENGTH + 64];
	json_error_t error;
	json_t *object;
	bool good;

	object = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, &error);
	if (object == NULL) {
		snprintf(text, sizeof text, "not JSON: %s at column %d",
		    error.text, error.column);
		return put_error(b, out, number, text);
	}
	good = judge_object(b, object, number, out);
	json_decref(object);
	return good;
}

static bool
make_room(struct batch_judge *b)
{
	char *larger;

	if (b->room - b->n > CHECK_JSON_MAX)
		return true;
	larger = realloc(b->out, 2 * b->room);
	if (larger == NULL)
		return false;
	b->out = larger;
	b->room *= 2;
	return true;
}

bool
batch_judge_line(struct batch_judge *b, struct slice line, bool too_long,
    uint64_t number)
{
	struct macros macros;
	struct text out;
	bool good;

	if (!make_room(b))
		return false;
	text_init(&out, b->out + b->n, CHECK_JSON_MAX);
	arena_reset(&b->memory);
	if (too_long)
		good = put_error(b, &out, number, "line is too long");
	else if (scan_macros(&b->memory, line, &macros))
		good = judge_macros(b, &macros, number, &out);
	else
		good = judge_by_jansson(b, line, number, &out);
	b->n += out.n;
	b->out[b->n++] = '\n';
	return good;
}
