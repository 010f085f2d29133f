/*
 * tlspolicy log: who changed the policy, when and why.  Logins and messages
 * are other people's, and are shown so that they do nothing to a terminal.
 */
#include <getopt.h>
#include <stdlib.h>

#include "policy/audit/print.h"
#include "policy/base/jsonlist.h"
#include "policy/base/jsontext.h"
#include "policy/commands/audit.h"
#include "policy/commands/generation.h"
#include "policy/commands/touched.h"
#include "policy/store/plan.h"

static const struct command_option options[] = {
	AUDIT_OPTION_SINCE,
	AUDIT_OPTION_UNTIL,
	{ 'v', "verbose", NULL, "with what was changed, and the digests" },
	COMMAND_OPTION_JSON,
	{ 0, NULL, NULL, NULL }
};

static const int64_t SECOND_US = 1000000;

struct logging {
	struct store_reader *reader;
	int64_t since, until; /* microseconds */
	struct key keys[COMMAND_KEYS_MAX];
	size_t nkeys; /* 0: all */
	bool verbose;
	struct jsonlist list;
	unsigned long shown;
	/* The rules of each key before the generations that were seen. */
	struct slice before[COMMAND_KEYS_MAX];

	/* State of the generation at hand: */
	bool touched;	 /* a change of one of the keys was met */
	bool by_profile; /* or its profile was changed */
	json_t *changes; /* NULL: text */
};

static struct slice
key_bytes(const struct logging *l, size_t i)
{
	return slice_make((const char *)l->keys[i].bytes, l->keys[i].n);
}

static bool
look_for_keys(void *arg, const struct history_change *change)
{
	struct logging *l = arg;

	l->by_profile |= key_bytes_tag(change->key_bytes) == TAG_PROFILE;
	for (size_t i = 0; i < l->nkeys; i++)
		if (slice_equal(change->key_bytes, key_bytes(l, i))) {
			l->before[i] = change->old;
			l->touched = true;
		} else if (touched_by(l->reader, l->keys[i].tag, l->before[i],
		    change->key_bytes))
			l->touched = true;
	return true;
}

static bool
is_wanted(const struct logging *l, struct slice key)
{
	for (size_t i = 0; i < l->nkeys; i++)
		if (slice_equal(key, key_bytes(l, i)))
			return true;
	return l->nkeys == 0;
}

/*
 * Calls each() for lines that ask for something else since, by their profile.
 */
static bool
each_touched(struct logging *l, const struct generation *g,
    difference_touch *each)
{
	return !l->by_profile || touched_each(l->reader, g, each, l,
	    &l->reader->fault);
}

/*
 * Calls each() for changes of the keys.  A store's first generation is listed
 * nowhere: all of its rules came with it.
 */
static bool
each_change(struct logging *l, const struct generation *g,
    bool (*each)(void *, const struct history_change *))
{
	if (!g->first)
		return history_changes(l->reader, g, each, l);
	for (size_t i = 0; i < l->nkeys; i++) {
		struct history_change came = { .key_bytes = key_bytes(l, i),
			.new = l->before[i] };

		if (came.new.n > 0)
			each(l, &came);
	}
	return true;
}

/* Begins with the rules in force: what was before is found going back. */
static bool
start_keys(struct logging *l)
{
	for (size_t i = 0; i < l->nkeys; i++)
		switch (store_get(l->reader, &l->keys[i], &l->before[i])) {
		case LOOKUP_FOUND:
			break;
		case LOOKUP_ABSENT:
			l->before[i].n = 0;
			break;
		case LOOKUP_FAILED:
			return false;
		}
	return true;
}

/* Prints the requirements of a key; *key: the key as it was written. */
static void
put_rules(struct store_reader *reader, struct slice rules,
    struct slice *key, struct text *out)
{
	struct stored_rule rule;

	for (int i = 0; store_next(reader, &rules, &rule); i++) {
		text_puts(out, i > 0 ? " | " : "");
		text_put_printable(out, rule.requirement);
		*key = rule.key;
	}
}

