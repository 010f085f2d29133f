/*
 * tlspolicy audit verify: what is whole, from where to where, and what is not.
 */
#include <ctype.h>
#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/audit/chains.h"
#include "policy/base/jsontext.h"
#include "policy/commands/audit-notes.h"
#include "policy/commands/progress.h"
#include "policy/commands/verify-workers.h"

enum { OPTION_FROM = OPTION_REPORT };

static const struct command_option options[] = {
	{ 'k', NULL, "KEYFILE", "a key, in place of the setting; may be "
	    "repeated" },
	{ OPTION_HEAD, "head", "HEAD", "a head noted before, to be found" },
	{ OPTION_FROM, "from", "SEQ", "no line from this number on is missing" },
	AUDIT_OPTION_CHECKPOINTS("checkpoints kept elsewhere, with which the "
	    "logs must agree"),
	AUDIT_OPTION_VERIFIER,
	COMMAND_OPTION_JSON,
	{ 0, NULL, NULL, NULL }
};

struct request {
	struct audit_keys keys;
	struct verification model;
	char head[CHAIN_HEX + 1];
	bool json;
	struct audit_notes notes;
	struct checkpoints all;
};

static void
print_break(const struct verification *v)
{
	fprintf(stderr, "%s:%llu: %s: %s\n", v->file,
	    (unsigned long long)v->line, verify_break_name(v->kind), v->what);
	printf("%s%s\n", v->kind == BREAK_UNREAD ? "" : "broken: ",
	    verify_break_name(v->kind));
	if (v->kind == BREAK_UNREAD && v->sure > 0)
		printf("verified: from line %llu on only\n",
		    (unsigned long long)v->sure);
}

static void
print_whole(const struct verification *v)
{
	if (v->lines == 0) {
		/* The first line of a file comes with the file. */
		puts("not verified: there is no line");
		return;
	}
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
	printf("lines: %llu to %llu", (unsigned long long)v->first,
	    (unsigned long long)v->head.seq);
	for (size_t i = 0; i < v->nodes; i++)
		printf("%s%s", i == 0 ? " of " : ", ", v->node[i]);
	printf(", %s to %s\n", v->since, v->until);
	if (v->last_epoch > 0)
		printf("epochs: %llu to %llu of the key %s\n",
		    (unsigned long long)v->first_epoch,
		    (unsigned long long)v->last_epoch, v->key);
	if (v->first > 1)
		printf("missing: lines 1 to %llu, older than these\n",
		    (unsigned long long)v->first - 1);
}

/*
 * Neither a chain's key nor a checkpoint covers the log: nothing says that it
 * is unchanged, nor that its end is here.
 */
static bool
is_unsigned(const struct verification *v)
{
	return v->agree != NULL && v->agree->known == 0;
}

static void
print_agreed(const struct request *r, const struct verification *v)
{
	const struct agree *a = v->agree;

	if (a == NULL)
		return;
	if (is_unsigned(v)) {
		puts("checkpoints: none of them is of this log");
		return;
	}
	printf("checkpoints: %llu agree", (unsigned long long)a->agreed);
	if (a->last != NULL)
		printf(", up to line %llu, signed %s; %llu lines are newer",
		    (unsigned long long)a->last->head.seq, a->last->time,
		    (unsigned long long)(v->head.seq - a->last->head.seq));
	if (a->older > 0)
		printf("; %llu are of older lines, which are not here",
		    (unsigned long long)a->older);
	if (r->all.others > 0)
		printf("; %llu notes are of others",
		    (unsigned long long)r->all.others);
	putchar('\n');
}

/* Does a log have what this one has signed? */
static bool
is_here(const struct chains *c, const struct checkpoints_origin *origin)
{
	for (size_t i = 0; i < c->n; i++)
		if (agree_is_of(c->list[i].agree, origin))
			return true;
	return false;
}

static json_t *
origins_json(const struct request *r, const struct verification *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->all.norigins; i++)
		if (agree_is_of(v->agree, &r->all.origins[i]))
			json_array_append_new(list, json_string(
			    r->all.origins[i].list[0].origin));
	return list;
}

