/*
 * First the keys, in sendmail's order: the steps of each kind of subject are one
 * function, and the order of its cases is the order of the keys.
 *
 * Then what stands behind them.  A line outside its FROM and UNTIL, or for other
 * clients (WHEN), is passed over as if it were absent, and the search goes on: to
 * the next line of the key, then to the next key.  Where it cannot be told for
 * whom it is the search fails: neither this line nor what stands behind it may
 * free anybody.
 */
#include "policy/base/domain.h"
#include "policy/base/unicode.h"
#include "policy/eval/match.h"
#include "policy/rules/client.h"
#include "policy/rules/profile.h"
#include "policy/store/search.h"

enum { SECONDS_PER_DAY = 86400 };

/* A step whose fact is missing: the keys it would have had are unknown. */
static bool
missing_step(struct key_step *step, enum fact_id fact, unsigned kinds)
{
	step->missing = fact;
	step->kinds = kinds;
	return true;
}

static bool
bare_step(struct key_step *step)
{
	key_bare(step->key.tag, &step->key);
	return true;
}

/* "[192.0.2.1]" and "[IPv6:2001:db8::1]". */
static bool
bracket_step(struct key_step *step, struct slice name)
{
	struct netaddr addr;

	if (name.n < 3 || name.p[0] != '[' || name.p[name.n - 1] != ']' ||
	    !netaddr_parse(slice_make(name.p + 1, name.n - 2), &addr))
		return false;
	step->longest = true;
	key_address(step->key.tag, KEY_BRACKET, &addr, netaddr_bits(&addr),
	    &step->key);
	return true;
}

static bool
name_step(struct key_step *step, struct slice name, enum fact_id fact)
{
	char buf[DOMAIN_TEXT_MAX];
	struct text canonical;

	if (name.n == 0)
		return false;
	if (bracket_step(step, name))
		return true;
	text_init(&canonical, buf, sizeof buf);
	if (domain_canonical(name, &canonical) == DOMAIN_NO_MEMORY)
		return missing_step(step, fact, 1U << KEY_NAME);
	step->longest = true;
	key_name(step->key.tag, slice_make(buf, canonical.n), false,
	    &step->key);
	step->key.final_dot = name.p[name.n - 1] == '.';
	return true;
}

static bool
address_step(struct key_step *step, bool server)
{
	struct netaddr addr;

	if (!facts_address(step->facts, server, &addr))
		return false;
	step->longest = true;
	key_address(step->key.tag, KEY_ADDRESS, &addr, netaddr_bits(&addr),
	    &step->key);
	return true;
}

/*
 * A client has a name, be it "[192.0.2.1]", and an address; but local submission
 * has none.  Outbound, a question by name alone is a whole one.
 */
static bool
client_missing(struct key_step *step, unsigned n)
{
	struct netaddr addr;

	if (step->key.tag != TAG_CLT || n > 1 || facts_local(step->facts))
		return false;
	if (n == 0)
		return !facts_filled(step->facts, FACT_CLIENT_NAME) &&
		    missing_step(step, FACT_CLIENT_NAME,
		    1U << KEY_NAME | 1U << KEY_BRACKET);
	return !facts_address(step->facts, false, &addr) &&
	    missing_step(step, FACT_CLIENT_ADDR, 1U << KEY_ADDRESS);
}

/* Of each of these false: there is no such step. */
static bool
host_step(struct key_step *step, unsigned n)
{
	bool server = step->key.tag != TAG_CLT;
	enum fact_id fact = server ? FACT_SERVER_NAME : FACT_CLIENT_NAME;

	if (client_missing(step, n))
		return true;
	switch (n) {
	case 0:
		return name_step(step, facts_value(step->facts, fact), fact);
	case 1:
		return address_step(step, server);
	default:
		return bare_step(step);
	}
}

static bool
exact(struct key_step *step, enum key_kind kind, struct slice text)
{
	return text.n > 0 &&
	    key_word(step->key.tag, kind, text, &step->key);
}

