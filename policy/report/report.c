/*
 * A record touches the sums of its day, its domain, that domain's day, its
 * rules.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/facts/spelling.h"
#include "policy/facts/organisation.h"
#include "policy/report/report-internal.h"

void
report_init(struct report *r)
{
	memset(r, 0, sizeof *r);
	r->since = INT64_MIN;
	r->until = INT64_MAX;
}

int32_t
report_day(int64_t time_us)
{
	int64_t day = time_us / REPORT_DAY_US;

	return (int32_t)(time_us % REPORT_DAY_US < 0 ? day - 1 : day);
}

int32_t
report_today(const struct report *r)
{
	return report_day(r->last);
}

const struct report_words *
report_words(const struct report *r)
{
	static const struct report_words words[] = {
		{ "let through", "came", "sender", "Domains of senders",
		    "Client", "Who sent it", "By the organisational domain of "
		    "the client's name where it was confirmed, else by "
		    "address; refused attempts count here." },
		{ "delivered", "left", "recipient", "Domains of recipients",
		    "Server", "Who took it", "By the organisational domain of "
		    "the server's name." },
	};

	return &words[r->leaving];
}

static struct slice
recipient_domain(const struct reader_record *record)
{
	if (record->event == RECORD_HANDSHAKE)
		return record->handshake.domain;
	return record->nrcpts == 0 ? slice_make("", 0) :
	    organisation_of_address(record->rcpts[0]);
}

/* The group of a record; empty: it is not asked for. */
static void
find_group(const struct report *r, const struct reader_record *record,
    struct text *group)
{
	struct mailbox mailbox, typed;

	if (r->leaving) {
		struct slice domain = recipient_domain(record);

		if (r->domain.n == 0 && domain.n == 0)
			text_puts(group, "(no domain)");
		else if (r->domain.n == 0)
			organisations_find(r->known, domain, group);
		else if (organisation_covers(r->domain, domain))
			domain_canonical(r->domain, group);
		return;
	}
	spelling_sender(&record->facts, &mailbox);
	if (r->domain.n > 0) {
		/* With `domain` given, the address as typed counts, too. */
		mailbox_parse(facts_value(&record->facts, FACT_MAIL_ADDR),
		    &typed);
		if (organisation_covers(r->domain, mailbox.domain) ||
		    organisation_covers(r->domain, typed.domain))
			domain_canonical(r->domain, group);
	} else if (mailbox.null_sender) {
		text_puts(group, "<>");
	} else if (mailbox.domain.n == 0) {
		text_puts(group, "(no domain)");
	} else {
		organisations_find(r->known, mailbox.domain, group);
	}
}

static enum report_version
find_version(const struct facts *facts)
{
	static const char *const words[] = { "TLSv1.3", "TLSv1.2", "TLSv1.1",
		"TLSv1" };
	struct slice told = facts_value(facts, FACT_TLS_VERSION);

	for (int i = 0; i < REPORT_TLS_OTHER; i++)
		if (slice_is_nocase(told, words[i]))
			return (enum report_version)i;
	return REPORT_TLS_OTHER;
}

/* What a record counts as: one of each, for all the sums that it is in. */
struct counted {
	unsigned char counter[16];
	size_t n;
};

static void
note(struct counted *c, int counter, bool counts)
{
	c->counter[c->n] = (unsigned char)counter;
	c->n += counts;
}

static void
note_passed(struct counted *c, const struct reader_record *record)
{
	const struct facts *facts = &record->facts;
	bool would = record->waiver != WAIVER_NONE;

	note(c, COUNT_MAILS, true);
	note(c, COUNT_HELD, record->verdict == VERDICT_HOLD);
	if (!facts_tls_told(facts)) {
		note(c, COUNT_UNTOLD, true);
	} else if (facts_in_clear(facts)) {
		note(c, COUNT_CLEAR, true);
	} else {
		note(c, COUNT_TLS, true);
		note(c, COUNT_VERSION + (int)find_version(facts), true);
		note(c, COUNT_VERIFIED, facts_verified(facts));
	}
	note(c, COUNT_WOULD, would);
	note(c, COUNT_WOULD_FOR + (int)record->reason, would);
}

/* Less than the MTA was told to demand?  Not where TLS is not told. */
static bool
is_against(const struct report *r, const struct reader_record *record)
{
	enum told_demand demand = r->told == NULL ? TOLD_NOTHING :
	    told_demand(r->told, recipient_domain(record), record->time_us);

	return facts_tls_told(&record->facts) && demand != TOLD_NOTHING &&
	    (facts_in_clear(&record->facts) || (demand >= TOLD_VERIFIED &&
	    !facts_verified(&record->facts)) ||
	    (demand == TOLD_MATCHED && !record->matched));
}

