/*
 * A key's bytes: tag + 1 (0 is the store's own), kind, and behind them
 *   KEY_NAME              labels in reverse, see domain_reverse()
 *   KEY_ADDRESS, _BRACKET family, address (4 or 16 bytes), prefix length
 *   KEY_MAILBOX, _WORD    the text in lower case, beyond ASCII in the form of
 *                         unicode.h
 *   KEY_ISSUER            tag, ':', DN with +XX decoded, in lower case
 * so that what covers a query sorts before it, the longest last.
 */
#include <string.h>

#include "policy/base/domain.h"
#include "policy/base/unicode.h"
#include "policy/facts/mailbox.h"
#include "policy/rules/key.h"

static void
start(struct key *key, enum tag tag, enum key_kind kind)
{
	key->tag = tag;
	key->kind = kind;
	key->final_dot = false;
	key->bytes[0] = (unsigned char)(tag + 1);
	key->bytes[1] = (unsigned char)kind;
	key->n = KEY_HEAD;
}

enum tag
key_bytes_tag(struct slice bytes)
{
	return (enum tag)(bytes.p[0] - 1);
}

void
key_bare(enum tag tag, struct key *key)
{
	start(key, tag, KEY_BARE);
}

void
key_name(enum tag tag, struct slice canonical, bool subdomains,
    struct key *key)
{
	start(key, tag, KEY_NAME);
	key->n += domain_reverse(canonical, subdomains,
	    (char *)key->bytes + KEY_HEAD, KEY_MAX - KEY_HEAD - 1);
}

void
key_address(enum tag tag, enum key_kind kind, const struct netaddr *addr,
    unsigned bits, struct key *key)
{
	size_t length = netaddr_bits(addr) / 8;

	start(key, tag, kind);
	key->bytes[key->n++] = addr->family;
	memcpy(key->bytes + key->n, addr->bytes, length);
	key->n += length;
	key->bytes[key->n++] = (unsigned char)bits;
}

static bool
append_lower(struct key *key, struct slice s)
{
	if (s.n > KEY_TEXT_MAX - (key->n - KEY_HEAD))
		return false;
	slice_copy_lower((char *)key->bytes + key->n, s);
	key->n += s.n;
	return true;
}

bool
key_word(enum tag tag, enum key_kind kind, struct slice word, struct key *key)
{
	start(key, tag, kind);
	return append_lower(key, word);
}

bool
key_of_issuer(struct slice tag, struct slice dn, struct key *key)
{
	char decoded[KEY_TEXT_MAX + 1];
	struct text out;

	text_init(&out, decoded, sizeof decoded);
	text_put_xdecoded(&out, dn);
	start(key, TAG_CA, KEY_ISSUER);
	return !out.cut && append_lower(key, tag) &&
	    append_lower(key, slice_make(":", 1)) &&
	    append_lower(key, slice_make(out.buf, out.n));
}

static bool
too_long(struct fault *fault)
{
	return fault_set(fault, FAULT_DATA,
	    "the key is too long; expected at most %d bytes", KEY_TEXT_MAX);
}

/* Converts a domain of a rule; a leading dot is the caller's affair. */
static bool
rule_domain(struct slice name, struct text *out, struct fault *fault)
{
	enum domain_result result = domain_canonical(name, out);

	if (result == DOMAIN_ODD)
		return fault_set(fault, FAULT_DATA, "\"%.*s\" is not a domain "
		    "name that can be converted to A-labels; expected UTF-8 "
		    "(IDNA 2008) or ASCII", SLICE_ARG(name));
	return result == DOMAIN_WHOLE || fault_no_memory(fault);
}

static bool
parse_name(enum tag tag, struct slice what, struct key *key,
    struct fault *fault)
{
	char buf[KEY_TEXT_MAX + 1];
	struct text name;
	bool dot_first = what.n > 1 && what.p[0] == '.';

	text_init(&name, buf, sizeof buf);
	if (!rule_domain(dot_first ? slice_from(what, 1) : what, &name, fault))
		return false;
	key_name(tag, slice_make(name.buf, name.n), dot_first, key);
	key->final_dot = what.p[what.n - 1] == '.';
	return true;
}

static bool
parse_prefix(enum tag tag, enum key_kind kind, struct slice what,
    struct key *key, bool *is_prefix, struct fault *fault)
{
	struct netprefix prefix;
	char buf[NETADDR_TEXT_MAX];
	struct text out;

