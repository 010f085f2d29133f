/*
 * The audit file on a system whose calls fail: each failure is told, nothing
 * that was sealed is lost, and what a sync forgot is written again.  The
 * system's calls are replaced by this program's own.
 */
#include "config.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "milter/auditlog/logfile.h"
#include "policy/audit/verify.h"
#include "t/unit.h"

/* What the next call of each does; errno values, or one of these. */
enum { FINE = 0, NOTHING = -1, SHORT = -2 };
static int on_write, on_pwrite, on_sync, on_stat, on_lock, on_fcntl;
static int on_rename, on_look;
static int npwrites;

static bool
fails(int *what)
{
	int error = *what;

	if (error <= 0)
		return false;
	*what = FINE;
	errno = error;
	return true;
}

static size_t
length(int *what, size_t n)
{
	if (*what == SHORT)
		n = n > 7 ? 7 : n;
	if (*what == NOTHING) {
		*what = FINE;
		n = 0;
	}
	return n;
}

ssize_t
write(int fd, const void *p, size_t n)
{
	if (fd <= STDERR_FILENO)
		return syscall(SYS_write, fd, p, n);
	if (fails(&on_write))
		return -1;
	n = length(&on_write, n);
	return n == 0 ? 0 : syscall(SYS_write, fd, p, n);
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	npwrites++;
	if (fails(&on_pwrite))
		return -1;
	n = length(&on_pwrite, n);
	return n == 0 ? 0 : syscall(SYS_pwrite64, fd, p, n, at);
}

int
fdatasync(int fd)
{
	return fails(&on_sync) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

/*
 * fstat(2) fails for the log only: its folders are looked at before it is
 * opened.
 */
int
fstat(int fd, struct stat *st)
{
	int result = fstatat(fd, "", st, AT_EMPTY_PATH);

	return result == 0 && !S_ISDIR(st->st_mode) && fails(&on_stat) ? -1 :
	    result;
}

int
flock(int fd, int how)
{
	return fails(&on_lock) ? -1 : (int)syscall(SYS_flock, fd, how);
}

int
fcntl(int fd, int command, ...)
{
	va_list ap;
	long value;

	va_start(ap, command);
	value = va_arg(ap, long);
	va_end(ap);
	if (command == F_SETFL && fails(&on_fcntl))
		return -1;
	return (int)syscall(SYS_fcntl, fd, command, value);
}

int renameat2(int, const char *, int, const char *, unsigned);

int
renameat2(int from_dir, const char *from, int to_dir, const char *to,
    unsigned flags)
{
	return fails(&on_rename) ? -1 : (int)syscall(SYS_renameat2, from_dir,
	    from, to_dir, to, flags);
}

/* stat(2), by which the log's name is looked for. */
int
stat(const char *name, struct stat *st)
{
	return fails(&on_look) ? -1 : fstatat(AT_FDCWD, name, st, 0);
}

static const char *path;

static int
set_up(void **state)
{
	static unsigned n;
	char name[32];

	(void)state;
	on_write = on_pwrite = on_sync = on_stat = on_lock = on_fcntl = FINE;
	on_rename = on_look = FINE;
	snprintf(name, sizeof name, "log%u", n++);
	path = strdup(unit_path(name));
	return path == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	free((char *)(uintptr_t)path);
	return 0;
}

static bool
open_log(struct logfile *f, struct fault *fault)
{
	memset(f, 0, sizeof *f);
	f->fd = -1;
	fault_clear(fault);
	return logfile_open(f, path, slice_of(""), NULL, 1, fault);
}

/* Opens the log, writes its first line, and seals a first record. */
static void
open_good(struct logfile *f)
{
	struct fault fault;

	assert_true(open_log(f, &fault));
	f->keep = true;
	assert_true(logfile_write(f, &fault));
	assert_true(logfile_sync(f, &fault));
	assert_true(logfile_seal(f, slice_of("{\"v\":1,\"n\":1}")));
}

/* Verifies the file; returns how many lines it has. */
static unsigned
lines(void)
{
	struct fault fault;
	struct chain *chain = chain_new(slice_of(""), &fault);
	struct verification v;
	FILE *file = fopen(path, "r");
	unsigned n = 0;
	int c;

	assert_non_null(chain);
	verify_init(&v, chain);
	assert_true(verify_file(&v, path, &fault) && verify_finish(&v));
	chain_free(chain);
	assert_non_null(file);
	while ((c = getc(file)) != EOF)
		n += c == '\n';
	fclose(file);
	return n;
}

static void
refused(enum fault_kind kind, const char *before, const char *behind)
{
	struct logfile f;
	struct fault fault;
	char want[700];

	assert_false(open_log(&f, &fault));
	assert_int_equal(f.fd, -1);
	snprintf(want, sizeof want, "%s%s%s", before, path, behind);
	assert_string_equal(fault.text, want);
	assert_string_equal(fault.where, "setting audit-file");
	assert_int_equal(fault.kind, kind);
}

static void
test_open_refused(void **state)
{
	struct logfile f;
	char second[512];

	(void)state;
	open_good(&f);
	logfile_close(&f);
	on_stat = EIO;
	refused(FAULT_IO, "cannot stat ", ": Input/output error");
	on_lock = EWOULDBLOCK;
	refused(FAULT_UNAVAILABLE, "another process writes to ",
	    ": Resource temporarily unavailable");
	snprintf(second, sizeof second, "%s.second", path);
	assert_int_equal(link(path, second), 0);
	refused(FAULT_IO, "", " has more than one name, or none any more");
	unlink(second);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 65534, 65534), 0);
		refused(FAULT_IO, "", " is not root's, and root does not "
		    "write to it");
	}
}

