/*
 * A day's file is read as a whole when its first record comes, since whom it
 * asks for may stand anywhere in it.  Records come by time, so few days are
 * wanted at once; those not asked for longest are given up for others.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/audit/salts.h"
#include "policy/rules/requirement.h"

enum { DAYS_MAX = 4 };

struct slot {
	char commitment[PERSON_HEX];
	enum salts_answer answer;
	const char *value; /* encoded */
	size_t n;
};

/* A day, of all folders. */
struct day {
	int32_t day;
	bool loaded, present, unreadable;
	uint64_t asked; /* when, by struct salts' count */
	char *text[SALTS_FOLDERS_MAX];
	unsigned ntexts;
	struct slot *slots;
	size_t size, n;
};

struct salts {
	pthread_mutex_t lock;
	struct person_hash *hash;
	int folder[SALTS_FOLDERS_MAX];
	unsigned nfolders;
	bool unreadable;
	struct fault why;
	uint64_t asked;
	struct day days[DAYS_MAX];
};

static const char *const texts[SALTS_ANSWERS] = {
	[SALTS_NO_DAY] = "the salts of their day are not here, or were erased",
	[SALTS_ERASED] = "they were erased",
	[SALTS_UNKNOWN] = "the salts of their day do not have them",
	[SALTS_FORGED] = "THE SALTS ARE NOT THOSE THAT WERE COMMITTED TO",
	[SALTS_UNREADABLE] = "the salts cannot be read",
};

const char *
salts_answer_text(enum salts_answer answer)
{
	return texts[answer];
}

