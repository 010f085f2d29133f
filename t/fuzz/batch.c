/* The JSON lines that check --batch reads. */
#include "t/fuzz/fuzz.h"

#include "policy/check/batch.h"

static struct settings settings;
static struct store *store;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *path = fuzz_path("store");
	struct fault fault;

	(void)argc;
	(void)argv;
	fuzz_build(path, "TLS_Clt: VERIFY:112+CN\nTLS_From:<> ENCR:1\n"
	    "TLS_To:example.com PERM+ENCR:128\n");
	FUZZ_CHECK((store = store_open(path, &fault)) != NULL);
	settings_init(&settings);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct check judge;
	char path[32];
	int fd = fuzz_file(data, size, path), status;

	check_init(&judge, &settings, store);
	judge.traced = size % 2 == 0;
	status = batch_run(&judge, fd);
	FUZZ_CHECK(status == 0 || status == 65);
	check_free(&judge);
	close(fd);
	return 0;
}
