/* Its event loop is evserver's; its connections share what is here. */
#include <errno.h>
#include <stdlib.h>

#include "milter/evserver.h"
#include "milter/socketmap/maplink.h"
#include "milter/socketmap/socketmap.h"

struct socketmap {
	struct evserver server;
	struct maplink_owner owner;
};

static void
connected(void *arg, evutil_socket_t fd)
{
	struct socketmap *m = arg;

	if (m->owner.n >= m->server.max)
		maplink_drop_oldest(&m->owner);
	maplink_open(&m->owner, fd);
}

static void
crowded(void *arg)
{
	struct socketmap *m = arg;

	maplink_drop_oldest(&m->owner);
}

static const struct evserver_calls calls = { connected, crowded };

static void
release(struct socketmap *m)
{
	maplink_close_all(&m->owner);
	resolver_free(m->owner.resolver);
	evserver_free(&m->server);
	free(m);
}

static bool
prepare_resolver(struct socketmap *m, const char *setting, struct fault *f)
{
	if (slice_is(slice_of(setting), "off"))
		return true;
	m->owner.resolver = resolver_new(m->owner.daemon, m->owner.base,
	    setting, f);
	return m->owner.resolver != NULL;
}

struct socketmap *
socketmap_start(struct daemon *d, int fd, const char *resolver,
    struct fault *f)
{
	struct socketmap *m = calloc(1, sizeof *m);
	int error = ENOMEM;

	fault_clear(f);
	if (m != NULL) {
		m->owner.daemon = d;
		TAILQ_INIT(&m->owner.links);
		if (evserver_open(&m->server, "socketmap: ", &calls, m)) {
			m->owner.base = m->server.base;
			if (prepare_resolver(m, resolver, f))
				error = evserver_start(&m->server, fd);
		}
		if (error == 0)
			return m;
		release(m);
	}
	if (f->kind == FAULT_NONE)
		fault_errno(f, FAULT_UNAVAILABLE, error,
		    "cannot serve the socketmap");
	return NULL;
}

void
socketmap_stop(struct socketmap *m)
{
	if (m != NULL && evserver_stop(&m->server))
		release(m);
}
