#include <stdlib.h>
#include <string.h>

#include "policy/audit/checkpoint.h"

void
checkpoint_format(const struct checkpoint *c, struct text *out)
{
	unsigned long long seq = c->head.seq;

	text_printf(out, "%s\n%llu\n%s\ntime %s\nlines %llu to %llu\nroot %s\n",
	    c->origin, seq, c->head.hex, c->time, (unsigned long long)c->first,
	    seq, c->root);
}

void
checkpoint_note(const struct checkpoint *c, struct text *out)
{
	checkpoint_format(c, out);
	text_printf(out, "\n" CHECKPOINT_DASH "%s %s\n\n", c->origin,
	    c->signature);
}

void
checkpoint_log_line(const struct checkpoint *c, struct text *out)
{
	size_t start;

	text_puts(out, CHECKPOINT_WORD);
	start = out->n;
	checkpoint_format(c, out);
	for (size_t i = start; i < out->n; i++)
		if (out->buf[i] == '\n')
			out->buf[i] = '|';
	text_puts(out, c->signature);
}

static bool
take_word(struct slice *line, const char *word)
{
	struct slice piece;

	return slice_next(line, ' ', &piece) && slice_is(piece, word);
}

static bool
take_number(struct slice word, uint64_t *value)
{
	unsigned long number;

	if (!text_number(word, ~0UL >> 1, &number) || number == 0)
		return false;
	*value = number;
	return true;
}

static bool
take_hash(struct slice word, char hex[CHAIN_HEX + 1])
{
	for (size_t i = 0; i < word.n; i++)
		if (word.p[i] == '\0' ||
		    strchr("0123456789abcdef", word.p[i]) == NULL)
			return false;
	if (word.n != CHAIN_HEX)
		return false;
	memcpy(hex, word.p, CHAIN_HEX);
	hex[CHAIN_HEX] = '\0';
	return true;
}

static bool
take_lines(struct slice line, struct checkpoint *c)
{
	struct slice first;
	uint64_t last;

	return take_word(&line, "lines") && slice_next(&line, ' ', &first) &&
	    take_number(first, &c->first) && take_word(&line, "to") &&
	    take_number(line, &last) && last == c->head.seq && c->first <= last;
}

static bool
take_time(struct slice line, struct checkpoint *c)
{
	if (!take_word(&line, "time") || line.n != CHAIN_TIME)
		return false;
	for (size_t i = 0; i < line.n; i++)
		if (strchr("0123456789-:.TZ", line.p[i]) == NULL)
			return false;
	memcpy(c->time, line.p, CHAIN_TIME);
	return true;
}

bool
checkpoint_parse(struct slice text, struct checkpoint *c)
{
	struct slice line;

	memset(c, 0, sizeof *c);
	if (!slice_next(&text, '\n', &line) || !note_is_name(line))
		return false;
	memcpy(c->origin, line.p, line.n);
	return slice_next(&text, '\n', &line) &&
	    take_number(line, &c->head.seq) &&
	    slice_next(&text, '\n', &line) && take_hash(line, c->head.hex) &&
	    slice_next(&text, '\n', &line) && take_time(line, c) &&
	    slice_next(&text, '\n', &line) && take_lines(line, c) &&
	    slice_next(&text, '\n', &line) && take_word(&line, "root") &&
	    take_hash(line, c->root) && text.n == 0;
}
