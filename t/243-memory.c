/*
 * Reports, suggestions, replays, records out of mail logs, imports and lint with
 * the n-th piece of memory refused, n = 1 until none is: all of the answer, or
 * none.  What is not freed then is AddressSanitizer's to find.
 */
#include <search.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/audit/verify.h"
#include "policy/cert/inspect.h"
#include "policy/import/import.h"
#include "policy/lint/lint.h"
#include "policy/maillog/maillog.h"
#include "policy/probe/facts.h"
#include "policy/replay/workers.h"
#include "policy/report/report.h"
#include "policy/store/rebuild.h"
#include "policy/suggest/suggest.h"
#include "t/nth-wrap.h"
#include "t/unit.h"

enum { TRIES_MAX = 4000 };


WRAP(void *, NULL, malloc, (size_t n), (n))
WRAP(void *, NULL, calloc, (size_t n, size_t size), (n, size))
WRAP(void *, NULL, realloc, (void *p, size_t n), (p, n))
WRAP(void *, NULL, strdup, (const char *s), (s))
WRAP(void *, NULL, strndup, (const char *s, size_t n), (s, n))
WRAP(void *, NULL, tsearch, (const void *key, void **root,
    int (*compare)(const void *, const void *)), (key, root, compare))
/* arena_alloc() rarely calls malloc(), so it is refused here. */
WRAP(void *, NULL, arena_alloc, (struct arena *a, size_t n), (a, n))
struct slice __real_arena_copy(struct arena *, struct slice);
struct slice __wrap_arena_copy(struct arena *, struct slice);
struct slice
__wrap_arena_copy(struct arena *a, struct slice s)
{
	return fails() ? slice_make(NULL, 0) : __real_arena_copy(a, s);
}
WRAP(void *, NULL, open_memstream, (char **p, size_t *n), (p, n))

/* One piece of work; false: it says that it has no answer. */
typedef bool work(const char *file, FILE *out);

static char *
done(work *what, const char *file, long n, bool *good, bool *hit)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = __real_open_memstream(&text, &size);

	assert_non_null(out);
	arm(n);
	*good = what(file, out);
	*hit = disarm();
	assert_int_equal(fclose(out), 0);
	return text;
}

/* Compares long answers and shows only where they begin to differ. */
static void
same_rest(const char *name, long n, const char *want, const char *got)
{
	char row[80], parts[2][100];

	if (strcmp(want, got) == 0)
		return;
	while (*want != '\0' && *want == *got)
		want++, got++;
	snprintf(row, sizeof row, "%s, the %ld. piece", name, n);
	snprintf(parts[0], sizeof parts[0], "%s", want);
	snprintf(parts[1], sizeof parts[1], "%s", got);
	unit_same(row, parts[0], parts[1]);
}

static void
each_piece(const char *name, work *what, const char *file)
{
	bool good, hit;
	char *want = done(what, file, 0, &good, &hit);
	long n, refused = 0;

	unit_number(name, true, good && want[0] != '\0');
	for (n = 1; n < TRIES_MAX; n++) {
		char *got = done(what, file, n, &good, &hit);

		if (good)
			same_rest(name, n, want, got);
		else
			unit_number(name, true, hit);
		refused += !good;
		free(got);
		if (!hit)
			break;
	}
	unit_number(name, true, n < TRIES_MAX && refused > 0);
	free(want);
}

/* Gives each record of the file to `take`; false: out of memory. */
static bool
each_record(const char *file, bool (*take)(void *, struct reader_record *),
    void *arg)
{
	static char text[65536];
	FILE *in = fopen(file, "r");
	struct reader_record record;
	struct slice rest, line;
	struct fault f;
	bool good = true;

	assert_non_null(in);
	rest = slice_make(text, fread(text, 1, sizeof text, in));
	fclose(in);
	reader_record_init(&record);
	while (good && slice_next(&rest, '\n', &line))
		switch (reader_parse(&record, line, &f)) {
		case READER_RECORD:
			good = take(arg, &record);
			break;
		case READER_FAILED:
			good = false;
			break;
		default:
			break;
		}
	reader_record_free(&record);
	return good;
}

static bool
add_to_report(void *arg, struct reader_record *record)
{
	return report_add(arg, record);
}

static bool
reported(const char *file, FILE *out)
{
	struct report r;
	bool good;

	report_init(&r);
	r.steady = 2;
	r.top = 20;
	good = each_record(file, add_to_report, &r);
	if (good) {
		report_finish(&r);
		good = report_text(&r, NULL, out) && report_csv(&r, NULL, out) &&
		    report_json(&r, NULL, out) && report_html(&r, NULL, out) && !r.failed;
	}
	report_free(&r);
	return good;
}

