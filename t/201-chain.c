/* The chain, where it stands, and what verification says of a damaged log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fcntl.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <zlib.h>
#include <zstd.h>

#include "policy/audit/tail.h"
#include "policy/audit/verify.h"

enum { LINES = 8, LOG_MAX = 16384 };

struct fixture {
	char folder[64], path[128], second[128];
	struct chain *chain;
	struct chain_head head;
	char log[LOG_MAX];
	struct text out;
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct fault fault;

	strcpy(f->folder, "/tmp/t201-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof f->path, "%s/log", f->folder);
	snprintf(f->second, sizeof f->second, "%s/log.2", f->folder);
	f->chain = chain_new(slice_of(""), &fault);
	assert_non_null(f->chain);
	chain_head_init(&f->head);
	text_init(&f->out, f->log, sizeof f->log);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	unlink(f->second);
	rmdir(f->folder);
	chain_free(f->chain);
	free(f);
	return 0;
}

static void
save(const char *path, const char *p, size_t n)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(p, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
}

static void
add_link(struct fixture *f)
{
	char line[CHAIN_LINE_MAX];
	struct text text;

	text_init(&text, line, sizeof line);
	chain_format_link(&f->head, 0, &text);
	assert_true(chain_seal(f->chain, &f->head, slice_of(line), &f->out));
}

static void
add_lines(struct fixture *f, int n)
{
	char line[64];

	for (int i = 0; i < n; i++) {
		snprintf(line, sizeof line, "{\"v\":1,\"n\":%d}", i);
		assert_true(chain_seal(f->chain, &f->head, slice_of(line),
		    &f->out));
	}
}

/* Appends a link and LINES lines to the log. */
static void
fill(struct fixture *f)
{
	add_link(f);
	add_lines(f, LINES);
}

static struct slice
line_at(struct fixture *f, int n, size_t *offset)
{
	struct slice s = slice_make(f->out.buf, f->out.n);

	while (n-- > 1)
		s = slice_from(s, slice_find(s, '\n') + 1);
	*offset = (size_t)(s.p - f->out.buf);
	return slice_make(s.p, slice_find(s, '\n') + 1);
}

static void
verify(struct fixture *f, const char *noted, enum verify_break kind,
    uint64_t line)
{
	struct verification v;
	struct fault fault;
	bool good;

	verify_init(&v, f->chain);
	v.noted_head = noted;
	good = verify_file(&v, f->path, &fault) &&
	    (access(f->second, F_OK) != 0 ||
	    verify_file(&v, f->second, &fault)) && verify_finish(&v);
	assert_int_equal(fault.kind, FAULT_NONE);
	if (v.kind != kind || v.line != line)
		print_error("%s:%u: %s: %s\n", v.file, (unsigned)v.line,
		    verify_break_name(v.kind), v.what);
	assert_int_equal(v.kind, kind);
	assert_int_equal(good, kind == BREAK_NONE);
	if (!good)
		assert_int_equal(v.line, line);
}

static void
save_and_verify(struct fixture *f, enum verify_break kind, uint64_t line)
{
	save(f->path, f->out.buf, f->out.n);
	verify(f, NULL, kind, line);
}

/* Computed by hand with OpenSSL's one-shot functions. */
static void
test_definition(void **state)
{
	struct fixture *f = *state;
	unsigned char md[32];
	char hex[65], text[256];

	assert_true(chain_seal(f->chain, &f->head, slice_of("{\"v\":1}"),
	    &f->out));
	snprintf(text, sizeof text, "%064d{\"v\":1,\"seq\":1}", 0);
	EVP_Digest(text, strlen(text), md, NULL, EVP_sha256(), NULL);
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", md[i]);
	assert_string_equal(f->head.hex, hex);
	snprintf(text, sizeof text, "{\"v\":1,\"seq\":1,\"chain\":\"%s\"}\n", hex);
	assert_string_equal(f->log, text);
}

