/*
 * Salts are made of a secret that is nowhere but here and the value itself, so
 * that no list of values is kept in memory: only which commitments are in the
 * file.  What is wiped at midnight, with the secret, is all that could make
 * them again.
 */
#include <sys/random.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "milter/auditlog/salting-internal.h"

enum { SLOTS_FIRST = 4096, UNSYNCED_MAX = 4 * 1024 * 1024 };
static const char digits[] = "0123456789abcdef";

/* Whose it is, by the beginning of its first salt, and its commitment. */
struct salting_slot {
	unsigned char who[16];
	unsigned char commitment[PERSON_COMMITMENT];
	bool used;
};

static struct salting_slot *
find_slot(const struct salting *s, const unsigned char *who)
{
	uint64_t start;
	size_t at;

	memcpy(&start, who, sizeof start);
	for (at = start & (s->size - 1); s->slots[at].used;
	    at = (at + 1) & (s->size - 1))
		if (memcmp(s->slots[at].who, who, sizeof s->slots[at].who) == 0)
			break;
	return &s->slots[at];
}

/* Without memory, or beyond the bound, values are not known again. */
static bool
make_room(struct salting *s)
{
	struct salting larger = *s;

	if (s->n >= SALTING_MAX)
		return false;
	if (s->size > 2 * s->n)
		return true;
	larger.size = s->size == 0 ? SLOTS_FIRST : 2 * s->size;
	larger.slots = calloc(larger.size, sizeof *larger.slots);
	if (larger.slots == NULL)
		return false;
	for (size_t i = 0; i < s->size; i++)
		if (s->slots[i].used)
			*find_slot(&larger, s->slots[i].who) = s->slots[i];
	free(s->slots);
	s->slots = larger.slots;
	s->size = larger.size;
	return true;
}

static void
remember(struct salting *s, const unsigned char *who,
    const unsigned char *commitment)
{
	struct salting_slot *slot;

	if (!make_room(s))
		return;
	slot = find_slot(s, who);
	if (slot->used)
		return;
	memcpy(slot->who, who, sizeof slot->who);
	memcpy(slot->commitment, commitment, PERSON_COMMITMENT);
	slot->used = true;
	s->n++;
}

void
salting_forget(struct salting *s)
{
	if (s->fd != -1) {
		/* Left over at midnight: it can wait for the disk here. */
		if (s->dirty && fdatasync(s->fd) == -1)
			atomic_store(&s->failing, true);
		close(s->fd);
	}
	s->fd = -1;
	s->dirty = s->torn = false;
	explicit_bzero(s->secret, sizeof s->secret);
	if (s->slots != NULL)
		explicit_bzero(s->slots, s->size * sizeof *s->slots);
	free(s->slots);
	s->slots = NULL;
	s->size = s->n = s->npending = 0;
}

/* Values of before a restart keep their commitments. */
static bool
take_lines(struct salting *s, struct slice all)
{
	char *memory = malloc(all.n + 1);
	struct slice rest = all, line;

	if (memory == NULL)
		return false;
	s->torn = all.n > 0 && all.p[all.n - 1] != '\n';
	/* A daemon before may not have come to sync these lines. */
	s->dirty = all.n > 0;
	while (slice_next(&rest, '\n', &line)) {
		unsigned char who[PERSON_SALT], commitment[PERSON_COMMITMENT];
		struct salts_entry e;
		struct text value;
		bool good;

		text_init(&value, memory, all.n + 1);
		if (!salts_parse(line, &e) || e.erased ||
		    !salts_check(s->hash, &e, &value, &good) || !good ||
		    !person_hash_value(s->hash, s->secret, e.kind,
		    slice_make(value.buf, value.n), who))
			continue;
		for (int i = 0; i < PERSON_COMMITMENT; i++)
			commitment[i] = (unsigned char)(text_hex_digit(
			    e.commitment[2 * i]) << 4 | text_hex_digit(
			    e.commitment[2 * i + 1]));
		remember(s, who, commitment);
	}
	free(memory);
	return true;
}

