/*
 * Postfix 3.7 and sendmail 8.17 were watched: both take "!" before "%", the
 * first "!" and the last "%", look into quotes when nothing but a local domain
 * stands behind them, and stop at a domain that is not theirs.  Where they
 * differ, both readings are forms.
 *
 * Each step makes an address shorter and looks at a piece of it; only comments,
 * blanks and quotes ask for a copy, in `memory`.
 */
#include <string.h>

#include "policy/facts/spelling.h"

struct finder {
	struct spellings *out;
	struct slice local_domains, node;
	unsigned depth;
	struct text memory;
	char memory_text[4 * SPELLING_ADDRESS_MAX];
};

static void read_address(struct finder *, struct slice);

/* Of "[IPv6:2001:db8::1]"; a bracket that is never closed is itself. */
static size_t
literal_end(struct slice s, size_t i)
{
	size_t end = i + slice_find(slice_from(s, i), ']');

	return end < s.n ? end : i;
}

/*
 * Offset of the first (with `last` the last) `c` outside quotes and brackets,
 * or s.n.
 */
static size_t
find_operator(struct slice s, char c, bool last)
{
	bool quoted = false;
	size_t found = s.n;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (s.p[i] == '[' && !quoted)
			i = literal_end(s, i);
		else if (s.p[i] == c && !quoted) {
			found = i;
			if (!last)
				break;
		}
	}
	return found;
}

static bool
same_mailbox(const struct mailbox *a, const struct mailbox *b)
{
	return a->null_sender == b->null_sender &&
	    a->local_cut == b->local_cut && slice_equal(a->local, b->local) &&
	    slice_equal(a->domain, b->domain);
}

static void
add_form(struct finder *f, struct slice local, struct slice domain)
{
	struct spellings *out = f->out;
	struct mailbox *m = &out->form[out->n];

	if (out->n == SPELLINGS_MAX) {
		out->beyond = true;
		return;
	}
	mailbox_make(local, domain, m);
	for (unsigned i = 0; i < out->n; i++)
		if (same_mailbox(&out->form[i], m))
			return;
	out->n++;
}

static void
complete(struct finder *f, struct slice local)
{
	struct slice rest = f->local_domains, domain;
	bool any = false;

	if (local.n == 0 || slice_is(local, "\"\"")) {
		add_form(f, slice_make("", 0), slice_make("", 0));
		return;
	}
	while (slice_next_of(&rest, " \t,", &domain)) {
		if (domain.n == 0)
			continue;
		add_form(f, local, domain);
		any = true;
	}
	if (!any)
		add_form(f, local, slice_make("", 0));
}

static bool
is_first_label(struct slice label, struct slice domain)
{
	return slice_equal_nocase(slice_make(domain.p, slice_find(domain, '.')),
	    label);
}

/* What a host calls itself: such an address says no more than its user. */
static bool
names_this_host(struct finder *f, struct slice domain)
{
	struct slice rest = f->local_domains, local;

	if (slice_is_nocase(domain, "localhost") ||
	    slice_is_nocase(domain, "localhost.localdomain") ||
	    (domain.n > 0 && (domain.p[0] == '[' ||
	    slice_equal_nocase(domain, f->node) ||
	    is_first_label(domain, f->node))))
		return true;
	while (slice_next_of(&rest, " \t,", &local))
		if (is_first_label(domain, local))
			return true;
	return false;
}

static bool
is_local(struct finder *f, struct slice domain)
{
	struct slice rest = f->local_domains, local;

	while (slice_next_of(&rest, " \t,", &local))
		if (local.n > 0 && slice_equal_nocase(local, domain))
			return true;
	return false;
}

/* A copy without quotes and the backslashes that quote. */
static struct slice
opened(struct finder *f, struct slice s)
{
	size_t start = f->memory.n;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		else if (s.p[i] == '"')
			continue;
		text_char(&f->memory, s.p[i]);
	}
	if (f->memory.cut)
		f->out->beyond = true;
	return slice_make(f->memory.buf + start, f->memory.n - start);
}

static bool
has_any(struct slice s, const char *set)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\0' && strchr(set, s.p[i]) != NULL)
			return true;
	return false;
}

