#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/commands/keep.h"
#include "policy/commands/scratch.h"
#include "policy/prove/report.h"

enum { SECONDS_PER_DAY = 86400 };

void
keep_start(const struct context *context, struct claims *claims)
{
	claims_init(claims, (int32_t)(time(NULL) / SECONDS_PER_DAY),
	    context->settings.compat == COMPAT_SENDMAIL, command_report_fault,
	    NULL);
}

bool
keep_read(const struct context *context, struct claims *claims,
    struct fault *f)
{
	const char *path = context->settings.claims;

	if (path[0] == '\0' || (strcmp(path, SETTINGS_DEFAULT_CLAIMS) == 0 &&
	    access(path, F_OK) == -1 && errno == ENOENT))
		return true;
	return claims_read(claims, path, f);
}

bool
keep_begin(const struct context *context, struct claims *claims,
    struct fault *f)
{
	keep_start(context, claims);
	if (!keep_read(context, claims, f))
		return false;
	return claims->bad_lines == 0 || fault_set(f, FAULT_DATA, "%lu bad "
	    "line%s in the claims", claims->bad_lines, claims->bad_lines == 1 ?
	    "" : "s");
}

static bool
hold(const struct claims *claims, struct prove_ground *ground,
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

bool
keep_hold(const struct context *context, const struct claims *claims,
    struct store *store, struct fault *f)
{
	struct prove_ground ground;
	struct store_reader reader;
	unsigned long broken;
	bool good;

	if (claims->n == 0)
		return true;
	if (!store_begin(store, &reader, f))
		return false;
	good = prove_ground_open(&ground, &reader, &context->settings,
	    claims->claims, claims->n) && hold(claims, &ground, &broken);
	if (!good)
		*f = ground.fault;
	prove_ground_free(&ground);
	store_end(&reader);
	if (!good || broken == 0)
		return good;
	return fault_set(f, FAULT_DATA, "%lu claim%s would not hold", broken,
	    broken == 1 ? "" : "s");
}

bool
keep_hold_rules(const struct context *context, const struct claims *claims,
    const struct rulefile *rules, struct fault *f)
{
	struct store *store;
	bool good;

	if (claims->n == 0)
		return true;
	if ((store = scratch_open(rules, f)) == NULL)
		return false;
	good = keep_hold(context, claims, store, f);
	store_close(store);
	return good;
}

bool
keep_rules(const struct context *context, const struct rulefile *rules,
    struct fault *f)
{
	struct claims claims;
	bool good = keep_begin(context, &claims, f) &&
	    keep_hold_rules(context, &claims, rules, f);

	claims_free(&claims);
	return good;
}
