/*
 * The table.  The order of the rows is that of the tests: the more exactly a
 * test knows what was meant, the earlier it stands.
 */
#include <string.h>

#include "policy/rules/item.h"
#include "policy/rules/never.h"

enum {
	NEVER_NAMES = NEVER_HOST | NEVER_MAIL,
	NEVER_WORDS = NEVER_LOGIN | NEVER_LISTENER
};

static never_test never_client;

static const struct never_row rows[] = {
	{ .name = "unnamed",
	    .about = NEVER_HOST, .needs = NEVER_KEY,
	    .test = never_unnamed,
	    .why = "a client without a name is looked up as [ADDRESS]" },
	{ .name = "recipient",
	    .about = NEVER_MAIL, .needs = NEVER_ANGLE,
	    .test = never_recipient,
	    .why = "<> is a sender, never a recipient or author" },
	{ .name = "angles",
	    .about = NEVER_NAMES | NEVER_WORDS, .needs = NEVER_ANGLE,
	    .test = never_angles,
	    .why = "what is looked up has no < and >" },
	{ .name = "list",
	    .about = NEVER_NAMES | NEVER_LISTENER, .needs = NEVER_SIGN,
	    .test = never_list,
	    .why = "a key names one, not several" },
	{ .name = "range",
	    .about = NEVER_NAMES, .needs = NEVER_DASH,
	    .test = never_range,
	    .why = "addresses are grouped by prefix, not from one to another" },
	{ .name = "zone",
	    .about = NEVER_NAMES, .needs = NEVER_PERCENT,
	    .test = never_zone,
	    .why = "an MTA tells an address without its zone" },
	{ .name = "mail-address",
	    .about = NEVER_HOST, .needs = NEVER_AT,
	    .test = never_mail_of_host,
	    .why = "a host is not called like an address of mail" },
	{ .name = "nobody",
	    .about = NEVER_MAIL | NEVER_LOGIN, .needs = NEVER_AT,
	    .test = never_nobody,
	    .why = "there is nothing in front of the @" },
	{ .name = "quotes",
	    .about = NEVER_MAIL, .needs = NEVER_QUOTE,
	    .test = never_quotes,
	    .why = "a quote has no end" },
	{ .name = "pattern",
	    .about = NEVER_NAMES | NEVER_WORDS,
	    .needs = NEVER_SIGN | NEVER_BRACKET,
	    .test = never_pattern,
	    .why = "a key is compared, not matched as a pattern" },
	{ .name = "port",
	    .about = NEVER_NAMES | NEVER_LISTENER, .needs = NEVER_COLON,
	    .test = never_port,
	    .why = "a port is no part of it" },
	{ .name = "specials",
	    .about = NEVER_MAIL, .needs = NEVER_AT,
	    .test = never_specials,
	    .why = "no address has this character outside quotes" },
	{ .name = "brackets",
	    .about = NEVER_NAMES, .needs = NEVER_BRACKET,
	    .test = never_brackets, .sendmail_takes_it = true,
	    .why = "brackets hold an address" },
	{ .name = "address",
	    .about = NEVER_NAMES, .needs = NEVER_DIGIT | NEVER_COLON,
	    .test = never_address, .sendmail_takes_it = true,
	    .why = "it looks like an address and is none" },
	{ .name = "no-peer",
	    .about = NEVER_HOST, .needs = NEVER_DIGIT | NEVER_COLON,
	    .test = never_no_peer,
	    .why = "no session comes from such an address" },
	{ .name = "mail-domain",
	    .about = NEVER_MAIL, .needs = NEVER_AT,
	    .test = never_mail_domain,
	    .why = "what stands behind the @ is compared as a whole" },
	{ .name = "name",
	    .about = NEVER_NAMES, .needs = NEVER_KEY,
	    .test = never_name, .sendmail_takes_it = true,
	    .why = "it is no name that DNS can tell" },
	{ .name = "converted",
	    .about = NEVER_NAMES, .needs = NEVER_KEY,
	    .test = never_converted,
	    .why = "its A-labels are no name that DNS can tell" },
	{ .name = "listener-port",
	    .about = NEVER_LISTENER, .needs = NEVER_DIGIT,
	    .test = never_listener_port, .sendmail_takes_it = true,
	    .why = "there is no such port" },
	{ .name = "issuer",
	    .about = NEVER_ISSUER, .needs = NEVER_KEY,
	    .test = never_issuer, .sendmail_takes_it = true,
	    .why = "an issuer's name, as MTAs tell it, begins with a slash" },

	{ .name = "misspelt-item",
	    .about = NEVER_ITEMS, .needs = NEVER_PLUS,
	    .test = never_misspelt_item,
	    .why = "what stands behind ++ is no item" },
	{ .name = "cut-name",
	    .about = NEVER_ITEMS, .needs = NEVER_PLUS,
	    .test = never_cut_name, .sendmail_takes_it = true,
	    .why = "a name ends at ++, and what follows is no item" },
	{ .name = "swallowed",
	    .about = NEVER_ITEMS, .needs = NEVER_PLUS,
	    .test = never_swallowed,
	    .why = "a single + belongs to the value, so this is no item" },
	{ .name = "stand-in",
	    .about = NEVER_ITEMS, .needs = NEVER_NAME,
	    .test = never_stand_in, .sendmail_takes_it = true,
	    .why = "this is sendmail's word for a name that it could not read" },
	{ .name = "client",
	    .about = NEVER_ITEMS, .needs = NEVER_CLIENT,
	    .test = never_client,
	    .why = "it names no client" },
	{ .name = "nul",
	    .about = NEVER_ITEMS, .needs = NEVER_PLUS,
	    .test = never_nul,
	    .why = "no MTA tells a name with a NUL in it" },
	{ .name = "no-dn",
	    .about = NEVER_ITEMS, .needs = NEVER_NAME,
	    .test = never_no_dn, .sendmail_takes_it = true,
	    .why = "a distinguished name, as MTAs tell it, begins with a slash" },
	{ .name = "no-suite",
	    .about = NEVER_ITEMS, .needs = NEVER_CIPHER,
	    .test = never_no_suite,
	    .why = "no cipher suite meets all of these items" },
	{ .name = NULL }
};

