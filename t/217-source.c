/*
 * Audit logs read on a system whose calls fail: each failure has its words, and
 * none ends as an empty log or as a line that is not there.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <openssl/evp.h>

#include "policy/audit/source.h"
#include "policy/audit/tail.h"
#include "t/failing.h"
#include "t/unit.h"

enum { MIB = 1024 * 1024 };


WRAP(void *, NULL, malloc, (size_t n), (n))
WRAP(void *, NULL, calloc, (size_t n, size_t size), (n, size))
WRAP(void *, NULL, realloc, (void *p, size_t n), (p, n))
WRAP(ssize_t, -1, read, (int fd, void *p, size_t n), (fd, p, n))
WRAP(ssize_t, error == 0 ? 0 : -1, pread,
    (int fd, void *p, size_t n, off_t at), (fd, p, n, at))
WRAP(ssize_t, error == 0 ? 0 : -1, __pread_chk,
    (int fd, void *p, size_t n, off_t at, size_t room), (fd, p, n, at, room))
WRAP(int, -1, fstat, (int fd, struct stat *st), (fd, st))
WRAP(int, -1, dup, (int fd), (fd))
WRAP(int, Z_MEM_ERROR, inflateInit2_, (z_stream *z, int bits,
    const char *version, int size), (z, bits, version, size))
WRAP(void *, NULL, ZSTD_createDStream, (void), ())
WRAP(OSSL_LIB_CTX *, NULL, OSSL_LIB_CTX_get0_global_default, (void), ())
WRAP(EVP_MAC *, NULL, EVP_MAC_fetch, (OSSL_LIB_CTX *c, const char *name,
    const char *properties), (c, name, properties))
WRAP(EVP_MAC_CTX *, NULL, EVP_MAC_CTX_new, (EVP_MAC *mac), (mac))
WRAP(int, 0, EVP_MAC_init, (EVP_MAC_CTX *c, const unsigned char *key, size_t n,
    const OSSL_PARAM *p), (c, key, n, p))
WRAP(int, 0, EVP_MAC_update, (EVP_MAC_CTX *c, const unsigned char *p,
    size_t n), (c, p, n))
WRAP(int, 0, EVP_MAC_final, (EVP_MAC_CTX *c, unsigned char *out, size_t *n,
    size_t room), (c, out, n, room))
WRAP(EVP_MD *, NULL, EVP_MD_fetch, (OSSL_LIB_CTX *c, const char *name,
    const char *properties), (c, name, properties))
WRAP(EVP_MD_CTX *, NULL, EVP_MD_CTX_new, (void), ())
WRAP(int, 0, EVP_DigestInit_ex2, (EVP_MD_CTX *c, const EVP_MD *md,
    const OSSL_PARAM *p), (c, md, p))
WRAP(int, 0, EVP_DigestUpdate, (EVP_MD_CTX *c, const void *p, size_t n),
    (c, p, n))
WRAP(int, 0, EVP_DigestFinal_ex, (EVP_MD_CTX *c, unsigned char *out,
    unsigned *n), (c, out, n))

int __wrap_fcntl(int fd, int command, ...);
int __real_fcntl(int fd, int command, ...);
int
__wrap_fcntl(int fd, int command, ...)
{
	va_list ap;
	int argument;

	va_start(ap, command);
	argument = va_arg(ap, int);
	va_end(ap);
	return fails("fcntl") ? -1 : __real_fcntl(fd, command, argument);
}

static void
write_file(const char *path, const void *p, size_t n)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(p, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
}

/* A packed file of members, each of so many MiB of lines of 16 bytes. */
static void
write_gzip(const char *path, const unsigned members[2])
{
	static char text[MIB], packed[8 * MIB];
	size_t total = 0;

	for (size_t i = 0; i < sizeof text; i++)
		text[i] = i % 16 == 15 ? '\n' : 'a';
	for (int m = 0; m < 2; m++) {
		z_stream z = { .next_out = (unsigned char *)packed + total,
			.avail_out = (unsigned)(sizeof packed - total) };

		assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 9,
		    Z_DEFAULT_STRATEGY), Z_OK);
		for (unsigned i = 0; i < members[m]; i++) {
			z.next_in = (unsigned char *)text;
			z.avail_in = sizeof text;
			assert_int_equal(deflate(&z, Z_NO_FLUSH), Z_OK);
		}
		assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
		total += z.total_out;
		deflateEnd(&z);
	}
	write_file(path, packed, total);
}

