/*
 * From fields: what is read of them is read again the same, takes no more room
 * than is said, and where nothing is there is a flaw.
 */
#include "t/fuzz/fuzz.h"

#include "policy/facts/fromfield.h"
#include "policy/facts/spelling.h"

static enum fromfield_flaw
read_fields(struct slice fields, struct text *out)
{
	size_t room = FROMFIELD_ROOM * (fields.n + 1);
	char *memory = malloc(room);

	FUZZ_CHECK(memory != NULL);
	text_init(out, memory, room);
	return fromfield_read(fields, out);
}

static void
check_mailbox(struct slice mailbox)
{
	struct spellings s;
	uint32_t code;

	FUZZ_CHECK(mailbox.n > 0);
	spellings_find(mailbox, slice_make("", 0), slice_of("b.test"),
	    slice_make("", 0), &s);
	FUZZ_CHECK(s.n >= 1 && s.n <= SPELLINGS_MAX);
	while (mailbox.n > 0) {
		size_t n = text_utf8(mailbox, &code);

		FUZZ_CHECK(n > 0 && (code >= ' ' || code == '\t') &&
		    code != 0x7f);
		mailbox = slice_from(mailbox, n);
	}
}

/* A comment in front changes nothing. */
static void
check_comment(struct slice field, struct slice want)
{
	char *memory = malloc(field.n + 8);
	struct text text, out;

	FUZZ_CHECK(memory != NULL);
	text_init(&text, memory, field.n + 8);
	text_puts(&text, "(a(b))");
	text_put(&text, field);
	FUZZ_CHECK(!text.cut);
	if (read_fields(slice_make(text.buf, text.n), &out) == FROMFIELD_FINE)
		FUZZ_CHECK(slice_equal(slice_make(out.buf, out.n), want));
	free(out.buf);
	free(memory);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice fields = slice_make((const char *)data, size);
	struct slice rest, line, list;
	struct text out, again;
	enum fromfield_flaw flaw = read_fields(fields, &out);
	unsigned n = 0;

	FUZZ_CHECK(!out.cut && flaw < FROMFIELD_FLAWS);
	rest = list = slice_make(out.buf, out.n);
	for (; slice_next(&rest, '\n', &line); n++)
		check_mailbox(line);
	FUZZ_CHECK(n <= FROMFIELD_MAILBOXES_MAX);
	FUZZ_CHECK(flaw != FROMFIELD_FINE || n > 0);
	FUZZ_CHECK(flaw != FROMFIELD_TOO_LONG || n == 0);
	if (flaw == FROMFIELD_FINE) {
		FUZZ_CHECK(read_fields(list, &again) == FROMFIELD_FINE);
		FUZZ_CHECK(slice_equal(slice_make(again.buf, again.n), list));
		free(again.buf);
		if (size < FROMFIELD_BYTES_MAX - 8 && n < 500)
			check_comment(fields, list);
	}
	free(out.buf);
	return 0;
}
