#include <stdlib.h>
#include <string.h>

#include "policy/audit/print.h"
#include "policy/commands/generation.h"
#include "policy/commands/scratch.h"

static const int64_t SECOND_US = 1000000;

bool
generation_number(struct slice word, uint64_t *number)
{
	unsigned long value;

	if (!text_number(word, ~0UL, &value) || value == 0)
		return false;
	*number = value;
	return true;
}

bool
generation_at(struct store_reader *reader, int64_t time_us,
    struct generation *g, struct fault *f)
{
	struct generation oldest = { .number = 0 };
	enum lookup_result result;
	char buf[80];
	struct history h;
	struct text when;

	if (!history_start(&h, reader)) {
		*f = reader->fault;
		return false;
	}
	while ((result = history_next(&h, g)) == LOOKUP_FOUND) {
		if (g->time <= time_us / SECOND_US)
			return true;
		oldest = *g;
	}
	if (result == LOOKUP_FAILED) {
		*f = reader->fault;
		return false;
	}
	text_init(&when, buf, sizeof buf);
	generation_print(&oldest, &when);
	return fault_set(f, FAULT_NOINPUT, "%s: no generation is kept of that "
	    "time%s%s", store_path(reader->store), oldest.number == 0 ? "" :
	    "; the oldest is ", oldest.number == 0 ? "" : buf);
}

struct store *
generation_store(struct store_reader *reader, uint64_t number,
    struct fault *f)
{
	struct store *store = NULL;
	struct rulefile rules;
	struct generation g;

	if (history_rules(reader, number, &rules, &g, f))
		store = scratch_open_generation(&rules, number, g.time, f);
	rulefile_free(&rules);
	return store;
}

bool
generation_enter(struct store **store, struct store_reader *reader,
    uint64_t number, struct fault *f)
{
	struct store *past;

	if (number == reader->info.generation)
		return true;
	past = generation_store(reader, number, f);
	command_close_store(*store, reader);
	*store = past;
	if (past == NULL)
		return false;
	if (store_begin(past, reader, f))
		return true;
	store_close(past);
	*store = NULL;
	return false;
}

void
generation_print(const struct generation *g, struct text *out)
{
	text_printf(out, "generation %llu of ", (unsigned long long)g->number);
	audit_print_time(g->time * SECOND_US, out);
}

void
generation_print_who(const struct generation *g, struct text *out)
{
	if (g->login.n > 0) {
		text_put_printable(out, g->login);
		text_printf(out, " (uid %lu)", (unsigned long)g->uid);
	} else
		text_printf(out, "uid %lu", (unsigned long)g->uid);
	if (g->host.n > 0) {
		text_puts(out, " at ");
		text_put_printable(out, g->host);
	}
}

/* "name = value" taken apart. */
static bool
next_setting(struct slice *rest, struct slice *name, struct slice *value)
{
	struct slice line;
	size_t equals;

	if (!slice_next(rest, '\n', &line))
		return false;
	equals = slice_find(line, '=');
	*name = slice_trim(slice_make(line.p, equals));
	*value = slice_trim(slice_from(line, equals < line.n ? equals + 1 :
	    equals));
	return true;
}

static struct slice
value_of(struct slice settings, struct slice wanted)
{
	struct slice name, value;

	while (next_setting(&settings, &name, &value))
		if (slice_equal(name, wanted))
			return value;
	return slice_make("", 0);
}

void
generation_settings(struct slice old, struct slice new,
    void (*each)(void *, struct slice name, struct slice old,
    struct slice new), void *arg)
{
	struct slice rest = new, name, value;

	while (next_setting(&rest, &name, &value)) {
		struct slice was = value_of(old, name);

		if (!slice_equal(was, value))
			each(arg, name, was, value);
	}
}
