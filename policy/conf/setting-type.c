/*
 * Values are checked when they are read, as far as that is possible without
 * the thing they name: a file or user need not be there where settings are
 * checked, but a value that can never work must not wait for a restart to
 * show it.
 */
#include <string.h>

#include "policy/conf/setting.h"

static bool
expected(const struct setting *row, struct slice value, struct fault *f)
{
	return fault_set(f, FAULT_SETTINGS, "\"%.*s\" is not %s",
	    SLICE_ARG(value), row->type->expects);
}

static bool
store_string(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	char *string = field;

	if (value.n > row->max)
		return fault_set(f, FAULT_SETTINGS,
		    "%zu bytes are too long, %lu are the most", value.n,
		    row->max);
	if (value.n > 0)
		memcpy(string, value.p, value.n);
	string[value.n] = '\0';
	return true;
}

static void
print_string(const struct setting *row, const void *field, struct text *out)
{
	(void)row;
	text_puts(out, field);
}

/* Printable ASCII or UTF-8, no blanks: a blank is most often a comment. */
static bool
is_one_word(struct slice value)
{
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] <= ' ' || value.p[i] == 0x7f)
			return false;
	return value.n > 0;
}

static bool
is_path(struct slice value)
{
	return is_one_word(value) && value.p[0] == '/' &&
	    value.p[value.n - 1] != '/';
}

static bool
parse_path(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	if (!is_path(value) && !(row->may_be_empty && value.n == 0))
		return expected(row, value, f);
	return store_string(row, value, field, f);
}

const struct setting_type setting_type_path = {
	.expects = "an absolute path without blanks",
	.parse = parse_path,
	.print = print_string,
};

/* They are labels of the metrics, too: UTF-8 without quotation marks. */
static bool
is_label(struct slice value)
{
	uint32_t code;
	size_t n;

	for (; value.n > 0; value = slice_from(value, n)) {
		n = text_utf8(value, &code);
		if (n == 0 || code == '"' || code == '\\' ||
		    text_is_invisible(code))
			return false;
	}
	return true;
}

static bool
add_path(const struct setting *row, struct slice word, struct text *list,
    struct fault *f)
{
	struct slice rest = slice_make(list->buf, list->n), one;
	unsigned long n = 0;

	if (!is_path(word) || !is_label(word))
		return expected(row, word, f);
	while (slice_next_of(&rest, ", ", &one)) {
		if (slice_equal(one, word))
			return fault_set(f, FAULT_SETTINGS,
			    "\"%.*s\" stands there twice", SLICE_ARG(word));
		n += one.n > 0;
	}
	if (n == row->max || word.n >= SETTINGS_STRING_MAX ||
	    list->n + 2 + word.n >= list->size)
		return fault_set(f, FAULT_SETTINGS, "more than %lu paths, or "
		    "more than %zu bytes of them", row->max, list->size - 1);
	text_puts(list, n > 0 ? ", " : "");
	text_put(list, word);
	return true;
}

/* On failure the field stays as it was. */
static bool
add_paths(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	char memory[SETTINGS_PATHS_BYTES];
	struct text list;
	struct slice word;

	text_init(&list, memory, sizeof memory);
	text_puts(&list, field);
	while (slice_next_of(&value, ", \t", &word))
		if (word.n > 0 && !add_path(row, word, &list, f))
			return false;
	memcpy(field, memory, list.n + 1);
	return true;
}

static bool
parse_paths(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	char list[SETTINGS_PATHS_BYTES] = "";

	if (!add_paths(row, value, list, f))
		return false;
	if (list[0] == '\0' && !row->may_be_empty)
		return expected(row, value, f);
	memcpy(field, list, sizeof list);
	return true;
}

const struct setting_type setting_type_paths = {
	.expects = "a list of absolute paths without blanks and quotation "
	    "marks",
	.parse = parse_paths,
	.add = add_paths,
	.print = print_string,
};

/* A host name or address, to be resolved when the socket is made. */
static bool
is_host(struct slice host, bool ipv6)
{
	struct netaddr addr;

	if (netaddr_parse(host, &addr))
		return ipv6 == (slice_find(host, ':') < host.n);
	for (size_t i = 0; i < host.n; i++) {
		int c = text_lower(host.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '.' && c != '-' && c != '_')
			return false;
	}
	return host.n > 0 && host.p[0] != '.' && host.p[0] != '-';
}

/* "inet:PORT@HOST", "inet6:PORT@HOST". */
static bool
is_network_socket(struct slice value)
{
	bool ipv6 = slice_starts_nocase(value, "inet6:");
	unsigned long port;
	size_t at;

	if (!ipv6 && !slice_starts_nocase(value, "inet:"))
		return false;
	value = slice_from(value, ipv6 ? 6 : 5);
	at = slice_find(value, '@');
	return at < value.n &&
	    text_number(slice_make(value.p, at), 65535, &port) && port > 0 &&
	    is_host(slice_from(value, at + 1), ipv6);
}