static void
test_definition_with_key(void **state)
{
	struct fixture *f = *state;
	unsigned char md[32];
	char hex[65], text[256];
	struct fault fault;

	chain_free(f->chain);
	f->chain = chain_new(slice_of("sixteen bytes key"), &fault);
	for (int round = 0; round < 2; round++) {
		snprintf(text, sizeof text, "%s{\"a\":\"\",\"seq\":%d}",
		    f->head.hex, round + 1);
		HMAC(EVP_sha256(), "sixteen bytes key", 17,
		    (unsigned char *)text, strlen(text), md, NULL);
		for (int i = 0; i < 32; i++)
			snprintf(hex + 2 * i, 3, "%02x", md[i]);
		assert_true(chain_seal(f->chain, &f->head,
		    slice_of("{\"a\":\"\"}"), &f->out));
		assert_string_equal(f->head.hex, hex);
	}
}

static void
test_whole(void **state)
{
	struct fixture *f = *state;

	fill(f);
	save_and_verify(f, BREAK_NONE, 0);
	verify(f, f->head.hex, BREAK_NONE, 0);
}

static void
test_changed(void **state)
{
	struct fixture *f = *state;
	size_t at;

	fill(f);
	for (int line = 1; line <= LINES + 1; line++) {
		struct slice s = line_at(f, line, &at);

		for (size_t i = 0; i < s.n - 1; i++) {
			/* With its number changed the last looks like a copy. */
			if (line == LINES + 1 && s.n - i == sizeof
			    "9,\"chain\":\"\"}\n" - 1 + CHAIN_HEX)
				continue;
			f->log[at + i] ^= 1;
			save_and_verify(f, BREAK_CHANGED, (uint64_t)line);
			f->log[at + i] ^= 1;
		}
	}
}

static void
test_dropped(void **state)
{
	struct fixture *f = *state;
	char copy[LOG_MAX];
	size_t at, n;

	fill(f);
	n = f->out.n;
	memcpy(copy, f->log, n);
	for (int line = 1; line <= LINES; line++) {
		struct slice s = line_at(f, line, &at);
		size_t gone = s.n;

		memmove(f->log + at, f->log + at + gone, n - at - gone);
		f->out.n = n - gone;
		save_and_verify(f, BREAK_DROPPED, (uint64_t)line);
		memcpy(f->log, copy, n);
		f->out.n = n;
	}
}

static void
insert(struct fixture *f, size_t at, const char *p, size_t n)
{
	memmove(f->log + at + n, f->log + at, f->out.n - at);
	memcpy(f->log + at, p, n);
	f->out.n += n;
}

static void
test_added(void **state)
{
	static const char plain[] = "{\"v\":1,\"n\":99}\n";
	struct fixture *f = *state;
	char sealed[256];
	size_t at;

	fill(f);
	line_at(f, 4, &at);
	insert(f, at, plain, sizeof plain - 1);
	save_and_verify(f, BREAK_ADDED, 4);
	text_clear(&f->out);
	chain_head_init(&f->head);
	fill(f);
	snprintf(sealed, sizeof sealed, "{\"v\":1,\"seq\":4,\"chain\":\"%064d\"}\n",
	    1);
	line_at(f, 4, &at);
	insert(f, at, sealed, strlen(sealed));
	save_and_verify(f, BREAK_ADDED, 4);
}

static void
test_copied(void **state)
{
	struct fixture *f = *state;
	struct slice s;
	char copy[256];
	size_t at;

	fill(f);
	s = line_at(f, 3, &at);
	memcpy(copy, s.p, s.n);
	line_at(f, 7, &at);
	insert(f, at, copy, s.n);
	save_and_verify(f, BREAK_ADDED, 7);
}

static void
test_reordered(void **state)
{
	struct fixture *f = *state;
	struct slice a, b;
	char swapped[512];
	size_t at, at_b;

	fill(f);
	a = line_at(f, 4, &at);
	b = line_at(f, 5, &at_b);
	memcpy(swapped, b.p, b.n);
	memcpy(swapped + b.n, a.p, a.n);
	memcpy(f->log + at, swapped, a.n + b.n);
	save_and_verify(f, BREAK_REORDERED, 4);
}

static void
test_cut(void **state)
{
	struct fixture *f = *state;
	char noted[CHAIN_HEX + 1];
	size_t at;

	fill(f);
	memcpy(noted, f->head.hex, sizeof noted);
	line_at(f, LINES + 1, &at);
	f->out.n = at;
	save(f->path, f->out.buf, f->out.n);
	verify(f, NULL, BREAK_NONE, 0);
	verify(f, noted, BREAK_CUT, LINES);
	f->out.n = at + 10;
	save_and_verify(f, BREAK_CUT, LINES + 1);
}

