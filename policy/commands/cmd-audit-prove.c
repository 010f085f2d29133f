/*
 * tlspolicy audit prove: one record, and why it is in the log, for somebody who
 * sees nothing else of it.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/audit/checkpoint.h"
#include "policy/audit/logset.h"
#include "policy/audit/merkle.h"
#include "policy/commands/audit-notes.h"

enum { OPTION_SEQ = OPTION_REPORT,
	LEAVES_MAX = 16 * 1024 * 1024 };

static const struct command_option options[] = {
	AUDIT_OPTION_CHECKPOINTS("checkpoints of the log"),
	AUDIT_OPTION_VERIFIER,
	{ OPTION_SEQ, "seq", "SEQ", "which record, when there are several" },
	{ 0, NULL, NULL, NULL }
};

struct prove {
	struct audit_notes notes;
	struct slice id;
	uint64_t wanted; /* 0: the only one */
	uint64_t seq;	 /* of the record */
	const char *file;
	unsigned found;
	bool withdrawn;
	char *record;
	size_t n;
	struct checkpoints all;
	const struct checkpoint *signed_by;
	size_t candidates; /* have a line of that number */
	struct chain *hasher;
	char (*leaves)[CHAIN_HEX + 1];
	struct fault *fault;
};

/* Keeps a record with this queue id, and names each on standard error. */
static bool
each(void *arg, struct reader_record *r, const struct reader *reader)
{
	struct prove *p = arg;

	if (!slice_equal(facts_value(&r->facts, FACT_QUEUE_ID), p->id) ||
	    r->maillog || r->seq == 0 ||
	    (p->wanted != 0 && r->seq != p->wanted))
		return true;
	p->found++;
	fprintf(stderr, "%s: line %llu: %s\n", reader_file(reader),
	    (unsigned long long)r->seq, record_event_name(r->event));
	free(p->record);
	p->seq = r->seq;
	p->file = reader_file(reader);
	p->withdrawn = r->withdrawn;
	p->n = r->line.n;
	if ((p->record = malloc(p->n)) == NULL)
		return fault_no_memory(p->fault);
	memcpy(p->record, r->line.p, p->n);
	return true;
}

static bool
refuse(struct prove *p, const char *what)
{
	return fault_set(p->fault, FAULT_DATA, "%.*s: %s", (int)p->id.n,
	    p->id.p, what);
}

static bool
find_record(struct prove *p, const struct audit_files *files)
{
	struct audit_walk walk = { .each = each, .arg = p,
		.withdrawn_too = true, .no_salts = true };

	fault_clear(p->fault);
	if (!audit_walk(&walk, files, p->fault) ||
	    p->fault->kind != FAULT_NONE)
		return false;
	if (p->found == 0)
		return fault_set(p->fault, FAULT_NOINPUT, "no record of %.*s",
		    (int)p->id.n, p->id.p);
	if (p->found > 1)
		return refuse(p, p->wanted > 0 ? "several logs have a record "
		    "of it with that number: name the files of one" :
		    "there are several records: say which by --seq");
	return !p->withdrawn || refuse(p, "the record was withdrawn: the client "
	    "was told 451 in its place");
}

static bool
take_file(struct prove *p, const char *path,
    bool (*take)(struct prove *, struct slice))
{
	struct source *source = source_open(path, p->fault);
	enum source_result result = SOURCE_FAILED;
	struct slice line;
	bool ended, good = source != NULL;

	while (good && (result = source_next(source, &line, &ended,
	    p->fault)) == SOURCE_LINE)
		good = take(p, line);
	source_close(source);
	return good && result == SOURCE_END;
}

static bool
each_line(struct prove *p, const struct audit_files *files,
    bool (*take)(struct prove *, struct slice))
{
	for (size_t i = 0; i < files->n; i++)
		if (!take_file(p, files->paths[i], take))
			return false;
	return true;
}

static bool
covers(const struct prove *p, const struct checkpoint *c)
{
	return c->first <= p->seq && p->seq <= c->head.seq;
}

/*
 * Of several checkpoints that cover the record's number, this log's is the one
 * whose head is a line here.
 */
static bool
take_head(struct prove *p, struct slice line)
{
	struct chain_line parts;

	if (!chain_split(line, &parts))
		return true;
	for (size_t i = 0; i < p->all.n; i++) {
		const struct checkpoint *c = &p->all.list[i];

		if (covers(p, c) && c->head.seq == parts.seq &&
		    memcmp(c->head.hex, parts.hex.p, CHAIN_HEX) == 0)
			p->signed_by = c;
	}
	return true;
}

static bool
find_checkpoint(struct prove *p, const struct audit_files *log)
{
	for (size_t i = 0; i < p->all.n; i++)
		if (covers(p, &p->all.list[i])) {
			p->signed_by = &p->all.list[i];
			p->candidates++;
		}
	if (p->candidates == 0)
		return refuse(p, "no checkpoint has its line yet, or it is not "
		    "among those");
	if (p->candidates > 1) {
		p->signed_by = NULL;
		if (!each_line(p, log, take_head))
			return false;
		if (p->signed_by == NULL)
			return refuse(p, "none of the checkpoints that have a "
			    "line of its number has signed this log");
	}
	return p->signed_by->head.seq - p->signed_by->first < LEAVES_MAX ||
	    refuse(p, "its checkpoint has too many lines");
}

