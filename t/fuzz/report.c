/*
 * Records, sealed or not, through all that reads them: reports in each form,
 * suggested rules, and judging again.  What a sender wrote into them stays text.
 */
#include "t/fuzz/fuzz.h"

#include <jansson.h>

#include "policy/replay/replay.h"
#include "policy/report/report.h"
#include "policy/suggest/suggest.h"

static struct store *store;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *path = fuzz_path("store");
	struct fault fault;

	(void)argc;
	(void)argv;
	fuzz_build(path, "TLS_Clt: VERIFY:112+CN\nTLS_From:<> ENCR:1\n"
	    "TLS_From:example.com WARN+VERIFY+CN:x\nTLS_Auth: ENCR:1\n"
	    "TLS_To:example.org PERM+ENCR:128+PFS\n");
	FUZZ_CHECK((store = store_open(path, &fault)) != NULL);
	return 0;
}

/* Elements that the page itself is made of. */
static void
check_html(const char *page)
{
	static const char *const evil[] = { "<script", "<img", "<a ",
		"<iframe", "<!--" };

	for (size_t i = 0; i < sizeof evil / sizeof evil[0]; i++)
		FUZZ_CHECK(strstr(page, evil[i]) == NULL);
}

static void
check_form(const struct report *report, report_form *form)
{
	char *page = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&page, &n);
	json_t *json;

	FUZZ_CHECK(out != NULL && form(report, NULL, out));
	fclose(out);
	if (form == report_html)
		check_html(page);
	if (form == report_json) {
		FUZZ_CHECK((json = json_loadb(page, n, 0, NULL)) != NULL);
		json_decref(json);
	}
	if (form == report_text || form == report_csv)
		for (size_t i = 0; i < n; i++)
			FUZZ_CHECK(page[i] == '\n' || page[i] == '\r' ||
			    (unsigned char)page[i] >= ' ');
	free(page);
}

static void
check_report(struct report *report)
{
	report_finish(report);
	check_form(report, report_text);
	check_form(report, report_csv);
	check_form(report, report_json);
	check_form(report, report_html);
}

/* What is suggested can be built. */
static void
check_suggest(struct suggest *suggest)
{
	struct rulefile rules, again;
	struct fault fault;
	char *printed = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&printed, &n);

	FUZZ_CHECK(suggest_choose(suggest));
	FUZZ_CHECK(suggest_rules(suggest, &rules, &fault));
	rulefile_free(&rules);
	suggest_print(suggest, true, out);
	fclose(out);
	rulefile_init(&again, NULL, NULL);
	FUZZ_CHECK(rulefile_read_text(&again, slice_make(printed, n),
	    "suggested", &fault) && rulefile_finish(&again));
	rulefile_free(&again);
	free(printed);
}

static void
judge_again(struct reader_record *record)
{
	const struct eval_options options = { .default_class = CLASS_TEMP };
	struct replay *replay = calloc(1, sizeof *replay);
	struct store_reader reader;
	struct fault fault;

	FUZZ_CHECK(replay != NULL && store_begin(store, &reader, &fault));
	replay->options = &options;
	replay->reader = &reader;
	FUZZ_RUN(replay_judge(replay, record));
	FUZZ_CHECK(replay->outcome < OUTCOME_COUNT);
	store_end(&reader);
	free(replay);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_make((const char *)data, size), line;
	struct reader_record record;
	struct suggest suggest;
	struct report report;
	struct fault fault;

	report_init(&report);
	report.top = 3;
	report.soon = 30;
	report.steady = 1;
	suggest_init(&suggest);
	suggest.min_mails = 1;
	reader_record_init(&record);
	while (slice_next(&rest, '\n', &line)) {
		fault_clear(&fault);
		if (reader_parse(&record, line, &fault) != READER_RECORD)
			continue;
		FUZZ_CHECK(report_add(&report, &record));
		FUZZ_CHECK(suggest_add(&suggest, &record));
		judge_again(&record);
	}
	reader_record_free(&record);
	check_report(&report);
	check_suggest(&suggest);
	report_free(&report);
	suggest_free(&suggest);
	return 0;
}