const struct never_row *
never_table(void)
{
	return rows;
}

static unsigned
about(enum tag tag)
{
	switch (tag_row(tag)->subject) {
	case SUBJECT_HOST:
		return NEVER_HOST;
	case SUBJECT_MAILBOX:
		return NEVER_MAIL;
	case SUBJECT_IDENTITY:
		return NEVER_LOGIN;
	case SUBJECT_LISTENER:
		return NEVER_LISTENER;
	case SUBJECT_PROFILE:
		return 0; /* key_of() looks at all of it */
	case SUBJECT_ISSUER:
		break;
	}
	return NEVER_ISSUER;
}

unsigned
never_characters(struct slice s)
{
	static const uint16_t bits[256] = {
		['0'] = NEVER_DIGIT, ['1'] = NEVER_DIGIT, ['2'] = NEVER_DIGIT,
		['3'] = NEVER_DIGIT, ['4'] = NEVER_DIGIT, ['5'] = NEVER_DIGIT,
		['6'] = NEVER_DIGIT, ['7'] = NEVER_DIGIT, ['8'] = NEVER_DIGIT,
		['9'] = NEVER_DIGIT, ['@'] = NEVER_AT, [':'] = NEVER_COLON,
		['"'] = NEVER_QUOTE, ['<'] = NEVER_ANGLE, ['>'] = NEVER_ANGLE,
		['['] = NEVER_BRACKET, [']'] = NEVER_BRACKET,
		['-'] = NEVER_DASH, ['%'] = NEVER_PERCENT, [','] = NEVER_SIGN,
		[';'] = NEVER_SIGN, ['|'] = NEVER_SIGN, ['*'] = NEVER_SIGN,
		['?'] = NEVER_SIGN, ['\\'] = NEVER_SIGN, ['^'] = NEVER_SIGN,
		['$'] = NEVER_SIGN, ['{'] = NEVER_SIGN, ['}'] = NEVER_SIGN,
		['('] = NEVER_SIGN, [')'] = NEVER_SIGN, ['/'] = NEVER_SIGN
	};
	unsigned all = NEVER_KEY;

	for (size_t i = 0; i < s.n; i++)
		all |= bits[(unsigned char)s.p[i]];
	return all;
}