static void
test_rotated(void **state)
{
	struct fixture *f = *state;
	size_t at;

	fill(f);
	save(f->path, f->out.buf, f->out.n);
	line_at(f, LINES + 1, &at);
	text_clear(&f->out);
	fill(f);
	save(f->second, f->out.buf, f->out.n);
	verify(f, f->head.hex, BREAK_NONE, 0);
	assert_int_equal(truncate(f->path, (off_t)at), 0);
	verify(f, NULL, BREAK_CUT, LINES);
	assert_int_equal(rename(f->second, f->path), 0);
	verify(f, NULL, BREAK_NONE, 0);
}

static void
mark(struct fixture *f)
{
	char line[CHAIN_LINE_MAX];
	struct text text;

	text_init(&text, line, sizeof line);
	chain_format_mark(&f->head, 0, &text);
	assert_true(chain_seal(f->chain, &f->head, slice_of(line), &f->out));
}

/* Torn at each byte of the last line, gone on with as a writer does. */
static void
test_torn_anywhere(void **state)
{
	struct fixture *f = *state;
	struct fault fault;
	struct tail tail;
	size_t at, whole, n;
	int fd;

	fill(f);
	whole = f->out.n;
	line_at(f, LINES + 1, &at);
	for (n = at + 1; n < whole; n++) {
		save(f->path, f->out.buf, n);
		assert_true((fd = open(f->path, O_RDONLY)) != -1);
		assert_true(tail_read(fd, f->chain, &tail, &fault));
		close(fd);
		assert_true(tail.found);
		assert_false(tail.ended);
		assert_int_equal(tail.head.torn, n < whole - 1 ? n - at : 0);
		assert_int_equal(tail.head.seq, n < whole - 1 ? LINES :
		    LINES + 1);
		f->out.n = n;
		f->head = tail.head;
		text_char(&f->out, '\n');
		if (f->head.torn > 0)
			mark(f);
		add_lines(f, 2);
		save_and_verify(f, BREAK_NONE, 0);
		/* A torn mark whose count of bytes is wrong. */
		if (f->head.seq == LINES + 3) {
			insert(f, n, "x", 1);
			save_and_verify(f, BREAK_CHANGED, LINES + 1);
		}
		text_clear(&f->out);
		chain_head_init(&f->head);
		fill(f);
	}
}

static void
test_first_link_torn(void **state)
{
	struct fixture *f = *state;
	struct fault fault;
	struct tail tail;
	int fd;

	add_link(f);
	save(f->path, f->out.buf, 30);
	fd = open(f->path, O_RDONLY);
	assert_true(tail_read(fd, f->chain, &tail, &fault));
	close(fd);
	assert_false(tail.found);
	assert_int_equal(tail.head.torn, 30);
	f->out.n = 30;
	chain_head_init(&f->head);
	f->head.torn = tail.head.torn;
	text_char(&f->out, '\n');
	fill(f);
	save_and_verify(f, BREAK_NONE, 0);
}

static void
test_tail_refuses_what_is_no_log(void **state)
{
	static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n";
	struct fixture *f = *state;
	struct fault fault;
	struct tail tail;

	save(f->path, passwd, sizeof passwd - 1);
	assert_false(tail_of(f->path, f->chain, &tail, &fault));
	assert_int_equal(fault.kind, FAULT_DATA);
	assert_string_equal(fault.text,
	    "this is not an audit log: no line has a chain");
}

static void
test_tail_of_long_lines(void **state)
{
	struct fixture *f = *state;
	size_t n = 700 * 1000;
	char *record = malloc(n + 1), *log = malloc(2 * n + LOG_MAX);
	struct fault fault;
	struct tail tail;

	memset(record, ' ', n);
	record[0] = '{';
	record[n - 1] = '}';
	text_init(&f->out, log, 2 * n + LOG_MAX);
	add_link(f);
	assert_true(chain_seal(f->chain, &f->head, slice_make(record, n),
	    &f->out));
	text_put(&f->out, slice_make(record, n / 2));
	save(f->path, f->out.buf, f->out.n);
	assert_true(tail_of(f->path, f->chain, &tail, &fault));
	assert_int_equal(tail.head.seq, 2);
	assert_int_equal(tail.head.torn, n / 2);
	free(record);
	free(log);
}

