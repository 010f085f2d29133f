/*
 * postconf(1) is asked instead of reading main.cf: it knows defaults, joins
 * continued lines and expands $names.  What master.cf says for one service comes
 * from -P, the services from -M.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/doctor/postfix.h"
#include "policy/doctor/run.h"

/* Service, type, private, unprivileged, chroot, wakeup, maxproc, command. */
static bool
split_service(struct slice line, struct slice field[8])
{
	for (int i = 0; i < 8; i++) {
		size_t n = 0;

		line = slice_trim(line);
		while (n < line.n && !text_is_blank(line.p[n]))
			n++;
		field[i] = slice_make(line.p, n);
		line = slice_from(line, n);
		if (n == 0)
			return false;
	}
	return true;
}

static enum postfix_command
command_of(struct slice word)
{
	static const struct {
		const char *name;
		enum postfix_command command;
	} known[] = {
		{ "smtpd", POSTFIX_SMTPD },
		{ "postscreen", POSTFIX_POSTSCREEN },
		{ "cleanup", POSTFIX_CLEANUP },
		{ "pickup", POSTFIX_PICKUP },
		{ "smtp", POSTFIX_SMTP },
	};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (slice_is(word, known[i].name))
			return known[i].command;
	return POSTFIX_OTHER;
}

/* Unsaid, it is what it was before Postfix 3.0 when main.cf is that old. */
static bool
is_chrooted(const struct postfix *p, struct slice field)
{
	struct slice level = postfix_parameter(p, "compatibility_level");

	return slice_is(field, "y") || (slice_is(field, "-") &&
	    (level.n == 0 || level.p[0] == '0'));
}

static void
take_services(struct postfix *p)
{
	struct slice rest = slice_make(p->lines.buf, p->lines.n), line;
	struct slice field[8];

	while (slice_next(&rest, '\n', &line)) {
		enum postfix_command command;

		if (!split_service(line, field))
			continue;
		command = command_of(field[7]);
		if (command == POSTFIX_OTHER)
			continue;
		if (p->n == POSTFIX_SERVICES_MAX) {
			p->left_out++;
			continue;
		}
		p->services[p->n++] = (struct postfix_service){
			.name = field[0], .type = field[1],
			.command = command,
			.chrooted = is_chrooted(p, field[4]) };
	}
}

bool
postfix_has_transport(const struct postfix *p, const char *name)
{
	struct slice rest = slice_make(p->lines.buf, p->lines.n), line;
	struct slice field[8];

	while (slice_next(&rest, '\n', &line))
		if (split_service(line, field) && slice_is(field[0], name) &&
		    slice_is(field[1], "unix"))
			return true;
	return false;
}

static void
look_at_services(struct postfix *p)
{
	unsigned trials = 0;

	for (unsigned i = 0; i < p->n; i++) {
		struct postfix_service *s = &p->services[i];

		if (postfix_is_way_back(p, s))
			continue;
		if (s->command != POSTFIX_POSTSCREEN &&
		    s->command != POSTFIX_SMTP)
			postfix_milters(p, s);
		if (s->command == POSTFIX_SMTPD)
			postfix_tls(p, s);
		if (s->command == POSTFIX_SMTP)
			postfix_shown_to_servers(p, s);
	}
	/* postscreen(8) hands over to a smtpd that is known now. */
	for (unsigned i = 0; i < p->n; i++) {
		const struct postfix_service *s = &p->services[i];

		if (!slice_is(s->type, "inet") || postfix_is_way_back(p, s) ||
		    (s->command != POSTFIX_SMTPD &&
		    s->command != POSTFIX_POSTSCREEN))
			continue;
		postfix_trial(p, s);
		trials++;
	}
	if (p->left_out > 0)
		doctor_add(p->d, DOCTOR_NOT_TRIED, "%s/master.cf has more than "
		    "%d services of smtp, smtpd and others that matter: the "
		    "last %u are not looked at", p->dir, POSTFIX_SERVICES_MAX,
		    p->left_out);
	if (trials == 0)
		doctor_add(p->d, DOCTOR_NOT_TRIED, "%s/master.cf has no inet "
		    "service that runs smtpd", p->dir);
}

static bool
ask(struct postfix *p, const char *option, struct text *out, struct fault *f)
{
	const char *argv[] = { "postconf", option, "-c", p->dir, NULL };

	return capture((char *const *)(uintptr_t)argv, out, f);
}

bool
postfix_read(struct postfix *p, struct fault *f)
{
	text_init(&p->parameters, p->memory[0], POSTFIX_OUTPUT_BYTES);
	text_init(&p->overrides, p->memory[1], POSTFIX_OUTPUT_BYTES);
	text_init(&p->lines, p->memory[2], POSTFIX_OUTPUT_BYTES);
	if (!ask(p, "-x", &p->parameters, f) ||
	    !ask(p, "-xP", &p->overrides, f) || !ask(p, "-M", &p->lines, f))
		return false;
	take_services(p);
	return true;
}

/* Those that are not enabled are left to whoever starts them. */
static bool
is_enabled(const char *dir)
{
	const char *argv[] = { "postconf", "-c", dir, "-xh",
		"multi_instance_enable", NULL };
	char memory[16];
	struct text out;
	struct fault ignored;

	text_init(&out, memory, sizeof memory);
	return !capture((char *const *)(uintptr_t)argv, &out, &ignored) ||
	    slice_is_nocase(slice_trim(slice_make(out.buf,
	    slice_find(slice_make(out.buf, out.n), '\n'))), "yes");
}

static bool
look_at(const struct doctor *d, const char *dir, struct fault *f)
{
	struct postfix *p = calloc(1, sizeof *p);
	struct text spec;
	bool good;

	if (p == NULL)
		return fault_no_memory(f);
	p->d = d;
	p->dir = dir;
	snprintf(p->main_cf, sizeof p->main_cf, "%s/main.cf", dir);
	if (strcmp(dir, "/etc/postfix") == 0)
		snprintf(p->reload, sizeof p->reload, "postfix reload");
	else
		snprintf(p->reload, sizeof p->reload, "postfix -c %s reload",
		    dir);
	(void)socket_parse(slice_of(d->socket), &p->socket);
	good = postfix_read(p, f);
	if (good) {
		text_init(&spec, p->spec, sizeof p->spec);
		postfix_put_address(p, &p->socket, &spec);
		look_at_services(p);
		postfix_feed(p);
		postfix_outbound(p);
		postfix_results(p);
		doctor_socket_for(d, "postfix");
	}
	free(p);
	return good;
}

bool
doctor_postfix(const struct doctor *d, const char *dir, struct fault *f)
{
	const char *argv[] = { "postconf", "-c", dir, "-xh",
		"multi_instance_directories", NULL };
	char memory[4096], path[1024];
	struct slice rest, one;
	struct text out;
	bool good;

	if (!look_at(d, dir, f))
		return false;
	text_init(&out, memory, sizeof memory);
	good = capture((char *const *)(uintptr_t)argv, &out, f);
	rest = slice_make(out.buf, good ? out.n : 0);
	while (good && slice_next_of(&rest, ", \t\n", &one)) {
		snprintf(path, sizeof path, "%.*s", SLICE_ARG(one));
		if (one.n > 0 && is_enabled(path))
			good = look_at(d, path, f);
	}
	return good;
}