	*is_prefix = true;
	switch (netprefix_parse(what, &prefix)) {
	case NETPREFIX_OK:
		key_address(tag, kind, &prefix.addr, prefix.bits, key);
		return true;
	case NETPREFIX_NONE:
		*is_prefix = false;
		return true;
	case NETPREFIX_BITS:
		return fault_set(fault, FAULT_DATA, "\"%.*s\" has no valid "
		    "prefix length; expected /0 to /32 or, for IPv6, /128",
		    SLICE_ARG(what));
	case NETPREFIX_HOSTBITS:
		break;
	}
	text_init(&out, buf, sizeof buf);
	netprefix_print(&prefix, &out);
	return fault_set(fault, FAULT_DATA, "\"%.*s\" has bits set behind its "
	    "prefix; expected %s", SLICE_ARG(what), out.buf);
}

static bool
parse_bracket(enum tag tag, struct slice what, struct key *key,
    bool *is_bracket, struct fault *fault)
{
	struct slice inner;

	*is_bracket = what.n > 2 && what.p[0] == '[' &&
	    what.p[what.n - 1] == ']';
	if (!*is_bracket)
		return true;
	inner = slice_make(what.p + 1, what.n - 2);
	return parse_prefix(tag, KEY_BRACKET, inner, key, is_bracket, fault);
}

static bool
parse_host(enum tag tag, struct slice what, struct key *key,
    struct fault *fault)
{
	bool good, done;

	good = parse_bracket(tag, what, key, &done, fault);
	if (!good || done)
		return good;
	good = parse_prefix(tag, KEY_ADDRESS, what, key, &done, fault);
	if (!good || done)
		return good;
	if (slice_find(what, '/') < what.n)
		return fault_set(fault, FAULT_DATA, "\"%.*s\" is neither a "
		    "host name nor a network; expected NAME, ADDRESS or "
		    "ADDRESS/LENGTH", SLICE_ARG(what));
	return parse_name(tag, what, key, fault);
}

/* A mail domain, or an address literal. */
static bool
parse_domain(enum tag tag, struct slice what, struct key *key,
    struct fault *fault)
{
	bool done, good = parse_bracket(tag, what, key, &done, fault);

	return !good || done ? good : parse_name(tag, what, key, fault);
}

/*
 * Between double quotes + and two hex digits stand for a byte: blanks end a
 * key.  Outside of them they are a detail, user+20@.  The byte gets a
 * backslash, which keeps it from being syntax.
 */
static void
put_unescaped(struct slice what, struct text *out)
{
	bool quoted = false;

	if (slice_find(what, '"') == what.n &&
	    slice_find(what, '\\') == what.n) {
		text_put(out, what);
		return;
	}
	for (size_t i = 0; i < what.n; i++) {
		char c = what.p[i], byte = c;
		struct text one;
		char buf[2];

		text_init(&one, buf, sizeof buf);
		if (quoted && c == '+' && i + 2 < what.n)
			text_put_xdecoded(&one, slice_make(what.p + i, 3));
		if (c == '"')
			quoted = !quoted;
		if (one.n == 1 && !one.cut) {
			byte = buf[0];
			i += 2;
			text_char(out, '\\');
		} else if (c == '\\' && i + 1 < what.n) {
			text_char(out, c);
			byte = what.p[++i];
		}
		text_char(out, byte);
	}
}

/* user@domain, user@: the local part without quotes, the domain canonical. */
static bool
parse_mailbox(enum tag tag, struct slice what, struct key *key,
    struct fault *fault)
{
	size_t at = what.n;
	char buf[KEY_TEXT_MAX + 1], plain_text[KEY_TEXT_MAX + 1];
	struct mailbox mailbox;
	struct text domain, plain;

	if (slice_is(what, "<>"))
		return key_word(tag, KEY_MAILBOX, what, key);
	while (at > 0 && what.p[at - 1] != '@')
		at--;
	if (at == 0)
		return parse_domain(tag, what, key, fault);
	text_init(&domain, buf, sizeof buf);
	text_init(&plain, plain_text, sizeof plain_text);
	if (!rule_domain(slice_from(what, at), &domain, fault))
		return false;
	put_unescaped(what, &plain);
	mailbox_parse_local(slice_make(plain.buf, plain.n), &mailbox);
	if (mailbox.unread)
		return fault_no_memory(fault);
	return (!mailbox.local_cut &&
	    key_word(tag, KEY_MAILBOX, mailbox.local, key) &&
	    append_lower(key, slice_make("@", 1)) &&
	    append_lower(key, slice_make(domain.buf, domain.n))) ||
	    too_long(fault);
}

