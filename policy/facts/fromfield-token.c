/*
 * Words, strings and signs of a From field, one after another; blanks, folding
 * and comments between them do not count.
 */
#include "policy/facts/fromfield-internal.h"

void
fromfield_note(struct fromfield_tokens *t, enum fromfield_flaw flaw)
{
	if (t->flaw == FROMFIELD_FINE)
		t->flaw = flaw;
}

bool
fromfield_is_white(char c)
{
	return text_is_blank(c) || c == '\r' || c == '\n';
}

static void
skip_white(struct fromfield_tokens *t)
{
	while (t->at < t->s.n) {
		if (fromfield_is_white(t->s.p[t->at])) {
			t->at++;
		} else if (t->s.p[t->at] == '(') {
			t->at = spelling_comment_end(t->s, t->at) + 1;
			if (t->at > t->s.n) {
				fromfield_note(t, FROMFIELD_OPEN);
				t->at = t->s.n;
			}
		} else
			return;
	}
}

/* Behind a quoted string or literal that begins at `i`; 0: it never ends. */
static size_t
closed_end(struct slice s, size_t i, char close)
{
	for (i++; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == close)
			return i + 1;
	}
	return 0;
}

bool
fromfield_is_special(char c)
{
	return c != '\0' && strchr("()<>[]:;@\\,.\"", c) != NULL;
}

bool
fromfield_is_encoded(struct slice atom)
{
	for (size_t i = 0; i + 1 < atom.n; i++)
		if (atom.p[i] == '=' && atom.p[i + 1] == '?')
			return true;
	return false;
}

bool
fromfield_is_space(uint32_t code)
{
	return code == 0x85 || code == 0xa0 || code == 0x1680 ||
	    (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
	    code == 0x2029 || code == 0x202f || code == 0x205f ||
	    code == 0x3000;
}

/*
 * Behind the encoded word at the beginning; 0: it never ends, or has characters
 * that mean something elsewhere.  Dots are common in them, if not allowed.
 */
static size_t
encoded_end(struct slice s)
{
	unsigned marks = 0;

	for (size_t i = 2; i < s.n && !fromfield_is_white(s.p[i]) &&
	    (s.p[i] == '.' || !fromfield_is_special(s.p[i])); i++)
		if (s.p[i] == '?' && ++marks >= 3 && i + 1 < s.n &&
		    s.p[i + 1] == '=')
			return i + 2;
	return 0;
}

static enum fromfield_token
closed_token(struct fromfield_tokens *t, size_t start, char close,
    enum fromfield_token kind)
{
	size_t end = closed_end(t->s, start, close);

	if (end == 0) {
		fromfield_note(t, FROMFIELD_OPEN);
		t->at = t->s.n;
		return TOKEN_END;
	}
	t->at = end;
	t->token = slice_make(t->s.p + start, end - start);
	return kind;
}

static void
read_atom(struct fromfield_tokens *t)
{
	struct slice s = slice_from(t->s, t->at);
	size_t end = 0;

	if (s.n > 1 && fromfield_is_encoded(slice_make(s.p, 2))) {
		end = encoded_end(s);
		if (end == 0)
			fromfield_note(t, FROMFIELD_ENCODED);
	}
	if (end == 0)
		while (end < s.n && !fromfield_is_white(s.p[end]) &&
		    !fromfield_is_special(s.p[end]))
			end++;
	t->token = slice_make(s.p, end);
	t->at += end;
}

enum fromfield_token
fromfield_next(struct fromfield_tokens *t)
{
	size_t start;

	skip_white(t);
	start = t->at;
	if (start == t->s.n)
		return TOKEN_END;
	if (t->s.p[start] == '"')
		return closed_token(t, start, '"', TOKEN_QUOTED);
	if (t->s.p[start] == '[')
		return closed_token(t, start, ']', TOKEN_LITERAL);
	if (fromfield_is_special(t->s.p[start])) {
		t->token = slice_make(t->s.p + start, 1);
		t->at++;
		return TOKEN_OTHER;
	}
	read_atom(t);
	return TOKEN_ATOM;
}
