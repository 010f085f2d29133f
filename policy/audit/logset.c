/*
 * Each file is looked at as far as its first record, which tells the node.  A
 * new file may have none yet: then its link tells whose it is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/audit/logset.h"

/* Lines without a record that are passed over before a file has none. */
enum { LOOK_MAX = 1000 };

bool
logset_is_pipe(const char *path)
{
	struct stat st;

	return strcmp(path, "-") == 0 || (source_is_of_caller(path) &&
	    !(stat(path, &st) == 0 && S_ISREG(st.st_mode)));
}

/* True: there is no more to learn from this file. */
static bool
look_at(struct logset_file *f, struct reader_record *record, struct slice line)
{
	struct chain_line parts;
	struct slice previous;
	struct fault bad;
	uint64_t torn;
	enum reader_result result = reader_parse(record, line, &bad);

	if (chain_split(line, &parts) && f->seq == 0) {
		f->seq = parts.seq;
		if (chain_is_link(line, &previous, &torn))
			memcpy(f->previous, previous.p, CHAIN_HEX);
	}
	if ((result != READER_RECORD && result != READER_OUTBOUND &&
	    result != READER_NOTE) || record->time_us == 0)
		return false;
	if (f->first_us == 0)
		f->first_us = record->time_us;
	if (!facts_filled(&record->facts, FACT_NODE))
		return f->seq == 0 && result != READER_NOTE;
	if (f->seq == 0)
		return true;
	f->node = strndup(facts_value(&record->facts, FACT_NODE).p,
	    facts_value(&record->facts, FACT_NODE).n);
	return true;
}

static bool
look(struct logset_file *f, struct fault *fault)
{
	struct source *source = source_open(f->path, fault);
	enum source_result result = SOURCE_LINE;
	struct reader_record record;
	struct slice line;
	bool ended, done = false;

	if (source == NULL)
		return false;
	reader_record_init(&record);
	for (int i = 0; i < LOOK_MAX && !done && (result = source_next(source,
	    &line, &ended, fault)) == SOURCE_LINE; i++)
		done = look_at(f, &record, line);
	reader_record_free(&record);
	source_close(source);
	if (f->seq > 0 && f->node == NULL)
		f->node = strdup("");
	if (f->seq > 0 && f->node == NULL)
		return fault_no_memory(fault);
	/* A file damaged behind its first lines is read as far as it goes. */
	return result != SOURCE_FAILED || (f->first_us != 0 &&
	    fault->kind != FAULT_UNAVAILABLE);
}

/* Does the file's last sealed line have this chain? */
static bool
ends_in(const struct logset_file *f, const char hex[CHAIN_HEX])
{
	struct fault fault;
	struct source *source = source_open(f->path, &fault);
	char last[CHAIN_HEX] = "";
	struct chain_line parts;
	struct slice line;
	bool ended;

	if (source == NULL)
		return false;
	while (source_next(source, &line, &ended, &fault) == SOURCE_LINE)
		if (chain_split(line, &parts))
			memcpy(last, parts.hex.p, CHAIN_HEX);
	source_close(source);
	return memcmp(last, hex, CHAIN_HEX) == 0;
}

/* A file without a record takes the node of the one that it goes on from. */
static bool
adopt(struct logset *set, struct logset_file *f)
{
	const struct logset_file *from = NULL;
	bool many = false;

	for (size_t i = 0; i < set->n; i++) {
		const struct logset_file *other = &set->files[i];

		if (other->node == NULL || other->node[0] == '\0')
			continue;
		many |= from != NULL && strcmp(from->node, other->node) != 0;
		from = other;
	}
	for (size_t i = 0; many && i < set->n; i++) {
		from = &set->files[i];
		if (from != f && from->node != NULL && from->node[0] != '\0' &&
		    from->seq < f->seq && ends_in(from, f->previous))
			break;
		from = NULL;
	}
	if (from == NULL)
		return true;
	free(f->node);
	return (f->node = strdup(from->node)) != NULL;
}

static int
compare_files(const void *pa, const void *pb)
{
	const struct logset_file *a = pa, *b = pb;
	int order;

	if ((a->node == NULL) != (b->node == NULL))
		return a->node == NULL ? 1 : -1;
	order = a->node == NULL ? 0 : strcmp(a->node, b->node);
	if (order == 0)
		order = (a->first_us > b->first_us) -
		    (a->first_us < b->first_us);
	if (order == 0)
		order = (a->seq > b->seq) - (a->seq < b->seq);
	return order != 0 ? order : strcmp(a->path, b->path);
}

static int
compare_runs(const void *pa, const void *pb)
{
	const struct logset_run *a = pa, *b = pb;

	return a->first_us != b->first_us ?
	    (a->first_us < b->first_us ? -1 : 1) :
	    (a->first > b->first) - (a->first < b->first);
}

static void
make_runs(struct logset *set)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct logset_file *f = &set->files[i];

		if (i > 0 && f->node != NULL && f[-1].node != NULL &&
		    strcmp(f->node, f[-1].node) == 0) {
			set->runs[set->nruns - 1].n++;
			continue;
		}
		set->runs[set->nruns++] = (struct logset_run){ .first = i,
			.n = 1, .first_us = f->first_us };
	}
	qsort(set->runs, set->nruns, sizeof *set->runs, compare_runs);
}

/* False: out of memory. */
static bool
take(struct logset *set, const char *path, bool only, struct fault *fault)
{
	struct logset_file *f = &set->files[set->n];

	*f = (struct logset_file){ .path = path };
	if (logset_is_pipe(path))
		f->first_us = INT64_MIN;
	else if (!only && !look(f, fault)) {
		if (fault->kind == FAULT_UNAVAILABLE)
			return false;
		set->failures[set->nfailures++] = *fault;
		free(f->node);
		return true;
	}
	set->n++;
	return true;
}

bool
logset_open(struct logset *set, char *const *paths, size_t n,
    struct fault *fault)
{
	size_t room = n == 0 ? 1 : n;
	bool good;

	memset(set, 0, sizeof *set);
	set->files = calloc(room, sizeof *set->files);
	set->runs = calloc(room, sizeof *set->runs);
	set->failures = calloc(room, sizeof *set->failures);
	good = set->files != NULL && set->runs != NULL && set->failures != NULL;
	if (!good)
		fault_errno(fault, FAULT_UNAVAILABLE, ENOMEM, "audit log");
	for (size_t i = 0; good && i < room; i++)
		good = take(set, n == 0 ? "-" : paths[i], room == 1, fault);
	for (size_t i = 0; good && i < set->n; i++)
		if (set->files[i].node != NULL &&
		    set->files[i].node[0] == '\0' &&
		    !adopt(set, &set->files[i]))
			good = fault_no_memory(fault);
	if (!good) {
		logset_close(set);
		return false;
	}
	qsort(set->files, set->n, sizeof *set->files, compare_files);
	make_runs(set);
	return true;
}

void
logset_close(struct logset *set)
{
	for (size_t i = 0; set->files != NULL && i < set->n; i++)
		free(set->files[i].node);
	free(set->files);
	free(set->runs);
	free(set->failures);
	memset(set, 0, sizeof *set);
}
