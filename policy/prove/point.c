/* All that these thresholds can see: any session is judged as one point is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/facts/suite.h"
#include "policy/prove/point.h"

enum { STATES_MAX = 20000, LISTS_MAX = 40 };
enum { NAME_CN, NAME_ICN, NAME_CS, NAME_CI, NAME_FP, NAME_PKFP };

static const enum fact_id facts_of[POINT_NAMES] = {
	[NAME_CN] = FACT_CN_SUBJECT,
	[NAME_ICN] = FACT_CN_ISSUER,
	[NAME_CS] = FACT_CERT_SUBJECT,
	[NAME_CI] = FACT_CERT_ISSUER,
	[NAME_FP] = FACT_FINGERPRINT,
	[NAME_PKFP] = FACT_KEY_FINGERPRINT,
};

static const enum prove_dimension dimension_of[POINT_NAMES] = {
	[NAME_CN] = DIMENSION_CN,
	[NAME_ICN] = DIMENSION_ICN,
	[NAME_CS] = DIMENSION_CS,
	[NAME_CI] = DIMENSION_CI,
	[NAME_FP] = DIMENSION_FP,
	[NAME_PKFP] = DIMENSION_PKFP,
};

/* State of prove_points_make(): the points, and what they are made of. */
struct making {
	struct prove_ground *g;
	const struct claim *claim;
	const struct prove_threshold *t;
	struct prove_points *points;
	const uint16_t *list[LISTS_MAX]; /* suites of each cipher list */
	size_t length[LISTS_MAX];
	uint64_t *seen; /* of versions and suites that are told apart */
	size_t nseen;
};

void
prove_points_free(struct prove_points *points)
{
	free(points->states);
	points->states = NULL;
	points->nstates = points->allocated = 0;
}

/* Adds a session's state, if the claim speaks of such sessions. */
static bool
add_state(struct making *m, const struct prove_state *state)
{
	struct prove_points *points = m->points;
	struct prove_session session;

	if (m->claim->one_mta && m->claim->mta != state->mta)
		return true;
	memset(&session, 0, sizeof session);
	prove_points_put(points, state, 0, &session);
	if (!prove_session_facts(&session, &m->g->check.facts))
		return fault_no_memory(&m->g->fault);
	if (!claim_conditions_hold(m->claim, &m->g->check.facts))
		return true;
	if (points->nstates == points->allocated) {
		size_t more = points->allocated == 0 ? 32 :
		    2 * points->allocated;
		struct prove_state *bigger = realloc(points->states,
		    more * sizeof *bigger);

		if (bigger == NULL)
			return fault_no_memory(&m->g->fault);
		points->states = bigger;
		points->allocated = more;
	}
	points->states[points->nstates++] = *state;
	if (points->nstates <= STATES_MAX)
		return true;
	m->g->unknowable = "there are too many kinds of TLS that the rules "
	    "tell apart";
	return false;
}

static void
put_number(char out[8], unsigned number)
{
	snprintf(out, 8, "%u", number);
}

/* Of each span between two thresholds one, the highest first. */
static unsigned
bits_at(const struct prove_threshold *t, unsigned n)
{
	unsigned highest = t->nbits > 0 ? t->bits[t->nbits - 1] : 0;

	if (n == 0)
		return highest > 256 ? highest : 256;
	return n == t->nbits ? t->bits[0] - 1 : t->bits[t->nbits - 1 - n];
}

static bool
in_clear(struct making *m)
{
	struct prove_state state = { .mta = DIALECT_POSTFIX };

	if (!add_state(m, &state))
		return false;
	state.mta = DIALECT_SENDMAIL;
	if (!add_state(m, &state))
		return false;
	state.logged_in = true;
	for (unsigned i = 0; i <= m->t->nbits; i++) {
		put_number(state.ssf, bits_at(m->t, i));
		if (!add_state(m, &state))
			return false;
	}
	state = (struct prove_state){ .mta = DIALECT_SENDMAIL,
		.verify = "TEMP" };
	return add_state(m, &state);
}

static bool
failed(struct making *m)
{
	struct prove_state state = { .mta = DIALECT_SENDMAIL,
		.verify = "SOFTWARE" };

	return add_state(m, &state);
}

