/*
 * A token at a time, in one pass; each element between commas is a mailbox, a
 * group's name, or a flaw.  Where there is a flaw the field is gone through once
 * more for whatever stands around an @, as a reader might who does not
 * understand it either: that can only add mailboxes.
 */
#include "policy/facts/fromfield-internal.h"

/* An address as it is put together, without blanks and comments. */
struct address {
	struct text text;
	unsigned ats;
	bool word;	/* its last token is a word: another word makes it a
			 * phrase */
	bool phrase;
	bool encoded;	/* has an encoded word */
	bool literal;	/* its domain is "[192.0.2.1]" */
	bool brackets;	/* it has brackets before an @ */
	bool hidden;	/* an @ in quotes stands before the first one that is
			 * not */
	bool bad;	/* no address of RFC 5322 */
	char memory[SPELLING_ADDRESS_MAX];
};

struct reading {
	struct fromfield_tokens t;
	bool group;	    /* inside one */
	bool done;	    /* a <address> of this element was read */
	unsigned n;
	struct text *out;
	struct address address;
};

static const struct {
	const char *word, *text;
} flaws[FROMFIELD_FLAWS] = {
	[FROMFIELD_FINE] = { "", "" },
	[FROMFIELD_ABSENT] = { "no-field", "no From field" },
	[FROMFIELD_EMPTY] = { "no-mailbox", "a From field without a mailbox" },
	[FROMFIELD_OPEN] = { "unclosed", "a From field with a quote, comment "
	    "or bracket that never ends" },
	[FROMFIELD_BYTES] = { "bytes", "a From field with control characters, "
	    "or not in UTF-8" },
	[FROMFIELD_ENCODED] = { "encoded-address", "a From field with an "
	    "encoded word in place of an address" },
	[FROMFIELD_GRAMMAR] = { "grammar", "a From field outside the grammar "
	    "of RFC 5322" },
	[FROMFIELD_TOO_LONG] = { "too-long", "a From field that is too long" },
	[FROMFIELD_TOO_MANY] = { "too-many", "more mailboxes than are looked "
	    "at" },
	[FROMFIELD_UNSEEN] = { "unseen", "a header that was not asked for: the "
	    "connection is older than these rules" },
};

const char *
fromfield_word(enum fromfield_flaw flaw)
{
	return flaws[flaw].word;
}

const char *
fromfield_text(enum fromfield_flaw flaw)
{
	return flaws[flaw].text;
}

bool
fromfield_by_word(struct slice word, enum fromfield_flaw *flaw)
{
	for (int i = FROMFIELD_ABSENT; i < FROMFIELD_FLAWS; i++)
		if (slice_is(word, flaws[i].word)) {
			*flaw = (enum fromfield_flaw)i;
			return true;
		}
	return false;
}

/* The only line breaks are those of folding, and one at the end. */
static bool
is_clean(struct slice s)
{
	uint32_t code;

	while (s.n > 0) {
		size_t n = text_utf8(s, &code);

		if (n == 0 || code == 0x7f ||
		    (code == '\r' && s.n > 1 && s.p[1] != '\n') ||
		    (code >= 0x80 && code < 0xa0) ||
		    (code < ' ' && !fromfield_is_white((char)code)))
			return false;
		s = slice_from(s, n);
	}
	return true;
}

/* A blank of another script is dropped by some, and is no part of a name. */
static bool
has_space(struct slice s)
{
	uint32_t code;

	for (size_t n; s.n > 0; s = slice_from(s, n)) {
		n = text_utf8(s, &code);
		if (n > 0 && fromfield_is_space(code))
			return true;
		n += n == 0;
	}
	return false;
}

static bool
is_listed(const struct text *out, struct slice mailbox)
{
	struct slice rest = slice_make(out->buf, out->n), line;

	while (slice_next(&rest, '\n', &line))
		if (slice_equal(line, mailbox))
			return true;
	return false;
}

static void
emit(struct reading *r, struct slice mailbox)
{
	if (!is_clean(mailbox)) {
		fromfield_note(&r->t, FROMFIELD_BYTES);
		return;
	}
	if (r->n == FROMFIELD_MAILBOXES_MAX) {
		fromfield_note(&r->t, FROMFIELD_TOO_MANY);
		return;
	}
	if (!slice_is_ascii(mailbox) && has_space(mailbox))
		fromfield_note(&r->t, FROMFIELD_BYTES);
	r->n++;
	if (is_listed(r->out, mailbox))
		return;
	text_put(r->out, mailbox);
	text_char(r->out, '\n');
	if (r->out->cut)
		fromfield_note(&r->t, FROMFIELD_TOO_MANY);
}

static void
start_address(struct address *a)
{
	text_init(&a->text, a->memory, sizeof a->memory);
	a->ats = 0;
	a->word = a->phrase = a->encoded = a->literal = a->brackets =
	    a->hidden = a->bad = false;
}