static size_t
lines(const char *path)
{
	struct fault fault;
	struct source *s = source_open(path, &fault);
	enum source_result result;
	struct slice line;
	size_t n = 0;
	bool ended;

	assert_non_null(s);
	while ((result = source_next(s, &line, &ended, &fault)) ==
	    SOURCE_LINE) {
		assert_int_equal(line.n, 15);
		n += ended;
	}
	assert_int_equal(result, SOURCE_END);
	source_close(s);
	return n;
}

/* What fills the buffer to its last byte, members that follow, and both. */
static void
test_packed(void **state)
{
	static const unsigned rows[][2] = { { 1, 0 }, { 1, 1 }, { 3, 1 },
		{ 0, 2 } };

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		write_gzip(unit_path("log.gz"), rows[i]);
		assert_int_equal(lines(unit_path("log.gz")),
		    (rows[i][0] + rows[i][1]) * MIB / 16);
	}
}

/* In the text, @ stands for the path. */
static void
refused(const char *path, enum fault_kind kind, const char *text)
{
	struct fault fault;
	struct source *s = source_open(path, &fault);
	struct text want;
	char buf[512];

	text_init(&want, buf, sizeof buf);
	text_put(&want, slice_make(text, slice_find(slice_of(text), '@')));
	if (strchr(text, '@') != NULL)
		text_printf(&want, "%s%s", path, strchr(text, '@') + 1);
	unit_same(text, buf, s == NULL ? fault.text : "opened");
	unit_number(text, kind, fault.kind);
	/* If failing is not NULL the source no longer makes that call. */
	unit_same(text, "failed", failing == NULL ? "failed" : failing);
	source_close(s);
}

static void
test_open_refused(void **state)
{
	static const unsigned one[2] = { 1, 0 };
	static const char zstd[] = { 0x28, (char)0xb5, 0x2f, (char)0xfd };
	static const char memory[] = "cannot read @: Cannot allocate memory";
	static const struct {
		const char *call;
		int nth, error;
		const char *file;
		enum fault_kind kind;
		const char *text;
	} rows[] = {
		{ "calloc", 0, ENOMEM, "log", FAULT_UNAVAILABLE, memory },
		{ "malloc", 0, ENOMEM, "log", FAULT_UNAVAILABLE, memory },
		{ "malloc", 1, ENOMEM, "log", FAULT_UNAVAILABLE, memory },
		{ "inflateInit2_", 0, 0, "log.gz", FAULT_UNAVAILABLE, memory },
		{ "ZSTD_createDStream", 0, 0, "log.zst", FAULT_UNAVAILABLE,
		    memory },
		{ "fstat", 0, EIO, "log", FAULT_NOINPUT,
		    "cannot open @: Input/output error" },
		{ "read", 0, EIO, "log", FAULT_IO,
		    "cannot read: Input/output error" },
		{ "dup", 0, EMFILE, NULL, FAULT_NOINPUT,
		    "cannot open @: Too many open files" },
		{ "fstat", 0, EIO, NULL, FAULT_NOINPUT,
		    "cannot open @: Input/output error" }
	};

	(void)state;
	write_file(unit_path("log"), "one\n", 4);
	write_gzip(unit_path("log.gz"), one);
	write_file(unit_path("log.zst"), zstd, sizeof zstd);
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		const char *path = rows[i].file == NULL ? "-" :
		    unit_path(rows[i].file);

		let_fail(rows[i].call, rows[i].nth, rows[i].error);
		refused(path, rows[i].kind, rows[i].text);
		failing = NULL;
	}
	unit_end();
}

/* Standard input that is a folder; a pipe that cannot be waited for. */
static void
test_callers(void **state)
{
	int ends[2], folder = open("/", O_RDONLY | O_DIRECTORY), old = dup(0);
	char path[32];

	(void)state;
	assert_int_equal(dup2(folder, STDIN_FILENO), STDIN_FILENO);
	refused("-", FAULT_NOINPUT, "cannot open @: Is a directory");
	if (old != -1)
		assert_int_equal(dup2(old, STDIN_FILENO), STDIN_FILENO);
	else
		close(STDIN_FILENO);
	close(old);
	close(folder);
	assert_int_equal(pipe(ends), 0);
	snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
	let_fail("fcntl", 0, EPERM);
	refused(path, FAULT_NOINPUT,
	    "cannot open @: Operation not permitted");
	close(ends[0]);
	close(ends[1]);
	unit_end();
}

static enum source_result
first_line(const char *path, struct slice *line, struct fault *fault)
{
	struct source *s = source_open(path, fault);
	enum source_result result;
	bool ended;

	assert_non_null(s);
	result = source_next(s, line, &ended, fault);
	source_close(s); /* the caller looks at the line's length only */
	return result;
}

/*
 * A read(2) that a signal ended is made again; without memory no part of a line
 * is given as a line.
 */