enum {
	OF_SENDMAIL = (1 << NAME_PKFP) - 1,
	OF_FEED = 1 << NAME_FP | 1 << NAME_PKFP, /* told, or not told */
	OF_POSTFIX = 1 << NAME_CN | 1 << NAME_ICN | OF_FEED
};

/* With one version and suite: verified or not, with any number of bits. */
static bool
with_tls(struct making *m, const char *version, const char *cipher)
{
	bool believes = m->g->check.options.compat_sendmail;
	struct prove_state state = { .version = version, .cipher = cipher };

	for (unsigned i = 0; i <= m->t->nbits; i++) {
		put_number(state.bits, bits_at(m->t, i));
		for (int verified = 1; verified >= 0; verified--) {
			state.verified = verified;
			state.mta = DIALECT_SENDMAIL;
			state.verify = verified ? "OK" : "NO";
			state.wild = verified || believes ? OF_SENDMAIL :
			    1U << NAME_FP;
			if (!add_state(m, &state))
				return false;
			state.mta = DIALECT_POSTFIX;
			state.verify = NULL;
			state.wild = verified ? OF_POSTFIX : OF_FEED;
			if (!add_state(m, &state))
				return false;
		}
	}
	return true;
}

static bool
is_listed(const struct making *m, unsigned list, const struct suite *suite)
{
	for (size_t i = 0; i < m->length[list]; i++)
		if (m->list[list][i] == suite->id)
			return true;
	return false;
}

/* All that the thresholds see of the two, a bit each. */
static uint64_t
seen_of(const struct making *m, const char *version, const struct suite *suite)
{
	const struct prove_threshold *t = m->t;
	int have = suite_protocol(slice_of(version));
	unsigned nlists = t->values[DIMENSION_CIPHER].n;
	uint64_t seen = 1;

	for (int v = 1; v < 8; v++)
		seen = seen << 1 | ((t->versions >> v & 1) != 0 && have >= v);
	seen = seen << 1 | (t->versions != 0 && have > 0);
	if (t->authenticated || nlists > 0)
		seen = seen << 1 | (suite != NULL);
	if (suite == NULL)
		return seen << (4 + nlists);
	seen = seen << 4 | (uint64_t)(t->authenticated && suite->authenticated) |
	    (uint64_t)(t->pfs && suite->pfs) << 1 |
	    (uint64_t)(t->aead && suite->aead) << 2;
	for (unsigned i = 0; i < nlists; i++)
		seen = seen << 1 | is_listed(m, i, suite);
	return seen;
}

static bool
go_together(const char *word, const struct suite *suite)
{
	int version = suite_protocol(slice_of(word));
	int tls13 = suite_protocol(slice_of("1.3"));

	if (version == 0 || suite == NULL)
		return true;
	return suite->tls13 ? version == tls13 : version < tls13 &&
	    version >= suite->oldest;
}

static bool
try_pair(struct making *m, const char *version, const struct suite *suite)
{
	uint64_t seen;

	if (!go_together(version, suite))
		return true;
	seen = seen_of(m, version, suite);
	for (size_t i = 0; i < m->nseen; i++)
		if (m->seen[i] == seen)
			return true;
	m->seen[m->nseen++] = seen;
	return with_tls(m, version, suite != NULL ? suite->name :
	    "AN-UNKNOWN-SUITE");
}

static bool
is_usual(const struct suite *s)
{
	return s->authenticated && s->pfs && s->aead;
}

/* Well-known ones first: the first of its kind is shown in counterexamples. */
static bool
each_pair(struct making *m)
{
	static const char *const versions[] = { "TLSv1.3", "TLSv1.2",
		"TLSv1.1", "TLSv1", "SSLv3", "TLSv9" };

	for (size_t v = 0; v < sizeof versions / sizeof versions[0]; v++) {
		for (int usual = 1; usual >= 0; usual--)
			for (size_t i = 0; i < suite_count(); i++)
				if (is_usual(suite_at(i)) == (usual == 1) &&
				    !try_pair(m, versions[v], suite_at(i)))
					return false;
		if (!try_pair(m, versions[v], NULL))
			return false;
	}
	return true;
}