static json_t *
agreed_json(const struct request *r, const struct verification *v)
{
	const struct agree *a = v->agree;

	if (a == NULL)
		return json_null();
	return json_pack("{s:o, s:I, s:I, s:I, s:s}", "origins",
	    origins_json(r, v), "agree", (json_int_t)a->agreed, "older",
	    (json_int_t)a->older, "last", (json_int_t)(a->last == NULL ? 0 :
	    a->last->head.seq), "signed", a->last == NULL ? "" :
	    a->last->time);
}

/* The agreement of all logs; `last` and `signed` of one only. */
static json_t *
all_agreed_json(const struct request *r, const struct chains *c)
{
	const struct checkpoint *last = NULL;
	json_int_t agreed = 0, older = 0;
	json_t *absent = json_array();

	if (r->notes.path[0] == NULL) {
		json_decref(absent);
		return json_null();
	}
	for (size_t i = 0; i < c->n; i++) {
		agreed += (json_int_t)c->list[i].agree->agreed;
		older += (json_int_t)c->list[i].agree->older;
		last = c->n == 1 ? c->list[i].agree->last : NULL;
	}
	for (size_t i = 0; i < r->all.norigins; i++)
		if (!is_here(c, &r->all.origins[i]))
			json_array_append_new(absent, json_string(
			    r->all.origins[i].list[0].origin));
	return json_pack("{s:I, s:I, s:I, s:I, s:s, s:o}", "agree", agreed,
	    "older", older, "others", (json_int_t)r->all.others, "last",
	    (json_int_t)(last == NULL ? 0 : last->head.seq), "signed",
	    last == NULL ? "" : last->time, "absent", absent);
}

static json_t *
break_json(const struct verification *v)
{
	if (v->kind == BREAK_NONE)
		return json_null();
	return json_pack("{s:s, s:o, s:I, s:o}", "kind",
	    verify_break_name(v->kind), "file", jsontext_cstring(v->file),
	    "line", (json_int_t)v->line, "text", jsontext_cstring(v->what));
}

static const char *
result_of(const struct verification *v)
{
	return v->kind == BREAK_NONE && !is_unsigned(v) && v->lines > 0 ?
	    "whole" :
	    v->kind == BREAK_NONE || v->kind == BREAK_UNREAD ? "not verified" :
	    "broken";
}

static json_t *
chain_json(const struct request *r, const struct verification *v)
{
	json_t *nodes = json_array();

	for (size_t i = 0; i < v->nodes; i++)
		json_array_append_new(nodes, json_string(v->node[i]));
	return json_pack("{s:s, s:o, s:I, s:I, s:s, s:s, s:I, s:I, s:I, s:I, "
	    "s:I, s:I, s:s, s:o, s:I, s:s, s:I, s:I, s:o}",
	    "result", result_of(v), "nodes", nodes,
	    "first", (json_int_t)v->first, "last", (json_int_t)v->head.seq,
	    "since", v->since, "until", v->until,
	    "missing_before", (json_int_t)(v->first > 0 ? v->first - 1 : 0),
	    "lines", (json_int_t)v->lines, "files", (json_int_t)v->files,
	    "chains", (json_int_t)v->anew + 1,
	    "torn", (json_int_t)v->torn_lines,
	    "unrecorded", (json_int_t)v->unrecorded, "head", v->head.hex,
	    "break", break_json(v), "verified_from", (json_int_t)v->sure,
	    "key", v->key, "first_epoch", (json_int_t)v->first_epoch,
	    "last_epoch", (json_int_t)v->last_epoch, "checkpoints",
	    agreed_json(r, v));
}

