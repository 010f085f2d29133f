/* tlspolicy prove: what is claimed of the rules, over all sessions there are. */
#include <getopt.h>
#include <string.h>
#include <time.h>

#include "policy/base/jsontext.h"
#include "policy/commands/keep.h"
#include "policy/commands/progress.h"
#include "policy/commands/ruleset.h"
#include "policy/commands/scratch.h"
#include "policy/prove/report.h"

enum { FILES_MAX = 64, COMMAND_MAX = 8192 };

static const struct command_option options[] = {
	{ 'r', NULL, "RULES", "of this rule file, not of the store" },
	{ 'f', NULL, "CLAIMS", "the claims of this file or folder" },
	COMMAND_OPTION_JSON,
	{ 0, NULL, NULL, NULL }
};

struct proving {
	char *rules[RULEFILE_SOURCES_MAX + 1];
	size_t nrules;
	const char *files[FILES_MAX];
	size_t nfiles;
	bool json;
	struct claims claims;
	char check[COMMAND_MAX]; /* the command that shows a session */
	unsigned long count[PROVE_OUTCOMES];
	json_t *list;
};

/* The command `tlspolicy check' with the same rules and settings. */
static void
make_check(const struct context *context, struct proving *p)
{
	struct text text;

	text_init(&text, p->check, sizeof p->check);
	text_puts(&text, "tlspolicy check");
	if (!context->no_settings_file &&
	    strcmp(context->conf, SETTINGS_DEFAULT_FILE) != 0) {
		text_puts(&text, " -c ");
		prove_report_word(slice_of(context->conf), &text);
	}
	for (size_t i = 0; i < p->nrules; i++) {
		text_puts(&text, " -r ");
		prove_report_word(slice_of(p->rules[i]), &text);
	}
	if (p->nrules == 0 && context->store != context->settings.store) {
		text_puts(&text, " -d ");
		prove_report_word(slice_of(context->store), &text);
	}
	if (context->settings.mode == MODE_MONITOR)
		text_puts(&text, " -o mode=enforce");
	if (text.cut)
		text_clear(&text);
}

static void
print_result(struct proving *p, size_t i, const struct prove_result *result)
{
	p->count[result->outcome]++;
	if (p->json)
		json_array_append_new(p->list, prove_report_json(
		    &p->claims.claims[i], &p->claims.places[i], result,
		    p->check));
	else
		prove_report_print(&p->claims.claims[i], &p->claims.places[i],
		    result, p->check, stdout);
}

static bool
try_all(struct proving *p, struct prove_ground *ground, struct fault *f)
{
	struct prove_result result;
	struct prover prover;
	size_t done = 0;
	bool good = true;

	prover_init(&prover, ground);
	progress_start("claims tried", &done);
	for (; done < p->claims.n && good; done++)
		if ((good = prover_try(&prover, &p->claims.claims[done],
		    &result)))
			print_result(p, done, &result);
	progress_stop();
	if (!good)
		*f = ground->fault;
	prover_free(&prover);
	return good;
}

static void
print_json(struct proving *p)
{
	json_t *all = json_pack("{s:I, s:I, s:I, s:I, s:O}", "holds",
	    (json_int_t)p->count[PROVE_HOLDS], "false",
	    (json_int_t)p->count[PROVE_FALSE], "about_nothing",
	    (json_int_t)p->count[PROVE_EMPTY], "not_decided",
	    (json_int_t)p->count[PROVE_UNDECIDED], "claims", p->list);

	json_dumpf(all, stdout, JSON_ENSURE_ASCII | JSON_COMPACT);
	putchar('\n');
	json_decref(all);
}

static int
status_of(const struct proving *p)
{
	if (p->count[PROVE_FALSE] + p->count[PROVE_EMPTY] > 0)
		return EXIT_FINDINGS;
	return p->count[PROVE_UNDECIDED] > 0 ? FAULT_UNAVAILABLE : EXIT_FINE;
}

static int
prove_with(const struct context *context, struct proving *p,
    struct store *store)
{
	struct prove_ground ground;
	struct store_reader reader;
	struct fault f;
	bool good;

	if (!store_begin(store, &reader, &f))
		return command_fail(&f);
	good = prove_ground_open(&ground, &reader, &context->settings,
	    p->claims.claims, p->claims.n);
	if (good) {
		p->list = json_array();
		good = try_all(p, &ground, &f);
		if (good && p->json)
			print_json(p);
		json_decref(p->list);
	} else
		f = ground.fault;
	prove_ground_free(&ground);
	store_end(&reader);
	return good ? status_of(p) : command_fail(&f);
}

static int
prove(const struct context *context, struct proving *p)
{
	struct store *store;
	struct fault f;
	int status;

	store = p->nrules > 0 ? scratch_open_files(context, p->rules, &f) :
	    command_store(context, &f);
	if (store == NULL)
		return command_fail(&f);
	if (context->settings.mode == MODE_MONITOR)
		command_say("mode = monitor: today nothing is refused; claims "
		    "are tried as if it were");
	make_check(context, p);
	status = prove_with(context, p, store);
	store_close(store);
	return status;
}

/* The words of the command line are one claim. */
static bool
add_operands(struct proving *p, char **operands, struct fault *f)
{
	char buf[CLAIMS_LINE_MAX + 2];
	struct text text;

	text_init(&text, buf, sizeof buf);
	for (; *operands != NULL; operands++)
		text_printf(&text, "%s%s", text.n > 0 ? " " : "", *operands);
	if (slice_trim(slice_make(buf, text.n)).n == 0 || buf[0] == '#')
		return fault_set(f, FAULT_DATA, "expected a claim, found "
		    "\"%s\"", buf);
	return claims_add(&p->claims, slice_make(buf, text.n), f);
}

static bool
read_claims(const struct context *context, struct proving *p, char **operands,
    struct fault *f)
{
	bool good = true;

	for (size_t i = 0; i < p->nfiles && good; i++)
		good = claims_read(&p->claims, p->files[i], f);
	if (good && *operands != NULL)
		good = add_operands(p, operands, f);
	else if (good && p->nfiles == 0)
		good = keep_read(context, &p->claims, f);
	if (!good)
		return false;
	if (p->claims.bad_lines > 0)
		return fault_set(f, FAULT_DATA, "%lu bad line%s in the claims",
		    p->claims.bad_lines, p->claims.bad_lines == 1 ? "" : "s");
	return p->claims.n > 0 || fault_set(f, FAULT_NOINPUT, "there are no "
	    "claims: none is given, and none stands in %s",
	    p->nfiles > 0 ? p->files[0] : context->settings.claims);
}

static int
run(struct context *context, int argc, char **argv)
{
	struct proving p = { .nrules = 0 };
	struct fault f;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c == 'r' && p.nrules < RULEFILE_SOURCES_MAX)
			p.rules[p.nrules++] = optarg;
		else if (c == 'f' && p.nfiles < FILES_MAX)
			p.files[p.nfiles++] = optarg;
		else if (c == 'r' || c == 'f')
			return command_usage(context, "too many options -%c",
			    c);
		else if (c == OPTION_JSON)
			p.json = true;
		else
			return status;
	}
	if (p.nrules > 0 && context->store != context->settings.store)
		return command_usage(context, "-d and -r exclude each other");
	keep_start(context, &p.claims);
	status = read_claims(context, &p, argv + optind, &f) ?
	    prove(context, &p) : command_fail(&f);
	claims_free(&p.claims);
	return status;
}

const struct command command_prove = {
	"prove", "[CLAIM]",
	"Decide what is claimed of the rules, over all sessions", options, run,
	"tlspolicy-claims(5)"
};
