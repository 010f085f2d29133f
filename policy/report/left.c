/*
 * The questions are those of outbound/postfix.c and outbound/sendmail.c; what
 * comes of an answer is the MTA's affair, and told here as far as a session that
 * was tells it.  Of two demands the one that keeps the mail counts.
 */
#include <stdio.h>

#include "policy/base/domain.h"
#include "policy/facts/suite.h"
#include "policy/report/left.h"

enum { HIGH_BITS = 128, KEY_BYTES = 2400 };

enum known { NO, YES, NOT_TOLD };

/* What a log has of a session, or of one that did not come about. */
struct seen {
	enum known tls, verified;
	int version;	 /* as suite_protocol() has it; not above 0: not told */
	unsigned bits;	 /* 0: not told */
	const char *untold; /* what to say where TLS is not told */
};

static const char kept_anyway[] = "whatever its session";

struct slice
left_domain(const struct reader_record *record)
{
	struct slice s = record->nrcpts == 0 ? slice_make("", 0) :
	    record->rcpts[0];
	size_t at = s.n;

	if (record->event == RECORD_HANDSHAKE)
		return record->handshake.domain;
	while (at > 0 && s.p[at - 1] != '@')
		at--;
	return at == 0 ? slice_make("", 0) : slice_from(s, at);
}

static void
come_to(struct left *l, enum left_outcome outcome, const char *why)
{
	if (outcome <= l->outcome)
		return;
	l->outcome = outcome;
	l->why = why;
}

static struct seen
seen_delivered(const struct facts *f)
{
	return (struct seen){
		.tls = !facts_tls_told(f) ? NOT_TOLD :
		    facts_in_clear(f) ? NO : YES,
		.verified = facts_verified(f) ? YES : NO,
		.version = suite_protocol(facts_value(f, FACT_TLS_VERSION)),
		.bits = facts_number(f, FACT_CIPHER_BITS),
		.untold = "with or without TLS, the log does not tell"
	};
}

/*
 * Which failures tell something of the session: that there was no TLS, or that
 * there was and which certificate it ended at.  All other types are of
 * handshakes, TLSA records and MTA-STS.
 */
static struct seen
seen_failed(const struct reader_handshake *h)
{
	static const struct {
		const char *type;
		enum known tls, verified;
	} types[] = {
		{ "starttls-not-supported", NO, NO },
		{ "certificate-not-trusted", YES, NO },
		{ "certificate-expired", YES, NO },
		{ "certificate-host-mismatch", YES, NOT_TOLD },
	};
	struct seen seen = { NOT_TOLD, NOT_TOLD, 0, 0,
	    "TLS failed, and for what does not tell" };

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (slice_is_nocase(h->result_type, types[i].type)) {
			seen.tls = types[i].tls;
			seen.verified = types[i].verified;
		}
	return seen;
}

/* False: the mail went in clear, or the log does not tell: judged so. */
static bool
had_tls(struct left *l, const struct seen *seen)
{
	if (seen->tls == NOT_TOLD)
		come_to(l, LEFT_UNKNOWN, seen->untold);
	else if (seen->tls == NO)
		come_to(l, LEFT_KEPT, "in clear");
	return seen->tls == YES;
}

static void
judge_verified(struct left *l, const struct seen *seen)
{
	if (seen->verified == NO)
		come_to(l, LEFT_KEPT, "with a certificate that does not "
		    "verify");
}

static void
note_same(struct left *l)
{
	l->same = l->then.n > 0 && slice_equal(l->then,
	    slice_make(l->told.buf, l->told.n));
}

static struct slice
keep(struct left *l, struct slice s)
{
	size_t at = l->rule.n;

	text_put(&l->rule, s);
	return slice_make(l->rule.buf + at, l->rule.n - at);
}

static void
ask(struct left *l, const struct reader_record *record, enum outbound_map map,
    const char *key, char *reply, size_t size)
{
	struct outbound_question q = { .map = map, .key = slice_of(key),
		.options = l->options, .now = record->time_us / 1000000 };
	struct text text;

	outbound_ask(&q, l->reader, NULL, &l->answer);
	text_init(&text, reply, size);
	outbound_print_reply(&q, &l->answer, &text);
	if (l->answer.nrules == 0 || l->nrules > 0)
		return;
	l->nrules = l->answer.nrules;
	l->key = keep(l, l->answer.rules[0].key);
	l->requirement = keep(l, l->answer.rules[0].requirement);
	l->file = keep(l, l->answer.rules[0].file);
	l->line = l->answer.rules[0].line;
}

