/*
 * Rules for mail that leaves on which no recorded answer rests: each answer with
 * a policy is a record that names its rules, and so is one of a WARN rule alone
 * (policy/audit/record-outbound.c).  What is not asked for is not enforced.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/base/jsontext.h"
#include "policy/base/netaddr.h"
#include "policy/commands/outbound.h"
#include "policy/commands/progress.h"

enum { TIME_BYTES = 40, LINE_BYTES = 8 * 1024 };

struct unasked_rule {
	char *key, *requirement, *file;
	uint32_t line;
	enum tag tag;
	bool asked;
};

struct unasked {
	struct unasked_rule *all; /* by key */
	size_t n, allocated;
	struct store_reader *reader;
	uint64_t records, maps[OUTBOUND_MAPS];
	int64_t first, last;
	bool failed;
};

static int
compare(const void *pa, const void *pb)
{
	const struct unasked_rule *a = pa, *b = pb;

	return strcmp(a->key, b->key);
}

static void
free_rules(struct unasked *rules)
{
	for (size_t i = 0; i < rules->n; i++) {
		free(rules->all[i].key);
		free(rules->all[i].requirement);
		free(rules->all[i].file);
	}
	free(rules->all);
}

static char *
copy(struct slice s)
{
	return strndup(s.p == NULL ? "" : s.p, s.n);
}

static bool
each_rule(void *arg, const struct stored_rule *stored)
{
	struct unasked *rules = arg;
	struct unasked_rule *r;
	enum tag tag;

	if (!tag_by_name(slice_make(stored->key.p, slice_find(stored->key,
	    ':')), &tag) || tag_row(tag)->stage != STAGE_OUTBOUND)
		return true;
	if (rules->n == rules->allocated) {
		size_t more = 2 * rules->allocated + 64;

		r = reallocarray(rules->all, more, sizeof *r);
		rules->failed |= r == NULL;
		if (r == NULL)
			return false;
		rules->all = r;
		rules->allocated = more;
	}
	r = &rules->all[rules->n++];
	*r = (struct unasked_rule){ .key = copy(stored->key),
		.requirement = copy(stored->requirement),
		.file = copy(store_source(rules->reader, stored->source)),
		.line = stored->line, .tag = tag };
	rules->failed |= r->key == NULL || r->requirement == NULL ||
	    r->file == NULL;
	return !rules->failed;
}

/* A key may have several lines, with dates: all of them were asked for. */
static void
mark(struct unasked *rules, struct slice key)
{
	char name[KEY_TEXT_MAX + 64];
	struct unasked_rule wanted = { .key = name }, *hit = NULL;

	if (key.n >= sizeof name)
		return;
	memcpy(name, key.p, key.n);
	name[key.n] = '\0';
	if (rules->n > 0)
		hit = bsearch(&wanted, rules->all, rules->n,
		    sizeof *rules->all, compare);
	while (hit != NULL && hit > rules->all && compare(hit - 1, hit) == 0)
		hit--;
	for (; hit != NULL && hit < rules->all + rules->n &&
	    compare(hit, &wanted) == 0; hit++)
		hit->asked = true;
}

static bool
each_answer(void *arg, const struct reader_record *record)
{
	struct unasked *rules = arg;
	enum outbound_map map;

	if (outbound_map_by_name(record->outbound.map, &map))
		rules->maps[map]++;
	if (rules->records++ == 0 || record->time_us < rules->first)
		rules->first = record->time_us;
	if (record->time_us > rules->last)
		rules->last = record->time_us;
	for (size_t i = 0; i < record->nrules; i++)
		mark(rules, record->rules[i].key);
	return true;
}

/*
 * Why no recorded question met the rule, as far as the maps that were asked
 * tell.
 */
static const char *
why(const struct unasked *rules, const struct unasked_rule *rule)
{
	struct slice what = slice_of(rule->key + strcspn(rule->key, ":") + 1);
	bool postfix = rules->maps[OUTBOUND_POSTFIX] > 0;
	bool sendmail = rules->maps[OUTBOUND_SENDMAIL] > 0;
	struct netprefix prefix;

	if (!postfix && !sendmail)
		return "no MTA was told anything: tlspolicy doctor looks why";
	if (rule->tag == TAG_RCPT)
		return sendmail ? "no mail to it, or a more special rule "
		    "counts" : slice_find(what, '@') < what.n ? "Postfix asks "
		    "for a domain, never for a mailbox" : "no mail to it, or "
		    "its next hop is another one: tlspolicy outbound DOMAIN";
	if (sendmail)
		return "no connection to it, or a more special rule counts";
	if (what.p[0] == '[' || netprefix_parse(what, &prefix) ==
	    NETPREFIX_OK)
		return "Postfix asks for an address only where its next hop is "
		    "[ADDRESS]";
	return "Postfix asks for its next hop, a domain or the [HOST] of a "
	    "relay, never for an MX host: TLS_Rcpt:DOMAIN";
}

