/*
 * The writer of the audit log, from its opening over a rotation to its end, while
 * each call on the way fails: what it said it has taken is in the log, the log
 * verifies with its keys, and the next daemon goes on with it.
 */
#include "config.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "milter/auditlog/writer.h"
#include "policy/audit/note.h"
#include "policy/audit/verify.h"
#include "policy/policy.h"
#include "t/nth.h"
#include "t/unit.h"

enum { RECORDS = 6, ROTATED_AT = 3 };

static char folder[128], path[160], rotated[160], key[160], start[160],
    signer[160], notes[160];
static atomic_int nlost;
static bool every;

static void
report(void *arg, enum writer_event event, const struct fault *fault)
{
	(void)arg;
	(void)fault;
	if (event == WRITER_LOST)
		atomic_fetch_add(&nlost, 1);
}

static const struct kind {
	const char *name;
	enum audit_sync sync;
	bool ratchet, key;
} kinds[] = {
	{ "none", AUDIT_SYNC_NONE, false, false },
	{ "each, key", AUDIT_SYNC_EACH, false, true },
	{ "batch, ratchet", AUDIT_SYNC_BATCH, true, false },
	{ "each, ratchet", AUDIT_SYNC_EACH, true, false },
};

static struct writer_options
options_of(const struct kind *k)
{
	return (struct writer_options){ .path = path, .sync = k->sync,
		.full = AUDIT_FULL_TEMPFAIL, .clock = clock_date_us,
		.key = slice_of(k->key ? "0123456789abcdef" : ""),
		.ratchet = k->ratchet ? key : NULL, .epoch_ms = 1,
		.state_folder = folder, .checkpoint_key = signer,
		.checkpoint_file = notes, .checkpoint_s = 1, .wait_ms = 100,
		.reserve = 1, .report = report };
}

static void
put(const char *name, struct slice bytes)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, bytes.p, bytes.n), bytes.n);
	assert_int_equal(close(fd), 0);
}

/*
 * Removes all files but the key of checkpoints; whole: that and the folder,
 * too.
 */
static void
clean(bool whole)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.' && (whole ||
		    strcmp(entry->d_name, "signer") != 0))
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	if (whole)
		(void)rmdir(folder);
}

static void
begin(const struct kind *k)
{
	static const unsigned char bytes[CHAIN_RATCHET_BYTES] = "not random";
	static unsigned count;
	char memory[CHAIN_RATCHET_TEXT];
	struct chain_key first;
	struct fault fault;
	struct text text;

	/*
	 * A writer that lost records runs on and keeps its files open: each try
	 * has names of its own.
	 */
	clean(false);
	count++;
	snprintf(path, sizeof path, "%s/log%u", folder, count);
	snprintf(rotated, sizeof rotated, "%s/log%u.1", folder, count);
	snprintf(key, sizeof key, "%s/key%u", folder, count);
	assert_true(chain_start_ratchet(bytes, &first, &fault));
	text_init(&text, memory, sizeof memory);
	chain_print_ratchet(&first, &text);
	put(key, slice_make(text.buf, text.n));
	put(start, k->ratchet ? slice_make(text.buf, text.n) :
	    slice_of("0123456789abcdef"));
	atomic_store(&nlost, 0);
}

static bool
submit(struct writer *w, int n)
{
	char line[64];

	snprintf(line, sizeof line, "{\"v\":1,\"n\":%d}", n);
	return writer_submit(w, slice_of(line), n % 3 == 2 ?
	    WRITER_IMPATIENT : WRITER_PATIENT);
}

/* Which records of `taken` are in a file, as bits. */
static unsigned
records_in(const char *name)
{
	char line[1024];
	FILE *file = fopen(name, "r");
	unsigned there = 0, n;

	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		if (sscanf(line, "{\"v\":1,\"n\":%u,", &n) == 1)
			there |= 1U << n;
	if (file != NULL)
		fclose(file);
	return there;
}

