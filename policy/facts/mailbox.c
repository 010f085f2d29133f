/*
 * The grammar is RFC 5321's, read leniently: a filter sees what its MTA let
 * through, and MTAs differ in what they let through.
 */
#include <string.h>

#include "policy/base/unicode.h"
#include "policy/facts/mailbox.h"

static struct slice
without_brackets(struct slice s)
{
	s = slice_trim(s);
	if (s.n > 0 && s.p[0] == '<')
		s = slice_from(s, 1);
	if (s.n > 0 && s.p[s.n - 1] == '>')
		s.n--;
	return slice_trim(s);
}

/* "@a,@b:user@dom": what stands behind the colon (RFC 5321, appendix C). */
static struct slice
without_route(struct slice s)
{
	size_t colon = slice_find(s, ':');

	if (s.n > 0 && s.p[0] == '@' && colon < s.n)
		return slice_from(s, colon + 1);
	return s;
}

/* Offset of the @ before the domain: the last one outside quotes, or s.n. */
static size_t
find_at(struct slice s)
{
	bool quoted = false;
	size_t at = s.n;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (s.p[i] == '@' && !quoted)
			at = i;
	}
	return at;
}

static void
put_opened(struct text *out, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		else if (s.p[i] == '"')
			continue;
		text_char(out, (char)text_lower(s.p[i]));
	}
}

/*
 * The user and what stands behind its + each for itself, as the MTA looks them up:
 * one that is no UTF-8 is no cover for the other.  No form has another + in it.
 */
static void
put_folded(struct mailbox *m, struct text *out, struct slice s)
{
	char memory[MAILBOX_TYPED_MAX + 1];
	struct slice local, user;
	struct text opened;

	text_init(&opened, memory, sizeof memory);
	put_opened(&opened, s);
	local = slice_make(memory, opened.n);
	user = slice_make(memory, slice_find(local, '+'));
	m->unread = opened.cut || !unicode_put_caseless(out, user) ||
	    !unicode_put_caseless(out, slice_from(local, user.n));
}

static void
put_local(struct mailbox *m, struct slice s)
{
	struct text out;

	text_init(&out, m->local_text, sizeof m->local_text);
	m->unread = false;
	if (slice_is_ascii(s))
		put_opened(&out, s);
	else
		put_folded(m, &out, s);
	m->local_cut = out.cut;
	m->local = slice_make(out.buf, out.n);
	m->user = slice_make(out.buf, slice_find(m->local, '+'));
	m->user_cut = out.cut && m->user.n == m->local.n;
}

void
mailbox_make(struct slice local, struct slice domain, struct mailbox *m)
{
	struct text out;

	put_local(m, local);
	text_init(&out, m->domain_text, sizeof m->domain_text);
	if (domain.n > 0 &&
	    domain_canonical(domain, &out) == DOMAIN_NO_MEMORY)
		m->unread = true;
	m->domain = slice_make(out.buf, out.n);
	m->null_sender = m->local.n == 0 && domain.n == 0;
}

void
mailbox_parse(struct slice address, struct mailbox *m)
{
	struct slice s = without_route(without_brackets(address));
	size_t at = find_at(s);

	mailbox_make(slice_make(s.p, at), at < s.n ? slice_from(s, at + 1) :
	    slice_make("", 0), m);
	m->null_sender = s.n == 0;
}

void
mailbox_parse_local(struct slice address, struct mailbox *m)
{
	struct slice s = without_route(without_brackets(address));

	mailbox_make(slice_make(s.p, find_at(s)), slice_make("", 0), m);
	m->null_sender = s.n == 0;
}
