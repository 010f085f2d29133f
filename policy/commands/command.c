/* The table of commands, and what all of them share. */
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "policy/audit/source.h"
#include "policy/base/folder.h"
#include "policy/base/nearest.h"
#include "policy/commands/command.h"
#include "policy/commands/plan.h"
#include "policy/commands/progress.h"
#include "policy/store/plan.h"

const struct command *const command_table[] = {
	&command_build,
	&command_check,
	&command_show,
	&command_set,
	&command_del,
	&command_diff,
	&command_log,
	&command_rollback,
	&command_plan,
	&command_apply,
	&command_prove,
	&command_import,
	&command_export,
	&command_lint,
	&command_audit,
	&command_replay,
	&command_suggest,
	&command_sync,
	&command_report,
	&command_cert,
	&command_probe,
	&command_outbound,
	&command_doctor,
	&command_settings,
	NULL
};

static const struct command_option common_options[] = {
	{ 'c', NULL, "CONF", "the settings file" },
	{ 'd', NULL, "STORE", "the store, in place of the setting" },
	{ 'h', "help", NULL, "this help" },
	{ 0, NULL, NULL, NULL }
};

void
command_print_options(const struct command_option *o)
{
	if (o == NULL)
		o = common_options;
	for (; o->letter != 0; o++) {
		char left[48];
		bool short_too = o->letter < OPTION_JSON;
		struct text text;

		text_init(&text, left, sizeof left);
		if (short_too)
			text_printf(&text, "-%c", o->letter);
		if (o->word != NULL)
			text_printf(&text, "%s--%s", short_too ? ", " : "",
			    o->word);
		if (o->argument != NULL)
			text_printf(&text, " %s", o->argument);
		printf("    %-24s %s\n", left, o->help);
	}
}

static void
print_rows(const char *command, const struct command_option *o)
{
	for (; o != NULL && o->letter != 0; o++) {
		printf("%s\t", command);
		if (o->letter < OPTION_JSON)
			printf("-%c", o->letter);
		printf("\t%s%s\t%s\t%s\n", o->word != NULL ? "--" : "",
		    o->word != NULL ? o->word : "",
		    o->argument != NULL ? o->argument : "", o->help);
	}
}

static void
print_table(const struct command *const *table)
{
	for (; *table != NULL; table++) {
		const struct command *c = *table;

		printf("%s\t\t\t%s\t%s\n", c->name, c->operands, c->summary);
		print_rows(c->name, c->options);
		print_rows(c->name, common_options);
		if (c == &command_audit)
			print_table(command_audit_table);
		if (c == &command_plan)
			print_table(command_plan_table);
	}
}

int
command_first_operand(int argc, char **argv)
{
	int i = 1;

	while (i < argc && argv[i][0] == '-')
		i += strcmp(argv[i], "-c") == 0 || strcmp(argv[i], "-d") == 0 ?
		    2 : 1;
	return i < argc ? i : argc;
}

void
command_print_table(void)
{
	print_table(command_table);
}

static void
print_help(const struct command *command)
{
	printf("usage: tlspolicy %s [OPTIONS]%s%s\n%s\n\n", command->name,
	    command->operands[0] != '\0' ? " " : "", command->operands,
	    command->summary);
	if (command->options != NULL)
		command_print_options(command->options);
	command_print_options(NULL);
	printf("\nSee tlspolicy(1)%s%s.\n", command->page != NULL ? ", " : "",
	    command->page != NULL ? command->page : "");
}

int
command_fail(const struct fault *f)
{
	fault_report(f, stderr);
	return (int)f->kind;
}

static void put_for_people(const char *fmt, va_list)
    __attribute__((format(printf, 1, 0)));

/* Prints without controls: operands may come from anywhere, by scripts. */
static void
put_for_people(const char *fmt, va_list ap)
{
	char raw[FAULT_TEXT_MAX], line[FAULT_TEXT_MAX];
	struct text text;

	vsnprintf(raw, sizeof raw, fmt, ap);
	text_init(&text, line, sizeof line);
	text.utf8 = true;
	text_put_printable(&text, slice_of(raw));
	fputs(line, stderr);
}