/* An identity or a listener; in quotes, what they hold. */
static bool
parse_word(enum tag tag, struct slice what, struct key *key,
    struct fault *fault)
{
	char buf[KEY_TEXT_MAX + 1], form_text[KEY_TEXT_MAX + 1];
	struct text plain, form;

	text_init(&plain, buf, sizeof buf);
	text_init(&form, form_text, sizeof form_text);
	if (what.n > 1 && what.p[0] == '"' && what.p[what.n - 1] == '"') {
		text_put_xdecoded(&plain, slice_make(what.p + 1, what.n - 2));
		what = slice_make(buf, plain.n);
	}
	if (!unicode_put_caseless(&form, what))
		return fault_no_memory(fault);
	return (!form.cut && key_word(tag, KEY_WORD,
	    slice_make(form_text, form.n), key)) || too_long(fault);
}

bool
key_profile(struct slice name, struct key *key)
{
	return key_word(TAG_PROFILE, KEY_WORD, name, key);
}

static bool
parse_profile(struct slice what, struct key *key, struct fault *fault)
{
	if (tag_is_word(what) && key_profile(what, key))
		return true;
	return fault_set(fault, FAULT_DATA, "\"%.*s\" is no name of a "
	    "profile; expected letters, digits, - and _", SLICE_ARG(what));
}

bool
key_of(enum tag tag, struct slice what, struct key *key, struct fault *fault)
{
	if (what.n > KEY_TEXT_MAX)
		return too_long(fault);
	if (what.n == 0 && tag != TAG_PROFILE) {
		key_bare(tag, key);
		return true;
	}
	switch (tag_row(tag)->subject) {
	case SUBJECT_HOST:
		return parse_host(tag, what, key, fault);
	case SUBJECT_MAILBOX:
		return parse_mailbox(tag, what, key, fault);
	case SUBJECT_PROFILE:
		return parse_profile(what, key, fault);
	case SUBJECT_IDENTITY:
	case SUBJECT_LISTENER:
	case SUBJECT_ISSUER:
		break;
	}
	return parse_word(tag, what, key, fault);
}

bool
key_is_untagged(struct slice text)
{
	struct netprefix prefix;
	size_t colon = slice_find(text, ':');

	/* Nearly all begin as our tags do. */
	if (colon < text.n && text_hex_digit(text.p[0]) < 0 &&
	    strchr(":[iI", text.p[0]) == NULL)
		return false;
	return colon == text.n || text.p[0] == '[' || slice_starts_nocase(text, "IPv6:") ||
	    netprefix_parse(text, &prefix) != NETPREFIX_NONE;
}

bool
key_parse(struct slice text, struct key *key, struct fault *fault)
{
	size_t colon = slice_find(text, ':');
	struct slice name = slice_make(text.p, colon), what;
	bool good;
	enum tag tag;

	if (colon == text.n) {
		fault_set(fault, FAULT_DATA, "\"%.*s\" has no tag; expected "
		    "TLS_Clt:, TLS_From: or another one", SLICE_ARG(text));
		fault->column = 1;
		return false;
	}
	what = slice_from(text, colon + 1);
	if (tag_by_name(name, &tag))
		good = key_of(tag, what, key, fault);
	else if (tag_is_ca_name(name))
		good = key_of_issuer(name, what, key) || too_long(fault);
	else
		good = fault_set(fault, FAULT_DATA,
		    "\"%.*s\" is not a tag; expected letters, digits, - and _ "
		    "before the colon", SLICE_ARG(name));
	if (!good)
		fault->column = tag_is_ca_name(name) ||
		    tag_by_name(name, &tag) ? colon + 2 : 1;
	return good;
}

bool
key_same(struct slice a, struct slice b)
{
	struct key x, y;
	struct fault fault;

	return slice_equal_nocase(a, b) || (key_parse(a, &x, &fault) &&
	    key_parse(b, &y, &fault) && x.n == y.n &&
	    memcmp(x.bytes, y.bytes, x.n) == 0);
}
