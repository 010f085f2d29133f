/*
 * Signed notes and checkpoints: what is signed is what is read, one byte changed
 * anywhere and it is not; a key that others could have made or read is none.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/audit/chain-key.h"
#include "policy/audit/checkpoint.h"
#include "policy/audit/merkle.h"
#include "t/unit.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TIME "2026-03-01T12:00:00.000000Z"
#define GOOD "mx1.test\n6\n" HEX "\ntime " TIME "\nlines 2 to 6\nroot " HEX "\n"

static const char *
make_key(const char *file, const char *origin)
{
	const char *path = unit_path(file);
	struct fault f;
	FILE *out;

	unlink(path);
	out = fopen(path, "w");
	assert_non_null(out);
	assert_true(note_make_key(origin, out, &f));
	fclose(out);
	assert_int_equal(chmod(path, 0600), 0);
	return path;
}

static struct note_signer *
open_key(const char *file, const char *origin)
{
	struct fault f;
	struct note_signer *s = note_signer_open(make_key(file, origin), &f);

	assert_non_null(s);
	return s;
}

static void
test_names(void **state)
{
	static const struct {
		const char *name;
		bool good;
	} rows[] = {
		{ "mx1.example.org/audit", true }, { "a", true },
		{ "A-b_c:9", true }, { "", false }, { "a b", false },
		{ "a+b", false }, { "a\nb", false }, { "a|b", false },
		{ "\xe2\x80\x94", false },
	};
	char longest[NOTE_NAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		unit_number(rows[i].name, rows[i].good,
		    note_is_name(slice_of(rows[i].name)));
	assert_false(note_is_name(slice_make("a\0b", 3)));
	memset(longest, 'a', sizeof longest);
	assert_true(note_is_name(slice_make(longest, NOTE_NAME_MAX)));
	assert_false(note_is_name(slice_make(longest, NOTE_NAME_MAX + 1)));
	unit_end();
}

/* Every byte of a signature, of its text and of a verifier key counts. */
static void
test_each_byte(void **state)
{
	struct note_signer *s = open_key("key", "mx1.test");
	char signature[NOTE_SIGNATURE_MAX], line[NOTE_VERIFIER_MAX];
	char text[] = GOOD, other[NOTE_VERIFIER_MAX];
	const struct note_verifier *v = note_signer_verifier(s);
	struct note_verifier parsed;
	size_t n;

	(void)state;
	assert_true(note_sign(s, slice_of(text), signature));
	assert_true(note_verify(v, slice_of(text), slice_of(signature)));
	n = strlen(signature);
	for (size_t i = 0; i <= n; i++)
		assert_false(note_verify(v, slice_of(text),
		    slice_make(signature, i == n ? n + 1 : i)));
	for (size_t i = 0; i < n; i++) {
		signature[i] ^= 1;
		assert_false(note_verify(v, slice_of(text),
		    slice_of(signature)));
		signature[i] ^= 1;
	}
	for (size_t i = 0; i < sizeof text - 1; i++) {
		text[i] ^= 1;
		assert_false(note_verify(v, slice_of(text),
		    slice_of(signature)));
		text[i] ^= 1;
	}
	note_print_verifier(v, line);
	assert_true(note_parse_verifier(slice_of(line), &parsed));
	assert_memory_equal(&parsed, v, sizeof parsed);
	for (size_t i = 0; i < strlen(line); i++) {
		memcpy(other, line, sizeof other);
		other[i] ^= 1;
		assert_false(note_parse_verifier(slice_of(other), &parsed));
		assert_false(note_parse_verifier(slice_make(line, i),
		    &parsed));
	}
	note_signer_free(s);
}

/* Opens the key file `path`: NULL, or why it was refused. */
static const char *
refused(const char *path)
{
	static char why[1024];
	struct fault f;
	struct note_signer *s = note_signer_open(path, &f);

	if (s != NULL) {
		note_signer_free(s);
		return "";
	}
	snprintf(why, sizeof why, "%s", strncmp(f.text, path, strlen(path)) ==
	    0 ? f.text + strlen(path) : f.text);
	return why;
}

