/*
 * What only the whole of the rules can show, once they are sorted: keys given
 * twice, rows of issuers that no rule asks for.
 */
#include <stdlib.h>

#include "policy/rules/item.h"
#include "policy/rules/never.h"
#include "policy/rules/rulefile-internal.h"

static void
report_rule(struct rulefile *file, const struct rule *rule,
    struct fault *fault)
{
	fault->column = 1;
	rulefile_bad_line(file, rule->source, rule->line, fault);
}

static void
warn(struct rulefile *file, const struct rule *rule, struct fault *fault)
{
	char where[FAULT_WHERE_MAX];

	if (file->warn == NULL)
		return;
	snprintf(where, sizeof where, "%.*s",
	    SLICE_ARG(file->sources[rule->source]));
	fault_at(fault, where, rule->line, 1);
	file->warn(file->arg, fault);
}

/* Both rules are halves of untagged lines: the other half was reported. */
static bool
second_half(const struct rule *a, const struct rule *b)
{
	return (a->flags & b->flags & RULE_UNTAGGED) != 0 &&
	    key_bytes_tag(rule_key_bytes(a)) == TAG_SRV;
}

/*
 * Where letters beyond ASCII were compared as bytes, one mailbox had a line for
 * each spelling.  As long as they say the same the first stands for all.
 */
static bool
spells_again(const struct rule *first, const struct rule *second)
{
	enum key_kind kind = (enum key_kind)rule_key_bytes(second).p[1];

	return (second->flags & RULE_REPEATED) != 0 &&
	    (kind == KEY_MAILBOX || kind == KEY_WORD) &&
	    !slice_is_ascii(rule_key(second)) &&
	    !slice_equal_nocase(rule_key(first), rule_key(second)) &&
	    slice_equal(rule_requirement(first), rule_requirement(second));
}

static void
warn_spelling(struct rulefile *file, const struct rule *first,
    const struct rule *second)
{
	struct fault fault;

	fault_set(&fault, FAULT_DATA, "warning: \"%.*s\" is another spelling of "
	    "\"%.*s\" in line %lu of %.*s, so this line does nothing",
	    SLICE_ARG(rule_key(second)), SLICE_ARG(rule_key(first)),
	    (unsigned long)first->line,
	    SLICE_ARG(file->sources[first->source]));
	warn(file, second, &fault);
}

static void
drop_spellings(struct rulefile *file)
{
	size_t n = 0;

	for (size_t i = 0; i < file->n; i++) {
		const struct rule *rule = &file->rules[i];

		if (n > 0 && spells_again(&file->rules[n - 1], rule))
			warn_spelling(file, &file->rules[n - 1], rule);
		else if (n++ < i)
			file->rules[n - 1] = *rule;
	}
	file->n = n;
}

/* Of one key only the last line may count for all clients on all days. */
static void
check_duplicates(struct rulefile *file)
{
	struct fault fault;

	for (size_t i = 1; i < file->n; i++) {
		const struct rule *first = &file->rules[i - 1];
		const struct rule *second = &file->rules[i];

		if ((second->flags & RULE_REPEATED) == 0 ||
		    (first->flags & (RULE_DATED | RULE_WHEN)) != 0 ||
		    second_half(first, second))
			continue;
		fault_set(&fault, FAULT_DATA, "found \"%.*s\" a second time "
		    "(first in line %lu of %.*s); expected one line for a "
		    "%s", SLICE_ARG(rule_key(second)),
		    (unsigned long)first->line,
		    SLICE_ARG(file->sources[first->source]),
		    key_bytes_tag(rule_key_bytes(second)) == TAG_PROFILE ?
		    "profile" : "key, or FROM, UNTIL or WHEN on all but its "
		    "last");
		report_rule(file, second, &fault);
	}
}

struct ca_names {
	struct slice *names;
	size_t n, allocated;
};

static bool
ca_named(const struct ca_names *ca, struct slice name)
{
	for (size_t i = 0; i < ca->n; i++)
		if (slice_equal_nocase(ca->names[i], name))
			return true;
	return false;
}