static bool
find_lists(struct making *m)
{
	const struct prove_values *lists = &m->t->values[DIMENSION_CIPHER];

	if (lists->n > LISTS_MAX) {
		m->g->unknowable = "too many cipher lists meet in one session";
		return false;
	}
	for (unsigned i = 0; i < lists->n; i++)
		if (store_suites(m->g->reader, lists->value[i], &m->list[i],
		    &m->length[i]) != LOOKUP_FOUND) {
			m->g->fault = m->g->reader->fault;
			if (m->g->fault.kind == FAULT_NONE)
				fault_set(&m->g->fault, FAULT_DATA, "the store "
				    "has no suites of the cipher list %.*s",
				    SLICE_ARG(lists->value[i]));
			return false;
		}
	return true;
}

struct adding {
	struct making *m;
	int name;
};

static bool
add_name(void *arg, struct slice value)
{
	struct adding *a = arg;
	struct prove_ground *g = a->m->g;
	struct prove_point_names *names = &a->m->points->names[a->name];
	char buf[REQUIREMENT_TEXT_MAX + 1];
	struct slice plain = value;
	struct text text;

	if (names->n == POINT_VALUES_MAX) {
		g->unknowable = "too many names meet in one session";
		return false;
	}
	if (slice_find(value, '+') < value.n) {
		text_init(&text, buf, sizeof buf);
		text_put_xdecoded(&text, value);
		plain = prove_ground_printf(g, "%s", buf);
		if (plain.p == NULL)
			return false;
	}
	names->plain[names->n] = plain;
	names->value[names->n++] = value;
	return true;
}

bool
prove_point_forms(struct prove_ground *g, struct slice name,
    bool (*add)(void *, struct slice), void *arg)
{
	size_t dot = slice_find(name, '.');
	struct slice one, two;

	if (!add(arg, name))
		return false;
	if (dot > 1 || dot == name.n || (dot == 1 && name.p[0] != '*'))
		return true;
	one = prove_ground_printf(g, "%.*s%.*s", SLICE_ARG(g->label),
	    SLICE_ARG(slice_from(name, dot)));
	two = prove_ground_printf(g, "%.*s.%.*s%.*s", SLICE_ARG(g->label),
	    SLICE_ARG(g->label), SLICE_ARG(slice_from(name, dot)));
	return one.p != NULL && two.p != NULL && add(arg, one) &&
	    add(arg, two);
}

/* The value of an item; CN without one is the client's name. */
static bool
add_wanted(struct making *m, struct adding *adding, struct slice value)
{
	if (m->g->check.options.compat_sendmail)
		value = item_sendmail_value(value);
	else if (adding->name == NAME_CN && value.n > 0)
		return prove_point_forms(m->g, value, add_name, adding);
	return add_name(adding, value.n == 0 ? slice_of("") : value);
}

/* Which of the tags that count here the DN is known under. */
static bool
tags_of(struct making *m, struct slice dn, uint64_t *tags)
{
	const struct prove_values *wanted = &m->t->values[DIMENSION_CITAG];
	struct slice rules;
	struct key key;

	*tags = 0;
	for (unsigned i = 0; i < wanted->n; i++) {
		enum lookup_result result;

		if (!key_of_issuer(wanted->value[i], dn, &key))
			continue;
		result = store_get(m->g->reader, &key, &rules);
		if (result == LOOKUP_FAILED) {
			m->g->fault = m->g->reader->fault;
			return false;
		}
		if (result == LOOKUP_FOUND)
			*tags |= UINT64_C(1) << i;
	}
	return true;
}

static bool
add_issuers(struct making *m, struct adding *adding)
{
	uint64_t seen[THRESHOLD_VALUES_MAX], tags;
	unsigned nseen = 0;

	if (m->t->values[DIMENSION_CITAG].n == 0)
		return true;
	for (size_t i = 0; i < m->g->nissuers; i++) {
		unsigned k = 0;

		if (!tags_of(m, m->g->issuers[i].dn, &tags))
			return false;
		while (k < nseen && seen[k] != tags)
			k++;
		if (tags == 0 || k < nseen || nseen == THRESHOLD_VALUES_MAX)
			continue;
		seen[nseen++] = tags;
		if (!add_name(adding, m->g->issuers[i].dn))
			return false;
	}
	return true;
}