unsigned
never_items(const struct requirement *r)
{
	unsigned all = 0;

	for (unsigned i = 0; i < r->nitems; i++) {
		const struct item *item = &r->items[i];

		if (item_is_name(item->row))
			all |= NEVER_NAME;
		if (item->row->inbound)
			all |= NEVER_CLIENT;
		if (item->row->id == ITEM_CIPHER)
			all |= NEVER_CIPHER;
		if (slice_find(item->value, '+') < item->value.n)
			all |= NEVER_PLUS;
	}
	return all;
}

/*
 * The first row that applies.  Of a million rules nearly all lack the
 * characters that most rows look for.
 */
static const struct never_row *
find(struct never *n, unsigned subject, bool as_sendmail)
{
	for (const struct never_row *row = rows; row->name != NULL; row++) {
		if ((row->needs & n->there) == 0 ||
		    (row->about & subject) == 0 ||
		    (as_sendmail && row->sendmail_takes_it))
			continue;
		n->proposed = slice_make("", 0);
		text_init(&n->meant, n->meant_text, sizeof n->meant_text);
		if (row->test(n))
			return row;
	}
	return NULL;
}

/* A key that is proposed can match; else what is to be said of it is said. */
static void
look_ahead(struct never *n)
{
	struct never next;

	if (n->proposed.n == 0 ||
	    never_key(&next, n->tag, n->proposed, false) == NULL)
		return;
	text_clear(&n->meant);
	text_put(&n->meant, slice_make(next.meant.buf, next.meant.n));
}

const struct never_row *
never_key(struct never *n, enum tag tag, struct slice what, bool as_sendmail)
{
	const struct never_row *row;
	unsigned subject = about(tag);

	n->tag = tag;
	n->what = n->found = what;
	n->requirement = NULL;
	n->parsed = n->no_memory = false;
	n->there = never_characters(what);
	n->at = subject == NEVER_MAIL && (n->there & NEVER_AT) != 0 ?
	    never_at(what) : what.n;
	if (what.n == 0 && tag != TAG_CA)
		return NULL;
	row = find(n, subject, as_sendmail);
	if (row != NULL)
		look_ahead(n);
	return row;
}

/* What is proposed is a key of TLS_Clt; behind the item it reads alike. */
static void
propose(const char *meant, const char *item, struct text *out)
{
	static const char key[] = "TLS_Clt:";
	const char *at;

	while ((at = strstr(meant, key)) != NULL) {
		text_put(out, slice_make(meant, (size_t)(at - meant)));
		text_printf(out, "%s:", item);
		meant = at + sizeof key - 1;
	}
	text_puts(out, meant);
}

/* CLIENT and WHEN: what is wrong behind TLS_Clt is wrong there. */
static bool
never_client(struct never *n)
{
	for (unsigned i = 0; i < n->requirement->nitems; i++) {
		const struct item *item = &n->requirement->items[i];
		const struct never_row *row;
		struct never key;

		if (!item->row->inbound || (row = never_key(&key, TAG_CLT,
		    item->value, false)) == NULL)
			continue;
		n->found = key.found;
		n->no_memory = key.no_memory;
		text_printf(&n->meant, "%s; ", row->why);
		propose(key.meant.buf, item->row->name, &n->meant);
		return true;
	}
	return false;
}

const struct never_row *
never_requirement(struct never *n, enum tag tag, const struct requirement *r,
    bool as_sendmail)
{
	n->tag = tag;
	n->what = n->found = slice_make("", 0);
	n->requirement = r;
	n->no_memory = false;
	n->there = never_items(r);
	return n->there == 0 ? NULL : find(n, NEVER_ITEMS, as_sendmail);
}

bool
never_fault(const struct never *n, const struct never_row *row,
    struct fault *f)
{
	if (n->no_memory)
		return fault_no_memory(f);
	return fault_set(f, FAULT_DATA, "\"%.*s\" can never %s: %s; %s",
	    SLICE_ARG(n->found), n->requirement == NULL ? "match" : "hold",
	    row->why, n->meant.buf);
}