void
command_say(const char *fmt, ...)
{
	va_list ap;

	fputs("tlspolicy: ", stderr);
	va_start(ap, fmt);
	put_for_people(fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int
command_usage(const struct context *context, const char *fmt, ...)
{
	const char *name = context->command->name;
	va_list ap;

	fprintf(stderr, "tlspolicy %s: ", name);
	va_start(ap, fmt);
	put_for_people(fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nTry `tlspolicy %s --help'.\n", name);
	return FAULT_USAGE;
}

void
command_report_fault(void *arg, const struct fault *f)
{
	(void)arg;
	progress_wipe();
	fault_report(f, stderr);
}

bool
command_operands(const struct context *context, int have, int least, int most)
{
	if (have >= least && have <= most)
		return true;
	command_usage(context, "%s: usage: tlspolicy %s [OPTIONS]%s%s",
	    have < least ? "operands are missing" : "too many operands",
	    context->command->name,
	    context->command->operands[0] != '\0' ? " " : "",
	    context->command->operands);
	return false;
}

/*
 * Without -c a missing file means the defaults: the command must work before
 * anything was configured.  A file that was asked for must be there.
 */
static bool
read_settings(struct context *context, int *status)
{
	struct fault f;

	settings_init(&context->settings);
	if (context->conf == NULL) {
		context->conf = SETTINGS_DEFAULT_FILE;
		if (access(context->conf, F_OK) == -1 && errno == ENOENT)
			context->no_settings_file = true;
	}
	if (!context->no_settings_file && !settings_read(&context->settings,
	    context->conf, command_report_fault, NULL, &f)) {
		*status = command_fail(&f);
		return false;
	}
	if (context->store == NULL)
		context->store = context->settings.store;
	return true;
}

enum { OPTIONS_MAX = 24 };

/* The lists of a command and of all commands, as getopt_long() takes them. */
static void
add_options(const struct command_option *o, struct text *letters,
    struct option *words, size_t *nwords)
{
	for (; o != NULL && o->letter != 0; o++) {
		if (o->letter < OPTION_JSON)
			text_printf(letters, "%c%s", o->letter,
			    o->argument != NULL ? ":" : "");
		if (o->word != NULL && *nwords + 1 < OPTIONS_MAX)
			words[(*nwords)++] = (struct option){ o->word,
				o->argument != NULL ? required_argument :
				no_argument, NULL, o->letter };
	}
}

static void
offer_options(struct nearest *nearest, const struct command_option *o)
{
	for (; o != NULL && o->letter != 0; o++)
		if (o->word != NULL)
			nearest_offer(nearest, slice_of(o->word));
}

static int
bad_word(const struct context *context, const char *arg)
{
	struct slice word = slice_of(arg);
	struct nearest nearest;

	if (word.n < 2)
		return command_usage(context, "unknown option %s", arg);
	word.p += 2;
	word.n = strcspn(arg + 2, "=");
	nearest_init(&nearest, word);
	offer_options(&nearest, context->command->options);
	offer_options(&nearest, common_options);
	if (nearest.word.n == 0)
		return command_usage(context, "unknown option %s", arg);
	return command_usage(context, "unknown option %s, did you mean "
	    "--%.*s?", arg, (int)nearest.word.n, nearest.word.p);
}

static int
bad_option(const struct context *context, char **argv, int c)
{
	const char *arg = argv[optind - 1];

	if (c == ':')
		return command_usage(context, "option %s wants an argument",
		    arg);
	if (optopt != 0 && optopt < OPTION_JSON)
		return command_usage(context, "unknown option -%c", optopt);
	return bad_word(context, arg);
}

static bool
add_salts(struct context *context, const char *folder)
{
	unsigned n = 0;

	while (n < COMMAND_SALTS_MAX && context->salts[n] != NULL)
		n++;
	if (n == COMMAND_SALTS_MAX) {
		command_usage(context, "more than %d options --salts",
		    COMMAND_SALTS_MAX);
		return false;
	}
	context->salts[n] = folder;
	return true;
}

int
command_getopt(struct context *context, int argc, char **argv, int *status)
{
	struct option words[OPTIONS_MAX] = { { NULL, 0, NULL, 0 } };
	char letters_text[64];
	struct text letters;
	size_t nwords = 0;
	int c;

	text_init(&letters, letters_text, sizeof letters_text);
	text_char(&letters, ':');
	add_options(context->command->options, &letters, words, &nwords);
	add_options(common_options, &letters, words, &nwords);
	opterr = 0;
	while ((c = getopt_long(argc, argv, letters.buf, words, NULL)) != -1) {
		switch (c) {
		case 'c':
			context->conf = optarg;
			break;
		case 'd':
			context->store = optarg;
			break;
		case OPTION_SALTS:
			if (!add_salts(context, optarg)) {
				*status = FAULT_USAGE;
				return '?';
			}
			break;
		case 'h':
			print_help(context->command);
			*status = EXIT_FINE;
			return '?';
		case '?':
		case ':':
			*status = bad_option(context, argv, c);
			return '?';
		default:
			return c;
		}
	}
	if ((context->conf != NULL && context->conf[0] == '\0') ||
	    (context->store != NULL && context->store[0] == '\0')) {
		*status = command_usage(context, "-c and -d want a path");
		return '?';
	}
	return read_settings(context, status) ? -1 : '?';
}

bool
command_number(const struct context *context, int letter, unsigned long least,
    unsigned long most, unsigned long *value)
{
	const struct command_option *o = context->command->options;

	if (text_number(slice_of(optarg), most, value) && *value >= least)
		return true;
	while (o->letter != letter)
		o++;
	command_usage(context, "--%s: a number from %lu to %lu was expected, "
	    "not \"%s\"", o->word, least, most, optarg);
	return false;
}

static void
say_changed(const char *path, const char *what)
{
	const struct passwd *entry = getpwuid(geteuid());

	command_say("%s is %s user %s: going on as that user", path, what,
	    entry == NULL ? "without a name" : entry->pw_name);
}

bool
command_enter_folder(const struct context *context, struct fault *f)
{
	bool changed;

	if (!folder_become_owner(context->store, &changed, f))
		return false;
	if (changed)
		say_changed(context->store, "in a folder of");
	return true;
}

bool
command_enter_to_read(const char *path, struct fault *f)
{
	bool changed;

	if (strcmp(path, "-") == 0 || source_is_of_caller(path))
		return true;
	if (!folder_become_reader(path, &changed, f))
		return false;
	if (changed)
		say_changed(path, "in the hands of");
	return true;
}

struct store *
command_store(const struct context *context, struct fault *f)
{
	return command_enter_folder(context, f) ?
	    store_open(context->store, f) : NULL;
}

struct store *
command_store_for_keys(const struct context *context, struct fault *f)
{
	return command_enter_folder(context, f) ?
	    store_open_for_keys(context->store, f) : NULL;
}

static bool
begin(struct store **store, struct store_reader *reader, struct fault *f)
{
	if (*store == NULL)
		return false;
	if (store_begin(*store, reader, f))
		return true;
	store_close(*store);
	*store = NULL;
	return false;
}

bool
command_open_store(const struct context *context, struct store **store,
    struct store_reader *reader, struct fault *f)
{
	*store = command_store(context, f);
	return begin(store, reader, f);
}

bool
command_open_for_keys(const struct context *context, struct store **store,
    struct store_reader *reader, struct fault *f)
{
	*store = command_store_for_keys(context, f);
	return begin(store, reader, f);
}

void
command_close_store(struct store *store, struct store_reader *reader)
{
	store_end(reader);
	store_close(store);
}

/*
 * A change of the rules makes a plan that was judged beside the old ones stale.
 */
static void
say_plan(const struct context *context)
{
	char path[PLAN_PATH_MAX];

	if (context->command != &command_apply &&
	    plan_path(context->store, path) && access(path, F_OK) == 0)
		command_say("%s: there is a plan, made before these rules: "
		    "`tlspolicy plan status' says what is in its way", path);
}

void
command_say_generation(const struct context *context,
    const struct store_info *info, bool changed)
{
	fprintf(stderr, "%s: %sgeneration %llu, %llu rule%s\n", context->store,
	    changed ? "" : "unchanged, ",
	    (unsigned long long)info->generation,
	    (unsigned long long)info->rules, info->rules == 1 ? "" : "s");
	if (changed)
		say_plan(context);
}

bool
command_keys(struct slice word, struct key keys[COMMAND_KEYS_MAX], size_t *n,
    struct fault *f)
{
	word = slice_trim(word);
	*n = 1;
	/* An empty shell variable is not the rule for everybody. */
	if (word.n == 0)
		return fault_set(f, FAULT_DATA, "expected a key, found none");
	if (!key_is_untagged(word))
		return key_parse(word, &keys[0], f);
	*n = 2;
	return key_of(TAG_CLT, word, &keys[0], f) &&
	    key_of(TAG_SRV, word, &keys[1], f);
}
