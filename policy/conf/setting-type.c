/*
 * Values are checked when they are read, as far as that is possible without
 * the thing they name: a file or user need not be there where settings are
 * checked, but a value that can never work must not wait for a restart to
 * show it.
 */
#include <string.h>

#include "policy/conf/setting.h"

static const struct { char letter; unsigned seconds; } units[] = {
	{ 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 }
};

static bool
parse_duration(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	unsigned long number;

	for (size_t i = 0; value.n > 1 && i < sizeof units / sizeof units[0]; i++)
		if (value.p[value.n - 1] == units[i].letter &&
		    text_number(slice_make(value.p, value.n - 1),
		    row->max / units[i].seconds, &number) && number > 0) {
			*(int *)field = (int)(number * units[i].seconds);
			return true;
		}
	return setting_expected(row, value, f);
}

static void
print_duration(const struct setting *row, const void *field, struct text *out)
{
	unsigned value = (unsigned)*(const int *)field;
	size_t i = 0;

	(void)row;
	while (value % units[i].seconds != 0)
		i++;
	text_printf(out, "%u%c", value / units[i].seconds, units[i].letter);
}

const struct setting_type setting_type_duration = {
	.expects = "a time as 30s, 10m, 1h, one day at most",
	.parse = parse_duration,
	.print = print_duration,
};

static bool
parse_mode(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	unsigned mode = 0;

	if (value.n < 3 || value.n > 4)
		return setting_expected(row, value, f);
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '7')
			return setting_expected(row, value, f);
		mode = mode << 3 | (unsigned)(value.p[i] - '0');
	}
	if (mode > row->max)
		return setting_expected(row, value, f);
	*(int *)field = (int)mode;
	return true;
}

static void
print_mode(const struct setting *row, const void *field, struct text *out)
{
	(void)row;
	text_printf(out, "%04o", (unsigned)*(const int *)field);
}

const struct setting_type setting_type_mode = {
	.expects = "permission bits in octal, 0000 to 0777",
	.parse = parse_mode,
	.print = print_mode,
};

/* "400", or with its unit as --since has it, "400d". */
static bool
parse_days(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	struct slice digits = value;
	unsigned long days;

	if (digits.n > 0 && digits.p[digits.n - 1] == 'd')
		digits.n--;
	if (!text_number(digits, row->max, &days) || days == 0)
		return setting_expected(row, value, f);
	*(int *)field = (int)days;
	return true;
}

static void
print_days(const struct setting *row, const void *field, struct text *out)
{
	(void)row;
	text_printf(out, "%dd", *(const int *)field);
}

const struct setting_type setting_type_days = {
	.expects = "a number of days from 1 to 36500, as 400 or 400d",
	.parse = parse_days,
	.print = print_days,
};

static bool
parse_kept(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	static const char days[] = "days:";
	unsigned long number = 0;

	if (!slice_is_nocase(value, "off") &&
	    (!slice_starts_nocase(value, days) ||
	    !text_number(slice_from(value, sizeof days - 1), row->max,
	    &number) || number == 0))
		return setting_expected(row, value, f);
	*(int *)field = (int)number;
	return true;
}

static void
print_kept(const struct setting *row, const void *field, struct text *out)
{
	(void)row;
	if (*(const int *)field == 0)
		text_puts(out, "off");
	else
		text_printf(out, "days:%d", *(const int *)field);
}

const struct setting_type setting_type_kept = {
	.expects = "off, or days: and a number of days from 1 to 3650, as "
	    "days:30",
	.parse = parse_kept,
	.print = print_kept,
};

static bool
parse_word(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	char list[128];
	struct nearest nearest;
	struct text words;

	nearest_init(&nearest, value);
	text_init(&words, list, sizeof list);
	for (int i = 0; row->words[i] != NULL; i++) {
		if (slice_is_nocase(value, row->words[i])) {
			*(int *)field = i;
			return true;
		}
		text_printf(&words, "%s%s",
		    i == 0 ? "" : row->words[i + 1] == NULL ? " or " : ", ",
		    row->words[i]);
		nearest_offer(&nearest, slice_of(row->words[i]));
	}
	nearest_print(&nearest, &words);
	return fault_set(f, FAULT_SETTINGS, "\"%.*s\" is not %s",
	    SLICE_ARG(value), words.buf);
}

