/*
 * What a peer writes to the socket of TLSRPT: taken whole or not at all, and
 * what was taken becomes a record that fits in its room and reads back as that.
 */
#include "t/fuzz/fuzz.h"

#include "policy/audit/reader.h"
#include "policy/audit/record-handshake.h"

static struct tlsrpt told;
static struct arena memory;
static struct reader_record record;
static char room[RECORD_LINE_MAX];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	arena_init(&memory, 4096);
	reader_record_init(&record);
	return 0;
}

static void
take(const struct tlsrpt_policy *policy)
{
	struct record_handshake r = { .time_us = 1, .domain = told.domain,
		.policy = policy };
	struct text line;
	struct fault f;

	text_init(&line, room, sizeof room);
	FUZZ_CHECK(record_handshake_format(&r, &line));
	FUZZ_CHECK(memchr(room, '\n', line.n) == NULL);
	FUZZ_CHECK(reader_parse(&record, slice_make(room, line.n), &f) ==
	    READER_NOTE);
	FUZZ_CHECK(record.event == RECORD_HANDSHAKE);
	FUZZ_CHECK(record.handshake.failed == policy->failed);
	FUZZ_CHECK(record.handshake.domain.n > 0);
	if (policy->nfailures > 0)
		FUZZ_CHECK(slice_is(record.handshake.result_type,
		    policy->failures[0].type));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice datagram = slice_make((const char *)data, size);
	const char *expected;
	size_t at;

	if (size > TLSRPT_DATAGRAM_MAX)
		return 0;
	arena_reset(&memory);
	if (!tlsrpt_parse(datagram, &memory, &told, &expected, &at)) {
		FUZZ_CHECK(expected != NULL && at <= size);
		return 0;
	}
	FUZZ_CHECK(told.domain.n > 0 && told.npolicies > 0);
	for (unsigned i = 0; i < told.npolicies; i++)
		take(&told.policies[i]);
	return 0;
}
