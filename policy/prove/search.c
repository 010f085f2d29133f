/*
 * What makes it quick: a subject whose rules ask for nothing stands for all
 * others of its tag; and a choice that led nowhere is known by the text of its
 * lines, in which names that are only compared with each other are numbers.
 */
#include <string.h>

#include "policy/prove/barren.h"
#include "policy/prove/search.h"

/* The claim does not care what becomes of this tag. */
static bool
is_any(const struct prove_search *s, enum tag tag)
{
	return s->wanted[tag] == LEVEL_ANY;
}

/* The tag demands nothing, once there was a good handshake. */
static bool
is_free(const struct prove_search *s, enum tag tag)
{
	return s->chosen[tag]->chain->free &&
	    s->handshake == HANDSHAKE_DONE;
}

static bool
read_lines(struct prove_search *s, enum tag tag, struct prove_threshold *t)
{
	struct slice rest = s->chosen[tag]->chain->lines, line;

	while (slice_next(&rest, '\n', &line))
		if (line.n > 0 && !prove_threshold_add(t, tag, line,
		    &s->g->fault))
			return false;
	return true;
}

static bool
find_thresholds(struct prove_search *s, struct prove_threshold *t)
{
	prove_threshold_start(t, s->claim);
	for (int tag = 0; tag < CLAIM_TAGS; tag++)
		if (s->chosen[tag] != NULL && !is_any(s, (enum tag)tag) &&
		    !read_lines(s, (enum tag)tag, t))
			return false;
	if (t->clients && s->g->many_clients) {
		s->g->unknowable = prove_ground_printf(s->g, "a rule has the "
		    "item CLIENT or WHEN, and the rules name more than %d "
		    "clients in those", GROUND_CLIENTS_MAX).p;
		return false;
	}
	if (t->unknown == ITEM_COUNT)
		return true;
	s->g->unknowable = prove_ground_printf(s->g, "a rule has the item %s, "
	    "of which claims know nothing", item_table()[t->unknown].name).p;
	return false;
}

static enum claim_level
level_of(struct prove_search *s, enum tag tag, const struct prove_session *at)
{
	struct check *check = &s->g->check;
	const struct question q = { .tag = tag,
		.scope = tag == TAG_HEADER ? EVAL_HEADER : EVAL_TAG,
		.facts = &check->facts, .options = &check->options,
		.exempt = s->exempt, .now = prove_session_time(at),
		.reader = s->g->reader };

	s->judged++;
	eval_session(&q, &check->mail);
	return verdict_refuses(check->mail.kind) ? LEVEL_REFUSED :
	    check->mail.kind == VERDICT_HOLD ? LEVEL_HELD : LEVEL_ACCEPTED;
}

/* The chosen tags come to what is wanted of them. */
static bool
survives(struct prove_search *s, const struct prove_session *at, bool *good)
{
	*good = true;
	if (!prove_session_facts(at, &s->g->check.facts))
		return fault_no_memory(&s->g->fault);
	for (int i = 0; i < CLAIM_TAGS && *good; i++) {
		enum tag tag = s->order[i];

		if (s->chosen[tag] != NULL && !is_any(s, tag))
			*good = (s->wanted[tag] >> level_of(s, tag, at) & 1) !=
			    0;
	}
	if (s->judged <= SEARCH_JUDGED_MAX)
		return true;
	s->g->unknowable = "there are too many sessions that the rules tell "
	    "apart";
	return false;
}

static void
put_subjects(const struct prove_search *s, struct prove_session *at)
{
	for (int tag = 0; tag < CLAIM_TAGS; tag++)
		if (s->chosen[tag] != NULL)
			prove_subject_put(s->chosen[tag], (enum tag)tag, at);
}

static bool
can_be(const struct prove_search *s, const struct prove_state *state)
{
	const struct prove_subject *login = s->chosen[TAG_AUTH];
	const struct prove_subject *client = s->chosen[TAG_CLT];

	if (client != NULL && client->sendmail_only &&
	    state->mta != DIALECT_SENDMAIL)
		return false;
	return !state->logged_in || (login == NULL ?
	    !s->claim->without_auth : !login->absent);
}

/* Of one client, day and TLS each set of names, until one survives. */
static bool
try_names(struct prove_search *s, const struct prove_state *state,
    struct prove_session *at, bool *good)
{
	size_t n = prove_points_names(&s->points, state);

