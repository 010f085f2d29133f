/* A settings file, and each of its lines as `check -o` takes it. */
#include "t/fuzz/fuzz.h"

#include "policy/conf/settings.h"

static void
check_report(void *arg, const struct fault *fault)
{
	FUZZ_CHECK(fault->kind != FAULT_NONE && fault->text[0] != '\0');
	++*(unsigned long *)arg;
}

static void
assign_lines(struct slice rest)
{
	struct settings settings;
	struct slice line;

	settings_init(&settings);
	while (fuzz_line(&rest, &line)) {
		struct fault fault = { FAULT_NONE, "", 0, 0, "" };

		FUZZ_CHECK(settings_assign(&settings, line, &fault) ||
		    fault.kind != FAULT_NONE);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned long reported = 0;
	struct settings settings;
	struct fault fault;
	char path[32];
	int fd = fuzz_file(data, size, path);
	bool good;

	settings_init(&settings);
	good = settings_read(&settings, path, check_report, &reported, &fault);
	FUZZ_CHECK(good == (reported == 0) ||
	    fault.kind == FAULT_UNAVAILABLE);
	FUZZ_CHECK(memchr(settings.store, '\0', sizeof settings.store) !=
	    NULL);
	close(fd);
	assign_lines(slice_make((const char *)data, size));
	return 0;
}
