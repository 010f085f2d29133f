/*
 * What was not judged by us must not look as if it had been: these lines say
 * first of all where they come from, and none is ever sealed.
 */
#include "policy/audit/record-internal.h"

#define SOURCE ",\"source\":\"maillog\""

/* A message that was taken in: its client and sender. */
static void
put_message(struct line *l, const struct record_maillog *r)
{
	line_facts(l);
	PUT(l, ",\"verdict\":\"accept\"");
	if (r->exempt)
		PUT(l, ",\"exempt\":true");
}

static void
put_delivery(struct line *l, const struct record_maillog *r)
{
	PUT(l, ",\"server\":{\"name\":");
	line_slice(l, facts_value(r->facts, FACT_SERVER_NAME));
	PUT(l, ",\"addr\":");
	line_slice(l, facts_value(r->facts, FACT_SERVER_ADDR));
	if (r->matched)
		PUT(l, ",\"matched\":true");
	PUT(l, "}");
	line_tls(l);
	PUT(l, ",\"rcpts\":[");
	jsonput_string(&l->out, line_mailbox(r->rcpt));
	PUT(l, "]");
}

bool
record_format_maillog(const struct record_maillog *r, struct text *out)
{
	struct record record = { .facts = r->facts };
	struct line line = { .record = &record }, *l = &line;

	jsonput_start(&l->out, out);
	PUT(l, CHAIN_START);
	line_word(l, record_event_name(r->server ? RECORD_DELIVERED :
	    RECORD_MESSAGE));
	PUT(l, ",\"time\":");
	jsonput_time(&l->out, r->time_us);
	PUT(l, SOURCE);
	line_top_facts(l);
	if (r->server)
		put_delivery(l, r);
	else
		put_message(l, r);
	line_raw(l);
	PUT(l, "}");
	return jsonput_finish(&l->out);
}

/* It stands before all that is somebody else's, and strings hold no bare ". */
bool
record_is_maillog(struct slice line)
{
	enum { BEGIN_MAX = 128, N = sizeof SOURCE - 1 };
	size_t n = line.n < BEGIN_MAX ? line.n : BEGIN_MAX;

	for (size_t at = 0; at + N <= n; at++)
		if (memcmp(line.p + at, SOURCE, N) == 0)
			return true;
	return false;
}
