/*
 * A .cf file is what sendmail reads: "XNAME, equates" and "O Name=value", a
 * line that begins with a blank goes on with the one before.  A .mc file is
 * what people write: INPUT_MAIL_FILTER(`NAME', `equates') and
 * define(`confNAME', `value'); only such lines are understood, so what other
 * m4 makes of them is better seen in the .cf file.  Maps and rules, "KNAME class"
 * and "R...", stand in both alike.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy/doctor/sendmail.h"

#define SENDMAIL_ASKS "$(" SENDMAIL_MAP " tlspolicy:"

enum { LINE_BYTES = 4096 };

static const struct {
	const char *cf, *mc;
} options[SENDMAIL_OPTIONS] = {
	[SENDMAIL_FILTERS] = { "InputMailFilters", "confINPUT_MAIL_FILTERS" },
	[SENDMAIL_CA_FILE] = { "CACertFile", "confCACERT" },
	[SENDMAIL_CA_PATH] = { "CACertPath", "confCACERT_PATH" },
	[SENDMAIL_CERT] = { "ServerCertFile", "confSERVER_CERT" },
	[SENDMAIL_KEY] = { "ServerKeyFile", "confSERVER_KEY" },
	[SENDMAIL_CLIENT_CERT] = { "ClientCertFile", "confCLIENT_CERT" },
	[SENDMAIL_CLIENT_KEY] = { "ClientKeyFile", "confCLIENT_KEY" },
	[SENDMAIL_TLS_SERVER] = { "TLSSrvOptions", "confTLS_SRV_OPTIONS" },
	[SENDMAIL_USER] = { "RunAsUser", "confRUN_AS_USER" },
	[SENDMAIL_BLAME] = { "DontBlameSendmail", "confDONT_BLAME_SENDMAIL" },
};

static void
keep(char *to, struct slice value)
{
	value = slice_trim(value);
	snprintf(to, SENDMAIL_VALUE_BYTES, "%.*s", SLICE_ARG(value));
}

struct slice
sendmail_equate(const char *equates, char letter, bool *there)
{
	struct slice rest = slice_of(equates), one;
	bool ignored;

	if (there == NULL)
		there = &ignored;
	*there = false;
	while (slice_next(&rest, ',', &one)) {
		size_t equal;

		one = slice_trim(one);
		equal = slice_find(one, '=');
		if (equal == one.n ||
		    text_lower(one.p[0]) != text_lower(letter))
			continue;
		*there = true;
		return slice_trim(slice_from(one, equal + 1));
	}
	return slice_make("", 0);
}

static void
take_filter(struct sendmail *s, struct slice name, struct slice equates,
    bool input)
{
	char text[SENDMAIL_VALUE_BYTES];
	struct socket_address at;

	keep(text, equates);
	if (!socket_parse(sendmail_equate(text, 'S', NULL), &at) ||
	    !socket_same(&at, &s->socket))
		return;
	keep(s->name, name);
	memcpy(s->equates, text, sizeof text);
	s->input = input;
}

static void
take_daemon(struct sendmail *s, struct slice value)
{
	if (s->ndaemons < SENDMAIL_DAEMONS_MAX)
		keep(s->daemon[s->ndaemons++], value);
}

static void
take_host(struct sendmail *s, struct slice name)
{
	name = slice_trim(name);
	/* "$w.example.com" is sendmail's to expand. */
	if (slice_find(name, '$') == name.n)
		snprintf(s->host, sizeof s->host, "%.*s", SLICE_ARG(name));
}

static void
take_option(struct sendmail *s, struct slice name, struct slice value)
{
	for (int i = 0; i < SENDMAIL_OPTIONS; i++)
		if (slice_is_nocase(slice_trim(name), s->mc ? options[i].mc :
		    options[i].cf))
			keep(s->option[i], value);
	if (slice_is_nocase(slice_trim(name), "DaemonPortOptions"))
		take_daemon(s, value);
	if (s->mc && slice_is_nocase(slice_trim(name), "confDOMAIN_NAME"))
		take_host(s, value);
}

/* "tlspolicy_access socket -d5 unix:/path", "access sequence a b" */
static void
take_map(struct sendmail *s, struct slice name, struct slice rest)
{
	struct slice word;

	if (slice_is(name, SENDMAIL_MAP))
		keep(s->map, rest);
	if (!slice_is(name, "access") ||
	    !slice_next_of(&rest, " \t", &word) ||
	    !slice_is_nocase(word, "sequence"))
		return;
	while (slice_next_of(&rest, " \t", &word) && word.n == 0)
		continue;
	s->map_first = slice_is(word, SENDMAIL_MAP);
}

static bool
contains(struct slice line, const char *words)
{
	size_t n = strlen(words);

	for (size_t i = 0; i + n <= line.n; i++)
		if (memcmp(line.p + i, words, n) == 0)
			return true;
	return false;
}

