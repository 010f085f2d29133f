/*
 * A claim as searches: the final verdict is that of the strictest tag, so that
 * "accepted" wants it of every tag, "refused" of one, whatever the others say.
 */
#include <stdio.h>
#include <string.h>

#include "policy/facts/suite.h"
#include "policy/prove/prove.h"
#include "policy/prove/search.h"

enum {
	ACCEPTED = 1 << LEVEL_ACCEPTED,
	HELD = 1 << LEVEL_HELD,
	REFUSED = 1 << LEVEL_REFUSED
};

static const char *const names[PROVE_OUTCOMES] = {
	[PROVE_HOLDS] = "holds",
	[PROVE_FALSE] = "false",
	[PROVE_EMPTY] = "about nothing",
	[PROVE_UNDECIDED] = "not decided",
};

const char *
prove_outcome_name(enum prove_outcome outcome)
{
	return names[outcome];
}

void
prover_init(struct prover *p, struct prove_ground *g)
{
	memset(p, 0, sizeof *p);
	p->ground = g;
	prove_strings_init(&p->barren);
}

void
prover_free(struct prover *p)
{
	for (int tag = 0; tag < CLAIM_TAGS; tag++)
		prove_subjects_free(&p->all[tag]);
	prove_strings_free(&p->barren);
}

/* State of deciding one claim. */
struct trying {
	struct prover *prover;
	struct prove_subjects own[CLAIM_TAGS];
	struct prove_search search;
	bool others, exempt; /* there are such clients */
};

/* The claim says nothing of whom this tag is about. */
static bool
is_open(const struct claim *c, enum tag tag)
{
	return !c->who[tag].given && !(tag == TAG_AUTH && c->without_auth) &&
	    !(tag == TAG_CLT && c->not_exempt);
}

static bool
find_subjects(struct trying *t, const struct claim *claim, enum tag tag,
    bool *any)
{
	struct prover *p = t->prover;
	bool open = is_open(claim, tag);
	struct prove_subjects *list = open ? &p->all[tag] : &t->own[tag];

	if (!(open && p->found[tag]) &&
	    !prove_subjects_find(p->ground, claim, tag, list))
		return false;
	p->found[tag] = p->found[tag] || open;
	t->search.subjects[tag] = list;
	*any = list->n > 0;
	return true;
}

static bool
find_all(struct trying *t, const struct claim *claim, bool *any)
{
	const struct prove_subjects *clients;
	struct prove_threshold thresholds;
	bool some;

	*any = true;
	for (int tag = 0; tag < CLAIM_TAGS; tag++) {
		if (!find_subjects(t, claim, (enum tag)tag, &some))
			return false;
		*any = *any && some;
	}
	clients = t->search.subjects[TAG_CLT];
	for (size_t i = 0; i < clients->n; i++)
		if (clients->subjects[i].exempt)
			t->exempt = true;
		else
			t->others = true;
	/* Without suites there would be no session over TLS to be tried. */
	if (suite_count() == 0)
		return fault_set(&t->prover->ground->fault, FAULT_SOFTWARE,
		    "OpenSSL does not list its cipher suites");
	prove_threshold_start(&thresholds, claim);
	if (!prove_points_make(t->prover->ground, claim, &thresholds,
	    HANDSHAKE_DONE, &t->search.points))
		return false;
	*any = *any && t->search.points.nstates > 0 &&
	    t->search.points.ndays > 0;
	return true;
}

static bool
run_with(struct trying *t, enum tag one, unsigned of_one, unsigned of_others)
{
	for (int tag = 0; tag < CLAIM_TAGS; tag++)
		t->search.wanted[tag] = tag == (int)one ? of_one : of_others;
	return t->search.day == t->search.claim->first ||
	    prove_search_run(&t->search);
}

/* Some tag comes to `of_one`, the others to `of_others`. */
static bool
run_each(struct trying *t, unsigned of_one, unsigned of_others)
{
	for (int tag = 0; tag < CLAIM_TAGS; tag++)
		if (!run_with(t, (enum tag)tag, of_one, of_others))
			return false;
	return true;
}

/* Nothing is refused to the exempt. */
static bool
run_exempt(struct trying *t, unsigned bad)
{
	if (!t->exempt || (bad & ACCEPTED) == 0)
		return true;
	t->search.exempt = true;
	return run_with(t, TAG_CLT, ACCEPTED, LEVEL_ANY);
}