static const char *
write_key(const char *first, const char *type, const char *password)
{
	const char *path = unit_path("made");
	EVP_PKEY *key = strcmp(type, "RSA") == 0 ? EVP_PKEY_Q_keygen(NULL,
	    NULL, "RSA", (size_t)2048) : EVP_PKEY_Q_keygen(NULL, NULL, type);
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_non_null(key);
	fputs(first, out);
	assert_int_equal(PEM_write_PKCS8PrivateKey(out, key, password == NULL ?
	    NULL : EVP_aes_128_cbc(), password, password == NULL ? 0 :
	    (int)strlen(password), NULL, NULL), 1);
	fclose(out);
	EVP_PKEY_free(key);
	assert_int_equal(chmod(path, 0600), 0);
	return path;
}

#define NO_ORIGIN ": expected \"origin NAME\" in its first line, as " \
	"`tlspolicy audit key' makes it"
#define NO_KEY ": expected an Ed25519 key in PEM, not encrypted"

static void
test_key_contents(void **state)
{
	static const struct {
		const char *name, *first, *type, *password, *want;
	} rows[] = {
		{ "good", "origin a\n", "ED25519", NULL, "" },
		{ "another kind", "origin a\n", "ED448", NULL, NO_KEY },
		{ "RSA", "origin a\n", "RSA", NULL, NO_KEY },
		{ "with a password", "origin a\n", "ED25519", "secret",
		    NO_KEY },
		{ "no name", "origin \n", "ED25519", NULL, NO_ORIGIN },
		{ "no word", "origin\n", "ED25519", NULL, NO_ORIGIN },
		{ "another word", "name a\n", "ED25519", NULL, NO_ORIGIN },
		{ "two names", "origin a b\n", "ED25519", NULL, NO_ORIGIN },
		{ "no line", "", "ED25519", NULL, NO_ORIGIN },
	};
	const char *path;

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		unit_same(rows[i].name, rows[i].want, refused(write_key(
		    rows[i].first, rows[i].type, rows[i].password)));
	path = unit_path("empty");
	close(open(path, O_CREAT | O_WRONLY, 0600));
	unit_same("empty", ": it is empty", refused(path));
	unit_end();
}

static void
test_key_file(void **state)
{
	static const char others[] = ": others can read or write it: chmod "
	    "0640";
	static const struct {
		mode_t mode;
		const char *want;
	} rows[] = {
		{ 0600, "" }, { 0640, "" }, { 0400, "" }, { 0644, others },
		{ 0660, others }, { 0601, others }, { 0602, others },
	};
	char path[512];
	const char *link;

	(void)state;
	snprintf(path, sizeof path, "%s", make_key("key2", "a"));
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		char name[16];

		snprintf(name, sizeof name, "%o", rows[i].mode);
		assert_int_equal(chmod(path, rows[i].mode), 0);
		unit_same(name, rows[i].want, refused(path));
	}
	assert_int_equal(chmod(path, 0600), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 12345, (gid_t)-1), 0);
		unit_same("another's", ": it is neither root's nor this "
		    "user's", refused(path));
		assert_int_equal(chown(path, 0, (gid_t)-1), 0);
	}
	link = unit_path("link");
	assert_int_equal(symlink(path, link), 0);
	assert_non_null(strstr(refused(link), "Too many levels of symbolic"));
	link = unit_path("fifo");
	assert_int_equal(mkfifo(link, 0600), 0);
	unit_same("a FIFO", ": not a regular file", refused(link));
	assert_non_null(strstr(refused("/nonexistent/key"), "No such file"));
	unit_end();
}