static bool
add_to_suggest(void *arg, struct reader_record *record)
{
	return suggest_add(arg, record);
}

static bool
suggested(const char *file, FILE *out)
{
	struct rulefile rules;
	struct suggest s;
	struct fault f;
	bool good;

	suggest_init(&s);
	s.min_mails = 1;
	good = each_record(file, add_to_suggest, &s) && suggest_choose(&s);
	if (good) {
		good = suggest_rules(&s, &rules, &f);
		rulefile_free(&rules);
		suggest_print(&s, true, out);
	}
	suggest_free(&s);
	return good;
}

static const char rules[] =
	"TLS_Clt:example.com PERM+ENCR:112\n"
	"TLS_From:example PERM+VERIFY+CIPHER:HIGH\n"
	"TLS_From:example.org WARN+VERIFY\n"
	"TLS_From: PERM+VERIFY:128+AEAD\n"
	"TLS_To: ENCR:256\n";

/* The store stays open: LMDB's memory is not counted. */
static struct store *store;

static bool
replayed(const char *file, FILE *out)
{
	static const struct eval_options options = {
		.default_class = CLASS_TEMP };
	struct replay_workers w = { .options = &options, .store = store,
		.threads = 1 };
	char *path = (char *)(uintptr_t)file;
	struct fault f;
	bool good = replay_workers_run(&w, &path, 1, &f);

	if (good)
		good = replay_report_json(&w.report, w.records, out);
	else
		unit_number("a reason", true, f.kind == FAULT_UNAVAILABLE ||
		    f.kind == FAULT_IO);
	replay_workers_free(&w);
	return good;
}

static bool
put_line(void *arg, struct slice line)
{
	return fwrite(line.p, 1, line.n, arg) == line.n;
}

static bool
from_log(const char *file, FILE *out)
{
	struct maillog_options options = { .since = INT64_MIN,
		.until = INT64_MAX, .room = 4, .each = put_line, .arg = out };
	bool good = false;
	struct fault f;

	for (int mta = 0; mta < 3; mta++) {
		struct maillog *m;

		options.mta = (enum maillog_mta)mta;
		m = maillog_new(&options);
		good = m != NULL && maillog_file(m, file, 1795161602, &f);
		good = good && maillog_finish(m, &f);
		if (good) {
			fprintf(out, "%zu %zu\n", maillog_counts(m)->lines,
			    maillog_counts(m)->records);
		}
		maillog_free(m);
		if (!good)
			break;
	}
	return good;
}

static void
say(void *arg, const struct fault *fault)
{
	fprintf(arg, "%lu: %s\n", fault->line, fault->text);
}

static bool
imported(const char *file, FILE *out)
{
	const char *name = strrchr(file, '/') + 1;
	const struct import_format *format = import_formats();
	struct import import;
	struct fault f;
	struct stat st;
	bool good;

	while (format[1].name != NULL && strstr(format->name, name) == NULL)
		format++;
	import_init(&import, format, file, say, out);
	if (stat(file, &st) == 0 && S_ISDIR(st.st_mode)) {
		good = import_config(&import, file, &f);
	} else {
		FILE *in = fopen(file, "r");

		assert_non_null(in);
		good = import_read(&import, in, &f);
		fclose(in);
	}
	if (good)
		import_print(&import, out);
	import_free(&import);
	return good;
}

static bool
inspected(const char *file, FILE *out)
{
	struct inspect_settings settings = { .host = "mx.example",
		.ca = file, .soon = 30, .now = 1795161602 };
	struct findings list;
	struct pemfile pem;
	struct fault f;
	bool good;

	if (!pemfile_read(file, &pem, &f))
		return false;
	findings_init(&list);
	good = inspect_files(&pem, 1, &settings, &list, &f);
	for (size_t i = 0; good && i < list.n; i++)
		fprintf(out, "%s\n", list.all[i].kind->name);
	fputs("end\n", out);
	findings_free(&list);
	pemfile_free(&pem);
	return good;
}

