#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy/facts/macro.h"
#include "policy/store/rebuild.h"
#include "t/unit.h"

enum { SHOWN = 12 }; /* differences of one test that are printed */

static char folder[64];
static unsigned differences;

static void
remove_folder(void)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir != NULL)
		closedir(dir);
	rmdir(folder);
}

int
unit_leave(int failed)
{
	if (folder[0] == '\0')
		return failed;
	if (failed == 0)
		remove_folder();
	else
		printf("# kept: %s\n", folder);
	return failed;
}

const char *
unit_path(const char *name)
{
	static char paths[4][sizeof folder + 64];
	static unsigned next;
	char *path = paths[next++ % 4];

	if (folder[0] == '\0') {
		snprintf(folder, sizeof folder, "/tmp/tlspolicy-unit-XXXXXX");
		assert_non_null(mkdtemp(folder));
	}
	snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	return path;
}

void
unit_same(const char *row, const char *want, const char *got)
{
	if (strcmp(want, got) == 0)
		return;
	if (differences++ < SHOWN)
		print_message("# %s\n# want: %s\n# got:  %s\n", row, want,
		    got);
}

void
unit_slice(const char *row, const char *want, struct slice got)
{
	char buf[4096];

	snprintf(buf, sizeof buf, "%.*s", SLICE_ARG(got));
	unit_same(row, want, buf);
}

void
unit_number(const char *row, long long want, long long got)
{
	if (want == got)
		return;
	if (differences++ < SHOWN)
		print_message("# %s\n# want: %lld\n# got:  %lld\n", row, want,
		    got);
}

void
unit_end(void)
{
	unsigned n = differences;

	differences = 0;
	if (n > 0)
		fail_msg("%u differences", n);
}

static void
print_fault(void *arg, const struct fault *fault)
{
	char line[FAULT_WHERE_MAX + FAULT_TEXT_MAX + 48];

	(void)arg;
	print_message("# %s\n", fault_print(fault, line, sizeof line));
}

void
unit_read_rules(struct rulefile *file, const char *rules)
{
	struct fault fault;

	rulefile_init(file, print_fault, NULL);
	/* The evaluator is tried with all that may come into a store. */
	file->as_sendmail = true;
	assert_true(rulefile_read_text(file, slice_of(rules), "rules",
	    &fault));
	assert_true(rulefile_finish(file));
}

const char *
unit_build(const char *name, const char *rules, int64_t now)
{
	const char *path = unit_path(name);
	struct rulefile file;
	struct fault fault;
	bool good;

	unit_read_rules(&file, rules);
	good = rebuild_store(path, &file,
	    &(struct authorship){ .now = now }, REBUILD_SCRATCH, NULL, NULL, &fault);
	if (!good)
		print_fault(NULL, &fault);
	rulefile_free(&file);
	assert_true(good);
	return path;
}

/* One "name=value"; returns what is behind it. */
static const char *
next_macro(const char *s, struct slice *name, struct slice *value)
{
	size_t n;

	s += strspn(s, " ");
	n = strcspn(s, " ");
	*name = slice_make(s, slice_find(slice_make(s, n), '='));
	*value = name->n < n ? slice_make(s + name->n + 1, n - name->n - 1) :
	    slice_make("", 0);
	return s + n;
}

void
unit_facts(struct facts *facts, const char *macros)
{
	unit_facts_told(facts, macros);
	if (!facts_known(facts, FACT_NODE))
		assert_true(facts_set(facts, FACT_NODE, slice_make("", 0),
		    false));
}

void
unit_facts_told(struct facts *facts, const char *macros)
{
	enum dialect_id dialect = DIALECT_SENDMAIL;
	struct slice name, value;

	for (const char *s = next_macro(macros, &name, &value); name.n > 0;
	    s = next_macro(s, &name, &value))
		if (slice_is(name, "v"))
			dialect = macro_dialect(value);
	facts_init(facts, dialect);
	for (const char *s = next_macro(macros, &name, &value); name.n > 0;
	    s = next_macro(s, &name, &value))
		if (macro_set(facts, name, value) != MACRO_SET &&
		    macro_set(facts, name, value) != MACRO_IGNORED)
			fail_msg("macro %.*s", SLICE_ARG(name));
	assert_true(macro_finish(facts));
}

void
unit_judge_into(struct store_reader *reader, const struct facts *facts,
    enum tag tag, const char *options, int64_t now,
    const struct trace *trace, struct verdict *verdict)
{
	struct eval_options o = {
		.default_class = strstr(options, "perm") ? CLASS_PERM :
		    CLASS_TEMP,
		.on_error_accept = strstr(options, "accept") != NULL,
		.compat_sendmail = strstr(options, "compat") != NULL,
		.monitor = strstr(options, "monitor") != NULL,
		.help_url = strstr(options, "help") ?
		    "https://example.org/tls" : NULL
	};
	struct question q = { .facts = facts, .options = &o, .now = now,
		.scope = strstr(options, "mail") ? EVAL_MAIL : EVAL_TAG,
		.tag = tag, .exempt = strstr(options, "exempt") != NULL,
		.trace = trace, .reader = reader };
	struct fault why;

	fault_set(&why, FAULT_NOINPUT, "no store");
	q.why = &why;
	eval_session(&q, verdict);
}

void
unit_print_verdict(const struct verdict *verdict, struct text *out)
{
	verdict_print(verdict, out);
	if (verdict->waiver == WAIVER_NONE)
		return;
	text_printf(out, " | %s: ", waiver_name(verdict->waiver));
	verdict_print_would(verdict, out);
}

const char *
unit_judge(const char *rules, const char *macros, enum tag tag,
    const char *options, int64_t now)
{
	static char buf[8192];
	struct store_reader reader;
	struct verdict verdict;
	struct facts facts;
	struct fault fault;
	struct store *store = store_open(unit_build("judge", rules, 1),
	    &fault);
	struct text out;

	assert_non_null(store);
	assert_true(store_begin(store, &reader, &fault));
	unit_facts(&facts, macros);
	unit_judge_into(&reader, &facts, tag, options, now, NULL, &verdict);
	text_init(&out, buf, sizeof buf);
	unit_print_verdict(&verdict, &out);
	facts_free(&facts);
	store_end(&reader);
	store_close(store);
	return buf;
}

/* xorshift64*, as published by S. Vigna. */
uint32_t
unit_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)((*state * UINT64_C(2685821657736338717)) >> 32);
}
