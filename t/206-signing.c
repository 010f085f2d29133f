/*
 * What the daemon signs of its log and keeps of its end, with each call on the
 * way failing: a note is whole or is not there, and what is kept is the user's
 * own or is not believed.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "milter/auditlog/logstate.h"
#include "milter/auditlog/signing.h"
#include "t/failing.h"
#include "t/unit.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"


WRAP(int, -1, fstat, (int fd, struct stat *st), (fd, st))
WRAP(int, -1, fsync, (int fd), (fd))
WRAP(int, -1, fdatasync, (int fd), (fd))
WRAP(int, -1, ftruncate, (int fd, off_t n), (fd, n))
WRAP(int, -1, close, (int fd), (fd))
WRAP(int, -1, renameat, (int a, const char *from, int b, const char *to),
    (a, from, b, to))
WRAP(ssize_t, -1, read, (int fd, void *p, size_t n), (fd, p, n))
WRAP(EVP_MD_CTX *, NULL, EVP_MD_CTX_new, (void), ())
WRAP(int, 0, EVP_DigestSign, (EVP_MD_CTX *c, unsigned char *s, size_t *n,
    const unsigned char *t, size_t m), (c, s, n, t, m))

ssize_t __wrap___read_chk(int, void *, size_t, size_t);
ssize_t
__wrap___read_chk(int fd, void *p, size_t n, size_t room)
{
	assert_true(n <= room);
	return __wrap_read(fd, p, n);
}

/* A disk that takes a part of a write, or nothing. */
ssize_t __real_write(int, const void *, size_t);
ssize_t __wrap_write(int, const void *, size_t);
ssize_t
__wrap_write(int fd, const void *p, size_t n)
{
	if (fails("write"))
		return -1;
	if (fails("half"))
		return __real_write(fd, p, n / 2);
	return fails("none") ? 0 : __real_write(fd, p, n);
}

static void
make_key(const char *path)
{
	struct fault f;
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_true(note_make_key("mx1.test", out, &f));
	fclose(out);
	assert_int_equal(chmod(path, 0600), 0);
}

static void
open_it(struct signing *s, const char *file)
{
	char key[512];
	struct fault f;

	snprintf(key, sizeof key, "%s", unit_path("key"));
	make_key(key);
	assert_true(signing_open(s, key, file, 1, &f));
}

/* Tells the signer of lines with the numbers `first` to `last`. */
static void
add(struct signing *s, uint64_t first, uint64_t last)
{
	for (uint64_t i = first; i <= last; i++) {
		struct chain_line parts = { .seq = i,
			.hex = slice_of(HEX) };

		signing_add(s, slice_of("{\"a\":1}"), &parts);
	}
}

/* What waits, as "1-5 6-9". */
static const char *
waiting(const struct signing *s)
{
	static char buf[2048];
	struct text out;

	text_init(&out, buf, sizeof buf);
	for (size_t i = 0; i < s->nwaiting; i++)
		text_printf(&out, "%s%llu-%llu", i > 0 ? " " : "",
		    (unsigned long long)s->waiting[i].first,
		    (unsigned long long)s->waiting[i].head.seq);
	return buf;
}