static void
judge_bits(struct left *l, unsigned bits, const struct seen *seen)
{
	if (seen->bits == 0 && bits > 1)
		come_to(l, LEFT_UNKNOWN, "by a cipher that is not told");
	else if (seen->bits < bits && bits > 1)
		come_to(l, LEFT_KEPT, "by a weaker cipher");
}

/* protocols=, ciphers= and exclude= of a policy that demands TLS. */
static void
judge_limits(struct left *l, const struct resolved *policy,
    const struct seen *seen)
{
	struct slice value;

	if (resolved_value(policy, "protocols", &value)) {
		struct slice least = slice_from(value, 2);

		if (!slice_starts_nocase(value, ">=") ||
		    suite_protocol(least) <= 0 || seen->version <= 0)
			come_to(l, LEFT_UNKNOWN, "by a protocol that cannot "
			    "be compared");
		else if (seen->version < suite_protocol(least))
			come_to(l, LEFT_KEPT, "by an older protocol");
	}
	if (seen->version == suite_protocol(slice_of("1.3")))
		return;
	if (resolved_value(policy, "ciphers", &value))
		judge_bits(l, HIGH_BITS, seen);
	if (resolved_value(policy, "exclude", &value))
		come_to(l, LEFT_UNKNOWN, "by a suite that may be excluded");
}

static void
judge_level(struct left *l, const struct resolved *policy,
    const struct seen *seen)
{
	switch (policy->level) {
	case LEVEL_NONE:
	case LEVEL_MAY:
		return;
	case LEVEL_DANE:
		come_to(l, LEFT_UNKNOWN, "with or without TLSA records, the "
		    "log does not tell");
		return;
	case LEVEL_ENCRYPT:
		break;
	case LEVEL_DANE_ONLY:
	case LEVEL_FINGERPRINT:
		if (had_tls(l, seen))
			come_to(l, LEFT_UNKNOWN, "with a certificate whose "
			    "key is not told");
		break;
	case LEVEL_VERIFY:
	case LEVEL_SECURE:
		if (!had_tls(l, seen))
			break;
		judge_verified(l, seen);
		come_to(l, LEFT_UNKNOWN, "with a certificate whose names are "
		    "not told");
		break;
	}
	if (had_tls(l, seen))
		judge_limits(l, policy, seen);
}

/*
 * No rule answers: the MTA goes by its own level (outbound-default), as it did
 * then.  Delivered mail would leave again.  Mail that was kept is held against
 * that level, unless an unknown answer of ours may have kept it.
 */
static void
judge_site(struct left *l, const struct seen *seen, bool failed)
{
	const struct resolved site = { .level = l->options->site };

	if (!failed)
		return;
	judge_level(l, &site, seen);
	if (l->then.n == 0)
		come_to(l, LEFT_UNKNOWN, "what it was told then is not "
		    "recorded");
}

/*
 * The answer to the first of Postfix's keys that has one: the domain, then its
 * parents.
 */
static void
judge_postfix(struct left *l, const struct reader_record *record,
    const char *domain, const struct seen *seen)
{
	bool failed = record->event == RECORD_HANDSHAKE;
	char reply[4200];
	struct resolved policy;

	for (const char *key = domain; key != NULL && key[0] != '\0';
	    key = strchr(key + 1, '.')) {
		ask(l, record, OUTBOUND_POSTFIX, key, reply, sizeof reply);
		if (!slice_starts_nocase(slice_of(reply), "NOTFOUND"))
			break;
		reply[0] = '\0';
	}
	if (reply[0] == '\0') {
		judge_site(l, seen, failed);
		return;
	}
	resolved_parse(slice_of(reply), &policy);
	text_puts(&l->told, reply + (policy.kind == RESOLVED_POLICY ? 3 : 0));
	note_same(l);
	if (policy.kind != RESOLVED_POLICY)
		come_to(l, LEFT_KEPT, kept_anyway);
	else if (!l->same)
		judge_level(l, &policy, seen);
	else if (failed)
		come_to(l, LEFT_KEPT, "by the same answer");
}