static bool
read_back(struct salting *s, const char *name, struct fault *fault)
{
	size_t n;
	char *all = salts_load(s->dir, name, &n, fault);
	bool good = all != NULL && (take_lines(s, slice_make(all, n)) ||
	    fault_no_memory(fault));

	free(all);
	return good;
}

bool
salting_open_day(struct salting *s, int32_t day, struct fault *fault)
{
	char name[32];
	struct text text;

	salting_forget(s);
	if (s->dir == -1)
		s->dir = salts_erase_open(s->folder, true, fault);
	if (s->dir == -1)
		return false;
	text_init(&text, name, sizeof name);
	day_print(day, &text);
	if (getrandom(s->secret, sizeof s->secret, 0) !=
	    (ssize_t)sizeof s->secret)
		return fault_errno(fault, FAULT_UNAVAILABLE, errno, "salts");
	if (s->hash == NULL && (s->hash = person_hash_new(fault)) == NULL)
		return false;
	s->fd = salts_erase_file(s->dir, name, true, fault);
	if (s->fd == -1)
		return false;
	if (s->day != day)
		s->nunsynced = 0;
	s->day = day;
	/* Its name is to outlive a power failure as its lines do. */
	if ((fsync(s->dir) == 0 || errno == EINVAL ||
	    fault_errno(fault, FAULT_IO, errno, "salts of %s", name)) &&
	    read_back(s, name, fault))
		return true;
	salting_forget(s);
	return false;
}

static bool
add_line(struct salting *s, const struct salts_entry *e)
{
	size_t most = SALTS_INTRO_MAX + 3 * e->value.n + 2;
	struct text line;

	if (s->npending + most > s->room) {
		size_t room = 2 * (s->npending + most);
		char *larger = realloc(s->pending, room);

		if (larger == NULL)
			return false;
		s->pending = larger;
		s->room = room;
	}
	text_init(&line, s->pending + s->npending, most);
	salts_print(e, &line);
	s->npending += line.n;
	return !line.cut;
}

static void
print_hex(const unsigned char *commitment, char hex[PERSON_HEX + 1])
{
	for (int i = 0; i < PERSON_COMMITMENT; i++) {
		hex[2 * i] = digits[commitment[i] >> 4];
		hex[2 * i + 1] = digits[commitment[i] & 15];
	}
	hex[PERSON_HEX] = '\0';
}

static bool
commit(void *arg, enum person_kind kind, struct slice value,
    char hex[PERSON_HEX + 1])
{
	struct salting *s = arg;
	struct salts_entry e = { .kind = kind, .value = value };
	unsigned char mac[PERSON_SALT];
	const struct salting_slot *slot;

	if (!person_hash_value(s->hash, s->secret, kind, value, e.salt))
		return false;
	slot = s->size == 0 ? NULL : find_slot(s, e.salt);
	if (slot != NULL && slot->used) {
		print_hex(slot->commitment, hex);
		return true;
	}
	if (!person_hash_value(s->hash, e.salt, kind, value, mac))
		return false;
	print_hex(mac, e.commitment);
	memcpy(hex, e.commitment, PERSON_HEX + 1);
	if (!add_line(s, &e))
		return false;
	remember(s, e.salt, mac);
	return true;
}

bool
salting_begin(struct salting *s, int64_t now_us, bool accepts,
    struct person_hiding **hide)
{
	int32_t day = (int32_t)(now_us / INT64_C(86400000000));
	struct fault fault;

	*hide = NULL;
	pthread_mutex_lock(&s->lock);
	if (!salting_is_on(s)) {
		pthread_mutex_unlock(&s->lock);
		return true;
	}
	if (!atomic_load(&s->failing) && s->day != day &&
	    !salting_open_day(s, day, &fault)) {
		s->why = fault;
		atomic_store(&s->failing, true);
	}
	if (atomic_load(&s->failing) ||
	    (!accepts && atomic_load(&s->scarce))) {
		pthread_mutex_unlock(&s->lock);
		return false;
	}
	s->hiding = (struct person_hiding){ .commit = commit, .arg = s,
		.day = day };
	*hide = &s->hiding;
	return true;
}