static void
put_key(char sign, struct slice key)
{
	char buf[2 * KEY_TEXT_MAX];
	struct text out;

	text_init(&out, buf, sizeof buf);
	out.utf8 = true;
	text_put_printable(&out, key);
	printf("    %c %s\t", sign, buf);
}

static bool
print_change(void *arg, const struct history_change *c)
{
	char old_text[8 * REQUIREMENT_TEXT_MAX], new_text[sizeof old_text];
	struct slice key = { "", 0 };
	struct logging *l = arg;
	struct text old, new;

	if (!is_wanted(l, c->key_bytes))
		return true;
	text_init(&old, old_text, sizeof old_text);
	text_init(&new, new_text, sizeof new_text);
	old.utf8 = new.utf8 = true;
	put_rules(l->reader, c->old, &key, &old);
	put_rules(l->reader, c->new, &key, &new);
	put_key(old.n == 0 ? '+' : new.n == 0 ? '-' : '~', key);
	printf("%s%s%s\n", old.buf, old.n > 0 && new.n > 0 ? " -> " : "",
	    new.buf);
	return true;
}

static void
print_touched(void *arg, struct slice key_bytes, struct slice key,
    json_t *old, json_t *new)
{
	if (is_wanted(arg, key_bytes))
		touched_print(key, old, new);
	json_decref(old);
	json_decref(new);
}

static void
collect_touched(void *arg, struct slice key_bytes, struct slice key,
    json_t *old, json_t *new)
{
	struct logging *l = arg;

	if (is_wanted(l, key_bytes)) {
		json_array_append_new(l->changes, json_pack(
		    "{s:s, s:o, s:o, s:o}", "change", "touched", "key",
		    jsontext_string(key), "old", old, "new", new));
		return;
	}
	json_decref(old);
	json_decref(new);
}

static json_t *
json_rules(struct store_reader *reader, struct slice rules,
    struct slice *key)
{
	json_t *all = json_array();
	struct stored_rule rule;

	while (store_next(reader, &rules, &rule)) {
		json_array_append_new(all, jsontext_string(rule.requirement));
		*key = rule.key;
	}
	return all;
}

/* As diff --json has it. */
static bool
collect_change(void *arg, const struct history_change *c)
{
	struct logging *l = arg;
	struct slice key = { "", 0 };
	json_t *old, *new;

	if (!is_wanted(l, c->key_bytes))
		return true;
	old = json_rules(l->reader, c->old, &key);
	new = json_rules(l->reader, c->new, &key);
	json_array_append_new(l->changes, json_pack("{s:s, s:o, s:o, s:o}",
	    "change", c->old.n == 0 ? "added" : c->new.n == 0 ?
	    "removed" : "changed", "key", jsontext_string(key), "old", old,
	    "new", new));
	return true;
}

static void
print_setting(void *none, struct slice name, struct slice old,
    struct slice new)
{
	char buf[2 * SETTINGS_VALUE_MAX];
	struct text line;

	(void)none;
	text_init(&line, buf, sizeof buf);
	text_put_printable(&line, name);
	text_puts(&line, ": ");
	text_put_printable(&line, old);
	text_puts(&line, " -> ");
	text_put_printable(&line, new);
	printf("    setting %s\n", line.buf);
}

static void
collect_setting(void *list, struct slice name, struct slice old,
    struct slice new)
{
	json_array_append_new(list, json_pack("{s:o, s:o, s:o}", "setting",
	    jsontext_string(name), "old", jsontext_string(old), "new",
	    jsontext_string(new)));
}

static void
put_digest(const unsigned char digest[DIGEST_BYTES], char hex[DIGEST_HEX + 1])
{
	struct text out;

	text_init(&out, hex, DIGEST_HEX + 1);
	digest_print(digest, &out);
}

