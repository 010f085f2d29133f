/* A rule file; what is understood prints and parses to the same. */
#include "t/fuzz/fuzz.h"

#include "policy/rules/item.h"

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

static void
check_rule(const struct rule *rule)
{
	struct fault fault;
	char buf[4096];
	struct text out;
	struct key key;

	FUZZ_CHECK(rule->key_bytes.n >= KEY_HEAD &&
	    rule->key_bytes.n <= 511);
	FUZZ_CHECK(key_parse(rule->key, &key, &fault));
	FUZZ_CHECK(slice_equal(rule->key_bytes,
	    slice_make((char *)key.bytes, key.n)));
	text_init(&out, buf, sizeof buf);
	key_print(&key, &out);
	check_requirement(rule->requirement, key.tag);
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
	rulefile_free(&file);
	return 0;
}