/* Notes with a good signature whose text is no checkpoint. */
static void
test_parse(void **state)
{
	static const struct {
		const char *name, *text;
		bool good;
	} rows[] = {
		{ "good", GOOD, true },
		{ "nothing", "", false },
		{ "an origin alone", "mx1.test\n", false },
		{ "a bad origin", "mx 1\n6\n" HEX "\ntime " TIME
		    "\nlines 2 to 6\nroot " HEX "\n", false },
		{ "line 0", "a\n0\n" HEX "\ntime " TIME "\nlines 0 to 0\nroot "
		    HEX "\n", false },
		{ "no number", "a\n6x\n" HEX "\ntime " TIME
		    "\nlines 2 to 6\nroot " HEX "\n", false },
		{ "too great a number", "a\n99999999999999999999\n" HEX
		    "\ntime " TIME "\nlines 2 to 6\nroot " HEX "\n", false },
		{ "a short head", "a\n6\nabc\ntime " TIME
		    "\nlines 2 to 6\nroot " HEX "\n", false },
		{ "a long head", "a\n6\n" HEX "0\ntime " TIME
		    "\nlines 2 to 6\nroot " HEX "\n", false },
		{ "no hex", "a\n6\nG" HEX "\ntime " TIME
		    "\nlines 2 to 6\nroot " HEX "\n", false },
		{ "no time", "a\n6\n" HEX "\nroot " HEX "\n", false },
		{ "a short time", "a\n6\n" HEX "\ntime 2026\nlines 2 to 6\n"
		    "root " HEX "\n", false },
		{ "no such time", "a\n6\n" HEX
		    "\ntime 2026-03-01T12:00:00.000000z\nlines 2 to 6\nroot "
		    HEX "\n", false },
		{ "no lines", "a\n6\n" HEX "\ntime " TIME "\nroot " HEX "\n",
		    false },
		{ "no first", "a\n6\n" HEX "\ntime " TIME
		    "\nlines x to 6\nroot " HEX "\n", false },
		{ "no to", "a\n6\n" HEX "\ntime " TIME
		    "\nlines 2 till 6\nroot " HEX "\n", false },
		{ "no last", "a\n6\n" HEX "\ntime " TIME
		    "\nlines 2 to\nroot " HEX "\n", false },
		{ "another last", "a\n6\n" HEX "\ntime " TIME
		    "\nlines 2 to 7\nroot " HEX "\n", false },
		{ "the wrong way round", "a\n6\n" HEX "\ntime " TIME
		    "\nlines 7 to 6\nroot " HEX "\n", false },
		{ "no root", "a\n6\n" HEX "\ntime " TIME "\nlines 2 to 6\n",
		    false },
		{ "another word", "a\n6\n" HEX "\ntime " TIME
		    "\nlines 2 to 6\nleaf " HEX "\n", false },
		{ "more behind it", GOOD "more\n", false },
	};
	struct checkpoint c;

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		unit_number(rows[i].name, rows[i].good,
		    checkpoint_parse(slice_of(rows[i].text), &c));
	unit_end();
}

static void
write_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

/* How many checkpoints are read of a file with this text, or the fault. */
static const char *
read_back(const char *text, const char *verifiers)
{
	static char said[1200];
	const char *path = unit_path("notes");
	struct checkpoints all;
	struct fault f;

	write_file(path, text);
	fault_clear(&f);
	if (!checkpoints_read(&all, (const char *const[]){ path, NULL },
	    (const char *const[]){ verifiers, NULL }, &f))
		snprintf(said, sizeof said, "%s", f.text);
	else
		snprintf(said, sizeof said, "%zu, %llu of others", all.n,
		    (unsigned long long)all.others);
	checkpoints_free(&all);
	return said;
}

static void
sign_as(struct note_signer *s, const char *text, char *note, size_t size,
    bool log)
{
	char signature[NOTE_SIGNATURE_MAX], flat[1024];

	assert_true(note_sign(s, slice_of(text), signature));
	snprintf(flat, sizeof flat, "%s", text);
	for (char *p = flat; log && *p != '\0'; p++)
		*p = *p == '\n' ? '|' : *p;
	snprintf(note, size, log ? "Mar 1 mx1 x: " CHECKPOINT_WORD "%s%s\n" :
	    "%s\n" CHECKPOINT_DASH "mx1.test %s\n\n", flat, signature);
}

