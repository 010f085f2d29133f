/*
 * A .cf file is what sendmail reads: "XNAME, equates" and "O Name=value", a
 * line that begins with a blank goes on with the one before.  A .mc file is
 * what people write: INPUT_MAIL_FILTER(`NAME', `equates') and
 * define(`confNAME', `value'); only such lines are understood, so what other
 * m4 makes of them is better seen in the .cf file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/text.h"
#include "policy/doctor/doctor.h"

enum { VALUE_BYTES = 512, LINE_BYTES = 4096, SPEC_BYTES = 600, DELAY_MAX_S = 60 };

enum option {
	OPTION_FILTERS,
	OPTION_CA_FILE,
	OPTION_CA_PATH,
	OPTION_CERT,
	OPTION_TLS_SERVER,
	OPTION_USER,
	OPTION_COUNT
};

static const struct {
	const char *cf, *mc;
} options[OPTION_COUNT] = {
	[OPTION_FILTERS] = { "InputMailFilters", "confINPUT_MAIL_FILTERS" },
	[OPTION_CA_FILE] = { "CACertFile", "confCACERT" },
	[OPTION_CA_PATH] = { "CACertPath", "confCACERT_PATH" },
	[OPTION_CERT] = { "ServerCertFile", "confSERVER_CERT" },
	[OPTION_TLS_SERVER] = { "TLSSrvOptions", "confTLS_SRV_OPTIONS" },
	[OPTION_USER] = { "RunAsUser", "confRUN_AS_USER" },
};

struct sendmail {
	const struct doctor *d;
	const char *path;
	bool mc;
	char spec[SPEC_BYTES];	     /* our socket, in sendmail's spelling */
	char name[VALUE_BYTES];	     /* of the filter on our socket, or "" */
	char equates[VALUE_BYTES];   /* "S=..., F=T, T=..." */
	bool input;		     /* by INPUT_MAIL_FILTER */
	char option[OPTION_COUNT][VALUE_BYTES];
};

static void
keep(char *to, struct slice value)
{
	value = slice_trim(value);
	snprintf(to, VALUE_BYTES, "%.*s", SLICE_ARG(value));
}

/* The value of an equate, "F" of "S=..., F=T"; empty: there is none. */
static struct slice
equate(const char *equates, char letter)
{
	struct slice rest = slice_of(equates), one;

	while (slice_next(&rest, ',', &one)) {
		one = slice_trim(one);
		if (one.n >= 2 && one.p[0] == letter && one.p[1] == '=')
			return slice_trim(slice_from(one, 2));
	}
	return slice_make("", 0);
}

/* "unix:" and "local:" are the same to sendmail. */
static bool
is_ours(const struct sendmail *s, const char *equates)
{
	struct slice socket = equate(equates, 'S');

	if (slice_starts_nocase(socket, "unix:") &&
	    strncmp(s->spec, "local:", 6) == 0)
		return slice_is(slice_from(socket, 5), s->spec + 6);
	return slice_is(socket, s->spec);
}

static void
take_filter(struct sendmail *s, struct slice name, struct slice equates,
    bool input)
{
	char text[VALUE_BYTES];

	keep(text, equates);
	if (!is_ours(s, text))
		return;
	keep(s->name, name);
	memcpy(s->equates, text, sizeof text);
	s->input = input;
}

static void
take_option(struct sendmail *s, struct slice name, struct slice value)
{
	for (int i = 0; i < OPTION_COUNT; i++)
		if (slice_is_nocase(slice_trim(name), s->mc ? options[i].mc :
		    options[i].cf))
			keep(s->option[i], value);
}

static void
take_cf_line(struct sendmail *s, struct slice line)
{
	size_t equal = slice_find(line, '='), comma = slice_find(line, ',');

	if (line.n > 1 && line.p[0] == 'X' && comma < line.n)
		take_filter(s, slice_make(line.p + 1, comma - 1),
		    slice_from(line, comma + 1), false);
	else if (line.n > 2 && line.p[0] == 'O' && line.p[1] == ' ' &&
	    equal < line.n)
		take_option(s, slice_make(line.p + 2, equal - 2),
		    slice_from(line, equal + 1));
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
	return next_argument(&rest, &argument[0]) &&
	    next_argument(&rest, &argument[1]);
}

static void
take_mc_line(struct sendmail *s, struct slice line)
{
	struct slice argument[2];

	if (macro_arguments(line, "INPUT_MAIL_FILTER", argument))
		take_filter(s, argument[0], argument[1], true);
	else if (macro_arguments(line, "MAIL_FILTER", argument))
		take_filter(s, argument[0], argument[1], false);
	else if (macro_arguments(line, "define", argument))
		take_option(s, argument[0], argument[1]);
}

static bool
read_file(struct sendmail *s, struct fault *f)
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

static bool
listed(const char *list, const char *name)
{
	struct slice rest = slice_of(list), one;

	while (slice_next(&rest, ',', &one))
		if (slice_is(slice_trim(one), name))
			return true;
	return false;
}

static void
mend_filter(const struct sendmail *s, struct finding *f)
{
	finding_mend(f, s->mc ? s->path : "sendmail.mc",
	    "INPUT_MAIL_FILTER(`%s', `S=%s, F=T, T=C:10s;S:10s;R:10s;E:30s')"
	    "dnl", s->name[0] != '\0' ? s->name : "tlspolicy", s->spec);
}