static void
test_packed(void **state)
{
	struct fixture *f = *state;
	char packed[2 * LOG_MAX];
	size_t n;
	gzFile gz;
	struct fault fault;
	struct tail tail;

	fill(f);
	gz = gzopen(f->path, "wb");
	gzwrite(gz, f->out.buf, (unsigned)f->out.n);
	gzclose(gz);
	text_clear(&f->out);
	fill(f);
	n = ZSTD_compress(packed, sizeof packed, f->out.buf, f->out.n, 3);
	assert_false(ZSTD_isError(n));
	save(f->second, packed, n);
	verify(f, f->head.hex, BREAK_NONE, 0);
	assert_true(tail_of(f->second, f->chain, &tail, &fault));
	assert_string_equal(tail.head.hex, f->head.hex);
	assert_int_equal(truncate(f->second, (off_t)n - 5), 0);
	assert_false(tail_of(f->second, f->chain, &tail, &fault));
	assert_string_equal(fault.text, "the packed file ends too early");
}

static void
test_rotated_name(void **state)
{
	struct fixture *f = *state;
	char name[256];
	struct text text;

	text_init(&text, name, sizeof name);
	save(f->path, "", 0);
	assert_false(tail_rotated_name(f->path, &text));
	save(f->second, "", 0);
	assert_true(tail_rotated_name(f->path, &text));
	assert_string_equal(name, f->second);
}

static void
test_key_file(void **state)
{
	struct fixture *f = *state;
	struct chain_key key;
	struct fault fault;

	save(f->path, "0123456789abcdef\n", 17);
	assert_int_equal(chmod(f->path, 0640), 0);
	assert_true(chain_read_key(f->path, &key, &fault));
	assert_int_equal(key.n, 16);
	assert_int_equal(key.epoch, 0);
	assert_int_equal(chmod(f->path, 0644), 0);
	assert_false(chain_read_key(f->path, &key, &fault));
	assert_int_equal(fault.kind, FAULT_SETTINGS);
	assert_string_equal(fault.where, "setting audit-key-file");
	assert_non_null(strstr(fault.text, "others can read it: chmod 0640 "));
	assert_int_equal(chmod(f->path, 0660), 0);
	assert_false(chain_read_key(f->path, &key, &fault));
	assert_int_equal(fault.kind, FAULT_SETTINGS);
	assert_int_equal(chmod(f->path, 0640), 0);
	(void)unlink(f->second);
	assert_int_equal(symlink(f->path, f->second), 0);
	assert_false(chain_read_key(f->second, &key, &fault));
	assert_int_equal(fault.kind, FAULT_SETTINGS);
	assert_non_null(strstr(fault.text, "a link"));
	assert_int_equal(unlink(f->second), 0);
	assert_int_equal(mkfifo(f->second, 0600), 0);
	assert_false(chain_read_key(f->second, &key, &fault));
	assert_non_null(strstr(fault.text, "not a regular file"));
	assert_int_equal(unlink(f->second), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(f->path, 1, 0), 0);
		assert_false(chain_read_key(f->path, &key, &fault));
		assert_non_null(strstr(fault.text, "chown root"));
		assert_int_equal(chown(f->path, 0, 0), 0);
	}
	save(f->path, "short\n", 6);
	assert_int_equal(chmod(f->path, 0600), 0);
	assert_false(chain_read_key(f->path, &key, &fault));
	assert_non_null(strstr(fault.text, "want a key of 16"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_definition),
		TEST(test_definition_with_key),
		TEST(test_whole),
		TEST(test_changed),
		TEST(test_dropped),
		TEST(test_added),
		TEST(test_copied),
		TEST(test_reordered),
		TEST(test_cut),
		TEST(test_rotated),
		TEST(test_torn_anywhere),
		TEST(test_first_link_torn),
		TEST(test_tail_refuses_what_is_no_log),
		TEST(test_tail_of_long_lines),
		TEST(test_packed),
		TEST(test_rotated_name),
		TEST(test_key_file),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
