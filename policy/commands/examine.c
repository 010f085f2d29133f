/*
 * The store, and what it holds beside the rules file.  Findings of MTAs that
 * matter only with rules for mail that leaves count by the rules in force.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/commands/examine.h"
#include "policy/eval/match.h"
#include "policy/rules/item.h"

enum { NORMAL_BYTES = 8 * REQUIREMENT_TEXT_MAX };

static bool
same_lines(const struct ruleset_lines *a, const struct ruleset_lines *b,
    bool *same, struct fault *f)
{
	char left[NORMAL_BYTES], right[NORMAL_BYTES];
	struct text l, r;

	*same = a->n == b->n;
	for (size_t i = 0; *same && i < a->n; i++) {
		text_init(&l, left, sizeof left);
		text_init(&r, right, sizeof right);
		if (!ruleset_normalise(&a->lines[i], &l, f) ||
		    !ruleset_normalise(&b->lines[i], &r, f))
			return false;
		*same = slice_equal(a->lines[i].key_bytes,
		    b->lines[i].key_bytes) && strcmp(left, right) == 0;
	}
	return true;
}

static bool
is_current(struct store_reader *reader, const struct rulefile *rules,
    bool *same, struct fault *f)
{
	struct ruleset_lines in_force, in_file;
	bool good;

	ruleset_lines_init(&in_force);
	ruleset_lines_init(&in_file);
	good = ruleset_lines_of_store(reader, &in_force, f) &&
	    ruleset_lines_of_file(rules, &in_file, f) &&
	    same_lines(&in_force, &in_file, same, f);
	ruleset_lines_free(&in_force);
	ruleset_lines_free(&in_file);
	return good;
}

static void
say_old(const struct context *context, const struct store_info *info,
    struct findings *all)
{
	time_t built = (time_t)info->built_at;
	char day[32] = "";
	struct tm utc;

	if (gmtime_r(&built, &utc) != NULL)
		strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%SZ", &utc);
	finding_mend(findings_add(all, &doctor_rows[DOCTOR_STORE_OLD].kind,
	    "%s is not what generation %llu of %s was built from at %s",
	    context->settings.rules, (unsigned long long)info->generation,
	    context->store, day), "run", "tlspolicy diff\ntlspolicy build");
}

/*
 * Which rules for mail that leaves there are; prints: rules with FP for mail
 * that comes in.
 */
struct rules_seen {
	struct store_reader *reader;
	bool any, verify, dane, prints;
};

static void
note_prints(struct rules_seen *seen, enum tag tag,
    const struct stored_rule *rule)
{
	struct requirement r;

	if (match_requirement(seen->reader, tag, rule, &r) != LOOKUP_FOUND)
		return;
	for (unsigned i = 0; i < r.nitems; i++)
		seen->prints |= item_is_fingerprint(r.items[i].row);
}

static bool
note_rule(void *arg, const struct stored_rule *rule)
{
	struct rules_seen *seen = arg;
	struct requirement r;
	size_t colon = slice_find(rule->key, ':');
	enum tag tag;

	if (!tag_by_name(slice_make(rule->key.p, colon), &tag) ||
	    tag == TAG_CA || tag_row(tag)->stage == STAGE_NONE)
		return true;
	if (tag_row(tag)->stage != STAGE_OUTBOUND) {
		note_prints(seen, tag, rule);
		return true;
	}
	seen->any = true;
	if (match_requirement(seen->reader, tag, rule, &r) ==
	    LOOKUP_FOUND && r.class != CLASS_WARN) {
		seen->verify |= r.need == NEED_VERIFY;
		seen->dane |= r.need == NEED_DANE ||
		    r.need == NEED_DANE_MAY;
	}
	return true;
}

/* Takes findings over from the lists whose rules the store has. */
static void
count_rules(const struct doctor *d, struct store_reader *reader)
{
	struct rules_seen seen = { .reader = reader };

	if (!store_each(reader, note_rule, &seen)) {
		command_fail(&reader->fault);
		return;
	}
	if (seen.any)
		findings_take_over(d->findings, d->if_rules);
	if (seen.verify)
		findings_take_over(d->findings, d->if_verify);
	if (seen.dane)
		findings_take_over(d->findings, d->if_dane);
	if (seen.prints)
		findings_take_over(d->findings, d->if_prints);
}

/* Rules of TLS_Header while nothing judges by them: nobody would notice. */
static void
say_unasked(const struct context *context, const struct doctor *d,
    const struct store_reader *reader)
{
	uint64_t n = store_count(reader, TAG_HEADER);

	if (n > 0 && context->settings.header_from != HEADER_FROM_JUDGE)
		finding_mend(doctor_add(d, DOCTOR_HEADER_UNASKED,
		    "%llu rule%s of TLS_Header %s no say: the setting "
		    "header-from is no", (unsigned long long)n,
		    n == 1 ? "" : "s", n == 1 ? "has" : "have"), d->conf,
		    "header-from = judge");
}

static void
open_and_compare(const struct context *context, const struct rulefile *rules,
    const struct doctor *d)
{
	struct findings *all = d->findings;
	struct store_reader reader;
	struct store *store;
	struct fault f;
	bool same = true;

	if (!command_open_store(context, &store, &reader, &f)) {
		finding_mend(findings_add(all,
		    &doctor_rows[DOCTOR_STORE_UNUSABLE].kind, "%s: %s",
		    context->store, f.text), "run", "tlspolicy build");
		return;
	}
	command_say_generation(context, &reader.info, true);
	if (rules != NULL && !is_current(&reader, rules, &same, &f))
		command_fail(&f);
	else if (!same)
		say_old(context, &reader.info, all);
	say_unasked(context, d, &reader);
	count_rules(d, &reader);
	command_close_store(store, &reader);
}

bool
examine_rules(const struct context *context, struct rulefile *rules,
    struct fault *f)
{
	char *none[] = { NULL };

	return ruleset_read(context, none, rules, f);
}

void
examine_store(const struct context *context, const struct doctor *d,
    const struct fault *bad_rules)
{
	struct findings *all = d->findings;

	if (access(context->store, F_OK) == -1) {
		finding_mend(findings_add(all, &doctor_rows[DOCTOR_STORE_MISSING].kind,
		    "there is no %s", context->store), "run",
		    "tlspolicy build");
		return;
	}
	if (bad_rules != NULL)
		finding_mend(findings_add(all,
		    &doctor_rows[DOCTOR_RULES_BAD].kind, "%s: %s",
		    context->settings.rules, bad_rules->text), "run",
		    "tlspolicy build -n");
	open_and_compare(context, d->rules, d);
}