static json_t *
collect(const struct unasked *rules)
{
	char first[TIME_BYTES] = "", last[TIME_BYTES] = "";
	json_t *list = json_array();
	struct text text;

	for (size_t i = 0; i < rules->n; i++) {
		const struct unasked_rule *r = &rules->all[i];

		if (!r->asked)
			json_array_append_new(list, json_pack("{s:o, s:o, "
			    "s:o, s:i, s:s}", "key", jsontext_cstring(r->key),
			    "requirement", jsontext_cstring(r->requirement),
			    "file", jsontext_cstring(r->file), "line",
			    (int)r->line, "why", why(rules, r)));
	}
	text_init(&text, first, sizeof first);
	if (rules->records > 0)
		audit_print_time(rules->first, &text);
	text_init(&text, last, sizeof last);
	if (rules->records > 0)
		audit_print_time(rules->last, &text);
	return json_pack("{s:I, s:s, s:s, s:I, s:I, s:I, s:o}", "answers",
	    (json_int_t)rules->records, "first", first, "last", last,
	    "postfix", (json_int_t)rules->maps[OUTBOUND_POSTFIX], "sendmail",
	    (json_int_t)rules->maps[OUTBOUND_SENDMAIL], "rules",
	    (json_int_t)rules->n, "unasked", list);
}

static const char *
string_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static void
print_text(const json_t *all)
{
	char raw[LINE_BYTES], line[2 * LINE_BYTES];
	const json_t *list = json_object_get(all, "unasked"), *one;
	struct text text;
	size_t i;

	json_array_foreach(list, i, one) {
		snprintf(raw, sizeof raw, "%s %s (%s:%d)",
		    string_of(one, "key"), string_of(one, "requirement"),
		    string_of(one, "file"), (int)json_integer_value(
		    json_object_get(one, "line")));
		text_init(&text, line, sizeof line);
		text.utf8 = true;
		text_put_printable(&text, slice_of(raw));
		printf("%s\n    never asked for: %s\n", line,
		    string_of(one, "why"));
	}
	printf("%lld answers%s%s%s%s; %zu of %lld rules were never asked "
	    "for\n", (long long)json_integer_value(json_object_get(all,
	    "answers")), string_of(all, "first")[0] != '\0' ? ", " : "",
	    string_of(all, "first"), string_of(all, "last")[0] != '\0' ?
	    " to " : "", string_of(all, "last"), json_array_size(list),
	    (long long)json_integer_value(json_object_get(all, "rules")));
}

static int
say(const struct unasked *rules, const struct audit_walk *walk, bool json)
{
	json_t *all = collect(rules);
	bool any = json_array_size(json_object_get(all, "unasked")) > 0;

	if (json) {
		json_dumpf(all, stdout, JSON_ENSURE_ASCII | JSON_INDENT(2));
		putchar('\n');
	} else
		print_text(all);
	json_decref(all);
	audit_say_torn(walk->torn);
	audit_say_hidden(&walk->hidden);
	audit_say_unread(walk->unread);
	if (walk->unread + walk->bad > 0)
		return audit_status(walk->unread, walk->unread_kind, walk->bad);
	return any ? EXIT_FINDINGS : EXIT_FINE;
}

static bool
read_rules(const struct context *context, struct unasked *rules,
    struct fault *f)
{
	struct store_reader reader;
	struct store *store;
	bool good;

	if (!command_open_store(context, &store, &reader, f))
		return false;
	rules->reader = &reader;
	good = store_each(&reader, each_rule, rules);
	if (rules->failed)
		fault_no_memory(f);
	else if (!good)
		*f = reader.fault;
	command_close_store(store, &reader);
	if (good && !rules->failed && rules->n > 0)
		qsort(rules->all, rules->n, sizeof *rules->all, compare);
	return good && !rules->failed;
}

int
outbound_unasked(const struct context *context, char **operands, bool json)
{
	struct unasked rules = { .n = 0 };
	struct audit_walk walk = { .outbound = each_answer, .arg = &rules };
	struct audit_files files;
	struct fault f;
	int status;

	if (!read_rules(context, &rules, &f)) {
		status = command_fail(&f);
	} else if (!audit_files(context, operands, &files, &f)) {
		status = command_fail(&f);
	} else {
		progress_start("records read", &walk.records);
		status = audit_walk(&walk, &files, &f) ? EXIT_FINE :
		    command_fail(&f);
		progress_stop();
		audit_files_free(&files);
		if (status == EXIT_FINE)
			status = say(&rules, &walk, json);
	}
	free_rules(&rules);
	return status;
}