static void
test_read(void **state)
{
	static char text[2 * MIB];
	struct fault fault;
	struct slice line;

	(void)state;
	memset(text, 'a', sizeof text);
	write_file(unit_path("long"), text, sizeof text);
	let_fail("read", 0, EINTR);
	assert_int_equal(first_line(unit_path("long"), &line, &fault),
	    SOURCE_LINE);
	assert_int_equal(line.n, sizeof text);
	let_fail("realloc", 0, ENOMEM);
	assert_int_equal(first_line(unit_path("long"), &line, &fault),
	    SOURCE_FAILED);
	assert_string_equal(fault.text, "a line of more than 1048576 bytes: "
	    "Cannot allocate memory");
	assert_string_equal(fault.where, unit_path("long"));
	let_fail("read", 1, EIO);
	assert_int_equal(first_line(unit_path("long"), &line, &fault),
	    SOURCE_FAILED);
	assert_string_equal(fault.text, "cannot read: Input/output error");
}

/* The longest line is read, one that is a byte longer is not. */
static void
test_longest(void **state)
{
	struct fault fault;
	struct slice line;
	int fd = open(unit_path("longest"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_int_equal(pwrite(fd, "\n", 1, SOURCE_LINE_MAX), 1);
	assert_int_equal(first_line(unit_path("longest"), &line, &fault),
	    SOURCE_LINE);
	assert_int_equal(line.n, SOURCE_LINE_MAX);
	assert_int_equal(pwrite(fd, "a\n", 2, SOURCE_LINE_MAX), 2);
	assert_int_equal(first_line(unit_path("longest"), &line, &fault),
	    SOURCE_FAILED);
	assert_string_equal(fault.text, "a line of more than 83886080 bytes");
	assert_int_equal(fault.kind, FAULT_DATA);
	close(fd);
}

static const char torn[] = "{\"v\":1,\"event\":\"mail";

static void
no_tail(const char *path, enum fault_kind kind, const char *text)
{
	struct fault fault;
	struct chain *chain = chain_new(slice_of(""), &fault);
	struct tail t;
	bool read;

	assert_non_null(chain);
	fault_clear(&fault);
	read = tail_of(path, chain, &t, &fault);
	unit_same(path, text, read ? "read" : fault.text);
	unit_number(path, kind, fault.kind);
	unit_same(text, "failed", failing == NULL ? "failed" : failing);
	chain_free(chain);
}

static void
test_tail(void **state)
{
	static const unsigned one[2] = { 1, 0 };
	static const struct {
		const char *call;
		int nth, error;
		const char *file;
		enum fault_kind kind;
		const char *text;
	} rows[] = {
		{ "pread", 1, EIO, "torn", FAULT_IO,
		    "cannot read: Input/output error" },
		{ "pread", 1, 0, "torn", FAULT_IO,
		    "cannot read: Input/output error" },
		{ "pread", 1, EINTR, "torn", FAULT_NONE, "read" },
		{ "malloc", 0, ENOMEM, "torn", FAULT_UNAVAILABLE,
		    "20 bytes: Cannot allocate memory" },
		{ "fstat", 1, EIO, "torn", FAULT_IO,
		    "cannot stat: Input/output error" },
		{ "EVP_DigestUpdate", 0, 0, "torn", FAULT_SOFTWARE,
		    "OpenSSL failed" },
		{ "EVP_DigestUpdate", 0, 0, "tail.gz", FAULT_SOFTWARE,
		    "OpenSSL failed" },
		{ "read", 0, EIO, "tail.gz", FAULT_IO,
		    "cannot read: Input/output error" }
	};

	(void)state;
	write_file(unit_path("torn"), torn, sizeof torn - 1);
	write_gzip(unit_path("tail.gz"), one);
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		let_fail(rows[i].call, rows[i].nth, rows[i].error);
		no_tail(unit_path(rows[i].file), rows[i].kind, rows[i].text);
		failing = NULL;
	}
	unit_end();
}

static void
set_time(const char *path, time_t seconds, long nanoseconds)
{
	struct timespec times[2] = { { seconds, nanoseconds },
		{ seconds, nanoseconds } };

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/*
 * Rotated files: no folders, no dangling links; of two names of one second the
 * later part comes later.
 */
static void
test_rotated(void **state)
{
	struct fault fault;
	struct chain *chain = chain_new(slice_of(""), &fault);
	struct tail tail;
	char buf[512], old[512];
	struct text name;

	(void)state;
	text_init(&name, buf, sizeof buf);
	assert_false(tail_rotated_name(unit_path("no/log"), &name));
	assert_false(tail_rotated_name(unit_path("mail"), &name));
	assert_int_equal(mkdir(unit_path("mail.d"), 0700), 0);
	assert_int_equal(symlink("nowhere", unit_path("mail.1")), 0);
	assert_false(tail_rotated_name(unit_path("mail"), &name));
	write_file(unit_path("mail-2"), torn, sizeof torn - 1);
	set_time(unit_path("mail-2"), 1000, 2);
	write_file(unit_path("mail-3"), torn, sizeof torn - 1);
	set_time(unit_path("mail-3"), 1000, 1);
	assert_true(tail_rotated_name(unit_path("mail"), &name));
	assert_string_equal(buf, unit_path("mail-2"));
	assert_non_null(getcwd(old, sizeof old));
	assert_int_equal(chdir(unit_path("")), 0);
	assert_true(tail_rotated_name("mail", &name));
	assert_string_equal(buf, "mail-2");
	assert_int_equal(chdir(old), 0);
	assert_false(tail_of_rotated(unit_path("mail"), chain, &tail));
	write_file(unit_path("mail-4"), "no log\n", 7);
	assert_false(tail_of_rotated(unit_path("mail"), chain, &tail));
	rmdir(unit_path("mail.d"));
	chain_free(chain);
}

static void
no_chain(const char *key, const char *call, int nth)
{
	struct fault fault;
	struct chain *chain;

	let_fail(call, nth, ENOMEM);
	chain = chain_new(slice_of(key), &fault);
	unit_same(call, key[0] == '\0' ? "OpenSSL does not give SHA-256" :
	    "OpenSSL does not give HMAC-SHA-256",
	    chain == NULL ? fault.text : "made");
	chain_free(chain);
	failing = NULL;
}

/* When a digest fails the chain's head stays where it was. */
static void
no_digest(const char *key, const char *call)
{
	struct fault fault;
	struct chain *chain = chain_new(slice_of(key), &fault);
	struct chain_head head, before;
	struct text out;
	char buf[512];

	assert_non_null(chain);
	chain_head_init(&head);
	before = head;
	text_init(&out, buf, sizeof buf);
	let_fail(call, 0, 0);
	unit_number(call, false, chain_seal(chain, &head,
	    slice_of("{\"v\":1}"), &out));
	let_fail(call, 0, 0);
	unit_number(call, false, chain_torn(chain, &head, slice_of("{\"v\"")));
	unit_number(call, 0, memcmp(&head, &before, sizeof head));
	failing = NULL;
	unit_number(call, true, chain_torn(chain, &head, slice_of("{\"v\"")));
	chain_free(chain);
}

static void
test_chain(void **state)
{
	static const char key[] = "a key of sixteen";

	(void)state;
	no_chain("", "calloc", 0);
	no_chain("", "OSSL_LIB_CTX_get0_global_default", 0);
	no_chain("", "EVP_MD_fetch", 0);
	no_chain("", "EVP_MD_CTX_new", 0);
	no_chain("", "EVP_DigestInit_ex2", 0);
	no_chain(key, "EVP_MAC_fetch", 0);
	no_chain(key, "EVP_MAC_CTX_new", 0);
	no_chain(key, "EVP_MAC_init", 0);
	no_digest("", "EVP_DigestInit_ex2");
	no_digest("", "EVP_DigestUpdate");
	no_digest("", "EVP_DigestFinal_ex");
	no_digest(key, "EVP_MAC_init");
	no_digest(key, "EVP_MAC_update");
	no_digest(key, "EVP_MAC_final");
	unit_end();
}

/*
 * chain_seal() of an empty line, without room, and into a text that is cut
 * already.
 */
static void
test_seal_room(void **state)
{
	struct fault fault;
	struct chain *chain = chain_new(slice_of(""), &fault);
	struct chain_head head;
	struct text out;
	char buf[140];

	(void)state;
	chain_head_init(&head);
	text_init(&out, buf, sizeof buf);
	assert_false(chain_seal(chain, &head, slice_of(""), &out));
	assert_false(chain_seal(chain, &head, slice_of("{\"v\":1,\"e\":2}"),
	    &out));
	assert_true(chain_seal(chain, &head, slice_of("{\"v\":1}"), &out));
	text_init(&out, buf, 2);
	text_puts(&out, "too long");
	assert_false(chain_seal(chain, &head, slice_of("{\"v\":1}"), &out));
	assert_int_equal(head.seq, 1);
	chain_free(chain);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packed),
		cmocka_unit_test(test_open_refused),
		cmocka_unit_test(test_callers),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_tail),
		cmocka_unit_test(test_rotated),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_seal_room)
	};

	return unit_main(tests);
}
