/* An event loop beside the socketmap's: neither waits for the other's peers. */
#include <errno.h>
#include <stdlib.h>

#include "milter/clock.h"
#include "milter/evserver.h"
#include "milter/feed/feed.h"
#include "milter/feed/feedlink.h"

struct feed {
	struct evserver server;
	struct feedlink_owner owner;
};

static void
connected(void *arg, evutil_socket_t fd)
{
	struct feed *f = arg;

	if (f->owner.n >= f->server.max)
		feedlink_drop_oldest(&f->owner);
	feedlink_open(&f->owner, fd);
}

static void
crowded(void *arg)
{
	struct feed *f = arg;

	feedlink_drop_oldest(&f->owner);
}

static const struct evserver_calls calls = { connected, crowded };

struct feed *
feed_start(struct daemon *d, int fd, struct fault *fault)
{
	struct feed *f = calloc(1, sizeof *f);
	int error = ENOMEM;

	if (f != NULL) {
		f->owner.metrics = &d->metrics;
		TAILQ_INIT(&f->owner.links);
		f->owner.table = feedtable_new();
		if (evserver_open(&f->server, "facts feed: ", &calls, f) &&
		    f->owner.table != NULL) {
			f->owner.base = f->server.base;
			error = evserver_start(&f->server, fd);
		}
		if (error == 0)
			return f;
		evserver_free(&f->server);
		feedtable_free(f->owner.table);
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
	feedlink_close_all(&f->owner);
	evserver_free(&f->server);
}

bool
feed_tells(const struct feed *f, const struct facts *facts)
{
	return f != NULL && !facts_in_clear(facts) &&
	    macro_fed(facts->dialect, FACT_FINGERPRINT);
}

enum feedtable_result
feed_ask(struct feed *f, struct facts *facts)
{
	return feedtable_take(f->owner.table, facts, clock_ms());
}
