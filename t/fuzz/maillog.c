/*
 * An MTA's log; byte 1: of which MTA.  Whatever it holds, a record is one line
 * that reads back as one out of a log, which nobody takes for the daemon's.
 */
#include "t/fuzz/fuzz.h"

#include "policy/audit/chain.h"
#include "policy/audit/reader.h"
#include "policy/audit/record-maillog.h"
#include "policy/maillog/maillog.h"

struct seen {
	struct reader_record record;
	size_t n;
};

static bool
exempt(void *arg, const struct facts *facts)
{
	struct netaddr addr;

	(void)arg;
	return facts_address(facts, false, &addr) && (addr.bytes[15] & 1) != 0;
}

static void
check_message(const struct reader_record *r)
{
	FUZZ_CHECK(r->event == RECORD_MESSAGE && r->nrcpts == 0);
	FUZZ_CHECK(facts_filled(&r->facts, FACT_CLIENT_ADDR));
	FUZZ_CHECK(r->verdict == VERDICT_ACCEPT);
}

static void
check_delivery(const struct reader_record *r)
{
	FUZZ_CHECK(r->event == RECORD_DELIVERED && r->nrcpts == 1);
	FUZZ_CHECK(facts_filled(&r->facts, FACT_SERVER_NAME));
	FUZZ_CHECK(!facts_known(&r->facts, FACT_CLIENT_ADDR));
}

static bool
each(void *arg, struct slice line)
{
	struct seen *seen = arg;
	struct reader_record *r = &seen->record;
	struct chain_line sealed;
	struct fault fault;

	FUZZ_CHECK(line.n > 0 && slice_find(line, '\n') == line.n - 1);
	line.n--;
	switch (reader_parse(r, line, &fault)) {
	case READER_RECORD:
		check_message(r);
		break;
	case READER_NOTE:
		check_delivery(r);
		break;
	default:
		FUZZ_CHECK(false);
	}
	FUZZ_CHECK(r->maillog && record_maillog_is(line));
	FUZZ_CHECK(r->nrules == 0 && r->generation == 0 && r->seq == 0);
	FUZZ_CHECK(!chain_split(line, &sealed));
	FUZZ_CHECK(facts_tls_told(&r->facts) || facts_in_clear(&r->facts));
	seen->n++;
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen seen = { .n = 0 };
	struct maillog_options options = { .since = INT64_MIN,
	    .until = INT64_MAX, .room = 4, .exempt = exempt, .each = each, .arg = &seen };
	const struct maillog_counts *counts;
	struct maillog *m;
	struct fault fault;
	char path[32];
	int fd;

	if (size == 0)
		return 0;
	options.mta = (enum maillog_mta)(data[0] % 3);
	fd = fuzz_file(data + 1, size - 1, path);
	reader_record_init(&seen.record);
	m = maillog_new(&options);
	FUZZ_CHECK(m != NULL);
	if (maillog_file(m, path, 1795161602, &fault))
		FUZZ_RUN(maillog_file(m, path, 1795161602, &fault));
	FUZZ_CHECK(maillog_finish(m, &fault));
	counts = maillog_counts(m);
	FUZZ_CHECK(counts->records == seen.n);
	FUZZ_CHECK(counts->untold <= counts->records);
	FUZZ_CHECK(counts->delivered <= counts->records);
	maillog_free(m);
	reader_record_free(&seen.record);
	close(fd);
	return 0;
}
