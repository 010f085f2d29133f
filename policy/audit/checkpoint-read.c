/*
 * A file of notes comes from elsewhere, and from a log it may come among other
 * lines.  What claims to be signed by one of the keys must be.
 */
#include "config.h" /* for memmem(3) */

#include <stdlib.h>
#include <string.h>

#include "policy/audit/checkpoint.h"
#include "policy/audit/source.h"

struct reading {
	struct checkpoints *all;
	struct note_verifier *keys;
	size_t nkeys;
	const char *path;
	uint64_t line, start; /* of the note */
	char memory[2 * CHECKPOINT_MAX];
	struct text body;
	bool ended; /* the empty line behind it was seen */
	struct fault *fault;
};

static bool
bad(struct reading *r, const char *what)
{
	fault_set(r->fault, FAULT_DATA, "%s", what);
	fault_at(r->fault, r->path, r->line, 0);
	return false;
}

static const struct note_verifier *
key_of(const struct reading *r, struct slice name)
{
	for (size_t i = 0; i < r->nkeys; i++)
		if (slice_is(name, r->keys[i].name))
			return &r->keys[i];
	return NULL;
}

static bool
append(struct reading *r, const struct checkpoint *c)
{
	struct checkpoints *a = r->all;

	if (a->n == a->room) {
		size_t room = a->room == 0 ? 64 : 2 * a->room;
		struct checkpoint *list = realloc(a->list, room * sizeof *list);

		if (list == NULL)
			return fault_no_memory(r->fault);
		a->list = list;
		a->room = room;
	}
	a->list[a->n++] = *c;
	return true;
}

/* Takes a text that has a signature of NAME. */
static bool
take_signed(struct reading *r, struct slice name, struct slice text,
    struct slice signature)
{
	const struct note_verifier *key = NULL;
	struct checkpoint c;
	bool known = false;

	for (size_t i = 0; i < r->nkeys && key == NULL; i++) {
		if (!slice_is(name, r->keys[i].name))
			continue;
		known = true;
		switch (note_verify(&r->keys[i], text, signature)) {
		case NOTE_GOOD:
			key = &r->keys[i];
			break;
		case NOTE_FAILED:
			return fault_set(r->fault, FAULT_SOFTWARE, "cannot "
			    "verify %s: OpenSSL or memory failed", r->path);
		case NOTE_BAD:
			break;
		}
	}
	if (!known) {
		r->all->others++;
		return true;
	}
	if (key == NULL)
		return bad(r, "the signature is not one of the key's, or not "
		    "of this note");
	if (!checkpoint_parse(text, &c) || !slice_is(name, c.origin))
		return bad(r, "expected a checkpoint; this is another note");
	memcpy(c.signature, signature.p, signature.n);
	c.line = r->start;
	return append(r, &c);
}

static bool
take_signature(struct reading *r, struct slice line)
{
	struct slice name;

	line = slice_from(line, sizeof CHECKPOINT_DASH - 1);
	if (!slice_next(&line, ' ', &name))
		return true;
	/* The signature of a name without verifier is somebody else's. */
	if (key_of(r, name) == NULL) {
		r->all->others++;
		return true;
	}
	if (!r->ended || r->body.cut)
		return bad(r, "expected a checkpoint before its signature");
	return take_signed(r, name, slice_make(r->memory, r->body.n), line);
}

/* "... checkpoint: ORIGIN|SEQ|...|SIGNATURE" */
static bool
take_log_line(struct reading *r, struct slice s)
{
	char memory[CHECKPOINT_MAX];
	const char *end = memrchr(s.p, '|', s.n);
	struct slice name = slice_make(s.p, slice_find(s, '|'));
	struct slice signature;
	size_t n;

	if (end == NULL || (n = (size_t)(end - s.p) + 1) > sizeof memory)
		return true;
	signature = slice_trim(slice_from(s, n));
	for (size_t i = 0; i < n; i++)
		memory[i] = s.p[i] == '|' ? '\n' : s.p[i];
	r->start = r->line;
	return take_signed(r, name, slice_make(memory, n), signature);
}

