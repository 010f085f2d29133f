/*
 * The fields are kept as they come, and read at the end of the header: an MTA
 * shows each by a callback of its own, on a thread of its own.
 */
#include <string.h>

#include "milter/session/author.h"
#include "milter/session/judge.h"

enum { FIELDS_FIRST = 256 };

/* May the store have rules of TLS_Header?  One that cannot be read may. */
static bool
may_have_rules(struct store_holder *h)
{
	struct store_reader reader;
	struct fault why;
	unsigned tries = 0;
	bool any = true, read = false;

	while (!read && store_holder_begin(h, &tries, &reader, &why)) {
		any = store_has_tag(&reader, TAG_HEADER);
		read = store_holder_end(h, &reader);
	}
	return !read || any;
}

bool
author_is_asked(struct daemon *d)
{
	struct settings_in_force *now = settings_holder_take(&d->settings);
	bool judged = now->options.judge_header;

	settings_holder_drop(now);
	return judged && (may_have_rules(&d->store) ||
	    (store_holder_has_plan(&d->plan) && may_have_rules(&d->plan)));
}

static bool
make_room(struct message *m, size_t need)
{
	struct author_fields *a = &m->author;
	size_t room = a->room == 0 ? FIELDS_FIRST : 2 * a->room;
	char *more;

	if (a->bytes != NULL && need <= a->room)
		return true;
	while (room < need)
		room *= 2;
	more = arena_alloc(&m->facts.memory, room);
	if (more == NULL)
		return false;
	if (a->n > 0)
		memcpy(more, a->bytes, a->n);
	a->bytes = more;
	a->room = room;
	return true;
}

void
author_look(struct message *m, const char *name, const char *value)
{
	struct author_fields *a = &m->author;
	struct slice body = slice_trim(slice_of(value));
	bool first = a->bytes == NULL;

	if (a->beyond || !slice_is_nocase(slice_trim(slice_of(name)), "From"))
		return;
	if (a->n + body.n + 1 > FROMFIELD_BYTES_MAX) {
		a->beyond = true;
		return;
	}
	if (!make_room(m, a->n + body.n + 1)) {
		a->lost = true;
		return;
	}
	if (!first)
		a->bytes[a->n++] = '\n';
	if (body.n > 0)
		memcpy(a->bytes + a->n, body.p, body.n);
	a->n += body.n;
}

static bool
put_facts(struct session *s)
{
	struct message *m = s->message;
	const struct author_fields *a = &m->author;

	if (!s->author)
		return fromfield_put_flaw(&m->facts, FROMFIELD_UNSEEN);
	if (a->beyond)
		return fromfield_put_flaw(&m->facts, FROMFIELD_TOO_LONG);
	return fromfield_put(&m->facts, slice_make(a->bytes, a->n));
}

/* No TLS_Header rule looked: the record says nothing of the From field. */
static void
forget(struct message *m)
{
	m->author.judged = false;
	facts_set_state(&m->facts, FACT_HEADER_FROM, FACT_NOT_TOLD);
	facts_set_state(&m->facts, FACT_HEADER_FLAW, FACT_NOT_TOLD);
}

bool
author_judge(struct session *s)
{
	struct message *m = s->message;

	if (m->author.judged || !m->settings->options.judge_header)
		return true;
	if (m->author.lost || !put_facts(s))
		return false;
	m->author.judged = true;
	judge_header(s, &m->later);
	if (m->beside.state == RECORD_PLAN_SAME)
		beside_take_header(m, s->author);
	if (!s->author && m->later.nresults == 0 &&
	    m->later.kind == VERDICT_ACCEPT)
		forget(m);
	else
		judge_header_counted(s, &m->later);
	return true;
}