static void
note_counters(const struct report *r, const struct reader_record *record,
    struct counted *c)
{
	c->n = 0;
	if (record->event == RECORD_HANDSHAKE) {
		note(c, COUNT_HANDSHAKES, true);
		note(c, COUNT_FAILED, record->handshake.failed);
		return;
	}
	note(c, COUNT_AGAINST, r->leaving && is_against(r, record));
	if (report_is_refusal(record)) {
		note(c, COUNT_REFUSED, true);
		note(c, COUNT_REFUSED_FOR + (int)record->reason, true);
	} else if (record->event == RECORD_ABORTED) {
		note(c, COUNT_ABORTED, true);
	} else if (report_is_exempt(record)) {
		note(c, COUNT_EXEMPT, true);
	} else {
		note_passed(c, record);
	}
}

static void
count(struct report_count *sum, const struct counted *c)
{
	for (size_t i = 0; i < c->n; i++)
		sum->n[c->counter[i]]++;
}

/* Records are nearly in order: the day is mostly the first of the list. */
static struct report_count *
find_day(struct report *r, struct report_cell **list, int32_t day)
{
	struct report_cell *cell;

	while (*list != NULL && (*list)->day > day)
		list = &(*list)->next;
	if (*list != NULL && (*list)->day == day)
		return &(*list)->count;
	cell = calloc(1, sizeof *cell);
	if (cell == NULL) {
		r->failed = true;
		return NULL;
	}
	cell->day = day;
	cell->next = *list;
	*list = cell;
	r->ncells++;
	return &cell->count;
}

static void
count_suite(struct report *r, const struct facts *facts)
{
	struct slice name = facts_value(facts, FACT_CIPHER);
	struct report_suite *s = r->suites;

	for (; s < r->suites + r->nsuites; s++)
		if (slice_is(name, s->name)) {
			s->mails++;
			return;
		}
	if (r->nsuites == REPORT_SUITES_MAX || name.n >= sizeof s->name) {
		r->suites_left_out++;
		return;
	}
	memcpy(s->name, name.p, name.n);
	s->name[name.n] = '\0';
	s->mails = 1;
	r->nsuites++;
}

static void
note_time(int64_t *first, int64_t *last, int64_t time)
{
	if (*first == 0 || time < *first)
		*first = time;
	if (time > *last)
		*last = time;
}

/* Records come nearly in order of time, but of several nodes. */
static void
note_handshake(struct report_domain *d, const struct reader_record *record)
{
	const struct reader_handshake *h = &record->handshake;

	if (!h->failed) {
		if (record->time_us > d->last_success)
			d->last_success = record->time_us;
		return;
	}
	d->failures++;
	if (record->time_us >= d->last_failure)
		snprintf(d->failure, sizeof d->failure, "%.*s",
		    SLICE_ARG(h->result_type.n > 0 ? h->result_type :
		    slice_of("no reason told")));
	note_time(&d->first_failure, &d->last_failure, record->time_us);
}

static void
add_to_domain(struct report *r, struct report_domain *d,
    const struct reader_record *record, const struct counted *c)
{
	struct report_count *of_day = find_day(r, &d->cells,
	    report_day(record->time_us));

	count(&d->sum, c);
	if (of_day != NULL)
		count(of_day, c);
	note_time(&d->first, &d->last, record->time_us);
	if (record->event == RECORD_HANDSHAKE)
		note_handshake(d, record);
	else if (!report_is_exempt(record) && facts_tls_told(&record->facts) &&
	    (record->event == RECORD_MESSAGE ||
	    record->event == RECORD_DELIVERED ||
	    record->event == RECORD_REFUSED_MAIL ||
	    record->event == RECORD_REFUSED_HEADER))
		r->failed |= !report_add_peer(r, d, record);
}

bool
report_add(struct report *r, const struct reader_record *record)
{
	char group_text[DOMAIN_TEXT_MAX + 16];
	struct report_count *of_day;
	struct report_domain *d;
	struct counted counted;
	struct text group;

	if (record->time_us < r->since || record->time_us >= r->until ||
	    r->leaving != report_is_leaving(record))
		return true;
	if (r->known == NULL)
		r->known = organisations_new();
	text_init(&group, group_text, sizeof group_text);
	find_group(r, record, &group);
	if (group.n == 0)
		return true;
	r->records++;
	r->monitored += record->monitor;
	r->maillog += record->maillog;
	note_time(&r->first, &r->last, record->time_us);
	note_counters(r, record, &counted);
	count(&r->total, &counted);
	of_day = find_day(r, &r->days, report_day(record->time_us));
	if (of_day != NULL)
		count(of_day, &counted);
	d = report_find_domain(r, group.buf);
	if (d == NULL) {
		r->failed = true;
		return false;
	}
	add_to_domain(r, d, record, &counted);
	if ((record->event == RECORD_DELIVERED ||
	    record->event == RECORD_MESSAGE) &&
	    !report_is_exempt(record) && facts_tls_told(&record->facts) &&
	    !facts_in_clear(&record->facts))
		count_suite(r, &record->facts);
	return report_add_rules(r, record) && !r->failed;
}