static void
print_head(const struct logging *l, const struct generation *g)
{
	char buf[4 * HISTORY_MESSAGE_MAX];
	struct text line;

	text_init(&line, buf, sizeof buf);
	line.utf8 = true;
	audit_print_time(g->time * SECOND_US, &line);
	text_printf(&line, "  %s by ", history_how_name(g->how));
	generation_print_who(g, &line);
	printf("%sgeneration %llu  %s\n", l->shown > 0 ? "\n" : "",
	    (unsigned long long)g->number, line.buf);
	text_clear(&line);
	text_put_printable(&line, g->message);
	if (g->message.n > 0)
		printf("    %s\n", line.buf);
	text_clear(&line);
	plan_print_id(g->back_to, &line);
	if (g->how == GENERATION_APPLY)
		printf("    by plan %s\n", line.buf);
	if (g->how == GENERATION_ROLLBACK)
		printf("    back to generation %llu\n",
		    (unsigned long long)g->back_to);
	printf("    %llu rule%s", (unsigned long long)g->rules,
	    g->rules == 1 ? "" : "s");
	if (!g->first)
		printf("; of keys %llu added, %llu removed, %llu changed",
		    (unsigned long long)g->added,
		    (unsigned long long)g->removed,
		    (unsigned long long)g->changed);
	putchar('\n');
}

static bool
print_text(struct logging *l, const struct generation *g)
{
	char rules[DIGEST_HEX + 1], settings[DIGEST_HEX + 1];

	print_head(l, g);
	if (l->nkeys == 0 && g->other_settings)
		generation_settings(g->old_settings, g->settings,
		    print_setting, NULL);
	if ((l->nkeys > 0 || l->verbose) &&
	    !(each_change(l, g, print_change) &&
	    each_touched(l, g, print_touched)))
		return false;
	put_digest(g->rules_digest, rules);
	put_digest(g->settings_digest, settings);
	if (l->verbose)
		printf("    rules sha256 %s\n    settings sha256 %s\n", rules,
		    settings);
	return true;
}

static bool
print_json(struct logging *l, const struct generation *g)
{
	char rules[DIGEST_HEX + 1], settings[DIGEST_HEX + 1], buf[40];
	json_t *changed = json_array(), *one;
	struct text time;

	text_init(&time, buf, sizeof buf);
	audit_print_time(g->time * SECOND_US, &time);
	put_digest(g->rules_digest, rules);
	put_digest(g->settings_digest, settings);
	if (g->other_settings)
		generation_settings(g->old_settings, g->settings,
		    collect_setting, changed);
	one = json_pack("{s:I, s:s, s:s, s:o, s:I, s:o, s:o, s:o, s:I, s:b, "
	    "s:I, s:I, s:I, s:o, s:s, s:s}", "generation",
	    (json_int_t)g->number, "time", buf, "how",
	    history_how_name(g->how), "back_to", g->how != GENERATION_ROLLBACK ?
	    json_null() : json_integer((json_int_t)g->back_to), "uid",
	    (json_int_t)g->uid, "login", jsontext_string(g->login), "host",
	    jsontext_string(g->host), "message", g->message.n == 0 ?
	    json_null() : jsontext_string(g->message), "rules",
	    (json_int_t)g->rules, "first", g->first, "added",
	    (json_int_t)g->added, "removed", (json_int_t)g->removed,
	    "changed", (json_int_t)g->changed, "settings", changed,
	    "rules_sha256", rules, "settings_sha256", settings);
	text_clear(&time);
	plan_print_id(g->back_to, &time);
	if (g->how == GENERATION_APPLY)
		json_object_set_new(one, "plan", json_string(buf));
	if (l->nkeys > 0 || l->verbose) {
		l->changes = json_array();
		if (!each_change(l, g, collect_change) ||
		    !each_touched(l, g, collect_touched)) {
			json_decref(l->changes);
			json_decref(one);
			return false;
		}
		json_object_set_new(one, "changes", l->changes);
	}
	jsonlist_add(&l->list, one);
	return true;
}

