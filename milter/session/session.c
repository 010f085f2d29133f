/*
 * What a recipient's verdict leaves behind is copied into the memory of the
 * facts, which lives exactly as long as the message.
 *
 * Only macros that a row of the dialect's table names are believed.
 *
 * When those of a command do not arrive libmilter answers with the ones of the
 * last command of that kind: of a message before AUTH, of another recipient.  It
 * holds their memory until the next have come, so the same address means that
 * none have; only HELO (and for those of RCPT, MAIL) makes it give them up.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "milter/session/session.h"

enum { RCPTS_FIRST = 4 };

struct session *
session_new(struct daemon *daemon)
{
	struct session *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->daemon = daemon;
	s->number = atomic_fetch_add(&daemon->nsessions, 1) + 1;
	metrics_count(&daemon->metrics, COUNTER_SESSIONS);
	return s;
}

void
session_free(struct session *s)
{
	if (s->message != NULL)
		session_end_message(s);
	free(s->helo);
	free(s);
}

/* Called by the audit log's thread. */
static void
wake(struct writer_ticket *ticket)
{
	struct session *s = (struct session *)((char *)ticket -
	    offsetof(struct session, ticket));

	engine_wake(s->ctx);
}

void
session_watch(struct session *s, SMFICTX *ctx)
{
	s->ticket.settled = wake;
	s->ctx = ctx;
}

bool
session_is_open(const struct session *s)
{
	return s->ticket.entries != NULL;
}

void
session_set_helo(struct session *s, const char *helo)
{
	s->mail_macros = s->rcpt_macros = NULL;
	free(s->helo);
	s->helo = strdup(helo);
	s->lost_helo = s->helo == NULL;
}

static struct message *
make_message(void)
{
	struct message *m = malloc(sizeof *m);

	if (m != NULL)
		facts_init(&m->facts, DIALECT_SENDMAIL);
	return m;
}

static void
free_message(struct message *m)
{
	facts_free(&m->facts);
	free(m);
}

struct message *
session_begin_message(struct session *s)
{
	struct message *m = pool_take(&s->daemon->messages);

	if (m == NULL && (m = make_message()) == NULL)
		return NULL;
	m->settings = settings_holder_take(&s->daemon->settings);
	m->judged_us = 0;
	m->exempt = m->awaits = false;
	m->fed_since = UINT64_MAX;
	m->announcements = NULL;
	m->unannounced = false;
	m->rcpts = NULL;
	m->nrcpts = m->room = 0;
	m->forged = 0;
	memset(&m->author, 0, sizeof m->author);
	verdict_init(&m->verdict);
	m->beside.state = RECORD_PLAN_NONE;
	m->beside.id = 0;
	m->beside.canary = m->beside.answered = m->beside.awaits = false;
	m->beside.refused_rcpts = 0;
	s->message = m;
	return m;
}

void
session_end_message(struct session *s)
{
	struct message *m = s->message;

	s->message = NULL;
	if (m->announcements != NULL)
		announce_forget(&m->announcements);
	settings_holder_drop(m->settings);
	/* facts_reset() frees what a message with many recipients took. */
	facts_reset(&m->facts, DIALECT_SENDMAIL);
	if (!pool_put(&s->daemon->messages, m))
		free_message(m);
}

static struct slice
macro_value(SMFICTX *ctx, const char *name)
{
	return slice_of(engine_getsymval(ctx, name));
}

static bool
set(struct facts *facts, enum fact_id id, struct slice value)
{
	return value.p == NULL || facts_set(facts, id, value, false);
}

static bool
set_all(SMFICTX *ctx, struct facts *facts)
{
	const struct macro *m = macro_table(facts->dialect);

	for (; m->name != NULL; m++) {
		struct slice value;

		if (m->stage != MACRO_AT_MAIL || facts_known(facts, m->fact))
			continue;
		value = macro_value(ctx, m->name);
		if (value.p != NULL &&
		    !facts_set(facts, m->fact, value, m->xtext))
			return false;
	}
	return true;
}

static struct slice
without_brackets(struct slice s)
{
	return s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>' ?
	    slice_make(s.p + 1, s.n - 2) : s;
}

/*
 * What the MTA made of the address, if that is something else.  Both always tell
 * it: absent means that the macros did not arrive.
 */
static bool
set_resolved(struct facts *facts, struct slice value, enum fact_id typed,
    enum fact_id resolved)
{
	facts_set_state(facts, resolved, value.p == NULL ? FACT_ABSENT :
	    FACT_NOT_TOLD);
	value = without_brackets(value);
	return value.n == 0 || slice_equal_nocase(value,
	    without_brackets(facts_value(facts, typed))) ||
	    facts_set(facts, resolved, value, false);
}

/* True: the macro is that of an earlier command. */
static bool
is_left_over(struct slice value, const char **before)
{
	bool same = value.p != NULL && value.p == *before;

	*before = value.p;
	return same;
}

