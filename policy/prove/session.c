/*
 * Whom a claim means is found as the rule of such a key would be: by the steps of
 * match.h.  But an address means its clients whatever their names are.
 */
#include <string.h>

#include "policy/eval/match.h"
#include "policy/facts/macro.h"
#include "policy/facts/spelling.h"
#include "policy/prove/session.h"

enum { SECONDS_PER_DAY = 86400, NOON = 43200 };

void
prove_session_tell(struct prove_session *s, enum fact_id id, struct slice value)
{
	s->told |= UINT64_C(1) << id;
	s->value[id] = value;
}

void
prove_session_hide(struct prove_session *s, enum fact_id id)
{
	s->told &= ~(UINT64_C(1) << id);
}

static const struct macro *
macro_of(enum dialect_id mta, enum fact_id id)
{
	for (const struct macro *m = macro_table(mta); m->name != NULL; m++)
		if (m->fact == id)
			return m;
	return NULL;
}

bool
prove_session_facts(const struct prove_session *s, struct facts *facts)
{
	facts_reset(facts, s->mta);
	for (int id = 0; id < FACT_COUNT; id++) {
		const struct macro *m;

		if ((s->told >> id & 1) == 0)
			continue;
		m = macro_of(s->mta, (enum fact_id)id);
		if (m != NULL && !facts_set(facts, (enum fact_id)id,
		    s->value[id], m->xtext))
			return false;
	}
	return macro_finish(facts);
}

size_t
prove_session_macros(const struct prove_session *s,
    struct check_macro macros[CHECK_MACROS_MAX])
{
	size_t n = 0;

	for (int id = 0; id < FACT_COUNT && n < CHECK_MACROS_MAX; id++) {
		const struct macro *m = macro_of(s->mta, (enum fact_id)id);
		struct slice name;

		if ((s->told >> id & 1) == 0 || m == NULL || (s->value[id].n ==
		    0 && (id == FACT_MTA || id == FACT_NODE)))
			continue;
		name = slice_of(m->name);
		if (name.p[0] == '{')
			name = slice_make(name.p + 1, name.n - 2);
		macros[n].name = name;
		macros[n++].value = s->value[id];
	}
	return n;
}

int64_t
prove_session_time(const struct prove_session *s)
{
	return (int64_t)s->day * SECONDS_PER_DAY + NOON;
}

/*
 * Is `key` one of those that a look-up meets between `query` and the outermost
 * key?
 */
static bool
covers(const struct key *key, const struct key *query)
{
	size_t n = key->n;

	if (key->kind != KEY_NAME) {
		unsigned bits = key->bytes[n - 1];
		struct netaddr a = { 0 }, b = { 0 };

		if (n != query->n || memcmp(key->bytes, query->bytes,
		    KEY_HEAD + 1) != 0)
			return false;
		a.family = b.family = key->bytes[KEY_HEAD];
		memcpy(a.bytes, key->bytes + KEY_HEAD + 1, n - KEY_HEAD - 2);
		memcpy(b.bytes, query->bytes + KEY_HEAD + 1, n - KEY_HEAD - 2);
		return netaddr_common_bits(&a, &b) >= bits;
	}
	/* ".name" ends in a second separator, see domain_reverse(). */
	if (n > KEY_HEAD + 1 && key->bytes[n - 2] == '\1')
		return query->n > --n && memcmp(key->bytes, query->bytes,
		    n) == 0;
	return query->n >= n && memcmp(key->bytes, query->bytes, n) == 0;
}

static bool
meets(const struct key *key, const struct key_step *step)
{
	if (step->missing != FACT_COUNT || key->tag != step->key.tag ||
	    key->kind != step->key.kind)
		return false;
	return step->longest ? covers(key, &step->key) :
	    key->n == step->key.n && memcmp(key->bytes, step->key.bytes,
	    key->n) == 0;
}

struct slice
prove_session_mailbox(const struct facts *facts, enum tag tag)
{
	struct slice header = facts_value(facts, FACT_HEADER_FROM);

	if (tag == TAG_HEADER)
		return slice_make(header.p, slice_find(header, '\n'));
	return facts_value(facts, tag == TAG_FROM ? FACT_MAIL_ADDR :
	    FACT_RCPT_ADDR);
}

bool
prove_session_is_meant(const struct claim *claim, enum tag tag,
    const struct facts *facts)
{
	const struct claim_who *who = &claim->who[tag];
	bool mail = tag_row(tag)->subject == SUBJECT_MAILBOX;
	struct mailbox mailbox;
	struct key_step step;

	if (!who->given)
		return true;
	if (mail)
		mailbox_parse(prove_session_mailbox(facts, tag), &mailbox);
	match_keys(&step, tag, facts, mail ? &mailbox : NULL);
	while (match_next_key(&step))
		if (meets(&who->key, &step))
			return true;
	return false;
}