/* Keeps the hash of each line that the checkpoint signed. */
static bool
take_line(struct prove *p, struct slice line)
{
	const struct checkpoint *c = p->signed_by;
	struct chain_line parts;
	char hex[CHAIN_HEX + 1], *leaf;

	if (!chain_split(line, &parts) || parts.seq < c->first ||
	    parts.seq > c->head.seq)
		return true;
	leaf = p->leaves[parts.seq - c->first];
	if (!merkle_leaf(p->hasher, line, hex))
		return fault_set(p->fault, FAULT_SOFTWARE, "OpenSSL failed");
	if (leaf[0] != '\0' && strcmp(leaf, hex) != 0)
		return refuse(p, "lines of that number are in several files: "
		    "name those of one log");
	memcpy(leaf, hex, sizeof hex);
	return true;
}

/* Checks that the lines still have the root that was signed. */
static bool
take_leaves(struct prove *p, const struct audit_files *files)
{
	const struct checkpoint *c = p->signed_by;
	uint64_t n = c->head.seq - c->first + 1;
	char root[CHAIN_HEX + 1];
	struct merkle tree;

	p->hasher = chain_new(slice_make("", 0), p->fault);
	p->leaves = calloc(n, sizeof p->leaves[0]);
	if (p->hasher == NULL || p->leaves == NULL)
		return p->hasher != NULL && fault_no_memory(p->fault);
	if (!each_line(p, files, take_line))
		return false;
	merkle_init(&tree);
	for (uint64_t i = 0; i < n; i++) {
		if (p->leaves[i][0] == '\0')
			return refuse(p, "lines that were signed with it are "
			    "not here");
		if (!merkle_add(&tree, p->hasher, p->leaves[i]))
			return fault_set(p->fault, FAULT_SOFTWARE,
			    "OpenSSL failed");
	}
	return (merkle_root(&tree, p->hasher, root) &&
	    strcmp(root, c->root) == 0) || refuse(p, "the log is not what the "
	    "checkpoint has signed: see `tlspolicy audit verify'");
}

static void
print_step(void *none, bool left, const char *hex)
{
	(void)none;
	printf("%s %s\n", left ? "left" : "right", hex);
}

static bool
print(struct prove *p)
{
	const struct checkpoint *c = p->signed_by;
	char memory[CHECKPOINT_MAX];
	struct text note;

	puts("tlspolicy proof 1");
	fwrite(p->record, 1, p->n, stdout);
	putchar('\n');
	if (!merkle_path((const char (*)[CHAIN_HEX + 1])p->leaves,
	    c->head.seq - c->first + 1, p->seq - c->first, p->hasher,
	    print_step, NULL))
		return fault_set(p->fault, FAULT_SOFTWARE, "OpenSSL failed");
	text_init(&note, memory, sizeof memory);
	checkpoint_note(c, &note);
	/* Without the empty line that parts notes. */
	printf("\n%.*s", (int)note.n - 1, note.buf);
	return true;
}

static bool
take_option(const struct context *context, struct prove *p, int c)
{
	unsigned long seq;

	if (c == OPTION_CHECKPOINTS || c == OPTION_VERIFIER)
		return audit_notes_option(context, &p->notes, c, optarg);
	if (!command_number(context, c, 1, ~0UL >> 1, &seq))
		return false;
	p->wanted = seq;
	return true;
}

/* Proves by the files of the record's own log; the others are of other logs. */
static bool
prove_of(struct prove *p, const struct audit_files *files)
{
	struct audit_files log = { .n = 0 };
	struct logset set;
	bool good;

	if (!logset_open(&set, files->paths, files->n, p->fault))
		return false;
	log.paths = calloc(files->n, sizeof *log.paths);
	good = log.paths != NULL || fault_no_memory(p->fault);
	for (size_t i = 0; good && i < set.nruns; i++) {
		const struct logset_run *run = &set.runs[i];
		bool is_it = false;

		for (size_t k = run->first; k < run->first + run->n; k++)
			is_it = is_it || strcmp(set.files[k].path,
			    p->file) == 0;
		for (size_t k = run->first; is_it &&
		    k < run->first + run->n; k++)
			log.paths[log.n++] = (char *)set.files[k].path;
	}
	good = good && find_checkpoint(p, &log) && take_leaves(p, &log) &&
	    print(p);
	free(log.paths);
	logset_close(&set);
	return good;
}

static int
run(struct context *context, int argc, char **argv)
{
	struct fault fault;
	struct prove p = { .fault = &fault };
	struct audit_files files;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c == '?')
			return status;
		if (!take_option(context, &p, c))
			return FAULT_USAGE;
	}
	if (optind == argc || argv[optind][0] == '\0')
		return command_usage(context, "which message? Give its queue "
		    "id");
	if (p.notes.path[0] == NULL || p.notes.verifier[0] == NULL)
		return command_usage(context, "--checkpoints and --verifier "
		    "are needed");
	p.id = slice_of(argv[optind]);
	if (!checkpoints_read(&p.all, p.notes.path, p.notes.verifier,
	    &fault) || !audit_files(context, argv + optind + 1, &files, &fault))
		return command_fail(&fault);
	status = find_record(&p, &files) && prove_of(&p, &files) ? EXIT_FINE :
	    command_fail(&fault);
	audit_files_free(&files);
	checkpoints_free(&p.all);
	chain_free(p.hasher);
	free(p.leaves);
	free(p.record);
	return status;
}

const struct command command_audit_prove = {
	"audit prove", "QUEUE-ID [FILE...]",
	"Print a record, and proof that it is in the log", options, run,
	"tlspolicy-audit(5)"
};
