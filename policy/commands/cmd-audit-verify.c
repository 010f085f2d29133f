/* tlspolicy audit verify and head: the chain, and where it ends. */
#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/audit/tail.h"
#include "policy/audit/verify.h"
#include "policy/commands/audit.h"
#include "policy/commands/progress.h"

static const struct command_option verify_options[] = {
	{ 'k', NULL, "KEYFILE", "the key, in place of the setting" },
	{ OPTION_HEAD, "head", "HEAD", "a head noted before, to be found" },
	{ 0, NULL, NULL, NULL }
};

static const struct command_option head_options[] = {
	{ 'k', NULL, "KEYFILE", "the key, in place of the setting" },
	{ 0, NULL, NULL, NULL }
};

struct file {
	char *path;
	uint64_t seq;
};

static struct chain *
open_chain(const struct context *context, const char *key_file,
    struct fault *fault)
{
	char key[CHAIN_KEY_MAX];
	struct chain *chain = NULL;
	size_t n = 0;

	if (key_file == NULL && context->settings.audit_key_file[0] != '\0')
		key_file = context->settings.audit_key_file;
	if (key_file == NULL || chain_read_key(key_file, key, &n, fault))
		chain = chain_new(slice_make(key, n), fault);
	explicit_bzero(key, sizeof key);
	return chain;
}

static int
compare(const void *pa, const void *pb)
{
	const struct file *a = pa, *b = pb;

	return (a->seq > b->seq) - (a->seq < b->seq);
}

/*
 * The files in the order of the chain; NULL with a fault.  One without a number
 * is a new one whose first line was torn: the last.
 */
static struct file *
in_order(const struct audit_files *files, struct fault *fault)
{
	struct file *list = calloc(files->n, sizeof *list);

	for (size_t i = 0; list != NULL && i < files->n; i++) {
		list[i].path = files->paths[i];
		if (!verify_first_seq(list[i].path, &list[i].seq, fault)) {
			free(list);
			return NULL;
		}
		if (list[i].seq == 0)
			list[i].seq = UINT64_MAX;
	}
	if (list != NULL)
		qsort(list, files->n, sizeof *list, compare);
	else
		fault_no_memory(fault);
	return list;
}

static int
tell_break(const struct verification *v)
{
	fprintf(stderr, "%s:%llu: %s: %s\n", v->file,
	    (unsigned long long)v->line, verify_break_name(v->kind), v->what);
	printf("broken: %s\n", verify_break_name(v->kind));
	return FAULT_DATA;
}

static void
tell_whole(const struct verification *v)
{
	printf("whole: %llu lines in %llu file%s", (unsigned long long)v->lines,
	    (unsigned long long)v->files, v->files == 1 ? "" : "s");
	if (v->anew > 0)
		printf(", %llu chains", (unsigned long long)v->anew + 1);
	if (v->torn_lines > 0)
		printf(", %llu torn", (unsigned long long)v->torn_lines);
	if (v->unrecorded > 0)
		printf(", %llu refusals unrecorded",
		    (unsigned long long)v->unrecorded);
	printf("\nhead: %s %llu\n", v->head.hex,
	    (unsigned long long)v->head.seq);
}

static void
tell_anew(void *arg, const char *file, unsigned long long line)
{
	(void)arg;
	fprintf(stderr, "%s:%llu: a new chain begins, as in a stream after a "
	    "restart: what is missing before it cannot be told\n", file, line);
}

static int
verify(struct verification *v, const struct audit_files *files)
{
	struct fault fault;
	struct file *list = in_order(files, &fault);
	bool good = list != NULL;

	progress_start("lines verified", (const size_t *)&v->lines);
	for (size_t i = 0; good && i < files->n; i++)
		good = verify_file(v, list[i].path, &fault);
	progress_stop();
	free(list);
	if (!good && v->kind == BREAK_NONE)
		return command_fail(&fault);
	if (!good || !verify_finish(v))
		return tell_break(v);
	tell_whole(v);
	return EXIT_FINE;
}

static bool
is_head(const char *head)
{
	size_t n = strspn(head, "0123456789abcdef");

	return n == CHAIN_HEX && (head[n] == '\0' || isspace((unsigned char)
	    head[n]));
}

static int
tell_doubled(void)
{
	struct fault fault;

	fault_set(&fault, FAULT_DATA, "a file and its packed copy are both "
	    "there and may differ: remove one, or name the files to be "
	    "verified");
	return command_fail(&fault);
}

static int
run_verify(struct context *context, int argc, char **argv)
{
	struct verification v = { .chain = NULL };
	const char *key_file = NULL, *noted = NULL;
	struct audit_files files;
	struct fault fault;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c == 'k')
			key_file = optarg;
		else if (c == OPTION_HEAD)
			noted = optarg;
		else
			return status;
	}
	if (noted != NULL && !is_head(noted))
		return command_usage(context, "\"%s\" is not a head: want 64 "
		    "hex digits, as `tlspolicy audit head' prints", noted);
	/* The key first: it may be one that only root can read. */
	verify_init(&v, open_chain(context, key_file, &fault));
	v.noted_head = noted;
	v.begins_anew = tell_anew;
	if (v.chain == NULL)
		return command_fail(&fault);
	if (!audit_files(context, argv + optind, &files, &fault)) {
		status = command_fail(&fault);
	} else {
		status = files.doubled > 0 ? tell_doubled() :
		    verify(&v, &files);
		audit_files_free(&files);
	}
	chain_free(v.chain);
	return status;
}

static int
run_head(struct context *context, int argc, char **argv)
{
	const char *key_file = NULL, *path;
	struct chain *chain;
	struct fault fault;
	struct tail tail;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c != 'k')
			return status;
		key_file = optarg;
	}
	if (!command_operands(context, argc - optind, 0, 1))
		return FAULT_USAGE;
	path = optind < argc ? argv[optind] : context->settings.audit_file;
	if (optind == argc && !audit_can_read(context, &fault))
		return command_fail(&fault);
	if ((chain = open_chain(context, key_file, &fault)) == NULL)
		return command_fail(&fault);
	status = command_enter_to_read(path, &fault) && tail_of(path, chain,
	    &tail, &fault) ? EXIT_FINE : command_fail(&fault);
	chain_free(chain);
	if (status == EXIT_FINE && !tail.found) {
		fault_set(&fault, FAULT_DATA, "there is no line yet");
		fault_at(&fault, path, 0, 0);
		return command_fail(&fault);
	}
	if (status == EXIT_FINE)
		printf("%s %llu\n", tail.head.hex,
		    (unsigned long long)tail.head.seq);
	return status;
}

const struct command command_audit_verify = {
	"audit verify", "[FILE...]", "Check the chain over all files",
	verify_options, run_verify,
	"tlspolicy-audit(5)"
};

const struct command command_audit_head = {
	"audit head", "[FILE]", "Print where the chain ends, to be noted",
	head_options, run_head,
	"tlspolicy-audit(5)"
};