static void
judge_requirement(struct left *l, const struct requirement *r,
    const struct seen *seen)
{
	bool items = false;

	for (unsigned i = 0; i < r->nitems; i++)
		items |= r->items[i].row->test != NULL;
	if (r->need == NEED_OK || (r->need == NEED_ENCR && r->bits == 0 &&
	    !items) || !had_tls(l, seen))
		return;
	if (r->need == NEED_VERIFY) {
		judge_verified(l, seen);
		if (seen->verified == NOT_TOLD)
			items = true;
	}
	judge_bits(l, r->bits, seen);
	if (items)
		come_to(l, LEFT_UNKNOWN, "with a certificate or suite of "
		    "which too little is told");
}

static void
ask_sendmail(struct left *l, const struct reader_record *record,
    const char *key, const struct seen *seen)
{
	char reply[4200];
	struct requirement r;
	struct fault ignored;
	struct slice value;

	ask(l, record, OUTBOUND_SENDMAIL, key, reply, sizeof reply);
	value = slice_of(reply + 3);
	if (slice_is(slice_of(reply), "OK NONE"))
		return;
	text_puts(&l->told, l->told.n > 0 ? " and " : "");
	text_put(&l->told, value);
	if (!slice_starts_nocase(slice_of(reply), "OK ") ||
	    slice_is(value, SENDMAIL_NEVER_MET))
		come_to(l, LEFT_KEPT, kept_anyway);
	else if (requirement_parse(value, TAG_RCPT, &r, &ignored))
		judge_requirement(l, &r, seen);
	else
		come_to(l, LEFT_UNKNOWN, "by a rule that is not understood");
}

/* Without an answer sendmail delivers: it has no level of its own. */
static void
judge_sendmail(struct left *l, const struct reader_record *record,
    const struct seen *seen)
{
	const struct reader_handshake *h = &record->handshake;
	bool failed = record->event == RECORD_HANDSHAKE;
	struct slice name = failed ? h->server :
	    facts_value(&record->facts, FACT_SERVER_NAME);
	struct slice addr = failed ? h->addr :
	    facts_value(&record->facts, FACT_SERVER_ADDR);
	char key[KEY_BYTES];

	snprintf(key, sizeof key, "tlspolicy:tls_srv/%.*s/%.*s",
	    SLICE_ARG(name), SLICE_ARG(addr));
	ask_sendmail(l, record, key, seen);
	snprintf(key, sizeof key, "tlspolicy:tls_rcpt/%.*s",
	    SLICE_ARG(record->rcpts[0]));
	ask_sendmail(l, record, key, seen);
	note_same(l);
	if (failed && l->same)
		come_to(l, LEFT_KEPT, "by the same answer");
	if (failed && l->told.n == 0 && l->then.n == 0)
		come_to(l, LEFT_UNKNOWN, "what it was told then is not "
		    "recorded");
}

bool
left_judge(struct left *l, const struct reader_record *record)
{
	bool failed = record->event == RECORD_HANDSHAKE;
	const struct seen seen = failed ? seen_failed(&record->handshake) :
	    seen_delivered(&record->facts);
	struct slice domain = left_domain(record);
	char lower[DOMAIN_TEXT_MAX];
	struct text text;

	text_init(&l->told, l->told_text, sizeof l->told_text);
	text_init(&l->rule, l->rule_text, sizeof l->rule_text);
	text_init(&text, lower, sizeof lower);
	l->outcome = LEFT_LEAVES;
	l->why = "";
	l->nrules = 0;
	l->same = false;
	text_put_lower(&text, domain);
	if (domain.n == 0 || text.cut)
		return false;
	if (record->nrcpts > 0 && slice_is_nocase(facts_value(&record->facts,
	    FACT_MTA), "sendmail"))
		judge_sendmail(l, record, &seen);
	else
		judge_postfix(l, record, lower, &seen);
	return true;
}
