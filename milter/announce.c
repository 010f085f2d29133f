/*
 * One lock for all that is announced, held until the line is in the file: a
 * line that was taken back, for want of room, must not leave a record behind it
 * that went in.  It is taken for the first messages of a generation; the common
 * case is a comparison or two.
 */
#include "config.h" /* for PACKAGE_VERSION */

#include <stdlib.h>
#include <string.h>

#include "milter/announce.h"

void
announce_init(struct announce *a)
{
	*a = (struct announce){ .next = 0 };
	pthread_mutex_init(&a->lock, NULL);
}

static bool
add(struct announcement **list, const struct announcement *like,
    const struct text *line)
{
	struct announcement *one = malloc(sizeof *one + line->n);

	if (one == NULL)
		return false;
	*one = *like;
	one->n = line->n;
	memcpy(one->line, line->buf, line->n);
	one->next = *list;
	*list = one;
	return true;
}

static bool
is_known(const struct announce *a, uint64_t id)
{
	for (unsigned i = 0; i < ANNOUNCE_KNOWN; i++)
		if (a->known[i] == id)
			return true;
	return false;
}

static bool
is_listed(const struct announcement *list, uint64_t id)
{
	while (list != NULL && list->id != id)
		list = list->next;
	return list != NULL;
}

bool
announce_look(struct announce *a, struct store_reader *reader,
    struct slice node, int64_t now_us, struct announcement **list)
{
	struct record_policy record = { .number = reader->info.generation,
		.time_us = now_us, .node = node, .version = PACKAGE_VERSION };
	uint64_t id = announce_id(reader);
	char buf[ANNOUNCE_LINE_MAX];
	struct generation g;
	struct history h;
	struct text line;

	if (announce_knows(a, reader) || is_listed(*list, id))
		return true;
	if (history_start(&h, reader) && history_next(&h, &g) == LOOKUP_FOUND)
		record.generation = &g;
	text_init(&line, buf, sizeof buf);
	return record_policy_format(&record, &line) && add(list, &(struct announcement){ .id = id },
	    &line);
}

bool
announce_look_plan(struct announce *a, struct store_reader *reader,
    const struct plan *plan, int64_t now_us, struct announcement **list)
{
	const struct announcement like = { .id = announce_id(reader),
		.plan = plan->id };
	char buf[ANNOUNCE_LINE_MAX];
	struct generation g;
	struct history h;
	struct text line;
	bool told;

	if (atomic_load(&a->plan_news) == like.id || is_listed(*list, like.id))
		return true;
	told = history_start(&h, reader) &&
	    history_next(&h, &g) == LOOKUP_FOUND;
	text_init(&line, buf, sizeof buf);
	return record_plan_format(RECORD_PLAN_BEGUN, plan->id, plan, told ? &g :
	    NULL, now_us, &line) && add(list, &like, &line);
}

bool
announce_look_end(struct announce *a, int64_t now_us,
    struct announcement **list)
{
	uint64_t plan = atomic_load(&a->plan);
	const struct announcement like = { .id = ~plan, .plan = plan,
		.over = true };
	char buf[1024];
	struct text line;

	if (like.plan == 0 || is_listed(*list, like.id))
		return true;
	text_init(&line, buf, sizeof buf);
	return record_plan_format(RECORD_PLAN_ENDED, like.plan, NULL, NULL,
	    now_us, &line) && add(list, &like, &line);
}

void
announce_forget(struct announcement **list)
{
	announce_take_back(list, NULL);
}

void
announce_take_back(struct announcement **list,
    const struct announcement *before)
{
	while (*list != before) {
		struct announcement *one = *list;

		*list = one->next;
		free(one);
	}
}

static bool
announce_policy(struct announce *a, struct auditlog *log,
    const struct announcement *one, announce_submit *submit,
    enum writer_patience patience)
{
	if (is_known(a, one->id))
		return true;
	if (!submit(log, slice_make(one->line, one->n), patience))
		return false;
	a->known[a->next++ % ANNOUNCE_KNOWN] = one->id;
	atomic_store(&a->newest, one->id);
	return true;
}

/* The record of a plan's end is written once, as is that of its begin. */
static bool
announce_plan(struct announce *a, struct auditlog *log,
    const struct announcement *one, announce_submit *submit,
    enum writer_patience patience)
{
	bool known = one->over ? atomic_load(&a->plan) != one->plan :
	    atomic_load(&a->plan_news) == one->id;

	if (known)
		return true;
	if (!submit(log, slice_make(one->line, one->n), patience))
		return false;
	atomic_store(&a->plan, one->over ? 0 : one->plan);
	atomic_store(&a->plan_news, one->over ? 0 : one->id);
	return true;
}

static bool
submit_settings(struct auditlog *log, const struct settings_in_force *s,
    int64_t now_us, announce_submit *submit,
    enum writer_patience patience)
{
	char buf[SETTINGS_TEXT_MAX], line_text[ANNOUNCE_LINE_MAX];
	struct record_settings record;
	struct text values, line;

	text_init(&values, buf, sizeof buf);
	settings_print_verdict(&s->settings, &values);
	record = (struct record_settings){ .digest = slice_of(s->digest),
		.values = slice_make(buf, values.n),
		.changed = s->changed ? s->names : NULL };
	text_init(&line, line_text, sizeof line_text);
	return record_policy_settings(&record, now_us, &line) &&
	    submit(log, slice_make(line.buf, line.n), patience);
}

static bool
announce_settings(struct auditlog *log, struct settings_in_force *s,
    int64_t now_us, announce_submit *submit,
    enum writer_patience patience)
{
	if (atomic_load(&s->announced))
		return true;
	if (!submit_settings(log, s, now_us, submit, patience))
		return false;
	atomic_store(&s->announced, true);
	return true;
}

bool
announce_all(struct announce *a, struct auditlog *log,
    struct announcement **list, struct settings_in_force *s, int64_t now_us,
    announce_submit *submit,
    enum writer_patience patience)
{
	bool good = true;

	pthread_mutex_lock(&a->lock);
	for (const struct announcement *one = *list; good && one != NULL;
	    one = one->next)
		good = one->plan != 0 ? announce_plan(a, log, one, submit,
		    patience) : announce_policy(a, log, one, submit, patience);
	good = good && announce_settings(log, s, now_us, submit,
	    patience);
	pthread_mutex_unlock(&a->lock);
	if (good)
		announce_forget(list);
	return good;
}
