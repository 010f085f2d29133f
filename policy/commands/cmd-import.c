/* tlspolicy import: other people's policy as rules, on standard output. */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "policy/base/nearest.h"
#include "policy/commands/command.h"
#include "policy/commands/word.h"
#include "policy/import/import.h"

static const struct import_format *
find_format(const struct context *context, const char *name)
{
	struct word word;

	word_start(&word, name);
	for (const struct import_format *f = import_formats(); f->name != NULL;
	    f++)
		if (word_is(&word, f->name))
			return f;
	word_refuse(&word, context, "a format");
	return NULL;
}

static const struct command_option options[] = {
	{ 'a', "as", "TAG", "whose table it is: TLS_Clt, TLS_From, TLS_To, "
	    "TLS_Rcpt" },
	{ 'f', "config", "DIR", "main.cf, master.cf and the tables that they "
	    "name" },
	{ 'l', "level", "LEVEL", "what Postfix does by itself, "
	    "smtp_tls_security_level" },
	{ 'p', "partial", NULL, "lines that are not of equal force are no "
	    "error" },
	COMMAND_OPTION_JSON,
	{ 0, NULL, NULL, NULL }
};

struct choices {
	bool with_as, partial, json;
	enum tag as;
	const char *config, *level;
};

static void
print_summary(const struct import *import, const char *path,
    unsigned long printed)
{
	fprintf(stderr, "%s: %lu rule%s, %lu line%s not of equal force\n", path,
	    printed, printed == 1 ? "" : "s", import->bad,
	    import->bad == 1 ? "" : "s");
	if (import->outbound > 0)
		fprintf(stderr, "%s: %lu of them are outbound (TLS_Srv, "
		    "TLS_Rcpt, Try_TLS): the milter judges inbound sessions "
		    "only\n", path, import->outbound);
}

static int
print(const struct import *import, const char *path,
    const struct choices *choices)
{
	if (choices->json) {
		import_print_json(import, stdout);
	} else {
		unsigned long printed = import_print(import, stdout);

		fflush(stdout);
		import_print_table(import, stderr);
		print_summary(import, path, printed);
	}
	return import->bad > 0 && !choices->partial ? FAULT_DATA : EXIT_FINE;
}

static bool
read_file(struct import *import, const char *path, struct fault *f)
{
	bool from_stdin = strcmp(path, "-") == 0, good;
	FILE *file = from_stdin ? stdin : fopen(path, "re");

	if (file == NULL)
		return fault_errno(f, FAULT_NOINPUT, errno, "cannot open %s",
		    path);
	good = import_read(import, file, f);
	if (!from_stdin)
		fclose(file);
	return good;
}

static int
import_all(const struct context *context, const struct import_format *format,
    const struct choices *choices, const char *path)
{
	const char *shown = path != NULL && strcmp(path, "-") == 0 ? "stdin" :
	    path != NULL ? path : choices->config;
	struct import import;
	struct fault f;
	int status;

	import_init(&import, format, shown, command_report_fault, NULL);
	import.with_as = choices->with_as;
	import.as = choices->as;
	if (choices->level != NULL)
		import.beyond = import_level(slice_of(choices->level));
	import.compat_sendmail = context->settings.compat == COMPAT_SENDMAIL;
	if (path != NULL ? read_file(&import, path, &f) :
	    import_config(&import, choices->config, &f))
		status = print(&import, shown, choices);
	else
		status = command_fail(&f);
	import_free(&import);
	return status;
}

static bool
choose_tag(struct context *context, const char *name, enum tag *tag)
{
	static const enum tag tags[] = { TAG_CLT, TAG_FROM, TAG_TO, TAG_RCPT };
	struct word word;

	for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
		if (tag_by_name(slice_of(name), tag) && *tag == tags[i])
			return true;
	word_start(&word, name);
	for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
		word_is(&word, tag_row(tags[i])->name);
	word_refuse(&word, context, "a tag for --as");
	return false;
}

/* --as is for tables without tags, --config for Postfix. */
static bool
do_agree(struct context *context, const struct import_format *format,
    const struct choices *choices)
{
	bool postfix = strcmp(format->name, "postfix") == 0;

	if (choices->config != NULL && (!postfix || choices->with_as)) {
		command_usage(context, "--config is for postfix, and finds "
		    "the tags by itself");
		return false;
	}
	if (choices->with_as && !postfix &&
	    strcmp(format->name, "csv") != 0) {
		command_usage(context, "--as is for postfix and csv");
		return false;
	}
	if (choices->level != NULL && (choices->config != NULL ||
	    strcmp(format->name, "sendmail") == 0)) {
		command_usage(context, "--level is for tables of next hops "
		    "without their main.cf");
		return false;
	}
	return true;
}

static bool
is_level(const struct context *context, const char *name)
{
	static const char *const levels[] = { "none", "may", "encrypt",
		"dane", "half-dane", "dane-only", "fingerprint", "verify",
		"secure" };
	struct word word;

	word_start(&word, name);
	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
		if (word_is(&word, levels[i]))
			return true;
	word_refuse(&word, context, "a level");
	return false;
}

static int
run(struct context *context, int argc, char **argv)
{
	struct choices choices = { .with_as = false };
	const struct import_format *format;
	int c, status, operands;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		switch (c) {
		case 'a':
			if (!choose_tag(context, optarg, &choices.as))
				return FAULT_USAGE;
			choices.with_as = true;
			break;
		case 'f':
			choices.config = optarg;
			break;
		case 'l':
			if (!is_level(context, optarg))
				return FAULT_USAGE;
			choices.level = optarg;
			break;
		case 'p':
			choices.partial = true;
			break;
		case OPTION_JSON:
			choices.json = true;
			break;
		default:
			return status;
		}
	}
	operands = choices.config != NULL ? 1 : 2;
	if (!command_operands(context, argc - optind, operands, operands))
		return FAULT_USAGE;
	format = find_format(context, argv[optind]);
	if (format == NULL || !do_agree(context, format, &choices))
		return FAULT_USAGE;
	return import_all(context, format, &choices,
	    choices.config != NULL ? NULL : argv[optind + 1]);
}

const struct command command_import = {
	"import", "sendmail|postfix|csv|starttls-everywhere FILE",
	"Print other people's policy as rules", options, run,
	"tlspolicy-migration(7)"
};