bool
session_tell_mail(SMFICTX *ctx, struct session *s, const char *sender)
{
	struct facts *facts = &s->message->facts;
	struct slice resolved = macro_value(ctx, "{mail_addr}");
	bool left_over = is_left_over(resolved, &s->mail_macros);

	if (left_over)
		resolved = slice_make(NULL, 0);
	s->rcpt_macros = NULL;
	facts_reset(facts, macro_dialect(macro_value(ctx, "v")));
	if (!left_over && !set_all(ctx, facts))
		return false;
	/* An MTA that calls itself nothing does not say which one it is. */
	if (facts_value(facts, FACT_MTA).n == 0)
		facts_set_state(facts, FACT_MTA, FACT_ABSENT);
	return set(facts, FACT_MAIL_ADDR, slice_of(sender)) &&
	    set_resolved(facts, resolved, FACT_MAIL_ADDR,
	    FACT_MAIL_RESOLVED) &&
	    set(facts, FACT_HELO, slice_of(s->helo)) && macro_finish(facts);
}

bool
session_tell_queue_id(SMFICTX *ctx, struct session *s)
{
	struct facts *facts = &s->message->facts;
	struct slice id = macro_value(ctx, "i");

	return slice_equal(id, facts_raw(facts, FACT_QUEUE_ID)) ||
	    set(facts, FACT_QUEUE_ID, id);
}

bool
session_tell_rcpt(SMFICTX *ctx, struct session *s, const char *recipient)
{
	struct facts *facts = &s->message->facts;
	struct slice resolved = macro_value(ctx, "{rcpt_addr}");

	if (is_left_over(resolved, &s->rcpt_macros))
		resolved = slice_make(NULL, 0);
	/*
	 * Without a macro the recipient before must not be judged in its stead.
	 */
	facts_set_state(facts, FACT_RCPT_ADDR, FACT_ABSENT);
	return session_tell_queue_id(ctx, s) &&
	    set(facts, FACT_RCPT_ADDR, slice_of(recipient)) &&
	    set_resolved(facts, resolved, FACT_RCPT_ADDR, FACT_RCPT_RESOLVED);
}

static struct record_rcpt *
next_rcpt(struct message *m)
{
	struct record_rcpt *more;
	size_t room;

	if (m->nrcpts == m->room) {
		room = m->room == 0 ? RCPTS_FIRST : 2 * m->room;
		more = arena_alloc(&m->facts.memory, room * sizeof *more);
		if (more == NULL)
			return NULL;
		if (m->nrcpts > 0)
			memcpy(more, m->rcpts, m->nrcpts * sizeof *more);
		m->rcpts = more;
		m->room = room;
	}
	return &m->rcpts[m->nrcpts];
}

static bool
keep(struct arena *memory, struct slice *s)
{
	*s = arena_copy(memory, *s);
	return s->p != NULL;
}

/* NULL: out of memory. */
static const struct tag_result *
copy_result(struct arena *memory, const struct tag_result *from)
{
	struct tag_result *r = arena_alloc(memory, sizeof *r);

	if (r == NULL)
		return NULL;
	*r = *from;
	if (!keep(memory, &r->key) || !keep(memory, &r->requirement) ||
	    !keep(memory, &r->by) || !keep(memory, &r->file))
		return NULL;
	return r;
}

struct slice
session_rcpt_address(const struct facts *facts)
{
	struct slice a = facts_raw(facts, FACT_RCPT_ADDR);

	if (a.n >= 2 && a.p[0] == '<' && a.p[a.n - 1] == '>')
		return slice_make(a.p + 1, a.n - 2);
	return a;
}

bool
session_add_rcpt(struct session *s, const struct verdict *v)
{
	struct message *m = s->message;
	struct record_rcpt *r = next_rcpt(m);

	if (r == NULL)
		return false;
	r->address = session_rcpt_address(&m->facts);
	r->resolved = facts_value(&m->facts, FACT_RCPT_RESOLVED);
	r->kind = v->kind;
	r->waiver = v->waiver;
	r->other = v->generation != m->verdict.generation;
	r->generation = v->generation;
	r->result = NULL;
	if (v->nresults > 0) {
		r->result = copy_result(&m->facts.memory, &v->results[0]);
		if (r->result == NULL)
			return false;
	}
	m->nrcpts++;
	return true;
}

void
session_adopt_hold(struct session *s, const struct verdict *from)
{
	struct verdict *to = &s->message->verdict;

	if (to->kind == VERDICT_HOLD)
		return;
	to->kind = VERDICT_HOLD;
	to->waiver = WAIVER_NONE;
	to->reply = from->reply;
	for (unsigned i = 0; i < to->reply.nlines; i++)
		to->reply.lines[i] = verdict_keep(to, from->reply.lines[i]);
}

void
session_id(const struct session *s, struct text *out)
{
	text_hex(out, s->daemon->started_us);
	text_char(out, '.');
	text_hex(out, s->number);
}