static void
print_word(const struct setting *row, const void *field, struct text *out)
{
	text_puts(out, row->words[*(const int *)field]);
}

const struct setting_type setting_type_word = {
	.expects = "one of a few words",
	.parse = parse_word,
	.print = print_word,
};

static bool
add_prefix(const struct setting *row, struct slice word,
    struct settings_prefixes *list, struct fault *f)
{
	struct netprefix prefix;

	switch (netprefix_parse(word, &prefix)) {
	case NETPREFIX_OK:
		break;
	case NETPREFIX_BITS:
		return fault_set(f, FAULT_SETTINGS,
		    "\"%.*s\" has no prefix length that fits its address",
		    SLICE_ARG(word));
	case NETPREFIX_HOSTBITS:
		return fault_set(f, FAULT_SETTINGS,
		    "\"%.*s\" has bits set to the right of its prefix",
		    SLICE_ARG(word));
	case NETPREFIX_NONE:
		return fault_set(f, FAULT_SETTINGS,
		    "\"%.*s\" is no network address or prefix",
		    SLICE_ARG(word));
	}
	if (list->n == row->max)
		return fault_set(f, FAULT_SETTINGS,
		    "more than %lu prefixes", row->max);
	list->prefix[list->n++] = prefix;
	return true;
}

static bool
add_prefixes(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	struct slice word;

	while (slice_next_of(&value, ", \t", &word))
		if (word.n > 0 && !add_prefix(row, word, field, f))
			return false;
	return true;
}

static bool
parse_prefixes(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	struct settings_prefixes list = { .n = 0 };

	if (!add_prefixes(row, value, &list, f))
		return false;
	memcpy(field, &list, sizeof list);
	return true;
}

static void
print_prefixes(const struct setting *row, const void *field, struct text *out)
{
	const struct settings_prefixes *list = field;

	(void)row;
	for (unsigned i = 0; i < list->n; i++) {
		text_puts(out, i > 0 ? ", " : "");
		netprefix_print(&list->prefix[i], out);
	}
}

const struct setting_type setting_type_prefixes = {
	.expects = "a list of network addresses and prefixes",
	.parse = parse_prefixes,
	.add = add_prefixes,
	.print = print_prefixes,
};

/* Names, never addresses: they are put behind local parts. */
static bool
parse_domains(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	struct slice rest = value, name;
	struct netaddr addr;

	while (slice_next_of(&rest, ", \t", &name))
		if (name.n > 0 && (netaddr_parse(name, &addr) ||
		    !setting_is_host(name, false)))
			return setting_expected(row, name, f);
	return setting_store_string(row, value, field, f);
}

const struct setting_type setting_type_domains = {
	.expects = "a list of domains",
	.parse = parse_domains,
	.print = setting_print_string,
};

/*
 * What the names mean is known to whoever uses them, and is not checked here.
 */
static bool
parse_names(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	struct slice rest = value, name;

	while (slice_next_of(&rest, ", \t", &name))
		for (size_t i = 0; i < name.n; i++) {
			int c = text_lower(name.p[i]);

			if (!(c >= 'a' && c <= 'z') && c != '-')
				return setting_expected(row, name, f);
		}
	return setting_store_string(row, value, field, f);
}

const struct setting_type setting_type_names = {
	.expects = "a list of names of findings",
	.parse = parse_names,
	.print = setting_print_string,
};

/* Letters, digits, + - and _: they go into an answer as they are. */
static bool
parse_suites(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	struct slice rest = value, name;

	while (slice_next_of(&rest, ":, \t", &name))
		for (size_t i = 0; i < name.n; i++) {
			int c = text_lower(name.p[i]);

			if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
			    c != '+' && c != '-' && c != '_')
				return setting_expected(row, name, f);
		}
	return setting_store_string(row, value, field, f);
}

const struct setting_type setting_type_suites = {
	.expects = "a list of cipher suites, as OpenSSL names them",
	.parse = parse_suites,
	.print = setting_print_string,
};
