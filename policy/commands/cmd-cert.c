/*
 * Shows what is in certificate and key files, then what is wrong with them.
 * Descriptions and findings both go to standard output: findings are the
 * result that was asked for, not a failure of the command.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/base/jsontext.h"
#include "policy/commands/command.h"
#include "policy/commands/word.h"
#include "policy/cert/describe.h"
#include "policy/cert/inspect.h"

enum { CERT_FILES_MAX = 64, SOON_DEFAULT = 30, DAYS_MAX = 36500 };

/* What the command line asks for. */
struct wishes {
	struct inspect_settings inspect;
	bool json;
};

static bool
parse_use(const struct context *context, const char *name,
    enum inspect_use *use)
{
	static const char *const words[] = {
		[INSPECT_BOTH] = "both",
		[INSPECT_SERVER] = "server",
		[INSPECT_CLIENT] = "client",
	};

	struct word word;

	word_start(&word, name);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (word_is(&word, words[i])) {
			*use = (enum inspect_use)i;
			return true;
		}
	word_refuse(&word, context, "a use");
	return false;
}

/* File names, too, are chosen by whoever sent the file. */
static void
print_clean(const char *words)
{
	char buf[FINDING_PLACE_MAX];
	struct text text;

	text_init(&text, buf, sizeof buf);
	text.utf8 = true;
	text_put_printable(&text, slice_of(words));
	fputs(buf, stdout);
}

static void
print_file(const struct pemfile *file, time_t now)
{
	int n = sk_X509_num(file->certificates);

	for (int i = 0; i < n; i++) {
		X509 *certificate = sk_X509_value(file->certificates, i);

		print_clean(file->path);
		printf(": certificate %d of %d\n", i + 1, n);
		describe_text(certificate, now, 4, stdout);
		describe_purposes(certificate, 4, stdout);
	}
	for (size_t i = 0; i < file->nkeys; i++) {
		print_clean(file->path);
		printf(": private key %zu of %zu\n", i + 1, file->nkeys);
		describe_key(file->keys[i], 4, stdout);
	}
}

static void
print_findings(const struct findings *findings)
{
	for (size_t i = 0; i < findings->n; i++) {
		const struct finding *finding = &findings->all[i];

		print_clean(finding->place);
		if (finding->number != 0)
			printf(": certificate %u", finding->number);
		printf(": %s: ", finding->kind->name);
		print_clean(finding->what);
		printf("\n    way out: %s\n", finding->kind->advice);
	}
}

static json_t *
file_json(const struct pemfile *file, time_t now)
{
	json_t *certificates = json_array(), *keys = json_array();

	for (int i = 0; i < sk_X509_num(file->certificates); i++)
		json_array_append_new(certificates, describe_json(
		    sk_X509_value(file->certificates, i), now));
	for (size_t i = 0; i < file->nkeys; i++)
		json_array_append_new(keys, describe_key_json(file->keys[i]));
	return json_pack("{s:o, s:o, s:o}", "file",
	    jsontext_cstring(file->path), "certificates", certificates, "keys",
	    keys);
}

static json_t *
findings_json(const struct findings *findings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < findings->n; i++) {
		const struct finding *finding = &findings->all[i];

		json_array_append_new(list, json_pack(
		    "{s:o, s:i, s:s, s:o, s:s}", "file",
		    jsontext_cstring(finding->place),
		    "certificate", (int)finding->number,
		    "finding", finding->kind->name, "text",
		    jsontext_cstring(finding->what),
		    "way_out", finding->kind->advice));
	}
	return list;
}

static void
print_json(const struct pemfile *files, size_t n, const struct findings *findings,
    time_t now)
{
	json_t *list = json_array(), *root;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, file_json(&files[i], now));
	root = json_pack("{s:o, s:o}", "files", list, "findings",
	    findings_json(findings));
	json_dumpf(root, stdout, JSON_ENSURE_ASCII | JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
}

static bool
read_files(char **paths, size_t n, struct pemfile *files, size_t *nread,
    struct fault *f)
{
	for (*nread = 0; *nread < n; (*nread)++)
		if (!pemfile_read(paths[*nread], &files[*nread], f))
			return false;
	return true;
}

static int
run_files(const struct wishes *wishes, const struct pemfile *files, size_t n)
{
	struct findings findings;
	struct fault f;
	int status;

	findings_init(&findings);
	if (!inspect_files(files, n, &wishes->inspect, &findings, &f)) {
		findings_free(&findings);
		return command_fail(&f);
	}
	if (wishes->json) {
		print_json(files, n, &findings, wishes->inspect.now);
	} else {
		for (size_t i = 0; i < n; i++)
			print_file(&files[i], wishes->inspect.now);
		print_findings(&findings);
	}
	status = findings.n > 0 ? EXIT_FINDINGS : EXIT_FINE;
	findings_free(&findings);
	return status;
}

enum { OPTION_HOST = 1024, OPTION_CA, OPTION_USE, OPTION_DAYS };

static const struct command_option options[] = {
	{ OPTION_HOST, "host", "NAME", "must be a name in the certificate" },
	{ OPTION_CA, "ca", "FILE|DIR", "must hold the certificate's CA" },
	{ OPTION_USE, "use", "server|client|both", "what it is for (both)" },
	{ OPTION_DAYS, "days", "N", "ending within N days is soon (30)" },
	COMMAND_OPTION_JSON,
	{ 0, NULL, NULL, NULL }
};

/* False: *status is the exit code. */
static bool
take_option(const struct context *context, struct wishes *wishes, int c,
    int *status)
{
	unsigned long days;

	switch (c) {
	case OPTION_HOST:
		wishes->inspect.host = optarg;
		return true;
	case OPTION_CA:
		wishes->inspect.ca = optarg;
		return true;
	case OPTION_USE:
		*status = FAULT_USAGE;
		return parse_use(context, optarg, &wishes->inspect.use);
	case OPTION_DAYS:
		*status = FAULT_USAGE;
		if (!command_number(context, c, 0, DAYS_MAX, &days))
			return false;
		wishes->inspect.soon = (long)days;
		return true;
	case OPTION_JSON:
		wishes->json = true;
		return true;
	default:
		return false;
	}
}

static int
run(struct context *context, int argc, char **argv)
{
	struct wishes wishes = { .inspect.soon = SOON_DEFAULT,
		.inspect.now = time(NULL) };
	struct pemfile files[CERT_FILES_MAX];
	struct fault f;
	size_t nread;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1)
		if (!take_option(context, &wishes, c, &status))
			return status;
	if (!command_operands(context, argc - optind, 1, CERT_FILES_MAX))
		return FAULT_USAGE;
	if (read_files(argv + optind, (size_t)(argc - optind), files, &nread,
	    &f))
		status = run_files(&wishes, files, nread);
	else
		status = command_fail(&f);
	while (nread > 0)
		pemfile_free(&files[--nread]);
	return status;
}

const struct command command_cert = {
	"cert", "FILE...", "Show certificates and keys, and what is wrong with them",
	options, run,
	"tlspolicy-cert(1)"
};