static void
test_write(void **state)
{
	struct logfile f;
	struct fault fault;

	(void)state;
	open_good(&f);
	on_write = EINTR;
	assert_true(logfile_write(&f, &fault));
	assert_true(logfile_seal(&f, slice_of("{\"v\":1,\"n\":2}")));
	on_write = NOTHING;
	assert_false(logfile_write(&f, &fault));
	assert_string_equal(fault.text,
	    "cannot write: No space left on device");
	on_write = EIO;
	assert_false(logfile_write(&f, &fault));
	assert_string_equal(fault.text, "cannot write: Input/output error");
	on_write = SHORT;
	assert_true(logfile_write(&f, &fault));
	assert_true(logfile_sync(&f, &fault));
	logfile_close(&f);
	assert_int_equal(lines(), 3);
}

/* The bytes that the sync was for are gone: as zeros in the file. */
static void
lose(struct logfile *f)
{
	struct fault fault;
	char zeros[4096] = { 0 };
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(logfile_write(f, &fault));
	on_sync = EIO;
	assert_false(logfile_sync(f, &fault));
	assert_true(f->forgotten);
	assert_true(f->at < sizeof zeros);
	assert_int_equal(syscall(SYS_pwrite64, fd, zeros, f->at,
	    (off_t)(f->size - f->at)), f->at);
	close(fd);
}

static void
test_written_again(void **state)
{
	const struct {
		const char *name;
		int *call, how;
	} rows[] = {
		{ "stat", &on_stat, EIO }, { "fcntl", &on_fcntl, EPERM },
		{ "pwrite", &on_pwrite, EIO },
		{ "pwrite of nothing", &on_pwrite, NOTHING },
		{ "sync", &on_sync, EIO },
	};
	struct logfile f;
	struct fault fault;

	(void)state;
	open_good(&f);
	lose(&f);
	/* A failure on the way is no sync: the next one begins anew. */
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		*rows[i].call = rows[i].how;
		unit_number(rows[i].name, false, logfile_sync(&f, &fault));
		unit_number(rows[i].name, true, f.forgotten);
	}
	unit_end();
	on_pwrite = SHORT;
	assert_true(logfile_sync(&f, &fault));
	assert_false(f.forgotten);
	/* Appended to as before. */
	assert_true(fcntl(f.fd, F_GETFL, 0) & O_APPEND);
	logfile_close(&f);
	assert_int_equal(lines(), 2);
}

static void
test_interrupted(void **state)
{
	struct logfile f;
	struct fault fault;

	(void)state;
	open_good(&f);
	lose(&f);
	npwrites = 0;
	on_pwrite = EINTR;
	assert_true(logfile_sync(&f, &fault));
	assert_int_equal(npwrites, 2);
	logfile_close(&f);
	assert_int_equal(lines(), 2);
}

/*
 * After the file was cut off there is no place for the bytes that a sync lost.
 */
static void
test_cut_off(void **state)
{
	struct logfile f;
	struct fault fault;

	(void)state;
	open_good(&f);
	lose(&f);
	assert_int_equal(truncate(path, 0), 0);
	npwrites = 0;
	assert_true(logfile_sync(&f, &fault));
	assert_int_equal(npwrites, 0);
	logfile_begin(&f, 2);
	assert_true(logfile_write(&f, &fault));
	logfile_close(&f);
	assert_int_equal(lines(), 1);
}

static void
test_taken_back(void **state)
{
	struct logfile f;
	struct fault fault;
	struct chain_head before;
	size_t n;

	(void)state;
	open_good(&f);
	n = f.n;
	before = f.head;
	assert_true(logfile_seal(&f, slice_of("{\"v\":1,\"n\":2}")));
	logfile_unseal(&f, n, &before);
	assert_int_equal(f.head.seq, before.seq);
	assert_true(logfile_seal(&f, slice_of("{\"v\":1,\"n\":3}")));
	assert_true(logfile_write(&f, &fault));
	logfile_close(&f);
	assert_int_equal(lines(), 3);
}

