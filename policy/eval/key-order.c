/*
 * The steps of each kind of subject, as one function that knows its state by a
 * number: the order of the cases is the order of the keys.
 */
#include <string.h>

#include "policy/base/domain.h"
#include "policy/eval/key-order.h"

void
key_order_start(struct key_order *l, enum tag tag, const struct facts *facts,
    const struct mailbox *mailbox)
{
	l->tag = tag;
	l->facts = facts;
	l->next = 0;
	l->mailbox = mailbox;
}

/* A step that lacks its fact; the keys it would have had are unknown. */
static bool
missing_step(enum fact_id fact, unsigned kinds, struct key_step *step)
{
	step->missing = fact;
	step->kinds = kinds;
	return true;
}

static bool
bare_step(const struct key_order *l, struct key_step *step)
{
	step->longest = step->final_dot = false;
	key_bare(l->tag, &step->key);
	return true;
}

/* "[192.0.2.1]" and "[IPv6:2001:db8::1]". */
static bool
bracket_step(const struct key_order *l, struct slice name,
    struct key_step *step)
{
	struct netprefix prefix;

	if (name.n < 3 || name.p[0] != '[' || name.p[name.n - 1] != ']' ||
	    !netaddr_parse(slice_make(name.p + 1, name.n - 2), &prefix.addr))
		return false;
	prefix.bits = netaddr_bits(&prefix.addr);
	step->longest = true;
	step->final_dot = false;
	key_address(l->tag, KEY_BRACKET, &prefix, &step->key);
	return true;
}

static bool
name_step(const struct key_order *l, struct slice name, struct key_step *step)
{
	char buf[DOMAIN_TEXT_MAX];
	struct text canonical;

	if (name.n == 0)
		return false;
	if (bracket_step(l, name, step))
		return true;
	text_init(&canonical, buf, sizeof buf);
	domain_canonical(name, &canonical);
	step->longest = true;
	step->final_dot = name.p[name.n - 1] == '.';
	key_name(l->tag, slice_make(buf, canonical.n), false, &step->key);
	return true;
}

static bool
address_step(const struct key_order *l, bool server, struct key_step *step)
{
	struct netprefix prefix;

	if (!facts_address(l->facts, server, &prefix.addr))
		return false;
	prefix.bits = netaddr_bits(&prefix.addr);
	step->longest = true;
	step->final_dot = false;
	key_address(l->tag, KEY_ADDRESS, &prefix, &step->key);
	return true;
}

/*
 * A client has a name, be it "[192.0.2.1]", and an address; but local submission
 * has none.  Outbound, a question by name alone is a whole one.
 */
static bool
client_missing(const struct key_order *l, unsigned n, struct key_step *step)
{
	struct netaddr addr;

	if (l->tag != TAG_CLT || n > 1 || facts_local(l->facts))
		return false;
	if (n == 0)
		return !facts_filled(l->facts, FACT_CLIENT_NAME) &&
		    missing_step(FACT_CLIENT_NAME,
		    1U << KEY_NAME | 1U << KEY_BRACKET, step);
	return !facts_address(l->facts, false, &addr) &&
	    missing_step(FACT_CLIENT_ADDR, 1U << KEY_ADDRESS, step);
}

/* False: this step does not apply; at `l->next` past the last: the end. */
static bool
host_step(struct key_order *l, unsigned n, struct key_step *step)
{
	bool server = l->tag != TAG_CLT;

	if (client_missing(l, n, step))
		return true;
	switch (n) {
	case 0:
		return name_step(l, facts_value(l->facts,
		    server ? FACT_SERVER_NAME : FACT_CLIENT_NAME), step);
	case 1:
		return address_step(l, server, step);
	default:
		return bare_step(l, step);
	}
}

static bool
exact(enum tag tag, enum key_kind kind, struct slice text,
    struct key_step *step)
{
	step->longest = step->final_dot = false;
	return text.n > 0 && key_word(tag, kind, text, &step->key);
}

/* local[+*]@[domain] */
static bool
mailbox_key(const struct key_order *l, struct slice local, bool star,
    struct slice domain, struct key_step *step)
{
	char buf[MAILBOX_LOCAL_MAX + DOMAIN_TEXT_MAX];
	struct text text;

	text_init(&text, buf, sizeof buf);
	text_put(&text, local);
	text_puts(&text, star ? "+*@" : "@");
	text_put(&text, domain);
	return exact(l->tag, KEY_MAILBOX, slice_make(buf, text.n), step);
}

static bool
mailbox_step(struct key_order *l, unsigned n, struct key_step *step)
{
	const struct mailbox *m = l->mailbox;
	bool detail = m->user.n < m->local.n;
	struct slice none = slice_make("", 0);
	struct slice domain = n < 3 ? m->domain : none;
	enum fact_id fact = l->tag == TAG_FROM ? FACT_MAIL_ADDR :
	    l->tag == TAG_HEADER ? FACT_HEADER_FROM : FACT_RCPT_ADDR;

	if (n == 0 && l->tag != TAG_RCPT && !facts_known(l->facts, fact))
		return missing_step(fact, ~(1U << KEY_BARE), step);
	if (m->null_sender)
		return n == 0 ? exact(l->tag, KEY_MAILBOX, slice_of("<>"),
		    step) : n == 7 && bare_step(l, step);
	if (n < 3 && domain.n == 0)
		return false;
	switch (n) {
	case 0:
	case 3:
		return detail && !m->local_cut &&
		    mailbox_key(l, m->local, false, domain, step);
	case 1:
	case 4:
		return detail && !m->user_cut &&
		    mailbox_key(l, m->user, true, domain, step);
	case 2:
	case 5:
		return !m->user_cut &&
		    mailbox_key(l, m->user, false, domain, step);
	case 6:
		return name_step(l, m->domain, step);
	default:
		return bare_step(l, step);
	}
}

static bool
listener_step(struct key_order *l, unsigned n, struct key_step *step)
{
	enum fact_id fact = n == 0 ? FACT_DAEMON_NAME : FACT_DAEMON_PORT;

	if (n > 1)
		return bare_step(l, step);
	if (!facts_filled(l->facts, fact) && !facts_local(l->facts))
		return missing_step(fact, 1U << KEY_WORD, step);
	return exact(l->tag, KEY_WORD, facts_value(l->facts, fact), step);
}

static bool
identity_step(struct key_order *l, unsigned n, struct key_step *step)
{
	if (n > 0)
		return bare_step(l, step);
	if (!facts_filled(l->facts, FACT_AUTH_AUTHEN))
		return missing_step(FACT_AUTH_AUTHEN, 1U << KEY_WORD, step);
	return exact(l->tag, KEY_WORD,
	    facts_value(l->facts, FACT_AUTH_AUTHEN), step);
}

bool
key_order_next(struct key_order *l, struct key_step *step)
{
	static const struct {
		bool (*step)(struct key_order *, unsigned, struct key_step *);
		unsigned steps;
	} subjects[] = {
		[SUBJECT_HOST] = { host_step, 3 },
		[SUBJECT_MAILBOX] = { mailbox_step, 8 },
		[SUBJECT_IDENTITY] = { identity_step, 2 },
		[SUBJECT_LISTENER] = { listener_step, 3 },
		[SUBJECT_PROFILE] = { NULL, 0 },
		[SUBJECT_ISSUER] = { NULL, 0 },
	};
	enum tag_subject subject = tag_row(l->tag)->subject;

	step->missing = FACT_COUNT;
	while (l->next < subjects[subject].steps)
		if (subjects[subject].step(l, l->next++, step))
			return true;
	return false;
}