/* False: damaged. */
static bool
log_one(struct logging *l, const struct generation *g)
{
	int64_t time_us = g->time * SECOND_US;
	bool in_time = time_us >= l->since && time_us < l->until;

	l->touched = l->nkeys == 0;
	l->by_profile = false;
	if ((l->nkeys > 0 || l->verbose) && !g->first &&
	    !history_changes(l->reader, g, look_for_keys, l))
		return false;
	for (size_t i = 0; g->first && i < l->nkeys; i++)
		l->touched = l->touched || l->before[i].n > 0;
	if (!in_time || !l->touched)
		return true;
	if (!(l->list.out != NULL ? print_json(l, g) : print_text(l, g)))
		return false;
	l->shown++;
	return true;
}

/* Rules older than the oldest generation: who brought them is not kept. */
static void
say_older(const struct logging *l, const struct generation *oldest)
{
	bool any = false;

	for (size_t i = 0; i < l->nkeys; i++)
		any = any || l->before[i].n > 0;
	if (any && !oldest->first && l->since == INT64_MIN)
		command_say("the key had rules before generation %llu, the "
		    "oldest that is kept", (unsigned long long)oldest->number);
}

static void
say_none(const struct context *context, const struct logging *l,
    const char *word)
{
	const struct store_info *info = &l->reader->info;
	bool limited = l->since != INT64_MIN || l->until != INT64_MAX;

	if (info->oldest == 0)
		command_say("%s keeps no generations yet", context->store);
	else
		command_say("no generation from %llu to %llu%s%s%s",
		    (unsigned long long)info->oldest,
		    (unsigned long long)info->generation,
		    word == NULL ? " is of that time" : " changed ",
		    word == NULL ? "" : word,
		    word != NULL && limited ? " in that time" : "");
}

static int
log_all(const struct context *context, struct logging *l, const char *word)
{
	enum lookup_result result = LOOKUP_FAILED;
	struct generation g = { .first = true };
	struct history h;

	if (start_keys(l) && history_start(&h, l->reader))
		while ((result = history_next(&h, &g)) == LOOKUP_FOUND)
			if (!log_one(l, &g)) {
				result = LOOKUP_FAILED;
				break;
			}
	jsonlist_end(&l->list);
	if (result == LOOKUP_FAILED)
		return command_fail(&l->reader->fault);
	say_older(l, &g);
	if (l->shown > 0)
		return EXIT_FINE;
	say_none(context, l, word);
	return EXIT_FINDINGS;
}

/* False: stop and return *status. */
static bool
take_options(struct context *context, int argc, char **argv,
    struct logging *l, bool *json, int *status)
{
	int c;

	while ((c = command_getopt(context, argc, argv, status)) != -1)
		switch (c) {
		case 'v':
			l->verbose = true;
			break;
		case OPTION_JSON:
			*json = true;
			break;
		case OPTION_SINCE:
		case OPTION_UNTIL:
			if (audit_time(optarg, c == OPTION_UNTIL,
			    c == OPTION_SINCE ? &l->since : &l->until))
				break;
			*status = command_usage(context, "\"%s\" is no time, "
			    "as 2026-03-01, 2026-03-01T12:00:00Z, 7d, 24h or "
			    "30m", optarg);
			return false;
		default:
			return false;
		}
	return true;
}

static int
run(struct context *context, int argc, char **argv)
{
	struct logging l = { .since = INT64_MIN, .until = INT64_MAX };
	struct store_reader reader;
	struct store *store;
	bool json = false;
	struct fault f;
	int status;

	if (!take_options(context, argc, argv, &l, &json, &status))
		return status;
	if (!command_operands(context, argc - optind, 0, 1))
		return FAULT_USAGE;
	if ((optind < argc && !command_keys(slice_of(argv[optind]), l.keys,
	    &l.nkeys, &f)) || !command_open_store(context, &store, &reader,
	    &f))
		return command_fail(&f);
	l.reader = &reader;
	jsonlist_start(&l.list, json ? stdout : NULL);
	status = log_all(context, &l, optind < argc ? argv[optind] : NULL);
	command_close_store(store, &reader);
	return status;
}

const struct command command_log = {
	"log", "[KEY]", "Who changed the policy, or the rules of a key, and why",
	options, run,
	NULL
};
