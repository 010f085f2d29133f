/*
 * What was not judged by us must not look as if it had been: these lines say
 * first of all where they come from, and none is ever sealed.
 */
#include "policy/audit/record-internal.h"

#define SOURCE ",\"source\":\"maillog\""

bool
record_format_maillog(const struct record_maillog *r, struct text *out)
{
	struct record record = { .facts = r->facts };
	struct line line = { .record = &record }, *l = &line;

	jsonput_start(&l->out, out);
	PUT(l, "{\"v\":");
	jsonput_number(&l->out, RECORD_SCHEMA);
	PUT(l, ",\"event\":\"message\",\"time\":");
	jsonput_time(&l->out, r->time_us);
	PUT(l, SOURCE);
	line_top_facts(l);
	line_facts(l);
	PUT(l, ",\"verdict\":\"accept\"");
	if (r->exempt)
		PUT(l, ",\"exempt\":true");
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
