/* An audit file: verified to the end or to its first break. */
#include "t/fuzz/fuzz.h"

#include "policy/audit/verify.h"

static struct chain *chain;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct fault fault;

	(void)argc;
	(void)argv;
	chain = chain_new(slice_make("", 0), &fault);
	FUZZ_CHECK(chain != NULL);
	return 0;
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
	verify_first_seq(path, &seq, &fault);
	close(fd);
	return 0;
}