static bool
probed(const char *file, FILE *out)
{
	struct probe_result result = { .host = "mx.example",
		.address = "192.0.2.1", .outcome = PROBE_TLS, .verify = "OK",
		.version = "TLSv1.3", .cipher = "TLS_AES_256_GCM_SHA384",
		.bits = 256 };
	struct pemfile pem;
	struct facts facts;
	struct fault f;
	bool good;

	if (!pemfile_read(file, &pem, &f))
		return false;
	result.certificate = sk_X509_value(pem.certificates, 0);
	facts_init(&facts, DIALECT_SENDMAIL);
	good = probe_facts(&result, "joe@example.com", "MD5", &facts);
	for (int id = 0; good && id < FACT_COUNT; id++)
		fprintf(out, "%.*s\n",
		    SLICE_ARG(facts_raw(&facts, (enum fact_id)id)));
	facts_free(&facts);
	pemfile_free(&pem);
	return good;
}

static bool
verified(const char *file, FILE *out)
{
	struct verification v;
	struct fault f;
	struct chain *chain = chain_new(slice_make(NULL, 0), &f);
	bool good;

	if (chain == NULL)
		return false;
	verify_init(&v, chain);
	good = verify_file(&v, file, &f);
	if (good || v.kind != BREAK_NONE) {
		good = true;
		if (v.kind == BREAK_NONE)
			verify_finish(&v);
		fprintf(out, "%llu %s %s\n", (unsigned long long)v.lines,
		    v.kind == BREAK_NONE ? "-" : verify_break_name(v.kind),
		    v.head.hex);
	}
	chain_free(chain);
	return good;
}

static void
tell(void *arg, const struct lint_finding *f)
{
	fprintf(arg, "%lu: %s\n", (unsigned long)f->rule->line, f->reason_text);
}

static bool
linted(const char *file, FILE *out)
{
	struct lint_options options = { .today = 20000 };
	struct rulefile read;
	struct fault f;
	bool good;

	(void)file;
	rulefile_init(&read, NULL, NULL);
	good = rulefile_read_text(&read, slice_of(rules), "rules", &f) &&
	    rulefile_finish(&read) && lint_rules(&read, &options, tell, out) !=
	    LINT_NO_MEMORY;
	fputs("end\n", out);
	rulefile_free(&read);
	return good;
}

/*
 * A seed of a fuzz target without its first `skip` bytes, which tell the target
 * what to do.
 */
static const char *
seed(const char *target, const char *name, size_t skip)
{
	static char path[600], text[65536];
	FILE *in, *out;
	size_t n;

	snprintf(path, sizeof path, "%s/%s/%s", CORPUS, target, name);
	in = fopen(path, "r");
	assert_non_null(in);
	n = fread(text, 1, sizeof text, in);
	fclose(in);
	snprintf(path, sizeof path, "%s", unit_path(name));
	out = fopen(path, "w");
	assert_non_null(out);
	fwrite(text + skip, 1, n - skip, out);
	fclose(out);
	return path;
}

static void
test_audit(void **state)
{
	static const char *const names[] = { "records", "alarms", "dated",
		"failed" };
	struct fault f;

	(void)state;
	store = store_open(unit_build("store", rules, 1), &f);
	assert_non_null(store);
	for (size_t i = 0; i < UNIT_COUNT(names); i++) {
		const char *file = seed("report", names[i], 0);

		each_piece("report", reported, file);
		each_piece("suggest", suggested, file);
		each_piece("replay", replayed, file);
	}
	store_close(store);
	unit_end();
}

static void
test_maillog(void **state)
{
	static const char *const names[] = { "both", "delivery", "journal",
		"postfix", "sendmail" };

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(names); i++)
		each_piece(names[i], from_log, seed("maillog", names[i], 1));
	unit_end();
}

static void
test_import(void **state)
{
	(void)state;
	each_piece("sendmail", imported, seed("import", "sendmail", 1));
	each_piece("postfix", imported, seed("import", "postfix", 1));
	each_piece("csv", imported, seed("import", "csv", 1));
	unit_end();
}

static void
test_others(void **state)
{
	(void)state;
	each_piece("leaf", inspected, seed("certificate", "leaf", 0));
	each_piece("certificate", inspected, seed("certificate", "bundle", 0));
	each_piece("probe", probed, seed("certificate", "leaf", 0));
	each_piece("lint", linted, NULL);
	each_piece("verify", verified, seed("audit", "chain", 0));
	each_piece("verify", verified, seed("audit", "changed", 0));
	each_piece("everywhere", imported, seed("import", "everywhere", 1));
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_audit),
		cmocka_unit_test(test_maillog),
		cmocka_unit_test(test_import),
		cmocka_unit_test(test_others),
	};

	return unit_main(tests);
}
