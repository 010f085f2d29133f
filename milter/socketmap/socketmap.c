/* Its event loop is evserver's; its connections share what is here. */
#include <errno.h>
#include <stdlib.h>

#include "milter/socketmap/maplink.h"
#include "milter/socketmap/socketmap.h"

enum { INEXPRESSIBLE_LINES = 20 }; /* of the log in a minute, see the manual */

struct socketmap {
	struct evserver server;
	struct maplink_owner owner;
};

static void
release(struct socketmap *m)
{
	evlink_close_all(&m->server);
	resolver_free(m->owner.resolver);
	evserver_free(&m->server);
	free(m);
}

static bool
prepare_resolver(struct socketmap *m, const char *setting, struct fault *f)
{
	if (slice_is(slice_of(setting), "off"))
		return true;
	m->owner.resolver = resolver_new(m->owner.daemon, m->server.base,
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
		d->inexpressible.lines = INEXPRESSIBLE_LINES;
		if (evserver_open(&m->server, "socketmap: ", &maplink_kind,
		    &d->metrics, &m->owner) && prepare_resolver(m, resolver, f))
			error = evserver_start(&m->server, fd);
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
