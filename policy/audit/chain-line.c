/*
 * Reading what chain.c has written.  Where a line ends in a chain is fixed to
 * the byte, so that nothing between the quotes of a client's text can pass for
 * one.
 */
#include <string.h>

#include "policy/audit/chain-link.h"

#define CHAIN_FIELD ",\"chain\":\""
enum {
	FIELD_LENGTH = sizeof CHAIN_FIELD - 1,
	END_LENGTH = FIELD_LENGTH + CHAIN_HEX + 2 /* "} */
};

static bool
is_hex(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') ||
		    (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return true;
}

/* The number behind the last ,"seq": of the body, which ends with it. */
static bool
read_seq(struct slice body, uint64_t *seq)
{
	static const char name[] = ",\"seq\":";
	size_t digits = 0, n = sizeof name - 1;

	while (digits < body.n && body.p[body.n - 1 - digits] >= '0' &&
	    body.p[body.n - 1 - digits] <= '9')
		digits++;
	if (digits == 0 || digits > 18 || body.n < digits + n ||
	    memcmp(body.p + body.n - digits - n, name, n) != 0)
		return false;
	*seq = 0;
	for (size_t i = body.n - digits; i < body.n; i++)
		*seq = *seq * 10 + (uint64_t)(body.p[i] - '0');
	return true;
}

bool
chain_split(struct slice line, struct chain_line *parts)
{
	const char *field;

	if (line.n < END_LENGTH || line.p[0] != '{')
		return false;
	field = line.p + line.n - END_LENGTH;
	parts->body = slice_make(line.p, line.n - END_LENGTH);
	parts->hex = slice_make(field + FIELD_LENGTH, CHAIN_HEX);
	return memcmp(field, CHAIN_FIELD, FIELD_LENGTH) == 0 &&
	    memcmp(line.p + line.n - 2, "\"}", 2) == 0 &&
	    is_hex(parts->hex) && read_seq(parts->body, &parts->seq);
}

static bool
take(struct slice *s, const char *word)
{
	size_t n = strlen(word);

	if (s->n < n || memcmp(s->p, word, n) != 0)
		return false;
	*s = slice_from(*s, n);
	return true;
}

/*
 * Reads a mark: up to the value of "torn" it is fixed to the byte, but for time
 * and chain.
 */
static bool
read_torn(struct slice s, uint64_t *torn)
{
	unsigned long value;
	size_t end;

	if (!take(&s, ",\"torn\":"))
		return false;
	end = slice_find(s, ',');
	if (!text_number(slice_make(s.p, end), ~0UL, &value))
		return false;
	*torn = value;
	return true;
}

static bool
take_time(struct slice *s)
{
	enum { TIME_LENGTH = CHAIN_TIME + 2 };

	if (!take(s, ",\"time\":") || s->n < TIME_LENGTH)
		return false;
	*s = slice_from(*s, TIME_LENGTH);
	return true;
}

/* A string of hex digits and its quotes. */
static bool
take_hex(struct slice *s, char *hex, size_t n)
{
	if (s->n < n || !is_hex(slice_make(s->p, n)))
		return false;
	memcpy(hex, s->p, n);
	hex[n] = '\0';
	*s = slice_from(*s, n);
	return take(s, "\"");
}

/* The number of an epoch, if one comes here; false: there cannot be such. */
static bool
read_epoch(struct slice s, const char *name, uint64_t *epoch)
{
	unsigned long value;

	*epoch = 0;
	if (!take(&s, ",\"") || !take(&s, name) || !take(&s, "\":"))
		return true;
	if (!text_number(slice_make(s.p, slice_find(s, ',')), CHAIN_EPOCH_MAX,
	    &value) || value == 0)
		return false;
	*epoch = value;
	return true;
}

/* Up to the sequence number it is fixed to the byte, but for the values. */
bool
chain_parse_link(struct slice s, struct chain_link *link)
{
	memset(link, 0, sizeof *link);
	if (!take(&s, CHAIN_START "\"link\"") || !take_time(&s) ||
	    !take(&s, ",\"previous\":\"") ||
	    !take_hex(&s, link->previous, CHAIN_HEX) ||
	    !read_torn(s, &link->torn))
		return false;
	s = slice_from(s, sizeof ",\"torn\":" - 1);
	s = slice_from(s, slice_find(s, ','));
	if (take(&s, ",\"why\":\"")) {
		link->why = slice_make(s.p, slice_find(s, '"'));
		s = slice_from(s, link->why.n);
		if (!take(&s, "\""))
			return false;
	}
	return !take(&s, ",\"key\":\"") ||
	    (take_hex(&s, link->key, CHAIN_ID) && read_epoch(s, "epoch",
	    &link->epoch));
}

bool
chain_is_link(struct slice s, struct slice *previous, uint64_t *torn)
{
	struct chain_link link;

	if (!chain_parse_link(s, &link))
		return false;
	take(&s, CHAIN_START "\"link\"");
	take_time(&s);
	take(&s, ",\"previous\":\"");
	*previous = slice_make(s.p, CHAIN_HEX);
	*torn = link.torn;
	return true;
}

bool
chain_is_stream(struct slice s)
{
	struct chain_head none;
	struct chain_link link;

	chain_head_init(&none);
	return chain_parse_link(s, &link) && link.torn == 0 &&
	    slice_is(link.why, "stream") &&
	    memcmp(link.previous, none.hex, CHAIN_HEX) == 0;
}

/* Takes the start of a line of ours up to the end of its event. */
static bool
take_event(struct slice *s)
{
	if (!take(s, CHAIN_START "\""))
		return false;
	*s = slice_from(*s, slice_find(*s, '"'));
	return take(s, "\"");
}

struct slice
chain_time(struct slice s)
{
	if (!take_event(&s) || !take(&s, ",\"time\":\"") ||
	    slice_find(s, '"') != CHAIN_TIME || s.n == CHAIN_TIME)
		return slice_make("", 0);
	for (size_t i = 0; i < CHAIN_TIME; i++)
		if (strchr("0123456789-:.TZ", s.p[i]) == NULL || s.p[i] == '\0')
			return slice_make("", 0);
	return slice_make(s.p, CHAIN_TIME);
}

struct slice
chain_node(struct slice s)
{
	static const char host[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:";
	struct slice none = { "", 0 };
	size_t n;

	if (!take_event(&s) || !take_time(&s) || !take(&s, ",\"node\":\""))
		return none;
	n = slice_find(s, '"');
	for (size_t i = 0; i < n; i++)
		if (strchr(host, s.p[i]) == NULL || s.p[i] == '\0')
			return none;
	return slice_make(s.p, n);
}

bool
chain_is_mark(struct slice s, uint64_t *torn)
{
	return take(&s, CHAIN_START "\"torn\"") && take_time(&s) &&
	    read_torn(s, torn);
}

bool
chain_is_gap(struct slice s, uint64_t *refusals)
{
	unsigned long value;

	if (!take(&s, CHAIN_START "\"unrecorded\"") || !take_time(&s) ||
	    !take(&s, ",\"refusals\":") || !text_number(slice_make(s.p,
	    slice_find(s, ',')), ~0UL, &value))
		return false;
	*refusals = value;
	return true;
}

bool
chain_ends_epoch(struct slice s, uint64_t *epoch)
{
	return take(&s, CHAIN_START "\"epoch\"") && take_time(&s) &&
	    read_epoch(s, "ends", epoch) && *epoch > 0;
}