/* Blanks of folding that a quoted string or literal holds are its own. */
static void
put_token(struct address *a, struct slice token)
{
	for (size_t i = 0; i < token.n; i++)
		if (token.p[i] != '\r' && token.p[i] != '\n')
			text_char(&a->text, token.p[i]);
}

/* A bracket in a literal has a backslash before it. */
static bool
has_bracket(struct slice literal)
{
	for (size_t i = 1; i < literal.n; i++)
		if (literal.p[i] == '\\')
			i++;
		else if (literal.p[i] == '[')
			return true;
	return false;
}

/* Brackets in a name, "[Sales] Joe", are not in the grammar, but common. */
static bool
hides_something(struct slice literal)
{
	for (size_t i = 1; i + 1 < literal.n; i++)
		if (fromfield_is_special(literal.p[i]) && literal.p[i] != '.')
			return true;
	return false;
}

static void
put_word(struct reading *r, enum fromfield_token kind)
{
	struct address *a = &r->address;

	if (a->word) { /* as sendmail joins them; with an @ it is no address */
		a->phrase = true;
		text_char(&a->text, '.');
	}
	a->encoded |= kind == TOKEN_ATOM && fromfield_is_encoded(r->t.token);
	a->bad |= (kind == TOKEN_QUOTED && a->ats > 0) ||
	    (kind == TOKEN_LITERAL && (a->ats > 0 ?
	    a->word || has_bracket(r->t.token) : hides_something(r->t.token))) || a->literal;
	a->literal = kind == TOKEN_LITERAL && a->ats > 0;
	a->brackets |= kind == TOKEN_LITERAL && a->ats == 0;
	a->hidden |= kind == TOKEN_QUOTED && a->ats == 0 &&
	    slice_find(r->t.token, '@') < r->t.token.n;
	a->word = true;
	put_token(a, r->t.token);
}

static void
put_other(struct reading *r)
{
	struct address *a = &r->address;
	char c = r->t.token.p[0];

	if (c == '@') {
		a->bad |= a->ats++ > 0 || a->text.n == 0;
	} else if (c == '.') {
		a->bad |= a->ats > 0 && (!a->word || a->literal);
	} else
		a->bad = true;
	a->word = false;
	text_char(&a->text, c);
}

/* The address is whole: one of RFC 5322, or a user without a domain. */
static void
end_address(struct reading *r)
{
	struct address *a = &r->address;
	struct slice s = slice_make(a->text.buf, a->text.n);

	if (a->text.cut)
		fromfield_note(&r->t, FROMFIELD_TOO_LONG);
	else if (a->encoded)
		fromfield_note(&r->t, FROMFIELD_ENCODED);
	else if (s.n == 0 || a->bad || (a->ats == 0 && a->hidden) ||
	    (a->ats > 0 && (a->phrase || s.p[s.n - 1] == '@')))
		fromfield_note(&r->t, FROMFIELD_GRAMMAR);
	else
		emit(r, s);
}

/* May this stand in obs-route, behind that?  Words are 'a', literals '['. */
static bool
is_of_route(char before, char c)
{
	switch (c) {
	case 'a':
		return before == '@' || before == '.';
	case '[':
		return before == '@';
	case '.':
		return before == 'a';
	case '@':
		return before == ',';
	default:
		return (c == ',' || c == ':') && strchr("a[,", before) != NULL;
	}
}

/*
 * obs-route, which does not count (RFC 5322, section 4.4): up to its colon.  Its
 * first token has been read.
 */
static bool
skip_route(struct reading *r)
{
	enum fromfield_token kind = TOKEN_OTHER;
	char before = ',', c;
	bool named = false;

	while (kind != TOKEN_END && kind != TOKEN_QUOTED) {
		c = kind == TOKEN_ATOM ? 'a' : r->t.token.p[0];
		named |= c == '@';
		if (!is_of_route(before, c) || (c == ':' && !named))
			break;
		if (c == ':')
			return true;
		before = c;
		kind = fromfield_next(&r->t);
	}
	fromfield_note(&r->t, kind == TOKEN_END ? FROMFIELD_OPEN :
	    FROMFIELD_GRAMMAR);
	return false;
}

/* Reads the address behind a <. */
static void
read_angle(struct reading *r)
{
	struct address *a = &r->address;
	enum fromfield_token kind;
	bool begun = false;

	start_address(a);
	while ((kind = fromfield_next(&r->t)) != TOKEN_END) {
		if (kind != TOKEN_OTHER)
			put_word(r, kind);
		else if (r->t.token.p[0] == '>')
			break;
		else if (!begun && (r->t.token.p[0] == '@' ||
		    r->t.token.p[0] == ',')) {
			if (!skip_route(r))
				break;
		} else
			put_other(r);
		begun = true;
	}
	if (kind == TOKEN_END)
		fromfield_note(&r->t, FROMFIELD_OPEN);
	end_address(r);
	start_address(a);
	r->done = true;
}

