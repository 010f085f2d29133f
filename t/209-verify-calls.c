/*
 * A log of a key that goes, verified, read and looked for its end while each call
 * on the way fails: whoever does so is told that it failed, never that the log is
 * another one, or whole.  And logs that are sealed well and tell of epochs as no
 * daemon does.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/audit/checkpoint.h"
#include "policy/audit/merkle.h"
#include "policy/audit/reader.h"
#include "policy/audit/tail.h"
#include "policy/audit/verify.h"
#include "t/nth.h"
#include "t/unit.h"

#define TIME "2026-03-01T12:00:00.000000Z"
enum { EPOCHS = 6, LOG_MAX = 512 * 1024, US = 1000000 };

static struct chain_key keys[EPOCHS + 1]; /* by epoch */
static char *starts[EPOCHS + 1];	  /* their files */
static char *files[2], *notes, *verifier;
static struct note_signer *signer;

static char log_text[LOG_MAX];
static struct text out;
static struct chain *chain;
static struct chain_head head, middle;
static uint64_t epoch;
static struct merkle tree;

static void
save(const char *path, struct slice bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, bytes.p, bytes.n), bytes.n);
	assert_int_equal(close(fd), 0);
}

static void
seal(const char *line)
{
	size_t n = out.n;
	char leaf[CHAIN_HEX + 1];
	struct fault fault;
	struct chain *hasher = chain_new(slice_of(""), &fault);

	assert_true(chain_seal(chain, &head, slice_of(line), &out));
	assert_true(merkle_leaf(hasher, slice_make(out.buf + n, out.n - n - 1),
	    leaf));
	assert_true(merkle_add(&tree, hasher, leaf));
	chain_free(hasher);
}

static void
seal_link(const char *why)
{
	char line[CHAIN_LINE_MAX];
	struct text t;

	text_init(&t, line, sizeof line);
	chain_format_link(&head, US, &t);
	if (why != NULL)
		chain_format_why(why, &t);
	chain_format_key(chain, &t);
	seal(line);
}

static void
seal_end(uint64_t ends)
{
	char line[CHAIN_LINE_MAX];
	struct text t;

	text_init(&t, line, sizeof line);
	chain_format_epoch(ends, US, &t);
	seal(line);
}

static void
turn_to(uint64_t e)
{
	epoch = e;
	assert_true(chain_set_key(chain, &keys[e]));
}

static void
tear(void)
{
	size_t n = out.n;

	text_puts(&out, "{\"v\":1,\"ev");
	assert_true(chain_torn(chain, &head, slice_make(out.buf + n,
	    out.n - n)));
	text_puts(&out, "\n");
}

/*
 * n: a link, in another file if there is one; N: the same, "stream"; r: a record;
 * R: many; E: the epoch ends; W: another one is said to; +, -: the key of the next
 * and of the one before, and nobody tells; Z: a link to nothing; t: half a line;
 * m: a mark of it; M: one of more bytes; x: a line is sealed and left out.
 */
static void
add(char what)
{
	static const char record[] = "{\"v\":1,\"event\":\"message\",\"time\":\""
	    TIME "\",\"node\":\"mx1\",\"verdict\":\"accept\"}";
	char line[CHAIN_LINE_MAX];
	struct chain_head before = head;
	struct text t;
	size_t n = out.n;

	switch (what) {
	case 'n':
		seal_link(NULL);
		break;
	case 'N':
		chain_head_init(&head);
		seal_link("stream");
		break;
	case 'Z':
		memset(head.hex, '0', CHAIN_HEX);
		seal_link(NULL);
		break;
	case 'r':
		seal(record);
		break;
	case 'R':
		for (int i = 0; i < 700; i++)
			seal(record);
		break;
	case 'E':
		seal_end(epoch);
		turn_to(epoch + 1);
		break;
	case 'W':
		seal_end(epoch + 1);
		break;
	case '+':
		turn_to(epoch + 1);
		break;
	case '-':
		turn_to(epoch - 1);
		break;
	case 't':
		tear();
		break;
	case 'm':
	case 'M':
		before.torn += what == 'M';
		text_init(&t, line, sizeof line);
		chain_format_mark(&before, US, &t);
		seal(line);
		break;
	case 'x':
		seal(record);
		out.n = n;
		break;
	default:
		fail_msg("%c", what);
	}
}