/* As A-labels, as the MTA's own domains are told. */
static struct slice
converted(struct finder *f, struct slice domain)
{
	size_t start = f->memory.n;

	if (f->memory.size - start <= DOMAIN_TEXT_MAX ||
	    domain_canonical(domain, &f->memory) == DOMAIN_NO_MEMORY)
		f->out->beyond = true;
	return slice_make(f->memory.buf + start, f->memory.n - start);
}

static struct slice
plain_domain(struct finder *f, struct slice domain)
{
	if (has_any(domain, "\"\\"))
		domain = opened(f, domain);
	if (!slice_is_ascii(domain))
		domain = converted(f, domain);
	while (domain.n > 0 && domain.p[domain.n - 1] == '.')
		domain.n--;
	return domain;
}

/* Behind a local domain, and without one, the local part is an address. */
static void
read_pair(struct finder *f, struct slice local, struct slice domain)
{
	domain = plain_domain(f, domain);
	if (domain.n == 0)
		read_address(f, local);
	else if (names_this_host(f, domain)) {
		add_form(f, local, domain);
		read_address(f, local);
	} else {
		add_form(f, local, domain);
		if (is_local(f, domain) && has_any(local, "@!%:\"\\"))
			read_address(f, local);
	}
}

static void
read_without_at(struct finder *f, struct slice s)
{
	size_t bang = find_operator(s, '!', false);
	size_t percent = find_operator(s, '%', true);
	bool uucp = bang < s.n && slice_find(slice_make(s.p, bang), '.') == bang;

	if (bang < s.n)
		read_pair(f, slice_from(s, bang + 1), slice_make(s.p, bang));
	if (percent < s.n)
		read_pair(f, slice_make(s.p, percent),
		    slice_from(s, percent + 1));
	if (uucp || (bang == s.n && percent == s.n))
		complete(f, s);
	if (bang == s.n && percent == s.n && has_any(s, "\"\\") &&
	    has_any(s, "@!%"))
		read_address(f, opened(f, s));
}

static void
read_address(struct finder *f, struct slice s)
{
	size_t at, colon;

	if (++f->depth > SPELLING_DEPTH_MAX) {
		f->out->beyond = true;
		return;
	}
	colon = find_operator(s, ':', s.n > 0 && s.p[0] == '@');
	if (colon < s.n)
		read_address(f, slice_from(s, colon + 1));
	if (colon == s.n || s.p[0] != '@') {
		at = find_operator(s, '@', true);
		if (at < s.n)
			read_pair(f, slice_make(s.p, at),
			    slice_from(s, at + 1));
		else
			read_without_at(f, s);
	}
	f->depth--;
}

size_t
spelling_comment_end(struct slice s, size_t i)
{
	unsigned depth = 0;

	for (; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '(')
			depth++;
		else if (s.p[i] == ')' && --depth == 0)
			return i;
	}
	return s.n;
}

/* sendmail joins words by dots; beside an operator blanks do not count. */
static void
put_blank(struct finder *f, size_t start, struct slice rest)
{
	rest = slice_trim(rest);
	if (f->memory.n == start || rest.n == 0 ||
	    strchr("@.!%:,;<>(", rest.p[0]) != NULL ||
	    strchr("@.!%:,;", f->memory.buf[f->memory.n - 1]) != NULL)
		return;
	text_char(&f->memory, '.');
}

static void
end_group(struct finder *f, size_t start)
{
	struct slice s = slice_make(f->memory.buf + start,
	    f->memory.n - start);

	while (s.n > 0 && s.p[s.n - 1] == ';')
		s.n--;
	read_address(f, s);
}

/*
 * What stands before a <group> is a name; with an @ of its own sendmail can take
 * it for the address: "a@b.example;<@>".
 */
static void
end_name(struct finder *f, size_t start)
{
	struct slice s = slice_make(f->memory.buf + start,
	    f->memory.n - start);

	if (find_operator(s, '@', false) < s.n)
		end_group(f, start);
}

/* One address, or each <group> of it. */
static void
read_text(struct finder *f, struct slice s)
{
	size_t start = f->memory.n;
	bool quoted = false, ended = false;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '\\' && i + 1 < s.n) {
			text_char(&f->memory, c);
			text_char(&f->memory, s.p[++i]);
		} else if (c == '"' || quoted) {
			quoted = c == '"' ? !quoted : quoted;
			text_char(&f->memory, c);
		} else if (c == '(')
			i = spelling_comment_end(s, i);
		else if (c == '<') {
			end_name(f, start);
			start = f->memory.n;
			ended = false;
		} else if (c == '>') {
			if (!ended)
				end_group(f, start);
			start = f->memory.n;
			ended = true;
		} else if (text_is_blank(c) || c == '\r' || c == '\n')
			put_blank(f, start, slice_from(s, i + 1));
		else
			text_char(&f->memory, c);
	}
	if (!ended)
		end_group(f, start);
	if (f->memory.cut)
		f->out->beyond = true;
}