static bool
take_line(struct reading *r, struct slice line)
{
	static const char word[] = CHECKPOINT_WORD, dash[] = CHECKPOINT_DASH;
	const char *hit = memmem(line.p, line.n, word, sizeof word - 1);

	if (hit != NULL)
		return take_log_line(r, slice_from(line,
		    (size_t)(hit - line.p) + sizeof word - 1));
	if (line.n > sizeof dash && memcmp(line.p, dash, sizeof dash - 1) == 0)
		return take_signature(r, line);
	if (line.n == 0) {
		r->ended = r->body.n > 0;
		return true;
	}
	if (r->ended || r->body.n == 0) {
		text_init(&r->body, r->memory, sizeof r->memory);
		r->ended = false;
		r->start = r->line;
	}
	text_put(&r->body, line);
	text_char(&r->body, '\n');
	return true;
}

static bool
each_line(struct reading *r, const char *path,
    bool (*take)(struct reading *, struct slice))
{
	struct source *source = source_open(path, r->fault);
	enum source_result result = SOURCE_FAILED;
	struct slice line;
	bool ended, good = source != NULL;

	r->path = path;
	r->line = 0;
	while (good && (result = source_next(source, &line, &ended, r->fault)) ==
	    SOURCE_LINE) {
		r->line++;
		good = take(r, line);
	}
	source_close(source);
	return good && result == SOURCE_END;
}

/* Other lines of a file of verifiers are for people, or for openssl(1). */
static bool
take_verifier(struct reading *r, struct slice line)
{
	struct note_verifier v, *keys;

	switch (note_parse_verifier(slice_trim(line), &v)) {
	case NOTE_BAD:
		return true;
	case NOTE_FAILED:
		return fault_set(r->fault, FAULT_SOFTWARE, "cannot read %s: "
		    "OpenSSL or memory failed", r->path);
	case NOTE_GOOD:
		break;
	}
	keys = reallocarray(r->keys, r->nkeys + 1, sizeof *keys);
	if (keys == NULL)
		return fault_no_memory(r->fault);
	r->keys = keys;
	r->keys[r->nkeys++] = v;
	return true;
}

static int
compare(const void *pa, const void *pb)
{
	const struct checkpoint *a = pa, *b = pb;
	int order = strcmp(a->origin, b->origin);

	return order != 0 ? order :
	    (a->head.seq > b->head.seq) - (a->head.seq < b->head.seq);
}

static bool
read_verifiers(struct reading *r, const char *path)
{
	size_t before = r->nkeys;

	if (!each_line(r, path, take_verifier))
		return false;
	if (r->nkeys > before)
		return true;
	fault_set(r->fault, FAULT_DATA, "expected a verifier key, as "
	    "`tlspolicy audit key' prints it");
	fault_at(r->fault, path, 0, 0);
	return false;
}

static bool
read_notes(struct reading *r, const char *path, const char *const *verifiers)
{
	size_t before = r->all->n;

	text_init(&r->body, r->memory, sizeof r->memory);
	r->ended = false;
	if (!each_line(r, path, take_line))
		return false;
	if (r->all->n > before)
		return true;
	fault_set(r->fault, FAULT_DATA, "there is no checkpoint that a key of "
	    "%s%s has signed", verifiers[0], verifiers[1] == NULL ? "" :
	    " or of the others");
	fault_at(r->fault, path, 0, 0);
	return false;
}

/* False: out of memory. */
static bool
put_in_order(struct checkpoints *all)
{
	qsort(all->list, all->n, sizeof all->list[0], compare);
	all->origins = calloc(all->n, sizeof all->origins[0]);
	if (all->origins == NULL)
		return false;
	for (size_t i = 0; i < all->n; i++) {
		if (i == 0 || strcmp(all->list[i].origin,
		    all->list[i - 1].origin) != 0)
			all->origins[all->norigins++].list = &all->list[i];
		all->origins[all->norigins - 1].n++;
	}
	return true;
}

bool
checkpoints_read(struct checkpoints *all, const char *const *paths,
    const char *const *verifiers, struct fault *fault)
{
	struct reading *r = calloc(1, sizeof *r);
	bool good = true;

	memset(all, 0, sizeof *all);
	if (r == NULL)
		return fault_no_memory(fault);
	r->all = all;
	r->fault = fault;
	for (size_t i = 0; good && verifiers[i] != NULL; i++)
		good = read_verifiers(r, verifiers[i]);
	for (size_t i = 0; good && paths[i] != NULL; i++)
		good = read_notes(r, paths[i], verifiers);
	free(r->keys);
	free(r);
	if (good && !put_in_order(all))
		good = fault_no_memory(fault);
	if (!good)
		checkpoints_free(all);
	return good;
}

void
checkpoints_free(struct checkpoints *all)
{
	free(all->origins);
	free(all->list);
	memset(all, 0, sizeof *all);
}