static bool
parse_socket(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	enum { UNIX_PATH_MAX = 107 }; /* sockaddr_un.sun_path, unix(7) */

	if (slice_starts_nocase(value, "unix:") &&
	    is_path(slice_from(value, 5))) {
		if (value.n - 5 > UNIX_PATH_MAX)
			return fault_set(f, FAULT_SETTINGS,
			    "the path of a unix socket has at most %d bytes",
			    UNIX_PATH_MAX);
		return store_string(row, value, field, f);
	}
	if (!is_network_socket(value))
		return expected(row, value, f);
	return store_string(row, value, field, f);
}

const struct setting_type setting_type_socket = {
	.expects = "unix:/PATH, inet:PORT@HOST or inet6:PORT@HOST",
	.parse = parse_socket,
	.print = print_string,
};

static bool
parse_listener(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	if (slice_is_nocase(value, "off"))
		return store_string(row, slice_of("off"), field, f);
	if (!is_network_socket(value))
		return expected(row, value, f);
	return store_string(row, value, field, f);
}

const struct setting_type setting_type_listener = {
	.expects = "off, inet:PORT@HOST or inet6:PORT@HOST",
	.parse = parse_listener,
	.print = print_string,
};

static bool
parse_map_listener(const struct setting *row, struct slice value,
    void *field, struct fault *f)
{
	if (slice_is_nocase(value, "off"))
		return store_string(row, slice_of("off"), field, f);
	return parse_socket(row, value, field, f);
}

const struct setting_type setting_type_map_listener = {
	.expects = "off, unix:/PATH, inet:PORT@HOST or inet6:PORT@HOST",
	.parse = parse_map_listener,
	.print = print_string,
};

/* No TCP: whoever can connect is believed, and ports are everybody's. */
static bool
parse_unix_listener(const struct setting *row, struct slice value,
    void *field, struct fault *f)
{
	if (slice_is_nocase(value, "off"))
		return store_string(row, slice_of("off"), field, f);
	if (!slice_starts_nocase(value, "unix:"))
		return expected(row, value, f);
	return parse_socket(row, value, field, f);
}

const struct setting_type setting_type_unix_listener = {
	.expects = "off or unix:/PATH",
	.parse = parse_unix_listener,
	.print = print_string,
};

/* An address and the name of a map there, which holds no blank. */
static bool
parse_resolver(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	char address[SETTINGS_STRING_MAX];
	size_t blank = slice_find(value, ' ');

	if (slice_is_nocase(value, "off"))
		return store_string(row, slice_of("off"), field, f);
	if (blank == value.n || !is_one_word(slice_from(value, blank + 1)))
		return expected(row, value, f);
	return parse_socket(row, slice_make(value.p, blank), address, f) &&
	    store_string(row, value, field, f);
}

const struct setting_type setting_type_resolver = {
	.expects = "off, or unix:/PATH, inet:PORT@HOST or inet6:PORT@HOST and "
	    "the name of a map",
	.parse = parse_resolver,
	.print = print_string,
};

static bool
parse_account(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	for (size_t i = 0; i < value.n; i++) {
		int c = text_lower(value.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '_' && (i == 0 || strchr(".-$", c) == NULL))
			return expected(row, value, f);
	}
	return store_string(row, value, field, f);
}

const struct setting_type setting_type_account = {
	.expects = "a user's or group's name or number",
	.parse = parse_account,
	.print = print_string,
};

/* Goes into replies: ASCII only (RFC 5321 section 4.2, textstring). */
static bool
parse_url(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	bool good = value.n == 0 || slice_starts_nocase(value, "https://") ||
	    slice_starts_nocase(value, "http://") ||
	    slice_starts_nocase(value, "mailto:");

	for (size_t i = 0; i < value.n; i++)
		good = good && value.p[i] > ' ' && value.p[i] < 0x7f;
	if (!good)
		return expected(row, value, f);
	return store_string(row, value, field, f);
}

const struct setting_type setting_type_url = {
	.expects = "an http:, https: or mailto: URL in ASCII",
	.parse = parse_url,
	.print = print_string,
};

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
	return expected(row, value, f);
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
		return expected(row, value, f);
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '7')
			return expected(row, value, f);
		mode = mode << 3 | (unsigned)(value.p[i] - '0');
	}
	if (mode > row->max)
		return expected(row, value, f);
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
		return expected(row, value, f);
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
		    !is_host(name, false)))
			return expected(row, name, f);
	return store_string(row, value, field, f);
}

const struct setting_type setting_type_domains = {
	.expects = "a list of domains",
	.parse = parse_domains,
	.print = print_string,
};

/* Whose names they are knows only who uses them. */
static bool
parse_names(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	struct slice rest = value, name;

	while (slice_next_of(&rest, ", \t", &name))
		for (size_t i = 0; i < name.n; i++) {
			int c = text_lower(name.p[i]);

			if (!(c >= 'a' && c <= 'z') && c != '-')
				return expected(row, name, f);
		}
	return store_string(row, value, field, f);
}

const struct setting_type setting_type_names = {
	.expects = "a list of names of findings",
	.parse = parse_names,
	.print = print_string,
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
				return expected(row, name, f);
		}
	return store_string(row, value, field, f);
}

const struct setting_type setting_type_suites = {
	.expects = "a list of cipher suites, as OpenSSL names them",
	.parse = parse_suites,
	.print = print_string,
};