/* What stands before a <: a name, or what looks like an address itself. */
static void
end_name(struct reading *r)
{
	struct address *a = &r->address;

	if (a->ats > 0)
		end_address(r);
	if (r->done || a->bad || (a->brackets && a->hidden))
		fromfield_note(&r->t, FROMFIELD_GRAMMAR);
}

static void
end_element(struct reading *r)
{
	if (!r->done && r->address.text.n > 0)
		end_address(r);
	else if (r->address.text.n > 0) /* behind a <address> */
		fromfield_note(&r->t, FROMFIELD_GRAMMAR);
	start_address(&r->address);
	r->done = false;
}

/* A colon: what stands before it is the name of a group. */
static void
begin_group(struct reading *r)
{
	const struct address *a = &r->address;

	if (r->group || r->done || a->ats > 0 || a->bad || a->text.n == 0)
		fromfield_note(&r->t, FROMFIELD_GRAMMAR);
	r->group = true;
	r->done = false;
	start_address(&r->address);
}

static void
end_group(struct reading *r)
{
	end_element(r);
	if (!r->group)
		fromfield_note(&r->t, FROMFIELD_GRAMMAR);
	r->group = false;
}

static void
read_other(struct reading *r)
{
	switch (r->t.token.p[0]) {
	case ',':
		end_element(r);
		break;
	case ':':
		begin_group(r);
		break;
	case ';':
		end_group(r);
		break;
	case '<':
		end_name(r);
		read_angle(r);
		break;
	default:
		put_other(r);
	}
}

/* Everything that stands around an @, whatever else is there. */
static void
add_candidates(struct reading *r)
{
	struct fromfield_candidates g = { .s = r->t.s };
	struct text *text = &r->address.text;

	for (start_address(&r->address); fromfield_candidate_next(&g, text);)
		if (text->cut)
			fromfield_note(&r->t, FROMFIELD_TOO_LONG);
		else
			emit(r, slice_make(text->buf, text->n));
}

static void
read_field(struct reading *r, struct slice field)
{
	enum fromfield_flaw before = r->t.flaw;
	enum fromfield_token kind;

	r->t.s = field;
	r->t.at = 0;
	r->group = r->done = false;
	r->t.flaw = is_clean(field) ? FROMFIELD_FINE : FROMFIELD_BYTES;
	start_address(&r->address);
	while ((kind = fromfield_next(&r->t)) != TOKEN_END)
		if (kind == TOKEN_OTHER)
			read_other(r);
		else
			put_word(r, kind);
	end_element(r);
	if (r->group) /* obsolete, and the end of it is not there */
		fromfield_note(&r->t, FROMFIELD_OPEN);
	if (r->t.flaw != FROMFIELD_FINE)
		add_candidates(r);
	if (before != FROMFIELD_FINE)
		r->t.flaw = before;
}

/* Up to a line break that no blank follows. */
static bool
next_field(struct slice *rest, struct slice *field)
{
	size_t n = 0;

	if (rest->n == 0)
		return false;
	while (n < rest->n && (rest->p[n] != '\n' || (n + 1 < rest->n &&
	    text_is_blank(rest->p[n + 1]))))
		n++;
	*field = slice_make(rest->p, n);
	*rest = slice_from(*rest, n < rest->n ? n + 1 : n);
	return true;
}

enum fromfield_flaw
fromfield_read(struct slice fields, struct text *out)
{
	struct reading r = { .t.flaw = FROMFIELD_FINE, .out = out };
	struct slice field;

	if (fields.n > FROMFIELD_BYTES_MAX)
		return FROMFIELD_TOO_LONG;
	while (next_field(&fields, &field))
		read_field(&r, field);
	if (r.n == 0)
		fromfield_note(&r.t, FROMFIELD_EMPTY);
	return r.t.flaw;
}

bool
fromfield_put_flaw(struct facts *facts, enum fromfield_flaw flaw)
{
	return facts_set(facts, FACT_HEADER_FROM, slice_make("", 0), false) &&
	    facts_set(facts, FACT_HEADER_FLAW,
	    slice_of(fromfield_word(flaw)), false);
}

bool
fromfield_put(struct facts *facts, struct slice fields)
{
	size_t room = FROMFIELD_ROOM * (fields.n + 1);
	enum fromfield_flaw flaw;
	struct text out;
	char *memory;

	if (fields.p == NULL)
		return fromfield_put_flaw(facts, FROMFIELD_ABSENT);
	if (fields.n > FROMFIELD_BYTES_MAX)
		return fromfield_put_flaw(facts, FROMFIELD_TOO_LONG);
	memory = arena_alloc(&facts->memory, room);
	if (memory == NULL)
		return false;
	text_init(&out, memory, room);
	flaw = fromfield_read(fields, &out);
	return facts_set(facts, FACT_HEADER_FROM,
	    slice_make(out.buf, out.n), false) &&
	    facts_set(facts, FACT_HEADER_FLAW,
	    slice_of(fromfield_word(flaw)), false);
}
