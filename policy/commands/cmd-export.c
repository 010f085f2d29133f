/* tlspolicy export: rules as entries of a directory, for who loads them himself. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "policy/commands/ruleset.h"
#include "policy/sync/entryname.h"

static const struct command_option options[] = {
	{ OPTION_FROM_STORE, "store", NULL, "the rules in force, not of files" },
	{ 0, NULL, NULL, NULL }
};

/* RFC 2849: what is no safe string goes as base64. */
static bool
is_safe(struct slice value)
{
	if (value.n == 0)
		return true;
	if (strchr(" :<", value.p[0]) != NULL || value.p[value.n - 1] == ' ')
		return false;
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] < ' ' || value.p[i] > '~')
			return false;
	return true;
}

static bool
put(const char *name, struct slice value, struct fault *f)
{
	unsigned char *coded;

	if (is_safe(value)) {
		printf("%s: %.*s\n", name, SLICE_ARG(value));
		return true;
	}
	coded = malloc(4 * (value.n / 3 + 1) + 1);
	if (coded == NULL)
		return fault_no_memory(f);
	EVP_EncodeBlock(coded, (const unsigned char *)value.p, (int)value.n);
	printf("%s:: %s\n", name, (const char *)coded);
	free(coded);
	return true;
}

static bool
put_entry(const char *base, const struct ruleset_line *line, unsigned number,
    struct fault *f)
{
	char name_text[ENTRYNAME_MAX];
	struct text name;
	bool good;

	text_init(&name, name_text, sizeof name_text);
	entryname_print(line->key, number, base, &name);
	good = put("dn", slice_make(name.buf, name.n), f);
	for (size_t i = 0; i < ENTRYNAME_CLASSES; i++)
		printf("objectClass: %s\n", entryname_classes[i]);
	puts(ENTRYNAME_MAP ": " ENTRYNAME_OUR_MAP);
	good = good && put(ENTRYNAME_KEY, line->key, f) &&
	    put(ENTRYNAME_VALUE, line->requirement, f);
	if (number > 0)
		printf(ENTRYNAME_NUMBER ": %04u\n", number);
	putchar('\n');
	return good;
}

/* Several lines of one key are numbered. */
static bool
put_all(const char *base, const struct ruleset_lines *all, struct fault *f)
{
	const struct ruleset_line *l = all->lines;
	unsigned number = 0;

	for (size_t i = 0; i < all->n; i++) {
		bool more = i + 1 < all->n && slice_equal(l[i].key_bytes,
		    l[i + 1].key_bytes);

		number = more || number > 0 ? number + 1 : 0;
		if (!put_entry(base, &l[i], number, f))
			return false;
		if (!more)
			number = 0;
	}
	return true;
}

static bool
export_store(const struct context *context, struct fault *f)
{
	struct ruleset_lines lines;
	struct store_reader reader;
	struct store *store;
	bool good;

	if (!command_open_store(context, &store, &reader, f))
		return false;
	ruleset_lines_init(&lines);
	good = ruleset_lines_of_store(&reader, &lines, f) &&
	    put_all(context->settings.directory_base, &lines, f);
	ruleset_lines_free(&lines);
	command_close_store(store, &reader);
	return good;
}

static bool
export_files(const struct context *context, char *const *paths,
    struct fault *f)
{
	struct ruleset_lines lines;
	struct rulefile rules;
	bool good;

	ruleset_lines_init(&lines);
	good = ruleset_read(context, paths, &rules, f) &&
	    ruleset_lines_of_file(&rules, &lines, f) &&
	    put_all(context->settings.directory_base, &lines, f);
	ruleset_lines_free(&lines);
	rulefile_free(&rules);
	return good;
}

static int
run(struct context *context, int argc, char **argv)
{
	bool in_force = false, good;
	struct fault f;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c != OPTION_FROM_STORE)
			return status;
		in_force = true;
	}
	if (optind == argc || strcmp(argv[optind], "ldif") != 0)
		return command_usage(context, "expected what as: ldif");
	if (in_force && optind + 1 < argc)
		return command_usage(context, "--store takes no rule files");
	if (context->settings.directory_base[0] == '\0') {
		fault_set(&f, FAULT_SETTINGS, "expected below what entry");
		fault_at_setting(&f, "directory-base");
		return command_fail(&f);
	}
	good = in_force ? export_store(context, &f) :
	    export_files(context, argv + optind + 1, &f);
	return good ? EXIT_FINE : command_fail(&f);
}

const struct command command_export = {
	"export", "ldif [RULES...]", "Print rules as entries of a directory",
	options, run,
	"tlspolicy-fleet(7)"
};
