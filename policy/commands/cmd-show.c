/*
 * tlspolicy show: the store as text, so that `show > rules` brings a lost or
 * outdated rule file back.
 */
#include <getopt.h>
#include <stdlib.h>
#include <time.h>

#include "policy/base/jsonlist.h"
#include "policy/base/jsontext.h"
#include "policy/commands/audit.h"
#include "policy/commands/difference.h"
#include "policy/commands/generation.h"
#include "policy/commands/ruleset.h"

enum { EXPIRES_SOON = 30, SECONDS_A_DAY = 86400 };

static const struct command_option options[] = {
	{ OPTION_AT, "at", "TIME", "as they were then, UTC; 7d: ago" },
	{ OPTION_GENERATION, "generation", "NUMBER", "of this generation" },
	{ OPTION_CANONICAL, "canonical", NULL, "in the order of the digest" },
	{ 'u', "unbuilt", NULL, "what only the store or only the files have" },
	COMMAND_OPTION_JSON,
	{ 0, NULL, NULL, NULL }
};

/* A line, and where `show > rules` puts it. */
struct placed {
	const struct ruleset_line *line;
	uint16_t source;
	uint32_t number;
};

struct showing {
	struct store_reader *reader;
	int32_t today;
	struct jsonlist *list; /* prints nothing for text */
	bool canonical; /* in the store's order */
};

/*
 * In file order.  Two rules of one place (an untagged line) go by key; of a key
 * the lines that were set come before those of files.
 */
static int
compare_places(const void *a, const void *b)
{
	const struct placed *l = a, *r = b;
	int order;

	if (l->source != r->source)
		return l->source < r->source ? -1 : 1;
	if (l->number != r->number)
		return l->number < r->number ? -1 : 1;
	order = slice_compare(l->line->key_bytes, r->line->key_bytes);
	return order != 0 ? order : (l->line > r->line) - (l->line < r->line);
}

/*
 * A key's lines must stay in their order, as the first that counts decides: one
 * whose later line stands earlier in the files moves there, too.
 */
static void
place(const struct ruleset_lines *all, struct placed *placed)
{
	for (size_t i = all->n; i-- > 0;) {
		const struct placed *next = &placed[i + 1];
		struct placed *p = &placed[i];

		*p = (struct placed){ &all->lines[i], all->lines[i].source,
			all->lines[i].line };
		if (i + 1 == all->n || !slice_equal(next->line->key_bytes,
		    p->line->key_bytes) || p->source < next->source ||
		    (p->source == next->source && p->number <= next->number))
			continue;
		p->source = next->source;
		p->number = next->number;
	}
}

/* Days to the rule's last day; negative: it is over. */
static bool
expires(const struct showing *s, const struct requirement *r, int32_t *days)
{
	if (r->until == DAY_ALWAYS_UNTIL)
		return false;
	*days = r->until - s->today;
	return *days <= EXPIRES_SOON;
}

static void
note_expiry(const struct showing *s, const struct ruleset_line *line,
    const struct requirement *r)
{
	char day_text[16];
	struct text day;
	int32_t days;

	if (!expires(s, r, &days))
		return;
	text_init(&day, day_text, sizeof day_text);
	day_print(r->until, &day);
	fprintf(stderr, "%.*s:%u: %.*s ", SLICE_ARG(store_source(s->reader,
	    line->source)), line->line, SLICE_ARG(line->key));
	if (days < 0)
		fprintf(stderr, "has expired, its last day was %s\n", day.buf);
	else
		fprintf(stderr, "expires at the end of %s, in %d day%s\n",
		    day.buf, days + 1, days == 0 ? "" : "s");
}

static void
print_json(const struct showing *s, const struct ruleset_line *line,
    const struct requirement *r)
{
	json_t *rule = json_pack("{s:o, s:o, s:o, s:I}", "key",
	    jsontext_string(line->key), "requirement",
	    jsontext_string(line->requirement), "source",
	    jsontext_string(store_source(s->reader, line->source)), "line",
	    (json_int_t)line->line);
	char day_text[16];
	struct text day;
	int32_t days = 0;

	if (r->until != DAY_ALWAYS_UNTIL) {
		text_init(&day, day_text, sizeof day_text);
		day_print(r->until, &day);
		json_object_set_new(rule, "until", json_string(day.buf));
		expires(s, r, &days);
		json_object_set_new(rule, "days_left", json_integer(r->until -
		    s->today + 1 > 0 ? r->until - s->today + 1 : 0));
		json_object_set_new(rule, "expired", json_boolean(days < 0));
	}
	jsonlist_add(s->list, rule);
}

static bool
show_line(const struct showing *s, const struct ruleset_line *line,
    struct fault *f)
{
	struct requirement requirement;

	if (!requirement_parse(line->requirement, line->tag, &requirement, f))
		return false;
	if (s->list->out != NULL) {
		print_json(s, line, &requirement);
		return true;
	}
	printf("%.*s\t%.*s\n", SLICE_ARG(line->key),
	    SLICE_ARG(line->requirement));
	note_expiry(s, line, &requirement);
	return true;
}

static bool
show_all(const struct showing *s, struct fault *f)
{
	struct placed *placed = NULL;
	struct ruleset_lines all;
	bool good;

	ruleset_lines_init(&all);
	good = ruleset_lines_of_store(s->reader, &all, f);
	if (good) {
		placed = calloc(all.n + 1, sizeof *placed);
		good = placed != NULL || fault_no_memory(f);
	}
	if (good) {
		place(&all, placed);
		if (!s->canonical)
			qsort(placed, all.n, sizeof *placed, compare_places);
	}
	for (size_t i = 0; good && i < all.n; i++)
		good = show_line(s, placed[i].line, f);
	free(placed);
	ruleset_lines_free(&all);
	return good;
}

