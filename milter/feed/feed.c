/*
 * An event loop beside the socketmap's: neither waits for the other's peers.
 * Each request is answered with DUNNO, which leaves the recipient to whatever
 * else Postfix has.  What is no request ends the connection: Postfix then does
 * as default_action of the service says.
 */
#include <event2/buffer.h>
#include <errno.h>
#include <stdlib.h>

#include "milter/evserver.h"
#include "milter/feed/feed.h"
#include "policy/policy.h"

struct feed {
	struct evserver server;
	struct metrics *metrics;
	struct feedtable *table;
};

static const char dunno[] = "action=DUNNO\n\n";

static enum evlink_answered
answer(struct evlink *link, struct slice bytes, struct evbuffer *out,
    size_t *used, const char **why)
{
	struct feed *f = link->server->arg;
	struct feedrequest request;

	switch (feedrequest_read(bytes, &request, used)) {
	case FEEDREQUEST_PARTIAL:
		return EVLINK_PARTIAL;
	case FEEDREQUEST_BAD:
		*why = "the peer does not speak Postfix's policy delegation";
		return EVLINK_BAD;
	case FEEDREQUEST_WHOLE:
		break;
	}
	if (feedtable_put(f->table, &request, clock_ms()))
		metrics_count(f->metrics, COUNTER_FEED_TOLD);
	if (evbuffer_add(out, dunno, sizeof dunno - 1) == 0)
		return EVLINK_ANSWERED;
	*why = "out of memory";
	return EVLINK_BAD;
}

static const struct evlink_kind kind = {
	.size = sizeof(struct evlink),
	.request_max = FEEDREQUEST_MAX,
	.input_max = FEEDREQUEST_MAX,
	.output_max = 4096,
	.opened = COUNTER_FEED_LINKS,
	.dropped = COUNTER_FEED_DROPPED,
	.answer = answer,
};

struct feed *
feed_start(struct daemon *d, int fd, struct fault *fault)
{
	struct feed *f = calloc(1, sizeof *f);
	int error = ENOMEM;

	if (f != NULL) {
		f->metrics = &d->metrics;
		f->table = feedtable_new();
		if (evserver_open(&f->server, "facts feed: ", &kind,
		    &d->metrics, f) && f->table != NULL)
			error = evserver_start(&f->server, fd);
		if (error == 0)
			return f;
		evserver_free(&f->server);
		feedtable_free(f->table);
		free(f);
	}
	fault_errno(fault, FAULT_UNAVAILABLE, error, "cannot be told facts");
	return NULL;
}

void
feed_stop(struct feed *f)
{
	if (f == NULL || !evserver_stop(&f->server))
		return;
	evlink_close_all(&f->server);
	evserver_free(&f->server);
}

bool
feed_tells(const struct facts *facts)
{
	return !facts_in_clear(facts) &&
	    macro_fed(facts->dialect, FACT_FINGERPRINT);
}

uint64_t
feed_mark(struct feed *f)
{
	return feedtable_mark(f->table);
}

enum feedtable_result
feed_ask(struct feed *f, struct facts *facts, uint64_t mark)
{
	return feedtable_take(f->table, facts, mark, clock_ms());
}
