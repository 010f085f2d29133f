/*
 * What was not judged by us must not look as if it had been: these lines say
 * first of all where they come from, and none is ever sealed.
 */
#include "policy/audit/record-internal.h"
#include "policy/audit/record-maillog.h"

#define SOURCE ",\"source\":\"maillog\""

/* A message that was taken in: its client and sender. */
static void
put_message(struct record *to, const struct record_maillog *r)
{
	field_put_groups(to);
	PUT(to, ",\"verdict\":\"accept\"");
	if (r->exempt)
		PUT(to, ",\"exempt\":true");
}

static void
put_delivery(struct record *to, const struct record_maillog *r)
{
	PUT(to, ",\"server\":{\"name\":");
	line_slice(to, facts_value(r->facts, FACT_SERVER_NAME));
	PUT(to, ",\"addr\":");
	line_slice(to, facts_value(r->facts, FACT_SERVER_ADDR));
	if (r->matched)
		PUT(to, ",\"matched\":true");
	PUT(to, "}");
	field_put_tls(to);
	PUT(to, ",\"rcpts\":[");
	jsonput_string(&to->out, line_mailbox(r->rcpt));
	PUT(to, "]");
}

bool
record_maillog_format(const struct record_maillog *r, struct text *out)
{
	struct record record = { .facts = r->facts }, *to = &record;

	jsonput_start(&to->out, out);
	PUT(to, CHAIN_START);
	line_word(to, record_event_name(r->server ? RECORD_DELIVERED :
	    RECORD_MESSAGE));
	PUT(to, ",\"time\":");
	jsonput_time(&to->out, r->time_us);
	PUT(to, SOURCE);
	field_put_top(to);
	if (r->server)
		put_delivery(to, r);
	else
		put_message(to, r);
	field_put_raw(to);
	PUT(to, "}");
	return jsonput_finish(&to->out);
}

/*
 * The source stands before any text that is somebody else's, in which no bare "
 * can be.
 */
bool
record_maillog_is(struct slice line)
{
	enum { BEGIN_MAX = 128, N = sizeof SOURCE - 1 };
	size_t n = line.n < BEGIN_MAX ? line.n : BEGIN_MAX;

	for (size_t at = 0; at + N <= n; at++)
		if (memcmp(line.p + at, SOURCE, N) == 0)
			return true;
	return false;
}
