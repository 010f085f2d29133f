/*
 * A settings file, and each of its lines as `check -o` takes it.  Settings that
 * were understood print as a file that says the same.
 */
#include "t/fuzz/fuzz.h"

#include <jansson.h>

#include "policy/conf/settings-print.h"

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
	while (slice_next(&rest, '\n', &line)) {
		struct fault fault = { FAULT_NONE, "", 0, 0, "" };

		FUZZ_CHECK(settings_assign(&settings, line, &fault) ||
		    fault.kind != FAULT_NONE);
	}
}

static char *
print(const struct settings *settings, bool json, size_t *n)
{
	char *printed = NULL;
	FILE *out = open_memstream(&printed, n);

	FUZZ_CHECK(out != NULL);
	if (json)
		settings_print_json(settings, out);
	else
		settings_print(settings, out, true);
	fclose(out);
	return printed;
}

static void
check_printed(const struct settings *settings)
{
	struct settings again;
	struct fault fault;
	size_t n = 0, m = 0;
	char *file = print(settings, false, &n), *file2, *json, path[32];
	json_t *object;
	int fd = fuzz_file(file, n, path);

	settings_init(&again);
	FUZZ_CHECK(settings_read(&again, path, check_report, &(unsigned long)
	    { 0 }, &fault));
	file2 = print(&again, false, &m);
	FUZZ_CHECK(n == m && memcmp(file, file2, n) == 0);
	json = print(settings, true, &n);
	FUZZ_CHECK((object = json_loadb(json, n, 0, NULL)) != NULL);
	json_decref(object);
	close(fd);
	free(file);
	free(file2);
	free(json);
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
	if (good)
		check_printed(&settings);
	assign_lines(slice_make((const char *)data, size));
	return 0;
}