/* Seconds of "C:5m" in "C:5m;S:10s"; 0: it is not there. */
static unsigned long
seconds_of(struct slice timeouts, char letter)
{
	static const char units[] = "smhd";
	static const unsigned long factor[] = { 1, 60, 3600, 86400 };
	struct slice one;

	while (slice_next(&timeouts, ';', &one)) {
		const char *unit;
		unsigned long number;

		one = slice_trim(one);
		unit = one.n < 4 ? NULL : strchr(units, one.p[one.n - 1]);
		if (unit != NULL && one.p[0] == letter && one.p[1] == ':' &&
		    text_number(slice_make(one.p + 2, one.n - 3), 1000000,
		    &number))
			return number * factor[unit - units];
	}
	return 0;
}

/* sendmail's defaults: C:5m;S:10s;R:10s;E:5m. */
static void
check_timeouts(const struct sendmail *s)
{
	struct slice timeouts = equate(s->equates, 'T');
	unsigned long connect = seconds_of(timeouts, 'C');
	unsigned long end = seconds_of(timeouts, 'E');

	if (connect != 0 && connect <= DELAY_MAX_S && end != 0 &&
	    end <= DELAY_MAX_S)
		return;
	mend_filter(s, doctor_add(s->d, DOCTOR_SENDMAIL_TIMEOUTS,
	    "%s: filter %s has T=%.*s; it waits %lu s for a connection, %lu s "
	    "at the end of a message", s->path, s->name, SLICE_ARG(timeouts),
	    connect != 0 ? connect : 300, end != 0 ? end : 300));
}

static void
check_filter(const struct sendmail *s)
{
	struct slice flag = equate(s->equates, 'F');
	const char *filters = s->option[OPTION_FILTERS];

	if (s->name[0] == '\0') {
		mend_filter(s, doctor_add(s->d, DOCTOR_SENDMAIL_NO_FILTER,
		    "%s has no mail filter on %s", s->path, s->spec));
		return;
	}
	if (!listed(filters, s->name) && (filters[0] != '\0' || !s->input))
		finding_mend(doctor_add(s->d, DOCTOR_SENDMAIL_FILTER_UNUSED,
		    "%s: InputMailFilters is \"%s\"", s->path, filters),
		    s->mc ? s->path : "sendmail.mc",
		    "define(`confINPUT_MAIL_FILTERS', `%s%s%s')dnl", filters,
		    filters[0] != '\0' ? ", " : "", s->name);
	if (!slice_is(flag, "T") && !slice_is(flag, "4"))
		mend_filter(s, doctor_add(s->d, DOCTOR_SENDMAIL_FLAG,
		    "%s: filter %s has F=%.*s", s->path, s->name,
		    SLICE_ARG(flag)));
	check_timeouts(s);
}

static void
check_tls(const struct sendmail *s)
{
	const char *place = s->mc ? s->path : "sendmail.mc";
	const char *server = s->option[OPTION_TLS_SERVER];

	if (s->option[OPTION_CERT][0] == '\0') {
		finding_mend(doctor_add(s->d, DOCTOR_SENDMAIL_NO_TLS,
		    "%s has no ServerCertFile", s->path), place,
		    "define(`confSERVER_CERT', `/etc/mail/tls/cert.pem')dnl\n"
		    "define(`confSERVER_KEY', `/etc/mail/tls/key.pem')dnl");
		return;
	}
	if (s->option[OPTION_CA_FILE][0] == '\0')
		finding_mend(doctor_add(s->d, DOCTOR_SENDMAIL_NO_CA,
		    "%s has no CACertFile", s->path), place,
		    "define(`confCACERT', "
		    "`/etc/ssl/certs/ca-certificates.crt')dnl\n"
		    "define(`confCACERT_PATH', `/etc/ssl/certs')dnl");
	if (strchr(server, 'V') != NULL)
		finding_mend(doctor_add(s->d, DOCTOR_SENDMAIL_NO_CCERT,
		    "%s: TLSSrvOptions is \"%s\"", s->path, server), place,
		    "define(`confTLS_SRV_OPTIONS', `')dnl");
}

bool
doctor_sendmail(const struct doctor *d, const char *path, struct fault *f)
{
	struct sendmail *s = calloc(1, sizeof *s);
	const char *unix_path = doctor_socket_path(d);
	size_t n = strlen(path);
	bool good;

	if (s == NULL)
		return fault_no_memory(f);
	s->d = d;
	s->path = path;
	s->mc = n > 3 && strcmp(path + n - 3, ".mc") == 0;
	snprintf(s->spec, sizeof s->spec, "%s%s",
	    unix_path != NULL ? "local:" : "",
	    unix_path != NULL ? unix_path : d->socket);
	good = read_file(s, f);
	if (good) {
		check_filter(s);
		check_tls(s);
		/* Without RunAsUser sendmail connects as root. */
		if (s->option[OPTION_USER][0] != '\0')
			doctor_socket_for(d, s->option[OPTION_USER]);
	}
	free(s);
	return good;
}
