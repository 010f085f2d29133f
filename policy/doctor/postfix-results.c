/*
 * smtp_tlsrpt_socket_name, while the setting tlsrpt-socket is on: what Postfix
 * 3.10 does not tell there nobody records.
 */
#include <stdio.h>
#include <string.h>

#include "policy/doctor/postfix.h"

static const char enable[] = "smtp_tlsrpt_enable",
    name[] = "smtp_tlsrpt_socket_name";

/* As smtp(8) opens it: what has no slash in front is in the queue directory. */
static void
put_full(const struct postfix *p, struct slice value, struct text *out)
{
	if (value.n > 0 && value.p[0] != '/')
		text_printf(out, "%.*s/", SLICE_ARG(postfix_parameter(p,
		    "queue_directory")));
	text_put(out, value);
}

/* The path below the queue directory; all of it where it is not there. */
static const char *
below_queue(const struct postfix *p, const char *path)
{
	struct slice queue = postfix_parameter(p, "queue_directory");

	return queue.n > 0 && strncmp(path, queue.p, queue.n) == 0 &&
	    path[queue.n] == '/' ? path + queue.n + 1 : path;
}

static void
check_service(struct postfix *p, struct postfix_service *s, const char *path)
{
	const char *wanted = below_queue(p, path);
	char memory[POSTFIX_SPEC_BYTES];
	struct text full;

	if (s->chrooted && wanted == path) {
		doctor_add(p->d, DOCTOR_POSTFIX_TLSRPT, "service %.*s/%.*s of "
		    "%s runs chrooted and does not see %s",
		    SLICE_ARG(s->name), SLICE_ARG(s->type), p->dir, path);
		return;
	}
	text_init(&full, memory, sizeof memory);
	put_full(p, postfix_value(p, s, name, NULL), &full);
	if (strcmp(memory, path) != 0)
		postfix_find(p, s, DOCTOR_POSTFIX_TLSRPT, name, wanted);
	if (!postfix_is_yes(p, s, enable))
		postfix_find(p, s, DOCTOR_POSTFIX_TLSRPT, enable, "yes");
}

void
postfix_results(struct postfix *p)
{
	const char *socket = p->d->tlsrpt_socket;

	if (!slice_starts_nocase(slice_of(socket), "unix:"))
		return;
	if (postfix_parameter(p, enable).n == 0) {
		doctor_add(p->d, DOCTOR_POSTFIX_TLSRPT, "the setting "
		    "tlsrpt-socket is %s, and the Postfix of %s has no %s: "
		    "3.10 has", socket, p->dir, enable);
		return;
	}
	for (unsigned i = 0; i < p->n; i++)
		if (p->services[i].command == POSTFIX_SMTP)
			check_service(p, &p->services[i], socket + 5);
}
