#include <stdlib.h>
#include <string.h>

#include "policy/commands/generation.h"
#include "policy/commands/past.h"

struct past_policy {
	uint64_t number;
	char digest[DIGEST_HEX + 1];
};

struct past_settings {
	char digest[DIGEST_HEX + 1];
	struct settings settings;
};

static void
copy_digest(struct slice from, char digest[DIGEST_HEX + 1])
{
	size_t n = from.n < DIGEST_HEX ? from.n : DIGEST_HEX;

	if (n > 0)
		memcpy(digest, from.p, n);
	digest[n] = '\0';
}

/*
 * Of two lines about one generation the later counts: a log may go on with
 * another store.
 */
static bool
note_policy(struct past *p, const struct reader_record *r)
{
	struct past_policy *more;
	size_t i = 0;

	while (i < p->npolicies && p->policies[i].number != r->generation)
		i++;
	if (i == p->npolicies) {
		more = reallocarray(p->policies, p->npolicies + 1,
		    sizeof *more);
		if (more == NULL)
			return false;
		p->policies = more;
		p->npolicies++;
	}
	p->policies[i].number = r->generation;
	copy_digest(r->policy.rules_sha256, p->policies[i].digest);
	return true;
}

/* False: a setting of a newer version, which this one cannot judge by. */
static bool
read_settings(struct slice lines, struct settings *settings)
{
	struct slice line;
	struct fault fault;

	settings_init(settings);
	while (slice_next(&lines, '\n', &line))
		if (!settings_assign(settings, line, &fault))
			return false;
	return true;
}

static bool
begins_with(const char *digest, struct slice beginning)
{
	return beginning.n >= DIGEST_SHORT && beginning.n <= strlen(digest) &&
	    memcmp(digest, beginning.p, beginning.n) == 0;
}

static const struct settings *
find_settings(const struct past *p, struct slice digest)
{
	for (size_t i = 0; i < p->nsettings; i++)
		if (begins_with(p->settings[i].digest, digest))
			return &p->settings[i].settings;
	return NULL;
}

/* Notes settings once for each digest.  *good: there was memory for it. */
static bool
note_settings(struct past *p, struct slice digest, struct slice lines)
{
	struct past_settings *more;

	if (digest.n != DIGEST_HEX || find_settings(p, digest) != NULL)
		return true;
	more = reallocarray(p->settings, p->nsettings + 1, sizeof *more);
	if (more == NULL)
		return false;
	p->settings = more;
	copy_digest(digest, more[p->nsettings].digest);
	if (read_settings(lines, &more[p->nsettings].settings))
		p->nsettings++;
	return true;
}

bool
past_note(struct past *p, const struct reader_record *r)
{
	if (r->event == RECORD_POLICY)
		return !r->policy.known || note_policy(p, r);
	return r->event != RECORD_SETTINGS ||
	    note_settings(p, r->settings.digest, r->settings.values);
}

static bool
open_today(struct past *p, struct fault *why)
{
	p->is_open = p->is_open || command_open_store(p->context, &p->store,
	    &p->reader, why);
	return p->is_open;
}

/* Is the kept generation of this number the one that judged the record? */
static bool
is_of(const struct past *p, const struct past_head *head,
    const struct reader_record *r)
{
	size_t i = 0;

	if (head->number == r->generation && r->policy.rules_sha256.n > 0)
		return begins_with(head->digest, r->policy.rules_sha256);
	while (i < p->npolicies && p->policies[i].number != head->number)
		i++;
	return i < p->npolicies ?
	    strcmp(p->policies[i].digest, head->digest) == 0 :
	    r->time_us >= head->time * INT64_C(1000000);
}

static enum past_result
check(const struct past *p, const struct past_head *head,
    const struct reader_record *r, struct fault *why)
{
	if (is_of(p, head, r))
		return PAST_FOUND;
	fault_set(why, FAULT_NOINPUT, "%s: generation %llu is another one "
	    "there", p->context->store, (unsigned long long)head->number);
	return PAST_ANOTHER;
}

/*
 * Reads a generation of the store, and notes its settings.  NULL: `result` says
 * why.
 */
