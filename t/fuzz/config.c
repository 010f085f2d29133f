/*
 * A Postfix's configuration: lines "==m", "==s", "==t" and "==u" begin what is
 * in main.cf, master.cf and two tables.  What import prints must be rules.
 */
#include "t/fuzz/fuzz.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <stdbool.h>

#include "policy/import/import.h"

static const struct {
	char mark;
	const char *name;
} files[] = { { 'm', "main.cf" }, { 's', "master.cf" }, { 't', "t" },
	{ 'u', "u" } };
enum { FILES = sizeof files / sizeof files[0] };

static char dir[512];
static int folder;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	snprintf(dir, sizeof dir, "%s", fuzz_path("config"));
	FUZZ_CHECK(mkdir(dir, 0700) == 0);
	folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FUZZ_CHECK(folder != -1);
	return 0;
}

static void
write_files(struct slice rest)
{
	int fds[FILES];
	size_t at = 0;
	struct slice line;

	for (size_t i = 0; i < FILES; i++) {
		fds[i] = openat(folder, files[i].name, O_WRONLY | O_CREAT |
		    O_TRUNC | O_CLOEXEC, 0600);
		FUZZ_CHECK(fds[i] != -1);
	}
	while (slice_next(&rest, '\n', &line)) {
		if (line.n == 3 && line.p[0] == '=' && line.p[1] == '=') {
			for (size_t i = 0; i < FILES; i++)
				at = files[i].mark == line.p[2] ? i : at;
			continue;
		}
		FUZZ_CHECK(write(fds[at], line.p, line.n) == (ssize_t)line.n);
		FUZZ_CHECK(write(fds[at], "\n", 1) == 1);
	}
	for (size_t i = 0; i < FILES; i++)
		close(fds[i]);
}

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

static const struct import_format *
postfix(void)
{
	const struct import_format *format = import_formats();

	while (strcmp(format->name, "postfix") != 0)
		format++;
	return format;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct import import;
	struct fault fault;
	char *printed = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&printed, &n);

	FUZZ_CHECK(out != NULL);
	write_files(slice_make((const char *)data, size));
	fault_clear(&fault);
	import_init(&import, postfix(), dir, check_report, NULL);
	if (import_config(&import, dir, &fault))
		import_print(&import, out);
	else
		FUZZ_CHECK(fault.text[0] != '\0');
	import_free(&import);
	fclose(out);
	check_rules(printed, n);
	free(printed);
	return 0;
}
