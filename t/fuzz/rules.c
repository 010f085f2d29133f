/*
 * A rule file: what is understood prints and parses to the same, a line that
 * names a profile can be put together with it, lint has a reason for each
 * finding, and MTAs can be told of it in their own words.
 */
#include "t/fuzz/fuzz.h"

#include "policy/outbound/translate.h"
#include "policy/rules/item.h"
#include "policy/lint/lint.h"
#include "policy/rules/never.h"

static void
check_report(void *arg, const struct fault *fault)
{
	FUZZ_CHECK(fault->kind == FAULT_DATA && fault->line > 0 &&
	    fault->column > 0 && fault->text[0] != '\0');
	++*(unsigned long *)arg;
}

static void
check_requirement(struct slice text, enum tag tag)
{
	struct requirement a, b;
	struct fault fault;
	char buf[2 * REQUIREMENT_TEXT_MAX];
	struct text out;

	FUZZ_CHECK(requirement_parse(text, tag, &a, &fault));
	text_init(&out, buf, sizeof buf);
	requirement_print(&a, &out);
	FUZZ_CHECK(!out.cut);
	FUZZ_CHECK(requirement_parse(slice_make(buf, out.n), tag, &b,
	    &fault));
	FUZZ_CHECK(a.class == b.class && a.need == b.need &&
	    a.nitems == b.nitems && a.from == b.from && a.until == b.until);
	for (unsigned i = 0; i < a.nitems; i++)
		FUZZ_CHECK(a.items[i].row == b.items[i].row &&
		    slice_equal(a.items[i].value, b.items[i].value));
}

/* What sendmail is told is a requirement that sendmail can be asked for. */
static void
check_express(const struct requirement *r)
{
	static const struct translate_options options = { false, false };
	char words[4096], lost[4096];
	struct text out, missing;
	struct postfix_policy policy;
	struct requirement told;
	struct fault fault;

	text_init(&out, words, sizeof words);
	text_init(&missing, lost, sizeof lost);
	translate_postfix_init(&policy);
	translate_postfix_add(&policy, r, &missing);
	if (!translate_postfix_is_empty(&policy)) {
		translate_postfix_finish(&policy, false, &missing);
		translate_postfix_print(&policy, &out);
		FUZZ_CHECK(out.n > 0 && !out.cut);
	}
	text_clear(&out);
	translate_sendmail(r, &options, &out, &missing);
	FUZZ_CHECK(!out.cut && requirement_parse(slice_make(words, out.n),
	    TAG_RCPT, &told, &fault));
}

/*
 * What is printed is the same key, and one that can match.  A quoted local part
 * of signs alone is printed three times as long as it may be typed.
 */
static void
check_printed(struct slice text, const struct key *key)
{
	struct slice what = slice_from(text, slice_find(text, ':') + 1);
	struct fault fault;
	struct never never;
	struct key again;

	if (what.n > KEY_TEXT_MAX)
		return;
	FUZZ_CHECK(key_parse(text, &again, &fault));
	FUZZ_CHECK(again.n == key->n &&
	    memcmp(again.bytes, key->bytes, key->n) == 0);
	if (key->tag != TAG_CA)
		FUZZ_CHECK(never_key(&never, key->tag, what, false) == NULL);
}

static void
check_rule(const struct rule *rule)
{
	struct fault fault;
	char buf[4096];
	struct text out;
	struct key key;

	FUZZ_CHECK(rule->key_bytes_n >= KEY_HEAD &&
	    rule->key_bytes_n <= 511);
	FUZZ_CHECK(key_parse(rule_key(rule), &key, &fault));
	FUZZ_CHECK(slice_equal(rule_key_bytes(rule),
	    slice_make((char *)key.bytes, key.n)));
	text_init(&out, buf, sizeof buf);
	key_print(&key, &out);
	check_printed(slice_make(buf, out.n), &key);
	check_requirement(rule_requirement(rule), key.tag);
}

/* The requirement with its profile put in, in the words of both MTAs. */
static void
check_joined(const struct rulefile *file, const struct rule *rule)
{
	enum tag tag = key_bytes_tag(rule_key_bytes(rule));
	struct requirement r;
	struct fault fault;
	char buf[4 * REQUIREMENT_TEXT_MAX];
	struct text out;

	FUZZ_CHECK(rulefile_requirement(file, rule, &r, &fault));
	FUZZ_CHECK(r.need != NEED_AS && r.nitems <= REQUIREMENT_ITEMS_MAX);
	text_init(&out, buf, sizeof buf);
	requirement_print(&r, &out);
	FUZZ_CHECK(out.n > 0 && !out.cut);
	if (tag == TAG_SRV || tag == TAG_RCPT)
		check_express(&r);
}

static void
check_finding(void *arg, const struct lint_finding *finding)
{
	(void)arg;
	FUZZ_CHECK(finding->rule != NULL && finding->check[0] != '\0' &&
	    finding->reason.n > 0 && finding->way_out.n > 0);
}

static void
check_lint(const struct rulefile *file)
{
	static struct lint_suffixes *suffixes;
	struct lint_options options = { .with_mta = true, .today = 20486 };

	if (suffixes == NULL)
		suffixes = lint_suffixes_open();
	options.suffixes = suffixes;
	for (int mta = 0; mta < DIALECT_COUNT; mta++) {
		options.mta = (enum dialect_id)mta;
		options.default_perm = mta % 2 == 0;
		lint_rules(file, &options, check_finding, NULL);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned long reported = 0;
	struct rulefile file;
	struct fault fault;
	bool good;

	rulefile_init(&file, check_report, &reported);
	FUZZ_CHECK(rulefile_read_text(&file, slice_make((const char *)data,
	    size), "fuzz", &fault));
	good = rulefile_finish(&file);
	FUZZ_CHECK(good == (reported == 0) && file.bad_lines == reported);
	for (size_t i = 0; i < file.n; i++)
		check_rule(&file.rules[i]);
	for (size_t i = 0; good && i < file.n; i++)
		check_joined(&file, &file.rules[i]);
	if (good)
		check_lint(&file);
	rulefile_free(&file);
	return 0;
}