static const struct past_head *
read_head(struct past *p, uint64_t number, enum past_result *result,
    struct fault *why)
{
	struct past_head *head = &p->heads[p->next_head % PAST_HEADS];
	char hex[DIGEST_HEX + 1];
	struct generation g;
	struct text digest;

	*result = PAST_FAILED;
	switch (history_find(&p->reader, number, &g)) {
	case LOOKUP_FOUND:
		break;
	case LOOKUP_ABSENT:
		fault_set(why, FAULT_NOINPUT, "%s: generation %llu is not "
		    "kept; it holds %llu to %llu", p->context->store,
		    (unsigned long long)number,
		    (unsigned long long)p->reader.info.oldest,
		    (unsigned long long)p->reader.info.generation);
		*result = PAST_NOT_KEPT;
		return NULL;
	case LOOKUP_FAILED:
		*why = p->reader.fault;
		return NULL;
	}
	text_init(&digest, hex, sizeof hex);
	digest_print(g.settings_digest, &digest);
	if (!note_settings(p, slice_of(hex), g.settings)) {
		fault_no_memory(why);
		return NULL;
	}
	p->next_head++;
	*head = (struct past_head){ .number = number, .time = g.time };
	text_init(&digest, head->digest, sizeof head->digest);
	digest_print(g.rules_digest, &digest);
	return head;
}

static enum past_result
find(struct past *p, const struct reader_record *r, uint64_t number,
    struct fault *why)
{
	const struct past_head *head = NULL;
	enum past_result result;

	for (int i = 0; i < PAST_HEADS && head == NULL; i++)
		if (p->heads[i].number == number)
			head = &p->heads[i];
	if (head == NULL)
		head = read_head(p, number, &result, why);
	return head == NULL ? result : check(p, head, r, why);
}

static struct past_store *
oldest_used(struct past *p)
{
	struct past_store *oldest = &p->then[0];

	for (int i = 1; i < PAST_STORES; i++)
		if (p->then[i].used < oldest->used)
			oldest = &p->then[i];
	return oldest;
}

static void
close_then(struct past_store *then)
{
	if (then->store != NULL)
		command_close_store(then->store, &then->reader);
	then->store = NULL;
}

static bool
open_then(struct past *p, struct past_store *then, uint64_t number,
    struct fault *why)
{
	close_then(then);
	then->store = generation_store(&p->reader, number, why);
	if (then->store == NULL)
		return false;
	then->number = number;
	if (store_begin(then->store, &then->reader, why))
		return true;
	store_close(then->store);
	then->store = NULL;
	return false;
}

void
past_next_record(struct past *p)
{
	p->mark = p->used;
}

enum past_result
past_rules(struct past *p, const struct reader_record *r, uint64_t number,
    struct store_reader **reader, struct fault *why)
{
	struct past_store *then = NULL;
	enum past_result result;

	if (number == 0) {
		fault_set(why, FAULT_NOINPUT, "no policy judged it: the store "
		    "could not be asked");
		return PAST_NO_POLICY;
	}
	if (!open_today(p, why))
		return PAST_FAILED;
	if ((result = find(p, r, number, why)) != PAST_FOUND)
		return result;
	*reader = &p->reader;
	if (number == p->reader.info.generation)
		return PAST_FOUND;
	for (int i = 0; i < PAST_STORES; i++)
		if (p->then[i].store != NULL && p->then[i].number == number)
			then = &p->then[i];
	if (then == NULL) {
		then = oldest_used(p);
		if (then->store != NULL && then->used > p->mark) {
			fault_set(why, FAULT_NOINPUT, "more than %d "
			    "generations judged one message", PAST_STORES);
			return PAST_NOT_KEPT;
		}
		if (!open_then(p, then, number, why))
			return PAST_FAILED;
	}
	then->used = ++p->used;
	*reader = &then->reader;
	return PAST_FOUND;
}

const struct settings *
past_settings(struct past *p, const struct reader_record *r)
{
	return find_settings(p, r->settings.digest);
}

void
past_free(struct past *p)
{
	for (int i = 0; i < PAST_STORES; i++)
		close_then(&p->then[i]);
	if (p->is_open)
		command_close_store(p->store, &p->reader);
	free(p->policies);
	free(p->settings);
}