/* For each kind of name: none, or one that no rule has, then those of rules. */
static bool
find_names(struct making *m)
{
	for (int name = 0; name < POINT_NAMES; name++) {
		const struct prove_values *wanted =
		    &m->t->values[dimension_of[name]];
		struct adding adding = { m, name };
		struct slice absent = { NULL, 0 };

		m->points->names[name].n = 0;
		if (!add_name(&adding, name == NAME_CN ? m->g->label : absent))
			return false;
		if (name >= NAME_FP && wanted->n > 0 &&
		    !add_name(&adding, slice_of("00"))) /* in no rule */
			return false;
		for (unsigned i = 0; i < wanted->n; i++)
			if (!add_wanted(m, &adding, wanted->value[i]))
				return false;
		if (name == NAME_CI && !add_issuers(m, &adding))
			return false;
		if (m->g->check.options.compat_sendmail && name == NAME_CN &&
		    !add_name(&adding, absent))
			return false;
	}
	return true;
}

bool
prove_points_make(struct prove_ground *g, const struct claim *claim,
    const struct prove_threshold *t, enum prove_handshake handshake,
    struct prove_points *points)
{
	struct making m = { .g = g, .claim = claim, .t = t, .points = points };
	bool good;

	if (t->beyond) {
		g->unknowable = "too many thresholds meet in one session";
		return false;
	}
	points->nstates = points->ndays = 0;
	for (unsigned i = 0; i < t->ndays; i++)
		if (t->days[i] >= claim->first && t->days[i] <= claim->last)
			points->days[points->ndays++] = t->days[i];
	if (!find_names(&m))
		return false;
	if (handshake == HANDSHAKE_FAILED)
		return failed(&m);
	m.seen = calloc(6 * (suite_count() + 1), sizeof m.seen[0]);
	if (m.seen == NULL)
		return fault_no_memory(&g->fault);
	good = find_lists(&m) && in_clear(&m) && each_pair(&m);
	free(m.seen);
	return good;
}

size_t
prove_points_names(const struct prove_points *points,
    const struct prove_state *state)
{
	size_t n = 1;

	for (int name = 0; name < POINT_NAMES; name++)
		if ((state->wild >> name & 1) != 0)
			n *= points->names[name].n;
	return n;
}

static void
put_fact(struct prove_session *session, enum fact_id id, const char *value)
{
	if (value != NULL && value[0] != '\0')
		prove_session_tell(session, id, slice_of(value));
	else
		prove_session_hide(session, id);
}

/* The name number `n`; an MTA with verify_from_names tells one, if verified. */
static void
put_name(const struct prove_points *points, const struct prove_state *state,
    int name, size_t n, struct prove_session *session)
{
	const struct dialect *mta = dialect_row(state->mta);
	const struct prove_point_names *names = &points->names[name];
	struct slice value = mta->encodes_names ? names->value[n] :
	    names->plain[n];

	if (name == NAME_CN && value.p != NULL && value.n == 0)
		value = session->value[FACT_CLIENT_NAME];
	if (name == NAME_CN && mta->verify_from_names && value.p == NULL)
		value = names->value[0];
	if (value.p != NULL)
		prove_session_tell(session, facts_of[name], value);
}

void
prove_points_put(const struct prove_points *points,
    const struct prove_state *state, size_t names,
    struct prove_session *session)
{
	session->mta = state->mta;
	prove_session_tell(session, FACT_MTA,
	    slice_of(dialect_row(state->mta)->spoken_version));
	put_fact(session, FACT_TLS_VERSION, state->version);
	put_fact(session, FACT_CIPHER, state->cipher);
	put_fact(session, FACT_CIPHER_BITS, state->bits);
	put_fact(session, FACT_VERIFY, state->verify);
	put_fact(session, FACT_AUTH_SSF, state->ssf);
	for (int name = 0; name < POINT_NAMES; name++) {
		prove_session_hide(session, facts_of[name]);
		if ((state->wild >> name & 1) == 0)
			continue;
		put_name(points, state, name, names % points->names[name].n,
		    session);
		names /= points->names[name].n;
	}
}