	*good = false;
	for (size_t i = 0; i < n && !*good; i++) {
		prove_points_put(&s->points, state, i, at);
		if (!survives(s, at, good))
			return false;
	}
	return true;
}

/* The same client by another name: what meets the same lines. */
static bool
may_be_called(struct prove_search *s, struct slice name, bool *may)
{
	const struct prove_subject *client = s->chosen[TAG_CLT];
	struct prove_session at;
	struct prove_chain *chain;
	bool final;

	*may = client == NULL || slice_equal(name, client->value[0]);
	if (*may || (client->resolve != NULL && client->value[0].p[0] == '['))
		return true;
	prove_subject_nobody(s->g, &at);
	prove_subject_put(client, TAG_CLT, &at);
	prove_session_tell(&at, FACT_CLIENT_NAME, name);
	if (!prove_session_facts(&at, &s->g->check.facts))
		return fault_no_memory(&s->g->fault);
	chain = prove_ground_chain(s->g, TAG_CLT, &s->g->check.facts, false,
	    &final);
	*may = chain == client->chain && prove_session_is_meant(s->claim,
	    TAG_CLT, &s->g->check.facts);
	return chain != NULL;
}

struct naming {
	unsigned n;
	struct slice name[POINT_VALUES_MAX];
};

static bool
add_name(void *arg, struct slice name)
{
	struct naming *naming = arg;

	if (name.n > 0 && naming->n < POINT_VALUES_MAX)
		naming->name[naming->n++] = name;
	return true;
}

/*
 * The names that the client is tried with: its own and, where a rule compares
 * the certificate with it, those that rules look for in certificates.
 */
static bool
find_client_names(struct prove_search *s, const struct prove_threshold *t,
    struct naming *names)
{
	const struct prove_values *wanted = &t->values[DIMENSION_CN];
	unsigned kept = 1;

	names->n = 1;
	names->name[0] = s->chosen[TAG_CLT] != NULL ?
	    s->chosen[TAG_CLT]->value[0] : s->g->label;
	if (!t->peer_name)
		return true;
	for (unsigned i = 0; i < wanted->n; i++)
		if (!prove_point_forms(s->g, wanted->value[i], add_name,
		    names))
			return false;
	for (unsigned i = 1; i < names->n; i++) {
		bool may;

		if (!may_be_called(s, names->name[i], &may))
			return false;
		if (may)
			names->name[kept++] = names->name[i];
	}
	names->n = kept;
	return true;
}

/* *day of the first point that survives; what was found is in `at`. */
static bool
try_points(struct prove_search *s, const struct naming *names, int32_t *day,
    struct prove_session *at)
{
	bool good;

	prove_subject_nobody(s->g, at);
	for (unsigned d = 0; d < s->points.ndays &&
	    s->points.days[d] < s->day; d++)
		for (size_t i = 0; i < s->points.nstates; i++)
			for (unsigned n = 0; n < names->n; n++) {
				const struct prove_state *state =
				    &s->points.states[i];

				if (!can_be(s, state))
					continue;
				at->day = s->points.days[d];
				at->mta = state->mta;
				put_subjects(s, at);
				prove_session_tell(at, FACT_CLIENT_NAME,
				    names->name[n]);
				if (!try_names(s, state, at, &good))
					return false;
				if (good) {
					*day = at->day;
					return true;
				}
			}
	*day = DAY_ALWAYS_UNTIL;
	return true;
}

/*
 * Does anything survive the choice as far as it goes?  *day: the first one; a
 * choice that was seen to be barren is not tried again.
 */
static bool
try_choice(struct prove_search *s, int32_t *day, struct prove_session *at)
{
	struct prove_threshold t;
	struct naming names;
	struct text text;
	char buf[BARREN_TEXT_MAX];
	uint32_t number;
	bool is_new, known;

	*day = DAY_ALWAYS_UNTIL;
	if (!find_thresholds(s, &t))
		return false;
	text_init(&text, buf, sizeof buf);
	known = prove_barren_text(s, &t, &text);
	if (known && prove_strings_have(s->barren, slice_make(buf, text.n)))
		return true;
	if (!prove_points_make(s->g, s->claim, &t, s->handshake, &s->points) ||
	    !find_client_names(s, &t, &names) ||
	    !try_points(s, &names, day, at))
		return false;
	if (*day != DAY_ALWAYS_UNTIL || !known)
		return true;
	return prove_strings_add(s->barren, slice_make(buf, text.n), &number,
	    &is_new) || fault_no_memory(&s->g->fault);
}

