/* tlspolicy import: other people's policy as rules, on standard output. */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "policy/base/nearest.h"
#include "policy/commands/command.h"
#include "policy/import/import.h"

static const struct import_format *
find_format(const struct context *context, const char *name)
{
	char hint_text[80];
	struct nearest nearest;
	struct text hint;

	nearest_init(&nearest, slice_of(name));
	for (const struct import_format *f = import_formats(); f->name != NULL;
	    f++) {
		if (strcmp(f->name, name) == 0)
			return f;
		nearest_offer(&nearest, slice_of(f->name));
	}
	text_init(&hint, hint_text, sizeof hint_text);
	nearest_print(&nearest, &hint);
	command_usage(context, "there is no format \"%s\"%s", name,
	    hint.n > 0 ? hint.buf : "; expected sendmail, postfix, csv or "
	    "starttls-everywhere");
	return NULL;
}

static void
print_summary(const struct import *import, unsigned long printed)
{
	fprintf(stderr, "%s: %lu rule%s, %lu not taken\n", import->path,
	    printed, printed == 1 ? "" : "s", import->bad);
	if (import->outbound > 0)
		fprintf(stderr, "%s: %lu of them are outbound (TLS_Srv, "
		    "TLS_Rcpt, Try_TLS): the milter judges inbound sessions "
		    "only\n", import->path, import->outbound);
}

static int
import_file(const struct import_format *format, const char *path)
{
	bool from_stdin = strcmp(path, "-") == 0;
	FILE *file = from_stdin ? stdin : fopen(path, "re");
	struct import import;
	struct fault f;
	int status;

	if (file == NULL) {
		fault_errno(&f, FAULT_NOINPUT, errno, "cannot open %s", path);
		return command_fail(&f);
	}
	import_init(&import, format, from_stdin ? "stdin" : path,
	    command_report_fault, NULL);
	if (import_read(&import, file, &f)) {
		print_summary(&import, import_print(&import, stdout));
		status = import.bad > 0 ? FAULT_DATA : EXIT_FINE;
	} else {
		status = command_fail(&f);
	}
	import_free(&import);
	if (!from_stdin)
		fclose(file);
	return status;
}

static int
run(struct context *context, int argc, char **argv)
{
	const struct import_format *format;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1)
		return status;
	if (!command_operands(context, argc - optind, 2, 2))
		return FAULT_USAGE;
	format = find_format(context, argv[optind]);
	return format == NULL ? FAULT_USAGE :
	    import_file(format, argv[optind + 1]);
}

const struct command command_import = {
	"import", "sendmail|postfix|csv|starttls-everywhere FILE",
	"Print other people's policy as rules", NULL, run,
	"tlspolicy-migration(7)"
};