/* Writes the log's files by these steps; | begins the next file. */
static void
write_log(const char *steps)
{
	struct fault fault;
	int file = 0;

	unlink(files[0]);
	unlink(files[1]);
	chain = chain_of_key(&keys[1], &fault);
	assert_non_null(chain);
	epoch = 1;
	chain_head_init(&head);
	merkle_init(&tree);
	text_init(&out, log_text, sizeof log_text);
	for (; *steps != '\0'; steps++)
		if (*steps == '|') {
			save(files[file++], slice_make(out.buf, out.n));
			middle = head;
			text_init(&out, log_text, sizeof log_text);
		} else {
			add(*steps);
		}
	assert_false(out.cut);
	save(files[file], slice_make(out.buf, out.n));
	chain_free(chain);
}

static void
write_checkpoint(uint64_t first)
{
	struct checkpoint c = { .origin = "mx1", .time = TIME, .head = head,
		.first = first };
	char text_memory[CHECKPOINT_MAX], note[CHECKPOINT_MAX];
	struct fault fault;
	struct chain *hasher = chain_new(slice_of(""), &fault);
	struct text text;

	assert_true(merkle_root(&tree, hasher, c.root));
	chain_free(hasher);
	text_init(&text, text_memory, sizeof text_memory);
	checkpoint_format(&c, &text);
	assert_true(note_sign(signer, slice_make(text.buf, text.n),
	    c.signature));
	text_init(&text, note, sizeof note);
	checkpoint_note(&c, &text);
	save(notes, slice_make(text.buf, text.n));
}

/* What an auditor with the key of epoch `from` is told. */
static const char *
verify(uint64_t from)
{
	static char memory[1024];
	struct verification v;
	struct fault fault;
	struct text said;
	bool good;

	text_init(&said, memory, sizeof memory);
	fault_clear(&fault);
	verify_init(&v, NULL);
	if ((v.keys = keyring_new(&fault)) == NULL)
		return "failed";
	good = keyring_add(v.keys, starts[from], &fault) &&
	    verify_file(&v, files[0], &fault) &&
	    (access(files[1], F_OK) != 0 || verify_file(&v, files[1],
	    &fault)) && verify_finish(&v);
	if (v.kind != BREAK_NONE)
		text_printf(&said, "%s at %llu: %s",
		    verify_break_name(v.kind), (unsigned long long)v.line,
		    v.what);
	else if (!good)
		text_puts(&said, "failed");
	else
		text_printf(&said, "whole: %llu lines, %llu unread, epochs "
		    "%llu to %llu", (unsigned long long)v.lines,
		    (unsigned long long)v.unread,
		    (unsigned long long)v.first_epoch,
		    (unsigned long long)v.last_epoch);
	keyring_free(v.keys);
	return memory;
}

/* What a comparison of the log with the checkpoint tells. */
static const char *
agree(void)
{
	static char memory[1024];
	const char *const paths[] = { notes, NULL };
	const char *const verifiers[] = { verifier, NULL };
	struct checkpoints checkpoints;
	struct verification v;
	struct fault fault;
	struct text said;
	bool good;

	text_init(&said, memory, sizeof memory);
	fault_clear(&fault);
	if (!checkpoints_read(&checkpoints, paths, verifiers, &fault)) {
		text_puts(&said, fault.kind == FAULT_DATA ? fault.text :
		    "failed");
		return memory;
	}
	verify_init(&v, NULL);
	v.keys = keyring_new(&fault);
	v.checkpoints = &checkpoints;
	v.agree = v.keys == NULL ? NULL : agree_new(&checkpoints,
	    keyring_plain(v.keys), "mx1", true);
	good = v.agree != NULL && keyring_add(v.keys, starts[1], &fault) &&
	    verify_file(&v, files[0], &fault) &&
	    verify_file(&v, files[1], &fault) && verify_finish(&v);
	if (v.kind != BREAK_NONE)
		text_printf(&said, "%s at %llu: %s", verify_break_name(v.kind),
		    (unsigned long long)v.line, v.what);
	else if (!good)
		text_puts(&said, "failed");
	else
		text_printf(&said, "whole, %llu agree",
		    (unsigned long long)v.agree->agreed);
	agree_free(v.agree);
	keyring_free(v.keys);
	checkpoints_free(&checkpoints);
	return memory;
}

