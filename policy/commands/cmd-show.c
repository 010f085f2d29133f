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
#include "policy/commands/generation.h"
#include "policy/commands/ruleset.h"

enum { EXPIRES_SOON = 30, SECONDS_A_DAY = 86400 };

static const struct command_option options[] = {
	{ OPTION_AT, "at", "TIME", "as they were then, UTC; 7d: ago" },
	{ OPTION_GENERATION, "generation", "NUMBER", "of this generation" },
	{ OPTION_CANONICAL, "canonical", NULL, "in the order of the digest" },
	COMMAND_OPTION_JSON,
	{ 0, NULL, NULL, NULL }
};

struct showing {
	struct store_reader *reader;
	int32_t today;
	struct jsonlist *list; /* prints nothing for text */
	bool canonical; /* in the store's order */
};

/* File order; what stood in one line (no tag, two rules) by key. */
static int
compare_places(const void *a, const void *b)
{
	const struct ruleset_line *l = a, *r = b;

	if (l->source != r->source)
		return l->source < r->source ? -1 : 1;
	if (l->line != r->line)
		return l->line < r->line ? -1 : 1;
	return slice_compare(l->key_bytes, r->key_bytes);
}

/* Days until the rule's last day, negative when that has gone by. */
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
	struct ruleset_lines all;
	bool good;

	ruleset_lines_init(&all);
	good = ruleset_lines_of_store(s->reader, &all, f);
	if (good && all.n > 0 && !s->canonical)
		qsort(all.lines, all.n, sizeof all.lines[0], compare_places);
	for (size_t i = 0; good && i < all.n; i++)
		good = show_line(s, &all.lines[i], f);
	ruleset_lines_free(&all);
	return good;
}

/* Every line of one key; *found is set when there is one. */
static bool
show_key(const struct showing *s, const struct key *key, bool *found,
    struct fault *f)
{
	struct stored_rules rules;
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

/* Which generation was asked for: by a time, by its number, or the newest. */
struct asked {
	bool at;
	int64_t time_us;
	uint64_t number; /* 0: none */
};

/* In place of the store that is open; false with a fault: it is closed. */
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
		case OPTION_CANONICAL:
			s->canonical = true;
			break;
		case OPTION_JSON:
			*json = true;
			break;
		default:
			return false;
		}
	if (!asked->at || asked->number == 0)
		return true;
	*status = command_usage(context, "--at and --generation are two ways "
	    "to ask the same");
	return false;
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
	bool json = false;
	int status;

	if (!take_options(context, argc, argv, &asked, &s, &json, &status))
		return status;
	if (!command_operands(context, argc - optind, 0, 1))
		return FAULT_USAGE;
	if (!command_open_store(context, &store, &reader, &f) ||
	    !enter(&store, &reader, &asked, &f))
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