static void
print_json(const struct request *r, const struct chains *c, const char *result)
{
	json_t *list = json_array(), *empty = json_array(), *root;

	for (size_t i = 0; i < c->n; i++)
		json_array_append_new(list, chain_json(r, &c->list[i]));
	for (size_t i = 0; i < c->nempty; i++)
		json_array_append_new(empty, jsontext_cstring(c->empty[i]));
	root = json_pack("{s:s, s:I, s:o, s:o, s:o}", "result", result, "unread",
	    (json_int_t)c->unread, "empty", empty, "checkpoints",
	    all_agreed_json(r, c), "chains", list);
	json_dumpf(root, stdout, JSON_ENSURE_ASCII | JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
}

static void
print_anew(void *arg, const char *file, unsigned long long line)
{
	(void)arg;
	fprintf(stderr, "%s:%llu: a new chain begins, as in a stream after a "
	    "restart: what is missing before it cannot be told\n", file, line);
}

static void
print_not_read(void *arg, const char *file, const char *key,
    uint64_t epoch)
{
	(void)arg;
	if (epoch > 0)
		fprintf(stderr, "%s: not verified where it begins: the key %s "
		    "was given from epoch %llu on only\n", file, key,
		    (unsigned long long)epoch);
	else
		fprintf(stderr, "%s: not verified: it is sealed with the key "
		    "%s, which was not given\n", file, key);
}

/* --head is of one chain: once one has it, the others need not. */
static void
finish(struct chains *c)
{
	bool seen = false;

	for (size_t i = 0; i < c->n; i++)
		seen = seen || c->list[i].head_seen;
	for (size_t i = 0; i < c->n; i++) {
		struct verification *v = &c->list[i];

		if (seen || (c->n > 1 && i > 0))
			v->noted_head = NULL;
		if (v->kind == BREAK_NONE && verify_finish(v))
			v->kind = BREAK_NONE;
	}
}

/*
 * Checkpoints of a log that is not among the files, or of which nothing is
 * left. A file that could not be read may be that log.
 */
static bool
print_absent(const struct request *r, const struct chains *c)
{
	bool good = true;

	for (size_t i = 0; i < r->all.norigins; i++) {
		const struct checkpoints_origin *o = &r->all.origins[i];
		const struct checkpoint *last = &o->list[o->n - 1];

		if (is_here(c, o))
			continue;
		good = c->unread > 0;
		fprintf(stderr, "%s: no log here is the one that its "
		    "checkpoints have signed, up to line %llu of %s\n",
		    last->origin, (unsigned long long)last->head.seq,
		    last->time);
		if (!r->json)
			puts("broken: missing");
	}
	return good;
}

static int
print(const struct request *r, const struct chains *c)
{
	const char *result = c->unread > 0 ? "not verified" : "whole";
	bool broken;

	if (!print_absent(r, c))
		result = "broken";
	for (size_t i = 0; i < c->n; i++) {
		const struct verification *v = &c->list[i];

		if (strcmp(result_of(v), "whole") != 0 &&
		    strcmp(result, "broken") != 0)
			result = result_of(v);
		if (!r->json && v->kind != BREAK_NONE)
			print_break(v);
		else if (!r->json) {
			print_whole(v);
			print_agreed(r, v);
		}
	}
	if (r->json)
		print_json(r, c, result);
	audit_say_empty(c->empty, c->nempty);
	audit_say_unread(c->unread);
	broken = strcmp(result, "broken") == 0;
	return c->unread > 0 && !broken ? (int)c->unread_kind :
	    strcmp(result, "whole") == 0 ? EXIT_FINE : FAULT_DATA;
}

static void
print_unreadable(const struct fault *fault)
{
	fault_report(fault, stderr);
}

/* Checkpoints are of one chain each, and know no file. */
static bool
are_apart(const struct chains *c, struct fault *fault)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->list[i].anew > 0)
			return fault_set(fault, FAULT_DATA, "%s: checkpoints "
			    "are of one chain, and here are several: name "
			    "the files of one", c->list[i].last_file);
	return true;
}