static void
test_trees(void **state)
{
	struct signing s;
	struct checkpoint c;
	char key[512], file[512];
	struct fault f;

	(void)state;
	open_it(&s, "");
	signing_cut(&s);
	unit_same("nothing new", "", waiting(&s));
	add(&s, 1, 5);
	add(&s, 8, 9); /* 6 and 7 were lost */
	signing_cut(&s);
	unit_same("a gap ends a tree", "1-5 8-9", waiting(&s));
	assert_false(signing_next(&s, 4, 0, &c));
	failing = "EVP_MD_CTX_new";
	assert_false(signing_next(&s, 5, 0, &c));
	failing = "EVP_DigestSign";
	assert_false(signing_next(&s, 5, 0, &c));
	assert_true(signing_next(&s, 5, 0, &c));
	unit_number("the first", 5, (long long)c.head.seq);
	signing_drop(&s);
	unit_same("it is gone", "8-9", waiting(&s));
	for (uint64_t i = 20; i < 20 + 2 * (SIGNING_WAITING + 3); i += 2)
		add(&s, i, i);
	unit_number("no more than", SIGNING_WAITING, (long long)s.nwaiting);
	unit_number("the oldest go", 24, (long long)s.waiting[0].first);
	signing_close(&s);
	assert_true(signing_open(&s, NULL, "", 1, &f));
	assert_false(signing_is_on(&s));
	assert_false(signing_is_on(NULL));
	signing_cut(&s);
	signing_add_file(&s, "/nonexistent", 0);
	unit_same("off", "", waiting(&s));
	signing_close(&s);
	snprintf(key, sizeof key, "%s", unit_path("no-key"));
	assert_false(signing_open(&s, key, "", 1, &f));
	unit_same("no key", "setting checkpoint-key-file", f.where);
	signing_close(&s);
	/*
	 * signing_read() of a file takes whole lines behind the signed number.
	 */
	open_it(&s, "");
	snprintf(file, sizeof file, "%s", unit_path("log"));
	FILE *out = fopen(file, "w");
	for (int i = 1; i < 5; i++)
		fprintf(out, "{\"v\":1,\"seq\":%d,\"chain\":\"" HEX "\"}%s", i,
		    i == 4 ? "" : i == 2 ? "\nno line\n" : "\n");
	fclose(out);
	signing_add_file(&s, file, 1);
	signing_cut(&s);
	unit_same("of a file", "2-3", waiting(&s));
	signing_add_file(&s, "/nonexistent", 0);
	signing_close(&s);
	unit_end();
}

static off_t
size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

/*
 * A call that fails leaves the file of notes as it was; why NULL: it may fail
 * unnoticed.
 */
static void
test_hand_on(void **state)
{
	static const struct {
		const char *call;
		int error;
		const char *why;
	} rows[] = {
		{ "fstat", EIO, "Input/output error" },
		{ "write", ENOSPC, "No space left on device" },
		{ "half", 0, "No space left on device" },
		{ "none", 0, "No space left on device" },
		{ "fdatasync", EIO, "Input/output error" },
		{ NULL, 0, NULL }
	};
	char file[512];
	struct signing s;
	struct checkpoint c;
	struct fault f;
	off_t size;

	(void)state;
	snprintf(file, sizeof file, "%s", unit_path("notes"));
	open_it(&s, file);
	add(&s, 1, 3);
	signing_cut(&s);
	assert_true(signing_next(&s, 3, 0, &c));
	assert_true(signing_hand_on(&s, &c, true, &f));
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		const char *name = rows[i].call == NULL ? "well" : rows[i].call;
		bool good;

		size = size_of(file);
		failing = rows[i].call;
		error = rows[i].error;
		good = signing_hand_on(&s, &c, true, &f);
		unit_number(name, rows[i].why == NULL, good);
		unit_same(name, "none", failing == NULL ? "none" : failing);
		if (rows[i].why != NULL)
			unit_number(name, true, strstr(f.text, rows[i].why) !=
			    NULL);
		/*
		 * After a failed sync the note may be in the file: it is
		 * written again, which does no harm.
		 */
		unit_number(name, rows[i].why == NULL ||
		    strcmp(name, "fdatasync") == 0, size_of(file) > size);
	}
	snprintf(s.file, sizeof s.file, "/nonexistent/notes");
	assert_false(signing_hand_on(&s, &c, true, &f));
	s.file[0] = '\0';
	assert_true(signing_hand_on(&s, &c, true, &f));
	signing_close(&s);
	unit_end();
}

