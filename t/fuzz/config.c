/*
 * A Postfix's folder: main.cf, master.cf and a table "t", parted by lines "%%";
 * byte 1: what main.cf begins with.  What import prints must be rules, and what
 * it tells must be text.
 */
#include "t/fuzz/fuzz.h"

#include <sys/stat.h>

#include "policy/import/import.h"

static const char *const beginnings[] = { "",
	"smtpd_sender_restrictions = check_sender_access "
	"texthash:$config_directory/t\n",
	"smtpd_client_restrictions = permit_mynetworks, check_client_access "
	"cidr:$config_directory/t, reject_plaintext_session\n",
	"smtpd_recipient_restrictions = warn_if_reject check_recipient_access "
	"regexp:$config_directory/t\nsmtpd_restriction_classes = one, two\n",
	"smtp_tls_security_level = dane\n"
	"smtp_tls_policy_maps = texthash:$config_directory/t\n",
	"smtp_tls_per_site = hash:$config_directory/t\n" };
enum { BEGINNINGS = sizeof beginnings / sizeof beginnings[0] };

static void
check_report(void *arg, const struct fault *fault)
{
	(void)arg;
	FUZZ_CHECK(fault->text[0] != '\0');
}

static void
put_file(const char *folder, const char *name, const char *before,
    struct slice text)
{
	char path[600];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	file = fopen(path, "w");
	FUZZ_CHECK(file != NULL);
	fputs(before, file);
	FUZZ_CHECK(fwrite(text.p, 1, text.n, file) == text.n);
	fclose(file);
}

static struct slice
next_part(struct slice *rest)
{
	const char *end = rest->n == 0 ? NULL :
	    memmem(rest->p, rest->n, "\n%%\n", 4);
	struct slice part = *rest;

	if (end == NULL) {
		*rest = slice_make("", 0);
		return part;
	}
	part.n = (size_t)(end - part.p) + 1;
	*rest = slice_from(*rest, part.n + 3);
	return part;
}

/* Nothing of a stranger's steers the terminal. */
static void
check_table(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		FUZZ_CHECK(text[i] == '\n' || text[i] == '\t' ||
		    (text[i] >= ' ' && text[i] <= '~'));
}

static void
check_printed(const struct import *import)
{
	char *printed = NULL, *table = NULL;
	size_t n = 0, ntable = 0;
	struct rulefile file;
	struct fault fault;
	FILE *out = open_memstream(&printed, &n);

	FUZZ_CHECK(out != NULL);
	import_print(import, out);
	fclose(out);
	out = open_memstream(&table, &ntable);
	FUZZ_CHECK(out != NULL);
	import_print_table(import, out);
	fclose(out);
	check_table(table, ntable);
	rulefile_init(&file, NULL, NULL);
	file.partial = true;
	FUZZ_CHECK(rulefile_read_text(&file, slice_make(printed, n), "import",
	    &fault));
	FUZZ_CHECK(rulefile_finish(&file));
	rulefile_free(&file);
	free(printed);
	free(table);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct import_format *format = import_formats();
	const char *folder = fuzz_path("config");
	struct slice rest, main_cf, master;
	struct import import;
	struct fault fault;

	if (size == 0)
		return 0;
	while (strcmp(format->name, "postfix") != 0)
		format++;
	mkdir(folder, 0700);
	rest = slice_make((const char *)data + 1, size - 1);
	main_cf = next_part(&rest);
	master = next_part(&rest);
	put_file(folder, "main.cf", beginnings[data[0] % BEGINNINGS], main_cf);
	put_file(folder, "master.cf", "", master);
	put_file(folder, "t", "", rest);
	import_init(&import, format, folder, check_report, NULL);
	if (import_config(&import, folder, &fault))
		check_printed(&import);
	import_free(&import);
	return 0;
}
