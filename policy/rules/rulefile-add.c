/*
 * One rule of a line: its key and its requirement are looked at, and stand in
 * the list with copies of what is not in the file's text.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/facts/suite.h"
#include "policy/rules/client.h"
#include "policy/rules/never.h"
#include "policy/rules/rulefile-internal.h"

enum { ARENA_CHUNK = 1 << 20 };

void
rulefile_init(struct rulefile *file,
    void (*report)(void *, const struct fault *), void *arg)
{
	memset(file, 0, sizeof *file);
	arena_init(&file->memory, ARENA_CHUNK);
	file->report = report;
	file->arg = arg;
}

void
rulefile_free(struct rulefile *file)
{
	free(file->rules);
	file->rules = NULL;
	file->n = file->allocated = 0;
	free(file->as);
	file->as = NULL;
	arena_free(&file->memory);
}

bool
rulefile_reserve(struct rulefile *file, size_t n, struct fault *fault)
{
	size_t more = file->allocated == 0 ? 256 : 2 * file->allocated;
	struct rule *rules;

	if (n <= file->allocated - file->n)
		return true;
	if (more < file->n + n)
		more = file->n + n;
	rules = reallocarray(file->rules, more, sizeof *rules);
	if (rules == NULL)
		return fault_no_memory(fault);
	file->rules = rules;
	file->allocated = more;
	return true;
}

static bool
append(struct rulefile *file, const struct rule *rule, struct fault *fault)
{
	if (!rulefile_reserve(file, 1, fault))
		return false;
	file->rules[file->n++] = *rule;
	return true;
}

static void
bad_cipher_list(struct slice list, struct fault *fault)
{
	struct nearest nearest;
	struct text hint;
	char buf[80];

	if (suite_list_words(list, &nearest) != SUITE_WORDS_UNKNOWN ||
	    (nearest.word.n == 0 && slice_equal(list, nearest.wanted)))
		return; /* suite_list() has said what there is to say */
	text_init(&hint, buf, sizeof buf);
	nearest_print(&nearest, &hint);
	fault_set(fault, FAULT_DATA, "\"%.*s\" is not a cipher list that "
	    "OpenSSL knows; it knows no \"%.*s\"%s", SLICE_ARG(list),
	    SLICE_ARG(nearest.wanted), hint.buf);
}

/* CIPHER lists are asked of OpenSSL here, once, and not when judging. */
static bool
check_cipher_list(struct rulefile *file, const struct item *item,
    struct fault *fault)
{
	uint16_t ids[SUITE_LIST_MAX];
	size_t n;

	for (unsigned i = 0; i < RULEFILE_LISTS_MAX; i++)
		if (slice_equal(file->lists[i], item->value))
			return true;
	if (item->value.n > KEY_TEXT_MAX)
		fault_set(fault, FAULT_DATA, "the cipher list has %zu bytes; "
		    "expected at most %d", item->value.n, KEY_TEXT_MAX);
	else if (suite_list(item->value, ids, &n, fault)) {
		struct slice list = arena_copy(&file->memory, item->value);

		if (list.p == NULL)
			return fault_no_memory(fault);
		file->lists[file->nlists++ % RULEFILE_LISTS_MAX] = list;
		return true;
	} else
		bad_cipher_list(item->value, fault);
	fault->column = item->offset + 1;
	return false;
}

/* The domain of a name is converted, which is not for each session. */
static bool
check_client(const struct item *item, struct fault *fault)
{
	if (client_check(item->value, fault))
		return true;
	fault->column = item->offset + strlen(item->row->name) + 2;
	return false;
}

static bool
look_at_items(struct rulefile *file, const struct requirement *r,
    uint16_t *flags, struct fault *fault)
{
	if (requirement_is_dated(r))
		*flags |= RULE_DATED;
	if (r->nwhen > 0)
		*flags |= RULE_WHEN;
	if (r->need == NEED_AS)
		*flags |= RULE_AS;
	for (unsigned i = 0; i < r->nitems; i++) {
		const struct item *item = &r->items[i];

		if (item->row->id == ITEM_CITAG)
			*flags |= RULE_CITAG;
		if (item->row->inbound && !check_client(item, fault))
			return false;
		if (item->row->id != ITEM_CIPHER)
			continue;
		*flags |= RULE_CIPHER_LIST;
		if (!check_cipher_list(file, item, fault))
			return false;
	}
	return true;
}

static bool
unknown_tag(struct slice key_text, struct fault *fault)
{
	rulefile_unknown_tag(slice_make(key_text.p,
	    slice_find(key_text, ':')), fault);
	fault->column = 1;
	return false;
}

/* The column is that of the piece, in `text`; returns false. */
static bool
tell_never(const struct never *never, const struct never_row *row,
    struct slice text, struct fault *fault)
{
	never_fault(never, row, fault);
	fault->column = never->found.n == 0 ? text.n :
	    (size_t)(never->found.p - text.p) + 1;
	return false;
}

/* As key_parse(), of what can match; an issuer is rulefile_finish()'s. */
static bool
parse_key(const struct rulefile *file, struct slice text, struct key *key,
    struct fault *fault)
{
	size_t colon = slice_find(text, ':');
	struct slice name = slice_make(text.p, colon), what;
	const struct never_row *row;
	struct never never;
	enum tag tag;