/* Lines that are the same in both files. */
static void
take_map_line(struct sendmail *s, struct slice line)
{
	size_t n = 0;

	if (line.n > 1 && line.p[0] == 'K') {
		line = slice_trim(slice_from(line, 1));
		while (n < line.n && !text_is_blank(line.p[n]))
			n++;
		take_map(s, slice_make(line.p, n),
		    slice_trim(slice_from(line, n)));
	} else if (line.n > 1 && line.p[0] == 'R') {
		s->asks_alive |= contains(line, SENDMAIL_ASKS "alive ");
		s->asks_server |= contains(line, SENDMAIL_ASKS
		    "tls_srv/$&{server_name}/$&{server_addr} ");
		s->asks_rcpt |= contains(line, SENDMAIL_ASKS "tls_rcpt/$1 ");
	}
}

static void
take_cf_line(struct sendmail *s, struct slice line)
{
	size_t equal = slice_find(line, '='), comma = slice_find(line, ',');

	if (line.n > 2 && line.p[0] == 'D' && line.p[1] == 'j')
		take_host(s, slice_from(line, 2));
	else if (line.n > 1 && line.p[0] == 'X' && comma < line.n)
		take_filter(s, slice_make(line.p + 1, comma - 1),
		    slice_from(line, comma + 1), false);
	else if (line.n > 2 && line.p[0] == 'O' && line.p[1] == ' ' &&
	    equal < line.n)
		take_option(s, slice_make(line.p + 2, equal - 2),
		    slice_from(line, equal + 1));
	else
		take_map_line(s, line);
}

/* The next m4 argument, `quoted' or bare; false: there is none. */
static bool
next_argument(struct slice *rest, struct slice *argument)
{
	size_t n = 0;

	*rest = slice_trim(*rest);
	if (rest->n > 0 && rest->p[0] == '`') {
		*rest = slice_from(*rest, 1);
		n = slice_find(*rest, '\'');
		*argument = slice_make(rest->p, n);
		*rest = slice_from(*rest, n < rest->n ? n + 1 : n);
		n = 0;
	} else {
		while (n < rest->n && strchr(",)", rest->p[n]) == NULL)
			n++;
		*argument = slice_trim(slice_make(rest->p, n));
		*rest = slice_from(*rest, n);
	}
	*rest = slice_trim(*rest);
	if (rest->n > 0 && rest->p[0] == ',')
		*rest = slice_from(*rest, 1);
	return argument->n > 0;
}

static bool
macro_arguments(struct slice line, const char *macro, struct slice argument[2])
{
	struct slice rest;

	if (!slice_starts_nocase(line, macro) ||
	    line.n <= strlen(macro) || line.p[strlen(macro)] != '(')
		return false;
	rest = slice_from(line, strlen(macro) + 1);
	argument[1] = slice_make("", 0);
	if (!next_argument(&rest, &argument[0]))
		return false;
	(void)next_argument(&rest, &argument[1]);
	return true;
}

static void
take_mc_line(struct sendmail *s, struct slice line)
{
	struct slice argument[2];

	if (macro_arguments(line, "INPUT_MAIL_FILTER", argument))
		take_filter(s, argument[0], argument[1], true);
	else if (macro_arguments(line, "MAIL_FILTER", argument))
		take_filter(s, argument[0], argument[1], false);
	else if (macro_arguments(line, "DAEMON_OPTIONS", argument))
		take_daemon(s, argument[0]);
	else if (macro_arguments(line, "define", argument))
		take_option(s, argument[0], argument[1]);
	else if (macro_arguments(line, "FEATURE", argument)) {
		if (slice_is(argument[0], "access_db"))
			take_map(s, slice_of("access"), argument[1]);
	} else
		take_map_line(s, line);
}

bool
sendmail_read(struct sendmail *s, struct fault *f)
{
	FILE *file = fopen(s->path, "re");
	char line[LINE_BYTES], whole[2 * LINE_BYTES] = "";
	size_t n = 0;
	bool good;

	if (file == NULL)
		return fault_errno(f, FAULT_NOINPUT, errno, "%s", s->path);
	while (fgets(line, sizeof line, file) != NULL) {
		struct slice bytes = slice_of(line);

		bytes.n = slice_find(bytes, '\n');
		if (s->mc) {
			take_mc_line(s, slice_trim(bytes));
			continue;
		}
		if (!(bytes.n > 0 && text_is_blank(bytes.p[0]))) {
			take_cf_line(s, slice_make(whole, n));
			n = 0;
		}
		if (n + bytes.n < sizeof whole) {
			memcpy(whole + n, bytes.p, bytes.n);
			n += bytes.n;
		}
	}
	take_cf_line(s, slice_make(whole, n));
	if (ferror(file))
		fault_errno(f, FAULT_IO, errno, "%s", s->path);
	good = !ferror(file);
	fclose(file);
	return good;
}

void
sendmail_then_restart(const struct sendmail *s, struct finding *f)
{
	const char *slash = strrchr(s->path, '/');

	if (access("/usr/sbin/sendmailconfig", X_OK) == 0)
		finding_then(f, "sendmailconfig");
	else
		finding_then(f, "make -C %.*s",
		    slash == NULL ? 1 : (int)(slash - s->path),
		    slash == NULL ? "." : s->path);
	finding_then(f, "%s", SENDMAIL_RESTART);
}
