/* The lines of a text, one after another, up to the first bad one. */
#include <string.h>

#include "policy/rules/rulefile-internal.h"

/* Each of eight bytes is from blank to ~; after one that is not more may fail. */
static bool
is_plain(const char *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t word;

	memcpy(&word, p, sizeof word);
	return (((word - ' ' * ones) | (word + ones) | word) & 0x80 * ones) ==
	    0;
}

static bool
all_plain(struct slice s)
{
	for (; s.n >= 8; s = slice_from(s, 8))
		if (!is_plain(s.p))
			return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return true;
}

/* The fault is at offset `at`; returns false. */
static bool
bad_character(size_t at, struct fault *fault)
{
	fault->column = at + 1;
	return false;
}

/*
 * UTF-8 without what a reader would not see: a rule has to be what it looks
 * like, and is printed on terminals.
 */
static bool
check_characters(struct slice text, struct fault *fault)
{
	uint32_t code;

	for (size_t i = 0, n; i < text.n; i += n) {
		n = 1;
		if (text.p[i] >= ' ' && text.p[i] <= '~')
			continue;
		n = text_utf8(slice_from(text, i), &code);
		if (n == 0) {
			fault_set(fault, FAULT_DATA, "found the byte 0x%02x, "
			    "which is no UTF-8; expected text in UTF-8",
			    (unsigned char)text.p[i]);
			return bad_character(i, fault);
		}
		if (!text_is_invisible(code) || code == '\t' ||
		    (code == '\r' && i + 1 == text.n))
			continue;
		if (code < 0x80)
			fault_set(fault, FAULT_DATA, "found a control "
			    "character (0x%02x); expected text", code);
		else
			fault_set(fault, FAULT_DATA, "found an invisible "
			    "character (U+%04X); expected text", code);
		return bad_character(i, fault);
	}
	if (text.n <= RULEFILE_LINE_MAX)
		return true;
	fault_set(fault, FAULT_DATA, "the line has %zu bytes; expected at "
	    "most %d", text.n, RULEFILE_LINE_MAX);
	fault->column = RULEFILE_LINE_MAX + 1;
	return false;
}

static bool
check_comment(struct slice line, struct fault *fault)
{
	size_t at;

	if (!text_foreign_end(line, &at))
		return true;
	fault_set(fault, FAULT_DATA, "found a character in a comment that "
	    "ends a line in other programs; expected a newline, or text");
	return bad_character(at, fault);
}

/* Splits a line at the first blank.  False: there is no second part. */
static bool
split(struct slice line, struct slice *key, struct slice *requirement)
{
	size_t end = slice_find(line, '\t');

	end = slice_find(slice_make(line.p, end), ' ');
	*key = slice_make(line.p, end);
	*requirement = slice_trim(slice_from(line, end));
	return requirement->n > 0;
}

/*
 * Most lines are of plain characters: nothing is left for check_characters() to
 * find.
 */
static bool
is_common(struct slice line, struct slice key, struct slice requirement)
{
	const char *end = requirement.p + requirement.n;

	return key.p == line.p && line.n <= RULEFILE_LINE_MAX &&
	    (size_t)(end - line.p) + 1 >= line.n && all_plain(key) &&
	    all_plain(requirement);
}

static bool
parse_line(struct rulefile *file, struct slice line, unsigned source,
    uint32_t number, struct fault *fault)
{
	struct slice text = slice_trim(line), key, requirement;
	bool in_requirement, parted;
	size_t had = file->n;

	fault_clear(fault);
	if (text.n == 0)
		return true;
	if (line.p[0] == '#')
		return check_comment(line, fault);
	parted = split(text, &key, &requirement);
	if (!is_common(line, key, requirement) &&
	    !check_characters(line, fault))
		return false;
	if (!parted) {
		fault_set(fault, FAULT_DATA, "found only \"%.*s\"; expected "
		    "KEY, blanks, REQUIREMENT", SLICE_ARG(key));
		fault->column = line.n + 1;
		return false;
	}
	if (rulefile_add(file, key, requirement, source, number,
	    &in_requirement, fault))
		return rulefile_note_as(file, had, (size_t)(requirement.p -
		    line.p) + 1, fault);
	file->bad_profile |= slice_starts_nocase(key, "Profile:");
	if (fault->column == 0)
		fault->column = 1;
	fault->column += (size_t)((in_requirement ? requirement.p : key.p) -
	    line.p);
	return false;
}

bool
rulefile_parse(struct rulefile *file, struct slice *text, unsigned source,
    uint32_t *number, struct fault *fault)
{
	struct slice line;

	while (slice_next(text, '\n', &line))
		if (!parse_line(file, line, source, ++*number, fault))
			return false;
	return true;
}