/* local[+*]@[domain] */
static bool
mailbox_key(struct key_step *step, struct slice local, bool star,
    struct slice domain)
{
	char buf[MAILBOX_LOCAL_MAX + DOMAIN_TEXT_MAX];
	struct text text;

	text_init(&text, buf, sizeof buf);
	text_put(&text, local);
	text_puts(&text, star ? "+*@" : "@");
	text_put(&text, domain);
	return exact(step, KEY_MAILBOX, slice_make(buf, text.n));
}

static bool
mailbox_step(struct key_step *step, unsigned n)
{
	const struct mailbox *m = step->mailbox;
	bool detail = m->user.n < m->local.n;
	struct slice none = slice_make("", 0);
	struct slice domain = n < 3 ? m->domain : none;
	enum fact_id fact = step->key.tag == TAG_FROM ? FACT_MAIL_ADDR :
	    step->key.tag == TAG_HEADER ? FACT_HEADER_FROM : FACT_RCPT_ADDR;

	if (n == 0 && (m->unread || (step->key.tag != TAG_RCPT &&
	    !facts_known(step->facts, fact))))
		return missing_step(step, fact, ~(1U << KEY_BARE));
	if (m->null_sender)
		return n == 0 ? exact(step, KEY_MAILBOX, slice_of("<>")) :
		    n == 7 && bare_step(step);
	if (n < 3 && domain.n == 0)
		return false;
	switch (n) {
	case 0:
	case 3:
		return detail && !m->local_cut &&
		    mailbox_key(step, m->local, false, domain);
	case 1:
	case 4:
		return detail && !m->user_cut &&
		    mailbox_key(step, m->user, true, domain);
	case 2:
	case 5:
		return !m->user_cut &&
		    mailbox_key(step, m->user, false, domain);
	case 6:
		return name_step(step, m->domain, fact);
	default:
		return bare_step(step);
	}
}

/* A word is looked up in the form that all its spellings have. */
static bool
word_step(struct key_step *step, enum fact_id fact)
{
	char buf[KEY_TEXT_MAX + 2]; /* one byte more would fit into no key */
	struct text form;

	text_init(&form, buf, sizeof buf);
	if (!unicode_put_caseless(&form, facts_value(step->facts, fact)))
		return missing_step(step, fact, 1U << KEY_WORD);
	return exact(step, KEY_WORD, slice_make(buf, form.n));
}

static bool
listener_step(struct key_step *step, unsigned n)
{
	enum fact_id fact = n == 0 ? FACT_DAEMON_NAME : FACT_DAEMON_PORT;

	if (n > 1)
		return bare_step(step);
	if (!facts_filled(step->facts, fact) && !facts_local(step->facts))
		return missing_step(step, fact, 1U << KEY_WORD);
	return word_step(step, fact);
}

static bool
identity_step(struct key_step *step, unsigned n)
{
	if (n > 0)
		return bare_step(step);
	if (!facts_filled(step->facts, FACT_AUTH_AUTHEN))
		return missing_step(step, FACT_AUTH_AUTHEN, 1U << KEY_WORD);
	return word_step(step, FACT_AUTH_AUTHEN);
}

void
match_keys(struct key_step *step, enum tag tag, const struct facts *facts,
    const struct mailbox *mailbox)
{
	step->facts = facts;
	step->mailbox = mailbox;
	step->next = 0;
	step->key.tag = tag;
}

bool
match_next_key(struct key_step *step)
{
	static const struct {
		bool (*make)(struct key_step *, unsigned);
		unsigned steps;
	} subjects[] = {
		[SUBJECT_HOST] = { host_step, 3 },
		[SUBJECT_MAILBOX] = { mailbox_step, 8 },
		[SUBJECT_IDENTITY] = { identity_step, 2 },
		[SUBJECT_LISTENER] = { listener_step, 3 },
		[SUBJECT_PROFILE] = { NULL, 0 },
		[SUBJECT_ISSUER] = { NULL, 0 },
	};
	enum tag_subject subject = tag_row(step->key.tag)->subject;

	step->longest = false;
	step->missing = FACT_COUNT;
	while (step->next < subjects[subject].steps)
		if (subjects[subject].make(step, step->next++))
			return true;
	return false;
}

