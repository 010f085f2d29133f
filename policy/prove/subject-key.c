/* What keys say of whom they can tell apart: names, addresses, chains. */
#include <stdlib.h>
#include <string.h>

#include "policy/prove/subject-internal.h"

bool
prove_names_add(struct prove_ground *g, struct prove_names *list,
    struct slice name)
{
	if (name.p == NULL)
		return false;
	if (list->n == list->allocated) {
		size_t more = list->n == 0 ? 64 : 2 * list->n;
		struct slice *bigger = realloc(list->names,
		    more * sizeof *bigger);

		if (bigger == NULL)
			return fault_no_memory(&g->fault);
		list->names = bigger;
		list->allocated = more;
	}
	list->names[list->n++] = name;
	return true;
}

void
prove_subject_put(const struct prove_subject *subject, enum tag tag,
    struct prove_session *session)
{
	static const enum fact_id facts[CLAIM_TAGS][SUBJECT_VALUES] = {
		[TAG_DAEMON] = { FACT_DAEMON_NAME, FACT_DAEMON_PORT },
		[TAG_CLT] = { FACT_CLIENT_NAME, FACT_CLIENT_ADDR },
		[TAG_FROM] = { FACT_MAIL_ADDR, FACT_COUNT },
		[TAG_TO] = { FACT_RCPT_ADDR, FACT_COUNT },
		[TAG_HEADER] = { FACT_HEADER_FROM, FACT_COUNT },
	};

	if (tag != TAG_AUTH) {
		if (subject->resolve != NULL)
			prove_session_tell(session, FACT_CLIENT_RESOLVE,
			    slice_of(subject->resolve));
		for (int i = 0; i < SUBJECT_VALUES; i++)
			if (facts[tag][i] != FACT_COUNT)
				prove_session_tell(session, facts[tag][i],
				    subject->value[i]);
		return;
	}
	if (subject->absent) {
		prove_session_hide(session, FACT_AUTH_AUTHEN);
		prove_session_hide(session, FACT_AUTH_TYPE);
		return;
	}
	prove_session_tell(session, FACT_AUTH_TYPE, slice_of("PLAIN"));
	prove_session_tell(session, FACT_AUTH_AUTHEN,
	    subject->value[dialect_row(session->mta)->encodes_names ? 0 : 1]);
}

void
prove_subject_nobody(const struct prove_ground *g, struct prove_session *s)
{
	memset(s, 0, sizeof *s);
	s->mta = DIALECT_SENDMAIL;
	prove_session_tell(s, FACT_MTA, slice_make("", 0));
	prove_session_tell(s, FACT_NODE, slice_make("", 0));
	prove_session_tell(s, FACT_CLIENT_NAME, g->label);
	prove_session_tell(s, FACT_CLIENT_ADDR, slice_of("203.0.113.7"));
	prove_session_tell(s, FACT_DAEMON_NAME, g->label);
	prove_session_tell(s, FACT_DAEMON_PORT, slice_of("25"));
	prove_session_tell(s, FACT_MAIL_ADDR, g->label);
	prove_session_tell(s, FACT_RCPT_ADDR, g->label);
	prove_session_tell(s, FACT_HEADER_FROM, g->label);
}

bool
prove_subject_look(struct prove_finder *f, const struct prove_subject *subject)
{
	struct prove_session session;

	if (++f->tried > SUBJECTS_MAX) {
		f->g->unknowable = "there are too many senders, recipients or "
		    "clients that the rules tell apart";
		return false;
	}
	prove_subject_nobody(f->g, &session);
	prove_subject_put(subject, f->tag, &session);
	return prove_session_facts(&session, &f->g->check.facts) ||
	    fault_no_memory(&f->g->fault);
}

bool
prove_subject_is_meant(const struct prove_finder *f)
{
	return prove_session_is_meant(f->claim, f->tag, &f->g->check.facts);
}

struct prove_chain *
prove_subject_chain(struct prove_finder *f, bool narrow, bool *final)
{
	return prove_ground_chain(f->g, f->tag, &f->g->check.facts, narrow,
	    final);
}

bool
prove_subject_keep(struct prove_finder *f, struct prove_subject *subject,
    struct prove_chain *chain)
{
	struct prove_subjects *out = f->out;

	uint32_t *seen = &chain->seen[SEEN_KEPT + (int)subject->exempt];

