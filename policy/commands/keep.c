/*
 * An edit is tried on a copy of the rules in force, by the functions that would
 * then commit it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "policy/commands/keep.h"
#include "policy/commands/ruleset.h"
#include "policy/commands/scratch.h"
#include "policy/prove/report.h"

enum { SECONDS_PER_DAY = 86400 };

void
keep_start(const struct context *context, struct claims *claims)
{
	claims_init(claims, (int32_t)(time(NULL) / SECONDS_PER_DAY),
	    context->settings.compat == COMPAT_SENDMAIL, command_report_fault,
	    NULL);
	claims->warn = command_report_fault;
}

bool
keep_read(const struct context *context, struct claims *claims,
    struct fault *f)
{
	const char *path = context->settings.claims;
	struct stat st;

	/* A link that leads nowhere is not the same as nothing. */
	if (path[0] == '\0' || (strcmp(path, SETTINGS_DEFAULT_CLAIMS) == 0 &&
	    lstat(path, &st) == -1 && errno == ENOENT))
		return true;
	return claims_read(claims, path, f);
}

bool
keep_begin(const struct context *context, struct keep *keep, struct fault *f)
{
	keep->lock = -1;
	keep_start(context, &keep->claims);
	if (!keep_read(context, &keep->claims, f))
		return false;
	return keep->claims.bad_lines == 0 || fault_set(f, FAULT_DATA,
	    "%lu bad line%s in the claims", keep->claims.bad_lines,
	    keep->claims.bad_lines == 1 ? "" : "s");
}

void
keep_end(struct keep *keep)
{
	if (keep->lock != -1)
		close(keep->lock);
	claims_free(&keep->claims);
}

/*
 * Takes the store's lock, so that nobody changes the policy between the proof
 * of its claims and the commit.
 */
bool
keep_lock(const struct context *context, struct keep *keep, struct fault *f)
{
	return keep->claims.n == 0 || keep->lock != -1 ||
	    rebuild_lock(context->store, &keep->lock, f);
}

/* Tries all claims and reports those that do not hold; *broken: how many. */
static bool
try_all(const struct claims *claims, struct prove_ground *ground,
    unsigned long *broken)
{
	struct prove_result result;
	struct prover prover;
	struct fault f;
	bool good = true;

	*broken = 0;
	prover_init(&prover, ground);
	for (size_t i = 0; i < claims->n && good; i++) {
		good = prover_try(&prover, &claims->claims[i], &result);
		if (!good || result.outcome == PROVE_HOLDS)
			continue;
		prove_report_fault(&claims->claims[i], &claims->places[i],
		    &result, &f);
		fault_report(&f, stderr);
		(*broken)++;
	}
	prover_free(&prover);
	return good;
}

static bool
hold(const struct context *context, const struct claims *claims,
    struct store *store, struct fault *f)
{
	struct prove_ground ground;
	struct store_reader reader;
	unsigned long broken;
	bool good;

	if (!store_begin(store, &reader, f))
		return false;
	good = prove_ground_open(&ground, &reader, &context->settings,
	    claims->claims, claims->n) && try_all(claims, &ground, &broken);
	if (!good)
		*f = ground.fault;
	prove_ground_free(&ground);
	store_end(&reader);
	if (!good || broken == 0)
		return good;
	return fault_set(f, FAULT_DATA, "%lu claim%s would not hold: %s is left "
	    "as it was", broken, broken == 1 ? "" : "s", context->store);
}

bool
keep_store(const struct context *context, const struct keep *keep,
    struct store *store, struct fault *f)
{
	return keep->claims.n == 0 || hold(context, &keep->claims, store, f);
}

bool
keep_rules(const struct context *context, struct keep *keep,
    const struct rulefile *rules, struct fault *f)
{
	struct store *store;
	bool good;

	if (keep->claims.n == 0)
		return true;
	if ((store = scratch_open(rules, f)) == NULL)
		return false;
	good = hold(context, &keep->claims, store, f);
	store_close(store);
	return good;
}

/* All rules in force as text, which is to be freed. */
static bool
copy_store(const struct context *context, char **text, size_t *size,
    struct fault *f)
{
	struct store_reader reader;
	struct store *store;
	bool good;

	*text = NULL;
	*size = 0;
	/* No store: the first `set` makes it. */
	if (access(context->store, F_OK) == -1 && errno == ENOENT)
		return true;
	if (!command_open_store(context, &store, &reader, f))
		return false;
	good = ruleset_print_store(&reader, text, size, f);
	command_close_store(store, &reader);
	return good;
}

static bool
finish(struct rulefile *rules, struct fault *f)
{
	if (rulefile_finish(rules))
		return true;
	return rules->no_memory ? fault_no_memory(f) : fault_set(f, FAULT_DATA,
	    "claims cannot be held against these rules: nothing is changed");
}

/* Does an edit keep the claims?  Tried on a copy of the store. */
static bool
edited_holds(const struct context *context, struct keep *keep,
    struct slice text, const struct scratch_edit *edit, struct fault *f)
{
	struct rulefile rules;
	struct store *store = NULL;
	bool good;

	rulefile_init(&rules, command_report_fault, NULL);
	rules.as_sendmail = context->settings.compat == COMPAT_SENDMAIL;
	rules.partial = true;
	good = rulefile_read_text(&rules, text, "the rules in force", f) &&
	    finish(&rules, f) &&
	    (store = scratch_open_edited(&rules, edit, f)) != NULL &&
	    hold(context, &keep->claims, store, f);
	if (store != NULL)
		store_close(store);
	rulefile_free(&rules);
	return good;
}

bool
keep_edit(const struct context *context, struct keep *keep,
    const struct rulefile *edit, const struct key *gone, size_t ngone,
    struct fault *f)
{
	const struct scratch_edit what = { edit, gone, ngone };
	char *text = NULL;
	size_t size;
	bool good;

	if (keep->claims.n == 0)
		return true;
	good = keep_lock(context, keep, f) &&
	    copy_store(context, &text, &size, f) &&
	    edited_holds(context, keep, slice_make(text, size), &what, f);
	free(text);
	return good;
}