/* A FIFO, a link, a folder that another may write to. */
static void
test_hand_on_where(void **state)
{
	char file[512], folder[512];
	struct signing s;
	struct checkpoint c;
	struct fault f;

	(void)state;
	snprintf(file, sizeof file, "%s", unit_path("fifo"));
	open_it(&s, file);
	add(&s, 1, 1);
	signing_cut(&s);
	assert_true(signing_next(&s, 1, 0, &c));
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_false(signing_hand_on(&s, &c, false, &f));
	/* A FIFO with a reader is refused, too. */
	int reader = open(file, O_RDONLY | O_NONBLOCK);
	assert_false(signing_hand_on(&s, &c, false, &f));
	assert_non_null(strstr(f.text, "Invalid argument"));
	close(reader);
	unlink(file);
	assert_int_equal(symlink("/dev/null", file), 0);
	assert_false(signing_hand_on(&s, &c, false, &f));
	snprintf(folder, sizeof folder, "%s", unit_path("theirs"));
	assert_int_equal(mkdir(folder, 0755), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(folder, 65534, 65534), 0);
		snprintf(s.file, sizeof s.file, "%s/notes", folder);
		assert_false(signing_hand_on(&s, &c, false, &f));
		assert_non_null(strstr(f.text, "is user 65534's"));
		assert_int_equal(size_of(s.file), -1);
	}
	signing_close(&s);
}

static void
open_state(struct logstate *s, char *folder, size_t size)
{
	struct fault f;

	snprintf(folder, size, "%s", unit_path("."));
	assert_true(logstate_open(s, folder, "/var/x/audit.log", &f));
	snprintf(s->head.hex, sizeof s->head.hex, "%s", HEX);
	s->head.seq = 7;
	s->signed_seq = 3;
	assert_true(logstate_write(s, true, &f));
}

static void
test_state_write(void **state)
{
	static const struct {
		const char *call;
		int after, error;
		bool good;
	} rows[] = {
		{ "write", 0, ENOSPC, false }, { "write", 0, EINTR, true },
		{ "half", 0, 0, true }, { "none", 0, 0, false },
		{ "fsync", 0, EIO, false }, { "fsync", 1, EIO, false },
		{ "fsync", 1, EINVAL, true }, { "close", 0, EIO, false },
		{ "renameat", 0, EACCES, false },
	};
	struct logstate s, was;
	char folder[512];
	struct fault f;

	(void)state;
	open_state(&s, folder, sizeof folder);
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		failing = rows[i].call;
		after = rows[i].after;
		error = rows[i].error;
		unit_number(rows[i].call, rows[i].good,
		    logstate_write(&s, true, &f));
		unit_same(rows[i].call, "none",
		    failing == NULL ? "none" : failing);
		was = s;
		was.head.seq = was.signed_seq = 0;
		/*
		 * The note before is still there, or the same one written anew.
		 */
		unit_number(rows[i].call, LOGSTATE_FOUND,
		    logstate_read(&was, &f));
		unit_number(rows[i].call, 7, (long long)was.head.seq);
		unit_number(rows[i].call, 3, (long long)was.signed_seq);
		unit_number(rows[i].call, -1, faccessat(s.dir,
		    "state.audit.log.new", F_OK, 0));
	}
	logstate_close(&s);
	logstate_close(&s);
	unit_end();
}