static int32_t
day_of(int64_t now)
{
	int64_t day = now / SECONDS_PER_DAY;

	return (int32_t)(now % SECONDS_PER_DAY < 0 ? day - 1 : day);
}

static void
trace_rule(const struct question *q, const struct stored_rule *rule,
    const char *what)
{
	if (q->trace == NULL)
		return;
	trace_line(q->trace, "  %s %.*s %.*s (%.*s:%lu, generation %llu)", what,
	    SLICE_ARG(rule->key), SLICE_ARG(rule->requirement),
	    SLICE_ARG(store_source(q->reader, rule->source)),
	    (unsigned long)rule->line,
	    (unsigned long long)q->reader->info.generation);
}

static enum lookup_result
find_profile(struct store_reader *reader, struct slice name,
    struct stored_rule *line)
{
	enum lookup_result result = LOOKUP_ABSENT;
	struct slice lines;
	struct key key;

	if (key_profile(name, &key))
		result = store_get(reader, &key, &lines);
	if (result == LOOKUP_FOUND && !store_next(reader, &lines, line))
		result = LOOKUP_FAILED;
	if (result == LOOKUP_ABSENT)
		fault_set(&reader->fault, FAULT_DATA, "there is no line "
		    "Profile:%.*s", SLICE_ARG(name));
	return result;
}

enum lookup_result
match_requirement(struct store_reader *reader, enum tag tag,
    const struct stored_rule *rule, struct requirement *r)
{
	struct requirement profile;
	struct stored_rule line;

	if (!requirement_parse(rule->requirement, tag, r, &reader->fault))
		return LOOKUP_FAILED;
	if (r->need != NEED_AS)
		return LOOKUP_FOUND;
	return find_profile(reader, r->profile, &line) == LOOKUP_FOUND &&
	    requirement_parse(line.requirement, TAG_PROFILE, &profile,
	    &reader->fault) && profile_join(r, &profile, tag,
	    &reader->fault) ? LOOKUP_FOUND : LOOKUP_FAILED;
}

static void
trace_profile(const struct question *q, const struct requirement *r)
{
	struct stored_rule line;

	if (q->trace != NULL && r->profile.n > 0 && find_profile(q->reader,
	    r->profile, &line) == LOOKUP_FOUND)
		trace_rule(q, &line, "  with");
}

/* sendmail compares host names to the letter, a dot at the end included. */
static bool
dots_differ(const struct question *q, const struct key_step *step,
    const struct stored_rule *rule)
{
	bool rule_dot = (rule->flags & RULE_FINAL_DOT) != 0;

	return q->options->compat_sendmail && step->key.kind == KEY_NAME &&
	    tag_row(step->key.tag)->subject == SUBJECT_HOST &&
	    rule_dot != step->key.final_dot;
}

/*
 * Does the line count today, for this client?  Cannot tell: *missing says why.
 * Else `why` is given when the answer is no.
 */
static enum answer
counts(const struct question *q, const struct requirement *r,
    enum fact_id *missing, const char **why)
{
	*why = "outside its dates:";
	if (!requirement_counts_on(r, day_of(q->now)))
		return ANSWER_NO;
	*why = "only recorded:";
	if (q->without_warn && r->class == CLASS_WARN)
		return ANSWER_NO;
	*why = "for other clients:";
	/*
	 * A question about mail that leaves has no client, and its rules have
	 * no WHEN.
	 */
	return r->nwhen == 0 || q->facts == NULL ? ANSWER_YES :
	    client_is_meant(q->facts, r, missing);
}

/* The first line of a key that counts today. */
static enum lookup_result
choose(const struct question *q, const struct key_step *step,
    struct slice *rules, struct judgement *c)
{
	const char *why;