/* Every line of one key; *found is set when there is one. */
static bool
show_key(const struct showing *s, const struct key *key, bool *found,
    struct fault *f)
{
	struct slice rules;
	struct stored_rule rule;

	switch (store_get(s->reader, key, &rules)) {
	case LOOKUP_FOUND:
		break;
	case LOOKUP_ABSENT:
		return true;
	case LOOKUP_FAILED:
		*f = s->reader->fault;
		return false;
	}
	while (store_next(s->reader, &rules, &rule)) {
		struct ruleset_line line = { .key = rule.key, .requirement =
			rule.requirement, .tag = key->tag, .line = rule.line,
			.source = rule.source };

		*found = true;
		if (!show_line(s, &line, f))
			return false;
	}
	return true;
}

static int
show_word(const struct showing *s, struct slice word)
{
	struct key keys[COMMAND_KEYS_MAX];
	bool found = false;
	struct fault f;
	size_t n;

	if (!command_keys(word, keys, &n, &f))
		return command_fail(&f);
	for (size_t i = 0; i < n; i++)
		if (!show_key(s, &keys[i], &found, &f))
			return command_fail(&f);
	if (found)
		return EXIT_FINE;
	command_say("there is no rule for %.*s",
	    SLICE_ARG(word));
	return EXIT_FINDINGS;
}

/* Which rules were asked for: those of a time, of a generation, or in force. */
struct asked {
	bool at;
	int64_t time_us;
	uint64_t number; /* 0: none */
	bool unbuilt;	 /* beside the files */
};

/*
 * Opens the generation in place of the store; false with a fault: the store was
 * closed.
 */
static bool
enter(struct store **store, struct store_reader *reader,
    const struct asked *asked, struct fault *f)
{
	uint64_t number = asked->number;
	struct generation g;
	char buf[80];
	struct text line;

	if (asked->at) {
		if (!generation_at(reader, asked->time_us, &g, f)) {
			command_close_store(*store, reader);
			return false;
		}
		text_init(&line, buf, sizeof buf);
		generation_print(&g, &line);
		command_say("%s", buf);
		number = g.number;
	}
	return number == 0 || generation_enter(store, reader, number, f);
}

/* False: stop and return *status. */
static bool
take_options(struct context *context, int argc, char **argv,
    struct asked *asked, struct showing *s, bool *json, int *status)
{
	int c;

	while ((c = command_getopt(context, argc, argv, status)) != -1)
		switch (c) {
		case OPTION_AT:
			asked->at = audit_time(optarg, false,
			    &asked->time_us);
			if (asked->at)
				break;
			*status = command_usage(context, "\"%s\" is no time, "
			    "as 2026-03-01, 2026-03-01T12:00:00Z, 7d, 24h or "
			    "30m", optarg);
			return false;
		case OPTION_GENERATION:
			if (generation_number(slice_of(optarg),
			    &asked->number))
				break;
			*status = command_usage(context, "\"%s\" is not the "
			    "number of a generation", optarg);
			return false;
		case 'u':
			asked->unbuilt = true;
			break;
		case OPTION_CANONICAL:
			s->canonical = true;
			break;
		case OPTION_JSON:
			*json = true;
			break;
		default:
			return false;
		}
	if (asked->unbuilt && (asked->at || asked->number > 0 ||
	    s->canonical)) {
		*status = command_usage(context, "--unbuilt is about what is "
		    "in force");
		return false;
	}
	if (!asked->at || asked->number == 0)
		return true;
	*status = command_usage(context, "--at and --generation are two ways "
	    "to ask the same");
	return false;
}

/*
 * What was set and is in no file, and what is in a file and was not built.  The
 * files are read first: then root may become another user.
 */
static int
show_unbuilt(const struct context *context, bool json)
{
	char *none[] = { NULL };
	struct store_reader reader;
	struct rulefile rules;
	struct difference d;
	struct store *store;
	struct fault f;
	bool good = ruleset_read(context, none, &rules, &f) &&
	    command_open_store(context, &store, &reader, &f);

	if (good) {
		good = difference_print(&reader, &rules, json, &d, &f);
		command_close_store(store, &reader);
	}
	rulefile_free(&rules);
	if (!good)
		return command_fail(&f);
	return d.removed + d.added + d.changed > 0 ? EXIT_FINDINGS : EXIT_FINE;
}

static int
run(struct context *context, int argc, char **argv)
{
	struct asked asked = { .at = false };
	struct store_reader reader;
	struct jsonlist list;
	struct showing s = { .reader = &reader, .today = (int32_t)(time(NULL) /
	    SECONDS_A_DAY), .list = &list };
	struct store *store;
	struct fault f;
	bool json = false, of_key;
	int status;

	if (!take_options(context, argc, argv, &asked, &s, &json, &status))
		return status;
	if (!command_operands(context, argc - optind, 0, asked.unbuilt ? 0 : 1))
		return FAULT_USAGE;
	if (asked.unbuilt)
		return show_unbuilt(context, json);
	of_key = optind < argc && !asked.at && asked.number == 0;
	if (!(of_key ? command_open_for_keys : command_open_store)(context,
	    &store, &reader, &f) || !enter(&store, &reader, &asked, &f))
		return command_fail(&f);
	jsonlist_start(&list, json ? stdout : NULL);
	if (optind < argc)
		status = show_word(&s, slice_of(argv[optind]));
	else
		status = show_all(&s, &f) ? EXIT_FINE : command_fail(&f);
	jsonlist_end(&list);
	command_close_store(store, &reader);
	return status;
}

const struct command command_show = {
	"show", "[KEY]", "Print the store's rules, or those of one key",
	options, run,
	NULL
};