static int
verify(const struct request *r, const struct audit_files *files)
{
	struct verification model = r->model;
	struct verify_workers *workers;
	struct chains chains;
	struct fault fault;
	bool good;
	int status;

	memset(&chains, 0, sizeof chains);
	if ((workers = verify_workers_new(model.keys, &fault)) == NULL)
		return command_fail(&fault);
	model.reads = verify_workers_lines(workers);
	progress_start("lines verified", &chains.lines);
	good = chains_verify(&chains, &model, print_unreadable, files->paths,
	    files->n, &fault);
	progress_stop();
	verify_workers_free(workers);
	if (good && r->notes.path[0] != NULL)
		good = are_apart(&chains, &fault);
	if (good)
		finish(&chains);
	status = good ? print(r, &chains) : command_fail(&fault);
	chains_free(&chains);
	return status;
}

/* "HEX" or "HEX SEQ", as `audit head' prints. */
static bool
take_head(struct request *r, const char *word)
{
	size_t n = strspn(word, "0123456789abcdef");
	const char *seq = word + n + strspn(word + n, " \t\n");
	unsigned long value = 0;

	if (n != CHAIN_HEX || (word[n] != '\0' && (seq == word + n ||
	    (*seq != '\0' && !text_number(slice_make(seq,
	    strcspn(seq, " \t\n")), ~0UL, &value)))))
		return false;
	memcpy(r->head, word, CHAIN_HEX);
	r->head[CHAIN_HEX] = '\0';
	r->model.noted_head = r->head;
	r->model.noted_seq = value;
	return true;
}

static bool
take_option(const struct context *context, struct request *r, int c)
{
	unsigned long from;

	switch (c) {
	case 'k':
		return audit_key_option(context, &r->keys, optarg);
	case OPTION_HEAD:
		if (take_head(r, optarg))
			return true;
		command_usage(context, "\"%s\" is not a head: want 64 hex "
		    "digits, as `tlspolicy audit head' prints", optarg);
		return false;
	case OPTION_FROM:
		if (!command_number(context, c, 1, ~0UL >> 1, &from))
			return false;
		r->model.from = from;
		return true;
	case OPTION_CHECKPOINTS:
	case OPTION_VERIFIER:
		return audit_notes_option(context, &r->notes, c, optarg);
	default:
		return r->json = true;
	}
}

/* Reads checkpoints as root, if need be, before the log is opened. */
static bool
read_checkpoints(struct request *r, struct fault *fault)
{
	if (r->notes.path[0] == NULL)
		return true;
	r->model.checkpoints = &r->all;
	return checkpoints_read(&r->all, r->notes.path, r->notes.verifier,
	    fault);
}

static int
print_doubled(void)
{
	struct fault fault;

	fault_set(&fault, FAULT_DATA, "a file and its packed copy are both "
	    "there and may differ: remove one, or name the files to be "
	    "verified");
	return command_fail(&fault);
}

static int
run(struct context *context, int argc, char **argv)
{
	struct request request = { .json = false };
	struct audit_files files;
	struct fault fault;
	int c, status;

	verify_init(&request.model, NULL);
	request.model.begins_anew = print_anew;
	request.model.not_read = print_not_read;
	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c == '?')
			return status;
		if (!take_option(context, &request, c))
			return FAULT_USAGE;
	}
	if ((request.notes.path[0] == NULL) !=
	    (request.notes.verifier[0] == NULL))
		return command_usage(context, "--checkpoints and --verifier go "
		    "together");
	/* Read the keys first: opening the log may end root's right to them. */
	request.model.keys = audit_keyring(context, &request.keys, &fault);
	if (request.model.keys == NULL)
		return command_fail(&fault);
	if (!read_checkpoints(&request, &fault) ||
	    !audit_files(context, argv + optind, &files, &fault)) {
		status = command_fail(&fault);
	} else {
		status = files.doubled > 0 ? print_doubled() :
		    verify(&request, &files);
		audit_files_free(&files);
	}
	checkpoints_free(&request.all);
	keyring_free(request.model.keys);
	return status;
}

const struct command command_audit_verify = {
	"audit verify", "[FILE...]", "Check the chain over all files",
	options, run,
	"tlspolicy-audit(5)"
};