/* Where the second file ends, and whether the first has its last line. */
static const char *
ends(void)
{
	static char memory[1024];
	struct chain *c;
	struct fault fault;
	struct text said;
	struct tail t;
	int fd[2];

	text_init(&said, memory, sizeof memory);
	c = chain_of_key(&keys[1], &fault);
	if (c == NULL)
		return "failed";
	fd[0] = open(files[0], O_RDONLY | O_CLOEXEC);
	fd[1] = open(files[1], O_RDONLY | O_CLOEXEC);
	if (fd[0] == -1 || fd[1] == -1 || !tail_read(fd[1], c, &t, &fault))
		text_puts(&said, "failed");
	else
		text_printf(&said, "line %llu from %llu, epoch %llu; ",
		    (unsigned long long)t.head.seq,
		    (unsigned long long)t.first,
		    (unsigned long long)t.epoch);
	if (said.n > 10)
		switch (tail_search(fd[0], &middle, &fault)) {
		case TAIL_THERE:
			text_puts(&said, "there");
			break;
		case TAIL_NOT_THERE:
			text_puts(&said, "not there");
			break;
		case TAIL_UNREADABLE:
			text_init(&said, memory, sizeof memory);
			text_puts(&said, "failed");
		}
	for (int i = 0; i < 2; i++)
		if (fd[i] != -1)
			close(fd[i]);
	chain_free(c);
	return memory;
}

/* Reads all records of both files. */
static const char *
read_all(void)
{
	static char memory[256];
	char *paths[] = { files[1], files[0] };
	enum reader_result result = READER_FAILED;
	struct reader_record record;
	struct fault fault;
	struct reader *r = reader_open(paths, 2, false, &fault);
	unsigned records = 0, others = 0;

	reader_record_init(&record);
	if (r != NULL) {
		while ((result = reader_next(r, &record, &fault)) !=
		    READER_END && result != READER_FAILED &&
		    result != READER_UNREAD && result != READER_BAD)
			if (result == READER_RECORD)
				records++;
			else
				others++;
	}
	reader_record_free(&record);
	reader_close(r);
	snprintf(memory, sizeof memory, result == READER_END ?
	    "%u records, %u others" : "failed", records, others);
	return memory;
}

static const char *
verify_from_first(void)
{
	return verify(1);
}

static const char *
verify_from_second(void)
{
	return verify(2);
}

static void
test_calls(void **state)
{
	static const struct {
		const char *name;
		const char *(*tell)(void);
		const char *want;
	} rows[] = {
		{ "verify", verify_from_first,
		  "whole: 710 lines, 0 unread, epochs 1 to 3" },
		{ "verify from the second", verify_from_second,
		  "not verified at 1: the first 5 of 710 lines were not "
		  "verified: the key given is of epoch 2, and theirs are "
		  "older" },
		{ "agree", agree, "whole, 1 agree" },
		{ "ends", ends, "line 710 from 8, epoch 3; there" },
		{ "read", read_all, "706 records, 4 others" },
	};

	(void)state;
	write_log("nrrrErr|nrER");
	write_checkpoint(1);
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		unit_same(rows[i].name, rows[i].want, rows[i].tell());
		for (int onward = 0; onward < 2; onward++) {
			static const int errors[] = { EIO, ENOMEM };
			long n = 1;

			for (;;) {
				const char *got;

				nth_arm(NULL, n, onward ? LONG_MAX : n,
				    errors[n % 2]);
				got = rows[i].tell();
				if (nth_disarm() < n)
					break;
				if (strcmp(got, "failed") != 0 &&
				    strcmp(got, rows[i].want) != 0) {
					char row[100];

					snprintf(row, sizeof row, "%s: %ld, %s",
					    rows[i].name, n, nth_failed());
					unit_same(row, "failed", got);
				}
				/*
				 * Calls repeat for each of a thousand lines, so
				 * n grows faster.
				 */
				n += n < 300 ? 1 : onward ? 499 : 97;
			}
			assert_in_range(n, 5, 100000);
		}
	}
	unit_end();
}