static bool search_tags(struct prove_search *, int depth);

/* The session outlives the points, which hold its numbers. */
static bool
keep(struct prove_search *s, const struct prove_session *at)
{
	static const enum fact_id numbers[] = { FACT_CIPHER_BITS,
		FACT_AUTH_SSF };

	s->session = *at;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		struct slice *value = &s->session.value[numbers[i]];

		if ((at->told >> numbers[i] & 1) == 0)
			continue;
		*value = prove_ground_printf(s->g, "%.*s", SLICE_ARG(*value));
		if (value->p == NULL)
			return false;
	}
	return true;
}

/* All tags have their subject: the whole is looked at once more. */
static bool
conclude(struct prove_search *s)
{
	struct prove_session at;
	int32_t day;

	if (!try_choice(s, &day, &at))
		return false;
	if (day >= s->day)
		return true;
	s->day = day;
	return keep(s, &at);
}

/* Nothing has to be judged to see that the tag comes to what is wanted. */
static bool
suits(const struct prove_search *s, enum tag tag)
{
	return is_any(s, tag) || (is_free(s, tag) &&
	    (s->wanted[tag] >> LEVEL_ACCEPTED & 1) != 0);
}

/*
 * Whoever suits at once stands for all others of the tag; but a client whose name
 * a certificate is compared with is not like another, and who has not logged in
 * has fewer bits than one who has.  Nor is a client like another where rules of
 * other tags ask who it is.
 */
static bool
stands_for_all(const struct prove_search *s, enum tag tag)
{
	if (tag == TAG_CLT && s->g->clients.n > 0)
		return false;
	return suits(s, tag) && !s->chosen[tag]->absent &&
	    (is_any(s, tag) || tag != TAG_CLT || !s->g->peer_names);
}

static bool
is_candidate(const struct prove_search *s, enum tag tag,
    const struct prove_subject *subject)
{
	return tag != TAG_CLT || subject->exempt == s->exempt;
}

/* The subjects of one tag; those with `free` chains, or the others. */
static bool
search_subjects(struct prove_search *s, int depth, bool free, bool *all)
{
	enum tag tag = s->order[depth];
	const struct prove_subjects *list = s->subjects[tag];

	for (size_t i = 0; i < list->n && !*all &&
	    s->day > s->claim->first; i++) {
		struct prove_session at;
		int32_t day = s->claim->first;

		if (list->subjects[i].chain->free != free ||
		    !is_candidate(s, tag, &list->subjects[i]))
			continue;
		s->chosen[tag] = &list->subjects[i];
		*all = stands_for_all(s, tag);
		if (!suits(s, tag) && !try_choice(s, &day, &at))
			return false;
		if (day < s->day && !search_tags(s, depth + 1))
			return false;
	}
	s->chosen[tag] = NULL;
	return true;
}

static bool
search_tags(struct prove_search *s, int depth)
{
	bool all = false;

	if (depth == CLAIM_TAGS)
		return conclude(s);
	return search_subjects(s, depth, true, &all) &&
	    search_subjects(s, depth, false, &all);
}

/*
 * The client first when rules ask who it is; those of whom something is wanted
 * first, those that the claim names first.
 */
static unsigned
rank(const struct prove_search *s, enum tag tag)
{
	if (tag == TAG_CLT && s->g->clients.n > 0)
		return 0;
	return 1U + (is_any(s, tag) ? 4U : 0U) +
	    ((s->wanted[tag] >> LEVEL_ACCEPTED & 1) != 0 ? 2U : 0U) +
	    (s->claim->who[tag].given ? 0U : 1U);
}

bool
prove_search_run(struct prove_search *s)
{
	for (int tag = 0; tag < CLAIM_TAGS; tag++)
		s->chosen[tag] = NULL;
	for (int i = 0; i < CLAIM_TAGS; i++) {
		int at = i;

		for (; at > 0 && rank(s, s->order[at - 1]) >
		    rank(s, (enum tag)i); at--)
			s->order[at] = s->order[at - 1];
		s->order[at] = (enum tag)i;
	}
	return search_tags(s, 0);
}