static void
put_state(const struct logstate *s, const char *text, mode_t mode)
{
	int fd;

	unlinkat(s->dir, s->name, 0);
	fd = openat(s->dir, s->name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd != -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

#define FIRST "tlspolicy audit state 1\n"
#define ITS "file /var/x/audit.log\n"

static void
test_state_text(void **state)
{
	static const struct {
		const char *name, *text;
		mode_t mode;
		long long seq, signed_seq; /* -1: it is not believed */
	} rows[] = {
		{ "good", FIRST ITS "head " HEX " 9\nsigned 4\n", 0600, 9, 4 },
		{ "nothing signed", FIRST ITS "head " HEX " 9\n", 0644, 9, 0 },
		{ "no number of it", FIRST ITS "head " HEX " 9\nsigned x\n",
		    0600, 9, 0 },
		{ "another word", FIRST ITS "head " HEX " 9\nsealed 4\n", 0600,
		    9, 0 },
		{ "empty", "", 0600, -1, 0 },
		{ "another first", "state 2\n" ITS, 0600, -1, 0 },
		{ "no more", FIRST, 0600, -1, 0 },
		{ "no file", FIRST "log /var/x/audit.log\n", 0600, -1, 0 },
		{ "of another log", FIRST "file /x\nhead " HEX " 9\n", 0600, -1,
		    0 },
		{ "no head", FIRST ITS, 0600, -1, 0 },
		{ "another word for it", FIRST ITS "tail " HEX " 9\n", 0600, -1,
		    0 },
		{ "half a head", FIRST ITS "head 0123 9\n", 0600, -1, 0 },
		{ "no hex", FIRST ITS "head G123456789abcdef0123456789abcdef"
		    "0123456789abcdef0123456789abcdef 9\n", 0600, -1, 0 },
		{ "no number", FIRST ITS "head " HEX " x\n", 0600, -1, 0 },
		{ "group", FIRST ITS "head " HEX " 9\n", 0660, -1, 0 },
		{ "others", FIRST ITS "head " HEX " 9\n", 0602, -1, 0 },
	};
	char folder[512];
	struct logstate s;
	struct fault f;

	(void)state;
	open_state(&s, folder, sizeof folder);
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		put_state(&s, rows[i].text, rows[i].mode);
		s.head.seq = s.signed_seq = 0;
		unit_number(rows[i].name, rows[i].seq == -1 ? LOGSTATE_FAILED :
		    LOGSTATE_FOUND, logstate_read(&s, &f));
		if (rows[i].seq == -1)
			continue;
		unit_number(rows[i].name, rows[i].seq, (long long)s.head.seq);
		unit_number(rows[i].name, rows[i].signed_seq,
		    (long long)s.signed_seq);
	}
	logstate_close(&s);
	unit_end();
}

/*
 * What may lie in the place of the note, and calls that fail while it is read.
 */
static void
test_state_place(void **state)
{
	char folder[512], file[300];
	struct logstate s;
	struct fault f;

	(void)state;
	open_state(&s, folder, sizeof folder);
	failing = "fstat";
	error = EIO;
	after = 0;
	assert_int_equal(logstate_read(&s, &f), LOGSTATE_FAILED);
	failing = "read";
	assert_int_equal(logstate_read(&s, &f), LOGSTATE_FAILED);
	assert_null(failing);
	assert_int_equal(linkat(s.dir, s.name, s.dir, "second", 0), 0);
	assert_int_equal(logstate_read(&s, &f), LOGSTATE_FAILED);
	unlinkat(s.dir, "second", 0);
	if (geteuid() == 0) {
		assert_int_equal(fchownat(s.dir, s.name, 65534, 65534, 0), 0);
		assert_int_equal(logstate_read(&s, &f), LOGSTATE_FAILED);
	}
	unlinkat(s.dir, s.name, 0);
	assert_int_equal(logstate_read(&s, &f), LOGSTATE_ABSENT);
	assert_int_equal(symlinkat("/dev/null", s.dir, s.name), 0);
	assert_int_equal(logstate_read(&s, &f), LOGSTATE_FAILED);
	unlinkat(s.dir, s.name, 0);
	assert_int_equal(mkfifoat(s.dir, s.name, 0600), 0);
	assert_int_equal(logstate_read(&s, &f), LOGSTATE_FAILED);
	logstate_close(&s);
	memset(file, 'x', sizeof file);
	file[299] = '\0';
	assert_false(logstate_open(&s, folder, file, &f));
	assert_false(logstate_open(&s, "/nonexistent", "a", &f));
	if (geteuid() == 0) {
		snprintf(file, sizeof file, "%s", unit_path("theirs2"));
		assert_int_equal(mkdir(file, 0755), 0);
		assert_int_equal(chown(file, 65534, 65534), 0);
		assert_false(logstate_open(&s, file, "a", &f));
		assert_non_null(strstr(f.text, "is user 65534's"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trees),
		cmocka_unit_test(test_hand_on),
		cmocka_unit_test(test_hand_on_where),
		cmocka_unit_test(test_state_write),
		cmocka_unit_test(test_state_text),
		cmocka_unit_test(test_state_place),
	};

	return unit_main(tests);
}
