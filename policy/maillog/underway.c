/* What is under way: processes, and services that log TLS. */
#include "policy/maillog/maillog-internal.h"

struct slice
maillog_key(char buf[SESSIONS_KEY_MAX], struct slice host,
    struct slice program, struct slice id)
{
	size_t n = host.n + program.n + id.n + 2;

	if (n > SESSIONS_KEY_MAX)
		return slice_make("", 0);
	memcpy(buf, host.p, host.n);
	buf[host.n] = '\0';
	memcpy(buf + host.n + 1, program.p, program.n);
	buf[host.n + 1 + program.n] = '\0';
	memcpy(buf + host.n + program.n + 2, id.p, id.n);
	return slice_make(buf, n);
}

struct session *
maillog_process(struct maillog *m, const struct logline *line, bool anew)
{
	char buf[SESSIONS_KEY_MAX];
	struct slice key = maillog_key(buf, line->host, line->tag, line->pid);

	return anew ? sessions_put(m->processes, key) :
	    sessions_find(m->processes, key);
}

void
maillog_process_end(struct maillog *m, const struct logline *line)
{
	struct session *s = maillog_process(m, line, false);

	if (s != NULL)
		sessions_remove(m->processes, s);
}

static struct slice
service_key(char buf[SESSIONS_KEY_MAX], const struct logline *line)
{
	return maillog_key(buf, line->host, line->tag, slice_make("", 0));
}

void
maillog_tls_is_logged(struct maillog *m, const struct logline *line)
{
	char buf[SESSIONS_KEY_MAX];

	if (!maillog_logs_tls(m, line))
		sessions_put(m->services, service_key(buf, line));
}

bool
maillog_logs_tls(struct maillog *m, const struct logline *line)
{
	char buf[SESSIONS_KEY_MAX];

	return sessions_find(m->services, service_key(buf, line)) != NULL;
}