static const char *
verify(const struct kind *k)
{
	static char what[400];
	struct verification v;
	struct fault fault;
	bool good;

	fault_clear(&fault);
	verify_init(&v, NULL);
	v.keys = keyring_new(&fault);
	assert_non_null(v.keys);
	assert_true(!(k->ratchet || k->key) || keyring_add(v.keys, start,
	    &fault));
	good = (access(rotated, F_OK) != 0 || verify_file(&v, rotated,
	    &fault)) && (access(path, F_OK) != 0 || verify_file(&v, path,
	    &fault)) && verify_finish(&v);
	snprintf(what, sizeof what, "%s%s%s", good ? "whole" :
	    verify_break_name(v.kind), v.what[0] ? ": " : "", v.what);
	if (v.unread > 0 || v.plain > 0)
		snprintf(what, sizeof what, "not all is read");
	keyring_free(v.keys);
	return what;
}

/* Writes records while calls fail; returns those that were taken, as bits. */
static unsigned
write_some(const struct kind *k, long n, long last, int error, bool *hit)
{
	struct writer_options options = options_of(k);
	struct fault fault;
	struct writer *w;
	unsigned taken = 0;

	fault_clear(&fault);
	nth_arm(NULL, n, last, error);
	w = writer_open(&options, &fault);
	for (int i = 0; w != NULL && i < RECORDS; i++) {
		if (i == ROTATED_AT) {
			(void)rename(path, rotated);
			if (!writer_reopen(w, &options, &fault))
				unit_number("reopened", true,
				    fault.text[0] != '\0');
		}
		if (submit(w, i))
			taken |= 1U << i;
	}
	*hit = nth_disarm() >= n;
	if (w == NULL)
		unit_number("opened", true, fault.text[0] != '\0');
	else
		writer_close(w);
	return taken;
}

static bool
try(const struct kind *k, long n, bool onward)
{
	static const int errors[] = { EIO, ENOSPC, ENOMEM };
	struct writer_options options = options_of(k);
	struct fault fault;
	struct writer *w;
	unsigned taken, there;
	char row[100];
	bool hit;

	begin(k);
	taken = write_some(k, n, onward ? LONG_MAX : n, errors[n % 3], &hit);
	snprintf(row, sizeof row, "%s: %ld%s, %s", k->name, n, onward ?
	    " and on" : "", nth_failed());
	there = records_in(rotated) | records_in(path);
	if (atomic_load(&nlost) > 0)
		return hit; /* the daemon would end here */
	unit_number(row, taken, taken & there);
	unit_same(row, "whole", verify(k));
	options.wait_ms = 5000;
	w = writer_open(&options, &fault);
	if (w == NULL) {
		unit_same(row, "opened", fault.text);
		return hit;
	}
	unit_number(row, true, submit(w, RECORDS));
	writer_close(w);
	there = records_in(rotated) | records_in(path);
	unit_number("then", 1U << RECORDS, there & 1U << RECORDS);
	unit_same(row, "whole", verify(k));
	return hit;
}

static void
test_each(void **state)
{
	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(kinds); i++) {
		/*
		 * Every fifth n, each kind from another one on;
		 * TLSPOLICY_FAULTS=all: every n.
		 */
		long n = every ? 1 : 1 + (long)i;

		while (try(&kinds[i], n, false))
			n += every ? 1 : 5;
		assert_in_range(n, 20, 2000);
		unit_end();
	}
}

static void
test_onward(void **state)
{
	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(kinds); i++) {
		long n = 1;

		while (try(&kinds[i], n, true))
			n += every ? 1 : 23;
		assert_in_range(n, 20, 2000);
		unit_end();
	}
}

int
main(void)
{
	char shm[] = "/dev/shm/tlspolicy-209-XXXXXX", *place = mkdtemp(shm);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_onward),
	};
	struct fault fault;
	FILE *out;
	int failed;

	if (place == NULL)
		return 1;
	snprintf(folder, sizeof folder, "%s", place);
	snprintf(start, sizeof start, "%s/start", folder);
	snprintf(signer, sizeof signer, "%s/signer", folder);
	snprintf(notes, sizeof notes, "%s/notes", folder);
	if ((out = fopen(signer, "w")) == NULL || chmod(signer, 0600) == -1 ||
	    !note_make_key("mx1.test", out, &fault) || fclose(out) != 0)
		return 1;
	every = getenv("TLSPOLICY_FAULTS") != NULL;
	failed = unit_main(tests);
	clean(true);
	return failed;
}