	if (colon == text.n || !tag_by_name(name, &tag))
		return key_parse(text, key, fault);
	what = slice_from(text, colon + 1);
	row = never_key(&never, tag, what, file->as_sendmail);
	if (row != NULL)
		return tell_never(&never, row, text, fault);
	if (key_of(tag, what, key, fault))
		return true;
	fault->column = colon + 2;
	return false;
}

static bool
can_hold(const struct rulefile *file, enum tag tag, struct slice text,
    const struct requirement *r, struct fault *fault)
{
	struct never never;
	const struct never_row *row = never_requirement(&never, tag, r,
	    file->as_sendmail);

	return row == NULL || tell_never(&never, row, text, fault);
}

/*
 * Names behind CLIENT and WHEN stand in the store as A-labels: to convert them
 * takes memory, which judging does not.
 */
static bool
write_names(const struct requirement *r, struct slice *requirement,
    char buf[REQUIREMENT_TEXT_MAX + 1], struct fault *fault)
{
	const char *from = requirement->p;
	struct text out;

	text_init(&out, buf, REQUIREMENT_TEXT_MAX + 1);
	for (unsigned i = 0; i < r->nitems; i++) {
		struct slice value = r->items[i].value;

		if (!r->items[i].row->inbound || slice_is_ascii(value))
			continue;
		text_put(&out, slice_make(from, (size_t)(value.p - from)));
		if (!client_print(value, &out))
			return fault_no_memory(fault);
		from = value.p + value.n;
	}
	if (from == requirement->p)
		return true;
	text_put(&out, slice_make(from, requirement->n -
	    (size_t)(from - requirement->p)));
	if (out.cut)
		return fault_set(fault, FAULT_DATA, "found more than %d bytes "
		    "with names as A-labels; expected at most that many",
		    REQUIREMENT_TEXT_MAX);
	*requirement = slice_make(buf, out.n);
	return true;
}

static void
put_behind(char **at, struct slice s)
{
	if (s.n > 0)
		memcpy(*at, s.p, s.n);
	*at += s.n;
}

/*
 * Keeps a rule's texts one behind the other, which a sorted million profits
 * from.
 */
static bool
keep_texts(struct rulefile *file, struct rule *rule, const struct key *key,
    struct slice key_text, struct slice requirement, struct fault *fault)
{
	char *at = arena_bytes(&file->memory, key->n + key_text.n +
	    requirement.n);

	if (at == NULL)
		return fault_no_memory(fault);
	rule->key_bytes_at = at;
	rule->key_bytes_n = (uint16_t)key->n;
	put_behind(&at, slice_make((const char *)key->bytes, key->n));
	rule->key_at = at;
	rule->key_n = (uint16_t)key_text.n;
	rule->requirement_n = (uint16_t)requirement.n;
	put_behind(&at, key_text);
	put_behind(&at, requirement);
	return true;
}

/* Parses one rule with a tagged key; fills `rule`, which keeps copies. */
static bool
parse_rule(struct rulefile *file, struct slice key_text,
    struct slice requirement, struct rule *rule, bool *in_requirement,
    struct fault *fault)
{
	char names[REQUIREMENT_TEXT_MAX + 1];
	struct requirement r;
	struct key key;

	*in_requirement = false;
	if (!parse_key(file, key_text, &key, fault))
		return false;
	*in_requirement = true;
	rule->flags = key.final_dot ? RULE_FINAL_DOT : 0;
	if (key.tag == TAG_CA && !slice_is_nocase(requirement, "OK")) {
		*in_requirement = false;
		return unknown_tag(key_text, fault);
	}
	if (!requirement_parse(requirement, key.tag, &r, fault) ||
	    !look_at_items(file, &r, &rule->flags, fault) ||
	    !can_hold(file, key.tag, requirement, &r, fault) ||
	    !write_names(&r, &requirement, names, fault))
		return false;
	return keep_texts(file, rule, &key, key_text, requirement, fault);
}

/* "host" stands for TLS_Clt:host and TLS_Srv:host. */
static bool
add_untagged(struct rulefile *file, struct slice host,
    struct slice requirement, struct rule *rule, bool *in_requirement,
    struct fault *fault)
{
	static const char *const tags[] = { "TLS_Clt:", "TLS_Srv:" };
	char buf[KEY_TEXT_MAX + 16];
	struct text text;

	for (int i = 0; i < 2; i++) {
		struct slice tagged;

		text_init(&text, buf, sizeof buf);
		text_puts(&text, tags[i]);
		text_put(&text, host);
		tagged = slice_make(buf, text.n);
		if (!parse_rule(file, tagged, requirement, rule,
		    in_requirement, fault)) {
			if (!*in_requirement && fault->column > 8)
				fault->column -= 8;
			return false;
		}
		rule->flags |= RULE_UNTAGGED;
		if (!append(file, rule, fault))
			return false;
	}
	file->untagged++;
	return true;
}

bool
rulefile_add(struct rulefile *file, struct slice key,
    struct slice requirement, unsigned source, uint32_t number,
    bool *in_requirement, struct fault *fault)
{
	struct rule rule = { .line = number, .source = (uint16_t)source };

	*in_requirement = false;
	if (key_is_untagged(key))
		return add_untagged(file, key, requirement, &rule,
		    in_requirement, fault);
	return parse_rule(file, key, requirement, &rule, in_requirement,
	    fault) && append(file, &rule, fault);
}