static void
test_read(void **state)
{
	static const char other[] = "mx1.test\nsomething else\n";
	struct note_signer *s = open_key("key3", "mx1.test");
	char note[2048], line[2048], text[16384], verifier[NOTE_VERIFIER_MAX];
	char verifiers[512];

	(void)state;
	snprintf(verifiers, sizeof verifiers, "%s", unit_path("verifiers"));
	note_print_verifier(note_signer_verifier(s), verifier);
	write_file(verifiers, verifier);
	sign_as(s, GOOD, note, sizeof note, false);
	sign_as(s, GOOD, line, sizeof line, true);
	unit_same("a note", "1, 0 of others", read_back(note, verifiers));
	unit_same("a log's line", "1, 0 of others", read_back(line, verifiers));
	snprintf(text, sizeof text, "x\n\n%s%sCR\r\n%s" CHECKPOINT_WORD "a\n"
	    CHECKPOINT_WORD "a|b\n" CHECKPOINT_DASH "\n" CHECKPOINT_DASH
	    "nosignature\n" CHECKPOINT_DASH "other.test AAAA\n", line, note,
	    line);
	unit_same("among others", "3, 3 of others",
	    read_back(text, verifiers));
	unit_same("a signature without a note", "expected a checkpoint before "
	    "its signature", read_back(CHECKPOINT_DASH "mx1.test AAAA\n",
	    verifiers));
	memset(text, 'x', 5000);
	snprintf(text + 5000, 4000, "\n\n%s", strstr(note, CHECKPOINT_DASH));
	unit_same("of too long a text", "expected a checkpoint before its "
	    "signature", read_back(text, verifiers));
	memset(text, 'x', 5000);
	memcpy(text, CHECKPOINT_WORD "mx1.test|", 21);
	snprintf(text + 5000, 4000, "|x\n%s", line);
	unit_same("a log's line that is too long", "1, 0 of others",
	    read_back(text, verifiers));
	sign_as(s, other, note, sizeof note, false);
	unit_same("another note of ours", "expected a checkpoint; this is "
	    "another note", read_back(note, verifiers));
	/* A note of another origin, signed by the same key, is refused. */
	sign_as(s, "b.test\n", line, sizeof line, false);
	unit_same("another origin", "expected a checkpoint; this is another "
	    "note", read_back(line, verifiers));
	note_signer_free(s);
	unit_end();
}

static void
test_verifiers(void **state)
{
	char many[66 * (NOTE_VERIFIER_MAX + 1)], line[NOTE_VERIFIER_MAX];
	struct note_signer *s = open_key("key4", "mx1.test");
	char note[2048], path[512];
	size_t n = 0;

	(void)state;
	snprintf(path, sizeof path, "%s", unit_path("many"));
	sign_as(s, GOOD, note, sizeof note, false);
	note_print_verifier(note_signer_verifier(s), line);
	for (int i = 0; i < 65; i++)
		n += (size_t)snprintf(many + n, sizeof many - n, "%s\n", line);
	write_file(path, many);
	unit_same("65", "1, 0 of others", read_back(note, path));
	write_file(path, "-----BEGIN PUBLIC KEY-----\n");
	assert_non_null(strstr(read_back(note, path), "expected a verifier"));
	assert_non_null(strstr(read_back(note, "/nonexistent/v"), "No such"));
	note_signer_free(s);
	unit_end();
}

struct walk {
	struct chain *hasher;
	char hex[CHAIN_HEX + 1];
	bool good;
};

static void
step(void *arg, bool left, const char *hex)
{
	struct walk *w = arg;
	struct slice parts[2] = { slice_make(left ? hex : w->hex, CHAIN_HEX),
		slice_make(left ? w->hex : hex, CHAIN_HEX) };
	char up[CHAIN_HEX + 1];

	w->good = w->good && chain_hash(w->hasher, parts, 2, up);
	memcpy(w->hex, up, sizeof up);
}

/* From each leaf of trees of every size the way leads to the one root. */
static void
test_tree(void **state)
{
	enum { MOST = 33 };
	static char leaves[MOST][CHAIN_HEX + 1];
	struct walk w = { .good = true };
	struct merkle m;
	char root[CHAIN_HEX + 1], line[32];
	struct fault f;

	(void)state;
	w.hasher = chain_new(slice_of(""), &f);
	assert_non_null(w.hasher);
	merkle_init(&m);
	assert_false(merkle_root(&m, w.hasher, root));
	for (uint64_t n = 1; n <= MOST; n++) {
		snprintf(line, sizeof line, "{\"line\":%d}", (int)n);
		assert_true(merkle_leaf(w.hasher, slice_of(line),
		    leaves[n - 1]));
		assert_true(merkle_add(&m, w.hasher, leaves[n - 1]));
		assert_true(merkle_root(&m, w.hasher, root));
		for (uint64_t at = 0; at < n; at++) {
			memcpy(w.hex, leaves[at], sizeof w.hex);
			assert_true(merkle_path(leaves, n, at, w.hasher, step,
			    &w));
			assert_true(w.good);
			assert_string_equal(w.hex, root);
		}
	}
	chain_free(w.hasher);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_each_byte),
		cmocka_unit_test(test_key_contents),
		cmocka_unit_test(test_key_file),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_verifiers),
		cmocka_unit_test(test_tree),
	};

	return unit_main(tests);
}