static void
collect_ca_names(const struct rule *rule, struct ca_names *ca)
{
	struct requirement r;
	struct fault fault;
	enum tag tag = key_bytes_tag(rule_key_bytes(rule));

	if (tag == TAG_CA || tag == TAG_TRY ||
	    !requirement_parse(rule_requirement(rule), tag, &r, &fault))
		return;
	for (unsigned i = 0; i < r.nitems; i++) {
		if (r.items[i].row->id != ITEM_CITAG ||
		    ca_named(ca, r.items[i].value))
			continue;
		if (ca->n == ca->allocated) {
			size_t more = ca->allocated + 16;
			struct slice *names = realloc(ca->names,
			    more * sizeof *names);

			if (names == NULL)
				return;
			ca->names = names;
			ca->allocated = more;
		}
		ca->names[ca->n++] = r.items[i].value;
	}
}

static bool
is_ca_row(const struct rule *rule)
{
	return key_bytes_tag(rule_key_bytes(rule)) == TAG_CA;
}

/* An issuer's row that no CITag asks for does nothing, which is no harm. */
static void
warn_unused(struct rulefile *file, const struct rule *rule, struct slice name)
{
	struct fault fault;

	fault_set(&fault, FAULT_DATA, "warning: no rule names CITag:%.*s, so "
	    "this line does nothing", SLICE_ARG(name));
	warn(file, rule, &fault);
}

/*
 * A row that is added alone may name an issuer of the store: cmd-set.c looks
 * there.
 */
static bool
is_issuer(const struct rulefile *file, const struct ca_names *ca,
    struct slice name)
{
	struct nearest nearest;

	if (!file->partial)
		return ca_named(ca, name);
	tag_nearest(name, &nearest);
	return nearest.word.n == 0;
}

/*
 * A tag that is none of ours must be one that some CITag asks for, or at least
 * stand before an issuer's name: TLS_Cilt:a.example is a slip of the pen.
 */
static void
check_ca_row(struct rulefile *file, const struct rule *rule,
    const struct ca_names *ca)
{
	size_t colon = slice_find(rule_key(rule), ':');
	struct slice name = slice_make(rule_key(rule).p, colon);
	struct slice dn = slice_from(rule_key(rule), colon + 1);
	const struct never_row *row;
	struct never never;
	struct fault fault;

	row = never_key(&never, TAG_CA, dn, file->as_sendmail);
	if (is_issuer(file, ca, name)) {
		if (row == NULL)
			return;
		never_fault(&never, row, &fault);
		fault.column = colon + 2;
		rulefile_bad_line(file, rule->source, rule->line, &fault);
	} else if (dn.n > 0 && dn.p[0] == '/') {
		if (!file->partial)
			warn_unused(file, rule, name);
	} else if (!file->partial) {
		rulefile_unknown_tag(name, &fault);
		report_rule(file, rule, &fault);
	}
}

static void
check_ca_rows(struct rulefile *file)
{
	struct ca_names ca = { NULL, 0, 0 };

	for (size_t i = 0; i < file->n; i++)
		if ((file->rules[i].flags & RULE_CITAG) != 0)
			collect_ca_names(&file->rules[i], &ca);
	for (size_t i = 0; i < file->n; i++)
		if (is_ca_row(&file->rules[i]))
			check_ca_row(file, &file->rules[i], &ca);
	free(ca.names);
}

bool
rulefile_finish(struct rulefile *file)
{
	struct fault fault;

	check_ca_rows(file);
	if ((!file->partial && !rulefile_check_profiles(file)) ||
	    !rulefile_sort(file)) {
		fault_no_memory(&fault);
		rulefile_bad_line(file, file->rules[0].source,
		    file->rules[0].line, &fault);
	}
	if (!file->entries)
		drop_spellings(file);
	check_duplicates(file);
	return file->bad_lines == 0;
}
