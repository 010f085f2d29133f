/*
 * Other people's policy: the first byte picks the format, and whose table it
 * is.  What import prints must be rules.
 */
#include "t/fuzz/fuzz.h"

#include "policy/import/import.h"

static void
check_report(void *arg, const struct fault *fault)
{
	(void)arg;
	FUZZ_CHECK(fault->text[0] != '\0');
}

static void
check_rules(char *text, size_t size)
{
	struct rulefile file;
	struct fault fault;

	rulefile_init(&file, NULL, NULL);
	file.partial = true; /* rows of issuers without their CITag */
	FUZZ_CHECK(rulefile_read_text(&file, slice_make(text, size), "import",
	    &fault));
	FUZZ_CHECK(rulefile_finish(&file));
	rulefile_free(&file);
}

static const enum tag as[] = { TAG_COUNT, TAG_CLT, TAG_FROM, TAG_TO,
	TAG_RCPT };
enum { AS = sizeof as / sizeof as[0] };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct import_format *format = import_formats();
	struct import import;
	struct fault fault;
	char *printed = NULL, path[32];
	size_t n = 0;
	FILE *in, *out;
	int fd;

	if (size == 0)
		return 0;
	for (unsigned i = data[0] % 4; i > 0 && format[1].name != NULL; i--)
		format++;
	fd = fuzz_file(data + 1, size - 1, path);
	in = fdopen(fd, "r");
	out = open_memstream(&printed, &n);
	FUZZ_CHECK(in != NULL && out != NULL);
	import_init(&import, format, "fuzz", check_report, NULL);
	import.with_as = as[(data[0] >> 2) % AS] != TAG_COUNT;
	import.as = as[(data[0] >> 2) % AS];
	if (import_read(&import, in, &fault))
		import_print(&import, out);
	import_free(&import);
	fclose(in);
	fclose(out);
	check_rules(printed, n);
	free(printed);
	return 0;
}
