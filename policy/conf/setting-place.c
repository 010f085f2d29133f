/* Types of what is somewhere: paths, sockets, accounts, URLs. */
#include <string.h>

#include "policy/conf/setting.h"

bool
setting_expected(const struct setting *row, struct slice value, struct fault *f)
{
	return fault_set(f, FAULT_SETTINGS, "\"%.*s\" is not %s",
	    SLICE_ARG(value), row->type->expects);
}

bool
setting_store_string(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	size_t max = row->max != 0 ? row->max : row->size - 1;
	char *string = field;

	if (value.n > max)
		return fault_set(f, FAULT_SETTINGS,
		    "%zu bytes are too long, %zu are the most", value.n, max);
	if (value.n > 0)
		memcpy(string, value.p, value.n);
	string[value.n] = '\0';
	return true;
}

void
setting_print_string(const struct setting *row, const void *field, struct text *out)
{
	(void)row;
	text_puts(out, field);
}

/* Printable ASCII or UTF-8, no blanks: a blank is most often a comment. */
bool
setting_is_one_word(struct slice value)
{
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] <= ' ' || value.p[i] == 0x7f)
			return false;
	return value.n > 0;
}

static bool
is_path(struct slice value)
{
	return setting_is_one_word(value) && value.p[0] == '/' &&
	    value.p[value.n - 1] != '/';
}

static bool
parse_path(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	if (!is_path(value) && !(row->may_be_empty && value.n == 0))
		return setting_expected(row, value, f);
	return setting_store_string(row, value, field, f);
}

const struct setting_type setting_type_path = {
	.expects = "an absolute path without blanks",
	.parse = parse_path,
	.print = setting_print_string,
};

/* Paths become labels of metrics: UTF-8 without quotation marks. */
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
		return setting_expected(row, word, f);
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
		return setting_expected(row, value, f);
	memcpy(field, list, sizeof list);
	return true;
}

const struct setting_type setting_type_paths = {
	.expects = "a list of absolute paths without blanks and quotation "
	    "marks",
	.parse = parse_paths,
	.add = add_paths,
	.print = setting_print_string,
};

/* A host name or address, to be resolved when the socket is made. */
bool
setting_is_host(struct slice host, bool ipv6)
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
	    setting_is_host(slice_from(value, at + 1), ipv6);
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
		return setting_store_string(row, value, field, f);
	}
	if (!is_network_socket(value))
		return setting_expected(row, value, f);
	return setting_store_string(row, value, field, f);
}

const struct setting_type setting_type_socket = {
	.expects = "unix:/PATH, inet:PORT@HOST or inet6:PORT@HOST",
	.parse = parse_socket,
	.print = setting_print_string,
};

static bool
parse_listener(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	if (slice_is_nocase(value, "off"))
		return setting_store_string(row, slice_of("off"), field, f);
	if (!is_network_socket(value))
		return setting_expected(row, value, f);
	return setting_store_string(row, value, field, f);
}

const struct setting_type setting_type_listener = {
	.expects = "off, inet:PORT@HOST or inet6:PORT@HOST",
	.parse = parse_listener,
	.print = setting_print_string,
};

static bool
parse_map_listener(const struct setting *row, struct slice value,
    void *field, struct fault *f)
{
	if (slice_is_nocase(value, "off"))
		return setting_store_string(row, slice_of("off"), field, f);
	return parse_socket(row, value, field, f);
}

const struct setting_type setting_type_map_listener = {
	.expects = "off, unix:/PATH, inet:PORT@HOST or inet6:PORT@HOST",
	.parse = parse_map_listener,
	.print = setting_print_string,
};

/* No TCP: whoever can connect is believed, and ports are everybody's. */
static bool
parse_unix_listener(const struct setting *row, struct slice value,
    void *field, struct fault *f)
{
	if (slice_is_nocase(value, "off"))
		return setting_store_string(row, slice_of("off"), field, f);
	if (!slice_starts_nocase(value, "unix:"))
		return setting_expected(row, value, f);
	return parse_socket(row, value, field, f);
}

const struct setting_type setting_type_unix_listener = {
	.expects = "off or unix:/PATH",
	.parse = parse_unix_listener,
	.print = setting_print_string,
};

/* An address and the name of a map there, which holds no blank. */
static bool
parse_resolver(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	char address[SETTINGS_STRING_MAX];
	size_t blank = slice_find(value, ' ');

	if (slice_is_nocase(value, "off"))
		return setting_store_string(row, slice_of("off"), field, f);
	if (blank == value.n || !setting_is_one_word(slice_from(value, blank + 1)))
		return setting_expected(row, value, f);
	return parse_socket(row, slice_make(value.p, blank), address, f) &&
	    setting_store_string(row, value, field, f);
}

const struct setting_type setting_type_resolver = {
	.expects = "off, or unix:/PATH, inet:PORT@HOST or inet6:PORT@HOST and "
	    "the name of a map",
	.parse = parse_resolver,
	.print = setting_print_string,
};

static bool
parse_account(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	for (size_t i = 0; i < value.n; i++) {
		int c = text_lower(value.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '_' && (i == 0 || strchr(".-$", c) == NULL))
			return setting_expected(row, value, f);
	}
	return setting_store_string(row, value, field, f);
}

const struct setting_type setting_type_account = {
	.expects = "a user's or group's name or number",
	.parse = parse_account,
	.print = setting_print_string,
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
		return setting_expected(row, value, f);
	return setting_store_string(row, value, field, f);
}

const struct setting_type setting_type_url = {
	.expects = "an http:, https: or mailto: URL in ASCII",
	.parse = parse_url,
	.print = setting_print_string,
};

static bool
parse_directories(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	struct slice rest = value, uri;

	while (slice_next_of(&rest, " \t", &uri))
		if (uri.n > 0 && (!setting_is_one_word(uri) ||
		    !(slice_starts_nocase(uri, "ldap://") ||
		    slice_starts_nocase(uri, "ldaps://") ||
		    slice_starts_nocase(uri, "ldapi://"))))
			return setting_expected(row, uri, f);
	return setting_store_string(row, value, field, f);
}

const struct setting_type setting_type_directories = {
	.expects = "ldaps://HOST, ldap://HOST or ldapi://PATH",
	.parse = parse_directories,
	.print = setting_print_string,
};

/* A distinguished name or a bind name: its syntax is left to the directory. */
static bool
parse_entry(const struct setting *row, struct slice value, void *field,
    struct fault *f)
{
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] < ' ' || value.p[i] == 0x7f)
			return setting_expected(row, value, f);
	return setting_store_string(row, value, field, f);
}

const struct setting_type setting_type_entry = {
	.expects = "a distinguished name",
	.parse = parse_entry,
	.print = setting_print_string,
};