	if (*seen == f->run)
		return true;
	*seen = f->run;
	subject->chain = chain;
	if (out->n == out->allocated) {
		size_t more = out->n == 0 ? 16 : 2 * out->n;
		struct prove_subject *bigger = realloc(out->subjects,
		    more * sizeof *bigger);

		if (bigger == NULL)
			return fault_no_memory(&f->g->fault);
		out->subjects = bigger;
		out->allocated = more;
	}
	out->subjects[out->n++] = *subject;
	return true;
}

/* A name outside the domain that the claim is about is no subject of it. */
static bool
may_be_meant(const struct prove_finder *f, struct slice name)
{
	return name.n >= f->within.n && slice_equal_nocase(slice_from(name,
	    name.n - f->within.n), f->within);
}

static bool
add_name(struct prove_finder *f, struct prove_names *names, struct slice name)
{
	struct prove_ground *g = f->g;

	return !may_be_meant(f, name) || (prove_names_add(g, names, name) &&
	    prove_names_add(g, names, prove_ground_printf(g, "%.*s.%.*s",
	    SLICE_ARG(g->label), SLICE_ARG(name))) &&
	    (!g->check.options.compat_sendmail || prove_names_add(g, names,
	    prove_ground_printf(g, "%.*s.", SLICE_ARG(name)))));
}

/* Behind the last @. */
static struct slice
domain_of(const struct prove_key *k)
{
	size_t at = k->text.n;

	if (k->kind == KEY_NAME)
		return k->text;
	if (k->kind != KEY_MAILBOX)
		return slice_make("", 0);
	while (at > 0 && k->text.p[at - 1] != '@')
		at--;
	return slice_from(k->text, at == 0 ? k->text.n : at);
}

static bool
add_names_of(struct prove_finder *f, struct prove_names *names,
    const struct prove_keys *keys)
{
	for (size_t i = 0; i < keys->n; i++) {
		struct slice name = domain_of(&keys->keys[i]);

		if (name.n > 0 && name.p[0] != '[' &&
		    !add_name(f, names, name))
			return false;
	}
	return true;
}

bool
prove_subject_names(struct prove_finder *f, struct prove_names *names)
{
	return add_name(f, names, f->g->label) &&
	    add_names_of(f, names, &f->g->keys[f->tag]) &&
	    (f->tag != TAG_CLT || add_names_of(f, names, &f->g->clients));
}

static bool
add_address(struct prove_finder *f, struct prove_names *list,
    const struct netaddr *address)
{
	char buf[NETADDR_TEXT_MAX];
	struct text text;

	text_init(&text, buf, sizeof buf);
	netaddr_print(address, &text);
	return prove_names_add(f->g, list, prove_ground_printf(f->g, "%s",
	    buf));
}

/* The first address behind the network; false: there is none. */
static bool
step_past(const struct netprefix *prefix, struct netaddr *address)
{
	unsigned bit = prefix->bits;

	*address = prefix->addr;
	while (bit-- > 0) {
		unsigned char mask = (unsigned char)(0x80 >> bit % 8);

		address->bytes[bit / 8] ^= mask;
		if ((address->bytes[bit / 8] & mask) != 0)
			return true;
	}
	return false;
}

static bool
add_network(struct prove_finder *f, struct prove_names *list,
    const struct netprefix *prefix)
{
	struct netaddr past;

	return add_address(f, list, &prefix->addr) &&
	    (!step_past(prefix, &past) || add_address(f, list, &past));
}

static bool
add_networks_of(struct prove_finder *f, unsigned kinds,
    struct prove_names *list, const struct prove_keys *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		if ((kinds >> keys->keys[i].kind & 1) != 0 &&
		    !add_network(f, list, &keys->keys[i].prefix))
			return false;
	return true;
}

/*
 * What networks tell apart begins where one begins, or behind the end of one.
 */
bool
prove_subject_addresses(struct prove_finder *f, unsigned kinds,
    struct prove_names *list)
{
	static const char *const usual[] = { "203.0.113.7", "2001:db8:77::7",
		"0.0.0.0", "::" };
	const struct settings_prefixes *exempt = &f->g->settings->exempt;

	for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
		if (!prove_names_add(f->g, list, slice_of(usual[i])))
			return false;
	if (!add_networks_of(f, kinds, list, &f->g->keys[f->tag]) ||
	    (f->tag == TAG_CLT && !add_networks_of(f, kinds, list,
	    &f->g->clients)))
		return false;
	for (unsigned i = 0; i < exempt->n; i++)
		if (f->tag == TAG_CLT &&
		    !add_network(f, list, &exempt->prefix[i]))
			return false;
	return true;
}
