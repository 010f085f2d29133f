/* A stored key as people write it. */
#include <string.h>

#include "policy/rules/key.h"

static void
print_name(struct slice reversed, struct text *out)
{
	bool dot = reversed.n > 1 && reversed.p[reversed.n - 2] == '\1';

	if (dot) {
		text_char(out, '.');
		reversed.n--;
	}
	while (reversed.n > 0) {
		size_t from = reversed.n - 1;

		while (from > 0 && reversed.p[from - 1] != '\1')
			from--;
		text_put_printable(out, slice_make(reversed.p + from,
		    reversed.n - 1 - from));
		if (from > 0)
			text_char(out, '.');
		reversed.n = from;
	}
}

static void
print_prefix(struct slice bytes, bool brackets, struct text *out)
{
	struct netprefix prefix;

	memset(&prefix, 0, sizeof prefix);
	if (bytes.n < 2 || bytes.n - 2 > sizeof prefix.addr.bytes)
		return;
	prefix.addr.family = (uint8_t)bytes.p[0];
	memcpy(prefix.addr.bytes, bytes.p + 1, bytes.n - 2);
	prefix.bits = (unsigned char)bytes.p[bytes.n - 1];
	if (brackets)
		text_char(out, '[');
	netprefix_print(&prefix, out);
	if (brackets)
		text_char(out, ']');
}

/* Has a character that cannot stand outside quotes. */
static bool
needs_quotes(struct slice s, const char *specials)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f ||
		    strchr(specials, s.p[i]) != NULL)
			return true;
	return s.n == 0;
}

static void
print_quoted(struct slice s, bool quotes, struct text *out)
{
	if (!quotes) {
		text_put(out, s);
		return;
	}
	text_char(out, '"');
	text_put_xencoded(out, s);
	text_char(out, '"');
}

/*
 * A word with such characters would be taken for something else without quotes,
 * see never.h.
 */
static void
print_word(struct slice s, struct text *out)
{
	unsigned long port;
	bool digits = s.n > 0, odd = s.n > 0 && strchr("@/0", s.p[0]) != NULL;

	for (size_t i = 0; i < s.n; i++)
		digits = digits && s.p[i] >= '0' && s.p[i] <= '9';
	if (slice_is(s, "0") || (odd && s.p[0] == '0' && !digits))
		odd = false;
	print_quoted(s, odd || needs_quotes(s, "*\":,;|<>") ||
	    (digits && !text_number(s, 65535, &port)), out);
}

static void
print_mailbox(struct slice s, struct text *out)
{
	size_t at = s.n;
	struct slice local, user;

	while (at > 0 && s.p[at - 1] != '@')
		at--;
	if (at == 0) { /* <> */
		text_put_printable(out, s);
		return;
	}
	local = user = slice_make(s.p, at - 1);
	/* There the star is a pattern, elsewhere only a letter in quotes. */
	if (user.n > 2 && user.p[user.n - 1] == '*' &&
	    user.p[user.n - 2] == '+')
		user.n -= 2;
	print_quoted(local, needs_quotes(user, "*\"\\()<>[]:;,@"), out);
	text_put_printable(out, slice_from(s, at - 1));
}

static void
print_issuer(struct slice s, struct text *out)
{
	size_t colon = slice_find(s, ':');

	text_put_printable(out, slice_make(s.p, colon));
	text_char(out, ':');
	text_put_xencoded(out, slice_from(s, colon + 1));
}

void
key_print(const struct key *key, struct text *out)
{
	struct slice bytes = slice_make((const char *)key->bytes + KEY_HEAD,
	    key->n - KEY_HEAD);

	if (key->kind != KEY_ISSUER)
		text_printf(out, "%s:", tag_row(key->tag)->name);
	if (key->kind == KEY_NAME)
		print_name(bytes, out);
	else if (key->kind == KEY_BRACKET || key->kind == KEY_ADDRESS)
		print_prefix(bytes, key->kind == KEY_BRACKET, out);
	else if (key->kind == KEY_MAILBOX)
		print_mailbox(bytes, out);
	else if (key->tag == TAG_PROFILE)
		text_put(out, bytes);
	else if (key->kind == KEY_WORD)
		print_word(bytes, out);
	else if (key->kind == KEY_ISSUER)
		print_issuer(bytes, out);
}