/* One write(2), so that two daemons' lines do not mix. */
static bool
write_lines(struct salting *s, const char *lines, size_t size)
{
	ssize_t n;

	if (s->torn && write(s->fd, "\n", 1) != 1)
		return false;
	s->torn = false;
	do
		n = write(s->fd, lines, size);
	while (n == -1 && errno == EINTR);
	s->dirty = true;
	if (n == (ssize_t)size)
		return true;
	s->torn = n > 0;
	errno = n == -1 ? errno : ENOSPC;
	return false;
}

/*
 * A disk whose sync failed may have lost them.  With audit-sync = none nobody
 * asks for that, and what is kept is given up now and then.
 */
static void
keep_unsynced(struct salting *s)
{
	size_t n = s->nunsynced + s->npending;

	if (n > UNSYNCED_MAX)
		s->nunsynced = 0;
	if (n > s->unsynced_room) {
		char *larger = realloc(s->unsynced, 2 * n);

		if (larger == NULL)
			return;
		s->unsynced = larger;
		s->unsynced_room = 2 * n;
	}
	memcpy(s->unsynced + s->nunsynced, s->pending, s->npending);
	s->nunsynced += s->npending;
}

static bool
write_pending(struct salting *s)
{
	if (s->npending == 0)
		return true;
	if (!write_lines(s, s->pending, s->npending))
		return false;
	keep_unsynced(s);
	return true;
}

/*
 * Writes the lines that may be lost once more, and an empty line, to see that
 * it works.
 */
bool
salting_write_again(struct salting *s, struct fault *fault)
{
	bool good = s->nunsynced > 0 ?
	    write_lines(s, s->unsynced, s->nunsynced) :
	    write_lines(s, "\n", 1);

	return good || fault_errno(fault, FAULT_IO, errno,
	    "cannot write salts");
}

bool
salting_end(struct salting *s, struct person_hiding *hide)
{
	bool good = write_pending(s);

	if (!good) {
		fault_errno(&s->why, FAULT_IO, errno, "cannot write salts");
		atomic_store(&s->failing, true);
	} else if (hide->failed) {
		/*
		 * A salt may be in the table of this day but not in its file.
		 */
		fault_set(&s->why, FAULT_UNAVAILABLE, "no memory, or no HMAC, "
		    "for salts");
		atomic_store(&s->failing, true);
		good = false;
	}
	s->npending = 0;
	pthread_mutex_unlock(&s->lock);
	return good;
}

/* The disk is waited for without the lock: sessions go on writing. */
bool
salting_sync(struct salting *s)
{
	bool good = true;
	int fd = -1, error;
	size_t n;

	pthread_mutex_lock(&s->lock);
	if (s->dirty && s->fd != -1) {
		fd = dup(s->fd);
		good = fd != -1;
		s->dirty = !good;
	}
	n = s->nunsynced;
	pthread_mutex_unlock(&s->lock);
	if (fd == -1)
		return good;
	error = fdatasync(fd) == 0 ? 0 : errno;
	close(fd);
	pthread_mutex_lock(&s->lock);
	if (error == 0) {
		/* Less than before: another day has begun meanwhile. */
		n = n <= s->nunsynced ? n : 0;
		s->nunsynced -= n;
		if (n > 0)
			memmove(s->unsynced, s->unsynced + n,
			    s->nunsynced);
		pthread_mutex_unlock(&s->lock);
		return true;
	}
	s->dirty = true;
	fault_errno(&s->why, FAULT_IO, error, "cannot bring salts to the disk");
	atomic_store(&s->failing, true);
	pthread_mutex_unlock(&s->lock);
	return false;
}