struct salts *
salts_open(struct fault *fault)
{
	struct salts *s = calloc(1, sizeof *s);

	if (s == NULL) {
		fault_no_memory(fault);
		return NULL;
	}
	s->hash = person_hash_new(fault);
	if (s->hash == NULL) {
		free(s);
		return NULL;
	}
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

static void
forget_day(struct day *d)
{
	for (unsigned i = 0; i < d->ntexts; i++)
		free(d->text[i]);
	free(d->slots);
	memset(d, 0, sizeof *d);
}

void
salts_close(struct salts *s)
{
	if (s == NULL)
		return;
	for (int i = 0; i < DAYS_MAX; i++)
		forget_day(&s->days[i]);
	for (unsigned i = 0; i < s->nfolders; i++)
		close(s->folder[i]);
	person_hash_free(s->hash);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void
salts_refuse(struct salts *s, const struct fault *why)
{
	if (!s->unreadable)
		s->why = *why;
	s->unreadable = true;
}

const char *
salts_why(const struct salts *s)
{
	return s->why.text;
}

bool
salts_add(struct salts *s, const char *folder, struct fault *fault)
{
	int fd;

	if (s->nfolders == SALTS_FOLDERS_MAX)
		return fault_set(fault, FAULT_USAGE, "more than %d folders of "
		    "salts", SALTS_FOLDERS_MAX);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd != -1) {
		s->folder[s->nfolders++] = fd;
	} else if (errno != ENOENT) {
		fault_errno(fault, FAULT_NOINPUT, errno, "%s", folder);
		salts_refuse(s, fault);
	}
	return true;
}

static struct slot *
find_slot(const struct day *d, const char *commitment)
{
	uint64_t start = 0;
	size_t at;

	/*
	 * The commitment is an HMAC: its first digits are a hash for the
	 * table.
	 */
	for (int i = 0; i < 15; i++)
		start = start << 4 | (uint64_t)text_hex_digit(commitment[i]);
	for (at = start & (d->size - 1); d->slots[at].n > 0;
	    at = (at + 1) & (d->size - 1))
		if (memcmp(d->slots[at].commitment, commitment,
		    PERSON_HEX) == 0)
			break;
	return &d->slots[at];
}

/* Room for one more, in half of the slots. */
static bool
grow(struct day *d)
{
	struct day larger = *d;

	if (d->size > 2 * d->n)
		return true;
	larger.size = d->size == 0 ? 1024 : 2 * d->size;
	larger.slots = calloc(larger.size, sizeof *larger.slots);
	if (larger.slots == NULL)
		return false;
	for (size_t i = 0; i < d->size; i++)
		if (d->slots[i].n > 0)
			*find_slot(&larger, d->slots[i].commitment) =
			    d->slots[i];
	free(d->slots);
	*d = larger;
	return true;
}

static bool
add_entry(struct salts *s, struct day *d, struct slice line, struct text *value)
{
	struct salts_entry entry;
	struct slot *slot;
	bool good = false;

	if (!salts_parse(line, &entry))
		return true;
	if (!grow(d))
		return false;
	slot = find_slot(d, entry.commitment);
	if (slot->n > 0)
		return true;
	memcpy(slot->commitment, entry.commitment, PERSON_HEX);
	slot->value = entry.value.p;
	slot->n = entry.value.n;
	if (!entry.erased && !salts_check(s->hash, &entry, value, &good))
		return false;
	slot->answer = entry.erased ? SALTS_ERASED : good ? SALTS_FOUND :
	    SALTS_FORGED;
	d->n++;
	return true;
}

static bool
add_text(struct salts *s, struct day *d, struct slice rest)
{
	char *memory = malloc(rest.n + 1);
	struct text value;
	struct slice line;
	bool good = memory != NULL;

	while (good && slice_next(&rest, '\n', &line)) {
		text_init(&value, memory, line.n + 1);
		good = add_entry(s, d, line, &value);
	}
	free(memory);
	return good;
}

static void
load_day(struct salts *s, struct day *d, int32_t number)
{
	char name[32];
	struct text text;

	text_init(&text, name, sizeof name);
	day_print(number, &text);
	d->day = number;
	d->loaded = true;
	for (unsigned i = 0; i < s->nfolders; i++) {
		struct fault fault;
		size_t n;
		char *all = salts_load(s->folder[i], name, &n, &fault);

		if (all != NULL)
			d->text[d->ntexts++] = all;
		d->present |= all != NULL;
		if ((all == NULL && fault.kind != FAULT_NOINPUT) ||
		    (all != NULL && !add_text(s, d, slice_make(all, n)))) {
			if (all != NULL)
				fault_no_memory(&fault);
			d->unreadable = true;
			salts_refuse(s, &fault);
		}
	}
}

static struct day *
find_day(struct salts *s, int32_t number)
{
	struct day *oldest = &s->days[0], *d;

	for (d = s->days; d < s->days + DAYS_MAX; d++) {
		if (d->loaded && d->day == number)
			return d;
		if (!d->loaded || (oldest->loaded && d->asked < oldest->asked))
			oldest = d;
	}
	forget_day(oldest);
	load_day(s, oldest, number);
	return oldest;
}

static enum salts_answer
ask(struct salts *s, int32_t day, struct slice hex, struct arena *memory,
    struct slice *value)
{
	struct day *d = find_day(s, day);
	struct slot *slot = d->size == 0 ? NULL : find_slot(d, hex.p);
	struct text decoded;
	char *room;

	d->asked = ++s->asked;
	if (slot == NULL || slot->n == 0)
		return s->unreadable || d->unreadable ? SALTS_UNREADABLE :
		    d->present ? SALTS_UNKNOWN : SALTS_NO_DAY;
	if (slot->answer != SALTS_FOUND)
		return slot->answer;
	room = arena_alloc(memory, slot->n + 1);
	if (room == NULL)
		return SALTS_UNREADABLE;
	text_init(&decoded, room, slot->n + 1);
	text_put_xdecoded(&decoded, slice_make(slot->value, slot->n));
	*value = slice_make(room, decoded.n);
	return SALTS_FOUND;
}

enum salts_answer
salts_find(struct salts *s, int32_t day, struct slice hex,
    struct arena *memory, struct slice *value)
{
	enum salts_answer answer;

	pthread_mutex_lock(&s->lock);
	answer = ask(s, day, hex, memory, value);
	pthread_mutex_unlock(&s->lock);
	return answer;
}
