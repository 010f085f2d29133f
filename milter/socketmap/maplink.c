#include <event2/buffer.h>

#include "milter/socketmap/mapanswer.h"
#include "milter/socketmap/maplink.h"
#include "milter/socketmap/netstring.h"

static resolver_done on_resolved;

struct maplink {
	struct evlink link;
	struct resolver_question *question; /* the first request waits for it */
	const struct resolved *resolved;    /* has come for the first request */
};

static const struct maplink_owner *
owner_of(const struct maplink *l)
{
	return l->link.server->arg;
}

/* False: out of memory, or the daemon stops. */
static bool
send_answer(struct maplink *l, struct evbuffer *out, struct slice request,
    const struct resolved *resolved)
{
	char buf[MAPANSWER_MAX];
	struct text answer;

	text_init(&answer, buf, sizeof buf);
	mapanswer(owner_of(l)->daemon, request, resolved, &answer);
	return answer.n > 0 && !answer.cut &&
	    evbuffer_add_printf(out, "%zu:%s,", answer.n, buf) > 0;
}

/* The question could not be put to the resolver; `why` says what was missing. */
static bool
cannot_resolve(struct maplink *l, struct evbuffer *out, struct slice request,
    const char *why)
{
	struct resolved resolved;

	resolved_parse(slice_make(NULL, 0), &resolved);
	resolved_fail(&resolved, why);
	return send_answer(l, out, request, &resolved);
}

/* False: out of memory, or the daemon stops. */
static bool
take_request(struct maplink *l, struct evbuffer *out, struct slice request)
{
	struct resolver *resolver = owner_of(l)->resolver;
	const struct resolved *resolved = l->resolved;
	char buf[NETSTRING_MAX + 1];
	struct text key;

	l->resolved = NULL;
	text_init(&key, buf, sizeof buf);
	if (resolved != NULL || resolver == NULL ||
	    !mapanswer_asks_resolver(request, &key))
		return send_answer(l, out, request, resolved);
	if (key.n == 0)
		return cannot_resolve(l, out, request,
		    "it cannot be asked for that name");
	l->question = resolver_ask(resolver, slice_make(buf, key.n),
	    on_resolved, l);
	return l->question != NULL || cannot_resolve(l, out, request,
	    "out of memory");
}

static enum evlink_answered
answer(struct evlink *link, struct slice bytes, struct evbuffer *out,
    size_t *used, const char **why)
{
	struct maplink *l = (struct maplink *)link;
	struct slice request;

	switch (netstring_read(bytes, &request, used)) {
	case NETSTRING_PARTIAL:
		return EVLINK_PARTIAL;
	case NETSTRING_BAD:
		*why = "the peer does not speak the socketmap protocol";
		return EVLINK_BAD;
	case NETSTRING_WHOLE:
		break;
	}
	if (!take_request(l, out, request)) {
		*why = "out of memory, or the daemon stops";
		return EVLINK_BAD;
	}
	return l->question != NULL ? EVLINK_WAITS : EVLINK_ANSWERED;
}

static void
on_resolved(void *arg, struct slice reply, const char *why)
{
	struct maplink *l = arg;
	struct resolved resolved;

	l->question = NULL;
	resolved_parse(reply, &resolved);
	if (why != NULL)
		resolved_fail(&resolved, why);
	l->resolved = &resolved;
	evlink_go_on(&l->link);
}

static void
closed(struct evlink *link)
{
	struct maplink *l = (struct maplink *)link;

	if (l->question != NULL)
		resolver_cancel(l->question);
}

const struct evlink_kind maplink_kind = {
	.size = sizeof(struct maplink),
	.request_max = NETSTRING_FRAME_MAX,
	.input_max = 16 * 1024,
	.output_max = 64 * 1024,
	.opened = COUNTER_MAP_LINKS,
	.dropped = COUNTER_MAP_DROPPED,
	.answer = answer,
	.closed = closed,
};