static struct slice
inside(struct slice s)
{
	if (s.n > 1 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		return slice_make(s.p + 1, s.n - 2);
	return s;
}

/* One @, an ASCII domain that names no host of every network, no operator. */
static bool
is_plain(struct finder *f, struct slice s)
{
	size_t at = slice_find(s, '@');

	return at > 0 && at + 1 < s.n && s.n <= SPELLING_ADDRESS_MAX &&
	    s.p[s.n - 1] != '.' &&
	    slice_find(slice_from(s, at + 1), '@') == s.n - at - 1 &&
	    !has_any(s, "\"\\()<>[]:;,!% \t\r\n") &&
	    slice_is_ascii(slice_from(s, at + 1)) &&
	    !names_this_host(f, slice_from(s, at + 1));
}

/*
 * sendmail tells a local user's name alone.  For a recipient at a domain that is
 * not known to be local that is more than was typed: whose mailbox it is.
 */
static bool
repeats(struct finder *f, struct slice typed, struct slice resolved)
{
	size_t at = slice_find(typed, '@');

	return resolved.n == 0 || slice_equal_nocase(typed, resolved) ||
	    (slice_equal_nocase(slice_make(typed.p, at), resolved) &&
	    (at == typed.n || f->node.n == 0 ||
	    is_local(f, slice_from(typed, at + 1))));
}

void
spellings_find(struct slice typed, struct slice resolved,
    struct slice local_domains, struct slice node, struct spellings *out)
{
	struct finder f;

	out->n = 0;
	out->beyond = false;
	f.out = out;
	f.local_domains = local_domains;
	f.node = node;
	f.depth = 0;
	text_init(&f.memory, f.memory_text, sizeof f.memory_text);
	typed = slice_trim(inside(slice_trim(typed)));
	resolved = slice_trim(inside(slice_trim(resolved)));
	if (typed.n == 0 || (is_plain(&f, typed) &&
	    repeats(&f, typed, resolved))) {
		mailbox_parse(typed, &out->form[out->n++]);
		if (typed.n > 0 || resolved.n == 0)
			return;
	}
	if (typed.n > SPELLING_ADDRESS_MAX ||
	    resolved.n > SPELLING_ADDRESS_MAX)
		out->beyond = true;
	if (typed.n > 0 && typed.n <= SPELLING_ADDRESS_MAX)
		read_text(&f, typed);
	if (resolved.n > 0 && resolved.n <= SPELLING_ADDRESS_MAX &&
	    !(slice_find(resolved, '@') == resolved.n &&
	    repeats(&f, typed, resolved) && is_plain(&f, typed)))
		read_text(&f, resolved);
	if (out->n == 0)
		mailbox_parse(typed, &out->form[out->n++]);
}

void
spelling_sender(const struct facts *facts, struct mailbox *sender)
{
	struct slice resolved = facts_value(facts, FACT_MAIL_RESOLVED);
	struct spellings all;
	const struct mailbox *last;

	if (slice_find(resolved, '@') < resolved.n) {
		mailbox_parse(resolved, sender);
		return;
	}
	spellings_find(facts_value(facts, FACT_MAIL_ADDR), slice_make("", 0),
	    slice_make("", 0), slice_make("", 0), &all);
	last = &all.form[all.n - 1];
	mailbox_make(last->local, last->domain, sender);
	sender->null_sender = last->null_sender;
}

void
spelling_local_domains(const struct facts *facts, const char *setting,
    struct text *out)
{
	struct slice node = facts_value(facts, FACT_NODE), parent;
	size_t dot = slice_find(node, '.');

	if (setting != NULL && setting[0] != '\0') {
		text_puts(out, setting);
		return;
	}
	text_put(out, node);
	if (dot == node.n)
		return;
	parent = slice_from(node, dot + 1);
	if (slice_find(parent, '.') < parent.n) {
		text_char(out, ' ');
		text_put(out, parent);
	}
}
