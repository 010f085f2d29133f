/*
 * An audit file, packed or not: verified to the end or to its first break; its
 * end, for a writer that goes on with it; and its records, without the chain.
 */
#include "t/fuzz/fuzz.h"

#include <sys/stat.h>

#include <errno.h>

#include "policy/audit/reader.h"
#include "policy/audit/tail.h"
#include "policy/audit/verify.h"

static struct chain *chain;
static const char *folder; /* with the salts of corpus/audit/private */

#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"

static void
put_salts(void)
{
	static const char salts[] =
	    "5f588d4ec19c52c6726bca67f4c450c2 " ZERO
	    " mailbox alice@example.com\n"
	    "d05e0ae6cff455cfc7310e948be4a5dc " ZERO
	    " mailbox bobby@bar.net\n"
	    "3521be4da0c37f7e6cbbf78bb7a15e66 " ZERO
	    " address 192.0.2.1\n"
	    "8fc590fb7e709af6c1090e364ac704d8 " ZERO
	    " host host7.dyn.isp.net\n"
	    "be30a6d2ef2a571a447e849e3f54efe2 " ZERO
	    " rule 3+20TLS+5FTo:bobby@bar.net+20PERM+2BENCR:1\n"
	    "95a04b17fc2f77e1fcf588bd94bb734d " ZERO
	    " text encryption+20required\n"
	    "9692bf03355f0aa86e7f8dec29b06585 " ZERO
	    " certificate helga+2B40example.com\n";
	char path[4096];
	FILE *file;

	folder = fuzz_path("salts");
	FUZZ_CHECK(mkdir(folder, 0700) == 0 || errno == EEXIST);
	snprintf(path, sizeof path, "%s/2026-02-02", folder);
	file = fopen(path, "w");
	FUZZ_CHECK(file != NULL && fputs(salts, file) >= 0 &&
	    fclose(file) == 0);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct fault fault;

	(void)argc;
	(void)argv;
	chain = chain_new(slice_make("", 0), &fault);
	FUZZ_CHECK(chain != NULL);
	put_salts();
	return 0;
}

static void
check_record(const struct reader_record *r)
{
	FUZZ_CHECK(r->event < RECORD_EVENT_COUNT &&
	    r->verdict <= VERDICT_HOLD && r->would <= VERDICT_HOLD &&
	    r->reason < REASON_COUNT);
	for (size_t i = 0; i < r->nrules; i++)
		FUZZ_CHECK(r->rules[i].answer <= ANSWER_CANNOT_TELL &&
		    (r->rules[i].matched || r->rules[i].lookup_failed) &&
		    r->rules[i].tag < TAG_COUNT);
	for (int id = 0; id < FACT_COUNT; id++) {
		const struct fact *fact = &r->facts.fact[id];

		FUZZ_CHECK(fact->state == FACT_KNOWN || fact->value.n == 0);
	}
}

/* Every line is one thing or another, and the reader comes to the end. */
static void
read_records(char *path, uint64_t lines)
{
	struct fault fault = { FAULT_NONE, "", 0, 0, "" };
	struct reader *reader = reader_open(&path, 1, false, &fault);
	struct reader_record record;
	enum reader_result result;

	if (reader == NULL)
		return;
	reader_record_init(&record);
	record.salts = salts_open(&fault);
	FUZZ_CHECK(record.salts != NULL &&
	    salts_add(record.salts, folder, &fault));
	while ((result = reader_next(reader, &record, &fault)) != READER_END &&
	    result != READER_FAILED) {
		FUZZ_CHECK(reader_line(reader) <= lines);
		if (result == READER_RECORD || result == READER_OUTBOUND)
			check_record(&record);
		FUZZ_CHECK(result != READER_BAD || fault.text[0] != '\0');
	}
	salts_close(record.salts);
	reader_record_free(&record);
	reader_close(reader);
}

/* A file of salts may hold anything. */
static void
parse_salts(struct slice rest)
{
	struct salts_entry e;
	struct slice line;

	while (slice_next(&rest, '\n', &line))
		if (salts_parse(line, &e))
			FUZZ_CHECK(e.value.n > 0 && (e.erased ||
			    (e.kind > PERSON_NOBODY && e.kind < PERSON_KINDS)));
}

static uint64_t
count_lines(const uint8_t *data, size_t size)
{
	uint64_t lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	return lines;
}

static void
check_tail(const char *path, int fd)
{
	struct tail plain, any;
	struct fault fault;

	if (tail_of(path, chain, &any, &fault))
		FUZZ_CHECK(any.found || any.head.seq == 0);
	if (tail_read(fd, chain, &plain, &fault))
		FUZZ_CHECK(plain.found || plain.head.seq == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fault fault = { FAULT_NONE, "", 0, 0, "" };
	struct verification v;
	char path[32];
	int fd = fuzz_file(data, size, path);
	uint64_t seq;

	verify_init(&v, chain);
	if (verify_file(&v, path, &fault))
		FUZZ_CHECK(verify_finish(&v) == (v.kind == BREAK_NONE));
	else
		FUZZ_CHECK(v.kind != BREAK_NONE || fault.kind != FAULT_NONE);
	FUZZ_CHECK(v.kind == BREAK_NONE || v.what[0] != '\0');
	FUZZ_RUN(verify_first_seq(path, &seq, &fault));
	check_tail(path, fd);
	/* How many lines a packed file has is not known here. */
	parse_salts(slice_make((const char *)data, size));
	read_records(path, size > 1 && (data[0] == 0x1f || data[0] == 0x28) ?
	    UINT64_MAX : count_lines(data, size));
	close(fd);
	return 0;
}