static bool
open_with_key(struct logfile *f, const char *key, struct fault *fault)
{
	memset(f, 0, sizeof *f);
	f->fd = -1;
	fault_clear(fault);
	return logfile_open(f, path, slice_of(key), NULL, 1, fault) &&
	    logfile_write(f, fault);
}

/*
 * One that another key has sealed gets another name, on file systems, too, that
 * cannot rename without writing over what is there; nothing is written over.
 */
static void
test_other_key(void **state)
{
	static const int errors[] = { FINE, EINVAL, ENOSYS };
	char aside[600], want[1400];
	struct logfile f;
	struct fault fault;
	struct stat before, st;

	(void)state;
	snprintf(aside, sizeof aside, "%s-19700101-0", path);
	for (size_t i = 0; i < UNIT_COUNT(errors); i++) {
		assert_true(open_with_key(&f, "0123456789abcdef", &fault));
		logfile_close(&f);
		assert_int_equal(stat(path, &before), 0);
		on_rename = errors[i];
		assert_true(open_with_key(&f, "fedcba9876543210", &fault));
		logfile_close(&f);
		assert_int_equal(stat(aside, &st), 0);
		assert_true(st.st_ino == before.st_ino && st.st_nlink == 1);
		/* The file of the other key has taken that name. */
		on_rename = errors[i];
		assert_false(open_with_key(&f, "0123456789abcdef", &fault));
		snprintf(want, sizeof want, "%s was sealed with another key, "
		    "and cannot be renamed to %s: File exists", path, aside);
		assert_string_equal(fault.text, want);
		assert_int_equal(stat(aside, &st), 0);
		assert_true(st.st_ino == before.st_ino && st.st_nlink == 1);
		assert_int_equal(unlink(aside) | unlink(path), 0);
	}
	assert_true(open_with_key(&f, "0123456789abcdef", &fault));
	logfile_close(&f);
	on_rename = EIO;
	assert_false(open_with_key(&f, "fedcba9876543210", &fault));
	assert_int_equal(fault.kind, FAULT_IO);
	assert_int_equal(stat(aside, &st), -1);
}

/*
 * When stat(2) of the name fails the place is unknown, neither gone nor there.
 */
static void
test_place(void **state)
{
	static const struct {
		int error;
		enum logfile_place place;
	} rows[] = { { ENOENT, LOGFILE_AWAY }, { ENOTDIR, LOGFILE_AWAY },
		{ ELOOP, LOGFILE_AWAY }, { EACCES, LOGFILE_UNSEEN },
		{ EIO, LOGFILE_UNSEEN }, { ENOMEM, LOGFILE_UNSEEN } };
	struct logfile f, other;
	struct fault fault;
	char moved[600];

	(void)state;
	snprintf(moved, sizeof moved, "%s.moved", path);
	open_good(&f);
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		on_look = rows[i].error;
		unit_number(strerror(rows[i].error), rows[i].place,
		    logfile_place(&f, path));
	}
	unit_end();
	assert_int_equal(logfile_place(&f, path), LOGFILE_THERE);
	assert_int_equal(rename(path, moved), 0);
	assert_int_equal(logfile_place(&f, path), LOGFILE_AWAY);
	assert_true(open_log(&other, &fault));
	assert_int_equal(logfile_place(&f, path), LOGFILE_AWAY);
	assert_int_equal(logfile_place(&other, path), LOGFILE_THERE);
	logfile_close(&other);
	assert_false(logfile_is_nameless(&f));
	unlink(moved);
	on_stat = EIO;
	assert_false(logfile_is_nameless(&f));
	assert_true(logfile_is_nameless(&f));
	logfile_close(&f);
}

static void
test_no_folder(void **state)
{
	struct logfile f;
	struct fault fault;
	const char *log = path;

	(void)state;
	path = unit_path("none/of/these/log");
	assert_false(open_log(&f, &fault));
	assert_non_null(strstr(fault.text, "there is no folder "));
	assert_non_null(strstr(fault.text, "none/of/these for the audit log; "));
	assert_non_null(strstr(fault.text, "install -d -o "));
	path = log;
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_open_refused),
		TEST(test_write),
		TEST(test_written_again),
		TEST(test_interrupted),
		TEST(test_cut_off),
		TEST(test_taken_back),
		TEST(test_other_key),
		TEST(test_place),
		TEST(test_no_folder),
	};

	return unit_main(tests);
}