	while (store_next(q->reader, rules, &c->rule)) {
		if (dots_differ(q, step, &c->rule))
			continue;
		if (match_requirement(q->reader, step->key.tag, &c->rule,
		    &c->requirement) != LOOKUP_FOUND)
			return LOOKUP_FAILED;
		switch (counts(q, &c->requirement, &c->missing, &why)) {
		case ANSWER_YES:
			trace_rule(q, &c->rule, "rule");
			trace_profile(q, &c->requirement);
			return LOOKUP_FOUND;
		case ANSWER_CANNOT_TELL:
			trace_rule(q, &c->rule, "perhaps for this client:");
			return LOOKUP_FAILED;
		case ANSWER_NO:
			trace_rule(q, &c->rule, why);
		}
	}
	return q->reader->fault.kind == FAULT_NONE ? LOOKUP_ABSENT :
	    LOOKUP_FAILED;
}

/* The names that a walk covers, in the order in which they count. */
static void
trace_names(const struct question *q, struct slice printed)
{
	struct slice name = slice_from(printed, slice_find(printed, ':') + 1);
	char buf[2048];
	struct text text;
	size_t dot;

	text_init(&text, buf, sizeof buf);
	text_put(&text, printed);
	while ((dot = slice_find(name, '.')) < name.n) {
		name = slice_from(name, dot + 1);
		text_printf(&text, " .%.*s %.*s", SLICE_ARG(name),
		    SLICE_ARG(name));
	}
	trace_line(q->trace, "  try %s", buf);
}

static void
trace_step(const struct question *q, const struct key_step *step)
{
	char buf[1024];
	struct text text;

	if (q->trace == NULL)
		return;
	text_init(&text, buf, sizeof buf);
	key_print(&step->key, &text);
	if (!step->longest)
		trace_line(q->trace, "  try %s", buf);
	else if (step->key.kind == KEY_NAME)
		trace_names(q, slice_make(buf, text.n));
	else
		trace_line(q->trace, "  try %s and the networks around it",
		    buf);
}

enum lookup_result
match_step(const struct question *q, const struct key_step *step,
    struct judgement *c)
{
	struct slice rules;
	enum lookup_result result;
	struct search search;

	trace_step(q, step);
	if (!step->longest) {
		result = store_get(q->reader, &step->key, &rules);
		return result == LOOKUP_FOUND ? choose(q, step, &rules, c) :
		    result;
	}
	search_start(&search, q->reader, &step->key);
	while ((result = search_next(&search, &rules)) == LOOKUP_FOUND) {
		result = choose(q, step, &rules, c);
		if (result != LOOKUP_ABSENT)
			return result;
	}
	return result;
}

/* Could a rule have been met, had the fact been told? */
static bool
matters(const struct store_reader *reader, enum tag tag, unsigned kinds)
{
	for (int kind = 0; kind < KEY_KIND_COUNT; kind++)
		if ((kinds >> kind & 1) != 0 && store_has_kind(reader, tag,
		    (enum key_kind)kind))
			return true;
	return false;
}

enum lookup_result
match_rule(const struct question *q, enum tag tag,
    const struct mailbox *mailbox, struct judgement *c)
{
	struct key_step step;

	c->missing = FACT_COUNT;
	fault_clear(&q->reader->fault); /* the fault of a tag judged before
					 * must not stay */
	if (q->trace == NULL && !store_has_tag(q->reader, tag))
		return LOOKUP_ABSENT;
	match_keys(&step, tag, q->facts, mailbox);
	while (match_next_key(&step)) {
		enum lookup_result result;

		if (step.missing != FACT_COUNT) {
			if (!matters(q->reader, tag, step.kinds))
				continue;
			c->missing = step.missing;
			return LOOKUP_FAILED;
		}
		result = match_step(q, &step, c);
		if (result != LOOKUP_ABSENT)
			return result;
	}
	trace_line(q->trace, "  no rule");
	return LOOKUP_ABSENT;
}