/* What is sealed with the right key, and is no log of a daemon. */
static void
test_epochs(void **state)
{
	static const struct {
		const char *steps, *want;
	} rows[] = {
		{ "nrEr", "whole: 4 lines, 0 unread, epochs 1 to 2" },
		{ "nrEr|nrE", "whole: 7 lines, 0 unread, epochs 1 to 2" },
		{ "nrW", "changed at 3: it ends another epoch than its own" },
		{ "nr+r", "changed at 3: the digest does not fit the line" },
		{ "nrEr-r", "changed at 5: the digest does not fit the line" },
		{ "nrEr|-nr", "added at 1: its epoch had ended before" },
		{ "nrE|r", "changed at 1: a link should be here" },
		{ "nr|+nr", "dropped at 1: epoch 1 has no end, and this is "
		  "epoch 2: lines before this one are missing" },
		{ "nrr|Zr", "changed at 1: the link is not to the end of the "
		  "file before" },
		/* A stream, which tells that nothing before it is known. */
		{ "nrr|Nr", "whole: 5 lines, 0 unread, epochs 1 to 1" },
		{ "nrtmr", "whole: 4 lines, 0 unread, epochs 1 to 1" },
		{ "nrtr", "changed at 3: the line has no chain, and no mark "
		  "says that it was torn" },
		{ "nrtMr", "changed at 3: there are not as many torn bytes as "
		  "the line behind them tells" },
		{ "nrt", "changed at 3: the line has no chain, and no mark "
		  "says that it was torn" },
		{ "nrxr", "dropped at 3: 1 line(s) before this one are "
		  "missing" },
		{ "nrxr|nr", "dropped at 3: 1 line(s) before this one are "
		  "missing" },
		{ "nrE+r", "changed at 4: the digest does not fit the line" },
		{ "nrE|+nr", "dropped at 1: epoch 2 has no end, and this is "
		  "epoch 3: lines before this one are missing" },
		{ "r", "changed at 1: a link should be here" },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		write_log(rows[i].steps);
		unit_same(rows[i].steps, rows[i].want, verify(1));
	}
	unit_end();
}

static void
make_signer(void)
{
	char line[NOTE_VERIFIER_MAX];
	struct fault fault;
	FILE *file;

	notes = strdup(unit_path("signer"));
	file = fopen(notes, "w");
	assert_non_null(file);
	assert_true(note_make_key("mx1", file, &fault));
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(notes, 0600), 0);
	signer = note_signer_open(notes, &fault);
	assert_non_null(signer);
	free(notes);
	notes = strdup(unit_path("notes"));
	verifier = strdup(unit_path("verifier"));
	note_print_verifier(note_signer_verifier(signer), line);
	strcat(line, "\n");
	save(verifier, slice_of(line));
}

static int
set_up(void **state)
{
	static const unsigned char bytes[CHAIN_RATCHET_BYTES] = "not random";
	char memory[CHAIN_RATCHET_TEXT], name[16];
	struct fault fault;
	struct text text;

	(void)state;
	assert_true(chain_start_ratchet(bytes, &keys[1], &fault));
	for (int i = 1; i <= EPOCHS; i++) {
		if (i > 1) {
			keys[i] = keys[i - 1];
			assert_true(chain_advance_key(&keys[i]));
		}
		snprintf(name, sizeof name, "key%d", i);
		starts[i] = strdup(unit_path(name));
		text_init(&text, memory, sizeof memory);
		chain_print_ratchet(&keys[i], &text);
		save(starts[i], slice_make(text.buf, text.n));
	}
	files[0] = strdup(unit_path("log-1"));
	files[1] = strdup(unit_path("log-2"));
	make_signer();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	for (int i = 1; i <= EPOCHS; i++)
		free(starts[i]);
	free(files[0]);
	free(files[1]);
	free(notes);
	free(verifier);
	note_signer_free(signer);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_epochs),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return unit_leave(cmocka_run_group_tests(tests, set_up, tear_down));
}