static bool
run_others(struct trying *t, unsigned bad)
{
	unsigned mild = bad & (ACCEPTED | HELD);

	if (!t->others)
		return true;
	t->search.exempt = false;
	if ((bad & ACCEPTED) != 0) {
		mild = (bad & HELD) != 0 ? ACCEPTED | HELD : ACCEPTED;
		if (!run_with(t, TAG_CLT, mild, mild))
			return false;
	} else if (bad == HELD && !run_each(t, HELD, ACCEPTED | HELD))
		return false;
	if ((bad & REFUSED) == 0)
		return true;
	return run_each(t, (bad & ACCEPTED) != 0 ? REFUSED :
	    bad & (HELD | REFUSED), LEVEL_ANY);
}

/*
 * A handshake that failed is refused or held, rule or no rule: of it speak the
 * claims that want mail refused, or want none held.
 */
static bool
run_all(struct trying *t, const struct claim *claim)
{
	t->search.handshake = HANDSHAKE_DONE;
	if (!run_exempt(t, claim->bad) || !run_others(t, claim->bad))
		return false;
	if ((claim->bad & REFUSED) != 0)
		return true;
	t->search.handshake = HANDSHAKE_FAILED;
	return run_others(t, claim->bad);
}

static unsigned
level_bit(const struct verdict *v)
{
	return verdict_refuses(v->kind) ? REFUSED : v->kind == VERDICT_HOLD ?
	    HELD : ACCEPTED;
}

/*
 * The counterexample as `tlspolicy check` judges it.  A search that took another
 * way must come to the same; if not, nothing was decided.
 */
static bool
judge_whole(struct prover *p, const struct claim *claim,
    struct prove_result *result)
{
	struct check *check = &p->ground->check;
	struct check_macro macros[CHECK_MACROS_MAX];
	size_t n = prove_session_macros(&result->session, macros);
	struct text text;
	bool meant;

	if (!check_facts(check, macros, n, &p->ground->fault))
		return false;
	check->now = prove_session_time(&result->session);
	check_by_reader(check, p->ground->reader, NULL, NULL);
	text_init(&text, result->verdict, sizeof result->verdict);
	verdict_print(check->verdict, &text);
	meant = claim_conditions_hold(claim, &check->facts);
	for (int tag = 0; tag < CLAIM_TAGS; tag++)
		meant = meant && prove_session_is_meant(claim, (enum tag)tag,
		    &check->facts);
	if (meant && (claim->bad & level_bit(check->verdict)) != 0)
		return true;
	result->outcome = PROVE_UNDECIDED;
	result->why = "the session that was found is judged otherwise as a "
	    "whole";
	return true;
}

/*
 * Leaves the From field out of the counterexample where neither the claim nor a
 * rule asks for one.
 */
static void
take_session(const struct trying *t, const struct claim *claim,
    struct prove_result *result)
{
	const struct prove_ground *g = t->prover->ground;

	result->outcome = PROVE_FALSE;
	result->session = t->search.session;
	if (!claim->who[TAG_HEADER].given && !(g->check.options.judge_header &&
	    store_has_tag(g->reader, TAG_HEADER)))
		prove_session_hide(&result->session, FACT_HEADER_FROM);
}

static bool
conclude(struct trying *t, const struct claim *claim, bool good, bool any,
    struct prove_result *result)
{
	struct prove_ground *g = t->prover->ground;

	if (!good && g->unknowable == NULL)
		return false;
	result->why = g->unknowable;
	g->unknowable = NULL;
	if (!good)
		result->outcome = PROVE_UNDECIDED;
	else if (!any)
		result->outcome = PROVE_EMPTY;
	else if (t->search.day == DAY_ALWAYS_UNTIL)
		result->outcome = PROVE_HOLDS;
	else {
		take_session(t, claim, result);
		return judge_whole(t->prover, claim, result);
	}
	return true;
}

bool
prover_try(struct prover *p, const struct claim *claim,
    struct prove_result *result)
{
	struct trying t = { .prover = p };
	bool good, any = true;

	memset(result, 0, sizeof *result);
	t.search.g = p->ground;
	t.search.claim = claim;
	t.search.barren = &p->barren;
	t.search.day = DAY_ALWAYS_UNTIL;
	good = p->ground->unknowable == NULL && find_all(&t, claim, &any) &&
	    (!any || run_all(&t, claim));
	good = conclude(&t, claim, good, any, result);
	prove_points_free(&t.search.points);
	for (int tag = 0; tag < CLAIM_TAGS; tag++)
		prove_subjects_free(&t.own[tag]);
	return good;
}
