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

#include "policy/base/text.h"
#include "policy/commands/command.h"
#include "policy/tools/describe.h"
#include "policy/tools/inspect.h"

enum { CERT_FILES_MAX = 64, SOON_DEFAULT = 30 };

struct options {
	struct inspect_settings inspect;
	bool json;
};

static bool
parse_use(const char *word, enum inspect_use *use)
{
	static const char *const words[] = {
		[INSPECT_BOTH] = "both",
		[INSPECT_SERVER] = "server",
		[INSPECT_CLIENT] = "client",
	};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(word, words[i]) == 0) {
			*use = (enum inspect_use)i;
			return true;
		}
	return false;
}

static void
print_file(const struct pemfile *file, time_t now)
{
	int n = sk_X509_num(file->certificates);

	for (int i = 0; i < n; i++) {
		X509 *certificate = sk_X509_value(file->certificates, i);

		printf("%s: certificate %d of %d\n", file->path, i + 1, n);
		describe_text(certificate, now, 4, stdout);
		describe_purposes(certificate, 4, stdout);
	}
	for (size_t i = 0; i < file->nkeys; i++) {
		printf("%s: private key %zu of %zu\n", file->path, i + 1,
		    file->nkeys);
		describe_key(file->keys[i], 4, stdout);
	}
}

static void
print_flaws(const struct flaws *flaws)
{
	for (size_t i = 0; i < flaws->n; i++) {
		const struct flaw *flaw = &flaws->flaw[i];

		if (flaw->certificate != 0)
			printf("%s: certificate %u: ", flaw->file,
			    flaw->certificate);
		else
			printf("%s: ", flaw->file);
		printf("%s: %s\n    way out: %s\n", flaw_name(flaw->kind),
		    flaw->text, flaw_way_out(flaw->kind));
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
	return json_pack("{s:s, s:o, s:o}", "file", file->path,
	    "certificates", certificates, "keys", keys);
}

static json_t *
flaws_json(const struct flaws *flaws)
{
	json_t *list = json_array();

	for (size_t i = 0; i < flaws->n; i++) {
		const struct flaw *flaw = &flaws->flaw[i];

		json_array_append_new(list, json_pack(
		    "{s:s, s:i, s:s, s:s, s:s}", "file", flaw->file,
		    "certificate", (int)flaw->certificate,
		    "finding", flaw_name(flaw->kind), "text", flaw->text,
		    "way_out", flaw_way_out(flaw->kind)));
	}
	return list;
}

static void
print_json(const struct pemfile *files, size_t n, const struct flaws *flaws,
    time_t now)
{
	json_t *list = json_array(), *root;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, file_json(&files[i], now));
	root = json_pack("{s:o, s:o}", "files", list, "findings",
	    flaws_json(flaws));
	json_dumpf(root, stdout, JSON_INDENT(2));
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
run_files(const struct options *options, const struct pemfile *files, size_t n)
{
	struct flaws flaws;
	struct fault f;
	int status;

	flaws_init(&flaws);
	if (!inspect_files(files, n, &options->inspect, &flaws, &f)) {
		flaws_free(&flaws);
		return command_fail(&f);
	}
	if (options->json) {
		print_json(files, n, &flaws, options->inspect.now);
	} else {
		for (size_t i = 0; i < n; i++)
			print_file(&files[i], options->inspect.now);
		print_flaws(&flaws);
	}
	status = flaws.n > 0 ? EXIT_FINDINGS : 0;
	flaws_free(&flaws);
	return status;
}

/* 0: go on; else the exit code. */
static int
parse_options(struct options *options, int argc, char **argv)
{
	static const struct option words[] = {
		{ "host", required_argument, NULL, 'H' },
		{ "ca", required_argument, NULL, 'C' },
		{ "use", required_argument, NULL, 'u' },
		{ "days", required_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 }
	};
	unsigned long days;
	int c;

	while ((c = getopt_long(argc, argv, "", words, NULL)) != -1)
		switch (c) {
		case 'H':
			options->inspect.host = optarg;
			break;
		case 'C':
			options->inspect.ca = optarg;
			break;
		case 'u':
			if (!parse_use(optarg, &options->inspect.use))
				return command_usage("--use: both, server or "
				    "client was expected, not \"%s\"", optarg);
			break;
		case 'n':
			if (!text_number(slice_of(optarg), 36500, &days))
				return command_usage("--days: a number from 0 "
				    "to 36500 was expected, not \"%s\"",
				    optarg);
			options->inspect.soon = (long)days;
			break;
		case 'j':
			options->json = true;
			break;
		default:
			return command_usage("cert: no such option");
		}
	return 0;
}

static int
run(struct context *context, int argc, char **argv)
{
	struct options options = { .inspect.soon = SOON_DEFAULT,
		.inspect.now = time(NULL) };
	struct pemfile files[CERT_FILES_MAX];
	struct fault f;
	size_t nread, n;
	int status = parse_options(&options, argc, argv);

	(void)context;
	if (status != 0)
		return status;
	n = (size_t)(argc - optind);
	if (n == 0)
		return command_usage("cert: a FILE was expected");
	if (n > CERT_FILES_MAX)
		return command_usage("cert: more than %d files", CERT_FILES_MAX);
	if (read_files(argv + optind, n, files, &nread, &f))
		status = run_files(&options, files, n);
	else
		status = command_fail(&f);
	while (nread > 0)
		pemfile_free(&files[--nread]);
	return status;
}

const struct command cmd_cert = {
	.name = "cert",
	.synopsis = "[--host NAME] [--ca FILE|DIR] [--use server|client|both] "
	    "[--days N] [--json] FILE...",
	.summary = "show certificates and keys, and what is wrong with them",
	.run = run,
};
